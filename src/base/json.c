/* Strict JSON reading on jansson, which parses what passed the size and depth caps here. */
#include "base/json.h"
#include "base/error.h"
#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 64

/* Deepest nesting of brackets outside strings; text that is no JSON may give any number. */
static int nesting(const char *text, size_t bytes, size_t *where)
{
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest) {
                deepest = depth;
                *where = i;
            }
            if (depth > DEPTH_MAX)
                return depth;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return deepest;
}

/* jansson's own words quote the text around the fault, which may be a secret: only the kind is
 * told. */
static const char *problem_of(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows the end";
    case json_error_invalid_utf8:
        return "not valid UTF-8";
    case json_error_duplicate_key:
        return "a key appears twice";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a zero byte";
    default:
        return "a syntax error";
    }
}

modellab_status mli_json_parse(const char *text, size_t bytes, size_t max_bytes, mli_json **out,
                               modellab_error *err)
{
    json_error_t problem;
    size_t where = 0;
    *out = NULL;
    if (bytes > max_bytes)
        return mli_fail(err, MODELLAB_E_LIMIT, "the JSON text has %zu bytes, at most %zu are read",
                        bytes, max_bytes);
    if (nesting(text, bytes, &where) > DEPTH_MAX)
        return mli_fail_at(err, MODELLAB_E_INVALID_JSON, (int64_t)where,
                           "the JSON text nests deeper than %d levels", DEPTH_MAX);
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return mli_no_memory(err);
    if (root == NULL)
        return mli_fail_at(err, MODELLAB_E_INVALID_JSON, problem.position,
                           "the JSON text is not valid: %s (line %d, column %d)",
                           problem_of(&problem), problem.line, problem.column);
    *out = root;
    return MODELLAB_OK;
}

void mli_json_free(mli_json *root)
{
    json_decref(root);
}

mli_json_type mli_json_typeof(const mli_json *value)
{
    if (value == NULL)
        return MLI_JSON_NULL;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return MLI_JSON_OBJECT;
    case JSON_ARRAY:
        return MLI_JSON_ARRAY;
    case JSON_STRING:
        return MLI_JSON_STRING;
    case JSON_INTEGER:
        return MLI_JSON_INTEGER;
    case JSON_REAL:
        return MLI_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return MLI_JSON_BOOL;
    default:
        return MLI_JSON_NULL;
    }
}

const mli_json *mli_json_get(const mli_json *object, const char *key)
{
    return json_object_get(object, key);
}

size_t mli_json_count(const mli_json *array_or_object)
{
    return json_is_array(array_or_object) ? json_array_size(array_or_object)
                                          : json_object_size(array_or_object);
}

const mli_json *mli_json_at(const mli_json *array, size_t index)
{
    return json_array_get(array, index);
}

/* jansson's iterators take non-const objects but change nothing. */
static json_t *mutable_of(const mli_json *value)
{
    return (json_t *)(uintptr_t)value;
}

mli_json_cursor mli_json_first(const mli_json *object)
{
    return (mli_json_cursor){object, json_object_iter(mutable_of(object))};
}

bool mli_json_next(mli_json_cursor *cursor, const char **key, const mli_json **value)
{
    if (cursor->at == NULL)
        return false;
    *key = json_object_iter_key(cursor->at);
    *value = json_object_iter_value(cursor->at);
    cursor->at = json_object_iter_next(mutable_of(cursor->object), cursor->at);
    return true;
}

bool mli_json_member(const mli_json *object, size_t index, const char **key, const mli_json **value)
{
    if (index >= json_object_size(object))
        return false;
    mli_json_cursor cursor = mli_json_first(object);
    for (;;) {
        if (!mli_json_next(&cursor, key, value))
            return false;
        if (index-- == 0)
            return true;
    }
}

const char *mli_json_string(const mli_json *value, const char *fallback)
{
    return json_is_string(value) ? json_string_value(value) : fallback;
}

size_t mli_json_string_bytes(const mli_json *value)
{
    return json_string_length(value);
}

int64_t mli_json_int(const mli_json *value, int64_t fallback)
{
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

double mli_json_number(const mli_json *value, double fallback)
{
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool mli_json_bool(const mli_json *value, bool fallback)
{
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

bool mli_json_equal(const mli_json *a, const mli_json *b)
{
    return json_equal(a, b) != 0;
}
