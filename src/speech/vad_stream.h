/* Segments of speech while the stream goes on: the same as mli_vad_cutter_finish() gives at its end
 * (padding and all), each as soon as nothing that comes can change it. Memory of a few segments,
 * however long the stream is. Pure. */
#ifndef MLI_SPEECH_VAD_STREAM_H
#define MLI_SPEECH_VAD_STREAM_H

#include "speech/vad_segments.h"

typedef struct mli_vad_stream {
    mli_vad_cutter cutter; /* its segments: those that were not given out yet, not padded */
    bool any, ended;
    int64_t last_end; /* of the one that was given out last, not padded */
    int64_t samples;  /* of the whole stream, once it has ended */
} mli_vad_stream;

void mli_vad_stream_init(mli_vad_stream *stream, const modellab_allocator *alloc,
                         const mli_vad_rules *rules);
void mli_vad_stream_dispose(mli_vad_stream *stream);
/* The probability of the next step. */
MODELLAB_MUST_CHECK modellab_status mli_vad_stream_push(mli_vad_stream *stream, float probability,
                                                        modellab_error *err);
/* Ends the stream after `samples` in all; those of its last step beyond that do not count, so take
 * no segment between that step's push and this. */
MODELLAB_MUST_CHECK modellab_status mli_vad_stream_finish(mli_vad_stream *stream, int64_t samples,
                                                          modellab_error *err);
/* Takes the next finished segment, padded; false = there is none yet. */
bool mli_vad_stream_next(mli_vad_stream *stream, mli_vad_segment *out);
/* Where the speech that goes on begins, padded; false = nobody speaks, or it may be too short. Of
 * several segments that are not given out yet it is the last. */
bool mli_vad_stream_open(const mli_vad_stream *stream, int64_t *start);
/* No segment that is still to come begins before this sample. */
int64_t mli_vad_stream_needed(const mli_vad_stream *stream);

#endif
