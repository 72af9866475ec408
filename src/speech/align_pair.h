/* Which words of a given text are those that were heard: an edit distance over keys of words, for
 * texts of any length. Pure. */
#ifndef MLI_SPEECH_ALIGN_PAIR_H
#define MLI_SPEECH_ALIGN_PAIR_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stddef.h>
#include <stdint.h>

/* A word of a text: what stands between white space. */
typedef struct mli_align_word {
    size_t text, bytes; /* place in the text */
    uint64_t key;       /* of its letters and digits, without case: equal for the same word */
} mli_align_word;

/* The words of a text, a new list (mli_free). E_INVALID_ARGUMENT: not UTF-8. */
MODELLAB_MUST_CHECK modellab_status mli_align_words(const modellab_allocator *alloc,
                                                    const char *text, size_t bytes,
                                                    const mli_cancel_word *cancel,
                                                    mli_align_word **out, size_t *count,
                                                    modellab_error *err);

/* partner[i] = the heard word in whose place the given word i stands (the same or another one), or
 * -1; rising. Exact while the lists are short (some 4,000 words each); longer ones are cut at runs
 * of three words that both have once, in the same order. */
MODELLAB_MUST_CHECK modellab_status mli_align_pair(const modellab_allocator *alloc,
                                                   const uint64_t *given, size_t given_count,
                                                   const uint64_t *heard, size_t heard_count,
                                                   const mli_cancel_word *cancel, int32_t *partner,
                                                   modellab_error *err);

#endif
