/* Spoken words -> IPA of a voice trained on espeak-ng's American English: lexicon first, then
 * inflections and compounds of its words, then letter-to-sound rules; weak forms and heteronyms by
 * the words around. */
#ifndef MLI_TEXT_PRONOUNCE_H
#define MLI_TEXT_PRONOUNCE_H

#include "text/lexicon.h"
#include "text/spoken.h"

typedef enum mli_pronounced_by {
    MLI_BY_LEXICON,
    MLI_BY_PARTS,   /* an inflection or a compound of words of the lexicon */
    MLI_BY_LETTERS, /* letter-to-sound rules */
    MLI_BY_KINDS
} mli_pronounced_by;

/* Phonemes of one word (a-z and apostrophes), always at least one for at least one letter. */
size_t mli_pronounce_word(const mli_lexicon *lexicon, const char *word, size_t bytes,
                          uint8_t phones[MLI_WORD_PHONES], mli_pronounced_by *by);
/* The same by letter-to-sound rules alone. */
size_t mli_pronounce_letters(const char *word, size_t bytes, uint8_t phones[MLI_WORD_PHONES]);

typedef struct mli_pronounced {
    mli_buf ipa;  /* of the words, one behind the other, without spaces and marks */
    mli_buf ends; /* uint32_t: where each word's IPA ends */
    size_t by[MLI_BY_KINDS];
} mli_pronounced;

void mli_pronounced_init(mli_pronounced *p, const modellab_allocator *alloc);
void mli_pronounced_dispose(mli_pronounced *p);
/* Replaces what it holds by the pronunciation of a sentence's words, one for each. */
MODELLAB_MUST_CHECK modellab_status mli_pronounce(mli_pronounced *p, const mli_lexicon *lexicon,
                                                  const mli_spoken *spoken, modellab_error *err);
/* IPA of word `index`; its bytes in *bytes. */
const char *mli_pronounced_word(const mli_pronounced *p, size_t index, size_t *bytes);

#endif
