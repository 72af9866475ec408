/* Following a run's recognition: the windows in its journal as segments, each once, in order, and
 * at the end what only its transcript has. */
#ifndef MLI_LAB_SEGMENT_FEED_H
#define MLI_LAB_SEGMENT_FEED_H

#include "base/cancel.h"
#include "base/id.h"
#include "lab/checkpoint.h"
#include "lab/lab.h"

struct modellab_segment_feed {
    mli_lab *lab; /* referenced */
    char run_id[MLI_ULID_BYTES];
    int fd; /* of the journal; -1 = not opened yet */
    bool is_reading;
    mli_journal_reader reader;
    mli_checkpoint_chain chain;
    int64_t reached; /* where the last window that was given ends, in frames of 10 ms */
    int64_t given;   /* segments */
    bool is_over;    /* the end was told */
};

/* As the public functions; *out NULL: the run has ended. */
MODELLAB_MUST_CHECK modellab_status mli_segment_feed_open(mli_lab *lab, const char *run_id,
                                                          struct modellab_segment_feed **out,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_segment_feed_next(struct modellab_segment_feed *feed,
                                                          int64_t wait_ms,
                                                          const mli_cancel_word *cancel,
                                                          mli_transcript **out,
                                                          modellab_error *err);
void mli_segment_feed_close(struct modellab_segment_feed *feed);

#endif
