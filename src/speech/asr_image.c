/* Writing and reading Whisper images. What is read back is checked like any foreign file. */
#include "speech/asr_image.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "speech/whisper_pack.h"
#include <string.h>

/* Section types of our own (see models/image.h). */
enum { PACKED_F32 = 257, PACKED_F16 = 258, MEL_BINS = 201 };

static uint32_t type_of(bool packed, bool half)
{
    if (!packed)
        return MLI_WEIGHT_F32;
    return half ? PACKED_F16 : PACKED_F32;
}

MODELLAB_MUST_CHECK static modellab_status read_rows(void *user, const char *name, size_t first,
                                                     size_t rows, bool half, void *out,
                                                     modellab_error *err)
{
    const mli_whisper_weights *weights = user;
    if (strcmp(name, "encoder.positional_embedding") == 0 && !half)
        return mli_whisper_positions(weights, out, err);
    const mli_weight *tensor = NULL;
    modellab_status status = mli_tensors_need(&weights->tensors, name, -1, NULL, &tensor, err);
    if (status != MODELLAB_OK)
        return status;
    if (tensor->rank < 2) {
        /* A vector is one row of the tensor. */
        if (first != 0 || mli_weight_elements(tensor) != rows)
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s has another size", name);
        rows = 1;
    }
    return half ? mli_weight_read_f16(tensor, first, rows, out, err)
                : mli_weight_read_f32(tensor, first, rows, out, err);
}

mli_whisper_reader mli_asr_reader(const mli_whisper_weights *weights)
{
    return (mli_whisper_reader){(void *)(uintptr_t)weights, read_rows};
}

MODELLAB_MUST_CHECK static modellab_status find_section(void *user, const char *name, bool packed,
                                                        bool half, size_t bytes, const void **data,
                                                        modellab_error *err)
{
    return mli_image_need(user, name, type_of(packed, half), bytes, data, err);
}

mli_whisper_store mli_asr_store(const mli_image *image)
{
    return (mli_whisper_store){(void *)(uintptr_t)image, find_section};
}

MODELLAB_MUST_CHECK static modellab_status begin(void *user, const char *name, bool packed,
                                                 bool half, size_t rows, size_t cols,
                                                 modellab_error *err)
{
    const uint64_t dims[4] = {rows, cols, 0, 0};
    return mli_image_writer_begin(user, name, type_of(packed, half), 2, dims, err);
}

