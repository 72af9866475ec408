/* Bounded writing of JSON text into a caller's room: what does not fit sets `cut` and is left out.
 */
#ifndef MLI_LOG_WRITER_H
#define MLI_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mli_log_writer {
    char *at, *end;
    bool cut;
} mli_log_writer;

/* Quoted and escaped; at most `limit` bytes of the text. */
void mli_log_put_string(mli_log_writer *w, const char *text, size_t bytes, size_t limit);
void mli_log_put_int(mli_log_writer *w, int64_t value);

static inline void mli_log_put(mli_log_writer *w, const char *text, size_t bytes)
{
    if ((size_t)(w->end - w->at) < bytes) {
        w->cut = true;
        return;
    }
    memcpy(w->at, text, bytes);
    w->at += bytes;
}

#define MLI_LOG_PUT(w, literal) mli_log_put(w, literal, sizeof(literal) - 1)

/* Not zero when one of eight bytes is a control, a quote, a backslash, DEL or beyond ASCII. */
static inline uint64_t mli_log_special_in(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\', del = v ^ ones * 0x7F;
    return (v | (v - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones)) & high;
}

static inline uint64_t mli_log_load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Whether a short text needs no escape; the last word overlaps the one before. */
static inline bool mli_log_is_plain(const char *text, size_t bytes)
{
    if (bytes >= 8) {
        for (size_t i = 0; i + 8 < bytes; i += 8)
            if (mli_log_special_in(mli_log_load8(text + i)) != 0)
                return false;
        return mli_log_special_in(mli_log_load8(text + bytes - 8)) == 0;
    }
    uint64_t v = 0x2020202020202020u;
    if (bytes >= 4) {
        uint32_t first, last;
        memcpy(&first, text, 4);
        memcpy(&last, text + bytes - 4, 4);
        v = (uint64_t)first << 32 | last;
    } else {
        for (size_t i = 0; i < bytes; i++)
            v = v << 8 | (unsigned char)text[i];
    }
    return mli_log_special_in(v) == 0;
}

/* Quoted, with nothing to escape; the room was checked. */
static inline void mli_log_put_plain(mli_log_writer *w, const char *text, size_t bytes)
{
    *w->at++ = '"';
    memcpy(w->at, text, bytes);
    w->at += bytes;
    *w->at++ = '"';
}

#endif
