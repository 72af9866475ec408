/* Speech in chunks: segments of a recording joined, without the silence between them, to as much as
 * a window of the recogniser holds; and the way back from times within a chunk to those of the
 * recording. Pure. */
#ifndef MLI_SPEECH_ASR_CHUNKS_H
#define MLI_SPEECH_ASR_CHUNKS_H

#include "speech/vad_segments.h"
#include "text/transcript.h"

enum { MLI_ASR_CHUNK_SAMPLES = 30 * 16000 };

typedef struct mli_asr_chunk {
    size_t first, count; /* its segments */
    int64_t samples;     /* of them together, at most MLI_ASR_CHUNK_SAMPLES */
    int64_t mark;        /* frames of 10 ms until its end; greater than the one before's */
} mli_asr_chunk;

typedef struct mli_asr_chunks {
    const modellab_allocator *alloc;
    mli_vad_segment *segments;
    mli_asr_chunk *items;
    size_t segment_count, count;
} mli_asr_chunks;

/* Rules that suit chunks: any speech counts, silences of 160 ms part it, 400 ms are added on both
 * sides, and what is longer than a chunk is cut. */
void mli_asr_vad_rules_init(mli_vad_rules *rules);

/* Joins segments (copied; in order, without overlap) while they fit. Segments longer than a chunk
 * are cut. Disposed of by mli_asr_chunks_dispose, also after a failure. */
MODELLAB_MUST_CHECK modellab_status mli_asr_chunks_make(const modellab_allocator *alloc,
                                                        const mli_vad_segment *segments,
                                                        size_t count, mli_asr_chunks *out,
                                                        modellab_error *err);
/* Chunks of all of a recording of so many samples, cut where there is no speech: silence stays with
 * the speech beside it, but silences longer than a chunk are left out. */
MODELLAB_MUST_CHECK modellab_status mli_asr_chunks_cover(const modellab_allocator *alloc,
                                                         const mli_vad_segment *speech,
                                                         size_t count, int64_t samples,
                                                         mli_asr_chunks *out, modellab_error *err);
void mli_asr_chunks_dispose(mli_asr_chunks *chunks);

/* Seconds of such speech (in order) in each chunk: of a long segment what lies in it. */
void mli_asr_chunks_seconds(const mli_asr_chunks *chunks, const mli_vad_segment *speech,
                            size_t count, double *seconds);

/* Seconds of the recording for seconds within a chunk. Where two segments meet, the end of
 * something belongs to the first of them. */
double mli_asr_chunk_time(const mli_asr_chunks *chunks, size_t chunk, double seconds, bool is_end);
/* Moves a segment of a transcript with its words from a chunk to the recording: nothing begins
 * before `floor` or ends before it begins, and no word bridges a silence that was left out.
 * `words` is room for those of `segment`, which it then borrows. */
void mli_asr_chunk_place(const mli_asr_chunks *chunks, size_t chunk, double floor,
                         mli_transcript_segment *segment, mli_transcript_word *words);

#endif
