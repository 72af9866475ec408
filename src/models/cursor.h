/* Reading little-endian fields from a file in memory: every read is checked, an error names the
 * field and the offset. Bytes may be unaligned. */
#ifndef MLI_MODELS_CURSOR_H
#define MLI_MODELS_CURSOR_H

#include <modellab/status.h>
#include <string.h>

typedef struct mli_cursor {
    const unsigned char *bytes;
    size_t size, offset;
    const char *format; /* for messages: "ct2" */
} mli_cursor;

static inline uint16_t mli_le16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t mli_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t mli_le64(const unsigned char *p)
{
    return (uint64_t)mli_le32(p) | (uint64_t)mli_le32(p + 4) << 32;
}

static inline float mli_lef32(const unsigned char *p)
{
    uint32_t bits = mli_le32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* `bytes` bytes at the cursor; moves behind them. */
MODELLAB_MUST_CHECK modellab_status mli_cursor_take(mli_cursor *c, size_t bytes, const char *field,
                                                    const unsigned char **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_cursor_u8(mli_cursor *c, const char *field, uint8_t *out,
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_cursor_u16(mli_cursor *c, const char *field, uint16_t *out,
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_cursor_u32(mli_cursor *c, const char *field, uint32_t *out,
                                                   modellab_error *err);
/* As u32, and inside [min, max]. */
MODELLAB_MUST_CHECK modellab_status mli_cursor_u32_in(mli_cursor *c, const char *field,
                                                      uint32_t min, uint32_t max, uint32_t *out,
                                                      modellab_error *err);

#endif
