/* One use of a Whisper network: its scratch, the encoded window and the decoder's caches. Confined
 * to one thread at a time; the network is shared. */
#ifndef MLI_SPEECH_WHISPER_STATE_H
#define MLI_SPEECH_WHISPER_STATE_H

#include "base/cancel.h"
#include "speech/whisper_dims.h"
#include <modellab/alloc.h>

struct mli_pool;
struct mli_whisper_net;
typedef struct mli_whisper_state mli_whisper_state;

/* `pool` and `net` must outlive the state. `rows`: most beams or candidates (1..16). */
MODELLAB_MUST_CHECK modellab_status mli_whisper_state_create(mli_whisper_state **out,
                                                             const modellab_allocator *alloc,
                                                             const struct mli_whisper_net *net,
                                                             struct mli_pool *pool, size_t rows,
                                                             modellab_error *err);
void mli_whisper_state_destroy(mli_whisper_state *s); /* NULL accepted */

/* The input of the encoder: frame t, band b at mel[t * bands + b], 2 * audio_ctx frames. To be
 * filled by the caller before mli_whisper_state_encode. */
float *mli_whisper_state_mel(mli_whisper_state *s, size_t *frames, size_t *bands);
/* Runs the encoder on the mel window and prepares the decoder's cross-attention. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_state_encode(mli_whisper_state *s,
                                                             const mli_cancel_word *cancel,
                                                             modellab_error *err);
/* The encoder's output after mli_whisper_state_encode: [audio_ctx][audio_state]. */
const float *mli_whisper_state_audio(const mli_whisper_state *s);

/* Runs the decoder over a prompt (1 .. text_ctx tokens) of the encoded window. `at_sot` (NULL
 * accepted) gets the logits after prompt token `sot_index`, `last` those after the last; vocab
 * values each, valid until the next call of step, prompt or align. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_state_prompt(
    mli_whisper_state *s, const int32_t *tokens, size_t count, size_t sot_index,
    const mli_cancel_word *cancel, const float **at_sot, const float **last, modellab_error *err);
/* Goes back to the end of the prompt, for another attempt. */
void mli_whisper_state_rewind(mli_whisper_state *s);
/* One token for each row; see mli_whisper_lm (logits of ids below `least`, or nearly so, are -inf).
 * E_LIMIT when the text context is full. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_state_step(
    mli_whisper_state *s, const int32_t *tokens, const int32_t *parents, size_t rows, int32_t least,
    const mli_cancel_word *cancel, float **logits, modellab_error *err);

/* Runs tokens[count] in one batch for word times. `attention` is [heads][count][audio_ctx]: softmax
 * of the cross-attention of the given heads. probabilities[i] = P(tokens[i + 1]) among ids below
 * `below`, for i from `first` on; count - 1 values. Afterwards a prompt must be run again. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_state_attend(
    mli_whisper_state *s, const int32_t *tokens, size_t count, const mli_whisper_head *heads,
    size_t head_count, float *attention, size_t first, int32_t below, float *probabilities,
    const mli_cancel_word *cancel, modellab_error *err);

#endif
