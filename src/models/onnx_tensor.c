/* Tensors of ONNX files: shape, type, and where the numbers stand. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "models/onnx_private.h"
#include <string.h>

enum { LOOK_NUMBERS = 1 << 18 }; /* about a millisecond */

enum { /* fields of TensorProto */
       DIMS = 1,
       DATA_TYPE = 2,
       SEGMENT = 3,
       FLOAT_DATA = 4,
       INT32_DATA = 5,
       STRING_DATA = 6,
       INT64_DATA = 7,
       NAME = 8,
       RAW_DATA = 9,
       DOUBLE_DATA = 10,
       UINT64_DATA = 11,
       EXTERNAL_DATA = 13,
       DATA_LOCATION = 14
};

static const struct type_info {
    const char *name;
    uint8_t bytes;
    uint8_t typed; /* the field of numbers that are not raw */
    mli_weight_dtype weight;
} types[] = {
    [MLI_ONNX_FLOAT] = {"float", 4, FLOAT_DATA, MLI_WEIGHT_F32},
    [MLI_ONNX_UINT8] = {"uint8", 1, INT32_DATA, MLI_WEIGHT_U8},
    [MLI_ONNX_INT8] = {"int8", 1, INT32_DATA, MLI_WEIGHT_I8},
    [MLI_ONNX_UINT16] = {"uint16", 2, INT32_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_INT16] = {"int16", 2, INT32_DATA, MLI_WEIGHT_I16},
    [MLI_ONNX_INT32] = {"int32", 4, INT32_DATA, MLI_WEIGHT_I32},
    [MLI_ONNX_INT64] = {"int64", 8, INT64_DATA, MLI_WEIGHT_I64},
    [MLI_ONNX_STRING] = {"string", 0, STRING_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_BOOL] = {"bool", 1, INT32_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_FLOAT16] = {"float16", 2, INT32_DATA, MLI_WEIGHT_F16},
    [MLI_ONNX_DOUBLE] = {"double", 8, DOUBLE_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_UINT32] = {"uint32", 4, UINT64_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_UINT64] = {"uint64", 8, UINT64_DATA, MLI_WEIGHT_NONE},
    [MLI_ONNX_BFLOAT16] = {"bfloat16", 2, INT32_DATA, MLI_WEIGHT_BF16},
};

static const struct type_info *info_of(int64_t type)
{
    if (type < 0 || (size_t)type >= sizeof types / sizeof types[0] || types[type].name == NULL) {
        return NULL;
    }
    return &types[type];
}

const char *mli_onnx_type_name(int32_t type)
{
    const struct type_info *info = info_of(type);
    return info != NULL ? info->name : "?";
}

/* Valid, and nothing that is read here. */
MODELLAB_MUST_CHECK static modellab_status unsupported(const mli_onnx_tensor *t, const char *what,
                                                       modellab_error *err)
{
    char name[81];
    mli_span_text(t->name, name);
    return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)t->offset,
                       "onnx: tensor %s at byte %zu: %s", name, t->offset, what);
}

MODELLAB_MUST_CHECK static modellab_status bad(const mli_onnx_tensor *t, const char *field,
                                               modellab_error *err)
{
    char name[81];
    mli_span_text(t->name, name);
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)t->offset,
                       "onnx: tensor %s at byte %zu: bad field %s", name, t->offset, field);
}

MODELLAB_MUST_CHECK static modellab_status add_dim(mli_onnx_tensor *t, uint64_t size,
                                                   modellab_error *err)
{
    if (t->rank >= MLI_TENSOR_MAX_RANK || size > INT32_MAX) {
        return bad(t, "dims", err);
    }
    t->dims[t->rank++] = (size_t)size;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_dims(mli_onnx_tensor *t, mli_wire_field *f,
                                                     modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    uint64_t size;
    if (f->type == MLI_WIRE_VARINT) {
        return add_dim(t, f->value, err);
    }
    while (status == MODELLAB_OK && f->span.bytes > 0) {
        status = mli_wire_varint(&f->span, &size) ? add_dim(t, size, err) : bad(t, "dims", err);
    }
    return status;
}

/* What a tensor says of itself; `*raw` are the raw numbers, if there is such a field. */
MODELLAB_MUST_CHECK static modellab_status read_facts(mli_onnx_tensor *t, mli_wire w, mli_span *raw,
                                                      bool *has_raw, modellab_error *err)
{
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    int64_t type = 0;
    while (status == MODELLAB_OK && (status = mli_wire_next(&w, &f, &found, err)) == MODELLAB_OK &&
           found) {
        switch (f.number) {
        case DIMS:
            status = f.type == MLI_WIRE_VARINT || f.type == MLI_WIRE_BYTES ? read_dims(t, &f, err)
                                                                           : bad(t, "dims", err);
            break;
        case DATA_TYPE:
            type = (int64_t)f.value;
            break;
        case NAME:
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "name", err);
            t->name = f.span;
            break;
        case RAW_DATA:
            status = mli_wire_expect(&w, &f, MLI_WIRE_BYTES, "raw_data", err);
            *raw = f.span;
            *has_raw = true;
            break;
        case SEGMENT:
            return unsupported(t, "its numbers stand in segments", err);
        case EXTERNAL_DATA:
        case DATA_LOCATION:
            if (f.number == EXTERNAL_DATA || f.value != 0) {
                return unsupported(t, "its numbers stand in another file", err);
            }
            break;
        default:
            break;
        }
    }
    if (status == MODELLAB_OK && info_of(type) == NULL) {
        status = unsupported(t, "its data_type is not known", err);
    }
    t->type = (mli_onnx_type)type;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status count_elements(mli_onnx_tensor *t, modellab_error *err)
{
    t->elements = 1;
    for (int32_t i = 0; i < t->rank; i++) {
        if (mli_mul_overflow(t->elements, t->dims[i], &t->elements) ||
            t->elements > MLI_TENSOR_MAX_ELEMENTS) {
            return bad(t, "dims", err);
        }
    }
    if (mli_mul_overflow(t->elements, info_of(t->type)->bytes, &t->bytes)) {
        return bad(t, "dims", err);
    }
    return MODELLAB_OK;
}

/* One number off the front of a packed field, or the field's own. */
static bool take_number(mli_wire_field *f, uint8_t typed, uint64_t *out)
{
    size_t bytes = typed == FLOAT_DATA ? 4 : typed == DOUBLE_DATA ? 8 : 0;
    if (f->type != MLI_WIRE_BYTES) {
        *out = f->value;
        return f->type == (bytes == 4   ? MLI_WIRE_FIXED32
                           : bytes == 8 ? MLI_WIRE_FIXED64
                                        : MLI_WIRE_VARINT);
    }
    if (bytes == 0) {
        return mli_wire_varint(&f->span, out);
    }
    if (f->span.bytes < bytes) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < bytes; i++) {
        *out |= (uint64_t)f->span.at[i] << (8 * i);
    }
    f->span = (mli_span){f->span.at + bytes, f->span.bytes - bytes};
    return true;
}

