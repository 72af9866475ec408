/* Hyper-parameters from the shapes of the tensors, and the check that a model is whole. */
#include "base/error.h"
#include "models/whisper_formats.h"

#include <stdio.h>

#define MAX_LAYERS 256
#define MAX_STATE 8192u
#define MAX_CONTEXT 65536u
#define MAX_VOCAB 1048576u
#define HEAD_SIZE 64 /* of every published model; used when the file does not tell */

MODELLAB_MUST_CHECK static modellab_status need(const mli_whisper_weights *w, const char *name,
                                                int rank, size_t d0, size_t d1, size_t d2,
                                                modellab_error *err)
{
    const size_t dims[3] = {d0, d1, d2};
    const mli_weight *tensor;
    return mli_tensors_need(&w->tensors, name, rank, dims, &tensor, err);
}

MODELLAB_MUST_CHECK static modellab_status capped(const char *name, size_t value, size_t most,
                                                  int32_t *out, modellab_error *err)
{
    if (value > most) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s: a dimension is beyond %zu", name,
                        most);
    }
    *out = (int32_t)value;
    return MODELLAB_OK;
}

static int32_t count_layers(const mli_whisper_weights *w, const char *side)
{
    char name[96];
    int32_t layers = 0;
    while (layers < MAX_LAYERS) {
        (void)snprintf(name, sizeof name, "%s.blocks.%d.mlp_ln.weight", side, layers);
        if (mli_tensors_find(&w->tensors, name) == NULL) {
            break;
        }
        layers++;
    }
    return layers;
}

