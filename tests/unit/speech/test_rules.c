/* Whisper's rules on hand-made logits: what may be said next. */
#include "unit/unit.h"

#include "unit/speech/near.h"

#include "speech/whisper_rules.h"
#include <math.h>

enum { EOT = 10, NO_TIMES = 12, FIRST = 13, VOCAB = 24 }; /* 11 = another special; 11 timestamps */

static const int32_t suppress[] = {3, 11, -1, 999};
static const int32_t begin[] = {2, EOT};

static const mli_whisper_rules rules = {.n_vocab = VOCAB,
                                        .eot = EOT,
                                        .no_timestamps = NO_TIMES,
                                        .timestamp_begin = FIRST,
                                        .suppress = suppress,
                                        .suppress_count = 4,
                                        .begin = begin,
                                        .begin_count = 2,
                                        .timestamps = true,
                                        .max_initial_offset = 4};

static void fill(float *logits, float text, float times)
{
    for (int i = 0; i < VOCAB; i++)
        logits[i] = i < FIRST ? text : times;
}

static bool allowed(const float *logits, int id)
{
    return logits[id] > -INFINITY;
}

static void first_token_is_an_early_timestamp(void **state)
{
    (void)state;
    float logits[VOCAB];
    fill(logits, 5, 0);
    (void)mli_whisper_rules_apply(&rules, NULL, 0, logits);
    for (int i = 0; i < VOCAB; i++)
        assert_int_equal(allowed(logits, i), i >= FIRST && i <= FIRST + 4);
}

static void lists_are_suppressed_and_bad_ids_ignored(void **state)
{
    (void)state;
    const int32_t said[] = {FIRST, 4};
    float logits[VOCAB];
    fill(logits, 5, 0);
    (void)mli_whisper_rules_apply(&rules, said, 2, logits);
    assert_false(allowed(logits, 3));
    assert_false(allowed(logits, 11));
    assert_false(allowed(logits, NO_TIMES));
    assert_true(allowed(logits, 2)); /* blank only at the start */
    assert_true(allowed(logits, EOT));
}

static void without_timestamps_only_lists_count(void **state)
{
    (void)state;
    mli_whisper_rules plain = rules;
    float logits[VOCAB];
    plain.timestamps = false;
    fill(logits, 0, 9);
    assert_true(isinf(mli_whisper_rules_apply(&plain, NULL, 0, logits)));
    assert_false(allowed(logits, 2));
    assert_false(allowed(logits, EOT));
    assert_true(allowed(logits, 0));
    assert_true(allowed(logits, VOCAB - 1));
}

static void text_follows_the_first_timestamp(void **state)
{
    (void)state;
    const int32_t said[] = {FIRST + 2};
    float logits[VOCAB];
    fill(logits, 0, 9);
    (void)mli_whisper_rules_apply(&rules, said, 1, logits);
    for (int i = FIRST; i < VOCAB; i++)
        assert_false(allowed(logits, i));
    assert_true(allowed(logits, 4));
    assert_true(allowed(logits, EOT));
}

static void an_ending_timestamp_needs_its_pair_or_the_end(void **state)
{
    (void)state;
    const int32_t said[] = {FIRST, 4, FIRST + 3};
    float logits[VOCAB];
    fill(logits, 0, 0);
    (void)mli_whisper_rules_apply(&rules, said, 3, logits);
    for (int i = 0; i < EOT; i++)
        assert_false(allowed(logits, i));
    for (int i = FIRST; i < VOCAB; i++)
        assert_int_equal(allowed(logits, i), i >= FIRST + 3); /* equal to the end is fine */
}

/* Logits below the least id need not be known: after each history they are forbidden. */
static void below_the_least_all_is_forbidden(void **state)
{
    (void)state;
    const int32_t said[] = {FIRST, 4, FIRST + 3, FIRST + 3, 5, FIRST + 4};
    const int32_t want[] = {0, 0, 0, EOT, 0, 0, EOT};
    for (size_t count = 0; count <= sizeof said / sizeof said[0]; count++) {
        float logits[VOCAB];
        int32_t least = mli_whisper_rules_least(&rules, said, count);
        fill(logits, 0, 0);
        (void)mli_whisper_rules_apply(&rules, said, count, logits);
        assert_int_equal(least, want[count]);
        for (int32_t i = 0; i < least; i++)
            assert_false(allowed(logits, i));
    }
    mli_whisper_rules plain = rules;
    plain.timestamps = false;
    assert_int_equal(mli_whisper_rules_least(&plain, said, 3), 0);
}

