/* Runs of step tts with the real voice: what they write is what the library says, also with the
 * user's own espeak-ng; refusals, failures, a cancel while it speaks. test_speak WORKER HOST */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "crash/kit.h"
#include "os/file.h"

#define TEXT "Dr. Smith paid $3.50 in 2024. Was it enough?"
#define ESPEAK "/usr/bin/espeak-ng"

static double member(const mli_json *list, size_t i, const char *key)
{
    return mli_json_number(mli_json_get(mli_json_at(list, i), key), NAN);
}

/* Words and their times, and the number of samples, as modellab_tts_speak_text gives them. */
static void compare_with_library(const mli_json *times, size_t wav_bytes)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options text = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_model *voice = NULL, *words = NULL;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    size_t count = 0;
    options.seed = 5;
    assert_int_equal(modellab_model_open("piper-en_US-joe-medium", NULL, &voice, NULL),
                     MODELLAB_OK);
    assert_int_equal(modellab_model_open("cmudict", NULL, &words, NULL), MODELLAB_OK);
    text.lexicon = words;
    assert_int_equal(modellab_tts_session_create(voice, &options, &session, NULL), MODELLAB_OK);
    assert_int_equal(modellab_tts_speak_text(session, TEXT, sizeof TEXT - 1, &text, &result, NULL),
                     MODELLAB_OK);
    assert_non_null(modellab_tts_result_samples(result, &count));
    assert_int_equal(wav_bytes, 44 + 2 * count);
    const mli_json *list = mli_json_get(times, "words");
    for (size_t i = 0;; i++) {
        modellab_tts_text_word w = {.size = sizeof(w)};
        if (modellab_tts_result_text_word_at(result, i, &w, NULL) != MODELLAB_OK) {
            assert_int_equal(mli_json_count(list), i);
            break;
        }
        const char *word = mli_json_string(mli_json_get(mli_json_at(list, i), "word"), "");
        assert_int_equal(strlen(word), w.bytes);
        assert_memory_equal(word, TEXT + w.from, w.bytes);
        assert_true(fabs(member(list, i, "start") - w.start) < 1e-3);
        assert_true(fabs(member(list, i, "end") - w.end) < 1e-3);
    }
    assert_int_equal(mli_json_count(mli_json_get(times, "phonemes")),
                     modellab_tts_result_symbol_count(result));
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(words);
    modellab_model_unref(voice);
}

static uint32_t little32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void a_text_as_the_library_says_it(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_bare(
        k, "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"" TEXT "\",\"seed\":5}}}", NULL,
        id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    size_t bytes = 0;
    char *wav = kit_read_artifact(k, id, "speech.wav", &bytes);
    assert_memory_equal(wav, "RIFF", 4);
    /* the header knows how long the file is, though it was written first */
    assert_int_equal(little32(wav + 4), bytes - 8);
    assert_int_equal(little32(wav + 40), bytes - 44);
    free(wav);
    mli_json *times = kit_read_json(k, id, "spoken.json");
    compare_with_library(times, bytes);
    mli_json_free(times);
    kit_expect_json(run, "\"name\":\"piper-en_US-joe-medium\"");
    kit_expect_json(run, "\"name\":\"cmudict\"");
    modellab_run_unref(run);
}

static void by_the_users_espeak(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static const char request[] =
        "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"" TEXT "\",\"g2p\":\"espeak\"}}}";
    assert_int_equal(unsetenv("MODEL_LAB_ESPEAK_NG"), 0);
    modellab_run *run = kit_execute_bare(k, request, NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED); /* nobody said where it is */
    modellab_run_unref(run);
    if (access(ESPEAK, X_OK) != 0) {
        print_message("skipped: no " ESPEAK " (package espeak-ng)\n");
        skip();
    }
    assert_int_equal(setenv("MODEL_LAB_ESPEAK_NG", ESPEAK, 1), 0);
    run = kit_execute_bare(k, request, NULL, id);
    assert_int_equal(unsetenv("MODEL_LAB_ESPEAK_NG"), 0);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *times = kit_read_json(k, id, "spoken.json");
    const char *ipa = mli_json_string(mli_json_get(times, "ipa"), "");
    assert_non_null(strstr(ipa, "sm\xcb\x88\xc9\xaa\xce\xb8")); /* Smith */
    assert_int_equal(mli_json_int(mli_json_get(times, "unknown_symbols"), -1), 0);
    assert_int_equal(mli_json_count(mli_json_get(times, "words")), 9);
    mli_json_free(times);
    modellab_run_unref(run);
}

static void expect_refused(kit *k, const char *request, modellab_status expected)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = request;
    assert_int_equal(modellab_run_submit(k->lab, &o, id, NULL, NULL), expected);
}

