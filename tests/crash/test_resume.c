/* Resume that changes nothing: a transcription whose worker is killed at every window, or at any
 * moment, and that goes on by itself gives the bytes of one that was never interrupted: greedy,
 * beams, sampling, word times. A worker that forgets part of what it goes on from is found. Needs
 * MODEL_LAB_TEST_MODELS with whisper-tiny.en and sample-conversation; MODEL_LAB_RESUME_KILLS sets
 * the number of runs killed at random (2). test_resume WORKER HOST */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/hash.h"
#include "crash/kit.h"
#include "os/file.h"

#define RETRY "\"retry\":{\"max_attempts\":20,\"base_seconds\":0.01,\"cap_seconds\":0.02}"

/* The whole result; fails the test when there is none. */
static char *transcript(const kit *k, const char *id, size_t *bytes)
{
    char *copy = NULL;
    modellab_run *run = kit_load(k, id);
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        modellab_buffer *text = NULL;
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        if (strcmp(info.name, "transcript.json") != 0) {
            continue;
        }
        assert_int_equal(modellab_run_read_artifact(k->lab, id, info.id, 1 << 26, &text, NULL),
                         MODELLAB_OK);
        *bytes = modellab_buffer_size(text);
        copy = malloc(*bytes + 1);
        assert_non_null(copy);
        memcpy(copy, modellab_buffer_data(text), *bytes);
        modellab_buffer_destroy(text);
    }
    modellab_run_unref(run);
    assert_non_null(copy);
    return copy;
}

static bool same_result(const kit *k, const char *one, const char *two)
{
    size_t a = 0, b = 0;
    char *first = transcript(k, one, &a), *second = transcript(k, two, &b);
    bool same = a == b && memcmp(first, second, a) == 0;
    free(first);
    free(second);
    return same;
}

/* Lines of checkpoints in the run's journal: each window that was computed has one. */
static int windows_done(const kit *k, const char *id)
{
    static char line[300000];
    char path[512];
    int count = 0;
    kit_run_path(k, id, "journal.jsonl", path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        count += strstr(line, "\"type\":\"checkpoint\"") != NULL;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

static int attempts_of(const kit *k, const char *id)
{
    modellab_run *run = kit_load(k, id);
    int attempts = kit_info(run).attempt;
    modellab_run_unref(run);
    return attempts;
}

/* A loaded machine takes its time. */
static void expect_completed(const kit *k, const char *id)
{
    modellab_run_status status = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_wait(k->lab, id, 300000, NULL, &status, &err) != MODELLAB_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(status, MODELLAB_RUN_COMPLETED);
}

static void run_whole(kit *k, const char *request, size_t times, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, request, times, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    expect_completed(k, id);
    kit_stop_host(k, host);
    assert_int_equal(attempts_of(k, id), 1);
}

static void run_with(kit *k, const char *request, size_t times, const char *fail_step,
                     char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_sample(k, request, times, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = fail_step});
    expect_completed(k, id);
    kit_stop_host(k, host);
}

#define ASR(members) "{\"pipeline\":\"transcribe\"," RETRY ",\"config\":{\"asr\":{" members "}}}"

static const char *const ways[] = {
    ASR(""),
    ASR("\"beam_size\":5"),
    ASR("\"temperatures\":[0.4],\"best_of\":2"),
    ASR("\"word_times\":true,\"formats\":[\"srt\"]"),
    ASR("\"vad\":true,\"batch_size\":3,\"word_times\":true"),
};

/* Each attempt finishes one window, keeps it, and dies. */
static void killed_at_every_window(void **state)
{
    kit *k = *state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char whole[MODELLAB_RUN_ID_BYTES], broken[MODELLAB_RUN_ID_BYTES];
        size_t times = i == 0 ? 3 : 2;
        run_whole(k, ways[i], times, whole);
        run_with(k, ways[i], times, "asr:die_windows", broken);
        int windows = windows_done(k, whole);
        assert_true(windows >= (int)times);
        assert_int_equal(windows_done(k, broken), windows); /* none was computed twice */
        assert_int_equal(attempts_of(k, broken), windows + 1);
        assert_int_equal(kit_count_events(k, broken, "step_resumed"), windows);
        assert_int_equal(kit_count_events(k, broken, "run_requeued"), windows);
        assert_true(same_result(k, whole, broken));
    }
}

