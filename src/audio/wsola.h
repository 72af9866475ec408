/* Another speed at the same pitch: overlapped pieces of the input, each taken from where it goes on
 * best from the one before (WSOLA, Verhelst and Roelands 1993). The i-th piece lies within 10 ms of
 * its nominal place, so that times stay true. */
#ifndef MLI_AUDIO_WSOLA_H
#define MLI_AUDIO_WSOLA_H

#include "audio/pcm.h"
#include <modellab/alloc.h>

typedef struct mli_wsola mli_wsola;

/* factor 0.25 to 4. */
MODELLAB_MUST_CHECK modellab_status mli_wsola_create(const modellab_allocator *alloc,
                                                     mli_pcm_format format, double factor,
                                                     mli_pcm_sink sink, mli_wsola **out,
                                                     modellab_error *err);
void mli_wsola_destroy(mli_wsola *stretch); /* NULL accepted */
void mli_wsola_reset(mli_wsola *stretch);
MODELLAB_MUST_CHECK modellab_status mli_wsola_push(mli_wsola *stretch, const float *interleaved,
                                                   size_t frames, modellab_error *err);
/* In all, input frames / factor have then come out, rounded, at least one for any input. */
MODELLAB_MUST_CHECK modellab_status mli_wsola_finish(mli_wsola *stretch, modellab_error *err);

#endif
