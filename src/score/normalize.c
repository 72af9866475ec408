/* The text normalisers of scoring: what two transcripts may differ in without being wrong. */
#include "score/words.h"

#include "base/str.h"
#include "score/whisper.h"
#include "text/unicode.h"

/* Lower case of Latin, Greek and Cyrillic letters. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c == 0x178)
        return 0xff;
    const bool even_upper = (c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14a && c <= 0x177);
    const bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    if ((even_upper && c % 2 == 0) || (odd_upper && c % 2 == 1))
        return c + 1;
    return c;
}

typedef struct reader {
    const char *text;
    size_t bytes, at;
} reader;

/* The code point at `at`; 0xFFFD for a byte that is not UTF-8. Returns its length. */
static size_t peek(const reader *r, size_t at, uint32_t *c)
{
    if (at >= r->bytes) {
        *c = 0;
        return 0;
    }
    size_t length = mli_utf8_decode(r->text + at, r->bytes - at, c);
    if (length == 0)
        *c = 0xfffd;
    return length > 0 ? length : 1;
}

/* End of the bracket that opens at `at`, or 0 when none closes it within 200 bytes. */
static size_t bracket_end(const reader *r, size_t at)
{
    const char open = r->text[at];
    const char close = open == '[' ? ']' : open == '<' ? '>' : ')';
    for (size_t i = at + 1; i < r->bytes && i - at < 200; i++) {
        if (r->text[i] == close)
            return i + 1;
    }
    return 0;
}

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019 || c == 0x2bc || c == 0xb4;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* What stands for a separator between `before` and `after`: a character to keep, 0 to drop, ' ' to
 * cut. */
static uint32_t joint(uint32_t c, uint32_t before, uint32_t after)
{
    if (is_apostrophe(c) && mli_unicode_is_letter(before) && mli_unicode_is_letter(after))
        return '\'';
    if (c == '.' && is_digit(before) && is_digit(after))
        return '.';
    if (c == ',' && is_digit(before) && is_digit(after))
        return 0;
    return c >= 0x300 && c <= 0x36f ? 0 : ' ';
}

static void put(mli_buf *out, uint32_t c, bool *cut, size_t start)
{
    char bytes[4];
    if (*cut && out->size > start)
        mli_buf_append_char(out, ' ');
    *cut = false;
    mli_buf_append(out, bytes, mli_utf8_encode(c, bytes));
}

static void simple(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    reader r = {text, bytes, 0};
    const size_t start = out->size;
    uint32_t c, before = 0, after;
    bool cut = false;
    while (r.at < bytes && !mli_score_stops(look, r.at)) {
        size_t length = peek(&r, r.at, &c);
        size_t skip = c == '[' || c == '<' || c == '(' ? bracket_end(&r, r.at) : 0;
        if (skip > 0) {
            r.at = skip;
            before = ' ';
            cut = true;
            continue;
        }
        (void)peek(&r, r.at + length, &after);
        if (!mli_unicode_is_letter(c) && !mli_unicode_is_number(c))
            c = joint(c, before, after);
        if (c == ' ')
            cut = true;
        else if (c != 0)
            put(out, lower(c), &cut, start);
        if (c != 0)
            before = c;
        r.at += length;
    }
}

static void as_is(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    reader r = {text, bytes, 0};
    const size_t start = out->size;
    bool cut = false;
    while (r.at < bytes && !mli_score_stops(look, r.at)) {
        uint32_t c;
        size_t length = peek(&r, r.at, &c);
        if (mli_unicode_is_space(c)) {
            cut = true;
        } else {
            if (cut && out->size > start)
                mli_buf_append_char(out, ' ');
            cut = false;
            mli_buf_append(out, text + r.at, length);
        }
        r.at += length;
    }
}

void mli_score_normalize(const char *text, size_t bytes, mli_score_normalizer normalizer,
                         const mli_cancel_word *cancel, mli_buf *out)
{
    mli_score_look l = {cancel, 0, false};
    if (mli_score_stops_now(&l)) {
        out->status = MODELLAB_E_CANCELLED;
        return;
    }
    switch (normalizer) {
    case MLI_SCORE_SIMPLE:
        simple(text, bytes, &l, out);
        break;
    case MLI_SCORE_BASIC:
        mli_whisper_basic(text, bytes, cancel, out);
        break;
    case MLI_SCORE_ENGLISH:
        mli_whisper_english(text, bytes, cancel, out);
        break;
    default:
        as_is(text, bytes, &l, out);
    }
    if (l.stopped)
        out->status = MODELLAB_E_CANCELLED;
}
