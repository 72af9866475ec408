/* The configuration beside a Piper voice (.onnx.json). */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "models/piper.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_SYMBOLS = 4096, MAX_IDS = 16384, MAX_SYMBOL_IDS = 8 };

static void copy_text(char *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    n = n < size ? n : size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const mli_piper_symbol *)a)->text, ((const mli_piper_symbol *)b)->text);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "configuration of the voice: %s", what);
}

/* One entry of phoneme_id_map: a symbol and its ids. */
MODELLAB_MUST_CHECK static modellab_status add_symbol(mli_piper_config *c, const char *key,
                                                      const mli_json *list, modellab_error *err)
{
    mli_piper_symbol *s = &c->symbols[c->symbol_count];
    size_t n = strlen(key), count = mli_json_count(list);
    if (n == 0 || n >= sizeof s->text) {
        return MODELLAB_OK; /* no single code point: nothing that IPA could ask for */
    }
    if (mli_json_typeof(list) != MLI_JSON_ARRAY || count > MAX_IDS - c->id_count) {
        return bad("phoneme_id_map holds something else than lists of ids", err);
    }
    if (count > MAX_SYMBOL_IDS) { /* a short text would become a very long one */
        return bad("phoneme_id_map gives a symbol too many ids", err);
    }
    copy_text(s->text, sizeof s->text, key);
    s->first = (uint32_t)c->id_count;
    s->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        int64_t id = mli_json_int(mli_json_at(list, i), -1);
        if (id < 0 || id > 65535) {
            return bad("phoneme_id_map holds an id that is none", err);
        }
        c->ids[c->id_count++] = (int32_t)id;
    }
    c->symbol_count++;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_map(mli_piper_config *c, const mli_json *map,
                                                    modellab_error *err)
{
    size_t count = mli_json_count(map);
    const char *key;
    const mli_json *value;
    modellab_status status = MODELLAB_OK;
    if (mli_json_typeof(map) != MLI_JSON_OBJECT || count == 0 || count > MAX_SYMBOLS) {
        return bad("phoneme_id_map is missing", err);
    }
    c->symbols = mli_alloc_array(c->alloc, count, sizeof *c->symbols);
    c->ids = mli_alloc_array(c->alloc, MAX_IDS, sizeof *c->ids);
    if (c->symbols == NULL || c->ids == NULL) {
        return mli_no_memory(err);
    }
    mli_json_cursor at = mli_json_first(map);
    while (status == MODELLAB_OK && mli_json_next(&at, &key, &value)) {
        status = add_symbol(c, key, value, err);
    }
    if (status == MODELLAB_OK) {
        qsort(c->symbols, c->symbol_count, sizeof *c->symbols, by_text);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_all(mli_piper_config *c, const mli_json *root,
                                                    modellab_error *err)
{
    const mli_json *inference = mli_json_get(root, "inference");
    int64_t rate = mli_json_int(mli_json_get(mli_json_get(root, "audio"), "sample_rate"), 0);
    int64_t speakers = mli_json_int(mli_json_get(root, "num_speakers"), 1);
    c->noise = mli_json_number(mli_json_get(inference, "noise_scale"), 0.667);
    c->length = mli_json_number(mli_json_get(inference, "length_scale"), 1.0);
    c->noise_w = mli_json_number(mli_json_get(inference, "noise_w"), 0.8);
    if (rate < 4000 || rate > 192000) {
        return bad("audio.sample_rate is missing or out of range", err);
    }
    if (speakers < 1 || speakers > 65536) {
        return bad("num_speakers is out of range", err);
    }
    if (!(c->noise >= 0.0 && c->noise <= 10.0) || !(c->noise_w >= 0.0 && c->noise_w <= 10.0) ||
        !(c->length > 0.0 && c->length <= 100.0)) {
        return bad("inference holds numbers out of range", err);
    }
    c->sample_rate = (int32_t)rate;
    c->speakers = (int32_t)speakers;
    copy_text(c->voice, sizeof c->voice,
              mli_json_string(mli_json_get(mli_json_get(root, "espeak"), "voice"), ""));
    copy_text(c->phoneme_type, sizeof c->phoneme_type,
              mli_json_string(mli_json_get(root, "phoneme_type"), "espeak"));
    const char *family =
        mli_json_string(mli_json_get(mli_json_get(root, "language"), "family"), NULL);
    copy_text(c->language, sizeof c->language, family != NULL ? family : c->voice);
    if (family == NULL) {
        c->language[strcspn(c->language, "-")] = '\0';
    }
    return read_map(c, mli_json_get(root, "phoneme_id_map"), err);
}

modellab_status mli_piper_config_read(mli_piper_config *out, const modellab_allocator *alloc,
                                      const char *text, size_t bytes, modellab_error *err)
{
    mli_json *root = NULL;
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    modellab_status status = mli_json_parse(text, bytes, MLI_JSON_MAX_BYTES, &root, err);
    if (status == MODELLAB_E_INVALID_ARGUMENT) {
        status = bad("it is no JSON", err);
    }
    if (status == MODELLAB_OK) {
        status = read_all(out, root, err);
    }
    mli_json_free(root);
    if (status != MODELLAB_OK) {
        mli_piper_config_dispose(out);
    }
    return status;
}

void mli_piper_config_dispose(mli_piper_config *config)
{
    mli_free(config->alloc, config->symbols);
    mli_free(config->alloc, config->ids);
    memset(config, 0, sizeof *config);
}

const mli_piper_symbol *mli_piper_find(const mli_piper_config *config, const char *text,
                                       size_t bytes)
{
    mli_piper_symbol key = {.count = 0};
    if (bytes == 0 || bytes >= sizeof key.text) {
        return NULL;
    }
    memcpy(key.text, text, bytes);
    return bsearch(&key, config->symbols, config->symbol_count, sizeof key, by_text);
}
