/* Text as the standards of HTTP have it. */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool text_is_utf8(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    while (at < end) {
        unsigned code = *at++;
        int more = code < 0x80 ? 0 : (code & 0xe0) == 0xc0 ? 1 : (code & 0xf0) == 0xe0 ? 2 : 3;
        static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
        if (more == 0)
            continue;
        if (code < 0xc2 || code > 0xf4 || end - at < more)
            return false;
        code &= 0x3fu >> more;
        for (int i = 0; i < more; i++, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*at & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

bool text_decode(const char *text, size_t bytes, bool is_query, char *out, size_t room)
{
    size_t made = 0;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '%') {
            int high = bytes - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = bytes - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c == '\0' || made + 1 >= room)
            return false;
        out[made++] = c;
    }
    out[made] = '\0';
    return text_is_utf8(out, made);
}

bool text_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

bool text_begins(const char *text, const char *beginning)
{
    return text != NULL && strncasecmp(text, beginning, strlen(beginning)) == 0;
}

/* ";q=0", ";q=0.0" ...: explicitly not wanted. */
static bool is_refused(const char *parameters, size_t bytes)
{
    for (size_t i = 0; i + 2 < bytes; i++)
        if ((parameters[i] == 'q' || parameters[i] == 'Q') && parameters[i + 1] == '=') {
            size_t digits = strspn(parameters + i + 2, "0.");
            return parameters[i + 2] == '0' && i + 2 + digits >= bytes;
        }
    return false;
}

bool text_list_has(const char *list, const char *token)
{
    size_t wanted = strlen(token);
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        size_t bytes = strcspn(list, ","), name = strcspn(list, ",; \t");
        if (name == wanted && strncasecmp(list, token, wanted) == 0)
            return !is_refused(list + name, bytes - name);
        list += bytes;
    }
    return false;
}

void text_date(int64_t unix_time, char out[30])
{
    time_t time = (time_t)unix_time;
    struct tm parts;
    /* the program never calls setlocale(): names of days and months are English */
    if (gmtime_r(&time, &parts) == NULL ||
        strftime(out, 30, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        out[0] = '\0';
}

bool text_number(const char *text, size_t bytes, int64_t *out)
{
    int64_t number = 0;
    if (bytes == 0)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9' || number > (INT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *out = number;
    return true;
}

int64_t text_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t text_now_ms(void)
{
    return text_now_us() / 1000;
}

uint64_t text_hash(const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t hash = 0xcbf29ce484222325u, word;
    for (; bytes >= sizeof word; bytes -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32; /* else what is high in a word would reach no low bit */
    }
    for (; bytes > 0; bytes--)
        hash = (hash ^ *at++) * 0x100000001b3u;
    return hash ^ hash >> 29;
}
