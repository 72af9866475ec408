/* Rounding, order and notation of cue times. */
#include "text/format_time.h"

#include <math.h>

#define MAX_MS ((int64_t)10000 * 3600 * 1000)

int64_t mli_format_ms(double seconds)
{
    double exact = seconds * 1000.0;
    if (!(exact > 0.0))
        return 0;
    if (exact >= (double)MAX_MS)
        return MAX_MS;
    double whole = floor(exact), rest = exact - whole;
    int64_t ms = (int64_t)whole;
    if (rest > 0.5 || (rest == 0.5 && ms % 2 == 1))
        ms++;
    return ms;
}

void mli_format_cue(mli_format_clock *clock, double start, double end, int64_t shortest,
                    int64_t *start_ms, int64_t *end_ms)
{
    *start_ms = mli_format_ms(start);
    *end_ms = mli_format_ms(end);
    if (*start_ms < clock->last_start)
        *start_ms = clock->last_start;
    if (*end_ms < *start_ms + shortest)
        *end_ms = *start_ms + shortest;
    clock->last_start = *start_ms;
}

void mli_format_stamp(mli_buf *out, int64_t ms, char mark)
{
    mli_buf_printf(out, "%02lld:%02d:%02d%c%03d", (long long)(ms / 3600000), (int)(ms / 60000 % 60),
                   (int)(ms / 1000 % 60), mark, (int)(ms % 1000));
}

void mli_format_seconds(mli_buf *out, int64_t ms)
{
    mli_buf_printf(out, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

/* Digits at text[*at]: at least one, at most `most`. */
static bool read_digits(const char *text, size_t bytes, size_t *at, size_t most, int64_t *value)
{
    size_t first = *at;
    *value = 0;
    while (*at < bytes && *at - first < most && text[*at] >= '0' && text[*at] <= '9')
        *value = *value * 10 + (text[(*at)++] - '0');
    return *at > first;
}

bool mli_format_read_stamp(const char *text, size_t bytes, size_t *at, int64_t *ms)
{
    int64_t part[3] = {0, 0, 0}, fraction = 0;
    int parts = 0;
    for (; parts < 3; parts++) {
        if (parts > 0 && (*at >= bytes || text[*at] != ':'))
            break;
        if (parts > 0)
            (*at)++;
        if (!read_digits(text, bytes, at, 6, &part[parts]) || (parts > 0 && part[parts] > 59))
            return false;
    }
    if (parts < 2 || *at >= bytes || (text[*at] != '.' && text[*at] != ','))
        return false;
    size_t mark = (*at)++;
    if (!read_digits(text, bytes, at, 3, &fraction) || *at - mark != 4)
        return false;
    int64_t hours = parts == 3 ? part[0] : 0;
    int64_t minutes = parts == 3 ? part[1] : part[0];
    int64_t seconds = parts == 3 ? part[2] : part[1];
    *ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction;
    return *ms <= MAX_MS;
}
