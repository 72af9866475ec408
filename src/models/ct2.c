/* Reader of CTranslate2's model.bin, version 6: variables with fused projections and optional int8
 * weights, then aliases. */
#include "base/error.h"
#include "models/cursor.h"
#include "models/whisper_formats.h"

#include <stdio.h>

#define CT2_VERSION 6u
#define CT2_MAX_VARIABLES 16384u
#define ACTIVATION_GELU 3

static const mli_weight_dtype types[] = {MLI_WEIGHT_F32, MLI_WEIGHT_I8,  MLI_WEIGHT_I16,
                                         MLI_WEIGHT_I32, MLI_WEIGHT_F16, MLI_WEIGHT_BF16};

static const mli_name_rule layer_rules[] = {
    {"self_attention/layer_norm/gamma", "attn_ln.weight", 0, 1, false},
    {"self_attention/layer_norm/beta", "attn_ln.bias", 0, 1, false},
    {"self_attention/linear_0/weight", "attn.query.weight", 0, 3, false},
    {"self_attention/linear_0/weight", "attn.key.weight", 1, 3, false},
    {"self_attention/linear_0/weight", "attn.value.weight", 2, 3, false},
    {"self_attention/linear_0/bias", "attn.query.bias", 0, 3, false},
    {"self_attention/linear_0/bias", NULL, 1, 3, false},
    {"self_attention/linear_0/bias", "attn.value.bias", 2, 3, false},
    {"self_attention/linear_1/weight", "attn.out.weight", 0, 1, false},
    {"self_attention/linear_1/bias", "attn.out.bias", 0, 1, false},
    {"attention/layer_norm/gamma", "cross_attn_ln.weight", 0, 1, true},
    {"attention/layer_norm/beta", "cross_attn_ln.bias", 0, 1, true},
    {"attention/linear_0/weight", "cross_attn.query.weight", 0, 1, true},
    {"attention/linear_0/bias", "cross_attn.query.bias", 0, 1, true},
    {"attention/linear_1/weight", "cross_attn.key.weight", 0, 2, true},
    {"attention/linear_1/weight", "cross_attn.value.weight", 1, 2, true},
    {"attention/linear_1/bias", NULL, 0, 2, true},
    {"attention/linear_1/bias", "cross_attn.value.bias", 1, 2, true},
    {"attention/linear_2/weight", "cross_attn.out.weight", 0, 1, true},
    {"attention/linear_2/bias", "cross_attn.out.bias", 0, 1, true},
    {"ffn/layer_norm/gamma", "mlp_ln.weight", 0, 1, false},
    {"ffn/layer_norm/beta", "mlp_ln.bias", 0, 1, false},
    {"ffn/linear_0/weight", "mlp.0.weight", 0, 1, false},
    {"ffn/linear_0/bias", "mlp.0.bias", 0, 1, false},
    {"ffn/linear_1/weight", "mlp.2.weight", 0, 1, false},
    {"ffn/linear_1/bias", "mlp.2.bias", 0, 1, false},
};

static const mli_name_rule encoder_rules[] = {
    {"encoder/conv1/weight", "encoder.conv1.weight", 0, 1, false},
    {"encoder/conv1/bias", "encoder.conv1.bias", 0, 1, false},
    {"encoder/conv2/weight", "encoder.conv2.weight", 0, 1, false},
    {"encoder/conv2/bias", "encoder.conv2.bias", 0, 1, false},
    {"encoder/position_encodings/encodings", "encoder.positional_embedding", 0, 1, false},
    {"encoder/layer_norm/gamma", "encoder.ln_post.weight", 0, 1, false},
    {"encoder/layer_norm/beta", "encoder.ln_post.bias", 0, 1, false},
};

