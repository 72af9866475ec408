/* Numbers, durations and byte counts read strictly, and reals written so that they read back. */
#include "base/checked.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/locale.h"
#include <float.h>
#include <math.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Decimal digits at *text; false when there is none or the value leaves int64. Moves *text on. */
static bool read_digits(const char **text, int64_t *out)
{
    const char *p = *text;
    int64_t value = 0;
    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++)
        if (mli_mul_overflow(value, 10, &value) || mli_add_overflow(value, *p - '0', &value))
            return false;
    *text = p;
    *out = value;
    return true;
}

bool mli_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = text[0] == '-';
    const char *p = text + (negative || text[0] == '+');
    int64_t value = 0;
    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) { /* counted downwards, so that INT64_MIN is read too */
        if (mli_mul_overflow(value, 10, &value) || mli_sub_overflow(value, *p - '0', &value))
            return false;
    }
    if (*p != '\0' || (!negative && value == INT64_MIN))
        return false;
    value = negative ? value : -value;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

/* digits [. digits] [e [sign] digits], as JSON plus a leading '+' and a bare point on one side. */
static bool looks_like_real(const char *p)
{
    int digits = 0;
    p += *p == '-' || *p == '+';
    for (; is_digit(*p); p++)
        digits++;
    p += *p == '.';
    for (; is_digit(*p); p++)
        digits++;
    if (digits == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        if (!is_digit(*p))
            return false;
        while (is_digit(*p))
            p++;
    }
    return *p == '\0';
}

bool mli_parse_f64(const char *text, double *out)
{
    const char *end;
    if (!looks_like_real(text))
        return false;
    double value = mli_os_strtod(text, &end);
    if (*end != '\0' || !isfinite(value))
        return false;
    *out = value;
    return true;
}

static int64_t duration_unit_ms(const char **text)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*text, units[i].name, n) == 0) {
            *text += n;
            return units[i].ms;
        }
    }
    return **text == '\0' ? 1000 : 0; /* a bare number is seconds */
}

bool mli_parse_duration_ms(const char *text, int64_t *out)
{
    int64_t total = 0, last_unit = INT64_MAX;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        int64_t value;
        if (!read_digits(&text, &value))
            return false;
        int64_t unit = duration_unit_ms(&text);
        /* Units fall: 1h30m, not 30m1h; a bare number stands alone or last. */
        if (unit == 0 || unit >= last_unit || mli_mul_overflow(value, unit, &value) ||
            mli_add_overflow(total, value, &total))
            return false;
        last_unit = unit;
    }
    *out = total;
    return true;
}

bool mli_parse_bytes(const char *text, int64_t *out)
{
    static const char prefixes[] = "KMGT";
    int64_t value;
    if (!read_digits(&text, &value))
        return false;
    if (*text != '\0' && *text != 'B') {
        char letter = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
        const char *at = strchr(prefixes, letter);
        if (at == NULL || mli_mul_overflow(value, (int64_t)1 << 10 * (at - prefixes + 1), &value))
            return false;
        text++;
        if (text[0] == 'i' && text[1] == 'B')
            text++;
    }
    if (*text == 'B')
        text++;
    if (*text != '\0')
        return false;
    *out = value;
    return true;
}

/* Two digits at a time, from the last. */
static size_t put_u64(char *dst, uint64_t value)
{
    size_t n = 1;
    for (uint64_t tens = 10; n < 20 && value >= tens; tens *= 10)
        n++;
    char *at = dst + n;
    for (; value >= 100; value /= 100)
        memcpy(at -= 2, mli_os_digit_pairs + 2 * (value % 100), 2);
    if (value >= 10)
        memcpy(at - 2, mli_os_digit_pairs + 2 * value, 2);
    else
        at[-1] = (char)('0' + value);
    return n;
}

size_t mli_format_i64(char dst[20], int64_t value)
{
    if (value >= 0)
        return put_u64(dst, (uint64_t)value);
    dst[0] = '-';
    return 1 + put_u64(dst + 1, 0 - (uint64_t)value);
}

/* Values with at most 15 digits and a few decimals: value = r / 10^k with both exact doubles, and a
 * correctly rounded division gives back the value, so that the short text reads back as the same.
 */
static size_t format_short(char *dst, double value)
{
    static const double powers[10] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double size = fabs(value);
    if (!(size < 1e15) || (size != 0 && size < 1e-4))
        return 0;
    for (int k = 0; k < 10; k++) {
        double scaled = size * powers[k];
        if (scaled >= 1e15)
            return 0;
        uint64_t r = (uint64_t)(scaled + 0.5);
        if ((double)r / powers[k] != size)
            continue;
        size_t n = 0;
        if (signbit(value))
            dst[n++] = '-';
        if (k == 0)
            return n + put_u64(dst + n, r);
        uint64_t unit = (uint64_t)powers[k];
        n += put_u64(dst + n, r / unit);
        dst[n++] = '.';
        uint64_t fraction = r % unit;
        for (uint64_t place = unit / 10; fraction < place; place /= 10)
            dst[n++] = '0';
        return n + put_u64(dst + n, fraction);
    }
    return 0;
}

size_t mli_format_f64(char *dst, size_t capacity, double value)
{
    char text[40], *to = capacity >= sizeof text ? dst : text;
    size_t n = format_short(to, value);
    if (n > 0 && to == dst) {
        dst[n] = '\0';
        return n;
    }
    /* From 15 digits on only, where fewer cannot hold the value's bits; subnormals have fewer. */
    for (int precision = fabs(value) < DBL_MIN ? 1 : 15; n == 0 && precision <= 17; precision++) {
        const char *end;
        int length = mli_os_format(text, sizeof text, "%.*g", precision, value);
        if (length > 0 && (precision == 17 || mli_os_strtod(text, &end) == value))
            n = (size_t)length;
    }
    text[n] = '\0';
    size_t kept = n < capacity ? n : capacity - 1;
    memcpy(dst, text, kept);
    dst[kept] = '\0';
    return n;
}
