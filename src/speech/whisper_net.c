/* The list of sections of a Whisper image, and the shape of the network around them. */
#include "speech/whisper_net.h"

#include "base/error.h"
#include "kernels/vector.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct visitor {
    mli_whisper_net *net;
    mli_whisper_visit_fn visit;
    void *user;
    modellab_error *err;
    modellab_status status; /* the first failure ends the visit */
} visitor;

static const float layer_norm_eps = 1e-5f;

MODELLAB_MUST_CHECK static modellab_status size_of(mli_whisper_section *s, modellab_error *err)
{
    if (s->kind == MLI_WHISPER_VECTOR) {
        s->bytes = (s->parts * s->rows * s->cols * sizeof(float) + 63) / 64 * 64;
        return MODELLAB_OK;
    }
    return mli_pack_bytes(s->type, s->parts * s->rows, s->cols * s->taps, &s->bytes, err);
}

static void emit(visitor *v, mli_whisper_section *s)
{
    if (v->status == MODELLAB_OK)
        v->status = size_of(s, v->err);
    if (v->status == MODELLAB_OK)
        v->status = v->visit(v->user, s, v->err);
}

static void join(char out[MLI_WHISPER_NAME], const char *prefix, const char *name)
{
    /* Names are short and fixed: nothing is cut. */
    if (snprintf(out, MLI_WHISPER_NAME, "%s%s", prefix, name) < 0)
        out[0] = '\0';
}

static void vector(visitor *v, const char *prefix, const char *name, size_t rows, size_t cols,
                   const float **target)
{
    mli_whisper_section s = {.kind = MLI_WHISPER_VECTOR, .rows = rows, .cols = cols};
    s.taps = s.parts = 1;
    s.values = target;
    join(s.name, prefix, name);
    join(s.part[0], prefix, name);
    emit(v, &s);
}

static void norm(visitor *v, const char *prefix, const char *name, size_t width,
                 mli_nn_norm *target)
{
    char base[MLI_WHISPER_NAME];
    target->width = width;
    target->eps = layer_norm_eps;
    join(base, prefix, name);
    vector(v, base, ".weight", width, 1, &target->gamma);
    vector(v, base, ".bias", width, 1, &target->beta);
}

/* Up to three projections of the same input below each other; `biased` has a bit for each that has
 * a bias (the others' is zero). */
static void linear(visitor *v, const char *prefix, const char *name, const char *const parts[3],
                   unsigned biased, size_t rows, size_t cols, mli_nn_linear *target)
{
    mli_whisper_section s = {.kind = MLI_WHISPER_MATRIX, .rows = rows, .cols = cols, .taps = 1};
    mli_whisper_section b = {.kind = MLI_WHISPER_VECTOR, .rows = rows, .cols = 1, .taps = 1};
    char base[MLI_WHISPER_NAME], part[MLI_WHISPER_NAME];
    join(base, prefix, name);
    join(s.name, base, ".weight");
    join(b.name, base, ".bias");
    for (size_t i = 0; i < 3 && parts[i] != NULL; i++) {
        join(part, prefix, parts[i]);
        join(s.part[i], part, ".weight");
        if ((biased >> i & 1) != 0)
            join(b.part[i], part, ".bias");
        s.parts = b.parts = i + 1;
    }
    s.type = v->net->type;
    s.packed = &target->w;
    b.values = &target->bias;
    *s.packed = (mli_packed){.type = s.type, .rows = s.parts * rows, .cols = cols};
    emit(v, &s);
    emit(v, &b);
}

static void one_linear(visitor *v, const char *prefix, const char *name, size_t rows, size_t cols,
                       mli_nn_linear *target)
{
    const char *const parts[3] = {name, NULL, NULL};
    linear(v, prefix, name, parts, 1, rows, cols, target);
}

static void convolution(visitor *v, const char *name, size_t out, size_t in, size_t stride,
                        mli_nn_conv1d *target)
{
    mli_whisper_section s = {
        .kind = MLI_WHISPER_CONV, .rows = out, .cols = in, .taps = 3, .parts = 1};
    join(s.name, name, ".weight");
    join(s.part[0], name, ".weight");
    s.type = v->net->type;
    s.packed = &target->w;
    *s.packed = (mli_packed){.type = s.type, .rows = out, .cols = 3 * in};
    target->in = in;
    target->k = 3;
    target->stride = stride;
    emit(v, &s);
    vector(v, name, ".bias", out, 1, &target->bias);
}

static void feed_forward(visitor *v, const char *prefix, size_t width, mli_nn_mlp *mlp)
{
    norm(v, prefix, ".mlp_ln", width, &mlp->norm);
    one_linear(v, prefix, ".mlp.0", 4 * width, width, &mlp->up);
    one_linear(v, prefix, ".mlp.2", width, 4 * width, &mlp->down);
}

