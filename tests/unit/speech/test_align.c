/* Warping against exhaustive search, normalisation and median by hand. */
#include "unit/unit.h"

#include "unit/speech/near.h"

#include "base/random.h"
#include "speech/whisper_align.h"
#include "unit/failing_alloc.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { ROWS = 4, COLUMNS = 6 };

static void fill(uint32_t seed, float *out, size_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t counter[4] = {i, 0, 0, 0}, random[4];
        mli_philox(seed, counter, random);
        out[i] = (float)mli_philox_uniform(random[0], random[1]);
    }
}

/* Best sum of weights over all monotone paths from the first to the last cell. */
static double best_path(const float *w, size_t i, size_t j)
{
    double here = (double)w[i * COLUMNS + j], best = -INFINITY;
    if (i == 0 && j == 0)
        return here;
    if (i > 0)
        best = fmax(best, best_path(w, i - 1, j));
    if (j > 0)
        best = fmax(best, best_path(w, i, j - 1));
    if (i > 0 && j > 0)
        best = fmax(best, best_path(w, i - 1, j - 1));
    return here + best;
}

/* Best sum over the paths on which row r begins in column start[r]. */
static double best_with_starts(const float *w, const int32_t *start, size_t i, size_t j)
{
    double here = (double)w[i * COLUMNS + j], best = -INFINITY;
    if (i == 0 && j == 0)
        return start[0] == 0 ? here : -INFINITY;
    if (j > 0 && (int32_t)j > start[i])
        best = fmax(best, best_with_starts(w, start, i, j - 1));
    if (i > 0 && (int32_t)j == start[i]) {
        best = fmax(best, best_with_starts(w, start, i - 1, j));
        if (j > 0)
            best = fmax(best, best_with_starts(w, start, i - 1, j - 1));
    }
    return here + best;
}

static void the_path_is_the_cheapest(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 200; seed++) {
        float w[ROWS * COLUMNS];
        int32_t start[ROWS];
        fill(seed, w, ROWS * COLUMNS);
        assert_int_equal(mli_whisper_dtw(NULL, w, ROWS, COLUMNS, COLUMNS, NULL, start, NULL),
                         MODELLAB_OK);
        /* Longer paths collect more weight: costs are -w, sums of w are to be greatest. */
        double best = best_path(w, ROWS - 1, COLUMNS - 1);
        assert_near(best_with_starts(w, start, ROWS - 1, COLUMNS - 1), best, 1e-5);
        for (int r = 1; r < ROWS; r++)
            assert_true(start[r] >= start[r - 1]);
        start[1] = start[1] == 0 ? 1 : start[1] - 1; /* negative control: another start is worse */
        assert_true(best_with_starts(w, start, ROWS - 1, COLUMNS - 1) < best);
    }
}

static void a_clear_diagonal_is_found(void **state)
{
    (void)state;
    float w[3 * 9];
    int32_t start[3];
    for (int i = 0; i < 27; i++)
        w[i] = i % 9 / 3 == i / 9 ? 1 : -1;
    assert_int_equal(mli_whisper_dtw(NULL, w, 3, 9, 9, NULL, start, NULL), MODELLAB_OK);
    assert_int_equal(start[0], 0);
    assert_int_equal(start[1], 3);
    assert_int_equal(start[2], 6);
}

static void one_row_or_column(void **state)
{
    (void)state;
    const float w[5] = {1, 2, 3, 4, 5};
    int32_t start[5];
    assert_int_equal(mli_whisper_dtw(NULL, w, 1, 5, 5, NULL, start, NULL), MODELLAB_OK);
    assert_int_equal(start[0], 0);
    assert_int_equal(mli_whisper_dtw(NULL, w, 5, 1, 1, NULL, start, NULL), MODELLAB_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(start[i], 0);
    assert_int_equal(mli_whisper_dtw(NULL, w, 0, 5, 5, NULL, start, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
}

static void heads_are_standardised_and_smoothed(void **state)
{
    (void)state;
    enum { TOKENS = 3, FRAMES = 9, STRIDE = 12 };
    float attention[TOKENS * STRIDE], plain[TOKENS][FRAMES], matrix[TOKENS * FRAMES];
    fill(42, attention, TOKENS * STRIDE);
    memset(matrix, 0, sizeof matrix);
    for (int i = 0; i < TOKENS; i++) {
        double sum = 0;
        for (int t = 0; t < FRAMES; t++)
            sum += (double)attention[i * STRIDE + t];
        for (int t = 0; t < FRAMES; t++)
            plain[i][t] = (float)((double)attention[i * STRIDE + t] / sum);
    }
    for (int t = 0; t < FRAMES; t++) {
        double mean = 0, var = 0;
        for (int i = 0; i < TOKENS; i++)
            mean += (double)plain[i][t] / TOKENS;
        for (int i = 0; i < TOKENS; i++)
            var += pow((double)plain[i][t] - mean, 2) / TOKENS;
        for (int i = 0; i < TOKENS; i++)
            plain[i][t] = (float)(((double)plain[i][t] - mean) / sqrt(var));
    }
    mli_whisper_align_head(attention, TOKENS, STRIDE, FRAMES, NULL, matrix);
    for (int i = 0; i < TOKENS; i++)
        for (int t = 0; t < FRAMES; t++) {
            int less = 0, same = 0;
            float value = matrix[i * FRAMES + t];
            for (int k = t - 3; k <= t + 3; k++) { /* reflected at both ends */
                int at = k < 0 ? -k : k >= FRAMES ? 2 * (FRAMES - 1) - k : k;
                less += plain[i][at] < value - 1e-5f;
                same += fabsf(plain[i][at] - value) <= 1e-5f;
            }
            assert_true(less <= 3 && less + same >= 4);
        }
}

static void equal_attention_gives_zeros_not_nan(void **state)
{
    (void)state;
    float attention[2 * 5], matrix[2 * 5] = {0};
    for (int i = 0; i < 10; i++)
        attention[i] = 0.2f;
    mli_whisper_align_head(attention, 2, 5, 5, NULL, matrix);
    for (int i = 0; i < 10; i++)
        assert_near(matrix[i], 0, 0);
}

static void cancel_and_short_memory(void **state)
{
    (void)state;
    float w[ROWS * COLUMNS] = {0};
    int32_t start[ROWS];
    mli_cancel_word word = 1;
    float attention[2 * 5] = {0.1f, 0.3f, 0.2f, 0.2f, 0.2f, 0.2f, 0.1f, 0.4f, 0.2f, 0.1f};
    float matrix[2 * 5] = {0};
    mli_whisper_align_head(attention, 2, 5, 5, &word, matrix); /* does nothing any more */
    for (int i = 0; i < 10; i++)
        assert_near(matrix[i], 0, 0);
    assert_int_equal(mli_whisper_dtw(NULL, w, ROWS, COLUMNS, COLUMNS, &word, start, NULL),
                     MODELLAB_E_CANCELLED);
    for (long n = 0; n < 3; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        assert_int_equal(mli_whisper_dtw(&table, w, ROWS, COLUMNS, COLUMNS, NULL, start, NULL),
                         MODELLAB_E_NO_MEMORY);
        assert_int_equal(f.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_the_cheapest),
        cmocka_unit_test(a_clear_diagonal_is_found),
        cmocka_unit_test(one_row_or_column),
        cmocka_unit_test(heads_are_standardised_and_smoothed),
        cmocka_unit_test(equal_attention_gives_zeros_not_nan),
        cmocka_unit_test(cancel_and_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
