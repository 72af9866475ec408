/* Each pass is one rule of the published normalisers. */
#include "score/whisper_passes.h"

#include "base/str.h"
#include "text/unicode_fold.h"
#include <string.h>

/* The code point at `at`; U+FFFD and one byte for what is no UTF-8. */
size_t mli_pass_decode(const char *text, size_t bytes, size_t at, uint32_t *c)
{
    const size_t length = mli_utf8_decode(text + at, bytes - at, c);
    if (length > 0)
        return length;
    *c = 0xfffd;
    return 1;
}

void mli_pass_put(mli_buf *out, uint32_t c)
{
    char bytes[4];
    mli_buf_append(out, bytes, mli_utf8_encode(c, bytes));
}

/* Of Python's \w. */
static bool is_word_character(uint32_t c)
{
    return c == '_' || mli_unicode_is_letter(c) || mli_unicode_is_number(c);
}

static bool word_before(const mli_buf *t, size_t at)
{
    uint32_t c;
    size_t from = at;
    if (at == 0)
        return false;
    do
        from--;
    while (from > 0 && at - from < 4 && ((unsigned char)t->data[from] & 0xc0) == 0x80);
    (void)mli_pass_decode(t->data, t->size, from, &c);
    return is_word_character(c);
}

static bool word_at(const mli_buf *t, size_t at)
{
    uint32_t c;
    if (at >= t->size)
        return false;
    (void)mli_pass_decode(t->data, t->size, at, &c);
    return is_word_character(c);
}

static void to_lower(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    uint32_t c;
    for (size_t at = 0; at < bytes && !mli_score_stops(look, at);) {
        at += mli_pass_decode(text, bytes, at, &c);
        mli_pass_put(out, mli_unicode_lower(c));
    }
}

/* End of what opens at `at`, or 0: <...> and [...] to the first end of either; (...) when there is
 * something in it. */
static size_t note_end(const mli_buf *t, size_t at)
{
    const bool round = t->data[at] == '(';
    for (size_t i = at + 1; i < t->size; i++) {
        const char c = t->data[i];
        if (round ? c == ')' : c == ']' || c == '>')
            return !round || i > at + 1 ? i + 1 : 0;
    }
    return 0;
}

static void drop_notes(const mli_buf *t, bool round, mli_score_look *look, mli_buf *out)
{
    bool closes = true; /* nothing closes any more once nothing did */
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        const char c = t->data[at];
        const bool opens = round ? c == '(' : c == '<' || c == '[';
        const size_t end = opens && closes ? note_end(t, at) : 0;
        closes =
            closes && (!opens || end > 0 || (round && at + 1 < t->size && t->data[at + 1] == ')'));
        if (end == 0)
            mli_buf_append_char(out, c);
        at = end > 0 ? end : at + 1;
    }
}

void mli_pass_replace(const mli_buf *t, const mli_pass_rule *r, mli_score_look *look, mli_buf *out)
{
    const size_t n = strlen(r->from);
    size_t at = 0, copied = 0;
    while (at + n <= t->size && !mli_score_stops(look, at)) {
        const char *found = memchr(t->data + at, r->from[0], t->size - n + 1 - at);
        if (found == NULL)
            break;
        at = (size_t)(found - t->data);
        const bool last_is_word = r->from[n - 1] != '\'';
        if (memcmp(found, r->from, n) == 0 && word_at(t, at + n) != last_is_word &&
            (!r->begins || !word_before(t, at))) {
            mli_buf_append(out, t->data + copied, at - copied);
            mli_buf_append_text(out, r->to);
            at += n;
            copied = at;
        } else {
            at++;
        }
    }
    if (!look->stopped)
        mli_buf_append(out, mli_buf_text(t) + copied, t->size - copied);
}

static bool space_at(const mli_buf *t, size_t at, size_t *length)
{
    uint32_t c;
    *length = mli_pass_decode(t->data, t->size, at, &c);
    return mli_unicode_is_space(c) || (c >= 0x1c && c <= 0x1f);
}

/* White space before an apostrophe goes. */
void mli_pass_join_apostrophes(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    size_t length;
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        size_t end = at;
        while (end < t->size && space_at(t, end, &length))
            end += length;
        if (end > at && end < t->size && t->data[end] == '\'')
            at = end;
        if (at == end)
            end = at + 1;
        mli_buf_append(out, t->data + at, end - at);
        at = end;
    }
}

static bool digit(const mli_buf *t, size_t at)
{
    return at < t->size && t->data[at] >= '0' && t->data[at] <= '9';
}

