/* The transcript as sentences and terms; what the extracts share. */
#ifndef MLI_TEXT_DIGEST_PRIVATE_H
#define MLI_TEXT_DIGEST_PRIVATE_H

#include "base/buf.h"
#include "text/digest.h"

/* A term is a word without case and plural; those that tell nothing are none. */
typedef struct mli_digest_term {
    uint32_t name, shown; /* offsets into `names`: as compared, and as it was written first */
    uint32_t sentences;   /* that have it */
    uint32_t last;        /* sentence that was counted last, from 1 */
} mli_digest_term;

struct mli_digest {
    const modellab_allocator *alloc;
    mli_transcript *transcript;
    mli_digest_sentence *sentences;
    size_t count, capacity;
    uint32_t *sequence; /* terms of all sentences, in order */
    size_t length, length_capacity;
    mli_digest_term *terms;
    size_t term_count, term_capacity;
    uint32_t *slots; /* of a hash table: term + 1, 0 = empty */
    size_t slot_count;
    mli_buf text, names;
};

/* digest_words.c: words that tell nothing of the subject. */
bool mli_digest_is_plain(const char *word, size_t bytes);
/* Weight of a term: rare ones tell more. */
double mli_digest_weight(const mli_digest *digest, uint32_t term);

#endif
