/* Numbers that count nothing: ordinals, fractions, ranges, telephone numbers, years, decades. */
#include "text/spoken_private.h"

#include <string.h>

static size_t digits_at(const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && mli_is_digit(text[n]))
        n++;
    return n;
}

static bool ends_as(mli_text_part t, size_t from, const char *ending)
{
    return mli_text_is((mli_text_part){t.text + from, t.bytes - from}, ending);
}

/* 21st, 1,000th. */
static size_t say_ordinal(mli_saying *s, mli_text_part t)
{
    char digits[24];
    size_t count = 0, at = 0;
    for (; at < t.bytes && (mli_is_digit(t.text[at]) || t.text[at] == ','); at++) {
        if (t.text[at] == ',')
            continue;
        if (count == sizeof digits)
            return 0;
        digits[count++] = t.text[at];
    }
    if (count == 0 || !(ends_as(t, at, "st") || ends_as(t, at, "nd") || ends_as(t, at, "rd") ||
                        ends_as(t, at, "th")))
        return 0;
    mli_say_ordinal(s, digits, count);
    return 1;
}

/* Makes a plural of the last word said: nineties, thirds. */
static void make_plural(mli_saying *s)
{
    mli_buf *words = &s->out->words, *text = &s->out->text;
    if (words->size == 0 || words->status != MODELLAB_OK || text->status != MODELLAB_OK)
        return;
    mli_spoken_word *last = (mli_spoken_word *)(void *)(words->data + words->size) - 1;
    if (last->bytes > 1 && text->data[text->size - 1] == 'y') {
        text->size--;
        mli_buf_append_text(text, "ies");
    } else if (last->bytes > 1 && text->data[text->size - 1] == 'x') {
        mli_buf_append_text(text, "es");
    } else {
        mli_buf_append_text(text, "s");
    }
    last->bytes = (uint32_t)text->size - last->at;
}

/* 1990s, '90s, 20s. */
static size_t say_decade(mli_saying *s, mli_text_part t)
{
    size_t count = digits_at(t.text, t.bytes);
    bool mark = count + 2 == t.bytes && t.text[count] == '\'' && t.text[count + 1] == 's';
    if (!((count + 1 == t.bytes && t.text[count] == 's') || mark) || (count != 4 && count != 2) ||
        t.text[count - 1] != '0')
        return 0;
    if (count == 4 && t.text[2] == '0' && t.text[1] == '0')
        mli_say_cardinal(s, t.text, 4);
    else if (count == 4)
        mli_say_year(s, t.text, 4);
    else
        mli_say_cardinal(s, t.text, 2);
    make_plural(s);
    return 1;
}

static void say_fraction(mli_saying *s, mli_text_part top, mli_text_part bottom)
{
    uint32_t a = mli_small_value(top.text, top.bytes);
    uint32_t b = mli_small_value(bottom.text, bottom.bytes);
    mli_say_cardinal(s, top.text, top.bytes);
    if (b == 2) {
        mli_say(s, a == 1 ? "half" : "halves");
        return;
    }
    if (b == 4)
        mli_say(s, "quarter");
    else
        mli_say_ordinal(s, bottom.text, bottom.bytes);
    if (a != 1)
        make_plural(s);
}

static bool is_fraction(mli_text_part t, mli_text_part *top, mli_text_part *bottom)
{
    size_t n = digits_at(t.text, t.bytes);
    if (n == 0 || n > 2 || n >= t.bytes || t.text[n] != '/' ||
        !mli_all_digits(t.text + n + 1, t.bytes - n - 1) || t.bytes - n - 1 > 3)
        return false;
    *top = (mli_text_part){t.text, n};
    *bottom = (mli_text_part){t.text + n + 1, t.bytes - n - 1};
    uint32_t b = mli_small_value(bottom->text, bottom->bytes);
    return b >= 2 && (b <= 10 || b == 12 || b == 16 || b == 20 || b == 32 || b == 64 || b == 100) &&
           top->text[0] != '0' && bottom->text[0] != '0';
}

/* "3 1/2", "1/2". */
static size_t say_fractions(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at), next = mli_piece_text(s, at + 1), top, bottom;
    if (is_fraction(t, &top, &bottom)) {
        say_fraction(s, top, bottom);
        return 1;
    }
    if (s->pieces[at].mark == 0 && mli_all_digits(t.text, t.bytes) && t.bytes <= 4 &&
        is_fraction(next, &top, &bottom) &&
        mli_small_value(top.text, top.bytes) < mli_small_value(bottom.text, bottom.bytes)) {
        mli_say_cardinal(s, t.text, t.bytes);
        mli_saying_at(s, at + 1);
        mli_say(s, "and");
        if (top.bytes == 1 && top.text[0] == '1' &&
            mli_small_value(bottom.text, bottom.bytes) <= 4) {
            mli_say(s, "a");
            size_t before = mli_spoken_count(s->out);
            say_fraction(s, top, bottom);
            mli_buf *words = &s->out->words; /* "a half", not "a one half" */
            if (words->status == MODELLAB_OK && mli_spoken_count(s->out) == before + 2) {
                mli_spoken_word *w = (mli_spoken_word *)(void *)words->data + before;
                w[0] = w[1];
                words->size -= sizeof *w;
            }
        } else {
            say_fraction(s, top, bottom);
        }
        return 2;
    }
    return 0;
}

