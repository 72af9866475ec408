/* JSON: strict reading (jansson beneath: duplicates and depth > 64 refused, size capped before
 * parsing) and a small streaming writer. Only this file's implementation includes jansson.h. */
#ifndef MLI_BASE_JSON_H
#define MLI_BASE_JSON_H

#include "base/buf.h"
#include <stdbool.h>

/* A parsed value (opaque; a jansson json_t). Children are borrowed from the root. */
typedef struct json_t mli_json;

typedef enum mli_json_type {
    MLI_JSON_NULL,
    MLI_JSON_BOOL,
    MLI_JSON_INTEGER,
    MLI_JSON_REAL,
    MLI_JSON_STRING,
    MLI_JSON_ARRAY,
    MLI_JSON_OBJECT
} mli_json_type;

#define MLI_JSON_MAX_BYTES (1024u * 1024u) /* requests, configuration; callers may allow more */

MODELLAB_MUST_CHECK modellab_status mli_json_parse(const char *text, size_t bytes, size_t max_bytes,
                                                   mli_json **out, modellab_error *err);
void mli_json_free(mli_json *root); /* NULL accepted */
mli_json_type mli_json_typeof(const mli_json *value);
/* Object and array access; NULL when absent or of another type. */
const mli_json *mli_json_get(const mli_json *object, const char *key);
size_t mli_json_count(const mli_json *array_or_object);
const mli_json *mli_json_at(const mli_json *array, size_t index);
/* Members of an object in the order of the document. Walks to `index`: for whole objects of outside
 * sizes use the cursor. */
bool mli_json_member(const mli_json *object, size_t index, const char **key,
                     const mli_json **value);
/* The same, each step in constant time: for (c = mli_json_first(o); mli_json_next(&c, &key,
 * &value);) */
typedef struct mli_json_cursor {
    const mli_json *object;
    void *at;
} mli_json_cursor;
mli_json_cursor mli_json_first(const mli_json *object);
bool mli_json_next(mli_json_cursor *cursor, const char **key, const mli_json **value);
/* Typed reads with a default when absent or of another type. Strings are borrowed from the root. */
const char *mli_json_string(const mli_json *value, const char *fallback);
size_t mli_json_string_bytes(const mli_json *value);
int64_t mli_json_int(const mli_json *value, int64_t fallback);
double mli_json_number(const mli_json *value, double fallback); /* integer or real */
bool mli_json_bool(const mli_json *value, bool fallback);
/* Canonical text: sorted keys, no spaces. Equal documents give equal bytes. */
MODELLAB_MUST_CHECK modellab_status mli_json_dump(const mli_json *value, mli_buf *out,
                                                  modellab_error *err);
/* The target after a merge patch (RFC 7396), a new value (mli_json_free). */
MODELLAB_MUST_CHECK modellab_status mli_json_merge_patch(const mli_json *target,
                                                         const mli_json *patch, mli_json **out,
                                                         modellab_error *err);
bool mli_json_equal(const mli_json *a, const mli_json *b);

/* Writer: appends to `out`; commas are its business. Errors end up in out->status. */
typedef struct mli_jw {
    mli_buf *out;
    uint64_t has_item; /* a bit a level: a comma is needed */
    int depth;         /* at most 62 */
    bool after_key;
} mli_jw;

void mli_jw_init(mli_jw *w, mli_buf *out);
void mli_jw_object(mli_jw *w);
void mli_jw_end_object(mli_jw *w);
void mli_jw_array(mli_jw *w);
void mli_jw_end_array(mli_jw *w);
void mli_jw_key(mli_jw *w, const char *key);
/* Bad UTF-8 becomes U+FFFD; controls, U+2028, U+2029 are escaped. NULL text writes null. */
void mli_jw_string(mli_jw *w, const char *text);
void mli_jw_string_n(mli_jw *w, const char *text, size_t bytes);
void mli_jw_int(mli_jw *w, int64_t value);
void mli_jw_real(mli_jw *w, double value); /* NaN and infinities become null */
void mli_jw_bool(mli_jw *w, bool value);
void mli_jw_null(mli_jw *w);
void mli_jw_raw(mli_jw *w, const char *json, size_t bytes); /* already valid JSON */
/* key + value in one call */
void mli_jw_kstring(mli_jw *w, const char *key, const char *text);
void mli_jw_kint(mli_jw *w, const char *key, int64_t value);
void mli_jw_kreal(mli_jw *w, const char *key, double value);
/* Milliseconds since 1970 as a time of UTC; null when negative. */
void mli_jw_kutc(mli_jw *w, const char *key, int64_t ms);
void mli_jw_kbool(mli_jw *w, const char *key, bool value);
/* A parsed value by its canonical text; NULL writes null. */
void mli_jw_json(mli_jw *w, const mli_json *value);
void mli_jw_kjson(mli_jw *w, const char *key, const mli_json *value);

#endif
