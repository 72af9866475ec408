/* Copying of text that needs no escape, found out while it is copied: 16 bytes at a time where the
 * machine has such registers, 8 else. */
#ifndef MLI_LOG_PLAIN_H
#define MLI_LOG_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline uint64_t mli_log_load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t mli_log_load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Not zero when one of eight bytes is a control, a quote, a backslash, DEL or beyond ASCII. */
static inline uint64_t mli_log_special_in(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\', del = v ^ ones * 0x7F;
    return (v | (v - ones * 0x20) | (quote - ones) | (slash - ones) | (del - ones)) & high;
}

#ifdef __SSE2__
static inline uint64_t mli_log_special_in_block(__m128i v)
{
    /* As signed numbers the bytes beyond ASCII are below the space, like the controls. */
    __m128i bad = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
    return (uint64_t)(uint32_t)_mm_movemask_epi8(bad);
}
#endif

/* Two such eights at once. */
static inline uint64_t mli_log_special_in16(uint64_t first, uint64_t last)
{
#ifdef __SSE2__
    return mli_log_special_in_block(_mm_set_epi64x((long long)last, (long long)first));
#else
    return mli_log_special_in(first) | mli_log_special_in(last);
#endif
}

/* Copies sixteen bytes; not zero as above. */
static inline uint64_t mli_log_copy16(char *to, const char *from)
{
#ifdef __SSE2__
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, v);
    return mli_log_special_in_block(v);
#else
    uint64_t words[2];
    memcpy(words, from, 16);
    memcpy(to, words, 16);
    return mli_log_special_in16(words[0], words[1]);
#endif
}

/* Copies exactly `bytes`, each length by few moves that may overlap. False when something needs an
 * escape: then what was copied is of no use. */
static inline bool mli_log_copy_plain(char *to, const char *from, size_t bytes)
{
    const uint64_t blank = 0x2020202020202020u;
    uint64_t first = blank, last = blank;
    if (bytes >= 16) {
        for (size_t i = 0; i + 16 < bytes; i += 16)
            if (mli_log_copy16(to + i, from + i) != 0)
                return false;
        return mli_log_copy16(to + bytes - 16, from + bytes - 16) == 0;
    }
    if (bytes >= 8) {
        first = mli_log_load8(from);
        last = mli_log_load8(from + bytes - 8);
        memcpy(to, &first, 8);
        memcpy(to + bytes - 8, &last, 8);
    } else if (bytes >= 4) {
        uint32_t head = mli_log_load4(from), tail = mli_log_load4(from + bytes - 4);
        memcpy(to, &head, 4);
        memcpy(to + bytes - 4, &tail, 4);
        first = (uint64_t)head << 32 | tail;
    } else if (bytes > 0) {
        char a = from[0], b = from[bytes / 2], c = from[bytes - 1];
        to[0] = a;
        to[bytes / 2] = b;
        to[bytes - 1] = c;
        first = (blank << 24) | (uint64_t)(unsigned char)a << 16 | (uint64_t)(unsigned char)b << 8 |
                (uint64_t)(unsigned char)c;
    }
    return mli_log_special_in16(first, last) == 0;
}

/* Copies bytes that need no look; the last block overlaps the one before it. */
static inline void mli_log_copy(char *to, const char *from, size_t bytes)
{
    char block[16];
    if (bytes < 16) {
        (void)mli_log_copy_plain(to, from, bytes);
        return;
    }
    for (size_t i = 0; i + 16 < bytes; i += 16) {
        memcpy(block, from + i, 16);
        memcpy(to + i, block, 16);
    }
    memcpy(block, from + bytes - 16, 16);
    memcpy(to + bytes - 16, block, 16);
}

/* 1 for each byte that mli_log_special_in() tells of; the NUL among them. */
extern const unsigned char mli_log_is_special[256];

/* Copies up to the NUL and returns the bytes; `limit` + 1 when there is none within `limit`, or
 * something that needs an escape. Needs room for one byte more. For short texts this beats looking
 * for their ends first. */
static inline size_t mli_log_copy_short(char *to, const char *from, size_t limit)
{
    size_t n = 0;
    while (n <= limit && mli_log_is_special[(unsigned char)from[n]] == 0) {
        to[n] = from[n];
        n++;
    }
    return n > limit || from[n] == '\0' ? n : limit + 1;
}

/* Bytes at the start of `text` that need no escape. */
static inline size_t mli_log_plain_run(const char *text, size_t bytes)
{
    char block[16];
    size_t i = 0;
    while (i + 16 <= bytes && mli_log_copy16(block, text + i) == 0)
        i += 16;
    while (i < bytes && mli_log_is_special[(unsigned char)text[i]] == 0)
        i++;
    return i;
}

#endif