/* The negative control: what it goes on from lacks the text before. */
static void a_checkpoint_that_forgets_is_found(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES], broken[MODELLAB_RUN_ID_BYTES];
    run_whole(k, ways[0], 3, whole);
    run_with(k, ways[0], 3, "asr:forget_windows", broken);
    assert_false(same_result(k, whole, broken));
}

/* A first window as a run before wrote it, but for its history: tokens that no model has. */
static void forge_window(const kit *k, const char *from, const char *to)
{
    static char line[300000], forged[300000];
    char path[512];
    bool found = false;
    kit_run_path(k, from, "journal.jsonl", path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        found = strstr(line, "\"type\":\"checkpoint\"") != NULL;
    }
    assert_int_equal(fclose(file), 0);
    assert_true(found);
    const char *rest = strstr(line, "\"step\":");
    char *history = strstr(line, "\"history\":[");
    assert_true(rest != NULL && history != NULL && rest < history);
    const char *after = strchr(history, ']');
    *strrchr(line, '\t') = '\0';
    *history = '\0';
    int n = snprintf(forged, sizeof(forged),
                     "{\"n\":1,\"prev\":\"0000000000000000\",\"t\":1,\"type\":\"checkpoint\","
                     "\"fence\":0,%s\"history\":[999999%s",
                     rest, after);
    kit_run_path(k, to, "journal.jsonl", path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\t%08x\n", forged, (unsigned)mli_crc32c(0, forged, (size_t)n)) >
                0);
    assert_int_equal(fclose(file), 0);
}

/* Windows that can be read and make no sense are done again; the run does not fail for them. */
static void windows_that_make_no_sense_are_done_again(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES];
    run_whole(k, ways[0], 1, whole);
    kit_submit_sample(k, ways[0], 1, id);
    forge_window(k, whole, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    expect_completed(k, id);
    kit_stop_host(k, host);
    assert_true(same_result(k, whole, id));
    assert_int_equal(windows_done(k, id), windows_done(k, whole) + 1);
    assert_int_equal(kit_count_events(k, id, "step_resumed"), 1); /* it was tried */
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void killed_at_any_moment(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES];
    const char *asked = getenv("MODEL_LAB_RESUME_KILLS");
    int runs = asked != NULL ? atoi(asked) : 2;
    uint64_t seed = 7;
    run_whole(k, ways[0], 3, whole);
    int windows = windows_done(k, whole);
    for (int i = 0; i < runs; i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        int kills = 0;
        kit_submit_sample(k, ways[0], 3, id);
        pid_t host = kit_start_host(k, &(kit_host){0});
        for (; kills < 6; kills++) {
            pid_t worker = kit_worker_within(k, id, 3000);
            kit_sleep_ms(20 + (int)(next_random(&seed) % 1200));
            modellab_run *run = kit_load(k, id);
            bool ended = modellab_run_status_is_final(kit_info(run).status) != 0;
            modellab_run_unref(run);
            if (ended) {
                break;
            }
            if (worker > 0 && kill(worker, SIGKILL) == 0) {
                kit_wait_dead(worker);
            }
        }
        expect_completed(k, id);
        kit_stop_host(k, host);
        /* at most the window in the making was lost at each kill: none that was kept is redone */
        assert_int_equal(windows_done(k, id), windows);
        if (!same_result(k, whole, id)) {
            fail_msg("run %d of seed 7 gave other bytes after %d kills", i, kills);
        }
    }
}

static modellab_step_info step_of(const modellab_run *run, const char *name)
{
    modellab_step_info step = {.size = sizeof(step)};
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        assert_int_equal(modellab_run_step_at(run, i, &step, NULL), MODELLAB_OK);
        if (strcmp(step.name, name) == 0) {
            return step;
        }
    }
    fail_msg("there is no step %s", name);
    return step;
}