static void refusals_and_failures(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    expect_refused(k, "{\"steps\":[\"tts\"]}", MODELLAB_E_SCHEMA);
    expect_refused(k, "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\",\"speed\":0}}}",
                   MODELLAB_E_SCHEMA);
    expect_refused(k, "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\",\"voice\":\"x\"}}}",
                   MODELLAB_E_NOT_FOUND);
    expect_refused(
        k, "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\",\"voice\":\"cmudict\"}}}",
        MODELLAB_E_UNSUPPORTED_MODEL);
    static const char *const failing[] = {
        "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"...\"}}}",
        "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\",\"speaker\":1}}}",
        "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a7\",\"g2p\":\"ipa\",\"seed\":1}}}"};
    for (size_t i = 0; i < 2; i++) {
        modellab_run *run = kit_execute_bare(k, failing[i], NULL, id);
        assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
        assert_string_equal(kit_info(run).failed_step, "tts");
        modellab_run_unref(run);
    }
    modellab_run *run = kit_execute_bare(k, failing[2], "tts", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    modellab_run_unref(run);
}

/* A text that takes long to say. */
static void submit_long(kit *k, char id[MODELLAB_RUN_ID_BYTES])
{
    static char request[220000];
    size_t at = (size_t)snprintf(request, sizeof(request),
                                 "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"");
    for (int i = 0; i < 8000; i++) {
        at += (size_t)snprintf(request + at, sizeof(request) - at, "This is sentence. ");
    }
    (void)snprintf(request + at, sizeof(request) - at, "\"}}}");
    kit_submit_bare(k, request, id);
}

static int find_image(void *arg, const char *name)
{
    size_t bytes = strlen(name);
    if (bytes > 6 && strcmp(name + bytes - 6, ".mlimg") == 0) {
        (void)snprintf(arg, 300, "%s", name);
    }
    return 0;
}

/* Whether a worker has a file of the folder mapped (a supervisor does while it checks one). */
static int look_at_process(void *arg, const char *pid)
{
    char path[300], line[1024];
    const char *file = *(const char **)arg;
    bool found = false, worker = false;
    if (strspn(pid, "0123456789") != strlen(pid)) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
    FILE *name = fopen(path, "r");
    if (name != NULL) {
        worker = fgets(line, sizeof(line), name) != NULL && strcmp(line, "modellab-worker") == 0;
        (void)fclose(name);
    }
    (void)snprintf(path, sizeof(path), "/proc/%s/maps", pid);
    FILE *maps = worker ? fopen(path, "r") : NULL;
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        found = strstr(line, file) != NULL;
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return found ? 1 : 0;
}

static void say_and_wait_for_image(kit *k, const char *images, char name[300],
                                   char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_bare(
        k, "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"" TEXT "\",\"seed\":5}}}", id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    for (int i = 0; i < KIT_PATIENCE_MS / 10 && name[0] == '\0'; i++) {
        kit_sleep_ms(10);
        (void)mli_os_system_files.list(NULL, images, find_image, name);
    }
    kit_stop_host(k, host);
}

/* The first run packs the voice for itself; a process beside it makes the image, which the workers
 * of later runs map, and which sounds the same. */
static void workers_map_an_image(void **state)
{
    kit *k = *state;
    char cache[] = "/tmp/mli-crash-voice-XXXXXX", before[512], images[64], name[300] = "";
    char first[MODELLAB_RUN_ID_BYTES], second[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES];
    (void)snprintf(before, sizeof(before), "%s", getenv("MODEL_LAB_CACHE_ROOT"));
    assert_non_null(mkdtemp(cache));
    (void)snprintf(images, sizeof(images), "%s/images", cache);
    assert_int_equal(setenv("MODEL_LAB_CACHE_ROOT", cache, 1), 0);
    kit_reopen(k);
    say_and_wait_for_image(k, images, name, first);
    assert_true(name[0] != '\0');
    say_and_wait_for_image(k, images, name, second);
    size_t bytes = 0, more = 0;
    char *one = kit_read_artifact(k, first, "speech.wav", &bytes);
    char *two = kit_read_artifact(k, second, "speech.wav", &more);
    assert_int_equal(bytes, more);
    assert_memory_equal(one, two, bytes);
    free(one);
    free(two);
    submit_long(k, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    kit_wait_status(k, id, MODELLAB_RUN_RUNNING);
    const char *file = images;
    int seen = 0;
    for (int i = 0; i < KIT_PATIENCE_MS / 20 && seen == 0; i++) {
        kit_sleep_ms(20);
        seen = mli_os_system_files.list(NULL, "/proc", look_at_process, &file);
    }
    (void)kit_cancel(k, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    kit_stop_host(k, host);
    assert_int_equal(seen, 1);
    assert_int_equal(setenv("MODEL_LAB_CACHE_ROOT", before, 1), 0);
    kit_reopen(k);
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, cache), 0);
}

/* Ends a run when a part of its speech is in the file: the file goes with the attempt. */
static void end_while_it_speaks(kit *k, bool cancel)
{
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    struct stat facts = {.st_size = 0};
    submit_long(k, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    kit_run_path(k, id, "artifacts/1-speech.wav", path);
    for (int i = 0; i < KIT_PATIENCE_MS / 10 && facts.st_size <= 44; i++) {
        kit_sleep_ms(10);
        facts.st_size = stat(path, &facts) == 0 ? facts.st_size : 0;
    }
    assert_true(facts.st_size > 44);
    if (cancel) {
        (void)kit_cancel(k, id);
    } else {
        assert_true(kit_kill_worker(k, id) != 0);
    }
    assert_int_equal(kit_wait_final(k, id), cancel ? MODELLAB_RUN_CANCELLED : MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
    assert_int_equal(stat(path, &facts), -1);
    assert_int_equal(errno, ENOENT);
}

static void a_cancel_while_it_speaks(void **state)
{
    end_while_it_speaks(*state, true);
}

static void a_death_while_it_speaks(void **state)
{
    end_while_it_speaks(*state, false);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"piper-en_US-joe-medium", "cmudict", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_text_as_the_library_says_it), KIT_TEST(by_the_users_espeak),
        KIT_TEST(refusals_and_failures),         KIT_TEST(workers_map_an_image),
        KIT_TEST(a_cancel_while_it_speaks),      KIT_TEST(a_death_while_it_speaks),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
