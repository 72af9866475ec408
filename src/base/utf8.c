/* UTF-8: strict decoding, encoding, borders. */
#include "base/str.h"

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t mli_utf8_decode(const char *text, size_t bytes, uint32_t *code_point)
{
    const unsigned char *s = (const unsigned char *)text;
    if (bytes == 0)
        return 0;
    if (s[0] < 0x80) {
        *code_point = s[0];
        return 1;
    }
    size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || length > bytes)
        return 0;
    uint32_t c = s[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (!is_tail(s[i]))
            return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *code_point = c;
    return length;
}

size_t mli_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        c = 0xFFFD;
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool mli_utf8_valid(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        uint32_t c;
        size_t n = mli_utf8_decode(text + i, bytes - i, &c);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t mli_utf8_prefix(const char *text, size_t bytes, size_t limit)
{
    if (bytes <= limit)
        return bytes;
    /* Step back over at most three continuation bytes: in bad UTF-8 a cut anywhere is as good. */
    size_t cut = limit;
    for (int i = 0; i < 3 && cut > 0 && is_tail((unsigned char)text[cut]); i++)
        cut--;
    return is_tail((unsigned char)text[cut]) ? limit : cut;
}
