/* Greedy, sampling and beam search on a model that can be searched exhaustively. */
#include "unit/unit.h"

#include "unit/speech/near.h"

#include "unit/failing_alloc.h"
#include "unit/speech/toy_lm.h"
#include <stdlib.h>

static const mli_whisper_search_options greedy = {
    .length_penalty = -1, .max_tokens = 8, .best_of = 1};

static void log_probs(const toy_lm *lm, const int32_t *past, size_t count, float *out)
{
    double sum = 0;
    toy_logits(lm, past, count, out);
    for (int i = 0; i < TOY_VOCAB; i++)
        sum += exp((double)out[i]);
    for (int i = 0; i < TOY_VOCAB; i++)
        out[i] -= (float)log(sum);
}

static void greedy_says_the_likeliest_token_each_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        toy_lm lm = {.seed = seed, .sharpness = 4};
        mli_whisper_found found;
        int32_t past[TOY_LONGEST];
        size_t count = 0;
        float sum = 0, row[TOY_VOCAB];
        bool ended = false;
        while (!ended && count < greedy.max_tokens) {
            int best = 0;
            log_probs(&lm, past, count, row);
            for (int i = 1; i < TOY_VOCAB; i++)
                best = row[i] > row[best] ? i : best;
            sum += row[best];
            ended = best == TOY_EOT;
            if (!ended)
                past[count++] = best;
        }
        assert_int_equal(toy_search(&lm, NULL, &greedy, NULL, &found, NULL), MODELLAB_OK);
        assert_int_equal(found.count, count);
        assert_memory_equal(found.tokens, past, count * sizeof *past);
        assert_near(found.sum_logprob, sum, 1e-4);
        assert_near(found.avg_logprob, (double)sum / (double)(count + 1), 1e-4);
        assert_non_null(found.margins);
        mli_whisper_found_dispose(NULL, &found);
    }
}

static void a_beam_of_one_is_greedy(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        toy_lm lm = {.seed = seed, .sharpness = 4};
        mli_whisper_search_options beam = greedy;
        mli_whisper_found a, b;
        beam.beam_size = 1;
        assert_int_equal(toy_search(&lm, NULL, &greedy, NULL, &a, NULL), MODELLAB_OK);
        assert_int_equal(toy_search(&lm, NULL, &beam, NULL, &b, NULL), MODELLAB_OK);
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.tokens, b.tokens, a.count * sizeof *a.tokens);
        assert_near(a.sum_logprob, b.sum_logprob, 0);
        mli_whisper_found_dispose(NULL, &a);
        mli_whisper_found_dispose(NULL, &b);
    }
}

/* The reference's algorithm once more, plainly: all prefixes as arrays, offers sorted by qsort. */
typedef struct prefix {
    int32_t tokens[TOY_LONGEST];
    size_t count, order;
    float sum;
} prefix;

