/* Several encoded windows that are decoded side by side: each lane has the cross-attention and the
 * past of its own window, a step reads the weights once for all of them. The bits of a lane do not
 * depend on the lanes beside it: they are those of mli_whisper_state_step. */
#ifndef MLI_SPEECH_WHISPER_LANES_H
#define MLI_SPEECH_WHISPER_LANES_H

#include "speech/whisper_state.h"

typedef struct mli_whisper_lanes mli_whisper_lanes;

/* 1..16 lanes beside `state`, which must outlive them; it encodes and prompts for them, and its
 * scratch is used by their steps. Memory of a lane: keys and values of a window (9 MB for tiny, 18
 * for base, f16) and of the text before (3 and 6 MB), in use only once something is in it. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_lanes_create(mli_whisper_lanes **out,
                                                             const modellab_allocator *alloc,
                                                             mli_whisper_state *state, size_t count,
                                                             modellab_error *err);
void mli_whisper_lanes_destroy(mli_whisper_lanes *lanes); /* NULL accepted */

/* Moves the window that the state has encoded, with the prompt that it ran, into a lane. The state
 * is empty afterwards: to be encoded anew. */
void mli_whisper_lanes_put(mli_whisper_lanes *lanes, size_t lane);
/* Moves the window back into the state, for other work on it: a prompt must be run first. The lane
 * is empty afterwards. */
void mli_whisper_lanes_take(mli_whisper_lanes *lanes, size_t lane);
/* tokens[i] goes on in lane which[i], all different; logits and `least` as of
 * mli_whisper_state_step. E_LIMIT when the text context of one is full. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_lanes_step(
    mli_whisper_lanes *lanes, const size_t *which, const int32_t *tokens, size_t rows,
    int32_t least, const mli_cancel_word *cancel, float **logits, modellab_error *err);

#endif
