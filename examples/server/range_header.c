/* The header Range (RFC 9110, section 14.2). */
#include "ranges.h"

#include "text.h"
#include <string.h>

range_kind range_read(const char *header, int64_t size, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = size - 1;
    if (!text_begins(header, "bytes="))
        return RANGE_NONE;
    const char *text = header + 6;
    size_t begin = strspn(text, "0123456789");
    if (text[begin] != '-')
        return RANGE_NONE;
    const char *rest = text + begin + 1;
    size_t end = strspn(rest, "0123456789");
    if (rest[end] != '\0' || begin + end == 0)
        return RANGE_NONE; /* also more than one range */
    int64_t from = 0, to = INT64_MAX;
    if ((begin > 0 && !text_number(text, begin, &from)) ||
        (end > 0 && !text_number(rest, end, &to)))
        return RANGE_UNSATISFIABLE; /* more digits than any file has */
    if (begin == 0) {               /* the last `to` bytes */
        if (to == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        *first = to >= size ? 0 : size - to;
        return RANGE_ONE;
    }
    if (end > 0 && to < from)
        return RANGE_NONE; /* malformed: as if it were not there */
    if (from >= size)
        return RANGE_UNSATISFIABLE;
    *first = from;
    *last = to < size - 1 ? to : size - 1;
    return RANGE_ONE;
}
