/* How sure a score is: bootstrap intervals, and whether two systems differ (matched pairs). All
 * random numbers are of a counter-based generator: the same seed gives the same result. */
#ifndef MLI_SCORE_STATS_H
#define MLI_SCORE_STATS_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

/* One unit of a test set: an utterance, a file, a piece of a text. The rate of a set is the sum of
 * errors by the sum of sizes. */
typedef struct mli_score_unit {
    double errors, size;
} mli_score_unit;

typedef struct mli_score_interval {
    double low, high;
} mli_score_interval;

enum { MLI_BOOTSTRAP_ROUNDS = 1000 };

/* Percentile bootstrap: `rounds` test sets drawn from the units with replacement; the interval that
 * holds `level` (0..1) of their rates. Rounds without size are left out; with none it is NaN.
 * E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status
mli_score_bootstrap(const mli_score_unit *units, size_t count, uint64_t seed, uint32_t rounds,
                    double level, const modellab_allocator *alloc, const mli_cancel_word *cancel,
                    mli_score_interval *out, modellab_error *err);

/* Matched pairs: the errors of two systems on the same segments. */
typedef struct mli_matched_pairs {
    int64_t segments;  /* with an error of either */
    double difference; /* mean of errors of a - errors of b, over these segments */
    double z;          /* difference by its standard error (NaN: no spread) */
    double p;        /* of a difference at least as large by chance, two-sided, normal (MAPSSWE) */
    double p_random; /* the same by approximate randomisation */
    double squares;  /* sum of the squares of the segments' differences */
} mli_matched_pairs;

/* E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_score_matched_pairs(
    const int64_t *a, const int64_t *b, size_t count, uint64_t seed, uint32_t rounds,
    const mli_cancel_word *cancel, mli_matched_pairs *out, modellab_error *err);

#endif
