/* Text that grows, JSON made of it, and the way to stdout. */
#include "cli/text.h"
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void no_memory(void)
{
    fputs("modellab: out of memory\n", stderr);
    exit(1);
}

void *cli_alloc(size_t bytes)
{
    void *block = calloc(1, bytes > 0 ? bytes : 1);
    if (block == NULL)
        no_memory();
    return block;
}

char *cli_strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(cli_alloc(n), text, n);
}

static void reserve(cli_text *t, size_t more)
{
    if (more < t->capacity - t->size)
        return;
    size_t capacity = t->capacity == 0 ? 256 : t->capacity;
    while (capacity - t->size <= more) {
        if (capacity > SIZE_MAX / 2)
            no_memory();
        capacity *= 2;
    }
    char *data = realloc(t->data, capacity);
    if (data == NULL)
        no_memory();
    t->data = data;
    t->capacity = capacity;
}

void cli_text_add_n(cli_text *t, const char *more, size_t bytes)
{
    reserve(t, bytes);
    memcpy(t->data + t->size, more, bytes);
    t->size += bytes;
    t->data[t->size] = '\0';
}

void cli_text_add(cli_text *t, const char *more)
{
    cli_text_add_n(t, more, strlen(more));
}

void cli_text_printf(cli_text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0) {
        reserve(t, (size_t)n);
        n = vsnprintf(t->data + t->size, (size_t)n + 1, format, again);
        t->size += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void cli_text_free(cli_text *t)
{
    free(t->data);
    *t = (cli_text)CLI_TEXT_INIT;
}

const char *cli_text_get(const cli_text *t)
{
    return t->data != NULL ? t->data : "";
}

/* --- text of strangers: names of files, what a record holds --- */

#define REPLACEMENT "\xEF\xBF\xBD"

/* Bytes of the code point at `text`; 0 when it is not valid UTF-8. */
static size_t decode(const char *text, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (n == 0 || p[0] > 0xF4)
        return 0;
    *c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3Fu);
    }
    return *c < least[n] || *c > 0x10FFFF || (*c >= 0xD800 && *c < 0xE000) ? 0 : n;
}

/* Controls, separators of lines, marks that turn the direction of text. */
static bool steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static int width_of(uint32_t c)
{
    bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xD7A3) ||
                (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
                (c >= 0xFF00 && c <= 0xFF60) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                (c >= 0x20000 && c <= 0x3FFFD);
    return wide ? 2 : 1;
}

int cli_text_add_columns(cli_text *t, const char *more, int columns)
{
    int used = 0;
    while (*more != '\0') {
        uint32_t c;
        size_t n = decode(more, &c);
        bool kept = n > 0 && !steers(c);
        int width = kept ? width_of(c) : 1;
        if (width > columns - used)
            break;
        cli_text_add_n(t, kept ? more : REPLACEMENT, kept ? n : 3);
        used += width;
        more += n > 0 ? n : 1;
    }
    return used;
}

void cli_text_add_shown(cli_text *t, const char *more)
{
    cli_text_add_columns(t, more, INT_MAX);
}

bool cli_is_utf8(const char *text)
{
    uint32_t c;
    size_t n = 1;
    while (*text != '\0' && (n = decode(text, &c)) > 0)
        text += n;
    return n > 0;
}

void cli_say_text(const char *line)
{
    cli_text shown = CLI_TEXT_INIT;
    cli_text_add_shown(&shown, line);
    fprintf(stderr, "modellab: %s\n", cli_text_get(&shown));
    cli_text_free(&shown);
}

void cli_say(const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    if (vsnprintf(line, sizeof line, format, args) >= 0)
        cli_say_text(line);
    va_end(args);
}

/* --- JSON --- */

static void separate(cli_json *j)
{
    if (!j->after_key && (j->has_item >> j->depth & 1u) != 0)
        cli_text_add(&j->text, ",");
    j->has_item |= 1u << j->depth;
    j->after_key = false;
}

void cli_json_open(cli_json *j, char bracket)
{
    separate(j);
    cli_text_add_n(&j->text, &bracket, 1);
    j->depth++;
    j->has_item &= ~(1u << j->depth);
}

void cli_json_close(cli_json *j, char bracket)
{
    j->depth--;
    cli_text_add_n(&j->text, &bracket, 1);
}

/* What is no UTF-8 would make the whole document unreadable. */
static void quoted(cli_text *t, const char *value)
{
    cli_text_add(t, "\"");
    while (*value != '\0') {
        uint32_t c;
        size_t n = decode(value, &c);
        if (n == 0)
            cli_text_add(t, REPLACEMENT);
        else if (c == '"' || c == '\\')
            cli_text_printf(t, "\\%c", (int)c);
        else if (c < 0x20)
            cli_text_printf(t, "\\u%04x", (unsigned)c);
        else
            cli_text_add_n(t, value, n);
        value += n > 0 ? n : 1;
    }
    cli_text_add(t, "\"");
}

void cli_json_key(cli_json *j, const char *key)
{
    separate(j);
    quoted(&j->text, key);
    cli_text_add(&j->text, ":");
    j->after_key = true;
}

void cli_json_string(cli_json *j, const char *value)
{
    separate(j);
    if (value == NULL)
        cli_text_add(&j->text, "null");
    else
        quoted(&j->text, value);
}

void cli_json_int(cli_json *j, int64_t value)
{
    separate(j);
    cli_text_printf(&j->text, "%lld", (long long)value);
}

void cli_json_real(cli_json *j, double value)
{
    separate(j);
    if (isfinite(value))
        cli_text_printf(&j->text, "%.15g", value);
    else
        cli_text_add(&j->text, "null");
}

void cli_json_bool(cli_json *j, bool value)
{
    separate(j);
    cli_text_add(&j->text, value ? "true" : "false");
}

void cli_json_raw(cli_json *j, const char *value)
{
    separate(j);
    cli_text_add(&j->text, value);
}

void cli_json_kstring(cli_json *j, const char *key, const char *value)
{
    cli_json_key(j, key);
    cli_json_string(j, value);
}

void cli_json_kint(cli_json *j, const char *key, int64_t value)
{
    cli_json_key(j, key);
    cli_json_int(j, value);
}

void cli_json_kreal(cli_json *j, const char *key, double value)
{
    cli_json_key(j, key);
    cli_json_real(j, value);
}

bool cli_print(const char *data, size_t bytes)
{
    bool ok = fwrite(data, 1, bytes, stdout) == bytes;
    return fflush(stdout) == 0 && ok;
}

bool cli_json_print(cli_json *j)
{
    cli_text_add(&j->text, "\n");
    bool ok = cli_print(cli_text_get(&j->text), j->text.size);
    cli_text_free(&j->text);
    *j = (cli_json){.depth = 0};
    return ok;
}

void cli_size_text(char out[24], int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(out, 24, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}
