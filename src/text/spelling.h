/* Which letters of a word stand for which of its phonemes. */
#ifndef MLI_TEXT_SPELLING_H
#define MLI_TEXT_SPELLING_H

#include "text/phones.h"

typedef struct mli_spelling {
    const char *word; /* borrowed */
    size_t bytes;
    const uint8_t *phones; /* borrowed */
    size_t count;
    uint8_t from[MLI_WORD_PHONES],
        length[MLI_WORD_PHONES]; /* letters of each phoneme; length may be 0 */
} mli_spelling;

#define MLI_SPELLING_LETTERS 64

/* The likeliest assignment, always one. At most MLI_SPELLING_LETTERS letters are looked at. */
void mli_spelling_align(mli_spelling *out, const char *word, size_t bytes, const uint8_t *phones,
                        size_t count);
/* Whether phoneme `i` is written exactly so; its first letter (0 = none). */
bool mli_spelled(const mli_spelling *s, size_t i, const char *letters);
char mli_spelled_first(const mli_spelling *s, size_t i);

#endif
