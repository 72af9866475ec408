/* config.json beside the weights: architecture, head counts, alignment heads (Hugging Face's and
 * CTranslate2's forms). */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "models/whisper_formats.h"

#include <string.h>

MODELLAB_MUST_CHECK static modellab_status read_count(const mli_json *root, const char *key,
                                                      int32_t *value, modellab_error *err)
{
    const mli_json *item = mli_json_get(root, key);
    if (item == NULL) {
        return MODELLAB_OK;
    }
    int64_t given = mli_json_int(item, -1);
    if (given < 1 || given > 1048576 || (*value != 0 && *value != given)) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "config: field %s is not valid or disagrees with the weights", key);
    }
    *value = (int32_t)given;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_heads(mli_whisper_weights *w, const mli_json *list,
                                                      modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (mli_json_typeof(list) == MLI_JSON_NULL || count == 0) {
        return MODELLAB_OK;
    }
    if (mli_json_typeof(list) != MLI_JSON_ARRAY || count > MLI_WHISPER_MAX_HEADS) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "config: field alignment_heads is not a list of pairs");
    }
    w->heads = mli_alloc_array(w->alloc, count, sizeof *w->heads);
    if (w->heads == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const mli_json *pair = mli_json_at(list, i);
        int64_t layer = mli_json_int(mli_json_at(pair, 0), -1);
        int64_t head = mli_json_int(mli_json_at(pair, 1), -1);
        if (mli_json_count(pair) != 2 || layer < 0 || layer > 255 || head < 0 || head > 1023) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                            "config: field alignment_heads has a bad pair at %zu", i);
        }
        w->heads[w->head_count++] = (mli_head){(int32_t)layer, (int32_t)head};
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_fields(mli_whisper_weights *w, const mli_json *root,
                                                       modellab_error *err)
{
    mli_whisper_hparams *h = &w->hparams;
    if (mli_json_typeof(root) != MLI_JSON_OBJECT) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "config: not an object");
    }
    if (strcmp(mli_json_string(mli_json_get(root, "model_type"), "whisper"), "whisper") != 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "config: field model_type is not whisper");
    }
    if (strcmp(mli_json_string(mli_json_get(root, "activation_function"), "gelu"), "gelu") != 0) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "config: field activation_function is not gelu");
    }
    modellab_status status = read_count(root, "encoder_attention_heads", &h->n_audio_head, err);
    if (status == MODELLAB_OK) {
        status = read_count(root, "decoder_attention_heads", &h->n_text_head, err);
    }
    if (status == MODELLAB_OK) {
        status = read_count(root, "max_source_positions", &h->n_audio_ctx, err);
    }
    const mli_json *heads = mli_json_get(root, "alignment_heads");
    if (status == MODELLAB_OK && heads != NULL) {
        status = read_heads(w, heads, err);
    }
    return status;
}

modellab_status mli_whisper_config(mli_whisper_weights *weights, const char *config, size_t bytes,
                                   modellab_error *err)
{
    mli_json *root = NULL;
    if (config == NULL || bytes == 0) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_json_parse(config, bytes, MLI_JSON_MAX_BYTES, &root, err);
    if (status == MODELLAB_E_NO_MEMORY) {
        return status;
    }
    if (status != MODELLAB_OK) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "config: not valid JSON");
    }
    status = read_fields(weights, root, err);
    mli_json_free(root);
    return status;
}
