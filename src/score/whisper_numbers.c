/* Numbers in words become digits: one state (the number so far) that each word changes or ends. The
 * rules are those of the published normaliser, its oddities included. */
#include "score/whisper_numbers.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

typedef struct number {
    enum { NOTHING, WHOLE, TEXT } form;
    wide whole;
    mli_buf text;
    const char *prefix; /* NULL = none */
    size_t prefix_bytes;
    mli_buf *out;
    size_t start; /* of this text in `out` */
} number;

static wide power(int zeros)
{
    wide p = 1;
    for (int i = 0; i < zeros; i++)
        p *= 10;
    return p;
}

static void put_whole(mli_buf *out, wide value)
{
    char digits[40];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    mli_buf_append(out, digits + n, sizeof digits - n);
}

/* The number as text, whatever it is. */
static void to_text(number *n)
{
    if (n->form == WHOLE) {
        mli_buf_clear(&n->text);
        put_whole(&n->text, n->whole);
    } else if (n->form == NOTHING) {
        mli_buf_clear(&n->text);
    }
    n->form = TEXT;
}

static void begin_word(number *n)
{
    if (n->out->size > n->start)
        mli_buf_append_char(n->out, ' ');
    if (n->prefix != NULL)
        mli_buf_append(n->out, n->prefix, n->prefix_bytes);
    n->prefix = NULL;
}

/* Writes the number with a suffix; afterwards there is none. */
static void end_number(number *n, const char *suffix)
{
    begin_word(n);
    to_text(n);
    mli_buf_append(n->out, mli_buf_text(&n->text), n->text.size);
    mli_buf_append_text(n->out, suffix);
    n->form = NOTHING;
}

static void flush(number *n)
{
    if (n->form != NOTHING)
        end_number(n, "");
}

static void put_plain(number *n, mli_number_word w)
{
    begin_word(n);
    mli_buf_append(n->out, w.at, w.bytes);
    n->form = NOTHING;
}

/* digits[.digits] -> value without the point, and how many stand behind it. */
static bool decimal(const char *text, size_t bytes, wide *value, int *places)
{
    bool point = false;
    size_t digits = 0;
    *value = 0;
    *places = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || ++digits > 20)
            return false;
        *value = *value * 10 + (wide)(unsigned char)(text[i] - '0');
        *places += point;
    }
    return digits > 0;
}

/* Value times 10^zeros, when that is whole and fits. */
static bool scaled(const number *n, int zeros, wide *out)
{
    wide value = n->whole;
    int places = 0;
    if (n->form == TEXT && !decimal(mli_buf_text(&n->text), n->text.size, &value, &places))
        return false;
    for (; places > 0 && zeros > 0; places--)
        zeros--;
    for (; places > 0; places--) {
        if (value % 10 != 0)
            return false;
        value /= 10;
    }
    if (zeros > 0 && value > ~(wide)0 / power(zeros))
        return false;
    *out = value * power(zeros);
    return true;
}

static bool is_arabic(const char *text, size_t bytes)
{
    size_t i = 0, whole;
    while (i < bytes && text[i] >= '0' && text[i] <= '9')
        i++;
    whole = i;
    if (whole == 0 || i == bytes)
        return whole > 0;
    if (text[i++] != '.')
        return false;
    while (i < bytes && text[i] >= '0' && text[i] <= '9')
        i++;
    return i == bytes && text[i - 1] != '.';
}

static size_t prefix_of(mli_number_word w)
{
    static const char *const signs[] = {"$", "\xc2\xa3", "\xc2\xa2", "\xe2\x82\xac"};
    for (size_t i = 0; i < 4; i++) {
        const size_t n = strlen(signs[i]);
        if (w.bytes >= n && memcmp(w.at, signs[i], n) == 0)
            return n;
    }
    return 0;
}

