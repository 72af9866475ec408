/* Checked little-endian reads over a file in memory. */
#include "models/cursor.h"
#include "base/error.h"

modellab_status mli_cursor_take(mli_cursor *c, size_t bytes, const char *field,
                                const unsigned char **out, modellab_error *err)
{
    if (bytes > c->size - c->offset) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)c->offset,
                           "%s: field %s at byte %zu needs %zu bytes, the file has %zu left",
                           c->format, field, c->offset, bytes, c->size - c->offset);
    }
    *out = c->bytes + c->offset;
    c->offset += bytes;
    return MODELLAB_OK;
}

modellab_status mli_cursor_u8(mli_cursor *c, const char *field, uint8_t *out, modellab_error *err)
{
    const unsigned char *p = NULL;
    modellab_status status = mli_cursor_take(c, 1, field, &p, err);
    if (status == MODELLAB_OK) {
        *out = *p;
    }
    return status;
}

modellab_status mli_cursor_u16(mli_cursor *c, const char *field, uint16_t *out, modellab_error *err)
{
    const unsigned char *p = NULL;
    modellab_status status = mli_cursor_take(c, 2, field, &p, err);
    if (status == MODELLAB_OK) {
        *out = mli_le16(p);
    }
    return status;
}

modellab_status mli_cursor_u32(mli_cursor *c, const char *field, uint32_t *out, modellab_error *err)
{
    const unsigned char *p = NULL;
    modellab_status status = mli_cursor_take(c, 4, field, &p, err);
    if (status == MODELLAB_OK) {
        *out = mli_le32(p);
    }
    return status;
}

modellab_status mli_cursor_u32_in(mli_cursor *c, const char *field, uint32_t min, uint32_t max,
                                  uint32_t *out, modellab_error *err)
{
    size_t at = c->offset;
    modellab_status status = mli_cursor_u32(c, field, out, err);
    if (status == MODELLAB_OK && (*out < min || *out > max)) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                           "%s: field %s at byte %zu is %u, allowed are %u to %u", c->format, field,
                           at, *out, min, max);
    }
    return status;
}
