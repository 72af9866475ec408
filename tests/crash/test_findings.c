/* Findings in the record of real runs (whisper-tiny.en on real audio): none where there is nothing
 * to find; silence, a loop, a transcript cut short. test_findings WORKER HOST */
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

enum { RATE = 16000 };

static void put32(unsigned char *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

/* A recording of `count` samples. */
static void submit(kit *k, const char *request, const int16_t *samples, size_t count,
                   char id[MODELLAB_RUN_ID_BYTES])
{
    static const unsigned char head[44] =
        "RIFF....WAVEfmt \x10\0\0\0\1\0\1\0........\2\0\x10\0data";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    const size_t bytes = count * sizeof *samples;
    unsigned char *wav = malloc(sizeof head + bytes);
    assert_non_null(wav);
    memcpy(wav, head, sizeof head);
    put32(wav + 4, (uint32_t)(36 + bytes));
    put32(wav + 24, RATE);
    put32(wav + 28, RATE * 2);
    put32(wav + 40, (uint32_t)bytes);
    memcpy(wav + sizeof head, samples, bytes);
    options.request = request;
    options.input_data = wav;
    options.input_bytes = sizeof head + bytes;
    options.input_name = "made.wav";
    modellab_status status = modellab_run_submit(k->lab, &options, id, NULL, &err);
    free(wav);
    if (status != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

/* What the record of the run says; `findings` is borrowed from it. */
static mli_json *record_of(const kit *k, const char *id, const mli_json **findings)
{
    modellab_run *run = kit_load(k, id);
    modellab_buffer *text = NULL;
    mli_json *json = NULL;
    assert_int_equal(modellab_run_to_json(run, &text, NULL), MODELLAB_OK);
    assert_int_equal(mli_json_parse(modellab_buffer_data(text), modellab_buffer_size(text),
                                    (size_t)1 << 24, &json, NULL),
                     MODELLAB_OK);
    modellab_buffer_destroy(text);
    modellab_run_unref(run);
    *findings = mli_json_get(json, "findings");
    return json;
}

static const mli_json *find(const mli_json *findings, const char *kind)
{
    for (size_t i = 0; findings != NULL && i < mli_json_count(findings); i++) {
        const mli_json *one = mli_json_at(findings, i);
        if (strcmp(mli_json_string(mli_json_get(one, "kind"), ""), kind) == 0) {
            return one;
        }
    }
    return NULL;
}

static bool flagged(const mli_json *record, const char *kind)
{
    const mli_json *flags = mli_json_get(record, "quality_flags");
    for (size_t i = 0; flags != NULL && i < mli_json_count(flags); i++) {
        if (strcmp(mli_json_string(mli_json_at(flags, i), ""), kind) == 0) {
            return true;
        }
    }
    return false;
}

static double number(const mli_json *object, const char *key)
{
    return mli_json_number(mli_json_get(object, key), -1);
}

/* The sample is clean, by loudness and by the detector. */
static void nothing_to_find(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    const mli_json *findings;
    modellab_run_unref(kit_execute_sample(k, "{\"steps\":[\"asr\"]}", NULL, id));
    mli_json *record = record_of(k, id, &findings);
    assert_non_null(findings);
    assert_int_equal(mli_json_count(findings), 0);
    assert_int_equal(mli_json_count(mli_json_get(record, "quality_flags")), 0);
    mli_json_free(record);
    modellab_run_unref(kit_execute_sample(k, "{\"steps\":[\"vad\",\"asr\"]}", NULL, id));
    record = record_of(k, id, &findings);
    assert_non_null(findings);
    assert_int_equal(mli_json_count(findings), 0);
    const mli_json *steps = mli_json_get(record, "steps");
    const mli_json *asr = mli_json_get(mli_json_at(steps, mli_json_count(steps) - 1), "result");
    assert_string_equal(mli_json_string(mli_json_get(asr, "speech_by"), ""), "vad");
    assert_true(number(asr, "speech_seconds") > 15);
    mli_json_free(record);
}

/* tiny.en says "you" to half a minute of zeros: of a longer minute of them, at another speed. */
static void words_over_silence(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    const mli_json *findings;
    int16_t *samples = calloc(45 * RATE, sizeof *samples);
    assert_non_null(samples);
    submit(k, "{\"steps\":[\"asr\"],\"preprocessing\":[\"speed(factor=1.5)\"]}", samples, 45 * RATE,
           id);
    free(samples);
    modellab_run_unref(kit_execute(k, NULL, id));
    mli_json *record = record_of(k, id, &findings);
    const mli_json *silence = find(findings, "text_over_silence");
    assert_non_null(silence);
    assert_true(number(silence, "value") == 0 && number(silence, "segment") == 0);
    assert_true(number(silence, "end") > 2.5 && number(silence, "end") < 4); /* heard: 2.06 */
    assert_non_null(find(findings, "low_confidence"));
    assert_null(find(findings, "empty_output"));
    assert_true(flagged(record, "text_over_silence"));
    mli_json_free(record);
}

/* A spoken word again and again, decoded without a second try. */
static void a_loop(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    const mli_json *findings;
    size_t bytes = 0;
    char *wav = kit_read_bytes(kit_sample, &bytes);
    const size_t from = 44 + (size_t)(6.7 * RATE) * 2, part = (size_t)(0.8 * RATE);
    int16_t *samples = malloc(30 * RATE * sizeof *samples);
    assert_non_null(samples);
    assert_true(bytes > from + part * 2);
    for (size_t i = 0; i < (size_t)30 * RATE; i++) {
        memcpy(&samples[i], wav + from + i % part * 2, 2);
    }
    submit(k, "{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"temperatures\":[0]}}}", samples,
           30 * RATE, id);
    free(samples);
    free(wav);
    modellab_run_unref(kit_execute(k, NULL, id));
    mli_json *record = record_of(k, id, &findings);
    const mli_json *loop = find(findings, "repetition");
    assert_non_null(loop);
    assert_true(number(loop, "value") >= 8 && number(loop, "end") > number(loop, "start"));
    assert_true(flagged(record, "repetition"));
    mli_json_free(record);
}

/* Recognition that ended after its first window of a minute of speech. */
static void a_cut_transcript(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    const mli_json *findings;
    kit_submit_sample(k, "{\"steps\":[\"vad\",\"asr\"]}", 2, id);
    modellab_run *run = kit_execute(k, "asr:fail_windows", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    modellab_run_unref(run);
    mli_json *record = record_of(k, id, &findings);
    const mli_json *cut = find(findings, "truncated");
    assert_non_null(cut);
    assert_true(number(cut, "value") > 10 && number(cut, "start") < 31);
    assert_string_equal(mli_json_string(mli_json_get(cut, "severity"), ""), "error");
    mli_json_free(record);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", NULL};
    const struct CMUnitTest tests[] = {KIT_TEST(nothing_to_find), KIT_TEST(words_over_silence),
                                       KIT_TEST(a_loop), KIT_TEST(a_cut_transcript)};
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
