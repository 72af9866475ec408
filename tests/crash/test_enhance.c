/* Step enhance with real weights: times stay those of the input behind operators that move time,
 * what other steps heard is kept, a retry makes the same audio again, and what does not fit the
 * input fails with its reason. test_enhance WORKER HOST */
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

#define MOVING                                                                                     \
    "\"trim_silence(where=all,min_silence_ms=300,threshold_db=-40)\",\"speed(factor=1.05)\","      \
    "\"normalize_loudness\""
#define WORDS "\"asr\":{\"word_times\":true}"

static double number(const mli_json *object, const char *key)
{
    return mli_json_number(mli_json_get(object, key), NAN);
}

static const char *word_at(const mli_json *words, size_t i)
{
    return mli_json_string(mli_json_get(mli_json_at(words, i), "word"), "");
}

/* Words of both that stand in the same order (greedy, at most five apart), and how many of them
 * begin within a quarter of a second of each other. */
static void compare_words(const mli_json *a, const mli_json *b, size_t *same, size_t *near)
{
    size_t at = 0;
    *same = *near = 0;
    for (size_t i = 0; i < mli_json_count(a); i++) {
        for (size_t k = at; k < mli_json_count(b) && k < at + 5; k++) {
            if (strcmp(word_at(a, i), word_at(b, k)) == 0) {
                double apart =
                    number(mli_json_at(a, i), "start") - number(mli_json_at(b, k), "start");
                ++*same;
                *near += fabs(apart) < 0.25;
                at = k + 1;
                break;
            }
        }
    }
}

static void times_stay_those_of_the_input(void **state)
{
    kit *k = *state;
    char plain_id[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = kit_execute_sample(k, "{\"config\":{" WORDS "}}", NULL, plain_id);
    modellab_run_unref(run);
    run = kit_execute_sample(k,
                             "{\"preprocessing\":[" MOVING "],\"config\":{" WORDS
                             ",\"enhance\":{\"keep_audio\":true}}}",
                             NULL, id);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *plain = kit_read_json(k, plain_id, "transcript.json");
    mli_json *moved = kit_read_json(k, id, "transcript.json");
    mli_json *record = kit_read_json(k, id, "enhance.json");
    const mli_json *before = mli_json_get(plain, "words"), *after = mli_json_get(moved, "words");
    size_t same = 0, near = 0;
    compare_words(before, after, &same, &near);
    print_message("%zu words, %zu after, %zu the same, %zu of them within 0.25 s\n",
                  mli_json_count(before), mli_json_count(after), same, near);
    assert_true(same > 40); /* a comparison of nothing shows nothing */
    assert_true(same * 10 >= mli_json_count(before) * 7);
    assert_true(near * 100 >= same * 85);
    double end = 0;
    for (size_t i = 0; i < mli_json_count(after); i++) {
        const mli_json *word = mli_json_at(after, i);
        assert_true(number(word, "start") <= number(word, "end"));
        assert_true(number(word, "start") >= end - 0.3);
        end = number(word, "end");
        assert_true(end <= number(record, "original_seconds") + 0.001);
    }
    assert_true(fabs(number(moved, "duration") - number(plain, "duration")) < 0.001);
    /* what was heard is shorter by what was cut out and by the speed */
    const mli_json *operators = mli_json_get(record, "operators");
    double cut = number(mli_json_get(mli_json_at(operators, 0), "found"), "removed_seconds");
    double heard = (number(record, "original_seconds") - cut) / 1.05;
    assert_true(cut > 0.5);
    assert_true(fabs(number(record, "duration_seconds") - heard) < 0.01);
    assert_true(fabs(number(mli_json_get(mli_json_at(operators, 2), "found"), "lufs")) < 60.0);
    size_t bytes = 0;
    char *flac = kit_read_artifact(k, id, "enhanced.flac", &bytes);
    modellab_audio *audio = NULL;
    modellab_audio_info info = {.size = sizeof(info)};
    assert_int_equal(modellab_audio_decode_memory(flac, bytes, NULL, &audio, NULL), MODELLAB_OK);
    assert_int_equal(modellab_audio_get_info(audio, &info, NULL), MODELLAB_OK);
    assert_true(fabs(info.duration - number(record, "duration_seconds")) < 0.001);
    modellab_audio_unref(audio);
    free(flac);
    mli_json_free(plain);
    mli_json_free(moved);
    mli_json_free(record);
    modellab_run_unref(run);
}

/* How much of what a step found (spans of seconds) lies in the same places of the input, behind
 * prepared audio and without. */
static void expect_in_place(kit *k, const char *step, const char *artifact, const char *list_name,
                            const char *duration)
{
    char plain_id[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES], text[512];
    (void)snprintf(text, sizeof(text), "{\"steps\":[\"%s\"]}", step);
    modellab_run_unref(kit_execute_sample(k, text, NULL, plain_id));
    (void)snprintf(text, sizeof(text), "{\"steps\":[\"%s\"],\"preprocessing\":[" MOVING "]}", step);
    modellab_run_unref(kit_execute_sample(k, text, NULL, id));
    mli_json *both[] = {kit_read_json(k, plain_id, artifact), kit_read_json(k, id, artifact)};
    static unsigned char marks[2][4000]; /* of 10 ms */
    memset(marks, 0, sizeof(marks));
    for (size_t i = 0; i < 2; i++) {
        const mli_json *list = mli_json_get(both[i], list_name);
        for (size_t s = 0; s < mli_json_count(list); s++) {
            int from = (int)(100 * number(mli_json_at(list, s), "start"));
            int to = (int)(100 * number(mli_json_at(list, s), "end"));
            assert_true(from >= 0 && from <= to && to <= 3001);
            memset(marks[i] + from, 1, (size_t)(to - from));
        }
    }
    int either = 0, together = 0;
    for (size_t i = 0; i < 4000; i++) {
        either += marks[0][i] || marks[1][i];
        together += marks[0][i] && marks[1][i];
    }
    print_message("%s in both: %d of %d\n", step, together, either);
    assert_true(either > 1000); /* ten seconds */
    assert_true(together * 100 >= either * 85);
    assert_true(number(both[0], duration) == number(both[1], duration));
    mli_json_free(both[0]);
    mli_json_free(both[1]);
}

static void speech_stays_where_it_is(void **state)
{
    expect_in_place(*state, "vad", "speech.json", "segments", "duration_seconds");
}

static void speakers_stay_where_they_are(void **state)
{
    expect_in_place(*state, "diarization", "speakers.json", "turns", "duration");
}

static int64_t milliseconds(const mli_json *coverage, const char *label)
{
    return mli_json_int(mli_json_get(mli_json_get(coverage, "milliseconds"), label), -1);
}

/* Speech and text lie on one time line in the ledger of the bundle. */
static void the_ledger_is_that_of_the_input(void **state)
{
    kit *k = *state;
    char plain_id[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES];
    static const char steps[] = "{\"steps\":[\"vad\",\"asr\",\"bundle\"]";
    char request[400];
    (void)snprintf(request, sizeof(request), "%s}", steps);
    modellab_run_unref(kit_execute_sample(k, request, NULL, plain_id));
    (void)snprintf(request, sizeof(request), "%s,\"preprocessing\":[" MOVING "]}", steps);
    modellab_run_unref(kit_execute_sample(k, request, NULL, id));
    mli_json *plain = kit_read_json(k, plain_id, "coverage.json");
    mli_json *moved = kit_read_json(k, id, "coverage.json");
    print_message("transcribed %lld -> %lld ms, dropped %lld -> %lld ms\n",
                  (long long)milliseconds(plain, "transcribed"),
                  (long long)milliseconds(moved, "transcribed"),
                  (long long)milliseconds(plain, "dropped"),
                  (long long)milliseconds(moved, "dropped"));
    assert_int_equal(milliseconds(moved, "duration"), 30000);
    assert_true(milliseconds(moved, "dropped") < milliseconds(plain, "dropped") + 1500);
    assert_true(milliseconds(moved, "non_speech") > 3000); /* the silence at the beginning */
    mli_json_free(plain);
    mli_json_free(moved);
}

/* The step of a run has its result from `parent`; so says the record. */
static void expect_taken_over(const modellab_run *run, const char *name, const char *parent)
{
    char reused[128];
    modellab_step_info step = {.size = sizeof(step)};
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        assert_int_equal(modellab_run_step_at(run, i, &step, NULL), MODELLAB_OK);
        if (strcmp(step.name, name) == 0) {
            break;
        }
    }
    assert_string_equal(step.name, name);
    assert_string_equal(step.reused_from, parent);
    (void)snprintf(reused, sizeof(reused), "\"reused_from\":\"%s\"", parent);
    kit_expect_json(run, reused);
}

