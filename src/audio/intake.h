/* From decoded blocks of any rate and channel count to the store: checks that samples are finite,
 * mixes to mono, resamples to 16 kHz as a stream and clips to [-1, 1] as 16-bit audio would be. */
#ifndef MLI_AUDIO_INTAKE_H
#define MLI_AUDIO_INTAKE_H

#include "audio/decode.h"

typedef struct mli_audio_intake mli_audio_intake;

/* E_INVALID_AUDIO outside of MLI_AUDIO_MAX_CHANNELS, _MIN_RATE, _MAX_RATE. */
MODELLAB_MUST_CHECK modellab_status mli_audio_check_shape(int32_t channels, int32_t rate_hz,
                                                          modellab_error *err);
/* E_INVALID_AUDIO for channels or rate out of bounds. Takes options->spool_fd over in every case.
 */
MODELLAB_MUST_CHECK modellab_status mli_audio_intake_create(const mli_audio_options *options,
                                                            int32_t channels, int32_t rate_hz,
                                                            mli_audio_intake **out,
                                                            modellab_error *err);
void mli_audio_intake_destroy(mli_audio_intake *intake); /* NULL accepted */
/* At most MLI_AUDIO_BLOCK / channels frames. */
MODELLAB_MUST_CHECK modellab_status mli_audio_intake_push(mli_audio_intake *intake,
                                                          const float *interleaved, size_t frames,
                                                          modellab_error *err);
int64_t mli_audio_intake_samples(const mli_audio_intake *intake); /* made, at 16 kHz */
/* Flushes the resampler and gives the source; E_INVALID_AUDIO when nothing was pushed. The intake
 * is still to be destroyed. `info` gives container and encoding; the rest is filled here. */
MODELLAB_MUST_CHECK modellab_status mli_audio_intake_finish(mli_audio_intake *intake,
                                                            const mli_audio_info *info,
                                                            mli_audio_source **out,
                                                            modellab_error *err);

#endif
