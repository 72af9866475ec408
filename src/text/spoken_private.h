/* What the parts of the speaker share: the pieces of the sentence and the words said so far. */
#ifndef MLI_TEXT_SPOKEN_PRIVATE_H
#define MLI_TEXT_SPOKEN_PRIVATE_H

#include "text/spoken.h"
#include <stdbool.h>

/* What stands between white space, without the punctuation around it. */
typedef struct mli_piece {
    uint32_t at, bytes; /* of the clean text */
    uint32_t from, to;  /* of the caller's text */
    char mark;          /* pause behind it */
    bool dot;           /* a dot follows directly: the end of an abbreviation, perhaps */
    bool quote;         /* an apostrophe stands before it: '90s */
    bool closed;        /* the caller's word ends here */
} mli_piece;

typedef struct mli_saying {
    mli_spoken *out;
    const char *text; /* clean */
    const mli_piece *pieces;
    size_t count;
    uint32_t from, to; /* place of what is being said */
    bool shouting;     /* no small letters at all: capitals mean nothing */
} mli_saying;

typedef struct mli_text_part {
    const char *text;
    size_t bytes;
} mli_text_part;

/* Says literal small words, separated by spaces. */
void mli_say(mli_saying *s, const char *words);
/* Says one word of the text, folded to small letters. */
void mli_say_word(mli_saying *s, const char *word, size_t bytes, uint32_t flags);
/* Says a run of text with unknown content: words, numbers, and its symbols by name when `symbols`.
 */
void mli_say_mixed(mli_saying *s, const char *text, size_t bytes, bool symbols);

/* Numbers (digits only; commas are gone). */
void mli_say_digits(mli_saying *s, const char *digits, size_t count);
void mli_say_cardinal(mli_saying *s, const char *digits, size_t count);
void mli_say_ordinal(mli_saying *s, const char *digits, size_t count);
void mli_say_year(mli_saying *s, const char *digits, size_t count);
/* A decimal number with sign, commas and fraction as text; false when it is none. */
bool mli_say_decimal(mli_saying *s, const char *text, size_t bytes);
bool mli_is_decimal(const char *text, size_t bytes);
/* Value of digits, at most 999,999,999; that and more give 999,999,999. */
uint32_t mli_small_value(const char *digits, size_t count);
bool mli_all_digits(const char *text, size_t bytes);

/* Each takes pieces from `at` on and says how many; 0 = not its matter. */
size_t mli_say_quantity(mli_saying *s, size_t at); /* money, percent, units */
size_t mli_say_date(mli_saying *s, size_t at);
size_t mli_say_time(mli_saying *s, size_t at);
size_t mli_say_number(mli_saying *s, size_t at); /* ordinals, fractions, ranges, phones, plain */
size_t mli_say_abbreviation(mli_saying *s, size_t at);
size_t mli_say_roman(mli_saying *s, size_t at);
size_t mli_say_address(mli_saying *s, size_t at); /* URLs, e-mail, @names, #tags */
void mli_say_plain(mli_saying *s, size_t at);     /* a word, an acronym, or a mixture */

/* The piece `at` (or "" behind the end), and its words' place as the place of what is said next. */
mli_text_part mli_piece_text(const mli_saying *s, size_t at);
void mli_saying_at(mli_saying *s, size_t at);
/* Compares without case. */
bool mli_text_is(mli_text_part span, const char *word);
/* 1..12 for the name or the abbreviation of a month with its capital, else 0. */
int mli_month(const mli_saying *s, size_t at);
const char *mli_month_name(int month);
static inline bool mli_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool mli_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool mli_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static inline char mli_lower(char c)
{
    return mli_is_upper(c) ? (char)(c + 32) : c;
}

#endif
