/* The GE2E speaker encoder: windows of 1.6 s of mel power become directions in 256 dimensions, near
 * each other when the same person speaks. A model is immutable and shared; a session is the memory
 * of one use. */
#ifndef MLI_SPEECH_GE2E_H
#define MLI_SPEECH_GE2E_H

#include "audio/mel.h"
#include "kernels/pool.h"
#include "models/ge2e.h"

enum {
    MLI_GE2E_FRAMES = 160, /* of a window */
    MLI_GE2E_ROWS = 192    /* windows of a call that threads share well */
};

typedef struct mli_ge2e mli_ge2e;
typedef struct mli_ge2e_session mli_ge2e_session;

/* Packs the weights: `weights` is not needed afterwards. */
MODELLAB_MUST_CHECK modellab_status mli_ge2e_create(mli_ge2e **out, const modellab_allocator *alloc,
                                                    const mli_ge2e_weights *weights,
                                                    modellab_error *err);
void mli_ge2e_destroy(mli_ge2e *model); /* NULL accepted; no session may be left */
/* Numbers of all models of this kind: parameters, bytes when packed. */
void mli_ge2e_sizes(int64_t *parameters, int64_t *bytes);
/* The mel filters that it was trained with. */
const mli_mel_bank *mli_ge2e_bank(const mli_ge2e *model);

/* Model and pool are borrowed. */
MODELLAB_MUST_CHECK modellab_status mli_ge2e_session_create(mli_ge2e_session **out,
                                                            const mli_ge2e *model, mli_pool *pool,
                                                            modellab_error *err);
void mli_ge2e_session_destroy(mli_ge2e_session *session);

/* out[count][MLI_GE2E_WIDTH], each of length 1 (or all zeros, which silence can give), of the
 * windows that begin at mel[starts[i]][MLI_GE2E_MELS], scaled by `scale` (the square of a gain).
 * The same bits whatever `count` is and however windows are spread over calls. E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_ge2e_run(mli_ge2e_session *session, const float *mel,
                                                 const size_t *starts, size_t count, float scale,
                                                 float *out, const mli_cancel_word *cancel,
                                                 modellab_error *err);
/* out[MLI_GE2E_WIDTH] of a whole recording: the mean direction of windows (as the reference:
 * `hop` frames apart, the last one kept when three quarters of it are audio; what is shorter than
 * one is filled with silence). */
MODELLAB_MUST_CHECK modellab_status mli_ge2e_clip(mli_ge2e_session *session,
                                                  const mli_audio_source *source, size_t hop,
                                                  float scale, float *out,
                                                  const mli_cancel_word *cancel,
                                                  modellab_error *err);

#endif