/* In a chunk of speech nothing follows its window: what has begun in it is said. */
static void a_segment_that_began_early_is_said(void **state)
{
    (void)state;
    static const struct {
        int32_t said[4];
        size_t count;
        int32_t must_say;
        bool may_end;
    } cases[] = {{{FIRST, 4, FIRST + 3, FIRST + 3}, 4, 4, false},
                 {{FIRST, 4, FIRST + 3, FIRST + 3}, 4, 3, true}, /* so late nothing is missed */
                 {{FIRST, 4, FIRST + 3, FIRST + 3}, 4, 0, true},
                 {{FIRST, 4, FIRST + 3}, 3, 9, true}, /* the end of a segment */
                 {{FIRST, 4}, 2, 9, true},
                 {{FIRST}, 1, 9, true}}; /* silence has no text */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mli_whisper_rules chunk = rules;
        float logits[VOCAB];
        chunk.must_say = cases[i].must_say;
        fill(logits, 5, 0);
        (void)mli_whisper_rules_apply(&chunk, cases[i].said, cases[i].count, logits);
        assert_int_equal(allowed(logits, EOT), cases[i].may_end);
    }
}

/* When all of a chunk is to be said: after 1 token of text a segment lasts at most 190 steps. */
static void dense_speech_has_no_holes(void **state)
{
    (void)state;
    enum { TIMES = 400 };
    static float logits[FIRST + TIMES];
    static const struct {
        int32_t said[5];
        size_t count, least, most;
        bool may_end;
    } cases[] = {{{FIRST + 20, 4}, 2, 21, 210, true},
                 {{FIRST + 20, 4, 5, 6}, 4, 21, 290, true},
                 {{FIRST, 4, FIRST + 30}, 3, 30, 180, false},
                 {{FIRST, 4, FIRST + 300}, 3, 300, TIMES - 1, true},
                 {{FIRST, 4, FIRST + 30, FIRST + 40, 4}, 5, 41, 230, true}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mli_whisper_rules dense = rules;
        dense.n_vocab = FIRST + TIMES;
        dense.dense = true;
        dense.must_say = 250;
        for (size_t i = 0; i < FIRST + TIMES; i++)
            logits[i] = 0;
        (void)mli_whisper_rules_apply(&dense, cases[c].said, cases[c].count, logits);
        for (size_t i = 0; i < TIMES; i++)
            assert_int_equal(allowed(logits, (int)(FIRST + i)),
                             i >= cases[c].least && i <= cases[c].most);
        for (size_t i = 0; i < FIRST; i++)
            logits[i] = 100; /* text is likelier than all timestamps */
        (void)mli_whisper_rules_apply(&dense, cases[c].said, cases[c].count, logits);
        assert_int_equal(allowed(logits, EOT), cases[c].may_end);
    }
}

static void a_segment_is_never_empty_and_time_never_goes_back(void **state)
{
    (void)state;
    const int32_t open[] = {FIRST + 2, 4};
    const int32_t later[] = {FIRST, 4, FIRST + 3, FIRST + 3, 5};
    float logits[VOCAB];
    fill(logits, 0, 9);
    (void)mli_whisper_rules_apply(&rules, open, 2, logits);
    for (int i = FIRST; i < VOCAB; i++)
        assert_int_equal(allowed(logits, i), i > FIRST + 2);
    fill(logits, 0, 9);
    (void)mli_whisper_rules_apply(&rules, later, 5, logits);
    for (int i = FIRST; i < VOCAB; i++)
        assert_int_equal(allowed(logits, i), i > FIRST + 3);
}

static void timestamps_win_by_their_sum(void **state)
{
    (void)state;
    const int32_t said[] = {FIRST, 4};
    float logits[VOCAB];
    /* Ten timestamps of probability p beat a text token of 9 p, and lose to one of 11 p. */
    fill(logits, -20, 0);
    logits[5] = logf(9.0f);
    float gap = mli_whisper_rules_apply(&rules, said, 2, logits);
    assert_false(allowed(logits, 5));
    assert_true(allowed(logits, FIRST + 1));
    assert_near(gap, logf(10.0f / 9.0f), 1e-5);
    fill(logits, -20, 0);
    logits[5] = logf(11.0f);
    gap = mli_whisper_rules_apply(&rules, said, 2, logits);
    assert_true(allowed(logits, 5));
    assert_true(allowed(logits, FIRST + 1));
    assert_near(gap, logf(11.0f / 10.0f), 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_token_is_an_early_timestamp),
        cmocka_unit_test(lists_are_suppressed_and_bad_ids_ignored),
        cmocka_unit_test(without_timestamps_only_lists_count),
        cmocka_unit_test(text_follows_the_first_timestamp),
        cmocka_unit_test(below_the_least_all_is_forbidden),
        cmocka_unit_test(an_ending_timestamp_needs_its_pair_or_the_end),
        cmocka_unit_test(a_segment_that_began_early_is_said),
        cmocka_unit_test(dense_speech_has_no_holes),
        cmocka_unit_test(a_segment_is_never_empty_and_time_never_goes_back),
        cmocka_unit_test(timestamps_win_by_their_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
