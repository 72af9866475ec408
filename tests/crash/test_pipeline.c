/* Whole pipelines with real weights: speech found as the library finds it, models that are refused
 * where they are named. test_pipeline WORKER HOST */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "crash/kit.h"

static double member(const mli_json *list, size_t i, const char *key)
{
    return mli_json_number(mli_json_get(mli_json_at(list, i), key), NAN);
}

/* The step and the function of the library find the same speech. */
static void speech_as_the_library_finds_it(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_model *model = NULL;
    modellab_vad_result *result = NULL;
    modellab_run *run = kit_execute_sample(
        k, "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"pad_ms\":50}}}", NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *speech = kit_read_json(k, id, "speech.json");
    const mli_json *segments = mli_json_get(speech, "segments");
    modellab_vad_options options = MODELLAB_VAD_OPTIONS_INIT;
    options.pad_ms = 50;
    assert_int_equal(modellab_model_open("silero-vad-v6", NULL, &model, NULL), MODELLAB_OK);
    assert_int_equal(modellab_vad_detect_file(model, kit_sample, &options, &result, NULL),
                     MODELLAB_OK);
    assert_true(modellab_vad_result_count(result) > 1);
    assert_int_equal(mli_json_count(segments), modellab_vad_result_count(result));
    for (size_t i = 0; i < modellab_vad_result_count(result); i++) {
        modellab_speech_segment one = {.size = sizeof(one)};
        assert_int_equal(modellab_vad_result_at(result, i, &one, NULL), MODELLAB_OK);
        assert_true(fabs(one.start - member(segments, i, "start")) < 1e-9);
        assert_true(fabs(one.end - member(segments, i, "end")) < 1e-9);
    }
    kit_expect_json(run, "\"models\":[{\"name\":\"silero-vad-v6\",\"option\":\"model\","
                         "\"sha256\":\"");
    modellab_vad_result_unref(result);
    modellab_model_unref(model);
    mli_json_free(speech);
    modellab_run_unref(run);
}

static void expect_refused(kit *k, const char *request, modellab_status expected,
                           const char *pointer)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_report *report = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = request;
    o.input_path = kit_sample;
    assert_int_equal(modellab_run_submit(k->lab, &o, id, &report, &err), expected);
    bool found = false;
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &finding, NULL), MODELLAB_OK);
        found = found || strcmp(finding.pointer, pointer) == 0;
    }
    if (!found) {
        fail_msg("no finding at %s: %s", pointer, err.message);
    }
    modellab_report_unref(report);
}

static void models_of_all_steps_are_checked(void **state)
{
    kit *k = *state;
    expect_refused(k, "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"model\":\"whisper-tiny.en\"}}}",
                   MODELLAB_E_UNSUPPORTED_MODEL, "/config/vad/model");
    expect_refused(k, "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"model\":\"silero-vad-v7\"}}}",
                   MODELLAB_E_NOT_FOUND, "/config/vad/model");
    expect_refused(k, "{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"model\":\"silero-vad-v6\"}}}",
                   MODELLAB_E_UNSUPPORTED_MODEL, "/config/asr/model");
    expect_refused(k, "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"treshold\":1}}}",
                   MODELLAB_E_SCHEMA, "/config/vad");
}

static bool has_part(const mli_json *manifest, const char *list, const char *name,
                     const char *reason)
{
    const mli_json *parts = mli_json_get(manifest, list);
    for (size_t i = 0; i < mli_json_count(parts); i++) {
        const mli_json *one = mli_json_at(parts, i);
        if (strcmp(mli_json_string(mli_json_get(one, "part"), ""), name) == 0) {
            return reason == NULL ||
                   strcmp(mli_json_string(mli_json_get(one, "reason"), ""), reason) == 0;
        }
    }
    return false;
}

/* The parts of the ledger tile the input; returns the milliseconds of a label. */
static int64_t check_coverage(kit *k, const char *id, const char *label)
{
    mli_json *root = kit_read_json(k, id, "coverage.json");
    const mli_json *sums = mli_json_get(root, "milliseconds"), *parts = mli_json_get(root, "parts");
    int64_t duration = mli_json_int(mli_json_get(sums, "duration"), -1);
    int64_t sum = 0, found = mli_json_int(mli_json_get(sums, label), -1);
    static const char *const labels[] = {"transcribed", "non_speech", "dropped", "failed"};
    double at = 0;
    for (int i = 0; i < 4; i++) {
        sum += mli_json_int(mli_json_get(sums, labels[i]), -1);
    }
    assert_int_equal(duration, 30000); /* of the sample */
    assert_int_equal(sum, duration);
    for (size_t i = 0; i < mli_json_count(parts); i++) {
        assert_true(member(parts, i, "start") == at);
        at = member(parts, i, "end");
    }
    assert_true(at == 30.0);
    mli_json_free(root);
    return found;
}