/* "$20", "3.5": false when it is no such word. */
static bool arabic(number *n, mli_number_word w)
{
    const size_t prefix = prefix_of(w);
    const char *digits = w.at + prefix;
    const size_t bytes = w.bytes - prefix;
    wide value;
    int places;
    if (!is_arabic(digits, bytes))
        return false;
    if (n->form == TEXT && n->text.size > 0 && n->text.data[n->text.size - 1] == '.') {
        mli_buf_append(&n->text, w.at, w.bytes);
        return true;
    }
    flush(n);
    if (prefix > 0) {
        n->prefix = w.at;
        n->prefix_bytes = prefix;
    }
    mli_buf_clear(&n->text);
    mli_buf_append(&n->text, digits, bytes);
    n->form = TEXT;
    if (decimal(digits, bytes, &value, &places) && scaled(n, 0, &n->whole))
        n->form = WHOLE;
    return true;
}

/* Adds one ... nineteen to the number: into its last zeros, or behind it. */
static void add_ones(number *n, int value, mli_number_meaning prev)
{
    char digits[3] = {(char)('0' + value), '\0', '\0'};
    if (value >= 10) {
        digits[0] = '1';
        digits[1] = (char)('0' + value - 10);
    }
    if (n->form == NOTHING) {
        n->form = WHOLE;
        n->whole = (wide)(unsigned)value;
    } else if (n->form == TEXT || prev.kind == MLI_NUMBER_ONE) {
        to_text(n);
        if (prev.kind == MLI_NUMBER_TEN && value < 10 && n->text.size > 0)
            n->text.data[n->text.size - 1] = digits[0]; /* in the place of its zero */
        else
            mli_buf_append_text(&n->text, digits);
    } else if (n->whole % (value < 10 ? 10 : 100) == 0) {
        n->whole += (wide)(unsigned)value;
    } else {
        to_text(n);
        mli_buf_append_text(&n->text, digits);
    }
}

static void add_tens(number *n, int value)
{
    const char digits[3] = {(char)('0' + value / 10), '0', '\0'};
    if (n->form == NOTHING) {
        n->form = WHOLE;
        n->whole = (wide)(unsigned)value;
    } else if (n->form == WHOLE && n->whole % 100 == 0) {
        n->whole += (wide)(unsigned)value;
    } else {
        to_text(n);
        mli_buf_append_text(&n->text, digits);
    }
}

/* The last three digits are multiplied; false when the number had to end before. */
static bool multiply(number *n, int zeros, bool suffix)
{
    if (n->form == NOTHING) {
        n->form = WHOLE;
        n->whole = power(zeros);
        return true;
    }
    if (n->form == TEXT || (n->whole == 0 && !suffix)) {
        wide product;
        if (scaled(n, zeros, &product)) {
            n->form = WHOLE;
            n->whole = product;
            return true;
        }
        flush(n);
        n->form = WHOLE;
        n->whole = power(zeros);
        return false;
    }
    const wide residual = n->whole % 1000, before = n->whole - residual;
    if (residual > (~(wide)0 - before) / power(zeros)) {
        flush(n);
        n->form = WHOLE;
        n->whole = power(zeros);
        return false;
    }
    n->whole = before + residual * power(zeros);
    return true;
}

typedef struct context {
    mli_number_word prev, current, next;
    mli_number_meaning before, m, after;
    bool next_is_arabic;
} context;

static bool is_numeric(const context *c)
{
    return c->after.kind != MLI_NUMBER_OTHER || c->next_is_arabic;
}

static void end_and_say(number *n, mli_number_word w)
{
    flush(n);
    put_plain(n, w);
}

