/* The words of a Whisper vocabulary as raw bytes, whatever file they come from. Internal to this
 * room. */
#ifndef MLI_TEXT_WHISPER_VOCAB_H
#define MLI_TEXT_WHISPER_VOCAB_H

#include "text/whisper_tokenizer.h"

#define MLI_VOCAB_MAX_WORDS 60000u
#define MLI_VOCAB_MAX_WORD_BYTES 1024u
#define MLI_VOCAB_MAX_FILE ((size_t)64 << 20)

typedef struct mli_vocab {
    const modellab_allocator *alloc;
    mli_buf bytes;     /* all words one after another */
    uint32_t *offsets; /* word i is bytes[offsets[i] .. offsets[i + 1]) */
    size_t count;      /* of words (ids 0..count-1) */
    size_t longest;
    int32_t *table; /* open addressing, -1 empty; power of two */
    size_t mask;
} mli_vocab;

/* Reads the words from what `source` gives; specials too where the file has them. */
MODELLAB_MUST_CHECK modellab_status mli_vocab_read(mli_vocab *v, const modellab_allocator *alloc,
                                                   const mli_whisper_vocab_source *source,
                                                   modellab_error *err);
void mli_vocab_dispose(mli_vocab *v);
/* Word of an id below count. */
const char *mli_vocab_word(const mli_vocab *v, int32_t id, size_t *bytes);
/* Makes the table from words to ids, of ids below `limit` only. */
MODELLAB_MUST_CHECK modellab_status mli_vocab_index(mli_vocab *v, size_t limit,
                                                    modellab_error *err);
/* Lowest id whose word is these bytes, -1 none. Needs the index. */
int32_t mli_vocab_find(const mli_vocab *v, const char *word, size_t bytes);

#endif
