/* Checkpoints: what is written comes back to the bit; chains follow attempts, replace what is done
 * again, and never mix works; senseless lines end nothing. */
#include "lab/checkpoint.h"

#include "base/alloc.h"
#include "base/json.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <math.h>
#include <string.h>

static const char key_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char key_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static const int32_t tokens[] = {50364, 11, 0, 50400};
static const float probabilities[] = {0.1f, 1.0f, 1e-38f, 0.33333334f};
static const mli_transcript_word words[] = {
    {.start = 0.1, .end = 0.30000000000000004, .probability = 1.0 / 3, .text = " one"},
    {.start = 1e-300, .end = 2, .probability = NAN, .text = " \xff\"\n"}};

static mli_transcript_segment sample(const char *text)
{
    return (mli_transcript_segment){.seek = 12,
                                    .start = 0.1 + 0.2,
                                    .end = 4.0 / 3,
                                    .text = text,
                                    .tokens = tokens,
                                    .token_probabilities = probabilities,
                                    .token_count = 4,
                                    .words = words,
                                    .word_count = 2,
                                    .temperature = 0.2,
                                    .avg_logprob = -0.1234567890123456789,
                                    .compression_ratio = 1.5,
                                    .no_speech_prob = NAN};
}

/* A window as the line of a journal. */
static modellab_status take(mli_checkpoint_chain *chain, const char *key, size_t window,
                            int64_t from, int64_t to, const char *text, modellab_error *err)
{
    static const int32_t history[] = {1, 2, 50256};
    mli_asr_mark mark = {.seek = to,
                         .mel_max = 1.1f,
                         .language = 3,
                         .language_probability = 0.7000000000000001,
                         .last_speech = -0.0,
                         .history = history,
                         .history_count = 3};
    mli_transcript_segment segment = sample(text);
    mli_journal_line line = {.type = MLI_CHECKPOINT_TYPE};
    mli_json *object = NULL;
    mli_buf json;
    mli_jw w;
    mli_buf_init(&json, NULL);
    mli_jw_init(&w, &json);
    mli_jw_object(&w);
    mli_checkpoint_write(&w, key, window, from, &mark, &segment, 1);
    mli_jw_end_object(&w);
    assert_int_equal(json.status, MODELLAB_OK);
    assert_int_equal(mli_json_parse(json.data, json.size, json.size, &object, NULL), MODELLAB_OK);
    line.object = object;
    modellab_status status = mli_checkpoint_take(chain, &line, err);
    mli_json_free(object);
    mli_buf_dispose(&json);
    return status;
}

static void must_take(mli_checkpoint_chain *chain, const char *key, size_t window, int64_t from,
                      int64_t to, const char *text)
{
    assert_int_equal(take(chain, key, window, from, to, text, NULL), MODELLAB_OK);
}

static char *joined(const mli_checkpoint_chain *chain)
{
    mli_transcript *t = NULL;
    assert_int_equal(mli_transcript_create(NULL, &t, NULL), MODELLAB_OK);
    assert_int_equal(mli_checkpoint_segments(chain, t, NULL), MODELLAB_OK);
    assert_int_equal(mli_transcript_finish(t, NULL), MODELLAB_OK);
    char *text = mli_strdup(NULL, t->text);
    mli_transcript_unref(t);
    return text;
}

static void expect_text(const mli_checkpoint_chain *chain, const char *expected)
{
    char *text = joined(chain);
    assert_string_equal(text, expected);
    mli_free(NULL, text);
}

static void expect_same_bits(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof(a));
}

