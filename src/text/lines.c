/* Lines, fields and decimal times. */
#include "text/lines.h"

#include "base/error.h"
#include <string.h>

bool mli_lines_next(mli_lines *lines, const char **line, size_t *bytes)
{
    if (lines->at == 0 && lines->bytes >= 3 && memcmp(lines->text, "\xef\xbb\xbf", 3) == 0)
        lines->at = 3;
    if (lines->at >= lines->bytes)
        return false;
    const char *from = lines->text + lines->at;
    const char *end = memchr(from, '\n', lines->bytes - lines->at);
    size_t length = end != NULL ? (size_t)(end - from) : lines->bytes - lines->at;
    lines->at += length + (end != NULL ? 1 : 0);
    lines->number++;
    if (length > 0 && from[length - 1] == '\r')
        length--;
    *line = from;
    *bytes = length;
    return true;
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t';
}

bool mli_lines_field(const char *line, size_t bytes, size_t *at, const char **field,
                     size_t *field_bytes)
{
    while (*at < bytes && is_gap(line[*at]))
        (*at)++;
    const size_t from = *at;
    while (*at < bytes && !is_gap(line[*at]))
        (*at)++;
    *field = line + from;
    *field_bytes = *at - from;
    return *field_bytes > 0;
}

bool mli_field_ms(const char *field, size_t bytes, int64_t *ms)
{
    const int64_t limit = (int64_t)10000 * 3600 * 1000;
    size_t at = 0, digits = 0;
    int64_t value = 0;
    for (; at < bytes && field[at] >= '0' && field[at] <= '9'; at++, digits++) {
        value = value * 10 + (field[at] - '0');
        if (value > limit)
            return false;
    }
    value *= 1000;
    if (at < bytes && field[at] == '.') {
        int64_t unit = 100, rest = 0; /* rest: 0, or 1 = something below half, 2 = half, 3 = more */
        size_t place = 0;
        for (at++; at < bytes && field[at] >= '0' && field[at] <= '9'; at++, digits++, place++) {
            int digit = field[at] - '0';
            value += unit * digit;
            unit /= 10;
            if (place == 3)
                rest = digit > 5 ? 3 : digit == 5 ? 2 : digit > 0 ? 1 : 0;
            else if (place > 3 && digit > 0)
                rest = rest == 2 ? 3 : rest == 0 ? 1 : rest;
        }
        if (rest == 3 || (rest == 2 && value % 2 == 1))
            value++;
    }
    *ms = value;
    return digits > 0 && at == bytes && value <= limit;
}

modellab_status mli_lines_bad(const mli_lines *lines, const char *what, modellab_error *err)
{
    return mli_fail_at(err, MODELLAB_E_SCHEMA, lines->number, "line %lld: %s",
                       (long long)lines->number, what);
}
