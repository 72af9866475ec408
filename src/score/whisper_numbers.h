/* What words mean within a number, for whisper_numbers.c. */
#ifndef MLI_SCORE_WHISPER_NUMBERS_H
#define MLI_SCORE_WHISPER_NUMBERS_H

#include "base/buf.h"
#include "score/look.h"

typedef struct mli_number_word {
    const char *at; /* NULL = there is none */
    size_t bytes;
} mli_number_word;

typedef enum mli_number_kind {
    MLI_NUMBER_OTHER,
    MLI_NUMBER_ZERO,
    MLI_NUMBER_ONE,        /* one ... nineteen */
    MLI_NUMBER_ONE_SUFFIX, /* sixes, sixth */
    MLI_NUMBER_TEN,        /* twenty ... ninety */
    MLI_NUMBER_TEN_SUFFIX, /* twenties, twentieth */
    MLI_NUMBER_TIMES,      /* hundred ... decillion */
    MLI_NUMBER_TIMES_SUFFIX,
    MLI_NUMBER_SIGN,     /* before a number */
    MLI_NUMBER_CURRENCY, /* after it */
    MLI_NUMBER_PER,
    MLI_NUMBER_PERCENT,
    MLI_NUMBER_AND,
    MLI_NUMBER_REPEAT, /* double, triple */
    MLI_NUMBER_POINT
} mli_number_kind;

typedef struct mli_number_meaning {
    mli_number_kind kind;
    int value; /* of MLI_NUMBER_TIMES: zeros */
    const char *suffix;
} mli_number_meaning;

mli_number_meaning mli_number_meaning_of(mli_number_word word);
bool mli_number_word_is(mli_number_word word, const char *text);
/* The next of words that are separated by spaces. */
mli_number_word mli_number_next_word(const char *text, size_t bytes, size_t *at);
/* Words with numbers in digits; signs stand before them. */
void mli_number_words(const char *text, size_t bytes, mli_score_look *look, mli_buf *out);

#endif
