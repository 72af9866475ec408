/* Phonemes of the lexicon as the IPA of espeak-ng's American English, which Piper voices were
 * trained on. */
#ifndef MLI_TEXT_IPA_H
#define MLI_TEXT_IPA_H

#include "base/buf.h"
#include "text/phones.h"

/* Appends the word: stress marks before the vowels, flaps, reduced vowels by the spelling. */
void mli_ipa_word(const char *word, size_t bytes, const uint8_t *phones, size_t count,
                  mli_buf *out);

#endif
