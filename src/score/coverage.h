/* What became of each part of an input: transcribed, no speech, dropped with a reason, failed. The
 * parts tile the input: none is missing, none counts twice. Pure. */
#ifndef MLI_SCORE_COVERAGE_H
#define MLI_SCORE_COVERAGE_H

#include "score/spans.h"
#include <stdbool.h>

typedef enum mli_coverage_label {
    MLI_COVERAGE_TRANSCRIBED = 0, /* there is text for it */
    MLI_COVERAGE_NON_SPEECH = 1,  /* a detector of speech has found none */
    MLI_COVERAGE_DROPPED = 2,     /* it was not worked on, or gave no text; the reason says which */
    MLI_COVERAGE_FAILED = 3,      /* the work ended before it */
    MLI_COVERAGE_LABELS = 4
} mli_coverage_label;

/* All in milliseconds; spans may lie anywhere, overlap and come in any order. */
typedef struct mli_coverage_view {
    int64_t duration;
    const mli_spans *text;   /* of the transcript's segments; NULL = there is no transcript */
    const mli_spans *speech; /* of a detector of speech; NULL = none was asked */
    const char *detector;    /* who that is: the reason of what is no speech */
    int64_t reached;         /* the recogniser has worked up to here; duration when it is through */
    const char *end;         /* why it went no further */
    bool given_up;           /* as somebody wished: the rest is dropped, and has not failed */
    bool recognised;         /* speech recognition was to be done at all */
} mli_coverage_view;

typedef struct mli_coverage_part {
    int64_t start, end;
    mli_coverage_label label;
    const char *reason; /* static, or of the view; "" where the label says all */
} mli_coverage_part;

typedef struct mli_coverage {
    const modellab_allocator *alloc; /* borrowed */
    mli_coverage_part *parts;        /* in order; neighbours differ in label or reason */
    size_t count;
    int64_t sums[MLI_COVERAGE_LABELS]; /* add up to the duration */
} mli_coverage;

/* E_NO_MEMORY. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_coverage_make(const mli_coverage_view *view,
                                                      const modellab_allocator *alloc,
                                                      mli_coverage *out, modellab_error *err);
void mli_coverage_dispose(mli_coverage *coverage);
const char *mli_coverage_name(mli_coverage_label label); /* "transcribed" ... Static. */

#endif
