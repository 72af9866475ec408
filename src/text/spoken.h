/* A sentence as the words that a reader says: numbers, dates, money, abbreviations, acronyms and
 * addresses in full, each word with the place of the caller's word that it came from. English. */
#ifndef MLI_TEXT_SPOKEN_H
#define MLI_TEXT_SPOKEN_H

#include "base/buf.h"
#include "text/clean.h"

enum {
    MLI_SPOKEN_LETTERS = 1,  /* the names of its letters: "fbi", or "b's" with its ending */
    MLI_SPOKEN_CAPITALS = 2, /* all capitals: a word when the lexicon knows it, else letters */
    MLI_SPOKEN_CAPITAL = 4   /* began with a capital */
};

typedef struct mli_spoken_word {
    uint32_t at, bytes; /* in `text`: small letters a-z and the apostrophe */
    uint32_t from, to;  /* the caller's word: bytes from..to-1 of his text */
    uint32_t flags;
    char mark; /* the pause behind it: , ; : . ! ? or 0 */
} mli_spoken_word;

typedef struct mli_spoken {
    mli_buf text, words;
    mli_clean clean;
    mli_buf pieces;
    size_t unsaid; /* characters of the sentence for which there is no word */
} mli_spoken;

void mli_spoken_init(mli_spoken *s, const modellab_allocator *alloc);
void mli_spoken_dispose(mli_spoken *s);
/* Replaces what it holds by the words of one sentence (mli_sentence_next: at most
 * MLI_SENTENCE_BYTES, checked), which begins at `base` of the caller's text. No words at all is no
 * failure. */
MODELLAB_MUST_CHECK modellab_status mli_spoken_set(mli_spoken *s, const char *sentence,
                                                   size_t bytes, size_t base, modellab_error *err);
static inline size_t mli_spoken_count(const mli_spoken *s)
{
    return s->words.size / sizeof(mli_spoken_word);
}
static inline const mli_spoken_word *mli_spoken_at(const mli_spoken *s, size_t index)
{
    return (const mli_spoken_word *)(const void *)s->words.data + index;
}
/* The words with their marks, separated by spaces; what is spelled stands in <>. For people and
 * tests. */
void mli_spoken_show(const mli_spoken *s, mli_buf *out);

#endif