static void what_is_written_comes_back(void **state)
{
    mli_checkpoint_chain chain;
    mli_transcript *t = NULL;
    mli_asr_mark mark;
    int32_t *history = NULL;
    mli_transcript_segment s = sample(" one \xff\xfe two");
    (void)state;
    mli_checkpoint_chain_init(&chain, NULL);
    must_take(&chain, key_a, 0, 0, 2800, s.text);
    assert_int_equal(mli_transcript_create(NULL, &t, NULL), MODELLAB_OK);
    assert_int_equal(mli_checkpoint_segments(&chain, t, NULL), MODELLAB_OK);
    assert_int_equal(t->segment_count, 1);
    const mli_transcript_segment *back = &t->segments[0];
    assert_string_equal(back->text, s.text);
    expect_same_bits(back->start, s.start);
    expect_same_bits(back->end, s.end);
    expect_same_bits(back->avg_logprob, s.avg_logprob);
    expect_same_bits(back->no_speech_prob, s.no_speech_prob);
    assert_int_equal(back->seek, 12);
    assert_memory_equal(back->tokens, tokens, sizeof(tokens));
    assert_memory_equal(back->token_probabilities, probabilities, sizeof(probabilities));
    for (size_t i = 0; i < 2; i++) {
        expect_same_bits(back->words[i].start, words[i].start);
        expect_same_bits(back->words[i].end, words[i].end);
        expect_same_bits(back->words[i].probability, words[i].probability);
        assert_string_equal(back->words[i].text, words[i].text);
    }
    assert_int_equal(mli_checkpoint_mark(&chain, &mark, &history, NULL), MODELLAB_OK);
    assert_int_equal(mark.seek, 2800);
    assert_true(mark.mel_max == 1.1f);
    assert_int_equal(mark.language, 3);
    expect_same_bits(mark.language_probability, 0.7000000000000001);
    expect_same_bits(mark.last_speech, -0.0);
    assert_int_equal(mark.history_count, 3);
    assert_int_equal(mark.history[2], 50256);
    mli_free(NULL, history);
    mli_transcript_unref(t);
    mli_checkpoint_chain_dispose(&chain);
}

static void chains_follow_the_work(void **state)
{
    mli_checkpoint_chain chain;
    (void)state;
    mli_checkpoint_chain_init(&chain, NULL);
    must_take(&chain, key_a, 1, 100, 200, " lost"); /* no first window */
    assert_int_equal(chain.count, 0);
    must_take(&chain, key_a, 0, 0, 100, " a");
    must_take(&chain, key_a, 1, 100, 200, " b");
    must_take(&chain, key_a, 1, 100, 200, " b"); /* done again by another attempt */
    must_take(&chain, key_a, 3, 300, 400, " gap");
    must_take(&chain, key_a, 2, 150, 400, " elsewhere");
    must_take(&chain, key_b, 2, 200, 300, " other");
    must_take(&chain, key_a, 2, 200, 200, " standing");
    expect_text(&chain, "a b");
    must_take(&chain, key_a, 2, 200, 300, " c");
    expect_text(&chain, "a b c");
    must_take(&chain, key_a, 1, 100, 250, " B"); /* from here on anew */
    expect_text(&chain, "a B");
    must_take(&chain, key_b, 0, 0, 90, " x");
    must_take(&chain, key_a, 1, 90, 250, " mixed");
    expect_text(&chain, "x");
    assert_string_equal(chain.key, key_b);
    mli_checkpoint_chain_dispose(&chain);
}

static void senseless_windows_are_told(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"state\":{\"mel_max\":\"zz\"}}",
        "{\"state\":{\"mel_max\":\"3f800000\",\"language\":0,\"language_probability\":1}}",
        "{\"state\":{\"mel_max\":\"3f800000\",\"language\":0,\"language_probability\":"
        "\"0000000000000000\",\"last_speech\":\"0000000000000000\",\"history\":[-1]}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mli_checkpoint_chain chain;
        mli_asr_mark mark;
        int32_t *history = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_checkpoint_chain_init(&chain, NULL);
        must_take(&chain, key_a, 0, 0, 100, " a");
        mli_buf_clear(&chain.text);
        mli_buf_append_text(&chain.text, bad[i]);
        chain.windows[0].text_bytes = chain.text.size;
        assert_int_equal(mli_checkpoint_mark(&chain, &mark, &history, &err),
                         MODELLAB_E_INVALID_JSON);
        assert_null(history);
        mli_checkpoint_chain_dispose(&chain);
    }
}

static modellab_status all_of_it(const modellab_allocator *alloc)
{
    mli_checkpoint_chain chain;
    mli_transcript *t = NULL;
    mli_asr_mark mark;
    int32_t *history = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_checkpoint_chain_init(&chain, alloc);
    modellab_status status = take(&chain, key_a, 0, 0, 100, " a\xff", &err);
    if (status == MODELLAB_OK) {
        status = mli_transcript_create(alloc, &t, &err);
    }
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_segments(&chain, t, &err);
    }
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_mark(&chain, &mark, &history, &err);
    }
    mli_free(alloc, history);
    mli_transcript_unref(t);
    mli_checkpoint_chain_dispose(&chain);
    return status;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    for (long n = 0; n < 500; n++) {
        failing_alloc faults = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&faults);
        modellab_status status = all_of_it(&table);
        assert_int_equal(faults.live, 0);
        if (faults.calls <= n) {
            assert_int_equal(status, MODELLAB_OK);
            assert_true(n > 8);
            return;
        }
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
    }
    fail_msg("it does not come to an end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(chains_follow_the_work),
        cmocka_unit_test(senseless_windows_are_told),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