static int by_sum(const void *a, const void *b)
{
    const prefix *x = a, *y = b;
    if (x->sum != y->sum)
        return x->sum > y->sum ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void plain_beam(const toy_lm *lm, size_t size, size_t wanted, size_t most, double penalty,
                       prefix *best)
{
    prefix rows[16], done[64], offers[16 * TOY_VOCAB];
    size_t row_count = 1, done_count = 0;
    memset(rows, 0, sizeof rows);
    for (size_t step = 0; step < most && done_count < wanted; step++) {
        size_t offer_count = 0, kept = 0;
        for (size_t r = 0; r < row_count; r++) {
            float lp[TOY_VOCAB];
            prefix all[TOY_VOCAB];
            log_probs(lm, rows[r].tokens, rows[r].count, lp);
            for (int i = 0; i < TOY_VOCAB; i++) {
                all[i] = rows[r];
                all[i].tokens[all[i].count++] = i;
                all[i].sum += lp[i];
                all[i].order = (size_t)i;
            }
            qsort(all, TOY_VOCAB, sizeof all[0], by_sum);
            for (size_t i = 0; i < size + 1 && i < TOY_VOCAB; i++) {
                offers[offer_count] = all[i];
                offers[offer_count].order = offer_count;
                offer_count++;
            }
        }
        qsort(offers, offer_count, sizeof offers[0], by_sum);
        for (size_t i = 0; i < offer_count && kept < size; i++) {
            if (offers[i].tokens[offers[i].count - 1] != TOY_EOT) {
                rows[kept++] = offers[i];
            } else if (done_count < wanted) {
                done[done_count] = offers[i];
                done[done_count++].count--;
            }
        }
        row_count = kept;
    }
    for (size_t r = 0; r < row_count && done_count < size; r++)
        done[done_count++] = rows[r];
    double best_score = -INFINITY;
    for (size_t i = 0; i < done_count; i++) {
        double length = (double)done[i].count;
        double score =
            (double)done[i].sum / (penalty < 0 ? length : pow((5 + length) / 6, penalty));
        if (score > best_score) {
            best_score = score;
            *best = done[i];
        }
    }
}

static void beams_equal_the_plain_algorithm(void **state)
{
    (void)state;
    static const struct {
        int32_t size;
        double patience, penalty;
        size_t wanted;
    } cases[] = {{2, 1, -1, 2}, {3, 1, 0.6, 3}, {5, 1, -1, 5}, {3, 2, -1, 6}, {5, 0.5, 1, 2}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (uint64_t seed = 0; seed < 60; seed++) {
            toy_lm lm = {.seed = seed, .sharpness = 3};
            mli_whisper_search_options o = greedy;
            mli_whisper_found found;
            prefix best;
            memset(&best, 0, sizeof best);
            o.beam_size = cases[c].size;
            o.patience = cases[c].patience;
            o.length_penalty = cases[c].penalty;
            plain_beam(&lm, (size_t)o.beam_size, cases[c].wanted, o.max_tokens, o.length_penalty,
                       &best);
            assert_int_equal(toy_search(&lm, NULL, &o, NULL, &found, NULL), MODELLAB_OK);
            assert_int_equal(found.count, best.count);
            assert_memory_equal(found.tokens, best.tokens, best.count * sizeof(int32_t));
            assert_near(found.sum_logprob, best.sum, 1e-4);
            assert_true(lm.largest_batch <= (size_t)o.beam_size);
            mli_whisper_found_dispose(NULL, &found);
        }
}

static void wide_beams_beat_greedy(void **state)
{
    (void)state;
    int better = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        toy_lm lm = {.seed = seed, .sharpness = 2};
        mli_whisper_search_options o = greedy;
        mli_whisper_found a, b;
        o.beam_size = 5;
        o.length_penalty = 0; /* compare whole probabilities */
        assert_int_equal(toy_search(&lm, NULL, &greedy, NULL, &a, NULL), MODELLAB_OK);
        assert_int_equal(toy_search(&lm, NULL, &o, NULL, &b, NULL), MODELLAB_OK);
        better += b.sum_logprob > a.sum_logprob;
        mli_whisper_found_dispose(NULL, &a);
        mli_whisper_found_dispose(NULL, &b);
    }
    assert_true(better > 20);
}

static void sampling_replays_and_follows_the_distribution(void **state)
{
    (void)state;
    toy_lm lm = {.seed = 7, .sharpness = 2};
    mli_whisper_search_options o = greedy;
    float lp[TOY_VOCAB];
    int hits[TOY_VOCAB] = {0};
    const int draws = 4000;
    o.temperature = 0.7f;
    o.max_tokens = 1;
    for (int i = 0; i < draws; i++) {
        mli_whisper_found a, b;
        o.seed = (uint64_t)i;
        assert_int_equal(toy_search(&lm, NULL, &o, NULL, &a, NULL), MODELLAB_OK);
        assert_int_equal(toy_search(&lm, NULL, &o, NULL, &b, NULL), MODELLAB_OK);
        assert_int_equal(a.count, b.count);
        hits[a.count == 0 ? TOY_EOT : a.tokens[0]]++;
        mli_whisper_found_dispose(NULL, &a);
        mli_whisper_found_dispose(NULL, &b);
    }
    double sum = 0;
    log_probs(&lm, NULL, 0, lp);
    for (int i = 0; i < TOY_VOCAB; i++)
        sum += exp((double)lp[i] / 0.7);
    for (int i = 0; i < TOY_VOCAB; i++) /* 4 standard deviations of 4000 draws are 0.032 at most */
        assert_near((float)hits[i] / (float)draws, (float)(exp((double)lp[i] / 0.7) / sum), 0.032);
}

static void best_of_keeps_the_best_candidate(void **state)
{
    (void)state;
    int better = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        toy_lm lm = {.seed = seed, .sharpness = 3};
        mli_whisper_search_options one = greedy, five = greedy;
        mli_whisper_found a, b;
        one.temperature = five.temperature = 1;
        five.best_of = 5;
        assert_int_equal(toy_search(&lm, NULL, &one, NULL, &a, NULL), MODELLAB_OK);
        assert_int_equal(toy_search(&lm, NULL, &five, NULL, &b, NULL), MODELLAB_OK);
        double x = (double)a.sum_logprob / (double)a.count;
        double y = (double)b.sum_logprob / (double)b.count;
        assert_true(y >= x || a.count == 0); /* the first candidate draws the same numbers */
        better += y > x;
        mli_whisper_found_dispose(NULL, &a);
        mli_whisper_found_dispose(NULL, &b);
    }
    assert_true(better > 20);
}