/* Words that are no numbers themselves. True when the next mli_number_word is used up. */
static bool special(number *n, const context *c)
{
    const bool digit = c->after.kind == MLI_NUMBER_ONE || c->after.kind == MLI_NUMBER_ZERO;
    switch (c->m.kind) {
    case MLI_NUMBER_SIGN:
        flush(n);
        if (is_numeric(c)) {
            n->prefix = c->m.suffix;
            n->prefix_bytes = 1;
        } else {
            put_plain(n, c->current);
        }
        return false;
    case MLI_NUMBER_CURRENCY:
        if (n->form == NOTHING) {
            put_plain(n, c->current);
        } else {
            n->prefix = c->m.suffix;
            n->prefix_bytes = strlen(c->m.suffix);
            flush(n);
        }
        return false;
    case MLI_NUMBER_PER:
        if (n->form != NOTHING && mli_number_word_is(c->next, "cent")) {
            end_number(n, "%");
            return true;
        }
        end_and_say(n, c->current);
        return false;
    case MLI_NUMBER_PERCENT:
        if (n->form != NOTHING)
            end_number(n, "%");
        else
            put_plain(n, c->current);
        return false;
    default:
        break;
    }
    if (!is_numeric(c) || (c->m.kind == MLI_NUMBER_AND && c->before.kind != MLI_NUMBER_TIMES) ||
        (c->m.kind == MLI_NUMBER_REPEAT && !digit)) {
        end_and_say(n, c->current);
        return false;
    }
    if (c->m.kind == MLI_NUMBER_REPEAT) {
        if (n->form == WHOLE && n->whole == 0)
            n->form = NOTHING;
        to_text(n);
        for (int i = 0; i < c->m.value; i++) {
            if (c->after.value >= 10)
                mli_buf_append_char(&n->text, '1');
            mli_buf_append_char(&n->text, (char)('0' + c->after.value % 10));
        }
        return true;
    }
    if (c->m.kind == MLI_NUMBER_POINT &&
        (c->after.kind == MLI_NUMBER_ONE || c->after.kind == MLI_NUMBER_TEN ||
         c->after.kind == MLI_NUMBER_ZERO || c->next_is_arabic)) {
        if (n->form == WHOLE && n->whole == 0)
            n->form = NOTHING;
        to_text(n);
        mli_buf_append_char(&n->text, '.');
    }
    return false;
}

static bool take(number *n, const context *c)
{
    if (arabic(n, c->current))
        return false;
    switch (c->m.kind) {
    case MLI_NUMBER_OTHER:
        end_and_say(n, c->current);
        return false;
    case MLI_NUMBER_ZERO:
        if (n->form == WHOLE && n->whole == 0)
            n->form = NOTHING;
        to_text(n);
        mli_buf_append_char(&n->text, '0');
        return false;
    case MLI_NUMBER_ONE:
        add_ones(n, c->m.value, c->before);
        return false;
    case MLI_NUMBER_ONE_SUFFIX:
        add_ones(n, c->m.value, c->before);
        end_number(n, c->m.suffix);
        return false;
    case MLI_NUMBER_TEN:
        add_tens(n, c->m.value);
        return false;
    case MLI_NUMBER_TEN_SUFFIX:
        add_tens(n, c->m.value);
        end_number(n, c->m.suffix);
        return false;
    case MLI_NUMBER_TIMES:
        (void)multiply(n, c->m.value, false);
        return false;
    case MLI_NUMBER_TIMES_SUFFIX:
        (void)multiply(n, c->m.value, true);
        end_number(n, c->m.suffix);
        return false;
    default:
        return special(n, c);
    }
}

void mli_number_words(const char *text, size_t bytes, mli_score_look *look, mli_buf *out)
{
    number n = {.form = NOTHING, .out = out, .start = out->size};
    size_t at = 0;
    bool skip = false;
    context c = {.prev = {NULL, 0}};
    mli_buf_init(&n.text, out->alloc);
    c.current = mli_number_next_word(text, bytes, &at);
    c.m = mli_number_meaning_of(c.current);
    while (c.current.at != NULL && !mli_score_stops(look, at)) {
        c.next = mli_number_next_word(text, bytes, &at);
        c.after = mli_number_meaning_of(c.next);
        c.next_is_arabic = c.next.at != NULL && is_arabic(c.next.at, c.next.bytes);
        skip = !skip && take(&n, &c);
        c.prev = c.current;
        c.before = c.m;
        c.current = c.next;
        c.m = c.after;
    }
    flush(&n);
    if (n.text.status != MODELLAB_OK) /* the failure of the parts is that of the whole */
        out->status = n.text.status;
    mli_buf_dispose(&n.text);
}
