/* Base64 to bytes, group by group. */
#include "base/base64.h"
#include <stdint.h>

/* 0..63; -1 = not of the alphabet. */
static int32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool mli_base64_decode(const char *text, size_t length, mli_buf *out)
{
    if (length % 4 != 0)
        return false;
    for (size_t at = 0; at < length; at += 4) {
        bool last = at + 4 == length;
        size_t pads = !last || text[at + 3] != '=' ? 0 : text[at + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (size_t i = 0; i < 4; i++) {
            int32_t value = i < 4 - pads ? value_of(text[at + i]) : 0;
            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        if ((bits & ((1u << 8 * pads) - 1u)) != 0)
            return false;
        const char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        mli_buf_append(out, bytes, 3 - pads);
    }
    return true;
}
