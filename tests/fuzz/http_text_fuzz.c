/* Fuzz target: what the server reads out of heads: percent codes, UTF-8, lists, numbers, ranges.
 * Its answers hold what they promise, and what is written by the rules is read as it was. */
#include "ranges.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MOST = 4096 };

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* UTF-8 by the table of well-formed byte sequences (Unicode, table 3-7): another way than the
 * server's, which computes the code points. */
static bool table_utf8(const uint8_t *at, size_t bytes)
{
    static const struct {
        uint8_t first, last, low, high, more;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
        {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
        {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3}};
    for (size_t i = 0, row; i < bytes; i += 1u + rows[row].more) {
        for (row = 0; row < sizeof rows / sizeof *rows; row++)
            if (at[i] >= rows[row].first && at[i] <= rows[row].last)
                break;
        if (row == sizeof rows / sizeof *rows || bytes - i <= rows[row].more)
            return false;
        for (size_t k = 1; k <= rows[row].more; k++) {
            uint8_t low = k == 1 ? rows[row].low : 0x80, high = k == 1 ? rows[row].high : 0xbf;
            if (at[i + k] < low || at[i + k] > high)
                return false;
        }
    }
    return true;
}

static void look_at_codes(const char *text, size_t bytes)
{
    char out[MOST + 1], coded[3 * MOST + 1], again[MOST + 1];
    for (int is_query = 0; is_query < 2; is_query++) {
        if (!text_decode(text, bytes, is_query != 0, out, sizeof out))
            continue;
        size_t made = strlen(out);
        must(made <= bytes && table_utf8((const uint8_t *)out, made), "what is decoded is UTF-8");
        for (size_t i = 0; i < made; i++)
            (void)snprintf(coded + 3 * i, 4, i % 2 == 0 ? "%%%02x" : "%%%02X",
                           (unsigned char)out[i]);
        must(text_decode(coded, 3 * made, is_query != 0, again, made + 1), "codes are decoded");
        must(strcmp(out, again) == 0, "codes are what they were made of");
        if (made > 0)
            must(!text_decode(coded, 3 * made, is_query != 0, again, made), "the room is kept to");
    }
}

static void look_at_range(const char *text, int64_t size)
{
    char made[80];
    int64_t first = -7, last = -7, from, to;
    range_kind kind = range_read(text, size, &first, &last);
    if (kind == RANGE_NONE)
        must(first == 0 && last == size - 1, "without a range it is the whole");
    if (kind != RANGE_ONE)
        return;
    must(first >= 0 && first <= last && last < size, "a range lies within");
    (void)snprintf(made, sizeof made, "bytes=%lld-%lld", (long long)first, (long long)last);
    must(range_read(made, size, &from, &to) == RANGE_ONE && from == first && to == last,
         "a range is read as it is written");
}

static void look_at_number(const char *text, size_t bytes)
{
    char made[40], plain[MOST + 1];
    int64_t number = -1;
    if (!text_number(text, bytes, &number))
        return;
    must(number >= 0, "no number is negative");
    (void)snprintf(made, sizeof made, "%lld", (long long)number);
    memcpy(plain, text, bytes);
    plain[bytes] = '\0';
    const char *digits = plain + strspn(plain, "0");
    must(strcmp(*digits != '\0' ? digits : "0", made) == 0, "a number is what its digits say");
}

/* A member that is put in front is found; one that nobody wrote is not. */
static void look_at_list(const char *text)
{
    char list[MOST + 64];
    (void)snprintf(list, sizeof list, "gzip;a=b , %s", text);
    must(text_list_has(list, "GZIP"), "a member is found");
    (void)snprintf(list, sizeof list, "gzip;q=0.000, %s", text);
    must(!text_list_has(list, "gzip"), "what is refused is none");
    must(!text_list_has(text, "a-token-that-no-seed-has"), "what is not there is not found");
}

/* Its first 8 bytes are a size, the rest is a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint64_t size = 0;
    char text[MOST + 1];
    must(text_is_utf8((const char *)data, bytes) == table_utf8(data, bytes), "UTF-8 by two ways");
    if (bytes < 8 || bytes - 8 > MOST)
        return 0;
    memcpy(&size, data, 8);
    bytes -= 8;
    memcpy(text, data + 8, bytes);
    text[bytes] = '\0';
    look_at_codes((const char *)data + 8, bytes);
    look_at_number((const char *)data + 8, bytes);
    look_at_range(text, (int64_t)(size >> 2));
    look_at_range(text, (int64_t)(size & 0x3ff));
    look_at_list(text);
    return 0;
}
