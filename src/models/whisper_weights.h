/* A Whisper model read from any of its file formats: hyper-parameters and tensors under the names
 * of the reference (`encoder.blocks.0.attn.query.weight`), independent of the format. */
#ifndef MLI_MODELS_WHISPER_WEIGHTS_H
#define MLI_MODELS_WHISPER_WEIGHTS_H

#include "models/tensors.h"

/* Canonical names, <s> = encoder | decoder, <b> = <s>.blocks.<i>:
 *   encoder.conv1.{weight [state,mels,3], bias}   encoder.conv2.{weight [state,state,3], bias}
 *   encoder.positional_embedding [audio_ctx,state] (absent in some files: see
 * mli_whisper_positions) decoder.token_embedding.weight [vocab,text_state]
 * decoder.positional_embedding [text_ctx,text_state] <b>.attn_ln.{weight,bias}
 * <b>.attn.{query,key,value,out}.weight   <b>.attn.{query,value,out}.bias
 *   <b>.cross_attn_ln.{weight,bias} <b>.cross_attn.{...} as attn (decoder only)
 *   <b>.mlp_ln.{weight,bias}        <b>.mlp.0.{weight [4*state,state], bias}  <b>.mlp.2.{weight,
 * bias} encoder.ln_post.{weight,bias}   decoder.ln.{weight,bias} The key projection has no bias.
 * Linear weights are [out,in]. */

typedef struct mli_whisper_hparams {
    int32_t n_vocab;
    int32_t n_mels;                     /* 80 or 128 */
    int32_t n_audio_ctx, n_audio_state; /* 1500 */
    int32_t n_audio_head, n_audio_layer;
    int32_t n_text_ctx, n_text_state; /* 448 */
    int32_t n_text_head, n_text_layer;
    int32_t n_languages; /* 99, 100 (v3); of the tokens also in English-only models */
    bool multilingual;   /* false: English only */
} mli_whisper_hparams;

typedef enum mli_weight_format {
    MLI_FORMAT_UNKNOWN = 0,
    MLI_FORMAT_CT2 = 1,
    MLI_FORMAT_GGML = 2,
    MLI_FORMAT_SAFETENSORS = 3
} mli_weight_format;

typedef struct mli_word {
    const unsigned char *data; /* raw bytes, borrowed from the file */
    uint32_t bytes;
} mli_word;

typedef struct mli_head {
    int32_t layer, head;
} mli_head;

#define MLI_WHISPER_MAX_HEADS 1024

typedef struct mli_whisper_weights {
    const modellab_allocator *alloc; /* borrowed */
    mli_weight_format format;
    mli_weight_dtype dtype; /* of the big matrices: what the file was quantised to */
    mli_whisper_hparams hparams;
    mli_tensors tensors;
    /* ggml only; NULL / 0 in the other formats */
    mli_word *words; /* vocabulary in id order */
    size_t word_count;
    const unsigned char *mel_filters; /* [n_mels, mel_bins] f32, unaligned */
    size_t mel_bins;                  /* 201 */
    /* Heads for word times: from config.json, else of the known model sizes (see
     * mli_whisper_alignment_heads), else the upper half of the layers. */
    mli_head *heads;
    size_t head_count;
} mli_whisper_weights;

/* By the first bytes; MLI_FORMAT_UNKNOWN when none fits. */
mli_weight_format mli_weight_format_of(const void *bytes, size_t size);
const char *mli_weight_format_name(mli_weight_format format); /* "ct2", "ggml", "safetensors" */

/* Reads a whole weight file of any format. `file` must stay until dispose. `config` (JSON, may be
 * NULL) is config.json beside the file. All tensors of the hyper-parameters exist with the right
 * shapes after success. E_INVALID_MODEL names field and offset; E_UNSUPPORTED_MODEL for another
 * architecture. On failure `out` is disposed. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_weights_read(
    mli_whisper_weights *out, const modellab_allocator *alloc, const void *file, size_t bytes,
    const char *config, size_t config_bytes, modellab_error *err);
void mli_whisper_weights_dispose(mli_whisper_weights *weights);

/* Encoder positions: copied from the file, or the reference's sinusoids when the file has none.
 * out[n_audio_ctx * n_audio_state]. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_positions(const mli_whisper_weights *weights,
                                                          float *out, modellab_error *err);
/* The sinusoids themselves: length x channels (even). */
void mli_whisper_sinusoids(int32_t length, int32_t channels, float *out);

#endif
