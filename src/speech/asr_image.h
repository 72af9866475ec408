/* The content of a Whisper image: packed sections, and what else a session needs (sizes, alignment
 * heads, vocabulary, mel filters), so that an image alone is a whole model. */
#ifndef MLI_SPEECH_ASR_IMAGE_H
#define MLI_SPEECH_ASR_IMAGE_H

#include "models/cache.h"
#include "models/model_files.h"
#include "models/whisper_weights.h"
#include "speech/whisper_dims.h"
#include "text/whisper_tokenizer.h"

/* The part of a model that is not weights. */
typedef struct mli_asr_extras {
    mli_whisper_dims dims;
    bool multilingual;
    mli_whisper_head *heads;
    size_t head_count;
    /* Borrowed from a weight file and the files beside it, or from an image. */
    mli_whisper_vocab_source vocabulary;
    const float *mel_filters; /* [mels][201]; NULL = the usual ones */
    float *own_filters;       /* copy behind mel_filters when the file's are not aligned */
} mli_asr_extras;

/* From a weight file that was read; `files` lends tokenizer and vocabulary. */
MODELLAB_MUST_CHECK modellab_status mli_asr_extras_from_weights(mli_asr_extras *out,
                                                                const modellab_allocator *alloc,
                                                                const mli_whisper_weights *weights,
                                                                const mli_model_files *files,
                                                                modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_asr_extras_from_image(mli_asr_extras *out,
                                                              const modellab_allocator *alloc,
                                                              const mli_image *image,
                                                              modellab_error *err);
void mli_asr_extras_dispose(mli_asr_extras *extras, const modellab_allocator *alloc);

/* Reads tensors of `weights` for mli_whisper_pack. */
mli_whisper_reader mli_asr_reader(const mli_whisper_weights *weights);
/* Sections of an image for mli_whisper_bind. */
mli_whisper_store mli_asr_store(const mli_image *image);
/* Writes everything and finishes the writer. */
MODELLAB_MUST_CHECK modellab_status mli_asr_image_write(const modellab_allocator *alloc,
                                                        const mli_whisper_weights *weights,
                                                        const mli_asr_extras *extras, bool half,
                                                        mli_image_writer *writer,
                                                        const mli_cancel_word *cancel,
                                                        modellab_error *err);

#endif
