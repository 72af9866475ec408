/* Speech recognition as a run, with real weights: it completes, and what was recognised before a
 * deadline or a kill is kept. Needs MODEL_LAB_TEST_MODELS with whisper-tiny.en and
 * sample-conversation; without them it says so and does nothing.
 * test_asr WORKER HOST */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "lab/worker_channel.h"
#include "os/file.h"
#include "os/process.h"

static int64_t read_transcript(const kit *k, const char *id, const char *name, bool *partial)
{
    int64_t segments = -1;
    modellab_run *run = kit_load(k, id);
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        modellab_buffer *text = NULL;
        modellab_transcript *transcript = NULL;
        modellab_transcript_info facts = {.size = sizeof(facts)};
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        if (strcmp(info.name, name) != 0) {
            continue;
        }
        assert_int_equal(modellab_run_read_artifact(k->lab, id, info.id, 1 << 26, &text, NULL),
                         MODELLAB_OK);
        assert_int_equal(modellab_transcript_read_json(modellab_buffer_data(text),
                                                       modellab_buffer_size(text), NULL,
                                                       &transcript, NULL),
                         MODELLAB_OK);
        assert_int_equal(modellab_transcript_get_info(transcript, &facts, NULL), MODELLAB_OK);
        segments = facts.segment_count;
        *partial = facts.is_partial != 0;
        modellab_transcript_unref(transcript);
        modellab_buffer_destroy(text);
    }
    modellab_run_unref(run);
    return segments;
}

static void it_completes(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    bool partial = true;
    modellab_run *run = kit_execute_sample(
        k, "{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"formats\":[\"srt\",\"txt\"]}}}",
        NULL, id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_COMPLETED);
    assert_string_equal(info.model, "whisper-tiny.en");
    assert_int_equal(strlen(info.model_sha256), 64);
    assert_non_null(strstr(info.engine, "isa="));
    assert_int_equal(modellab_run_step_count(run), 2);
    assert_int_equal(modellab_run_artifact_count(run), 4); /* audio, transcript, srt, txt */
    modellab_run_unref(run);
    assert_true(read_transcript(k, id, "transcript.json", &partial) > 5);
    assert_false(partial);
}

typedef struct listing {
    int images, temporaries;
    char path[512];
} listing;

static int list_one(void *arg, const char *name)
{
    listing *l = arg;
    size_t bytes = strlen(name);
    l->temporaries += bytes > 4 && strcmp(name + bytes - 4, ".tmp") == 0;
    if (bytes > 6 && strcmp(name + bytes - 6, ".mlimg") == 0) {
        l->images++;
        (void)snprintf(l->path, sizeof(l->path), "%s/images/%s", getenv("MODEL_LAB_CACHE_ROOT"),
                       name);
    }
    return 0;
}

static listing list_cache(void)
{
    char path[512];
    listing l = {0, 0, ""};
    (void)snprintf(path, sizeof(path), "%s/images", getenv("MODEL_LAB_CACHE_ROOT"));
    (void)mli_os_system_files.list(NULL, path, list_one, &l); /* not there: nothing listed */
    return l;
}

static void transcribe(kit *k, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, "{\"pipeline\":\"transcribe\"}", 1, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    for (int i = 0; i < KIT_PATIENCE_MS / 10 && list_cache().images == 0; i++) {
        kit_sleep_ms(10);
    }
    kit_stop_host(k, host);
}

static void expect_same_transcript(const kit *k, const char *a, const char *b)
{
    size_t bytes = 0, more = 0;
    char *one = kit_read_artifact(k, a, "transcript.json", &bytes);
    char *two = kit_read_artifact(k, b, "transcript.json", &more);
    assert_true(bytes > 100);
    assert_int_equal(bytes, more);
    assert_memory_equal(one, two, bytes);
    free(one);
    free(two);
}

static void flip_a_byte(const char *path, long at)
{
    assert_int_equal(chmod(path, 0600), 0);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 255, file), byte ^ 255);
    assert_int_equal(fclose(file), 0);
}

