/* Which chunk of a recording each word of a text belongs to: where the recogniser heard it, or its
 * neighbours. Pure functions of texts and numbers. */
#ifndef MLI_SPEECH_ASR_ALIGN_PLACE_H
#define MLI_SPEECH_ASR_ALIGN_PLACE_H

#include "speech/align_pair.h"
#include "speech/asr_chunks.h"

/* A word of the given text, or one that was heard. */
typedef struct mli_align_item {
    const char *text; /* borrowed */
    size_t bytes;
    uint64_t key;
    size_t chunk;
    bool joined; /* to the one before it, without white space */
    bool given;
} mli_align_item;

typedef struct mli_align_list {
    mli_align_item *items;
    size_t count, capacity;
} mli_align_list;

/* Appends words of a text; they belong to `chunk`. */
MODELLAB_MUST_CHECK modellab_status mli_align_list_add(
    mli_align_list *list, const modellab_allocator *alloc, const char *text,
    const mli_align_word *words, size_t count, size_t chunk, bool given, modellab_error *err);

/* Sets the chunks of the given words; they rise. `seconds`: speech in each of the `chunks`. The
 * script gets the given words and between them, in their order, the heard ones that the text leaves
 * out. */
MODELLAB_MUST_CHECK modellab_status mli_align_place(const modellab_allocator *alloc,
                                                    mli_align_list *given,
                                                    const mli_align_list *heard,
                                                    const double *seconds, size_t chunks,
                                                    const mli_cancel_word *cancel,
                                                    mli_align_list *script, modellab_error *err);

#endif
