/* What the parts of the pronunciation share. */
#ifndef MLI_TEXT_PRONOUNCE_PRIVATE_H
#define MLI_TEXT_PRONOUNCE_PRIVATE_H

#include "text/pronounce.h"

/* The generated rules: a tree a letter, as text (scripts/letter_rules.py says how it is read). */
extern const char *const mli_letter_rules[26];
extern const char *const mli_letter_sounds[]; /* phonemes of a label, separated by spaces */

typedef struct mli_word_context {
    const char *word, *before, *earlier, *after;            /* small letters; "" at the ends */
    size_t bytes, before_bytes, earlier_bytes, after_bytes; /* earlier: before `before` */
    bool capital, first, last;                              /* last: nothing or a pause follows */
} mli_word_context;

/* Phonemes of a word with two pronunciations, by what stands beside it; NULL = no such word. */
const char *mli_heteronym(const mli_word_context *c);

/* IPA of a function word without stress; NULL = none. `vowel`: the next word begins with one. */
const char *mli_weak_form(const char *word, size_t bytes, bool vowel, bool last);

/* Names of letters as one word, the last one stressed. */
void mli_ipa_letters(const char *word, size_t bytes, mli_buf *out);

/* Reads phonemes separated by spaces; returns how many. */
size_t mli_phones_read(const char *text, uint8_t phones[MLI_WORD_PHONES]);

#endif