/* The first run packs for itself and a process beside it makes the image; a damaged one is no hit,
 * whatever the damage (planted: a byte in the middle of the weights), and is made again. */
static void images_are_made_beside_runs_and_checked(void **state)
{
    kit *k = *state;
    struct stat facts;
    char first[MODELLAB_RUN_ID_BYTES], second[MODELLAB_RUN_ID_BYTES], third[MODELLAB_RUN_ID_BYTES];
    char cache[] = "/tmp/mli-crash-image-XXXXXX", before[512];
    (void)snprintf(before, sizeof(before), "%s", getenv("MODEL_LAB_CACHE_ROOT"));
    assert_non_null(mkdtemp(cache));
    assert_int_equal(setenv("MODEL_LAB_CACHE_ROOT", cache, 1), 0);
    kit_reopen(k);
    transcribe(k, first);
    listing l = list_cache();
    assert_int_equal(l.images, 1);
    assert_int_equal(l.temporaries, 0);
    assert_int_equal(stat(l.path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0444);
    transcribe(k, second); /* by the image */
    expect_same_transcript(k, first, second);
    ino_t made = facts.st_ino;
    flip_a_byte(l.path, (long)facts.st_size / 2);
    transcribe(k, third);
    expect_same_transcript(k, first, third);
    for (int i = 0; i < KIT_PATIENCE_MS / 10 && stat(l.path, &facts) == 0 && facts.st_ino == made;
         i++) {
        kit_sleep_ms(10);
    }
    assert_int_equal(stat(l.path, &facts), 0);
    assert_int_not_equal(facts.st_ino, made);
    assert_int_equal(list_cache().temporaries, 0);
    assert_int_equal(setenv("MODEL_LAB_CACHE_ROOT", before, 1), 0);
    kit_reopen(k);
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, cache), 0);
}

/* A host that starts a packing process and waits to be killed. */
static void host_of_a_packer(const char *file, const char *model, int tell)
{
    char self[24];
    int64_t packer = 0;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    (void)snprintf(self, sizeof(self), "%d", (int)getpid());
    const char *argv[] = {
        "modellab-worker", "pack", getenv("MODEL_LAB_MODELS_ROOT"), model, "f32", self, NULL};
    const char *env[] = {"OPENBLAS_NUM_THREADS=1", NULL};
    const mli_os_fd_map fds[] = {{fd, MLI_WORKER_CHANNEL_FD}};
    const mli_os_spawn what = {
        .program = kit_worker_program, .argv = argv, .envp = env, .fds = fds, .fd_count = 1};
    if (fd < 0 || mli_os_system_processes.spawn(NULL, &what, &packer) != 0 ||
        write(tell, &packer, sizeof(packer)) != (ssize_t)sizeof(packer)) {
        _exit(1);
    }
    for (;;) {
        (void)pause();
    }
}

/* A packer that stands still `ms` after its start, in the middle of its work; its host is dead. 0:
 * it was done by then. */
static int64_t lonely_packer(const char *file, const char *model, int ms)
{
    int tell[2];
    int how = 0;
    int64_t packer = 0;
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    pid_t host = fork();
    if (host == 0) {
        host_of_a_packer(file, model, tell[1]);
    }
    assert_int_equal(read(tell[0], &packer, sizeof(packer)), sizeof(packer));
    kit_sleep_ms(ms);
    (void)kill((pid_t)packer, SIGSTOP);
    bool works = kit_alive((pid_t)packer); /* else it is a zombie, which its host does not reap */
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, &how, 0), host);
    assert_int_equal(close(tell[0]) | close(tell[1]), 0);
    if (!works) {
        assert_int_equal(waitpid((pid_t)packer, &how, 0), packer);
    }
    return works ? packer : 0;
}

