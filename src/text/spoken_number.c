/* Whole and decimal numbers, ordinals and years in words. */
#include "text/spoken_private.h"

#include <string.h>

static const char *const small[] = {"zero",    "one",     "two",       "three",    "four",
                                    "five",    "six",     "seven",     "eight",    "nine",
                                    "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"",      "ten",   "twenty",  "thirty", "forty",
                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const scales[] = {"",         "thousand",    "million",    "billion",
                                     "trillion", "quadrillion", "quintillion"};
#define MOST_DIGITS 21 /* more are said one by one */

static const struct ordinal {
    const char *cardinal, *ordinal;
} ordinals[] = {{"one", "first"},          {"two", "second"},       {"three", "third"},
                {"five", "fifth"},         {"eight", "eighth"},     {"nine", "ninth"},
                {"twelve", "twelfth"},     {"twenty", "twentieth"}, {"thirty", "thirtieth"},
                {"forty", "fortieth"},     {"fifty", "fiftieth"},   {"sixty", "sixtieth"},
                {"seventy", "seventieth"}, {"eighty", "eightieth"}, {"ninety", "ninetieth"}};

bool mli_all_digits(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (!mli_is_digit(text[i]))
            return false;
    }
    return bytes > 0;
}

uint32_t mli_small_value(const char *digits, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value * 10 + (uint32_t)(digits[i] - '0');
        if (value >= 99999999 && i + 1 < count)
            return 999999999;
    }
    return value;
}

void mli_say_digits(mli_saying *s, const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mli_say(s, small[digits[i] - '0']);
}

static void below_thousand(mli_saying *s, uint32_t value)
{
    if (value >= 100) {
        mli_say(s, small[value / 100]);
        mli_say(s, "hundred");
        value %= 100;
    }
    if (value >= 20) {
        mli_say(s, tens[value / 10]);
        value %= 10;
    }
    if (value > 0)
        mli_say(s, small[value]);
}

void mli_say_cardinal(mli_saying *s, const char *digits, size_t count)
{
    if (count > MOST_DIGITS || (count > 1 && digits[0] == '0')) {
        mli_say_digits(s, digits, count);
        return;
    }
    if (count == 1 && digits[0] == '0')
        mli_say(s, "zero");
    while (count > 0) {
        size_t head = count % 3 == 0 ? 3 : count % 3;
        uint32_t value = mli_small_value(digits, head);
        digits += head;
        count -= head;
        if (value > 0) {
            below_thousand(s, value);
            if (count > 0)
                mli_say(s, scales[count / 3]);
        }
    }
}

/* The last word that was said becomes an ordinal. */
static void make_ordinal(mli_saying *s)
{
    mli_buf *words = &s->out->words, *text = &s->out->text;
    if (words->size == 0 || words->status != MODELLAB_OK || text->status != MODELLAB_OK)
        return;
    mli_spoken_word *last = (mli_spoken_word *)(void *)(words->data + words->size) - 1;
    const char *ending = "th";
    for (size_t i = 0; i < sizeof ordinals / sizeof *ordinals; i++) {
        if (strlen(ordinals[i].cardinal) == last->bytes &&
            memcmp(text->data + last->at, ordinals[i].cardinal, last->bytes) == 0) {
            text->size = last->at;
            ending = ordinals[i].ordinal;
            break;
        }
    }
    mli_buf_append_text(text, ending);
    last->bytes = (uint32_t)text->size - last->at;
}

void mli_say_ordinal(mli_saying *s, const char *digits, size_t count)
{
    while (count > 1 && digits[0] == '0') {
        digits++;
        count--;
    }
    mli_say_cardinal(s, digits, count);
    if (count <= MOST_DIGITS)
        make_ordinal(s);
}

void mli_say_year(mli_saying *s, const char *digits, size_t count)
{
    uint32_t value = mli_small_value(digits, count);
    if (count != 4 || value < 1010 || (value >= 2000 && value <= 2009) || value % 1000 < 10) {
        mli_say_cardinal(s, digits, count);
        return;
    }
    below_thousand(s, value / 100);
    if (value % 100 == 0)
        mli_say(s, "hundred");
    else if (value % 100 < 10)
        mli_say(s, "oh");
    below_thousand(s, value % 100);
}

/* Parts of a decimal: sign, digits with commas in their places, fraction. */
typedef struct decimal {
    bool minus, plus;
    char whole[32];
    size_t whole_count;
    const char *fraction;
    size_t fraction_count;
} decimal;

static bool take_whole(const char *text, size_t bytes, size_t *at, decimal *d)
{
    size_t since = 0;
    bool comma = false;
    for (; *at < bytes && (mli_is_digit(text[*at]) || text[*at] == ','); (*at)++) {
        if (text[*at] == ',') {
            if (d->whole_count == 0 || since > 3 || (comma && since != 3))
                return false;
            comma = true;
            since = 0;
            continue;
        }
        if (d->whole_count == sizeof d->whole)
            return false;
        d->whole[d->whole_count++] = text[*at];
        since++;
    }
    return !comma || since == 3;
}

static bool parse(const char *text, size_t bytes, decimal *d)
{
    size_t at = 0;
    memset(d, 0, sizeof *d);
    if (bytes > 0 && (text[0] == '-' || text[0] == '+')) {
        d->minus = text[0] == '-';
        d->plus = !d->minus;
        at = 1;
    }
    if (!take_whole(text, bytes, &at, d))
        return false;
    if (at < bytes && text[at] == '.') {
        d->fraction = text + at + 1;
        d->fraction_count = bytes - at - 1;
        return d->fraction_count <= 40 && mli_all_digits(d->fraction, d->fraction_count);
    }
    return at == bytes && d->whole_count > 0;
}

bool mli_is_decimal(const char *text, size_t bytes)
{
    decimal d;
    return parse(text, bytes, &d);
}

bool mli_say_decimal(mli_saying *s, const char *text, size_t bytes)
{
    decimal d;
    if (!parse(text, bytes, &d))
        return false;
    if (d.minus || d.plus)
        mli_say(s, d.minus ? "minus" : "plus");
    if (d.whole_count > 0)
        mli_say_cardinal(s, d.whole, d.whole_count);
    if (d.fraction_count > 0) {
        mli_say(s, "point");
        mli_say_digits(s, d.fraction, d.fraction_count);
    }
    return true;
}
