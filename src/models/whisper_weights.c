/* Reads a Whisper weight file of any format: format by first bytes, then tensors, shapes, config.
 */
#include "models/whisper_weights.h"
#include "base/alloc.h"
#include "base/error.h"
#include "models/cursor.h"
#include "models/whisper_formats.h"

#include <math.h>

#define GGML_MAGIC 0x67676d6cu
#define MAX_SAFETENSORS_HEADER 100000000u

mli_weight_format mli_weight_format_of(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    if (size < 16) {
        return MLI_FORMAT_UNKNOWN;
    }
    if (mli_le32(p) == GGML_MAGIC) {
        return MLI_FORMAT_GGML;
    }
    if (mli_le64(p) <= MAX_SAFETENSORS_HEADER && p[8] == '{') {
        return MLI_FORMAT_SAFETENSORS;
    }
    /* version, then a specification name with its length */
    if (mli_le32(p) <= 32 && mli_le16(p + 4) >= 5 && mli_le16(p + 4) < 64 && p[6] >= 'A' &&
        p[6] <= 'Z') {
        return MLI_FORMAT_CT2;
    }
    return MLI_FORMAT_UNKNOWN;
}

const char *mli_weight_format_name(mli_weight_format format)
{
    switch (format) {
    case MLI_FORMAT_CT2:
        return "ct2";
    case MLI_FORMAT_GGML:
        return "ggml";
    case MLI_FORMAT_SAFETENSORS:
        return "safetensors";
    default:
        return "unknown";
    }
}

MODELLAB_MUST_CHECK static modellab_status read_format(mli_whisper_weights *out, const void *file,
                                                       size_t bytes, modellab_error *err)
{
    switch (out->format) {
    case MLI_FORMAT_CT2:
        return mli_ct2_read(out, file, bytes, err);
    case MLI_FORMAT_GGML:
        return mli_ggml_read(out, file, bytes, err);
    case MLI_FORMAT_SAFETENSORS:
        return mli_safetensors_read(out, file, bytes, err);
    default:
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, 0,
                           "the first bytes are of no weight format that is known (CTranslate2, "
                           "ggml, safetensors)");
    }
}

modellab_status mli_whisper_weights_read(mli_whisper_weights *out, const modellab_allocator *alloc,
                                         const void *file, size_t bytes, const char *config,
                                         size_t config_bytes, modellab_error *err)
{
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    mli_tensors_init(&out->tensors, alloc);
    out->format = mli_weight_format_of(file, bytes);
    modellab_status status = read_format(out, file, bytes, err);
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&out->tensors, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_whisper_config(out, config, config_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_whisper_check(out, err);
    }
    if (status == MODELLAB_OK && out->head_count == 0) {
        status = mli_whisper_default_heads(out, err);
    }
    if (status != MODELLAB_OK) {
        mli_whisper_weights_dispose(out);
        return status;
    }
    out->dtype = mli_tensors_find(&out->tensors, "encoder.blocks.0.mlp.0.weight")->dtype;
    return MODELLAB_OK;
}

void mli_whisper_weights_dispose(mli_whisper_weights *weights)
{
    const modellab_allocator *alloc = weights->alloc;
    mli_tensors_dispose(&weights->tensors);
    mli_free(alloc, weights->words);
    mli_free(alloc, weights->heads);
    memset(weights, 0, sizeof *weights);
    weights->alloc = alloc;
    mli_tensors_init(&weights->tensors, alloc);
}

void mli_whisper_sinusoids(int32_t length, int32_t channels, float *out)
{
    int32_t half = channels / 2;
    float step = (float)(log(10000.0) / (double)(half > 1 ? half - 1 : 1));
    for (int32_t i = 0; i < half; i++) {
        float inverse = expf(-step * (float)i);
        for (int32_t t = 0; t < length; t++) {
            float *row = out + (size_t)t * (size_t)channels;
            float angle = (float)t * inverse;
            row[i] = (float)sin((double)angle);
            row[half + i] = (float)cos((double)angle);
        }
    }
}

modellab_status mli_whisper_positions(const mli_whisper_weights *weights, float *out,
                                      modellab_error *err)
{
    const mli_weight *t = mli_tensors_find(&weights->tensors, "encoder.positional_embedding");
    if (t == NULL) {
        mli_whisper_sinusoids(weights->hparams.n_audio_ctx, weights->hparams.n_audio_state, out);
        return MODELLAB_OK;
    }
    return mli_weight_read_f32(t, 0, mli_weight_rows(t), out, err);
}