/* Matrix `name` gives two hyper-parameters: its rows and its columns. */
MODELLAB_MUST_CHECK static modellab_status from_matrix(const mli_whisper_weights *w,
                                                       const char *name, size_t most_rows,
                                                       int32_t *rows, int32_t *columns,
                                                       modellab_error *err)
{
    const mli_weight *t = NULL;
    modellab_status status = mli_tensors_need(&w->tensors, name, -1, NULL, &t, err);
    if (status == MODELLAB_OK && t->rank < 2) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s is not a matrix", name);
    }
    if (status == MODELLAB_OK) {
        status = capped(name, t->dims[0], most_rows, rows, err);
    }
    if (status == MODELLAB_OK) {
        status = capped(name, t->dims[1], MAX_STATE, columns, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status derive(const mli_whisper_weights *w,
                                                  mli_whisper_hparams *h, modellab_error *err)
{
    modellab_status status =
        from_matrix(w, "encoder.conv1.weight", MAX_STATE, &h->n_audio_state, &h->n_mels, err);
    if (status == MODELLAB_OK) {
        status = from_matrix(w, "decoder.token_embedding.weight", MAX_VOCAB, &h->n_vocab,
                             &h->n_text_state, err);
    }
    int32_t columns = 0;
    if (status == MODELLAB_OK) {
        status = from_matrix(w, "decoder.positional_embedding", MAX_CONTEXT, &h->n_text_ctx,
                             &columns, err);
    }
    if (status == MODELLAB_OK &&
        mli_tensors_find(&w->tensors, "encoder.positional_embedding") != NULL) {
        status = from_matrix(w, "encoder.positional_embedding", MAX_CONTEXT, &h->n_audio_ctx,
                             &columns, err);
    }
    h->n_audio_layer = count_layers(w, "encoder");
    h->n_text_layer = count_layers(w, "decoder");
    if (status == MODELLAB_OK && (h->n_audio_layer == 0 || h->n_text_layer == 0)) {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "the model has no layers");
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status agree(const char *field, int32_t stated, int32_t *value,
                                                 modellab_error *err)
{
    if (*value == 0) {
        *value = stated;
    } else if (stated != 0 && stated != *value) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the file states %s %d, its tensors have %d",
                        field, stated, *value);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status agree_all(const mli_whisper_hparams *stated,
                                                     mli_whisper_hparams *h, modellab_error *err)
{
    struct {
        const char *field;
        int32_t stated, *value;
    } const pairs[] = {
        {"n_vocab", stated->n_vocab, &h->n_vocab},
        {"n_mels", stated->n_mels, &h->n_mels},
        {"n_audio_ctx", stated->n_audio_ctx, &h->n_audio_ctx},
        {"n_audio_state", stated->n_audio_state, &h->n_audio_state},
        {"n_audio_layer", stated->n_audio_layer, &h->n_audio_layer},
        {"n_text_ctx", stated->n_text_ctx, &h->n_text_ctx},
        {"n_text_state", stated->n_text_state, &h->n_text_state},
        {"n_text_layer", stated->n_text_layer, &h->n_text_layer},
    };
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof pairs / sizeof pairs[0]; i++) {
        status = agree(pairs[i].field, pairs[i].stated, pairs[i].value, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
check_heads(const char *side, int32_t state, int32_t stated, int32_t *heads, modellab_error *err)
{
    *heads = stated != 0 ? stated : state / HEAD_SIZE;
    if (*heads <= 0 || state % *heads != 0) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "%s: %d heads do not divide state %d", side,
                        *heads, state);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
check_norm(const mli_whisper_weights *w, const char *prefix, size_t state, modellab_error *err)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s.weight", prefix);
    modellab_status status = need(w, name, 1, state, 0, 0, err);
    if (status == MODELLAB_OK) {
        (void)snprintf(name, sizeof name, "%s.bias", prefix);
        status = need(w, name, 1, state, 0, 0, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_linear(const mli_whisper_weights *w,
                                                        const char *block, const char *part,
                                                        size_t out, size_t in, bool bias,
                                                        modellab_error *err)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s.%s.weight", block, part);
    modellab_status status = need(w, name, 2, out, in, 0, err);
    if (status == MODELLAB_OK && bias) {
        (void)snprintf(name, sizeof name, "%s.%s.bias", block, part);
        status = need(w, name, 1, out, 0, 0, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_attention(const mli_whisper_weights *w,
                                                           const char *block, const char *which,
                                                           size_t state, size_t source,
                                                           modellab_error *err)
{
    static const char *const parts[] = {"query", "key", "value", "out"};
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s_ln", block, which);
    modellab_status status = check_norm(w, name, state, err);
    for (int i = 0; status == MODELLAB_OK && i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s.%s", which, parts[i]);
        status =
            check_linear(w, block, name, state, i == 1 || i == 2 ? source : state, i != 1, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_blocks(const mli_whisper_weights *w,
                                                        const char *side, int32_t layers,
                                                        size_t state, size_t cross,
                                                        modellab_error *err)
{
    char block[48], name[64];
    modellab_status status = MODELLAB_OK;
    for (int32_t i = 0; status == MODELLAB_OK && i < layers; i++) {
        (void)snprintf(block, sizeof block, "%s.blocks.%d", side, i);
        status = check_attention(w, block, "attn", state, state, err);
        if (status == MODELLAB_OK && cross > 0) {
            status = check_attention(w, block, "cross_attn", state, cross, err);
        }
        (void)snprintf(name, sizeof name, "%s.mlp_ln", block);
        if (status == MODELLAB_OK) {
            status = check_norm(w, name, state, err);
        }
        if (status == MODELLAB_OK) {
            status = check_linear(w, block, "mlp.0", 4 * state, state, true, err);
        }
        if (status == MODELLAB_OK) {
            status = check_linear(w, block, "mlp.2", state, 4 * state, true, err);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
check_frame(const mli_whisper_weights *w, const mli_whisper_hparams *h, modellab_error *err)
{
    size_t audio = (size_t)h->n_audio_state, text = (size_t)h->n_text_state;
    modellab_status status = need(w, "encoder.conv1.weight", 3, audio, (size_t)h->n_mels, 3, err);
    if (status == MODELLAB_OK) {
        status = need(w, "encoder.conv1.bias", 1, audio, 0, 0, err);
    }
    if (status == MODELLAB_OK) {
        status = need(w, "encoder.conv2.weight", 3, audio, audio, 3, err);
    }
    if (status == MODELLAB_OK) {
        status = need(w, "encoder.conv2.bias", 1, audio, 0, 0, err);
    }
    if (status == MODELLAB_OK &&
        mli_tensors_find(&w->tensors, "encoder.positional_embedding") != NULL) {
        status = need(w, "encoder.positional_embedding", 2, (size_t)h->n_audio_ctx, audio, 0, err);
    }
    if (status == MODELLAB_OK) {
        status = need(w, "decoder.token_embedding.weight", 2, (size_t)h->n_vocab, text, 0, err);
    }
    if (status == MODELLAB_OK) {
        status = need(w, "decoder.positional_embedding", 2, (size_t)h->n_text_ctx, text, 0, err);
    }
    if (status == MODELLAB_OK) {
        status = check_norm(w, "encoder.ln_post", audio, err);
    }
    if (status == MODELLAB_OK) {
        status = check_norm(w, "decoder.ln", text, err);
    }
    return status;
}

/* What the vocabulary's size says about languages, as the reference reads it. */
static void derive_languages(mli_whisper_hparams *h)
{
    h->multilingual = h->n_vocab >= 51865;
    h->n_languages = h->n_vocab >= 51866 ? h->n_vocab - 51766 : 99;
}

MODELLAB_MUST_CHECK static modellab_status
check_alignment(const mli_whisper_weights *w, const mli_whisper_hparams *h, modellab_error *err)
{
    for (size_t i = 0; i < w->head_count; i++) {
        if (w->heads[i].layer >= h->n_text_layer || w->heads[i].head >= h->n_text_head) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                            "config: alignment head %zu is outside of the model", i);
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_whisper_check(mli_whisper_weights *weights, modellab_error *err)
{
    mli_whisper_hparams h = {0};
    modellab_status status = derive(weights, &h, err);
    if (status == MODELLAB_OK) {
        status = agree_all(&weights->hparams, &h, err);
    }
    if (status == MODELLAB_OK && h.n_audio_ctx == 0) {
        h.n_audio_ctx = 1500;
    }
    if (status == MODELLAB_OK && h.n_vocab > 51966) {
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "a vocabulary of %d is not known",
                          h.n_vocab);
    }
    if (status == MODELLAB_OK && (h.n_mels > 256 || h.n_audio_state % 2 != 0)) {
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "%d mel channels, state %d", h.n_mels,
                          h.n_audio_state);
    }
    if (status == MODELLAB_OK) {
        status = check_heads("encoder", h.n_audio_state, weights->hparams.n_audio_head,
                             &h.n_audio_head, err);
    }
    if (status == MODELLAB_OK) {
        status = check_heads("decoder", h.n_text_state, weights->hparams.n_text_head,
                             &h.n_text_head, err);
    }
    if (status == MODELLAB_OK) {
        status = check_frame(weights, &h, err);
    }
    if (status == MODELLAB_OK) {
        status = check_blocks(weights, "encoder", h.n_audio_layer, (size_t)h.n_audio_state, 0, err);
    }
    if (status == MODELLAB_OK) {
        status = check_blocks(weights, "decoder", h.n_text_layer, (size_t)h.n_text_state,
                              (size_t)h.n_audio_state, err);
    }
    if (status == MODELLAB_OK) {
        status = check_alignment(weights, &h, err);
    }
    if (status == MODELLAB_OK) {
        derive_languages(&h);
        weights->hparams = h;
    }
    return status;
}