static void self_attention(visitor *v, const char *prefix, size_t width, size_t heads,
                           mli_nn_attention *attn)
{
    static const char *const qkv[3] = {".attn.query", ".attn.key", ".attn.value"};
    attn->heads = heads;
    norm(v, prefix, ".attn_ln", width, &attn->norm);
    linear(v, prefix, ".attn.qkv", qkv, 5, width, width, &attn->qkv);
    one_linear(v, prefix, ".attn.out", width, width, &attn->out);
}

static void audio_block(visitor *v, size_t layer)
{
    const mli_whisper_dims *d = &v->net->dims;
    mli_whisper_block *block = &v->net->audio[layer];
    char prefix[MLI_WHISPER_NAME];
    (void)snprintf(prefix, sizeof prefix, "encoder.blocks.%zu", layer);
    self_attention(v, prefix, d->audio_state, d->audio_heads, &block->attn);
    feed_forward(v, prefix, d->audio_state, &block->mlp);
}

static void text_block(visitor *v, size_t layer)
{
    static const char *const kv[3] = {".cross_attn.key", ".cross_attn.value", NULL};
    const mli_whisper_dims *d = &v->net->dims;
    mli_whisper_block *block = &v->net->text[layer];
    char prefix[MLI_WHISPER_NAME];
    (void)snprintf(prefix, sizeof prefix, "decoder.blocks.%zu", layer);
    self_attention(v, prefix, d->text_state, d->text_heads, &block->attn);
    norm(v, prefix, ".cross_attn_ln", d->text_state, &block->cross.norm);
    one_linear(v, prefix, ".cross_attn.query", d->text_state, d->text_state, &block->cross.query);
    linear(v, prefix, ".cross_attn.kv", kv, 2, d->text_state, d->audio_state, &block->cross_kv);
    one_linear(v, prefix, ".cross_attn.out", d->text_state, d->text_state, &block->cross.out);
    feed_forward(v, prefix, d->text_state, &block->mlp);
}

/* Heads are 16 * n wide for the kernels, and parts of a stacked matrix end at a tile. */
static bool width_ok(size_t state, size_t heads)
{
    return heads > 0 && state > 0 && state % MLI_PACK_TILE == 0 && state % heads == 0 &&
           state / heads % 16 == 0 && state / heads <= MLI_ATTENTION_MAX_DIM && state <= 8192;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_whisper_dims *d, modellab_error *err)
{
    if (!width_ok(d->audio_state, d->audio_heads) || !width_ok(d->text_state, d->text_heads))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "widths of the layers are not supported");
    if (d->audio_layers < 1 || d->audio_layers > MLI_WHISPER_MAX_LAYERS || d->text_layers < 1 ||
        d->text_layers > MLI_WHISPER_MAX_LAYERS)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "1 to %d layers are supported",
                        MLI_WHISPER_MAX_LAYERS);
    if (d->audio_ctx < 1 || d->audio_ctx > MLI_ATTENTION_MAX_KEYS / 2 || d->text_ctx < 16 ||
        d->text_ctx > 4096 || d->vocab < 1 || d->vocab > 1000000 || d->mels < 1 || d->mels > 256)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "sizes of the model are not supported");
    return MODELLAB_OK;
}

modellab_status mli_whisper_net_visit(mli_whisper_net *net, const mli_whisper_dims *dims,
                                      mli_dtype type, mli_whisper_visit_fn visit, void *user,
                                      modellab_error *err)
{
    visitor v = {net, visit, user, err, check(dims, err)};
    if (v.status != MODELLAB_OK)
        return v.status;
    net->dims = *dims;
    net->type = type;
    convolution(&v, "encoder.conv1", dims->audio_state, dims->mels, 1, &net->conv1);
    net->conv1.exact = true; /* its rounding errors would grow through all layers */
    convolution(&v, "encoder.conv2", dims->audio_state, dims->audio_state, 2, &net->conv2);
    vector(&v, "encoder", ".positional_embedding", dims->audio_ctx, dims->audio_state,
           &net->audio_positions);
    for (size_t i = 0; v.status == MODELLAB_OK && i < dims->audio_layers; i++)
        audio_block(&v, i);
    norm(&v, "encoder", ".ln_post", dims->audio_state, &net->ln_post);
    mli_whisper_section e = {.kind = MLI_WHISPER_MATRIX, .rows = dims->vocab};
    e.cols = dims->text_state;
    e.taps = e.parts = 1;
    e.type = type;
    e.packed = &net->embedding;
    join(e.name, "decoder.token_embedding", ".weight");
    join(e.part[0], "decoder.token_embedding", ".weight");
    net->embedding = (mli_packed){.type = type, .rows = dims->vocab, .cols = dims->text_state};
    emit(&v, &e);
    vector(&v, "decoder", ".positional_embedding", dims->text_ctx, dims->text_state,
           &net->text_positions);
    for (size_t i = 0; v.status == MODELLAB_OK && i < dims->text_layers; i++)
        text_block(&v, i);
    norm(&v, "decoder", ".ln", dims->text_state, &net->ln);
    return v.status;
}