static void cancel_and_bad_arguments_are_seen(void **state)
{
    (void)state;
    toy_lm lm = {.seed = 3, .sharpness = 1};
    mli_cancel_word word = 1;
    mli_whisper_found found;
    mli_whisper_search_options o = greedy;
    o.beam_size = 2;
    assert_int_equal(toy_search(&lm, NULL, &o, &word, &found, NULL), MODELLAB_E_CANCELLED);
    assert_null(found.tokens);
    o.beam_size = MLI_WHISPER_MAX_ROWS + 1;
    assert_int_equal(toy_search(&lm, NULL, &o, NULL, &found, NULL), MODELLAB_E_INVALID_ARGUMENT);
    o = greedy;
    o.temperature = 1;
    o.best_of = 0;
    assert_int_equal(toy_search(&lm, NULL, &o, NULL, &found, NULL), MODELLAB_E_INVALID_ARGUMENT);
    o.temperature = -1;
    assert_int_equal(toy_search(&lm, NULL, &o, NULL, &found, NULL), MODELLAB_E_INVALID_ARGUMENT);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    mli_whisper_search_options variants[3] = {greedy, greedy, greedy};
    variants[1].beam_size = 3;
    variants[2].temperature = 1;
    variants[2].best_of = 3;
    for (int v = 0; v < 3; v++) {
        modellab_status status = MODELLAB_E_NO_MEMORY;
        for (long n = 0; status != MODELLAB_OK; n++) {
            failing_alloc f = {.fail_at = n};
            modellab_allocator table = failing_alloc_table(&f);
            toy_lm lm = {.seed = 5, .sharpness = 2};
            mli_whisper_found found;
            status = toy_search(&lm, &table, &variants[v], NULL, &found, NULL);
            assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
            mli_whisper_found_dispose(&table, &found);
            assert_int_equal(f.live, 0);
            assert_true(n < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_says_the_likeliest_token_each_time),
        cmocka_unit_test(a_beam_of_one_is_greedy),
        cmocka_unit_test(beams_equal_the_plain_algorithm),
        cmocka_unit_test(wide_beams_beat_greedy),
        cmocka_unit_test(sampling_replays_and_follows_the_distribution),
        cmocka_unit_test(best_of_keeps_the_best_candidate),
        cmocka_unit_test(cancel_and_bad_arguments_are_seen),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
