/* The inside of a Whisper state, shared by encoder and decoder. */
#ifndef MLI_SPEECH_WHISPER_STATE_PRIVATE_H
#define MLI_SPEECH_WHISPER_STATE_PRIVATE_H

#include "kernels/pool.h"
#include "speech/whisper_net.h"
#include "speech/whisper_state.h"

/* Logits of so many rows are made at once. */
enum { MLI_WHISPER_LOGIT_ROWS = 16 };

struct mli_whisper_state {
    const modellab_allocator *alloc;
    const mli_whisper_net *net;
    mli_pool *pool;
    size_t most_rows;

    /* encoder */
    float *mel;   /* [1 + 2 audio_ctx + 1][mels], a frame of zeros at both ends */
    float *audio; /* [audio_ctx][audio_state] */
    void *cross_blocks[MLI_WHISPER_MAX_LAYERS];
    mli_kv cross[MLI_WHISPER_MAX_LAYERS];

    /* decoder */
    mli_cache caches[MLI_WHISPER_MAX_LAYERS];
    size_t slots, used_slots;
    size_t prompt_length, length; /* tokens behind the prompt; behind each row */
    int32_t *table, *next_table;  /* [most_rows][text_ctx] */
    int32_t *lens, *row_slots;    /* [text_ctx] at least */
    float *text;                  /* [text_ctx][text_state] */
    float *picked;                /* [LOGIT_ROWS][text_state] */
    float *logits;                /* [LOGIT_ROWS][vocab] */

    /* Shared by all layers. Between the convolutions: [1 + 2 audio_ctx + 1][audio_state]; in the
     * encoder's attention its 4 widths a row, then keys and values from `kv_block` on. */
    float *scratch;
    void *kv_block;
};

/* whisper_decoder.c: token and position into a row of `text`; E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_embed(mli_whisper_state *s, size_t row,
                                                      int32_t token, size_t position,
                                                      modellab_error *err);
/* Collective: the first rows of `text` become those of `picked`; logits of the rows of `picked`,
 * of ids from `least` on (a whole number of tiles). */
void mli_whisper_pick_rows(mli_team *team, mli_whisper_state *s, size_t rows);
void mli_whisper_run_logits(mli_team *team, mli_whisper_state *s, size_t rows, size_t least);

#endif
