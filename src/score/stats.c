/* Sums over drawn units. The counter of the generator is (unit, round): no state. */
#include "score/stats.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include <math.h>
#include <stdlib.h>

enum { LOOK_DRAWS = 200000 };

/* Random word number `index` of a round. */
static uint32_t drawn(uint64_t seed, uint32_t round, size_t index, uint32_t four[4])
{
    if (index % 4 == 0) {
        const uint32_t counter[4] = {(uint32_t)(index / 4), round, 0, 0};
        mli_philox(seed, counter, four);
    }
    return four[index % 4];
}

static double rate_of_round(const mli_score_unit *units, size_t count, uint64_t seed,
                            uint32_t round)
{
    double errors = 0.0, size = 0.0;
    uint32_t four[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        const size_t one = (size_t)((uint64_t)drawn(seed, round, i, four) * count >> 32);
        errors += units[one].errors;
        size += units[one].size;
    }
    return size > 0.0 ? errors / size : (double)NAN;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Value at a share of the sorted values, between two neighbours in proportion. */
static double quantile(const double *values, size_t count, double share)
{
    const double at = share * (double)(count - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}

modellab_status mli_score_bootstrap(const mli_score_unit *units, size_t count, uint64_t seed,
                                    uint32_t rounds, double level, const modellab_allocator *alloc,
                                    const mli_cancel_word *cancel, mli_score_interval *out,
                                    modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t made = 0, work = 0;
    *out = (mli_score_interval){(double)NAN, (double)NAN};
    double *rates = mli_alloc_array(alloc, (size_t)rounds + 1, sizeof *rates);
    if (rates == NULL)
        return mli_no_memory(err);
    for (uint32_t round = 0; status == MODELLAB_OK && count > 0 && round < rounds; round++) {
        const double rate = rate_of_round(units, count, seed, round);
        if (!isnan(rate))
            rates[made++] = rate;
        work += count;
        if (work < LOOK_DRAWS)
            continue;
        work = 0;
        if (mli_cancelled(cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
    }
    if (status == MODELLAB_OK && made > 0) {
        qsort(rates, made, sizeof *rates, by_value);
        out->low = quantile(rates, made, (1.0 - level) / 2.0);
        out->high = quantile(rates, made, (1.0 + level) / 2.0);
    }
    mli_free(alloc, rates);
    return status;
}

/* The spread is that of distances from the first difference: where all are alike it is exactly
 * nothing, however large they are (microseconds). */
static void moments(const int64_t *a, const int64_t *b, size_t count, mli_matched_pairs *out)
{
    double total = 0.0, first = 0.0, sum = 0.0, spread = 0.0, squares = 0.0, n = 0.0;
    for (size_t i = 0; i < count; i++) {
        if (a[i] == 0 && b[i] == 0)
            continue;
        const double d = (double)(a[i] - b[i]);
        if (n < 1.0)
            first = d;
        total += d;
        sum += d - first;
        spread += (d - first) * (d - first);
        squares += d * d;
        n += 1.0;
    }
    *out = (mli_matched_pairs){(int64_t)n, 0.0, (double)NAN, 1.0, 1.0, squares};
    if (n < 1.0)
        return;
    out->difference = total / n;
    const double variance = n > 1.0 ? (spread - sum * sum / n) / (n - 1.0) : 0.0;
    if (variance > 0.0) {
        out->z = out->difference / sqrt(variance / n);
        out->p = erfc(fabs(out->z) / sqrt(2.0));
    }
}

modellab_status mli_score_matched_pairs(const int64_t *a, const int64_t *b, size_t count,
                                        uint64_t seed, uint32_t rounds,
                                        const mli_cancel_word *cancel, mli_matched_pairs *out,
                                        modellab_error *err)
{
    int64_t seen = 0, at_least = 0;
    size_t work = 0;
    moments(a, b, count, out);
    for (size_t i = 0; i < count; i++)
        seen += a[i] - b[i];
    for (uint32_t round = 0; round < rounds; round++) { /* each segment's pair is swapped or not */
        int64_t sum = 0;
        uint32_t four[4] = {0, 0, 0, 0};
        for (size_t i = 0; i < count; i++)
            sum += (drawn(seed, round, i, four) & 1) != 0 ? a[i] - b[i] : b[i] - a[i];
        at_least += llabs(sum) >= llabs(seen);
        work += count;
        if (work < LOOK_DRAWS)
            continue;
        work = 0;
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
    }
    out->p_random = (double)(at_least + 1) / (double)(rounds + 1);
    return MODELLAB_OK;
}
