/* From probabilities of speech to segments: two thresholds (hysteresis), least lengths of speech
 * and silence, a greatest length with the cut at the longest pause, padding. The rules are those of
 * Silero's reference (get_speech_timestamps with the longest pause at the greatest length). Pure.
 */
#ifndef MLI_SPEECH_VAD_SEGMENTS_H
#define MLI_SPEECH_VAD_SEGMENTS_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

/* Lengths in samples. */
typedef struct mli_vad_rules {
    float threshold;     /* speech begins at this probability */
    float neg_threshold; /* and may end below this one */
    int64_t step;        /* samples that a probability stands for */
    int64_t min_speech, min_silence, pad;
    int64_t max_speech; /* INT64_MAX = none */
    int64_t min_pause;  /* pauses that are longer are places to cut at `max_speech` */
} mli_vad_rules;

typedef struct mli_vad_segment {
    int64_t start, end; /* samples; start < end */
} mli_vad_segment;

/* A stream of probabilities that is being cut. */
typedef struct mli_vad_cutter {
    const modellab_allocator *alloc; /* borrowed */
    mli_vad_rules rules;
    int64_t at; /* sample that the next probability stands for */
    bool in_speech;
    int64_t start;               /* of the segment */
    int64_t quiet;               /* where the present silence began; 0 = it is not silent */
    int64_t pause, pause_length; /* the longest pause of the segment; length 0 = none */
    mli_vad_segment *segments;   /* found so far, without padding */
    size_t count, capacity;
} mli_vad_cutter;

/* Threshold 0.5, at least 250 ms of speech and 100 ms of silence, 30 ms of padding, at 16 kHz in
 * steps of 512. */
void mli_vad_rules_init(mli_vad_rules *rules);
void mli_vad_cutter_init(mli_vad_cutter *cutter, const modellab_allocator *alloc,
                         const mli_vad_rules *rules);
void mli_vad_cutter_dispose(mli_vad_cutter *cutter);
MODELLAB_MUST_CHECK modellab_status mli_vad_cutter_push(mli_vad_cutter *cutter,
                                                        const float *probabilities, size_t count,
                                                        modellab_error *err);
/* Ends the stream after `samples` in all and pads. `segments` are the result, in order, without
 * overlap. Nothing may be pushed afterwards. */
MODELLAB_MUST_CHECK modellab_status mli_vad_cutter_finish(mli_vad_cutter *cutter, int64_t samples,
                                                          modellab_error *err);

#endif
