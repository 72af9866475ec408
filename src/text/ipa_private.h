/* A word on its way to IPA, and what the rules ask about it. */
#ifndef MLI_TEXT_IPA_PRIVATE_H
#define MLI_TEXT_IPA_PRIVATE_H

#include "base/buf.h"
#include "text/spelling.h"

typedef struct mli_ipa_state {
    mli_spelling s;
    uint8_t phones[MLI_WORD_PHONES]; /* with espeak's stress; 3 = a full vowel without a mark */
    size_t count;
    mli_buf *out;
} mli_ipa_state;

bool mli_ipa_is(const mli_ipa_state *w, size_t i, mli_phone phone);
int mli_ipa_stress(const mli_ipa_state *w, size_t i);
bool mli_ipa_vowel(const mli_ipa_state *w, size_t i);
/* Letters of the word at its end, at its beginning, from those of phoneme `i` on. */
bool mli_ipa_ends(const mli_ipa_state *w, const char *letters);
bool mli_ipa_begins(const mli_ipa_state *w, const char *letters);
bool mli_ipa_from(const mli_ipa_state *w, size_t i, const char *letters);
/* T AH N as a glottal stop with a syllabic n. */
bool mli_ipa_glottal(const mli_ipa_state *w, size_t i);
void mli_ipa_put(mli_ipa_state *w, const char *ipa);
void mli_ipa_put_vowel(mli_ipa_state *w, size_t i);

#endif
