/* Reader of whisper.cpp's ggml files: hyper-parameters, mel filters, vocabulary, then tensors to
 * the end of the file. */
#include "base/alloc.h"
#include "base/error.h"
#include "models/cursor.h"
#include "models/whisper_formats.h"

#include <stdio.h>

#define MAX_WORD_BYTES 4096u

MODELLAB_MUST_CHECK static modellab_status read_hparams(mli_cursor *c, mli_whisper_hparams *h,
                                                        modellab_error *err)
{
    struct {
        const char *field;
        uint32_t max;
        int32_t *value;
    } const fields[] = {
        {"n_vocab", 1048576, &h->n_vocab},          {"n_audio_ctx", 65536, &h->n_audio_ctx},
        {"n_audio_state", 8192, &h->n_audio_state}, {"n_audio_head", 1024, &h->n_audio_head},
        {"n_audio_layer", 256, &h->n_audio_layer},  {"n_text_ctx", 65536, &h->n_text_ctx},
        {"n_text_state", 8192, &h->n_text_state},   {"n_text_head", 1024, &h->n_text_head},
        {"n_text_layer", 256, &h->n_text_layer},    {"n_mels", 256, &h->n_mels},
    };
    uint32_t value = 0;
    modellab_status status = mli_cursor_u32(c, "magic", &value, err);
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof fields / sizeof fields[0]; i++) {
        status = mli_cursor_u32_in(c, fields[i].field, 1, fields[i].max, &value, err);
        if (status == MODELLAB_OK) {
            *fields[i].value = (int32_t)value;
        }
    }
    if (status == MODELLAB_OK) { /* whole type and quantisation version; each tensor has its own */
        status = mli_cursor_u32(c, "ftype", &value, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_filters(mli_cursor *c, mli_whisper_weights *w,
                                                        modellab_error *err)
{
    uint32_t mels = 0, bins = 0;
    size_t at = c->offset;
    modellab_status status = mli_cursor_u32_in(c, "mel filter rows", 1, 256, &mels, err);
    if (status == MODELLAB_OK) {
        status = mli_cursor_u32_in(c, "mel filter columns", 1, 4096, &bins, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if ((int32_t)mels != w->hparams.n_mels) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                           "ggml: field mel filter rows at byte %zu is %u, n_mels is %d", at, mels,
                           w->hparams.n_mels);
    }
    w->mel_bins = bins;
    return mli_cursor_take(c, (size_t)mels * bins * 4, "mel filters", &w->mel_filters, err);
}

MODELLAB_MUST_CHECK static modellab_status read_words(mli_cursor *c, mli_whisper_weights *w,
                                                      modellab_error *err)
{
    uint32_t count = 0, bytes = 0;
    modellab_status status =
        mli_cursor_u32_in(c, "vocabulary size", 1, (uint32_t)w->hparams.n_vocab, &count, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (count > (c->size - c->offset) / 4) { /* each word has its length: no memory before bytes */
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)c->offset,
                           "ggml: the file is too short for a vocabulary of %u", count);
    }
    w->words = mli_alloc_array(w->alloc, count, sizeof *w->words);
    if (w->words == NULL) {
        return mli_no_memory(err);
    }
    for (uint32_t i = 0; status == MODELLAB_OK && i < count; i++) {
        status = mli_cursor_u32_in(c, "word length", 0, MAX_WORD_BYTES, &bytes, err);
        if (status == MODELLAB_OK) {
            status = mli_cursor_take(c, bytes, "word", &w->words[i].data, err);
            w->words[i].bytes = bytes;
        }
    }
    w->word_count = count;
    return status;
}

static mli_weight_dtype type_of(uint32_t code)
{
    switch (code) {
    case 0:
        return MLI_WEIGHT_F32;
    case 1:
        return MLI_WEIGHT_F16;
    case 2:
        return MLI_WEIGHT_Q4_0;
    case 3:
        return MLI_WEIGHT_Q4_1;
    case 6:
        return MLI_WEIGHT_Q5_0;
    case 7:
        return MLI_WEIGHT_Q5_1;
    case 8:
        return MLI_WEIGHT_Q8_0;
    default:
        return MLI_WEIGHT_NONE;
    }
}

/* Dimensions stand innermost first; biases of convolutions have a last dimension of 1. */
MODELLAB_MUST_CHECK static modellab_status read_dims(mli_cursor *c, uint32_t rank, mli_weight *t,
                                                     modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (uint32_t i = 0; status == MODELLAB_OK && i < rank; i++) {
        uint32_t dim = 0;
        status = mli_cursor_u32_in(c, "dimension", 1, INT32_MAX, &dim, err);
        t->dims[rank - 1 - i] = dim;
    }
    t->rank = (int32_t)rank;
    if (t->rank == 2 && t->dims[1] == 1) {
        t->rank = 1;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_tensor(mli_cursor *c, mli_whisper_weights *w,
                                                       modellab_error *err)
{
    mli_weight t = {0};
    const unsigned char *name = NULL;
    uint32_t rank = 0, name_bytes = 0, code = 0;
    size_t elements = 1, at = c->offset;
    modellab_status status = mli_cursor_u32_in(c, "rank", 1, 4, &rank, err);
    if (status == MODELLAB_OK) {
        status = mli_cursor_u32_in(c, "name length", 1, MLI_TENSOR_MAX_NAME, &name_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_cursor_u32(c, "type", &code, err);
    }
    if (status == MODELLAB_OK) {
        status = read_dims(c, rank, &t, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_cursor_take(c, name_bytes, "name", &name, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    t.dtype = type_of(code);
    elements = mli_weight_elements(&t);
    if (t.dtype == MLI_WEIGHT_NONE) {
        return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)at,
                           "ggml: field type of the tensor at byte %zu is %u", at, code);
    }
    if (elements == 0 || !mli_weight_dtype_bytes(t.dtype, elements, &t.bytes)) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at,
                           "ggml: dimensions of the tensor at byte %zu are not allowed", at);
    }
    at = c->offset;
    status = mli_cursor_take(c, t.bytes, "tensor data", &t.data, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    return mli_tensors_add(&w->tensors, &t, (const char *)name, name_bytes, at, err);
}

modellab_status mli_ggml_read(mli_whisper_weights *weights, const void *file, size_t bytes,
                              modellab_error *err)
{
    mli_cursor c = {file, bytes, 0, "ggml"};
    modellab_status status = read_hparams(&c, &weights->hparams, err);
    if (status == MODELLAB_OK) {
        status = read_filters(&c, weights, err);
    }
    if (status == MODELLAB_OK) {
        status = read_words(&c, weights, err);
    }
    while (status == MODELLAB_OK && c.offset < c.size) {
        status = read_tensor(&c, weights, err);
    }
    return status;
}
