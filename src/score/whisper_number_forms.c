/* What stands around numbers: halves, digits that touch letters, cents. */
#include "score/whisper.h"
#include "score/whisper_numbers.h"

#include <string.h>

mli_number_word mli_number_next_word(const char *text, size_t bytes, size_t *at)
{
    while (*at < bytes && text[*at] == ' ')
        (*at)++;
    const size_t from = *at;
    while (*at < bytes && text[*at] != ' ')
        (*at)++;
    return *at > from ? (mli_number_word){text + from, *at - from} : (mli_number_word){NULL, 0};
}

/* "two and a half" becomes "two point five". Without a word before it nothing is left of it. */
static void say_halves(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    size_t said = 0; /* words since the last half */
    mli_number_word last = {NULL, 0};
    for (size_t at = 0;;) {
        mli_number_word w[3];
        size_t ends[3];
        for (size_t i = 0, to = at; i < 3; i++) {
            w[i] = mli_number_next_word(text, bytes, &to);
            ends[i] = to;
        }
        if (w[0].at == NULL || mli_score_stops(look, at))
            return;
        if (!mli_number_word_is(w[0], "and") || !mli_number_word_is(w[1], "a") ||
            !mli_number_word_is(w[2], "half")) {
            mli_buf_append(out, w[0].at, w[0].bytes);
            mli_buf_append_char(out, ' ');
            last = w[0];
            said++;
            at = ends[0];
            continue;
        }
        const mli_number_kind kind = mli_number_meaning_of(last).kind;
        const bool number = kind == MLI_NUMBER_ZERO || kind == MLI_NUMBER_ONE ||
                            kind == MLI_NUMBER_TEN || kind == MLI_NUMBER_TIMES;
        if (said > 0)
            mli_buf_append_text(out, number ? "point five " : "and a half ");
        said = 0;
        at = ends[2];
    }
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A space between letters and digits, either way. */
static void part(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    for (size_t i = 0; i < t->size && !mli_score_stops(look, i); i++) {
        const char c = t->data[i], before = i > 0 ? t->data[i - 1] : ' ';
        if ((is_letter(before) && is_digit(c)) || (is_digit(before) && is_letter(c)))
            mli_buf_append_char(out, ' ');
        mli_buf_append_char(out, c);
    }
}

/* Whether a byte belongs to a word: letters that are not ASCII do. */
static bool in_word(const char *text, size_t bytes, size_t at)
{
    return at < bytes && (is_letter(text[at]) || is_digit(text[at]) || text[at] == '_' ||
                          (text[at] >= 'A' && text[at] <= 'Z') || (unsigned char)text[at] >= 0xc3);
}

/* But none between a number and its ending: 1st, 22nd, 1960s. */
static void join_endings(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    static const char *const endings[] = {"st", "nd", "rd", "th", "s"};
    for (size_t i = 0; i < t->size && !mli_score_stops(look, i); i++) {
        const char c = t->data[i];
        bool join = false;
        for (size_t k = 0; c == ' ' && i > 0 && is_digit(t->data[i - 1]) && k < 5; k++) {
            const size_t n = strlen(endings[k]);
            join = join || (t->size - i > n && memcmp(t->data + i + 1, endings[k], n) == 0 &&
                            !in_word(t->data, t->size, i + 1 + n));
        }
        if (!join)
            mli_buf_append_char(out, c);
    }
}

/* Bytes of a currency sign that has cents. */
static size_t currency(const mli_buf *t, size_t at)
{
    static const char *const signs[] = {"$", "\xc2\xa3", "\xe2\x82\xac"};
    for (size_t i = 0; i < 3; i++) {
        const size_t n = strlen(signs[i]);
        if (t->size - at >= n && memcmp(t->data + at, signs[i], n) == 0)
            return n;
    }
    return 0;
}

/* One or two digits that end there; 0 = none. */
static size_t cents(const mli_buf *t, size_t at)
{
    size_t n = 0;
    while (n < 3 && at + n < t->size && is_digit(t->data[at + n]))
        n++;
    return n == 0 || n > 2 || in_word(t->data, t->size, at + n) ? 0 : n;
}

/* "$2 and <cent>7" becomes "$2.07". */
static void join_cents(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        const size_t sign = currency(t, at);
        size_t to = at + sign, whole, n = 0;
        while (sign > 0 && to < t->size && is_digit(t->data[to]))
            to++;
        whole = to;
        if (sign > 0 && whole > at + sign && whole < t->size && t->data[whole] == ' ') {
            to++;
            if (t->size - to > 4 && memcmp(t->data + to, "and ", 4) == 0)
                to += 4;
            if (t->size - to > 2 && memcmp(t->data + to, "\xc2\xa2", 2) == 0)
                n = cents(t, to + 2);
        }
        if (n == 0) {
            mli_buf_append_char(out, t->data[at++]);
            continue;
        }
        mli_buf_append(out, t->data + at, whole - at);
        mli_buf_append_text(out, n == 1 ? ".0" : ".");
        mli_buf_append(out, t->data + to + 2, n);
        at = to + 2 + n;
    }
}

/* "$0.07" becomes "<cent>7", and 1 "one", 1s "ones". */
static void name_small(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        const size_t sign = currency(t, at);
        const bool word = at == 0 || !in_word(t->data, at, at - 1) ? true : false;
        size_t n = 0;
        if (sign > 0 && t->size - at > sign + 2 && t->data[at + sign] == '0')
            n = cents(t, at + sign + 2);
        if (n > 0) {
            const char *from = t->data + at + sign + 2;
            const bool zero = n == 2 && from[0] == '0';
            mli_buf_append_text(out, "\xc2\xa2");
            mli_buf_append(out, from + zero, n - zero);
            at += sign + 2 + n;
            continue;
        }
        const bool plural = at + 1 < t->size && t->data[at + 1] == 's';
        if (t->data[at] == '1' && word && !in_word(t->data, t->size, at + 1 + plural)) {
            mli_buf_append_text(out, plural ? "ones" : "one");
            at += 1 + (size_t)plural;
            continue;
        }
        mli_buf_append_char(out, t->data[at++]);
    }
}

void mli_whisper_numbers(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    mli_buf a, b;
    mli_buf_init(&a, out->alloc);
    mli_buf_init(&b, out->alloc);
    say_halves(text, bytes, look, &a);
    part(&a, look, &b);
    modellab_status status = a.status;
    mli_buf_clear(&a);
    join_endings(&b, look, &a);
    status = status == MODELLAB_OK ? b.status : status;
    mli_buf_clear(&b);
    mli_number_words(mli_buf_text(&a), a.size, look, &b);
    status = status == MODELLAB_OK ? a.status : status;
    mli_buf_clear(&a);
    join_cents(&b, look, &a);
    status = status == MODELLAB_OK ? b.status : status;
    name_small(&a, look, out);
    status = status == MODELLAB_OK ? a.status : status;
    if (status != MODELLAB_OK)
        out->status = status;
    mli_buf_dispose(&a);
    mli_buf_dispose(&b);
}