static void a_bundle_of_all_that_there_is(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, "{\"steps\":[\"vad\",\"asr\",\"bundle\"]}", NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    modellab_run_unref(run);
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_true(has_part(manifest, "parts", "transcript", NULL));
    assert_true(has_part(manifest, "parts", "subtitles", NULL));
    assert_true(has_part(manifest, "parts", "speech", NULL));
    assert_true(has_part(manifest, "parts", "coverage", NULL));
    assert_true(has_part(manifest, "absent", "speakers", "not_requested"));
    assert_true(has_part(manifest, "absent", "summary", "not_requested"));
    mli_json_free(manifest);
    assert_true(check_coverage(k, id, "transcribed") > 20000);
    assert_int_equal(check_coverage(k, id, "failed"), 0);
}

/* Built on failure too: what there is, and what is absent and why; the run has failed all the same.
 */
static void a_bundle_of_a_failed_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run =
        kit_execute_sample(k, "{\"steps\":[\"vad\",\"asr\",\"bundle\"]}", "asr", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_string_equal(kit_info(run).failed_step, "asr");
    modellab_run_unref(run);
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_true(has_part(manifest, "parts", "speech", NULL));
    assert_true(has_part(manifest, "absent", "transcript", "failed"));
    mli_json_free(manifest);
    assert_int_equal(check_coverage(k, id, "failed"), 30000);
}

#define FULL                                                                                       \
    "{\"steps\":[\"vad\",\"asr\",\"chapters\",\"summary\",\"action_items\",\"bundle\"],"           \
    "\"config\":{\"summary\":{\"sentences\":2}}}"

/* Extracts say who made them, and what they say was said. */
static void extracts_of_the_transcript(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, FULL, NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    modellab_run_unref(run);
    mli_json *summary = kit_read_json(k, id, "summary.json");
    mli_json *transcript = kit_read_json(k, id, "transcript.json");
    mli_json *chapters = kit_read_json(k, id, "chapters.json");
    const mli_json *sentences = mli_json_get(summary, "sentences");
    const char *said = mli_json_string(mli_json_get(transcript, "text"), "");
    assert_string_equal(mli_json_string(mli_json_get(summary, "provider"), ""), "embedded");
    assert_int_equal(mli_json_count(sentences), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *text =
            mli_json_string(mli_json_get(mli_json_at(sentences, i), "text"), "nothing");
        assert_non_null(strstr(said, text));
    }
    assert_int_equal(mli_json_count(mli_json_get(chapters, "chapters")), 1); /* half a minute */
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_true(has_part(manifest, "parts", "summary", NULL));
    assert_true(has_part(manifest, "parts", "action_items", NULL));
    assert_true(has_part(manifest, "parts", "chapters", NULL));
    mli_json_free(manifest);
    mli_json_free(chapters);
    mli_json_free(transcript);
    mli_json_free(summary);
}

/* Less than the transcript is lost: the run is complete, with a warning. */
static void an_extract_that_fails(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, FULL, "summary", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    kit_expect_json(run, "\"warnings\":[{\"step\":\"summary\",\"status\":\"FAILED\"");
    modellab_run_unref(run);
    mli_json *manifest = kit_read_json(k, id, "bundle_manifest.json");
    assert_true(has_part(manifest, "parts", "transcript", NULL));
    assert_true(has_part(manifest, "parts", "action_items", NULL));
    assert_true(has_part(manifest, "absent", "summary", "failed"));
    mli_json_free(manifest);
}

/* False: the test came too late, the worker had made all of it. */
static bool kill_in_asr(kit *k, int asr_ms, char id[MODELLAB_RUN_ID_BYTES])
{
    char step[64];
    (void)snprintf(step, sizeof(step), "asr:sleep=%d", asr_ms);
    kit_submit_sample(k,
                      "{\"steps\":[\"vad\",\"asr\",\"bundle\"],\"max_attempts\":2,\"retry\":{"
                      "\"base_seconds\":0,\"cap_seconds\":0}}",
                      1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = step});
    kit_wait_events(k, id, "step_started", 3);
    (void)kit_kill_worker(k, id);
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    bool in_time = kit_info(run).attempt == 2;
    modellab_run_unref(run);
    return in_time;
}

