/* Step alignment with real weights: a part of what is said is found in its place, with the speakers
 * of the run, at the times of the input, and taken over by a retry. test_alignment WORKER HOST */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "crash/kit.h"

#define TEXT                                                                                       \
    "This is Diane in New Jersey. And I'm Sheila in Texas, originally from Chicago. Oh, I'm "      \
    "originally from Chicago also. I'm in New Jersey now though."
enum { WORDS = 26 };

static double number(const mli_json *object, const char *key)
{
    return mli_json_number(mli_json_get(object, key), NAN);
}

/* All words of the text, in order; the reference has them from 12.54 to 21.48 s. */
static mli_json *read_words(kit *k, const char *id, double times[WORDS][2])
{
    mli_json *root = kit_read_json(k, id, "alignment.json");
    const mli_json *words = mli_json_get(root, "words");
    assert_int_equal(mli_json_count(words), WORDS);
    for (size_t i = 0; i < WORDS; i++) {
        times[i][0] = number(mli_json_at(words, i), "start");
        times[i][1] = number(mli_json_at(words, i), "end");
        assert_true(times[i][0] >= (i > 0 ? times[i - 1][1] : 0) && times[i][1] >= times[i][0]);
    }
    print_message("from %.2f to %.2f s\n", times[0][0], times[WORDS - 1][1]);
    assert_true(fabs(times[0][0] - 12.54) < 0.5 && fabs(times[WORDS - 1][1] - 21.48) < 0.5);
    assert_true(fabs(number(root, "duration") - 30) < 0.01);
    return root;
}

static void words_have_times_and_speakers(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    double times[WORDS][2];
    size_t bytes = 0;
    modellab_run *run = kit_execute_sample(
        k,
        "{\"steps\":[\"vad\",\"alignment\",\"diarization\",\"bundle\"],\"config\":{\"alignment\":{"
        "\"text\":\"" TEXT "\"},\"diarization\":{\"min_speakers\":2,\"max_speakers\":2}}}",
        NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *root = read_words(k, id, times);
    const mli_json *words = mli_json_get(root, "words");
    const char *first = mli_json_string(mli_json_get(mli_json_at(words, 0), "speaker"), "");
    const char *other = mli_json_string(mli_json_get(mli_json_at(words, 9), "speaker"), "");
    assert_true(strncmp(first, "speaker_", 8) == 0 && strncmp(other, "speaker_", 8) == 0);
    assert_string_not_equal(first, other); /* Diane, Sheila */
    mli_json_free(root);
    static const char *const names[] = {"alignment.ctm", "alignment.textgrid", "alignment.srt",
                                        "alignment.vtt"};
    static const char *const parts[] = {" Sheila ", "\"Sheila\"", "Sheila\n", "Sheila\n"};
    for (size_t i = 0; i < 4; i++) {
        char *text = kit_read_artifact(k, id, names[i], &bytes);
        assert_non_null(strstr(text, parts[i]));
        free(text);
    }
    char *manifest = kit_read_artifact(k, id, "bundle_manifest.json", &bytes);
    assert_non_null(strstr(manifest, "\"part\":\"alignment\",\"filename\":\"alignment.json\""));
    free(manifest);
    mli_json *coverage = kit_read_json(k, id, "coverage.json");
    const mli_json *ms = mli_json_get(coverage, "milliseconds");
    assert_true(mli_json_int(mli_json_get(ms, "transcribed"), 0) > 6000);
    assert_int_equal(mli_json_int(mli_json_get(ms, "duration"), 0), 30000);
    mli_json_free(coverage);
    kit_expect_json(run, "\"name\":\"whisper-tiny.en\",\"option\":\"model\"");
    modellab_run_unref(run);
}

/* The reference of the run, behind audio that is faster and shorter; a retry takes it over. */
static void times_are_those_of_the_input(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    double times[WORDS][2];
    modellab_run *run = kit_execute_sample(
        k,
        "{\"steps\":[\"alignment\",\"score\",\"bundle\"],\"preprocessing\":[\"trim_silence()\","
        "\"speed(factor=1.2)\"],\"config\":{\"score\":{\"reference_text\":\"" TEXT "\"}}}",
        "bundle", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    modellab_run_unref(run);
    mli_json_free(read_words(k, id, times));
    assert_int_equal(modellab_run_retry(k->lab, id, NULL, child, NULL), MODELLAB_OK);
    run = kit_execute(k, NULL, child);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    size_t steps = modellab_run_step_count(run), taken = 0;
    for (size_t i = 0; i < steps; i++) {
        modellab_step_info step = {.size = sizeof(step)};
        assert_int_equal(modellab_run_step_at(run, i, &step, NULL), MODELLAB_OK);
        taken += strcmp(step.name, "alignment") == 0 && strcmp(step.reused_from, id) == 0;
    }
    assert_int_equal(taken, 1);
    modellab_run_unref(run);
}

/* Also by the pipeline's name, and with references of turns only. */
static void without_a_text_it_is_refused(void **state)
{
    static const char *const requests[] = {
        "{\"steps\":[\"alignment\"]}", "{\"pipeline\":\"align\"}",
        "{\"steps\":[\"alignment\",\"score\"],\"config\":{\"score\":{\"reference_turns\":\"\"}}}"};
    kit *k = *state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_report *report = NULL;
        modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
        options.request = requests[i];
        assert_int_equal(modellab_run_submit(k->lab, &options, id, &report, &err),
                         MODELLAB_E_SCHEMA);
        assert_non_null(strstr(err.message, "/config/alignment/text"));
        bool found = false;
        for (size_t n = 0; n < modellab_report_count(report); n++) {
            modellab_finding f = MODELLAB_FINDING_INIT;
            assert_int_equal(modellab_report_at(report, n, &f, NULL), MODELLAB_OK);
            found = found || strcmp(f.id, "request.text") == 0;
        }
        assert_true(found);
        modellab_report_unref(report);
    }
}

static void a_cancel_ends_it(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_sample(k,
                      "{\"steps\":[\"alignment\"],\"config\":{\"alignment\":{\"text\":\"" TEXT
                      "\",\"batch_size\":1}}}",
                      1, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    kit_wait_events(k, id, "step_started", 2);
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", "ge2e-speaker", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(words_have_times_and_speakers),
        KIT_TEST(times_are_those_of_the_input),
        KIT_TEST(without_a_text_it_is_refused),
        KIT_TEST(a_cancel_ends_it),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
