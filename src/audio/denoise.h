/* Noise taken out by a gate over the spectrum: frames of about 32 ms, a noise floor by minimum
 * statistics over the blocks of 0.4 s around (Martin 2001, in simple form), a gain by the
 * decision-directed rule (Ephraim and Malah 1984) with a floor. All channels have one gain, so that
 * directions stay. */
#ifndef MLI_AUDIO_DENOISE_H
#define MLI_AUDIO_DENOISE_H

#include "audio/pcm.h"
#include "base/cancel.h"
#include <modellab/alloc.h>

typedef struct mli_denoise mli_denoise;

/* amount 0 to 1: noise goes down by up to 24 dB times this. About 2 seconds are held in memory.
 * `cancel` is looked at between transforms. */
MODELLAB_MUST_CHECK modellab_status mli_denoise_create(const modellab_allocator *alloc,
                                                       mli_pcm_format format, double amount,
                                                       const mli_cancel_word *cancel,
                                                       mli_pcm_sink sink, mli_denoise **out,
                                                       modellab_error *err);
void mli_denoise_destroy(mli_denoise *gate); /* NULL accepted */
void mli_denoise_reset(mli_denoise *gate);
MODELLAB_MUST_CHECK modellab_status mli_denoise_push(mli_denoise *gate, const float *interleaved,
                                                     size_t frames, modellab_error *err);
/* As many frames as came have then gone out, each at its own time. */
MODELLAB_MUST_CHECK modellab_status mli_denoise_finish(mli_denoise *gate, modellab_error *err);

#endif