/* Whoever is killed cannot end what it started: the process that packs ends itself. */
static void a_packer_leaves_with_its_host(void **state)
{
    char file[] = "/tmp/mli-crash-packer-XXXXXX";
    char path[512];
    int how = 0;
    int64_t packer = 0;
    (void)state;
    int fd = mkstemp(file);
    assert_true(fd >= 0 && close(fd) == 0);
    (void)snprintf(path, sizeof(path), "%s/whisper-base/model.json",
                   getenv("MODEL_LAB_MODELS_ROOT"));
    const char *model = access(path, R_OK) == 0 ? "whisper-base" : "whisper-tiny.en";
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    for (int ms = 30; packer == 0 && ms >= 0; ms--) {
        packer = lonely_packer(file, model, ms);
    }
    assert_true(packer > 0);
    assert_int_equal(kill((pid_t)packer, SIGCONT), 0);
    assert_int_equal(waitpid((pid_t)packer, &how, 0), packer);
    assert_false(WIFEXITED(how) && WEXITSTATUS(how) == 0); /* it did not work on to its end */
    assert_int_equal(unlink(file), 0);
}

/* An hour of audio until its deadline; the segments that are in its partial transcript. */
static int64_t run_until_deadline(kit *k, int seconds, bool *partial)
{
    char id[MODELLAB_RUN_ID_BYTES];
    char text[128];
    (void)snprintf(text, sizeof(text), "{\"pipeline\":\"transcribe\",\"max_duration_seconds\":%d}",
                   seconds);
    kit_submit_sample(k, text, 120, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_TIMEOUT);
    kit_stop_host(k, host);
    int64_t segments = read_transcript(k, id, "transcript.partial.json", partial);
    modellab_run *run = kit_load(k, id);
    (void)snprintf(text, sizeof(text), "Run timed out after %d seconds", seconds);
    assert_string_equal(kit_info(run).message, text);
    assert_true(segments <= 0 || kit_info(run).progress_seconds > 0);
    modellab_run_unref(run);
    return segments;
}

static void a_deadline_keeps_what_is_done(void **state)
{
    int64_t segments = 0;
    bool partial = false;
    /* A slow or busy machine needs longer for its first words. */
    for (int seconds = 10; segments <= 0 && seconds <= 270; seconds *= 3) {
        segments = run_until_deadline(*state, seconds, &partial);
    }
    assert_true(segments > 0);
    assert_true(partial);
}

/* A whole line of a finished window. */
static bool journal_has_window(const kit *k, const char *id)
{
    char path[512];
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    kit_run_path(k, id, "journal.jsonl", path);
    FILE *file = fopen(path, "rb");
    while (file != NULL && !found && getline(&line, &capacity, file) > 0) {
        found = strstr(line, "\"type\":\"checkpoint\"") != NULL && strchr(line, '\n') != NULL;
    }
    free(line);
    assert_true(file == NULL || fclose(file) == 0);
    return found;
}

static void a_kill_keeps_what_is_in_the_journal(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    bool partial = false;
    kit_submit_sample(k, "{\"pipeline\":\"transcribe\"}", 120, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    pid_t worker = kit_worker_pid(k, id);
    for (int i = 0; !journal_has_window(k, id); i++) {
        assert_true(i < KIT_PATIENCE_MS / 10);
        kit_sleep_ms(10);
    }
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
    assert_true(read_transcript(k, id, "transcript.partial.json", &partial) > 0);
    assert_true(partial);
}

/* It was there when the run was submitted. */
static void a_model_that_is_gone(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_sample(k, "{\"pipeline\":\"transcribe\"}", 1, id);
    assert_int_equal(setenv("MODEL_LAB_MODELS_ROOT", k->root, 1), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(setenv("MODEL_LAB_MODELS_ROOT", getenv("MODEL_LAB_TEST_MODELS"), 1), 0);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).reason, MODELLAB_REASON_MODEL_NOT_FOUND);
    assert_string_equal(kit_info(run).failed_step, "asr");
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_packer_leaves_with_its_host),           KIT_TEST(it_completes),
        KIT_TEST(images_are_made_beside_runs_and_checked), KIT_TEST(a_deadline_keeps_what_is_done),
        KIT_TEST(a_kill_keeps_what_is_in_the_journal),     KIT_TEST(a_model_that_is_gone)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, NULL, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