static const mli_name_rule decoder_rules[] = {
    {"decoder/embeddings/weight", "decoder.token_embedding.weight", 0, 1, false},
    {"decoder/position_encodings/encodings", "decoder.positional_embedding", 0, 1, false},
    {"decoder/layer_norm/gamma", "decoder.ln.weight", 0, 1, false},
    {"decoder/layer_norm/beta", "decoder.ln.bias", 0, 1, false},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const mli_name_map map = {
    .before = "",
    .middle = "/layer_",
    .after = "/",
    .probe = "ffn/layer_norm/gamma",
    .layers = layer_rules,
    .layer_rules = COUNT(layer_rules),
    .singles = {encoder_rules, decoder_rules},
    .single_rules = {COUNT(encoder_rules), COUNT(decoder_rules)},
};

/* u16 length with the closing NUL, then the bytes. */
MODELLAB_MUST_CHECK static modellab_status
read_string(mli_cursor *c, const char *field, const char **out, size_t *bytes, modellab_error *err)
{
    uint16_t length = 0;
    const unsigned char *p = NULL;
    size_t at = c->offset;
    modellab_status status = mli_cursor_u16(c, field, &length, err);
    if (status == MODELLAB_OK) {
        status = mli_cursor_take(c, length, field, &p, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (length == 0 || memchr(p, 0, length) != p + length - 1) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                           "ct2: field %s at byte %zu is not a terminated string", field, at);
    }
    *out = (const char *)p;
    *bytes = (size_t)length - 1;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_header(mli_cursor *c, uint32_t *variables,
                                                       modellab_error *err)
{
    uint32_t version, revision;
    const char *spec = "";
    size_t spec_bytes = 0;
    modellab_status status =
        mli_cursor_u32_in(c, "version", CT2_VERSION, CT2_VERSION, &version, err);
    if (status == MODELLAB_OK) {
        status = read_string(c, "specification", &spec, &spec_bytes, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (strcmp(spec, "WhisperSpec") != 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "ct2: the specification is not WhisperSpec");
    }
    status = mli_cursor_u32_in(c, "revision", 1, 3, &revision, err);
    if (status == MODELLAB_OK) {
        status = mli_cursor_u32_in(c, "variable count", 1, CT2_MAX_VARIABLES, variables, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_variable(mli_cursor *c, mli_tensors *raw,
                                                         modellab_error *err)
{
    mli_weight t = {0};
    const char *name = NULL;
    size_t name_bytes = 0, at;
    uint8_t rank = 0, type = 0;
    uint32_t bytes = 0;
    modellab_status status = read_string(c, "variable name", &name, &name_bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    at = c->offset;
    status = mli_cursor_u8(c, "rank", &rank, err);
    if (status == MODELLAB_OK && rank > MLI_TENSOR_MAX_RANK) {
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                             "ct2: field rank at byte %zu is %u", at, rank);
    }
    for (uint8_t i = 0; status == MODELLAB_OK && i < rank; i++) {
        uint32_t dim = 0;
        status = mli_cursor_u32_in(c, "dimension", 1, INT32_MAX, &dim, err);
        t.dims[i] = dim;
    }
    at = c->offset;
    if (status == MODELLAB_OK) {
        status = mli_cursor_u8(c, "type", &type, err);
    }
    if (status == MODELLAB_OK && type >= COUNT(types)) {
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                             "ct2: field type at byte %zu is %u", at, type);
    }
    if (status == MODELLAB_OK) {
        status = mli_cursor_u32(c, "size", &bytes, err);
    }
    at = c->offset;
    if (status == MODELLAB_OK) {
        status = mli_cursor_take(c, bytes, "data", &t.data, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    t.rank = rank;
    t.dtype = types[type];
    t.bytes = bytes;
    return mli_tensors_add(raw, &t, name, name_bytes, at, err);
}

/* Aliases name one variable twice (the tied projection); nothing here needs them, but the file must
 * be whole. */
MODELLAB_MUST_CHECK static modellab_status read_aliases(mli_cursor *c, modellab_error *err)
{
    uint32_t aliases = 0;
    const char *text = NULL;
    size_t bytes = 0;
    modellab_status status =
        mli_cursor_u32_in(c, "alias count", 0, CT2_MAX_VARIABLES, &aliases, err);
    for (uint32_t i = 0; status == MODELLAB_OK && i < aliases; i++) {
        status = read_string(c, "alias", &text, &bytes, err);
        if (status == MODELLAB_OK) {
            status = read_string(c, "alias target", &text, &bytes, err);
        }
    }
    if (status == MODELLAB_OK && c->offset != c->size) {
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)c->offset,
                             "ct2: %zu bytes after the aliases", c->size - c->offset);
    }
    return status;
}

/* int8 variables get their row scales. */
MODELLAB_MUST_CHECK static modellab_status attach_scales(mli_tensors *raw, modellab_error *err)
{
    for (size_t i = 0; i < raw->count; i++) {
        mli_weight *t = &raw->items[i];
        char name[MLI_TENSOR_MAX_NAME + 8];
        if (t->dtype != MLI_WEIGHT_I8 || t->rank < 2) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s_scale", t->name);
        const mli_weight *scale = mli_tensors_find(raw, name);
        if (scale == NULL || scale->dtype != MLI_WEIGHT_F32 ||
            mli_weight_elements(scale) != mli_weight_rows(t)) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "ct2: variable %s has no fitting scale",
                            t->name);
        }
        for (size_t row = 0; row < t->dims[0]; row++) {
            float value = mli_lef32(scale->data + 4 * row);
            if (!(value > 0.0f && value <= 3.0e38f)) {
                return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                                "ct2: a scale of variable %s is not positive", t->name);
            }
        }
        t->scale = scale->data;
    }
    return MODELLAB_OK;
}

/* Value of a scalar variable of 1 or 2 bytes; `fallback` when absent. */
static int32_t scalar(const mli_tensors *raw, const char *name, int32_t fallback)
{
    const mli_weight *t = mli_tensors_find(raw, name);
    if (t == NULL || mli_weight_elements(t) != 1) {
        return fallback;
    }
    if (t->dtype == MLI_WEIGHT_I8) {
        return (int8_t)t->data[0];
    }
    return t->dtype == MLI_WEIGHT_I16 ? (int16_t)mli_le16(t->data) : fallback;
}

MODELLAB_MUST_CHECK static modellab_status
read_settings(mli_whisper_weights *weights, const mli_tensors *raw, modellab_error *err)
{
    if (scalar(raw, "decoder/activation", ACTIVATION_GELU) != ACTIVATION_GELU ||
        scalar(raw, "decoder/pre_norm", 1) != 1 || scalar(raw, "decoder/alibi", 0) != 0 ||
        scalar(raw, "decoder/scale_embeddings", 0) != 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "ct2: activation, normalisation or embedding of another architecture");
    }
    weights->hparams.n_audio_head = scalar(raw, "encoder/num_heads", 0);
    weights->hparams.n_text_head = scalar(raw, "decoder/num_heads", 0);
    return MODELLAB_OK;
}

modellab_status mli_ct2_read(mli_whisper_weights *weights, const void *file, size_t bytes,
                             modellab_error *err)
{
    mli_cursor c = {file, bytes, 0, "ct2"};
    mli_tensors raw;
    uint32_t variables = 0;
    mli_tensors_init(&raw, weights->alloc);
    modellab_status status = read_header(&c, &variables, err);
    for (uint32_t i = 0; status == MODELLAB_OK && i < variables; i++) {
        status = read_variable(&c, &raw, err);
    }
    if (status == MODELLAB_OK) {
        status = read_aliases(&c, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&raw, err);
    }
    if (status == MODELLAB_OK) {
        status = attach_scales(&raw, err);
    }
    if (status == MODELLAB_OK) {
        status = read_settings(weights, &raw, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_whisper_map(&raw, &map, &weights->tensors, err);
    }
    mli_tensors_dispose(&raw);
    return status;
}
