/* A loaded Whisper model: packed weights, tokenizer, mel filters. Immutable and shared by reference
 * count; any number of sessions and threads use it at once. */
#ifndef MLI_SPEECH_ASR_MODEL_H
#define MLI_SPEECH_ASR_MODEL_H

#include "audio/mel.h"
#include "models/cache.h"
#include "models/model_files.h"
#include "speech/whisper_dims.h"
#include "text/whisper_tokenizer.h"

struct mli_whisper_net;

typedef enum mli_asr_weights {
    MLI_ASR_WEIGHTS_F16 = 0,
    MLI_ASR_WEIGHTS_F32 = 1 /* the oracle */
} mli_asr_weights;

typedef enum mli_asr_origin {
    MLI_ASR_ORIGIN_MEMORY = 0, /* packed in memory: no cache directory, or one that is not usable */
    MLI_ASR_ORIGIN_CACHE = 1,  /* mapped from the cache */
    MLI_ASR_ORIGIN_BUILT = 2,  /* built into the cache, then mapped */
    MLI_ASR_ORIGIN_REBUILT = 3 /* as built, because the cached image was damaged */
} mli_asr_origin;

typedef struct mli_asr_model mli_asr_model;

typedef struct mli_asr_open_options {
    const modellab_allocator *alloc; /* copied; NULL = C heap */
    const char *cache_directory;     /* for the packed image; NULL = pack in memory */
    mli_asr_weights weights;
    bool verify; /* also check the checksums of all sections of a cached image */
    const mli_cancel_word *cancel;
} mli_asr_open_options;

/* What a run's record says about the model. Strings are borrowed from the model. */
typedef struct mli_asr_model_info {
    mli_whisper_dims dims;
    bool multilingual;
    mli_asr_weights weights;
    mli_asr_origin origin;
    const char *sha256; /* of the weight file; "" when it was not computed (memory) */
    /* What else the result depends on: configuration, tokenizer and vocabulary that came with the
     * weights, and how these were packed; the same for a model from an image and from its files. */
    const char *package;
    const char *reason; /* why the image was rebuilt or the cache not used; "" otherwise */
} mli_asr_model_info;

/* `files` is used during the call only; its weights are read when there is no valid image. A new
 * model with one reference. */
MODELLAB_MUST_CHECK modellab_status mli_asr_model_open(mli_asr_model **out, mli_model_files *files,
                                                       const mli_asr_open_options *options,
                                                       modellab_error *err);
/* From an image's descriptor handed over by another process (stays the caller's): needs no other
 * file. */
MODELLAB_MUST_CHECK modellab_status mli_asr_model_from_fd(mli_asr_model **out, int fd,
                                                          const mli_os_files *os,
                                                          const mli_asr_open_options *options,
                                                          modellab_error *err);
/* Descriptor (new, open for reading) of the packed image of these files in the options' cache,
 * whose sha256 must be known; its content was compared with its checksums. E_NOT_FOUND,
 * E_INVALID_MODEL: there is none that can be used. */
MODELLAB_MUST_CHECK modellab_status mli_asr_model_find_image(mli_model_files *files,
                                                             const mli_asr_open_options *options,
                                                             int *fd, modellab_error *err);
/* Making that image in another process: the draft's descriptor goes to one that calls _pack. */
MODELLAB_MUST_CHECK modellab_status mli_asr_model_begin_image(mli_model_files *files,
                                                              const mli_asr_open_options *options,
                                                              mli_image_draft *out,
                                                              modellab_error *err);
/* Packs the model into an empty file, synced. E_HASH_MISMATCH: the weights are not those whose
 * sha256 the model was installed with. */
MODELLAB_MUST_CHECK modellab_status mli_asr_model_pack(mli_model_files *files, int fd,
                                                       const mli_asr_open_options *options,
                                                       modellab_error *err);
mli_asr_model *mli_asr_model_ref(mli_asr_model *model); /* NULL accepted */
void mli_asr_model_unref(mli_asr_model *model);         /* NULL accepted */
mli_asr_model_info mli_asr_model_info_of(const mli_asr_model *model);
/* Descriptor of the mapped image, to hand to a worker; -1 when packed in memory. Borrowed. */
int mli_asr_model_fd(const mli_asr_model *model);

const struct mli_whisper_net *mli_asr_model_net(const mli_asr_model *model);
const mli_whisper_tokenizer *mli_asr_model_tokenizer(const mli_asr_model *model);
const mli_mel_bank *mli_asr_model_mel(const mli_asr_model *model);
/* Heads whose attention tells word times. */
const mli_whisper_head *mli_asr_model_heads(const mli_asr_model *model, size_t *count);

#endif
