/* Sizes of a Whisper model, and how its weights come in and go out while they are packed. Neutral
 * between the rooms of models and kernels. */
#ifndef MLI_SPEECH_WHISPER_DIMS_H
#define MLI_SPEECH_WHISPER_DIMS_H

#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_whisper_dims {
    size_t vocab, mels;
    size_t audio_ctx, audio_state, audio_heads, audio_layers;
    size_t text_ctx, text_state, text_heads, text_layers;
} mli_whisper_dims;

/* An attention head of the decoder. */
typedef struct mli_whisper_head {
    int32_t layer, head;
} mli_whisper_head;

/* Where tensors come from: rows [first, first + rows) of a tensor by its canonical name, as f16 or
 * f32. */
typedef struct mli_whisper_reader {
    void *user;
    modellab_status (*read)(void *user, const char *name, size_t first, size_t rows, bool half,
                            void *out, modellab_error *err);
} mli_whisper_reader;

/* Where packed sections go, in pieces. */
typedef struct mli_whisper_sink {
    void *user;
    modellab_status (*begin)(void *user, const char *name, bool packed, bool half, size_t rows,
                             size_t cols, modellab_error *err);
    modellab_status (*append)(void *user, const void *data, size_t bytes, modellab_error *err);
    modellab_status (*end)(void *user, modellab_error *err);
} mli_whisper_sink;

/* Finds a stored section of exactly `bytes`; 64-byte aligned. */
typedef struct mli_whisper_store {
    void *user;
    modellab_status (*find)(void *user, const char *name, bool packed, bool half, size_t bytes,
                            const void **data, modellab_error *err);
} mli_whisper_store;

#endif