MODELLAB_MUST_CHECK static modellab_status append(void *user, const void *data, size_t bytes,
                                                  modellab_error *err)
{
    return mli_image_writer_append(user, data, bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status end(void *user, modellab_error *err)
{
    return mli_image_writer_end(user, err);
}

MODELLAB_MUST_CHECK static modellab_status write_bytes(mli_image_writer *writer, const char *name,
                                                       const void *data, size_t bytes,
                                                       modellab_error *err)
{
    const uint64_t dims[4] = {bytes, 0, 0, 0};
    if (data == NULL || bytes == 0)
        return MODELLAB_OK;
    return mli_image_writer_section(writer, name, MLI_WEIGHT_U8, 1, dims, data, bytes, err);
}

/* The vocabulary in the tokenizer's own form, which loads fast. */
MODELLAB_MUST_CHECK static modellab_status write_vocabulary(const modellab_allocator *alloc,
                                                            const mli_asr_extras *extras,
                                                            mli_image_writer *writer,
                                                            modellab_error *err)
{
    mli_whisper_tokenizer *tokenizer = NULL;
    mli_buf packed;
    mli_buf_init(&packed, alloc);
    modellab_status status =
        mli_whisper_tokenizer_create(&tokenizer, alloc, &extras->vocabulary, err);
    if (status == MODELLAB_OK) {
        mli_whisper_tokenizer_pack(tokenizer, &packed);
        status = mli_buf_status(&packed, err);
    }
    if (status == MODELLAB_OK)
        status = write_bytes(writer, "vocabulary", packed.data, packed.size, err);
    mli_buf_dispose(&packed);
    mli_whisper_tokenizer_destroy(tokenizer);
    return status;
}

static void write_metadata(const mli_asr_extras *extras, mli_buf *out)
{
    const mli_whisper_dims *d = &extras->dims;
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "kind", "whisper");
    mli_jw_kbool(&w, "multilingual", extras->multilingual);
    mli_jw_kint(&w, "vocab", (int64_t)d->vocab);
    mli_jw_kint(&w, "mels", (int64_t)d->mels);
    mli_jw_kint(&w, "audio_ctx", (int64_t)d->audio_ctx);
    mli_jw_kint(&w, "audio_state", (int64_t)d->audio_state);
    mli_jw_kint(&w, "audio_heads", (int64_t)d->audio_heads);
    mli_jw_kint(&w, "audio_layers", (int64_t)d->audio_layers);
    mli_jw_kint(&w, "text_ctx", (int64_t)d->text_ctx);
    mli_jw_kint(&w, "text_state", (int64_t)d->text_state);
    mli_jw_kint(&w, "text_heads", (int64_t)d->text_heads);
    mli_jw_kint(&w, "text_layers", (int64_t)d->text_layers);
    mli_jw_key(&w, "alignment_heads");
    mli_jw_array(&w);
    for (size_t i = 0; i < extras->head_count; i++) {
        mli_jw_array(&w);
        mli_jw_int(&w, extras->heads[i].layer);
        mli_jw_int(&w, extras->heads[i].head);
        mli_jw_end_array(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
}

modellab_status mli_asr_image_write(const modellab_allocator *alloc,
                                    const mli_whisper_weights *weights,
                                    const mli_asr_extras *extras, bool half,
                                    mli_image_writer *writer, const mli_cancel_word *cancel,
                                    modellab_error *err)
{
    mli_whisper_reader reader = mli_asr_reader(weights);
    mli_whisper_sink sink = {writer, begin, append, end};
    mli_buf metadata;
    mli_buf_init(&metadata, alloc);
    modellab_status status =
        mli_whisper_pack(alloc, &extras->dims, half, &reader, &sink, cancel, err);
    if (status == MODELLAB_OK)
        status = write_vocabulary(alloc, extras, writer, err);
    if (status == MODELLAB_OK)
        status = write_bytes(writer, "mel_filters", extras->mel_filters,
                             extras->dims.mels * MEL_BINS * sizeof(float), err);
    if (status == MODELLAB_OK) {
        write_metadata(extras, &metadata);
        status = mli_buf_status(&metadata, err);
    }
    if (status == MODELLAB_OK)
        status = mli_image_writer_finish(writer, metadata.data, metadata.size, err);
    mli_buf_dispose(&metadata);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status copy_heads(mli_asr_extras *out,
                                                      const modellab_allocator *alloc,
                                                      const mli_head *heads, size_t count,
                                                      modellab_error *err)
{
    out->heads = mli_alloc_array(alloc, count, sizeof *out->heads);
    if (out->heads == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++)
        out->heads[i] = (mli_whisper_head){heads[i].layer, heads[i].head};
    out->head_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status copy_filters(mli_asr_extras *out,
                                                        const modellab_allocator *alloc,
                                                        const unsigned char *data,
                                                        modellab_error *err)
{
    size_t bytes = out->dims.mels * MEL_BINS * sizeof(float);
    out->own_filters = mli_alloc(alloc, bytes);
    if (out->own_filters == NULL)
        return mli_no_memory(err);
    memcpy(out->own_filters, data, bytes);
    out->mel_filters = out->own_filters;
    return MODELLAB_OK;
}

modellab_status mli_asr_extras_from_weights(mli_asr_extras *out, const modellab_allocator *alloc,
                                            const mli_whisper_weights *weights,
                                            const mli_model_files *files, modellab_error *err)
{
    const mli_whisper_hparams *h = &weights->hparams;
    memset(out, 0, sizeof *out);
    out->multilingual = h->multilingual;
    out->dims = (mli_whisper_dims){(size_t)h->n_vocab,      (size_t)h->n_mels,
                                   (size_t)h->n_audio_ctx,  (size_t)h->n_audio_state,
                                   (size_t)h->n_audio_head, (size_t)h->n_audio_layer,
                                   (size_t)h->n_text_ctx,   (size_t)h->n_text_state,
                                   (size_t)h->n_text_head,  (size_t)h->n_text_layer};
    out->vocabulary = (mli_whisper_vocab_source){.tokenizer_json = files->tokenizer,
                                                 .tokenizer_json_bytes = files->tokenizer_bytes,
                                                 .vocabulary = files->vocabulary,
                                                 .vocabulary_bytes = files->vocabulary_bytes,
                                                 .words = weights->words,
                                                 .word_count = weights->word_count,
                                                 .n_vocab = h->n_vocab};
    if (files->tokenizer == NULL && files->vocabulary == NULL && weights->words == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "the model has no tokenizer.json and no vocabulary file");
    modellab_status status = copy_heads(out, alloc, weights->heads, weights->head_count, err);
    if (status == MODELLAB_OK && weights->mel_filters != NULL && weights->mel_bins == MEL_BINS)
        status = copy_filters(out, alloc, weights->mel_filters, err);
    if (status != MODELLAB_OK)
        mli_asr_extras_dispose(out, alloc);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_size(const mli_json *root, const char *key,
                                                     size_t *out, modellab_error *err)
{
    int64_t value = mli_json_int(mli_json_get(root, key), -1);
    if (value < 1 || value > 1000000)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the image's %s is missing or out of range",
                        key);
    *out = (size_t)value;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_heads(mli_asr_extras *out,
                                                      const modellab_allocator *alloc,
                                                      const mli_json *list, modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (count > MLI_WHISPER_MAX_HEADS)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the image has too many alignment heads");
    out->heads = mli_alloc_array(alloc, count, sizeof *out->heads);
    if (out->heads == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const mli_json *pair = mli_json_at(list, i);
        int64_t layer = mli_json_int(mli_json_at(pair, 0), -1);
        int64_t head = mli_json_int(mli_json_at(pair, 1), -1);
        if (layer < 0 || (size_t)layer >= out->dims.text_layers || head < 0 ||
            (size_t)head >= out->dims.text_heads)
            return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)i,
                               "an alignment head of the image does not exist");
        out->heads[i] = (mli_whisper_head){(int32_t)layer, (int32_t)head};
    }
    out->head_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_metadata(mli_asr_extras *out,
                                                         const modellab_allocator *alloc,
                                                         const mli_json *root, modellab_error *err)
{
    static const char *const keys[] = {"vocab",       "mels",         "audio_ctx", "audio_state",
                                       "audio_heads", "audio_layers", "text_ctx",  "text_state",
                                       "text_heads",  "text_layers"};
    mli_whisper_dims *d = &out->dims;
    size_t *const values[] = {&d->vocab,       &d->mels,         &d->audio_ctx, &d->audio_state,
                              &d->audio_heads, &d->audio_layers, &d->text_ctx,  &d->text_state,
                              &d->text_heads,  &d->text_layers};
    if (strcmp(mli_json_string(mli_json_get(root, "kind"), ""), "whisper") != 0)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "the image holds another kind of model");
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof keys / sizeof keys[0]; i++)
        status = read_size(root, keys[i], values[i], err);
    out->multilingual = mli_json_bool(mli_json_get(root, "multilingual"), false);
    if (status == MODELLAB_OK)
        status = read_heads(out, alloc, mli_json_get(root, "alignment_heads"), err);
    return status;
}

static const char *bytes_of(const mli_image *image, const char *name, size_t *bytes)
{
    const mli_image_section *section = mli_image_find(image, name);
    *bytes = 0;
    if (section == NULL || section->type != MLI_WEIGHT_U8)
        return NULL;
    *bytes = (size_t)section->bytes;
    return mli_image_data(image, section);
}

modellab_status mli_asr_extras_from_image(mli_asr_extras *out, const modellab_allocator *alloc,
                                          const mli_image *image, modellab_error *err)
{
    mli_json *root = NULL;
    memset(out, 0, sizeof *out);
    modellab_status status =
        mli_json_parse(image->metadata, image->metadata_bytes, MLI_IMAGE_MAX_METADATA, &root, err);
    if (status == MODELLAB_OK)
        status = read_metadata(out, alloc, root, err);
    mli_json_free(root);
    if (status == MODELLAB_OK) {
        size_t bytes = 0;
        out->vocabulary.packed = bytes_of(image, "vocabulary", &out->vocabulary.packed_bytes);
        out->vocabulary.n_vocab = (int32_t)out->dims.vocab;
        const char *filters = bytes_of(image, "mel_filters", &bytes);
        if (filters != NULL && bytes == out->dims.mels * MEL_BINS * sizeof(float))
            out->mel_filters = (const float *)(const void *)filters;
        if (out->vocabulary.packed == NULL)
            status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "the image has no vocabulary");
    }
    if (status != MODELLAB_OK)
        mli_asr_extras_dispose(out, alloc);
    return status;
}

void mli_asr_extras_dispose(mli_asr_extras *extras, const modellab_allocator *alloc)
{
    mli_free(alloc, extras->heads);
    mli_free(alloc, extras->own_filters);
    memset(extras, 0, sizeof *extras);
}
