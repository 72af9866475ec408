/* Character classes by binary search, and lossy UTF-8. */
#include "text/unicode.h"

static bool in_ranges(const mli_unicode_range *ranges, size_t count, uint32_t code_point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && code_point >= ranges[low].first;
}

bool mli_unicode_is_letter(uint32_t code_point)
{
    if (code_point < 128) {
        uint32_t lower = code_point | 0x20;
        return lower >= 'a' && lower <= 'z';
    }
    return in_ranges(mli_unicode_letters, mli_unicode_letters_count, code_point);
}

bool mli_unicode_is_number(uint32_t code_point)
{
    if (code_point < 128) {
        return code_point >= '0' && code_point <= '9';
    }
    return in_ranges(mli_unicode_numbers, mli_unicode_numbers_count, code_point);
}

bool mli_unicode_is_space(uint32_t code_point)
{
    return (code_point >= 9 && code_point <= 13) || code_point == ' ' || code_point == 0x85 ||
           code_point == 0xa0 || code_point == 0x1680 ||
           (code_point >= 0x2000 && code_point <= 0x200a) || code_point == 0x2028 ||
           code_point == 0x2029 || code_point == 0x202f || code_point == 0x205f ||
           code_point == 0x3000;
}

/* Length of the sequence that starts with `lead` and the allowed range of its second byte; 0 when
 * no sequence starts so. */
static size_t sequence(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

void mli_utf8_lossy(const char *text, size_t bytes, mli_buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (at < bytes) {
        unsigned char low, high;
        size_t need = sequence(p[at], &low, &high), good = 1;
        while (good < need && at + good < bytes) {
            unsigned char next = p[at + good];
            if (next < (good == 1 ? low : 0x80) || next > (good == 1 ? high : 0xbf)) {
                break;
            }
            good++;
        }
        if (need != 0 && good == need) {
            mli_buf_append(out, p + at, need);
        } else {
            mli_buf_append(out, "\xef\xbf\xbd", 3);
        }
        at += good;
    }
}
