/* Streaming JSON writer on a buffer: commas, escaping, numbers. */
#include "base/error.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/str.h"
#include "os/clock.h"
#include <math.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7F;
}

static void put_escape(mli_buf *out, uint32_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c != 0 && c < 0x80 ? strchr(from, (int)c) : NULL;
    char text[6] = {'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};
    if (at != NULL)
        text[1] = to[at - from];
    mli_buf_append(out, text, at != NULL ? 2 : 6);
}

/* Between `before` (0: none) and `after`, at once where nothing is to be escaped. */
static void put_quoted(mli_buf *out, char before, const char *text, size_t bytes, char after)
{
    size_t extra = 2 + (size_t)(before != 0) + (size_t)(after != 0), i = 0;
    char *room;

    while (i < bytes && is_plain((unsigned char)text[i])) {
        i++;
    }
    if (i < bytes || bytes > SIZE_MAX - extra) {
        if (before != 0)
            mli_buf_append_char(out, before);
        mli_json_put_string(out, text, bytes);
        if (after != 0)
            mli_buf_append_char(out, after);
        return;
    }
    room = mli_buf_extend(out, bytes + extra);
    if (room == NULL)
        return;
    if (before != 0)
        *room++ = before;
    *room++ = '"';
    memcpy(room, text, bytes);
    room[bytes] = '"';
    if (after != 0)
        room[bytes + 1] = after;
}

void mli_json_put_string(mli_buf *out, const char *text, size_t bytes)
{
    mli_buf_append_char(out, '"');
    for (size_t i = 0; i < bytes;) {
        size_t run = i;
        while (run < bytes && is_plain((unsigned char)text[run]))
            run++;
        mli_buf_append(out, text + i, run - i);
        i = run;
        if (i == bytes)
            break;
        uint32_t c;
        size_t n = mli_utf8_decode(text + i, bytes - i, &c);
        if (n == 0)
            mli_buf_append(out, "\xEF\xBF\xBD", 3);
        else if (c < 0x80 || c == 0x2028 || c == 0x2029)
            put_escape(out, c);
        else
            mli_buf_append(out, text + i, n);
        i += n == 0 ? 1 : n;
    }
    mli_buf_append_char(out, '"');
}

void mli_json_put_int(mli_buf *out, int64_t value)
{
    char digits[20];
    mli_buf_append(out, digits, mli_format_i64(digits, value));
}

void mli_json_put_real(mli_buf *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        mli_buf_append_text(out, "null");
        return;
    }
    size_t n = mli_format_f64(text, sizeof text, value);
    mli_buf_append(out, text, n);
    if (strpbrk(text, ".e") == NULL)
        mli_buf_append(out, ".0", 2);
}

void mli_jw_init(mli_jw *w, mli_buf *out)
{
    *w = (mli_jw){.out = out};
}

/* Before a value: the comma, unless a key stands before it; 0 = nothing. */
static char before_value(mli_jw *w)
{
    uint64_t bit = (uint64_t)1 << w->depth;
    bool follows = !w->after_key && (w->has_item & bit) != 0;
    w->has_item |= bit;
    w->after_key = false;
    return follows ? ',' : '\0';
}

static void begin_value(mli_jw *w)
{
    if (before_value(w) != '\0')
        mli_buf_append_char(w->out, ',');
}

static void open_level(mli_jw *w, char bracket)
{
    if (w->depth >= 62) {
        if (w->out->status == MODELLAB_OK)
            w->out->status = MODELLAB_E_INTERNAL;
        return;
    }
    begin_value(w);
    mli_buf_append_char(w->out, bracket);
    w->depth++;
    w->has_item &= ~((uint64_t)1 << w->depth);
}

static void close_level(mli_jw *w, char bracket)
{
    if (w->depth == 0 || w->after_key) {
        if (w->out->status == MODELLAB_OK)
            w->out->status = MODELLAB_E_INTERNAL;
        return;
    }
    w->depth--;
    mli_buf_append_char(w->out, bracket);
}

void mli_jw_object(mli_jw *w)
{
    open_level(w, '{');
}

void mli_jw_end_object(mli_jw *w)
{
    close_level(w, '}');
}

void mli_jw_array(mli_jw *w)
{
    open_level(w, '[');
}

void mli_jw_end_array(mli_jw *w)
{
    close_level(w, ']');
}

void mli_jw_key(mli_jw *w, const char *key)
{
    put_quoted(w->out, before_value(w), key, strlen(key), ':');
    w->after_key = true;
}

void mli_jw_string_n(mli_jw *w, const char *text, size_t bytes)
{
    put_quoted(w->out, before_value(w), text, bytes, '\0');
}

void mli_jw_string(mli_jw *w, const char *text)
{
    if (text == NULL)
        mli_jw_null(w);
    else
        mli_jw_string_n(w, text, strlen(text));
}

void mli_jw_int(mli_jw *w, int64_t value)
{
    begin_value(w);
    mli_json_put_int(w->out, value);
}

void mli_jw_real(mli_jw *w, double value)
{
    begin_value(w);
    mli_json_put_real(w->out, value);
}

void mli_jw_bool(mli_jw *w, bool value)
{
    begin_value(w);
    mli_buf_append_text(w->out, value ? "true" : "false");
}

void mli_jw_null(mli_jw *w)
{
    begin_value(w);
    mli_buf_append_text(w->out, "null");
}

void mli_jw_raw(mli_jw *w, const char *json, size_t bytes)
{
    begin_value(w);
    mli_buf_append(w->out, json, bytes);
}

void mli_jw_json(mli_jw *w, const mli_json *value)
{
    if (value == NULL) {
        mli_jw_null(w);
        return;
    }
    begin_value(w);
    modellab_status status = mli_json_dump(value, w->out, NULL);
    if (status != MODELLAB_OK && w->out->status == MODELLAB_OK)
        w->out->status = status;
}

void mli_jw_kjson(mli_jw *w, const char *key, const mli_json *value)
{
    mli_jw_key(w, key);
    mli_jw_json(w, value);
}

void mli_jw_kstring(mli_jw *w, const char *key, const char *text)
{
    mli_jw_key(w, key);
    mli_jw_string(w, text);
}

void mli_jw_kint(mli_jw *w, const char *key, int64_t value)
{
    mli_jw_key(w, key);
    mli_jw_int(w, value);
}

void mli_jw_kreal(mli_jw *w, const char *key, double value)
{
    mli_jw_key(w, key);
    mli_jw_real(w, value);
}

void mli_jw_kutc(mli_jw *w, const char *key, int64_t ms)
{
    char text[28];

    mli_jw_key(w, key);
    if (ms < 0) {
        mli_jw_null(w);
        return;
    }
    mli_os_format_utc(ms * 1000000, text);
    mli_jw_string(w, text);
}

void mli_jw_kbool(mli_jw *w, const char *key, bool value)
{
    mli_jw_key(w, key);
    mli_jw_bool(w, value);
}
