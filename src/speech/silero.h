/* Silero's voice activity detector: the probability of speech in each 32 ms of 16 kHz audio. A
 * model is immutable and shared; a session is the state of one stream. */
#ifndef MLI_SPEECH_SILERO_H
#define MLI_SPEECH_SILERO_H

#include "kernels/pool.h"
#include "models/silero.h"

typedef struct mli_silero mli_silero;
typedef struct mli_silero_session mli_silero_session;

/* Packs the weights: `weights` is not needed afterwards. */
MODELLAB_MUST_CHECK modellab_status mli_silero_create(mli_silero **out,
                                                      const modellab_allocator *alloc,
                                                      const mli_silero_weights *weights,
                                                      modellab_error *err);
/* Numbers of all models of this kind: parameters, bytes when packed. */
void mli_silero_sizes(int64_t *parameters, int64_t *bytes);
void mli_silero_destroy(mli_silero *model); /* no session may be left */

/* Model and pool are borrowed. */
MODELLAB_MUST_CHECK modellab_status mli_silero_session_create(mli_silero_session **out,
                                                              const mli_silero *model,
                                                              mli_pool *pool, modellab_error *err);
void mli_silero_session_destroy(mli_silero_session *session);
/* Forgets the stream. */
void mli_silero_reset(mli_silero_session *session);
/* samples[count * MLI_SILERO_CHUNK] -> probabilities[count]. The same bits whether a stream comes
 * in one call or in many. E_CANCELLED: the session is to be reset. */
MODELLAB_MUST_CHECK modellab_status mli_silero_run(mli_silero_session *session,
                                                   const float *samples, size_t count,
                                                   float *probabilities,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err);

#endif
