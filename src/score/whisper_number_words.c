/* The words that numbers are made of. */
#include "score/whisper_numbers.h"

#include <string.h>

static const char *const ones[] = {"",        "one",     "two",       "three",    "four",
                                   "five",    "six",     "seven",     "eight",    "nine",
                                   "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                   "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const ordinals[] = {"zeroth", "first", "second", "third", NULL, "fifth",  NULL,
                                       NULL,     NULL,    NULL,     NULL,    NULL, "twelfth"};
static const char *const tens[] = {"twent", "thirt",  "fort",  "fift",
                                   "sixt",  "sevent", "eight", "ninet"};
static const char *const times[] = {"hundred",    "thousand",    "million",     "billion",
                                    "trillion",   "quadrillion", "quintillion", "sextillion",
                                    "septillion", "octillion",   "nonillion",   "decillion"};
static const struct {
    const char *name;
    mli_number_kind kind;
    int value;
    const char *suffix;
} others[] = {{"o", MLI_NUMBER_ZERO, 0, ""},
              {"oh", MLI_NUMBER_ZERO, 0, ""},
              {"zero", MLI_NUMBER_ZERO, 0, ""},
              {"minus", MLI_NUMBER_SIGN, 0, "-"},
              {"negative", MLI_NUMBER_SIGN, 0, "-"},
              {"plus", MLI_NUMBER_SIGN, 0, "+"},
              {"positive", MLI_NUMBER_SIGN, 0, "+"},
              {"pound", MLI_NUMBER_CURRENCY, 0, "\xc2\xa3"},
              {"pounds", MLI_NUMBER_CURRENCY, 0, "\xc2\xa3"},
              {"euro", MLI_NUMBER_CURRENCY, 0, "\xe2\x82\xac"},
              {"euros", MLI_NUMBER_CURRENCY, 0, "\xe2\x82\xac"},
              {"dollar", MLI_NUMBER_CURRENCY, 0, "$"},
              {"dollars", MLI_NUMBER_CURRENCY, 0, "$"},
              {"cent", MLI_NUMBER_CURRENCY, 0, "\xc2\xa2"},
              {"cents", MLI_NUMBER_CURRENCY, 0, "\xc2\xa2"},
              {"per", MLI_NUMBER_PER, 0, ""},
              {"percent", MLI_NUMBER_PERCENT, 0, ""},
              {"and", MLI_NUMBER_AND, 0, ""},
              {"double", MLI_NUMBER_REPEAT, 2, ""},
              {"triple", MLI_NUMBER_REPEAT, 3, ""},
              {"point", MLI_NUMBER_POINT, 0, ""}};

enum {
    ONES = 20,
    ORDINALS = 13,
    TENS = 8,
    TIMES_COUNT = 12,
    OTHERS = sizeof others / sizeof *others
};

bool mli_number_word_is(mli_number_word w, const char *text)
{
    return w.at != NULL && w.bytes == strlen(text) && memcmp(w.at, text, w.bytes) == 0;
}

/* What follows a stem; NULL when the mli_number_word does not begin with it. */
static const char *after(mli_number_word w, const char *stem, size_t *bytes)
{
    const size_t n = strlen(stem);
    if (w.bytes < n || memcmp(w.at, stem, n) != 0)
        return NULL;
    *bytes = w.bytes - n;
    return w.at + n;
}

static bool ends(const char *rest, size_t bytes, const char *with)
{
    return bytes == strlen(with) && memcmp(rest, with, bytes) == 0;
}

static mli_number_meaning of_one(mli_number_word w)
{
    for (int i = 1; i < ONES; i++) {
        size_t bytes;
        const char *rest = after(w, ones[i], &bytes);
        if (rest == NULL)
            continue;
        if (bytes == 0)
            return (mli_number_meaning){MLI_NUMBER_ONE, i, ""};
        if (ends(rest, bytes, i == 6 ? "es" : "s"))
            return (mli_number_meaning){MLI_NUMBER_ONE_SUFFIX, i, "s"};
        if (i > 3 && i != 5 && i != 12 && ends(rest, bytes, i == 8 ? "h" : "th"))
            return (mli_number_meaning){MLI_NUMBER_ONE_SUFFIX, i, "th"};
    }
    for (int i = 0; i < ORDINALS; i++) {
        if (ordinals[i] != NULL && mli_number_word_is(w, ordinals[i]))
            return (mli_number_meaning){MLI_NUMBER_ONE_SUFFIX, i,
                                        i == 1   ? "st"
                                        : i == 2 ? "nd"
                                        : i == 3 ? "rd"
                                                 : "th"};
    }
    return (mli_number_meaning){MLI_NUMBER_OTHER, 0, ""};
}

mli_number_meaning mli_number_meaning_of(mli_number_word w)
{
    mli_number_meaning m = {MLI_NUMBER_OTHER, 0, ""};
    size_t bytes;
    if (w.at == NULL)
        return m;
    for (int i = 0; i < OTHERS; i++) {
        if (mli_number_word_is(w, others[i].name))
            return (mli_number_meaning){others[i].kind, others[i].value, others[i].suffix};
    }
    m = of_one(w);
    for (int i = 0; m.kind == MLI_NUMBER_OTHER && i < TENS; i++) {
        const char *rest = after(w, tens[i], &bytes);
        if (rest != NULL && ends(rest, bytes, "y"))
            m = (mli_number_meaning){MLI_NUMBER_TEN, 20 + 10 * i, ""};
        else if (rest != NULL && ends(rest, bytes, "ies"))
            m = (mli_number_meaning){MLI_NUMBER_TEN_SUFFIX, 20 + 10 * i, "s"};
        else if (rest != NULL && ends(rest, bytes, "ieth"))
            m = (mli_number_meaning){MLI_NUMBER_TEN_SUFFIX, 20 + 10 * i, "th"};
    }
    for (int i = 0; m.kind == MLI_NUMBER_OTHER && i < TIMES_COUNT; i++) {
        const char *rest = after(w, times[i], &bytes);
        const int zeros = i == 0 ? 2 : 3 * i;
        if (rest != NULL && bytes == 0)
            m = (mli_number_meaning){MLI_NUMBER_TIMES, zeros, ""};
        else if (rest != NULL && ends(rest, bytes, "s"))
            m = (mli_number_meaning){MLI_NUMBER_TIMES_SUFFIX, zeros, "s"};
        else if (rest != NULL && ends(rest, bytes, "th"))
            m = (mli_number_meaning){MLI_NUMBER_TIMES_SUFFIX, zeros, "th"};
    }
    return m;
}
