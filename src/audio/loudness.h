/* Loudness of a programme (ITU-R BS.1770-4, EBU R 128): K weighting, blocks of 400 ms every 100 ms,
 * the absolute gate of -70 LUFS and the relative one of -10 LU; and its true peak by oversampling.
 * Five channels are L R C Ls Rs, six L R C LFE Ls Rs; of any other number each counts 1. */
#ifndef MLI_AUDIO_LOUDNESS_H
#define MLI_AUDIO_LOUDNESS_H

#include "audio/pcm.h"
#include <modellab/alloc.h>

enum { MLI_LOUDNESS_MIN_RATE = 8000 }; /* below, the weighting's shelf does not fit the band */

typedef struct mli_loudness mli_loudness;

/* E_UNSUPPORTED below MLI_LOUDNESS_MIN_RATE. 80 bytes a second are kept. */
MODELLAB_MUST_CHECK modellab_status mli_loudness_create(const modellab_allocator *alloc,
                                                        mli_pcm_format format, mli_loudness **out,
                                                        modellab_error *err);
void mli_loudness_destroy(mli_loudness *meter); /* NULL accepted */
void mli_loudness_reset(mli_loudness *meter);
MODELLAB_MUST_CHECK modellab_status mli_loudness_push(mli_loudness *meter, const float *interleaved,
                                                      size_t frames, modellab_error *err);
/* LUFS; -infinity when no block passes the gates (shorter than 400 ms, silence). */
double mli_loudness_integrated(const mli_loudness *meter);
/* Greatest absolute value between the samples, too (1.0 = full scale). */
double mli_loudness_true_peak(const mli_loudness *meter);

#endif