/* A kill takes the worker with what it had in memory; the next attempt makes all of it. */
static void a_killed_worker(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    for (int ms = 3000; !kill_in_asr(k, ms, id); ms *= 10) {
        assert_true(ms < 300000);
    }
    char path[512];
    size_t bytes = 0;
    kit_run_path(k, id, "artifacts/1-bundle_manifest.json", path);
    assert_int_not_equal(access(path, F_OK), 0); /* the attempt was not the end */
    kit_run_path(k, id, "artifacts/2-bundle_manifest.json", path);
    free(kit_read_bytes(path, &bytes));
    assert_true(bytes > 100);
}

static void a_cancel_while_a_step_works(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit_sample(k, FULL, 1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "chapters:sleep=60000"});
    kit_wait_events(k, id, "step_started", 4);
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_stop_host(k, host);
    mli_json_free(kit_read_json(k, id, "transcript.json")); /* what was finished stays */
}

/* The run's log does not hold this text. */
static void check_log(kit *k, const char *id, const char *secret)
{
    char path[512];
    size_t bytes = 0;
    kit_run_path(k, id, "log.jsonl", path);
    char *text = kit_read_bytes(path, &bytes);
    assert_true(bytes > 100);
    assert_null(memmem(text, bytes, secret, strlen(secret)));
    free(text);
}

/* The record of a run as anybody reads it. */
static mli_json *read_record(kit *k, const char *id)
{
    modellab_run *run = NULL;
    modellab_buffer *text = NULL;
    mli_json *json = NULL;
    assert_int_equal(modellab_run_load(k->lab, id, &run, NULL), MODELLAB_OK);
    assert_int_equal(modellab_run_to_json(run, &text, NULL), MODELLAB_OK);
    assert_int_equal(mli_json_parse(modellab_buffer_data(text), modellab_buffer_size(text),
                                    (size_t)1 << 24, &json, NULL),
                     MODELLAB_OK);
    modellab_buffer_destroy(text);
    modellab_run_unref(run);
    return json;
}

static const mli_json *named(const mli_json *list, const char *name)
{
    for (size_t i = 0; i < mli_json_count(list); i++) {
        const mli_json *one = mli_json_at(list, i);
        if (strcmp(mli_json_string(mli_json_get(one, "name"), ""), name) == 0) {
            return one;
        }
    }
    return NULL;
}

/* Metrics of step score are in the record, and two runs are put side by side by them. */
static void metrics_in_the_record(void **state)
{
    kit *k = *state;
    char a[MODELLAB_RUN_ID_BYTES], b[MODELLAB_RUN_ID_BYTES];
    modellab_buffer *text = NULL;
    mli_json *json = NULL;
    modellab_run_unref(kit_execute_sample(
        k, "{\"steps\":[\"asr\",\"score\"],\"config\":{\"score\":{\"reference_text\":\"hello\"}}}",
        NULL, a));
    modellab_run_unref(kit_execute_sample(
        k,
        "{\"steps\":[\"asr\",\"score\"],\"config\":{\"asr\":{\"beam_size\":2},\"score\":{"
        "\"reference_text\":\"hello hello\"}}}",
        NULL, b));
    mli_json *record = read_record(k, a), *score = kit_read_json(k, a, "score.json");
    const mli_json *metrics = mli_json_get(record, "metrics");
    const double wer = mli_json_number(mli_json_get(metrics, "wer"), -1);
    const mli_json *words = mli_json_get(score, "words");
    assert_true(wer > 10.0 && wer == mli_json_number(mli_json_get(words, "wer"), -2));
    assert_true(mli_json_number(mli_json_get(metrics, "wer_size"), -1) == 1.0);
    assert_true(mli_json_number(mli_json_get(metrics, "insertions"), -1) ==
                mli_json_number(mli_json_get(words, "insertions"), -2));
    assert_true(mli_json_number(mli_json_get(metrics, "cer"), -1) > wer / 2);
    mli_json_free(record);
    mli_json_free(score);
    assert_int_equal(modellab_run_compare(k->lab, a, b, NULL, &text, NULL), MODELLAB_OK);
    assert_int_equal(mli_json_parse(modellab_buffer_data(text), modellab_buffer_size(text),
                                    (size_t)1 << 24, &json, NULL),
                     MODELLAB_OK);
    const mli_json *first = named(mli_json_get(json, "metrics"), "wer");
    assert_true(
        mli_json_number(mli_json_get(named(mli_json_get(json, "metrics"), "wall_seconds"), "a"),
                        -1) > 0);
    assert_true(mli_json_number(mli_json_get(first, "a"), -1) == wer);
    assert_true(fabs(mli_json_number(mli_json_get(first, "diff"), 0) -
                     (mli_json_number(mli_json_get(first, "b"), 0) - wer)) < 1e-9);
    assert_true(mli_json_number(mli_json_get(first, "diff"), 0) < 0);
    const mli_json *options = mli_json_get(json, "config_diff");
    bool found = false;
    for (size_t i = 0; i < mli_json_count(options); i++) {
        const mli_json *one = mli_json_at(options, i);
        found |= strcmp(mli_json_string(mli_json_get(one, "pointer"), ""), "/asr/beam_size") == 0 &&
                 mli_json_int(mli_json_get(one, "b"), 0) == 2;
    }
    assert_true(found);
    mli_json_free(json);
    modellab_buffer_destroy(text);
}

