/* Options of steps for the record: short values as they are, long ones ({"bytes", "sha256"}) told
 * by what identifies them, so that a large text is not stored twice. */
#include "lab/request_value.h"

#include "base/hash.h"
#include "lab/request_private.h"

/* A text of more than this is told by its size and sha256. */
#define VALUE_BYTES 1024

modellab_status mli_request_put_value(mli_jw *w, const char *key, const mli_json *value,
                                      mli_buf *scratch)
{
    char digits[65];
    mli_sha256 hash;
    modellab_status status;

    mli_buf_clear(scratch);
    status = mli_json_dump(value, scratch, NULL);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw_key(w, key);
    if (scratch->size <= VALUE_BYTES) {
        mli_jw_raw(w, mli_buf_text(scratch), scratch->size);
        return MODELLAB_OK;
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, scratch->data, scratch->size);
    mli_sha256_hex(&hash, digits);
    mli_jw_object(w);
    mli_jw_kint(w, "bytes", (int64_t)scratch->size);
    mli_jw_kstring(w, "sha256", digits);
    mli_jw_end_object(w);
    return MODELLAB_OK;
}

static void put(mli_jw *w, const char *key, const mli_json *value, mli_buf *scratch)
{
    modellab_status status = mli_request_put_value(w, key, value, scratch);

    if (status != MODELLAB_OK) {
        w->out->status = status;
    }
}

static void put_config(mli_jw *w, const mli_json *config, mli_buf *scratch)
{
    const mli_json *options, *value;
    const char *step, *option;

    mli_jw_object(w);
    for (mli_json_cursor at = mli_json_first(config); mli_json_next(&at, &step, &options);) {
        if (mli_json_typeof(options) != MLI_JSON_OBJECT) {
            put(w, step, options, scratch);
            continue;
        }
        mli_jw_key(w, step);
        mli_jw_object(w);
        for (mli_json_cursor in = mli_json_first(options); mli_json_next(&in, &option, &value);) {
            put(w, option, value, scratch);
        }
        mli_jw_end_object(w);
    }
    mli_jw_end_object(w);
}

void mli_request_put_record(mli_jw *w, const char *key, const mli_json *config)
{
    mli_json *record = NULL;
    mli_buf text, scratch;
    mli_jw own;

    mli_buf_init(&text, w->out->alloc);
    mli_buf_init(&scratch, w->out->alloc);
    mli_jw_init(&own, &text);
    put_config(&own, config, &scratch);
    modellab_status status = mli_buf_status(&text, NULL);
    if (status == MODELLAB_OK) { /* its members in the canonical order */
        status = mli_json_parse(text.data, text.size, 2 * MLI_REQUEST_MAX_BYTES, &record, NULL);
    }
    if (status == MODELLAB_OK) {
        mli_jw_kjson(w, key, record);
    } else {
        w->out->status = status;
    }
    mli_json_free(record);
    mli_buf_dispose(&scratch);
    mli_buf_dispose(&text);
}