/* 1,000 becomes 1000 (the digit behind the comma cannot stand before the next one), and a point
 * that no digit follows a space. */
void mli_pass_punctuate(const mli_buf *t, mli_buf *commas, mli_score_look *look, mli_buf *out)
{
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at); at++) {
        mli_buf_append_char(commas, t->data[at]);
        if (digit(t, at) && at + 2 < t->size && t->data[at + 1] == ',' && digit(t, at + 2)) {
            mli_buf_append_char(commas, t->data[at + 2]);
            at += 2;
        }
    }
    for (size_t at = 0; at < commas->size && !mli_score_stops(look, at); at++) {
        if (commas->data[at] != '.' || digit(commas, at + 1)) {
            mli_buf_append_char(out, commas->data[at]);
            continue;
        }
        mli_buf_append_char(out, ' ');
        if (at + 1 < commas->size && (unsigned char)commas->data[at + 1] < 0x80)
            mli_buf_append_char(out, commas->data[++at]);
    }
}

/* Letters that Unicode does not take apart; NULL = none. */
static const char *plain_letter(uint32_t c)
{
    static const struct {
        uint32_t from;
        const char *to;
    } letters[] = {{0x153, "oe"}, {0x152, "OE"}, {0xf8, "o"},  {0xd8, "O"},
                   {0xe6, "ae"},  {0xc6, "AE"},  {0xdf, "ss"}, {0x1e9e, "SS"},
                   {0x111, "d"},  {0x110, "D"},  {0xf0, "d"},  {0xd0, "D"},
                   {0xfe, "th"},  {0xde, "th"},  {0x142, "l"}, {0x141, "L"}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].from == c)
            return letters[i].to;
    }
    return NULL;
}

static bool is_kept(uint32_t c)
{
    return c == '.' || c == '%' || c == '$' || c == 0xa2 || c == 0x20ac || c == 0xa3;
}

/* No diacritics, spaces for other symbols than those of numbers. */
void mli_pass_drop_symbols(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    uint32_t c, parts[MLI_UNICODE_MAX_PARTS];
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        at += mli_pass_decode(t->data, t->size, at, &c);
        const size_t count = mli_unicode_decompose(c, parts);
        for (size_t i = 0; i < count; i++) {
            const char *letter = plain_letter(parts[i]);
            if (letter != NULL)
                mli_buf_append_text(out, letter);
            else if (is_kept(parts[i]) || !mli_unicode_is_symbol(parts[i]))
                mli_pass_put(out, parts[i]);
            else if (!mli_unicode_is_nonspacing(parts[i]))
                mli_buf_append_char(out, ' ');
        }
    }
}

/* Words with one space between them. */
void mli_pass_tidy(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    const size_t start = out->size;
    size_t length;
    bool cut = false;
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at); at += length) {
        if (space_at(t, at, &length)) {
            cut = true;
            continue;
        }
        if (cut && out->size > start)
            mli_buf_append_char(out, ' ');
        cut = false;
        mli_buf_append(out, t->data + at, length);
    }
}

void mli_pass_next(mli_pass_turns *t)
{
    const mli_buf last = t->a;
    if (t->status == MODELLAB_OK)
        t->status = t->a.status != MODELLAB_OK ? t->a.status : t->b.status;
    t->a = t->b;
    t->b = last;
    mli_buf_clear(&t->b);
    if (mli_score_stops_now(&t->look))
        mli_buf_clear(&t->a);
}

void mli_pass_begin(mli_pass_turns *t, const char *text, size_t bytes,
                    const mli_cancel_word *cancel, const modellab_allocator *alloc)
{
    t->look = (mli_score_look){cancel, 0, false};
    (void)mli_score_stops_now(&t->look);
    t->status = MODELLAB_OK;
    mli_buf_init(&t->a, alloc);
    mli_buf_init(&t->b, alloc);
    to_lower(text, bytes, &t->look, &t->a);
    drop_notes(&t->a, false, &t->look, &t->b);
    mli_pass_next(t);
    drop_notes(&t->a, true, &t->look, &t->b);
    mli_pass_next(t);
}

void mli_pass_end(mli_pass_turns *t, mli_buf *out)
{
    if (t->status != MODELLAB_OK)
        out->status = t->status;
    else if (t->look.stopped && out->status == MODELLAB_OK)
        out->status = MODELLAB_E_CANCELLED;
    mli_buf_dispose(&t->a);
    mli_buf_dispose(&t->b);
}
