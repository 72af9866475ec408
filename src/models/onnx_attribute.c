/* Attributes of ONNX nodes. */
#include "base/error.h"
#include "models/onnx_private.h"
#include <string.h>

enum { /* fields of AttributeProto */
       NAME = 1,
       F = 2,
       I = 3,
       S = 4,
       T = 5,
       G = 6,
       FLOATS = 7,
       INTS = 8,
       TYPE = 20,
       REF_NAME = 21
};

static float float_of(uint64_t bits)
{
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

MODELLAB_MUST_CHECK static modellab_status bad(const mli_onnx_attribute *a, size_t offset,
                                               modellab_error *err)
{
    char name[81];
    mli_span_text(a->name, name);
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset,
                       "onnx: attribute %s at byte %zu makes no sense", name, offset);
}

MODELLAB_MUST_CHECK static modellab_status add_int(mli_onnx *onnx, mli_onnx_attribute *a,
                                                   uint64_t value, modellab_error *err)
{
    void *items;
    modellab_status status =
        mli_onnx_room(onnx->alloc, onnx->ints, &onnx->int_list, sizeof *onnx->ints, &items, err);
    if (status == MODELLAB_OK) {
        onnx->ints = items;
        onnx->ints[onnx->int_list.count - 1] = (int64_t)value;
        a->count++;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_float(mli_onnx *onnx, mli_onnx_attribute *a,
                                                     uint64_t bits, modellab_error *err)
{
    void *items;
    modellab_status status = mli_onnx_room(onnx->alloc, onnx->floats, &onnx->float_list,
                                           sizeof *onnx->floats, &items, err);
    if (status == MODELLAB_OK) {
        onnx->floats = items;
        onnx->floats[onnx->float_list.count - 1] = float_of(bits);
        a->count++;
    }
    return status;
}

/* INTS and FLOATS: packed or one field each. Their field number is their type. */
MODELLAB_MUST_CHECK static modellab_status add_numbers(mli_onnx *onnx, mli_onnx_attribute *a,
                                                       mli_wire_field *f, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    bool ints = f->number == INTS;
    if (f->type != MLI_WIRE_BYTES) {
        if (f->type != (ints ? MLI_WIRE_VARINT : MLI_WIRE_FIXED32)) {
            return bad(a, f->offset, err);
        }
        return ints ? add_int(onnx, a, f->value, err) : add_float(onnx, a, f->value, err);
    }
    while (status == MODELLAB_OK && f->span.bytes > 0) {
        uint64_t value = 0;
        if (ints && mli_wire_varint(&f->span, &value)) {
            status = add_int(onnx, a, value, err);
        } else if (!ints && f->span.bytes >= 4) {
            for (size_t i = 0; i < 4; i++) {
                value |= (uint64_t)f->span.at[i] << (8 * i);
            }
            f->span = (mli_span){f->span.at + 4, f->span.bytes - 4};
            status = add_float(onnx, a, value, err);
        } else {
            status = bad(a, f->offset, err);
        }
    }
    return status;
}

/* Fields of the attribute; which of them counts is decided by its type. */
typedef struct parts {
    mli_span s, t, g;
    int64_t type; /* -1 = not told (files before IR version 2) */
    int32_t lists;
} parts;

MODELLAB_MUST_CHECK static modellab_status read_field(mli_onnx *onnx, const mli_wire *w,
                                                      mli_onnx_attribute *a, mli_wire_field *f,
                                                      parts *p, modellab_error *err)
{
    switch (f->number) {
    case NAME:
        a->name = f->span;
        return mli_wire_expect(w, f, MLI_WIRE_BYTES, "name", err);
    case F:
        a->f = float_of(f->value);
        return mli_wire_expect(w, f, MLI_WIRE_FIXED32, "f", err);
    case I:
        a->i = (int64_t)f->value;
        return mli_wire_expect(w, f, MLI_WIRE_VARINT, "i", err);
    case S:
        p->s = f->span;
        return mli_wire_expect(w, f, MLI_WIRE_BYTES, "s", err);
    case T:
        p->t = f->span;
        return mli_wire_expect(w, f, MLI_WIRE_BYTES, "t", err);
    case G:
        p->g = f->span;
        return mli_wire_expect(w, f, MLI_WIRE_BYTES, "g", err);
    case FLOATS:
    case INTS:
        p->lists |= 1 << f->number;
        return add_numbers(onnx, a, f, err);
    case TYPE:
        p->type = (int64_t)f->value;
        return mli_wire_expect(w, f, MLI_WIRE_VARINT, "type", err);
    case REF_NAME:
        return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)f->offset,
                           "onnx: attributes of functions are not supported");
    default:
        return MODELLAB_OK;
    }
}

MODELLAB_MUST_CHECK static modellab_status take_type(mli_onnx *onnx, const mli_wire *w,
                                                     mli_onnx_attribute *a, const parts *p,
                                                     size_t offset, modellab_error *err)
{
    /* Both lists at once, or one that the type does not name, would mix their places. */
    int32_t lists = p->type == MLI_ONNX_ATTR_INTS     ? 1 << INTS
                    : p->type == MLI_ONNX_ATTR_FLOATS ? 1 << FLOATS
                                                      : 0;
    if (p->type < 1 || p->type > 14 || (p->lists & ~lists) != 0) {
        return bad(a, offset, err);
    }
    a->type =
        p->type <= MLI_ONNX_ATTR_INTS ? (mli_onnx_attribute_type)p->type : MLI_ONNX_ATTR_OTHER;
    switch (a->type) {
    case MLI_ONNX_ATTR_STRING:
        a->span = p->s;
        return MODELLAB_OK;
    case MLI_ONNX_ATTR_GRAPH:
        a->span = p->g;
        return MODELLAB_OK;
    case MLI_ONNX_ATTR_TENSOR:
        return p->t.at != NULL ? mli_onnx_read_tensor(onnx, w, p->t, &a->tensor, err)
                               : bad(a, offset, err);
    default:
        return MODELLAB_OK;
    }
}

modellab_status mli_onnx_read_attribute(mli_onnx *onnx, const mli_wire *w, mli_span message,
                                        modellab_error *err)
{
    mli_wire inner = mli_wire_of(w, message);
    mli_onnx_attribute a = {.tensor = MLI_ONNX_NONE};
    parts p = {.type = -1};
    mli_wire_field f;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    void *items;
    uint32_t ints = (uint32_t)onnx->int_list.count, floats = (uint32_t)onnx->float_list.count;

    while (status == MODELLAB_OK &&
           (status = mli_wire_next(&inner, &f, &found, err)) == MODELLAB_OK && found) {
        status = read_field(onnx, &inner, &a, &f, &p, err);
    }
    if (status == MODELLAB_OK) {
        status = take_type(onnx, w, &a, &p, (size_t)(message.at - w->file), err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    a.first = a.type == MLI_ONNX_ATTR_FLOATS ? floats : ints;
    status = mli_onnx_room(onnx->alloc, onnx->attributes, &onnx->attribute_list,
                           sizeof *onnx->attributes, &items, err);
    if (status == MODELLAB_OK) {
        onnx->attributes = items;
        onnx->attributes[onnx->attribute_list.count - 1] = a;
    }
    return status;
}
