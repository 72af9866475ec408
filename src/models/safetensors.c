/* Reader of Hugging Face safetensors: JSON header with name, type, shape and offsets, then the
 * data. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "models/cursor.h"
#include "models/whisper_formats.h"

#include <stdlib.h>

#define MAX_HEADER ((size_t)100000000)

static const mli_name_rule layer_rules[] = {
    {"self_attn_layer_norm.weight", "attn_ln.weight", 0, 1, false},
    {"self_attn_layer_norm.bias", "attn_ln.bias", 0, 1, false},
    {"self_attn.q_proj.weight", "attn.query.weight", 0, 1, false},
    {"self_attn.q_proj.bias", "attn.query.bias", 0, 1, false},
    {"self_attn.k_proj.weight", "attn.key.weight", 0, 1, false},
    {"self_attn.k_proj.bias", NULL, 0, 1, false},
    {"self_attn.v_proj.weight", "attn.value.weight", 0, 1, false},
    {"self_attn.v_proj.bias", "attn.value.bias", 0, 1, false},
    {"self_attn.out_proj.weight", "attn.out.weight", 0, 1, false},
    {"self_attn.out_proj.bias", "attn.out.bias", 0, 1, false},
    {"encoder_attn_layer_norm.weight", "cross_attn_ln.weight", 0, 1, true},
    {"encoder_attn_layer_norm.bias", "cross_attn_ln.bias", 0, 1, true},
    {"encoder_attn.q_proj.weight", "cross_attn.query.weight", 0, 1, true},
    {"encoder_attn.q_proj.bias", "cross_attn.query.bias", 0, 1, true},
    {"encoder_attn.k_proj.weight", "cross_attn.key.weight", 0, 1, true},
    {"encoder_attn.k_proj.bias", NULL, 0, 1, true},
    {"encoder_attn.v_proj.weight", "cross_attn.value.weight", 0, 1, true},
    {"encoder_attn.v_proj.bias", "cross_attn.value.bias", 0, 1, true},
    {"encoder_attn.out_proj.weight", "cross_attn.out.weight", 0, 1, true},
    {"encoder_attn.out_proj.bias", "cross_attn.out.bias", 0, 1, true},
    {"final_layer_norm.weight", "mlp_ln.weight", 0, 1, false},
    {"final_layer_norm.bias", "mlp_ln.bias", 0, 1, false},
    {"fc1.weight", "mlp.0.weight", 0, 1, false},
    {"fc1.bias", "mlp.0.bias", 0, 1, false},
    {"fc2.weight", "mlp.2.weight", 0, 1, false},
    {"fc2.bias", "mlp.2.bias", 0, 1, false},
};

static const mli_name_rule encoder_rules[] = {
    {"model.encoder.conv1.weight", "encoder.conv1.weight", 0, 1, false},
    {"model.encoder.conv1.bias", "encoder.conv1.bias", 0, 1, false},
    {"model.encoder.conv2.weight", "encoder.conv2.weight", 0, 1, false},
    {"model.encoder.conv2.bias", "encoder.conv2.bias", 0, 1, false},
    {"model.encoder.embed_positions.weight", "encoder.positional_embedding", 0, 1, false},
    {"model.encoder.layer_norm.weight", "encoder.ln_post.weight", 0, 1, false},
    {"model.encoder.layer_norm.bias", "encoder.ln_post.bias", 0, 1, false},
};

static const mli_name_rule decoder_rules[] = {
    {"model.decoder.embed_tokens.weight", "decoder.token_embedding.weight", 0, 1, false},
    {"model.decoder.embed_positions.weight", "decoder.positional_embedding", 0, 1, false},
    {"model.decoder.layer_norm.weight", "decoder.ln.weight", 0, 1, false},
    {"model.decoder.layer_norm.bias", "decoder.ln.bias", 0, 1, false},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const mli_name_map map = {
    .before = "model.",
    .middle = ".layers.",
    .after = ".",
    .probe = "final_layer_norm.weight",
    .layers = layer_rules,
    .layer_rules = COUNT(layer_rules),
    .singles = {encoder_rules, decoder_rules},
    .single_rules = {COUNT(encoder_rules), COUNT(decoder_rules)},
};

static mli_weight_dtype type_of(const char *name)
{
    static const struct {
        const char *name;
        mli_weight_dtype type;
    } types[] = {{"F32", MLI_WEIGHT_F32}, {"F16", MLI_WEIGHT_F16}, {"BF16", MLI_WEIGHT_BF16},
                 {"I8", MLI_WEIGHT_I8},   {"I16", MLI_WEIGHT_I16}, {"I32", MLI_WEIGHT_I32},
                 {"I64", MLI_WEIGHT_I64}, {"U8", MLI_WEIGHT_U8},   {"BOOL", MLI_WEIGHT_U8}};
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            return types[i].type;
        }
    }
    return MLI_WEIGHT_NONE;
}

MODELLAB_MUST_CHECK static modellab_status bad_field(const char *name, const char *field,
                                                     modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "safetensors: tensor %.80s: bad field %s", name,
                    field);
}

MODELLAB_MUST_CHECK static modellab_status read_shape(const char *name, const mli_json *shape,
                                                      mli_weight *t, modellab_error *err)
{
    size_t rank = mli_json_count(shape);
    if (shape == NULL || mli_json_typeof(shape) != MLI_JSON_ARRAY || rank > MLI_TENSOR_MAX_RANK) {
        return bad_field(name, "shape", err);
    }
    for (size_t i = 0; i < rank; i++) {
        int64_t dim = mli_json_int(mli_json_at(shape, i), -1);
        if (dim < 1 || dim > INT32_MAX) {
            return bad_field(name, "shape", err);
        }
        t->dims[i] = (size_t)dim;
    }
    t->rank = (int32_t)rank;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_entry(const char *name, const mli_json *entry,
                                                      const unsigned char *data, size_t bytes,
                                                      mli_tensors *out, modellab_error *err)
{
    mli_weight t = {0};
    const mli_json *offsets = mli_json_get(entry, "data_offsets");
    int64_t begin = mli_json_int(mli_json_at(offsets, 0), -1);
    int64_t end = mli_json_int(mli_json_at(offsets, 1), -1);
    if (mli_json_count(offsets) != 2 || begin < 0 || end < begin || (uint64_t)end > bytes) {
        return bad_field(name, "data_offsets", err);
    }
    t.dtype = type_of(mli_json_string(mli_json_get(entry, "dtype"), ""));
    if (t.dtype == MLI_WEIGHT_NONE) {
        return bad_field(name, "dtype", err);
    }
    modellab_status status = read_shape(name, mli_json_get(entry, "shape"), &t, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    t.data = data + begin;
    t.bytes = (size_t)(end - begin);
    return mli_tensors_add(out, &t, name, strlen(name), (size_t)begin, err);
}

static int by_address(const void *a, const void *b)
{
    const unsigned char *x = ((const mli_weight *)a)->data, *y = ((const mli_weight *)b)->data;
    return (x > y) - (x < y);
}

/* The format demands that the data leave no gap and do not overlap. */
MODELLAB_MUST_CHECK static modellab_status
check_tiling(mli_tensors *list, const unsigned char *data, size_t bytes, modellab_error *err)
{
    const unsigned char *at = data;
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, by_address);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].data != at) {
            return bad_field(list->items[i].name, "data_offsets (gap or overlap)", err);
        }
        at += list->items[i].bytes;
    }
    if (at != data + bytes) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "safetensors: %zu bytes after the tensors",
                        (size_t)(data + bytes - at));
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status parse_header(mli_cursor *c, mli_json **out,
                                                        modellab_error *err)
{
    const unsigned char *length = NULL, *header = NULL;
    modellab_status status = mli_cursor_take(c, 8, "header length", &length, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    uint64_t bytes = mli_le64(length);
    if (bytes > MAX_HEADER) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, 0,
                           "safetensors: field header length is beyond %zu", MAX_HEADER);
    }
    status = mli_cursor_take(c, (size_t)bytes, "header", &header, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_json_parse((const char *)header, (size_t)bytes, MAX_HEADER, out, err);
    if (status == MODELLAB_OK && mli_json_typeof(*out) != MLI_JSON_OBJECT) {
        mli_json_free(*out);
        *out = NULL;
        status = MODELLAB_E_INVALID_JSON;
    }
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, 8,
                           "safetensors: the header is not a JSON object");
    }
    return status;
}

modellab_status mli_safetensors_list(mli_tensors *out, const void *file, size_t bytes,
                                     modellab_error *err)
{
    mli_cursor c = {file, bytes, 0, "safetensors"};
    mli_json *root = NULL;
    const mli_json *entry;
    const char *name;
    modellab_status status = parse_header(&c, &root, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const unsigned char *data = c.bytes + c.offset;
    size_t left = c.size - c.offset;
    mli_json_cursor entries = mli_json_first(root);
    while (status == MODELLAB_OK && mli_json_next(&entries, &name, &entry)) {
        if (strcmp(name, "__metadata__") != 0) {
            status = read_entry(name, entry, data, left, out, err);
        }
    }
    mli_json_free(root);
    return status != MODELLAB_OK ? status : check_tiling(out, data, left, err);
}

modellab_status mli_safetensors_read(mli_whisper_weights *weights, const void *file, size_t bytes,
                                     modellab_error *err)
{
    mli_tensors raw;
    mli_tensors_init(&raw, weights->alloc);
    modellab_status status = mli_safetensors_list(&raw, file, bytes, err);
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&raw, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_whisper_map(&raw, &map, &weights->tensors, err);
    }
    mli_tensors_dispose(&raw);
    return status;
}
