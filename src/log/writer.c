/* Escaping of JSON strings, and integers as text. */
#include "log/writer.h"
#include "base/str.h"
#include "log/plain.h"

const unsigned char mli_log_is_special[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

void mli_log_put_int(mli_log_writer *w, int64_t value)
{
    char digits[20];
    mli_log_put(w, digits, mli_format_i64(digits, value));
}

/* One character that is not plain; returns the bytes of the input that it took. */
static size_t put_special(mli_log_writer *w, const char *text, size_t bytes)
{
    static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    uint32_t c;
    size_t n = mli_utf8_decode(text, bytes, &c);
    if (n == 0) {
        MLI_LOG_PUT(w, "\xEF\xBF\xBD");
        return 1;
    }
    if (c >= 0x80 && c != 0x2028 && c != 0x2029) {
        mli_log_put(w, text, n);
        return n;
    }
    const char *at = c != 0 && c < 0x80 ? strchr(from, (int)c) : NULL;
    char escape[6] = {'\\',
                      at != NULL ? to[at - from] : 'u',
                      hex[c >> 12 & 15],
                      hex[c >> 8 & 15],
                      hex[c >> 4 & 15],
                      hex[c & 15]};
    mli_log_put(w, escape, at != NULL ? 2 : 6);
    return n;
}

void mli_log_put_string(mli_log_writer *w, const char *text, size_t bytes, size_t limit)
{
    bool cut_before = w->cut;
    if (w->end - w->at < 2) {
        w->cut = true;
        return;
    }
    size_t kept = bytes <= limit ? bytes : mli_utf8_prefix(text, bytes, limit);
    *w->at++ = '"';
    w->end--; /* the closing quote always fits */
    w->cut = false;
    for (size_t i = 0; i < kept && !w->cut;) {
        size_t run = mli_log_plain_run(text + i, kept - i), room = (size_t)(w->end - w->at);
        if (run > room) {
            mli_log_put(w, text + i, room);
            w->cut = true;
            break;
        }
        mli_log_put(w, text + i, run);
        i += run;
        if (i < kept)
            i += put_special(w, text + i, kept - i);
    }
    w->end++;
    *w->at++ = '"';
    w->cut = w->cut || cut_before || kept < bytes;
}
