/* Which of two candidates is better on the same inputs: a rule table over what their runs gave.
 * Errors against references come first, then cost, then speed; how much text came out, never. */
#ifndef MLI_SCORE_VERDICT_H
#define MLI_SCORE_VERDICT_H

#include "base/json.h"
#include "score/stats.h"

/* The rules, in order. The first that holds gives the verdict.
 *  1 a run of either is open (not begun counts as open)             PENDING
 *  2 there are no inputs                                            INCONCLUSIVE  inputs
 *  3 measures of quality point both ways                            INCONCLUSIVE  conflict
 *  4 one measure of quality or more points to the same candidate    better        that measure
 *  5 no input was completed by both                                 INCONCLUSIVE  completed
 *  6 an input has no score of both, and what came out differs       INCONCLUSIVE  reference
 *  7 a measure is neither significant nor surely within the margin  INCONCLUSIVE  that measure
 *  8 cost is known of some runs only                                INCONCLUSIVE  cost
 *  9 costs differ by more than the tolerance: significant           better        cost
 *    not significant (it may be which run was warm)                 INCONCLUSIVE  cost
 * 10 real-time factors differ by more than the tolerance: likewise  better        real_time_factor
 * 11 neither cost nor time is known                                 INCONCLUSIVE  real_time_factor
 * 12 else                                                           NEUTRAL       all
 * Measures of quality: runs that failed (on all inputs), words (WER; CER where no input has a WER),
 * speakers (DER), each on the inputs that both completed and that have a reference. One points to
 * a candidate when the difference is significant by matched pairs (approximate randomisation: holds
 * for few inputs too, where it needs six that all point the same way). Where there was no error of
 * difference in n words, the rule of three says what is sure: less than 3 / n.
 * A completed run without a score that the other's run on that input has counts as failed there.
 * A candidate that failed more inputs than the other cannot come out better or neutral by 4 and 8
 * to 12: it is then INCONCLUSIVE, completed. */
typedef enum mli_verdict_outcome {
    MLI_VERDICT_PENDING = 1,
    MLI_VERDICT_A_BETTER,
    MLI_VERDICT_B_BETTER,
    MLI_VERDICT_NEUTRAL,
    MLI_VERDICT_INCONCLUSIVE
} mli_verdict_outcome;

/* "A_BETTER" ...; NULL for no outcome. */
const char *mli_verdict_name(mli_verdict_outcome outcome);

typedef enum mli_verdict_state {
    MLI_VERDICT_OPEN = 0, /* not yet begun, queued, running */
    MLI_VERDICT_COMPLETED,
    MLI_VERDICT_FAILED /* any other end */
} mli_verdict_state;

typedef enum mli_verdict_metric {
    MLI_VERDICT_WER,
    MLI_VERDICT_CER,
    MLI_VERDICT_DER,
    MLI_VERDICT_METRICS
} mli_verdict_metric;

/* Errors and size of the reference, as step score has them ("files": errors, size). */
typedef struct mli_verdict_score {
    bool known; /* false = no reference */
    double errors, size;
} mli_verdict_score;

/* A candidate's run on one input. Zeroed = open, nothing known but cost, which is then 0. */
typedef struct mli_verdict_run {
    mli_verdict_state state;
    mli_verdict_score scores[MLI_VERDICT_METRICS];
    int64_t cost_micros;                /* below 0: not known, or of another currency */
    double work_seconds, audio_seconds; /* either not above 0: not known */
} mli_verdict_run;

typedef struct mli_verdict_input {
    mli_verdict_run a, b;
    bool same_output; /* what they gave is the same: same bytes or same normalised words */
} mli_verdict_input;

typedef struct mli_verdict_options {
    double significance;    /* 0 = 0.05 */
    double margin;          /* error rates this near are even; 0 = 0.01 (one point) */
    double cost_tolerance;  /* of the larger; 0 = 0.05 */
    double speed_tolerance; /* of the larger; 0 = 0.10 */
    /* Words by the pieces of the texts (mli_scorer_matched over the same references, A first),
     * which sees more than sums by input; NULL = by input. Used only where inputs have a WER. */
    const mli_matched_pairs *words;
    uint64_t seed;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_verdict_options;

/* What a measure of quality said. */
typedef struct mli_verdict_measure {
    const char *name; /* "failures", "wer", "cer", "der"; NULL = there was none */
    int64_t inputs;   /* that it was measured on */
    int64_t unlike;   /* left out: the references of the two are not equally long */
    double errors_a, errors_b, size;
    double rate_a, rate_b;  /* NaN: empty references */
    double low, high;       /* of rate_a - rate_b: 95 % of what chance may do */
    mli_matched_pairs test; /* DER: in microseconds */
    int better;             /* -1 a, 1 b, 0 neither */
    bool even;              /* surely within the margin */
} mli_verdict_measure;

enum { MLI_VERDICT_FAILURES, MLI_VERDICT_WORDS, MLI_VERDICT_SPEAKERS, MLI_VERDICT_MEASURES };

typedef struct mli_verdict {
    mli_verdict_outcome outcome;
    const char *decided_by; /* "open", "inputs", "conflict", "completed", "reference", "failures",
                               "wer", "cer", "der", "cost", "real_time_factor", "all" */
    char reason[320];       /* for people */
    int64_t inputs, compared, same_outputs, with_reference;
    int64_t unknown; /* compared, no score of both, outputs differ */
    int64_t open_a, open_b, failed_a, failed_b;
    mli_verdict_measure measures[MLI_VERDICT_MEASURES];
    int64_t cost_a, cost_b;  /* micros over the compared inputs; -1 = not known of all */
    double speed_a, speed_b; /* real-time factors over them; NaN = not known of all */
    mli_matched_pairs cost_test, speed_test; /* over them, where known of all */
} mli_verdict;

/* `options` NULL = defaults. Swapping a and b of all inputs (and of `words`) swaps the verdict and
 * nothing else. E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_verdict_decide(const mli_verdict_input *inputs,
                                                       size_t count,
                                                       const mli_verdict_options *options,
                                                       mli_verdict *out, modellab_error *err);
/* One object: verdict, decided_by, reason, and the numbers. */
void mli_verdict_write(const mli_verdict *verdict, mli_jw *out);

#endif