/* Walks over the numbers that are not raw; `out` NULL only counts them. */
MODELLAB_MUST_CHECK static modellab_status walk_typed(const mli_onnx *onnx,
                                                      const mli_onnx_tensor *t, mli_wire w,
                                                      unsigned char *out, size_t *count,
                                                      modellab_error *err)
{
    const struct type_info *info = info_of(t->type);
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    *count = 0;
    while (status == MODELLAB_OK && (status = mli_wire_next(&w, &f, &found, err)) == MODELLAB_OK &&
           found) {
        if (f.number != info->typed) {
            continue;
        }
        do {
            uint64_t number;
            if (f.type == MLI_WIRE_BYTES && f.span.bytes == 0) {
                break; /* an empty list */
            }
            if (!take_number(&f, info->typed, &number)) {
                return bad(t, "data", err);
            }
            for (size_t i = 0; out != NULL && i < info->bytes; i++) {
                out[*count * info->bytes + i] = (unsigned char)(number >> (8 * i));
            }
            if (++*count % LOOK_NUMBERS == 0 &&
                (status = mli_onnx_go_on(onnx, err)) != MODELLAB_OK) {
                return status;
            }
        } while (f.type == MLI_WIRE_BYTES && f.span.bytes > 0);
    }
    return status;
}

/* Numbers that do not stand as raw bytes are put so. They are counted first: nothing is allocated
 * for a length that is only declared. */
MODELLAB_MUST_CHECK static modellab_status read_typed(const mli_onnx *onnx, mli_onnx_tensor *t,
                                                      mli_wire w, modellab_error *err)
{
    size_t count;
    modellab_status status = walk_typed(onnx, t, w, NULL, &count, err);
    if (status == MODELLAB_OK && count != t->elements) {
        status = bad(t, "data: not as many values as the dimensions need", err);
    }
    if (status != MODELLAB_OK || count == 0) {
        return status;
    }
    t->own = mli_alloc_array(onnx->alloc, count, info_of(t->type)->bytes);
    if (t->own == NULL) {
        return mli_no_memory(err);
    }
    t->data = t->own;
    return walk_typed(onnx, t, w, t->own, &count, err);
}

MODELLAB_MUST_CHECK static modellab_status read_data(const mli_onnx *onnx, mli_onnx_tensor *t,
                                                     const mli_wire *w, mli_span raw, bool has_raw,
                                                     modellab_error *err)
{
    modellab_status status = count_elements(t, err);
    if (status != MODELLAB_OK || t->type == MLI_ONNX_STRING) {
        return status;
    }
    if (!has_raw) {
        return read_typed(onnx, t, *w, err);
    }
    if (raw.bytes != t->bytes) {
        return bad(t, "raw_data: not the bytes that dimensions and type need", err);
    }
    t->data = raw.at;
    return MODELLAB_OK;
}

modellab_status mli_onnx_read_tensor(mli_onnx *onnx, const mli_wire *w, mli_span message,
                                     uint32_t *index, modellab_error *err)
{
    mli_span raw = {NULL, 0};
    bool has_raw = false;
    mli_wire inner = mli_wire_of(w, message);
    void *items;
    modellab_status status = mli_onnx_room(onnx->alloc, onnx->tensors, &onnx->tensor_list,
                                           sizeof *onnx->tensors, &items, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    onnx->tensors = items;
    *index = (uint32_t)(onnx->tensor_list.count - 1);
    mli_onnx_tensor *t = &onnx->tensors[*index];
    *t = (mli_onnx_tensor){.offset = (size_t)(message.at - w->file)};
    status = read_facts(t, inner, &raw, &has_raw, err);
    return status == MODELLAB_OK ? read_data(onnx, t, &inner, raw, has_raw, err) : status;
}

modellab_status mli_onnx_weight(const mli_onnx_tensor *tensor, const char *name, mli_weight *out,
                                modellab_error *err)
{
    const struct type_info *info = info_of(tensor->type);
    if (info->weight == MLI_WEIGHT_NONE || tensor->elements == 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "onnx: tensor %s of type %s with %zu values cannot be taken as weights",
                        name, info->name, tensor->elements);
    }
    *out = (mli_weight){.name = name,
                        .dtype = info->weight,
                        .rank = tensor->rank,
                        .data = tensor->data,
                        .bytes = tensor->bytes};
    memcpy(out->dims, tensor->dims, sizeof out->dims);
    return MODELLAB_OK;
}
