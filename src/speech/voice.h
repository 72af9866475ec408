/* A Piper voice as a whole: its network and its configuration; IPA -> ids. */
#ifndef MLI_SPEECH_VOICE_H
#define MLI_SPEECH_VOICE_H

#include "models/cache.h"
#include "models/model_files.h"
#include "speech/vits.h"

typedef struct mli_voice {
    modellab_allocator alloc;
    mli_vits *net;
    mli_piper_config config;
    mli_cached_image image; /* when mapped: what the network lies in */
    bool mapped;
    char reason[256]; /* why the image was made anew (mapped) or is not used; "" otherwise */
} mli_voice;

/* Maps the packed image that was handed over with the files, or that of an installed model below
 * `cache`, which is made first when there is none; or (without `cache`, with one that is not
 * usable, of other files) reads and packs the weights with all CPUs. The weights are unloaded
 * after. E_INVALID_MODEL also: they are not those that were installed; seen when they are read, not
 * when there is an image of those. */
MODELLAB_MUST_CHECK modellab_status mli_voice_create(mli_voice **out,
                                                     const modellab_allocator *alloc,
                                                     mli_model_files *files, const char *cache,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err);
void mli_voice_destroy(mli_voice *voice); /* NULL accepted */

typedef struct mli_voice_span {
    int32_t first, count;
} mli_voice_span;

/* Ids of an utterance, and its words: what spaces part. Arrays are the caller's to free. */
typedef struct mli_voice_ids {
    const modellab_allocator *alloc; /* borrowed */
    int32_t *ids;
    size_t count;
    mli_voice_span *words;
    size_t word_count;
    size_t skipped; /* code points that the voice does not know */
} mli_voice_ids;

/* Begin, a pad after each phoneme's ids, end: as Piper does. E_INVALID_ARGUMENT for bad UTF-8 or
 * when nothing is left, E_LIMIT. On failure `out` is disposed. */
MODELLAB_MUST_CHECK modellab_status mli_voice_ids_of(mli_voice_ids *out, const mli_voice *voice,
                                                     const char *ipa, size_t bytes,
                                                     modellab_error *err);
void mli_voice_ids_dispose(mli_voice_ids *ids);

#endif
