/* Change of the sample rate of interleaved audio as a stream (libsoxr, high quality). */
#ifndef MLI_AUDIO_RATE_H
#define MLI_AUDIO_RATE_H

#include "audio/pcm.h"
#include <modellab/alloc.h>

typedef struct mli_rate mli_rate;

MODELLAB_MUST_CHECK modellab_status mli_rate_create(const modellab_allocator *alloc,
                                                    mli_pcm_format in, int32_t rate_hz,
                                                    mli_pcm_sink sink, mli_rate **out,
                                                    modellab_error *err);
void mli_rate_destroy(mli_rate *rate); /* NULL accepted */
/* Begins anew. */
MODELLAB_MUST_CHECK modellab_status mli_rate_reset(mli_rate *rate, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_rate_push(mli_rate *rate, const float *interleaved,
                                                  size_t frames, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_rate_finish(mli_rate *rate, modellab_error *err);

#endif
