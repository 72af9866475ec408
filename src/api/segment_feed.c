/* modellab_segment_feed: segments of a run that is still at work. */
#include "lab/segment_feed.h"
#include "api/cancel.h"
#include "api/transcript.h"
#include "base/error.h"
#include <modellab/segment_feed.h>

modellab_status modellab_segment_feed_open(modellab_lab *lab, const char *run_id,
                                           modellab_segment_feed **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK && run_id == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return status == MODELLAB_OK ? mli_segment_feed_open(lab, run_id, out, err) : status;
}

modellab_status modellab_segment_feed_next(modellab_segment_feed *feed, int64_t wait_ms,
                                           modellab_cancel *cancel, modellab_transcript **out,
                                           modellab_error *err)
{
    mli_transcript *segments = NULL;
    modellab_status status;

    if (out == NULL || feed == NULL) {
        if (out != NULL) {
            *out = NULL;
        }
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "feed and out must not be NULL");
    }
    *out = NULL;
    status = mli_lab_check(feed->lab, false, err);
    if (status == MODELLAB_OK) {
        status = mli_segment_feed_next(feed, wait_ms, mli_cancel_word_of(cancel), &segments, err);
    }
    *out = mli_transcript_public(segments);
    return status;
}

void modellab_segment_feed_close(modellab_segment_feed *feed)
{
    mli_segment_feed_close(feed);
}
