/* Whisper's encoder, and the keys and values of the decoder's cross-attention. One region of the
 * pool for all of it: every step is collective and looks at the cancel word. */
#include "speech/whisper_state_private.h"

#include "base/error.h"
#include "kernels/vector.h"
#include <string.h>

static void add_position(void *user, size_t row, mli_team *team)
{
    mli_whisper_state *s = user;
    size_t width = s->net->dims.audio_state;
    (void)team;
    mli_add(s->audio + row * width, s->net->audio_positions + row * width, width);
}

static void make_cross_kv(mli_team *team, mli_whisper_state *s, size_t layer)
{
    const mli_whisper_dims *d = &s->net->dims;
    const mli_nn_linear *kv = &s->net->text[layer].cross_kv;
    mli_nn_linear_run(team, kv, d->audio_ctx, s->audio, MLI_ACT_NONE, s->scratch);
    mli_kv_pack(team, &s->cross[layer], s->cross_blocks[layer], s->scratch, 2 * d->text_state,
                s->scratch + d->text_state, 2 * d->text_state);
}

static void encode(void *user, mli_team *team)
{
    mli_whisper_state *s = user;
    const mli_whisper_net *net = s->net;
    const mli_whisper_dims *d = &net->dims;
    size_t frames = 2 * d->audio_ctx, width = d->audio_state;
    mli_nn_conv1d_run(team, &net->conv1, frames, s->mel + d->mels, MLI_ACT_GELU, s->scratch + width,
                      width);
    mli_nn_conv1d_run(team, &net->conv2, frames, s->scratch + width, MLI_ACT_GELU, s->audio, width);
    mli_team_for(team, d->audio_ctx, add_position, s);
    for (size_t i = 0; i < d->audio_layers; i++) {
        mli_nn_attention_run(team, &net->audio[i].attn, d->audio_ctx, s->audio, s->scratch,
                             s->kv_block);
        mli_nn_mlp_run(team, &net->audio[i].mlp, d->audio_ctx, s->audio, s->scratch);
        if (mli_team_cancelled(team))
            return;
    }
    mli_nn_norm_run(team, &net->ln_post, d->audio_ctx, s->audio, s->audio);
    for (size_t i = 0; i < d->text_layers; i++) {
        make_cross_kv(team, s, i);
        if (mli_team_cancelled(team))
            return;
    }
}

modellab_status mli_whisper_state_encode(mli_whisper_state *s, const mli_cancel_word *cancel,
                                         modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    size_t row = d->audio_state * sizeof(float);
    memset(s->scratch, 0, row); /* the frames of zeros around conv1's output */
    memset(s->scratch + (2 * d->audio_ctx + 1) * d->audio_state, 0, row);
    s->prompt_length = s->length = 0;
    mli_pool_region(s->pool, cancel, encode, s);
    if (mli_cancelled(cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while encoding");
    return MODELLAB_OK;
}
