/* The walker over protocol buffers. */
#include "models/protobuf.h"
#include "base/error.h"
#include "models/cursor.h"
#include <string.h>

#define VARINT_BYTES 10

void mli_wire_init(mli_wire *w, const char *format, const void *file, size_t bytes)
{
    *w = (mli_wire){.file = file, .left = {file, bytes}, .format = format};
}

mli_wire mli_wire_of(const mli_wire *w, mli_span message)
{
    return (mli_wire){.file = w->file, .left = message, .format = w->format};
}

static size_t offset_of(const mli_wire *w)
{
    return (size_t)(w->left.at - w->file);
}

static void skip(mli_span *span, size_t bytes)
{
    span->at += bytes;
    span->bytes -= bytes;
}

bool mli_wire_varint(mli_span *span, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < VARINT_BYTES && i < span->bytes; i++) {
        unsigned char byte = span->at[i];
        if (i == VARINT_BYTES - 1 && byte > 1) {
            return false; /* more than 64 bits */
        }
        value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            skip(span, i + 1);
            *out = value;
            return true;
        }
    }
    return false;
}

MODELLAB_MUST_CHECK static modellab_status bad(size_t offset, const mli_wire *w, const char *what,
                                               modellab_error *err)
{
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset, "%s: %s at byte %zu",
                       w->format, what, offset);
}

/* A fixed field of `bytes` (4 or 8). */
static bool take_fixed(mli_span *span, size_t bytes, uint64_t *out)
{
    if (span->bytes < bytes) {
        return false;
    }
    *out = bytes == 4 ? mli_le32(span->at) : mli_le64(span->at);
    skip(span, bytes);
    return true;
}

static bool take_bytes(mli_span *span, mli_span *out)
{
    uint64_t bytes;
    if (!mli_wire_varint(span, &bytes) || bytes > span->bytes) {
        return false;
    }
    *out = (mli_span){span->at, (size_t)bytes};
    skip(span, (size_t)bytes);
    return true;
}

modellab_status mli_wire_next(mli_wire *w, mli_wire_field *out, bool *found, modellab_error *err)
{
    uint64_t key;
    bool whole;
    *out = (mli_wire_field){.offset = offset_of(w)};
    *found = w->left.bytes > 0;
    if (!*found) {
        return MODELLAB_OK;
    }
    if (!mli_wire_varint(&w->left, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3) {
        return bad(out->offset, w, "no field of a message", err);
    }
    out->number = (uint32_t)(key >> 3);
    out->type = (mli_wire_type)(key & 7);
    switch (out->type) {
    case MLI_WIRE_VARINT:
        whole = mli_wire_varint(&w->left, &out->value);
        break;
    case MLI_WIRE_FIXED64:
        whole = take_fixed(&w->left, 8, &out->value);
        break;
    case MLI_WIRE_BYTES:
        whole = take_bytes(&w->left, &out->span);
        break;
    case MLI_WIRE_FIXED32:
        whole = take_fixed(&w->left, 4, &out->value);
        break;
    default:
        return bad(out->offset, w, "a field of a type that is not known", err);
    }
    return whole ? MODELLAB_OK : bad(out->offset, w, "a field that is cut off", err);
}

modellab_status mli_wire_expect(const mli_wire *w, const mli_wire_field *field, mli_wire_type type,
                                const char *name, modellab_error *err)
{
    if (field->type != type) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)field->offset,
                           "%s: field %s at byte %zu is of another type", w->format, name,
                           field->offset);
    }
    return MODELLAB_OK;
}

bool mli_span_is(mli_span span, const char *text)
{
    size_t bytes = strlen(text);
    return span.bytes == bytes && (bytes == 0 || memcmp(span.at, text, bytes) == 0);
}

void mli_span_text(mli_span span, char out[81])
{
    size_t bytes = span.bytes < 80 ? span.bytes : 80;
    for (size_t i = 0; i < bytes; i++) {
        out[i] = span.at[i] > ' ' && span.at[i] < 127 ? (char)span.at[i] : '?';
    }
    out[bytes] = '\0';
}

int mli_span_compare(mli_span a, mli_span b)
{
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}
