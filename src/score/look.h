/* Looks at the cancel word from passes over a text: one each 64 KiB, and one between passes. Once
 * it said stop, all passes that share it end early and what they wrote is of no use. */
#ifndef MLI_SCORE_LOOK_H
#define MLI_SCORE_LOOK_H

#include "base/cancel.h"

typedef struct mli_score_look {
    const mli_cancel_word *cancel; /* NULL = never */
    size_t block;                  /* of the last look */
    bool stopped;
} mli_score_look;

/* Whether a pass that has come to `at` must end. */
static inline bool mli_score_stops(mli_score_look *l, size_t at)
{
    if (!l->stopped && at >> 16 != l->block) {
        l->block = at >> 16;
        l->stopped = mli_cancelled(l->cancel);
    }
    return l->stopped;
}

/* Between passes. */
static inline bool mli_score_stops_now(mli_score_look *l)
{
    l->stopped = l->stopped || mli_cancelled(l->cancel);
    return l->stopped;
}

#endif
