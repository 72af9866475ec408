/* Exact arithmetic for money: decimal texts to scaled integers, and products wider than 64 bits. */
#include "base/checked.h"
#include "track/price.h"

/* Reads digits and a point into a mantissa and its number of decimals. */
static bool read_mantissa(const char **text, int64_t *mantissa, int *decimals)
{
    const char *p = *text;
    bool any = false, point = false;
    int64_t value = 0;
    int zeros = 0; /* trailing ones after the point may go on for long, and mean nothing */
    *decimals = 0;
    for (;; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
        any = true;
        if (point && *p == '0') {
            zeros++;
            continue;
        }
        for (; zeros >= 0; zeros--) {
            int digit = zeros == 0 ? *p - '0' : 0;
            if (mli_mul_overflow(value, 10, &value) || mli_add_overflow(value, digit, &value))
                return false;
            *decimals += point;
        }
        zeros = 0;
    }
    *text = p;
    *mantissa = value;
    return any;
}

static bool read_exponent(const char **text, int *exponent)
{
    const char *p = *text;
    int value = 0;
    *exponent = 0;
    if (*p != 'e' && *p != 'E')
        return true;
    p++;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > 400)
            return false;
    }
    *exponent = negative ? -value : value;
    *text = p;
    return true;
}

bool mli_decimal_parse(const char *text, int scale, int64_t *out)
{
    int64_t value;
    int decimals, exponent;
    if (!read_mantissa(&text, &value, &decimals) || !read_exponent(&text, &exponent) ||
        *text != '\0')
        return false;
    int shift = scale + exponent - decimals;
    for (; shift > 0 && value != 0; shift--)
        if (mli_mul_overflow(value, 10, &value))
            return false;
    for (; shift < 0 && value != 0; shift++) {
        if (value % 10 != 0)
            return false;
        value /= 10;
    }
    *out = value;
    return true;
}

bool mli_mul_div(int64_t a, int64_t b, int64_t divisor, int64_t *out)
{
    const uint64_t low_mask = 0xFFFFFFFFu;
    uint64_t x = (uint64_t)a, y = (uint64_t)b, d = (uint64_t)divisor;
    uint64_t ll = (x & low_mask) * (y & low_mask), lh = (x & low_mask) * (y >> 32);
    uint64_t hl = (x >> 32) * (y & low_mask), hh = (x >> 32) * (y >> 32);
    uint64_t middle = (ll >> 32) + (lh & low_mask) + (hl & low_mask);
    uint64_t low = (middle << 32) | (ll & low_mask);
    uint64_t high = hh + (lh >> 32) + (hl >> 32) + (middle >> 32);
    if (a < 0 || b < 0 || divisor <= 0)
        return false;
    uint64_t half = d / 2;
    low += half;
    high += low < half;
    if (high >= d)
        return false;
    uint64_t quotient = 0, rest = high; /* rest < d < 2^63: doubling it stays within 64 bits */
    for (int bit = 63; bit >= 0; bit--) {
        rest = rest << 1 | (low >> bit & 1);
        quotient <<= 1;
        if (rest >= d) {
            rest -= d;
            quotient |= 1;
        }
    }
    if (quotient > INT64_MAX)
        return false;
    *out = (int64_t)quotient;
    return true;
}
