/* A pronouncing dictionary in CMUdict's form: `word PH0 ON EMES`, further pronunciations as
 * `word(2)`, `#` begins a remark. Read strictly from memory; immutable afterwards. */
#ifndef MLI_TEXT_LEXICON_H
#define MLI_TEXT_LEXICON_H

#include "base/cancel.h"
#include "text/phones.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

#define MLI_LEXICON_MAX_BYTES (32u * 1024 * 1024)

typedef struct mli_lexicon mli_lexicon;

/* Copies the text. E_SCHEMA names the line; E_LIMIT: too large, or made so that its words collide.
 */
MODELLAB_MUST_CHECK modellab_status mli_lexicon_create(mli_lexicon **out,
                                                       const modellab_allocator *alloc,
                                                       const char *text, size_t bytes,
                                                       const mli_cancel_word *cancel,
                                                       modellab_error *err);
void mli_lexicon_destroy(mli_lexicon *lexicon);
size_t mli_lexicon_count(const mli_lexicon *lexicon); /* words, each once */
/* Phonemes of a word in small letters, pronunciation `variant` (0 = the first); 0 = there is none.
 */
size_t mli_lexicon_find(const mli_lexicon *lexicon, const char *word, size_t bytes, int variant,
                        uint8_t phones[MLI_WORD_PHONES]);

#endif
