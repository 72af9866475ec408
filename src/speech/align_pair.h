/* Which words of a given text are those that were heard: a distance over keys of words, for
 * texts of any length. Pure. */
#ifndef MLI_SPEECH_ALIGN_PAIR_H
#define MLI_SPEECH_ALIGN_PAIR_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mli_whisper_tokenizer;

/* A word of a text: what stands between white space; in languages without, a part of it. */
typedef struct mli_align_word {
    size_t text, bytes; /* place in the text */
    uint64_t key;       /* of its letters and digits, without case: equal for the same word */
    bool joined;        /* to the one before it, without white space */
} mli_align_word;

/* The words of a text, a new list (mli_free). E_INVALID_ARGUMENT: not UTF-8. */
MODELLAB_MUST_CHECK modellab_status mli_align_words(const modellab_allocator *alloc,
                                                    const char *text, size_t bytes,
                                                    const mli_cancel_word *cancel,
                                                    mli_align_word **out, size_t *count,
                                                    modellab_error *err);

/* The same for a language that is written without spaces: each run of letters is split as the
 * recogniser splits what it hears. For other languages it is mli_align_words. */
MODELLAB_MUST_CHECK modellab_status mli_align_split(const modellab_allocator *alloc,
                                                    const struct mli_whisper_tokenizer *tokenizer,
                                                    const char *language, const char *text,
                                                    size_t bytes, const mli_cancel_word *cancel,
                                                    mli_align_word **out, size_t *count,
                                                    modellab_error *err);
/* Of the letters and digits of a word, without case; of all bytes when there are none. */
uint64_t mli_align_key(const char *text, size_t bytes);

/* partner[i] = the heard word in whose place the given word i stands (the same or another one), or
 * -1; rising. The text may be a part of what was heard, or leave out passages of it: then it stands
 * where most of its words were heard together. Exact while the lists are short (some 4,000 words
 * each); longer ones are cut at runs of three words that both have once, in the same order. */
MODELLAB_MUST_CHECK modellab_status mli_align_pair(const modellab_allocator *alloc,
                                                   const uint64_t *given, size_t given_count,
                                                   const uint64_t *heard, size_t heard_count,
                                                   const mli_cancel_word *cancel, int32_t *partner,
                                                   modellab_error *err);

#endif
