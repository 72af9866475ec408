/* Canonical JSON text of a parsed value: sorted keys, no spaces, shortest numbers. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_text.h"
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static void dump_value(const mli_json *value, mli_buf *out);

static void dump_object(const mli_json *object, mli_buf *out)
{
    size_t count = mli_json_count(object), used = 0;
    const char **keys = mli_alloc_array(out->alloc, count, sizeof *keys);
    if (keys == NULL) {
        if (out->status == MODELLAB_OK)
            out->status = MODELLAB_E_NO_MEMORY;
        return;
    }
    const mli_json *value;
    mli_json_cursor c = mli_json_first(object);
    while (used < count && mli_json_next(&c, &keys[used], &value))
        used++;
    qsort(keys, used, sizeof *keys, by_text);
    mli_buf_append_char(out, '{');
    for (size_t i = 0; i < used; i++) {
        if (i > 0)
            mli_buf_append_char(out, ',');
        mli_json_put_string(out, keys[i], strlen(keys[i]));
        mli_buf_append_char(out, ':');
        dump_value(mli_json_get(object, keys[i]), out);
    }
    mli_buf_append_char(out, '}');
    mli_free(out->alloc, keys);
}

/* Recursion is bounded: no parsed document nests deeper than 64 levels. */
static void dump_value(const mli_json *value, mli_buf *out)
{
    switch (mli_json_typeof(value)) {
    case MLI_JSON_OBJECT:
        dump_object(value, out);
        break;
    case MLI_JSON_ARRAY:
        mli_buf_append_char(out, '[');
        for (size_t i = 0; i < mli_json_count(value); i++) {
            if (i > 0)
                mli_buf_append_char(out, ',');
            dump_value(mli_json_at(value, i), out);
        }
        mli_buf_append_char(out, ']');
        break;
    case MLI_JSON_STRING:
        mli_json_put_string(out, mli_json_string(value, ""), mli_json_string_bytes(value));
        break;
    case MLI_JSON_INTEGER:
        mli_json_put_int(out, mli_json_int(value, 0));
        break;
    case MLI_JSON_REAL:
        mli_json_put_real(out, mli_json_number(value, 0));
        break;
    case MLI_JSON_BOOL:
        mli_buf_append_text(out, mli_json_bool(value, false) ? "true" : "false");
        break;
    case MLI_JSON_NULL:
        mli_buf_append_text(out, "null");
        break;
    }
}

modellab_status mli_json_dump(const mli_json *value, mli_buf *out, modellab_error *err)
{
    dump_value(value, out);
    return mli_buf_status(out, err);
}