static void rerun(kit *k, const char *id, const char *changes, char child[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_again_options options = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    options.overrides = changes;
    if (modellab_run_rerun(k->lab, id, &options, child, NULL, &err) != MODELLAB_OK) {
        fail_msg("not repeated: %s", err.message);
    }
    expect_completed(k, child);
}

static void expect_reused(const kit *k, const char *child, const char *ingest, const char *asr)
{
    char path[512];
    modellab_run *run = kit_load(k, child);
    assert_string_equal(step_of(run, "ingest").reused_from, ingest);
    assert_string_equal(step_of(run, "asr").reused_from, asr);
    assert_int_equal(step_of(run, "asr").status, MODELLAB_RUN_COMPLETED);
    modellab_run_unref(run);
    /* Its files are its own; what was offered is gone with its end, taken or not, and so are the
     * files that its steps did not need. */
    kit_run_path(k, child, "artifacts", path);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        assert_true(entry->d_name[0] == '.' || entry->d_name[0] == '1');
        assert_null(strstr(entry->d_name, "partial"));
    }
    assert_int_equal(closedir(folder), 0);
}

/* Steps of the same key are taken over; of the rest, windows of the same work. */
static void a_rerun_computes_only_what_changed(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES], other[MODELLAB_RUN_ID_BYTES];
    run_whole(k, ways[0], 2, whole);
    int windows = windows_done(k, whole);
    pid_t host = kit_start_host(k, &(kit_host){0});
    rerun(k, whole, NULL, child);
    expect_reused(k, child, whole, whole);
    assert_true(same_result(k, whole, child));
    rerun(k, child, "{\"labels\":{\"again\":\"yes\"}}", other); /* of one that took over itself */
    expect_reused(k, other, whole, whole);
    rerun(k, whole, "{\"config\":{\"asr\":{\"formats\":[\"srt\"]}}}", child);
    expect_reused(k, child, whole, "");
    assert_int_equal(windows_done(k, child), windows); /* those that were offered, no more */
    assert_int_equal(kit_count_events(k, child, "step_resumed"), 1);
    assert_true(same_result(k, whole, child));
    rerun(k, whole, "{\"config\":{\"asr\":{\"temperatures\":[0.4]}}}", other);
    expect_reused(k, other, whole, "");
    assert_int_equal(kit_count_events(k, other, "step_resumed"), 0);
    kit_stop_host(k, host);
    assert_false(same_result(k, whole, other));
}