/* The step is taken over by a retry; what it makes the others hear is made again. */
static void a_retry_hears_the_same(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], whole[MODELLAB_RUN_ID_BYTES], child[MODELLAB_RUN_ID_BYTES];
    static const char request[] = "{\"preprocessing\":[" MOVING "],\"config\":{" WORDS "}}";
    modellab_run_unref(kit_execute_sample(k, request, NULL, whole));
    modellab_run *run = kit_execute_sample(k, request, "asr", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    modellab_run_unref(run);
    assert_int_equal(modellab_run_retry(k->lab, id, NULL, child, NULL), MODELLAB_OK);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, child), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    run = kit_load(k, child);
    expect_taken_over(run, "enhance", id);
    modellab_run_unref(run);
    size_t bytes = 0, more = 0;
    char *first = kit_read_artifact(k, whole, "transcript.json", &bytes);
    char *again = kit_read_artifact(k, child, "transcript.json", &more);
    assert_int_equal(bytes, more);
    assert_memory_equal(first, again, bytes);
    free(first);
    free(again);
}

static void what_does_not_fit_fails(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run =
        kit_execute_sample(k, "{\"preprocessing\":[\"extract_channel(channel=3)\"]}", NULL, id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    assert_string_equal(info.failed_step, "enhance");
    assert_non_null(strstr(info.message, "the audio has 1 channel"));
    modellab_run_unref(run);
}

/* What a worker that died had recognised stands at the times of the input. */
static void a_death_keeps_the_times_of_the_input(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run =
        kit_execute_sample(k, "{\"preprocessing\":[\"speed(factor=1.5)\"]}", "asr:die_windows", id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    modellab_run_unref(run);
    mli_json *partial = kit_read_json(k, id, "transcript.partial.json");
    const mli_json *segments = mli_json_get(partial, "segments");
    size_t count = mli_json_count(segments);
    assert_true(count > 0);
    /* 30 s of input, of which 20 s were heard */
    double end = number(mli_json_at(segments, count - 1), "end");
    print_message("%zu segments until %.2f s\n", count, end);
    assert_true(end > 21 && end <= 30.1);
    mli_json_free(partial);
}

int main(int argc, char **argv)
{
    static const char *const more[] = {"silero-vad-v6", "ge2e-speaker", NULL};
    const struct CMUnitTest tests[] = {
        KIT_TEST(times_stay_those_of_the_input),
        KIT_TEST(speech_stays_where_it_is),
        KIT_TEST(speakers_stay_where_they_are),
        KIT_TEST(the_ledger_is_that_of_the_input),
        KIT_TEST(a_death_keeps_the_times_of_the_input),
        KIT_TEST(a_retry_hears_the_same),
        KIT_TEST(what_does_not_fit_fails),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, more, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
