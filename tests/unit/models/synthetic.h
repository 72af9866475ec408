/* A small Whisper with seeded weights, written in memory as CTranslate2, ggml and safetensors
 * files, so that readers and engines are tested without any download. */
#ifndef TESTS_UNIT_MODELS_SYNTHETIC_H
#define TESTS_UNIT_MODELS_SYNTHETIC_H

#include "base/buf.h"
#include "models/tensors.h"

typedef struct synthetic_shape {
    int n_vocab, n_mels, n_audio_ctx, state, heads, layers, n_text_ctx;
} synthetic_shape;

/* 1,908 words, 80 mels, 20 frames, state 64 of 2 heads, 2 layers, 16 tokens: about 0.4 M weights.
 */
extern const synthetic_shape synthetic_small;
/* 3 words, 2 mels, state 2, one layer: files of a few KB for fuzzing; no tokenizer fits it. */
extern const synthetic_shape synthetic_tiny;

/* Called with each canonical tensor of a shape. */
typedef void (*synthetic_each)(void *user, const char *name, int rank, const size_t *dims);
void synthetic_walk(const synthetic_shape *shape, synthetic_each each, void *user);
/* Values of a tensor: depend on its name only, and are exact in f16. */
void synthetic_values(const char *name, size_t elements, float *out);

/* Word of an id below eot (raw bytes); 0 bytes for others. */
size_t synthetic_word(const synthetic_shape *shape, int id, char out[8]);
/* vocabulary.txt of CTranslate2, with the special tokens. */
void synthetic_vocabulary(const synthetic_shape *shape, mli_buf *out);

/* Whole files. `type` is that of the matrices: f32, f16 (all formats), i8 (ct2), q8_0, q5_0 (ggml).
 */
void synthetic_ct2(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out);
void synthetic_ggml(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out);
void synthetic_safetensors(const synthetic_shape *shape, mli_weight_dtype type, mli_buf *out);
/* config.json for the safetensors file. */
void synthetic_config(const synthetic_shape *shape, mli_buf *out);

#endif
