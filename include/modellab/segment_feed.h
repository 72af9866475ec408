/* Segments of a run while its worker still recognises speech: each finished window is there as soon
 * as it stands in the run's journal, long before the transcript is written. @since 0.1
 *
 * Example: examples/c/segment_feed.c */
#ifndef MODELLAB_SEGMENT_FEED_H
#define MODELLAB_SEGMENT_FEED_H

#include <modellab/run.h>
#include <modellab/transcript.h>

/** One who follows a run. Confined to one thread at a time. */
typedef struct modellab_segment_feed modellab_segment_feed;

MODELLAB_BEGIN_DECLS

/** Begins to follow a run, whatever its status, in whatever process it is executed.
 * @param[out] out  new; modellab_segment_feed_close()
 * @errors E_NOT_FOUND, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_segment_feed_open(
    modellab_lab *lab, const char *run_id, modellab_segment_feed **out, modellab_error *err);

/** The segments that were finished since the last call, in order; each is given once, also when the
 * run is tried again, and their ids count on. When the run has ended, those of its transcript that
 * were not given before (all of them, when it took its result over from another run). They are as
 * recognition made them: speakers are known later, and only in the transcript.
 * @param wait_ms    0 = return at once; -1 = no limit; else wait up to so long for the next ones
 * @param cancel     optional token that ends the waiting (not the run)
 * @param[out] out   new, is_partial, its duration 0 while it is not known; NULL = the run has
 * ended, and there are no more
 * @errors E_TIMEOUT (nothing in that time), E_CANCELLED, E_NOT_FOUND (the run was removed), E_LIMIT
 * (more than 256 MiB of segments), E_STORE_FAILED, E_IO, E_NO_MEMORY @threads confined @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_segment_feed_next(modellab_segment_feed *feed, int64_t wait_ms, modellab_cancel *cancel,
                           modellab_transcript **out, modellab_error *err);

/** Ends it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_segment_feed_close(modellab_segment_feed *feed);

MODELLAB_END_DECLS
#endif
