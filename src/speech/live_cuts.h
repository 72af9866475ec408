/* A stream of samples that never ends, cut into pieces of speech: the detector step by step, and
 * the samples that pieces may still need. Memory is bounded by the longest piece (rules.max_speech
 * must be finite). */
#ifndef MLI_SPEECH_LIVE_CUTS_H
#define MLI_SPEECH_LIVE_CUTS_H

#include "speech/silero.h"
#include "speech/vad_segments.h"

typedef struct mli_live_cuts mli_live_cuts;

typedef struct mli_live_piece {
    int64_t index;        /* 0, 1, 2 ... */
    int64_t start, end;   /* samples of the stream */
    const float *samples; /* end - start of them; borrowed until the next call */
} mli_live_piece;

/* Rules that suit somebody who speaks: at least 250 ms, silences of half a second part it, 200 ms
 * are added on both sides, at most 15 s at once. */
void mli_live_rules_init(mli_vad_rules *rules);

/* Model and pool are borrowed. */
MODELLAB_MUST_CHECK modellab_status mli_live_cuts_create(mli_live_cuts **out,
                                                         const modellab_allocator *alloc,
                                                         const mli_silero *model, mli_pool *pool,
                                                         const mli_vad_rules *rules,
                                                         modellab_error *err);
void mli_live_cuts_destroy(mli_live_cuts *cuts); /* NULL accepted */
/* The next samples: mono, 16 kHz. Call mli_live_cuts_next() until there are no more pieces before
 * the next push. E_INVALID_AUDIO (NaN, beyond a million), E_LIMIT (a day), E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_live_cuts_push(mli_live_cuts *cuts, const float *samples,
                                                       size_t count, modellab_error *err);
/* Nothing more will come. */
void mli_live_cuts_end(mli_live_cuts *cuts);
/* *found: a piece has ended. E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_live_cuts_next(mli_live_cuts *cuts,
                                                       const mli_cancel_word *cancel, bool *found,
                                                       mli_live_piece *out, modellab_error *err);
/* The piece that goes on, until now, under the index and with the start that it will have; false =
 * nobody speaks (or not long enough to be sure). */
bool mli_live_cuts_open(const mli_live_cuts *cuts, mli_live_piece *out);
/* Samples that the detector has heard. */
int64_t mli_live_cuts_heard(const mli_live_cuts *cuts);

#endif