/* A run with references scores itself; what the recogniser did not make is null, and the reference
 * stands in no log. */
static void a_run_that_scores_itself(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(
        k,
        "{\"steps\":[\"asr\",\"score\"],\"config\":{\"score\":{\"reference_text\":\"Quetzal one.\","
        "\"normalizer\":\"none\",\"reference_turns\":\"SPEAKER a 1 0 5 <NA> <NA> x\"}}}",
        NULL, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    modellab_run_unref(run);
    mli_json *score = kit_read_json(k, id, "score.json");
    const mli_json *words = mli_json_get(score, "words");
    assert_null(mli_json_get(score, "partial"));
    assert_int_equal(mli_json_int(mli_json_get(words, "reference"), -1), 2);
    assert_true(mli_json_int(mli_json_get(words, "insertions"), -1) > 40);
    assert_true(mli_json_number(mli_json_get(mli_json_get(score, "characters"), "cer"), 0) > 1);
    assert_int_equal(mli_json_typeof(mli_json_get(score, "speakers")), MLI_JSON_NULL);
    mli_json_free(score);
    check_log(k, id, "Quetzal");

    run = kit_execute_sample(k,
                             "{\"steps\":[\"asr\",\"score\"],\"config\":{\"score\":{"
                             "\"reference_text\":\"Quetzal one.\"}}}",
                             "asr", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_string_equal(kit_info(run).failed_step, "asr");
    modellab_run_unref(run);
    score = kit_read_json(k, id, "score.json");
    assert_int_equal(mli_json_typeof(mli_json_get(score, "words")), MLI_JSON_NULL);
    mli_json_free(score);

    /* A part of the text is not scored as if it were all: the score says so, and names the file. */
    run = kit_execute_sample(k,
                             "{\"steps\":[\"asr\",\"score\"],\"config\":{\"score\":{"
                             "\"reference_text\":\"Quetzal one.\"}}}",
                             "asr:fail_windows", id);
    assert_string_equal(kit_info(run).failed_step, "asr");
    modellab_run_unref(run);
    score = kit_read_json(k, id, "score.json");
    assert_true(mli_json_bool(mli_json_get(score, "partial"), false));
    assert_true(mli_json_int(mli_json_get(mli_json_get(score, "words"), "insertions"), -1) > 0);
    mli_json_free(score);

    run = kit_execute_sample(k, "{\"steps\":[\"asr\",\"score\"]}", NULL, id); /* it may fail */
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(speech_as_the_library_finds_it),
        KIT_TEST(models_of_all_steps_are_checked),
        KIT_TEST(a_bundle_of_all_that_there_is),
        KIT_TEST(a_run_that_scores_itself),
        KIT_TEST(metrics_in_the_record),
        KIT_TEST(a_bundle_of_a_failed_run),
        KIT_TEST(extracts_of_the_transcript),
        KIT_TEST(an_extract_that_fails),
        KIT_TEST(a_killed_worker),
        KIT_TEST(a_cancel_while_a_step_works),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