/* Groups of digits parted by '-' or '.', as telephone numbers are: (555) 123-4567, 1-800-555-0199.
 */
static bool is_phone_tail(mli_text_part t)
{
    return t.bytes == 8 && mli_all_digits(t.text, 3) && (t.text[3] == '-' || t.text[3] == '.') &&
           mli_all_digits(t.text + 4, 4);
}

static size_t phone_groups(mli_text_part t)
{
    size_t groups = 0, digits = 0, all = 0;
    for (size_t i = t.bytes > 0 && t.text[0] == '+' ? 1 : 0; i < t.bytes; i++) {
        if (mli_is_digit(t.text[i])) {
            digits++;
            all++;
        } else if ((t.text[i] == '-' || t.text[i] == '.') && digits > 0 && digits <= 4) {
            groups++;
            digits = 0;
        } else {
            return 0;
        }
    }
    return digits >= 2 && all >= 7 && all <= 15 ? groups + 1 : 0;
}

static void pause(mli_saying *s)
{
    mli_buf *words = &s->out->words;
    if (words->size > 0 && words->status == MODELLAB_OK)
        ((mli_spoken_word *)(void *)(words->data + words->size) - 1)->mark = ',';
}

static void say_groups(mli_saying *s, mli_text_part t)
{
    size_t from = 0;
    if (t.bytes > 0 && t.text[0] == '+') {
        mli_say(s, "plus");
        from = 1;
    }
    while (from < t.bytes) {
        size_t n = digits_at(t.text + from, t.bytes - from);
        if (n == 3 && t.text[from] != '0' && t.text[from + 1] == '0' && t.text[from + 2] == '0') {
            mli_say_cardinal(s, t.text + from, 3); /* eight hundred */
        } else {
            mli_say_digits(s, t.text + from, n);
        }
        from += n + 1;
        if (from < t.bytes)
            pause(s);
    }
}

static size_t say_phone(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at), next = mli_piece_text(s, at + 1);
    if (t.bytes == 3 && mli_all_digits(t.text, 3) && is_phone_tail(next)) {
        say_groups(s, t);
        pause(s);
        mli_saying_at(s, at + 1);
        say_groups(s, next);
        return 2;
    }
    size_t groups = phone_groups(t);
    if (is_phone_tail(t) || groups >= 3) {
        say_groups(s, t);
        return 1;
    }
    if (t.bytes > 2 && t.text[0] == '+' && mli_all_digits(t.text + 1, t.bytes - 1)) {
        say_groups(s, t);
        return 1;
    }
    return 0;
}

/* 5-10, 1999-2003, 3:1. */
static size_t say_range(mli_saying *s, mli_text_part t)
{
    for (size_t i = 1; i + 1 < t.bytes; i++) {
        if (t.text[i] != '-' && t.text[i] != ':')
            continue;
        if (!mli_is_decimal(t.text, i) || !mli_is_decimal(t.text + i + 1, t.bytes - i - 1) ||
            t.text[i + 1] == '-' || t.text[i + 1] == '+')
            return 0;
        bool years = i == 4 && mli_all_digits(t.text, 4) && t.text[i] == '-';
        if (years)
            mli_say_year(s, t.text, 4);
        else
            (void)mli_say_decimal(s, t.text, i);
        mli_say(s, "to");
        if (years && t.bytes == 9 && mli_all_digits(t.text + 5, 4))
            mli_say_year(s, t.text + 5, 4);
        else
            (void)mli_say_decimal(s, t.text + i + 1, t.bytes - i - 1);
        return 1;
    }
    return 0;
}

size_t mli_say_number(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    size_t taken;

    if (t.bytes == 0)
        return 0;
    if (t.bytes > 1 && t.text[0] == '#' && mli_is_decimal(t.text + 1, t.bytes - 1)) {
        mli_say(s, "number");
        return mli_say_decimal(s, t.text + 1, t.bytes - 1) ? 1 : 0;
    }
    if (!mli_is_digit(t.text[t.text[0] == '-' || t.text[0] == '+' || t.text[0] == '.' ? 1 : 0]))
        return 0;
    if (mli_text_is(t, "24/7")) {
        mli_say(s, "twenty four seven");
        return 1;
    }
    taken = say_fractions(s, at);
    if (taken == 0)
        taken = say_phone(s, at);
    if (taken == 0)
        taken = say_ordinal(s, t);
    if (taken == 0)
        taken = say_decade(s, t);
    if (taken == 0)
        taken = say_range(s, t);
    if (taken > 0)
        return taken;
    if (t.bytes == 4 && mli_all_digits(t.text, 4) && t.text[0] >= '1' && t.text[0] <= '2' &&
        !(t.text[0] == '1' && t.text[1] == '0')) {
        mli_say_year(s, t.text, 4);
        return 1;
    }
    if (mli_all_digits(t.text, t.bytes) && t.bytes > 9) {
        mli_say_digits(s, t.text, t.bytes);
        return 1;
    }
    return mli_say_decimal(s, t.text, t.bytes) ? 1 : 0;
}
