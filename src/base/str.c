/* Copying, hex, base names and edit distance of short texts. */
#include "base/str.h"
#include <string.h>

size_t mli_str_copy(char *dst, size_t capacity, const char *src)
{
    size_t n = strlen(src);
    if (capacity > 0) {
        size_t kept = mli_utf8_prefix(src, n, capacity - 1);
        memmove(dst, src, kept);
        dst[kept] = '\0';
    }
    return n + 1;
}

/* Controls (C0, DEL, C1), separators of lines, and marks that turn the direction of text. */
static bool steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void mli_str_copy_shown(char *dst, size_t capacity, const char *src)
{
    size_t used = 0, left = strlen(src);
    while (left > 0) {
        uint32_t c;
        size_t n = mli_utf8_decode(src, left, &c), taken = n > 0 ? n : 1;
        bool kept = n > 0 && !steers(c);
        size_t room = kept ? n : 3;
        if (used + room >= capacity)
            break;
        memcpy(dst + used, kept ? src : "\xEF\xBF\xBD", room);
        used += room;
        src += taken;
        left -= taken;
    }
    if (capacity > 0)
        dst[used] = '\0';
}

void mli_hex(const void *data, size_t bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = data;
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[from[i] >> 4];
        out[2 * i + 1] = digits[from[i] & 15];
    }
    out[2 * bytes] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mli_unhex(const char *text, size_t bytes, void *out)
{
    unsigned char *to = out;
    if (bytes % 2 != 0)
        return false;
    for (size_t i = 0; i < bytes / 2; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

const char *mli_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

#define DISTANCE_MAX_BYTES 64

static size_t least3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t mli_edit_distance(const char *a, const char *b, size_t limit)
{
    size_t na = strlen(a), nb = strlen(b);
    size_t rows[3][DISTANCE_MAX_BYTES + 1];
    if (na > DISTANCE_MAX_BYTES || nb > DISTANCE_MAX_BYTES)
        return limit + 1;
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t differs = a[i - 1] != b[j - 1];
            row[j] = least3(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[nb] <= limit ? last[nb] : limit + 1;
}
