/* One who waits for news of a run, or of all runs: rows of the store, written by whatever process.
 */
#ifndef MLI_LAB_FOLLOWER_H
#define MLI_LAB_FOLLOWER_H

#include "base/cancel.h"
#include "lab/lab.h"

typedef struct mli_follower {
    const mli_lab *lab;
    const char *run_id; /* MLI_FEED_BELL = any run */
    const mli_cancel_word *cancel;
    int64_t until;    /* monotonic; -1 = without end */
    int64_t pause_ns; /* next one, without a bell */
    uint32_t mark;    /* of the bell, as it was before the last look */
} mli_follower;

/* wait_ms -1 = without end. All is borrowed. */
mli_follower mli_follow(const mli_lab *lab, const char *run_id, int64_t wait_ms,
                        const mli_cancel_word *cancel);
/* To be called before each look. */
void mli_follower_mark(mli_follower *f);
bool mli_follower_is_over(const mli_follower *f);
/* After a look that found nothing: until there may be something. False when the cancel word was
 * set. */
bool mli_follower_wait(mli_follower *f);

#endif