/* The same weights with other words are another model, though it has the same name. */
static void another_tokenizer_is_another_model(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    char root[64] = "/tmp/mli-crash-models-XXXXXX", command[800];
    const char *models = getenv("MODEL_LAB_MODELS_ROOT");
    assert_non_null(models);
    assert_non_null(mkdtemp(root));
    (void)snprintf(command, sizeof(command),
                   "cp -r '%s/whisper-tiny.en' '%s/' && sed -i 's/\xc4\xa0you\"/\xc4\xa0yoq\"/' "
                   "'%s/whisper-tiny.en/tokenizer.json' && sed -i 's/^\xc4\xa0you$/\xc4\xa0yoq/' "
                   "'%s/whisper-tiny.en/vocabulary.txt'",
                   models, root, root, root);
    assert_int_equal(system(command), 0);
    run_whole(k, "{}", 1, whole);
    char *before = strdup(models);
    assert_non_null(before);
    assert_int_equal(setenv("MODEL_LAB_MODELS_ROOT", root, 1), 0);
    kit_reopen(k);
    pid_t host = kit_start_host(k, &(kit_host){0});
    rerun(k, whole, NULL, child);
    kit_stop_host(k, host);
    assert_int_equal(setenv("MODEL_LAB_MODELS_ROOT", before, 1), 0);
    free(before);
    expect_reused(k, child, whole, "");
    assert_int_equal(kit_count_events(k, child, "step_resumed"), 0); /* nor any of its windows */
    assert_false(same_result(k, whole, child));
    (void)snprintf(command, sizeof(command), "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

/* A file that is not what it was is found, and the step is run. */
static void a_damaged_result_is_not_taken_over(void **state)
{
    kit *k = *state;
    char whole[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES], path[512];
    run_whole(k, ways[0], 1, whole);
    kit_run_path(k, whole, "artifacts/1-transcript.json", path);
    assert_int_equal(chmod(path, 0600), 0); /* results are read-only */
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    rerun(k, whole, NULL, child);
    kit_stop_host(k, host);
    expect_reused(k, child, whole, "");
    size_t bytes = 0;
    char *text = transcript(k, child, &bytes);
    assert_int_equal(text[0], '{');
    free(text);
}

/* Other work than the parent's, and dead before its first window: the parent's text is not its. */
static void a_rerun_that_dies_early_has_nothing_of_its_parent(void **state)
{
    kit *k = *state;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_again_options options = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    char whole[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    run_whole(k, ways[0], 2, whole);
    options.overrides = "{\"retry\":null,\"config\":{\"asr\":{\"temperatures\":[0.4]}}}";
    assert_int_equal(modellab_run_rerun(k->lab, whole, &options, child, NULL, &err), MODELLAB_OK);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:die"});
    assert_int_equal(kit_wait_final(k, child), MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
    assert_true(windows_done(k, child) > 0); /* they were offered */
    modellab_run *run = kit_load(k, child);
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        assert_null(strstr(info.name, "transcript"));
    }
    modellab_run_unref(run);
}

/* Cancelled, past its deadline, its worker dead: the retry of each gives the whole result. */
static void a_retry_goes_on_where_the_run_was(void **state)
{
    kit *k = *state;
    modellab_error err = MODELLAB_ERROR_INIT;
    char whole[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    run_whole(k, ways[0], 3, whole);
    int windows = windows_done(k, whole);
    kit_submit_sample(k, "{\"pipeline\":\"transcribe\"}", 3, id); /* one attempt: FAILED */
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "asr:die_windows"});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    assert_int_equal(windows_done(k, id), 1);
    assert_int_equal(modellab_run_retry(k->lab, id, NULL, child, &err), MODELLAB_OK);
    assert_int_equal(kit_wait_final(k, child), MODELLAB_RUN_FAILED); /* one more window */
    kit_stop_host(k, host);
    assert_int_equal(windows_done(k, child), 2);
    assert_int_equal(modellab_run_retry(k->lab, child, NULL, id, &err), MODELLAB_OK);
    host = kit_start_host(k, &(kit_host){0});
    for (int i = 0; i < KIT_PATIENCE_MS / 5 && kit_count_events(k, id, "step_resumed") < 1; i++) {
        kit_sleep_ms(5);
    }
    modellab_cancel_outcome outcome = 0;
    assert_int_equal(modellab_run_cancel(k->lab, id, &outcome, &err), MODELLAB_OK);
    if (kit_wait_final(k, id) == MODELLAB_RUN_CANCELLED) {
        assert_int_equal(modellab_run_retry(k->lab, id, NULL, child, &err), MODELLAB_OK);
        memcpy(id, child, sizeof(id));
    }
    expect_completed(k, id);
    kit_stop_host(k, host);
    assert_int_equal(windows_done(k, id), windows);
    assert_true(same_result(k, whole, id));
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", NULL};
    const struct CMUnitTest tests[] = {KIT_TEST(killed_at_every_window),
                                       KIT_TEST(a_checkpoint_that_forgets_is_found),
                                       KIT_TEST(windows_that_make_no_sense_are_done_again),
                                       KIT_TEST(killed_at_any_moment),
                                       KIT_TEST(a_rerun_computes_only_what_changed),
                                       KIT_TEST(a_rerun_that_dies_early_has_nothing_of_its_parent),
                                       KIT_TEST(another_tokenizer_is_another_model),
                                       KIT_TEST(a_damaged_result_is_not_taken_over),
                                       KIT_TEST(a_retry_goes_on_where_the_run_was)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
