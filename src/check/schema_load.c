/* Loading a schema: every keyword must be one that is checked or carried, with a value of its kind.
 * What passes here, schema_check.c can follow without looking again. */
#include "check/schema_private.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

typedef enum keyword_kind {
    KEY_CARRIED,
    KEY_TYPE,
    KEY_ARRAY,
    KEY_SCHEMAS,
    KEY_SCHEMA,
    KEY_SCHEMA_OR_FALSE,
    KEY_SCHEMA_LIST,
    KEY_STRINGS,
    KEY_COUNT,
    KEY_NUMBER,
    KEY_BOOL,
    KEY_ANY,
    KEY_REF
} keyword_kind;

static const struct {
    const char *name;
    keyword_kind kind;
} keywords[] = {
    {"$schema", KEY_CARRIED},
    {"$id", KEY_CARRIED},
    {"title", KEY_CARRIED},
    {"description", KEY_CARRIED},
    {"default", KEY_CARRIED},
    {"examples", KEY_CARRIED},
    {"deprecated", KEY_CARRIED},
    {"$defs", KEY_SCHEMAS},
    {"type", KEY_TYPE},
    {"enum", KEY_ARRAY},
    {"const", KEY_ANY},
    {"properties", KEY_SCHEMAS},
    {"required", KEY_STRINGS},
    {"additionalProperties", KEY_SCHEMA_OR_FALSE},
    {"items", KEY_SCHEMA},
    {"minItems", KEY_COUNT},
    {"maxItems", KEY_COUNT},
    {"uniqueItems", KEY_BOOL},
    {"minLength", KEY_COUNT},
    {"maxLength", KEY_COUNT},
    {"minimum", KEY_NUMBER},
    {"maximum", KEY_NUMBER},
    {"exclusiveMinimum", KEY_NUMBER},
    {"exclusiveMaximum", KEY_NUMBER},
    {"anyOf", KEY_SCHEMA_LIST},
    {"oneOf", KEY_SCHEMA_LIST},
    {"$ref", KEY_REF},
};

MODELLAB_MUST_CHECK static modellab_status load_schema(const mli_json *root, const mli_json *schema,
                                                       int depth, modellab_error *err);

MODELLAB_MUST_CHECK static modellab_status bad_value(const char *key, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_SCHEMA, "schema: the value of '%s' is not of its kind", key);
}

static bool is_type_name(const char *name)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};

    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool good_type(const mli_json *value)
{
    if (mli_json_typeof(value) != MLI_JSON_ARRAY) {
        return is_type_name(mli_json_string(value, NULL));
    }
    for (size_t i = 0; i < mli_json_count(value); i++) {
        if (!is_type_name(mli_json_string(mli_json_at(value, i), NULL))) {
            return false;
        }
    }
    return mli_json_count(value) > 0;
}

static bool all_strings(const mli_json *value)
{
    for (size_t i = 0; i < mli_json_count(value); i++) {
        if (mli_json_typeof(mli_json_at(value, i)) != MLI_JSON_STRING) {
            return false;
        }
    }
    return mli_json_typeof(value) == MLI_JSON_ARRAY;
}

MODELLAB_MUST_CHECK static modellab_status load_members(const mli_json *root,
                                                        const mli_json *members, int depth,
                                                        const char *key, modellab_error *err)
{
    mli_json_cursor cursor = mli_json_first(members);
    const mli_json *schema = NULL;
    const char *name = NULL;

    if (mli_json_typeof(members) != MLI_JSON_OBJECT) {
        return bad_value(key, err);
    }
    while (mli_json_next(&cursor, &name, &schema)) {
        modellab_status status = load_schema(root, schema, depth + 1, err);

        if (status != MODELLAB_OK) {
            return status;
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status load_list(const mli_json *root, const mli_json *list,
                                                     int depth, const char *key,
                                                     modellab_error *err)
{
    if (mli_json_typeof(list) != MLI_JSON_ARRAY || mli_json_count(list) == 0) {
        return bad_value(key, err);
    }
    for (size_t i = 0; i < mli_json_count(list); i++) {
        modellab_status status = load_schema(root, mli_json_at(list, i), depth + 1, err);

        if (status != MODELLAB_OK) {
            return status;
        }
    }
    return MODELLAB_OK;
}

static bool good_scalar(keyword_kind kind, const mli_json *value)
{
    mli_json_type type = mli_json_typeof(value);

    switch (kind) {
    case KEY_TYPE:
        return good_type(value);
    case KEY_ARRAY:
        return type == MLI_JSON_ARRAY && mli_json_count(value) > 0;
    case KEY_STRINGS:
        return all_strings(value);
    case KEY_COUNT:
        return type == MLI_JSON_INTEGER && mli_json_int(value, -1) >= 0;
    case KEY_NUMBER:
        return type == MLI_JSON_INTEGER || type == MLI_JSON_REAL;
    case KEY_BOOL:
        return type == MLI_JSON_BOOL;
    default:
        return true;
    }
}

MODELLAB_MUST_CHECK static modellab_status load_keyword(const mli_json *root, const char *key,
                                                        const mli_json *value, keyword_kind kind,
                                                        int depth, modellab_error *err)
{
    switch (kind) {
    case KEY_SCHEMAS:
        return load_members(root, value, depth, key, err);
    case KEY_SCHEMA:
        return load_schema(root, value, depth + 1, err);
    case KEY_SCHEMA_OR_FALSE:
        if (mli_json_typeof(value) == MLI_JSON_BOOL && !mli_json_bool(value, true)) {
            return MODELLAB_OK;
        }
        return load_schema(root, value, depth + 1, err);
    case KEY_SCHEMA_LIST:
        return load_list(root, value, depth, key, err);
    case KEY_REF:
        if (mli_schema_resolve(root, value) == NULL) {
            return mli_fail(err, MODELLAB_E_SCHEMA, "schema: a $ref leads nowhere");
        }
        return MODELLAB_OK;
    default:
        return good_scalar(kind, value) ? MODELLAB_OK : bad_value(key, err);
    }
}

MODELLAB_MUST_CHECK static modellab_status load_schema(const mli_json *root, const mli_json *schema,
                                                       int depth, modellab_error *err)
{
    mli_json_cursor cursor = mli_json_first(schema);
    const mli_json *value = NULL;
    const char *key = NULL;

    if (mli_json_typeof(schema) != MLI_JSON_OBJECT || depth > MLI_SCHEMA_MAX_DEPTH) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "schema: an object is expected at depth %d", depth);
    }
    while (mli_json_next(&cursor, &key, &value)) {
        modellab_status status = MODELLAB_E_UNSUPPORTED;

        for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
            if (strcmp(keywords[i].name, key) == 0) {
                status = load_keyword(root, key, value, keywords[i].kind, depth, err);
                if (status != MODELLAB_OK) {
                    return status;
                }
            }
        }
        if (status == MODELLAB_E_UNSUPPORTED) {
            return mli_fail(err, status, "schema: the keyword '%.64s' is not checked here", key);
        }
    }
    return MODELLAB_OK;
}

const mli_json *mli_schema_resolve(const mli_json *root, const mli_json *ref)
{
    static const char prefix[] = "#/$defs/";
    const char *text = mli_json_string(ref, "");

    if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
        return NULL;
    }
    return mli_json_get(mli_json_get(root, "$defs"), text + sizeof prefix - 1);
}

modellab_status mli_schema_load(const char *json, size_t bytes, const modellab_allocator *alloc,
                                mli_schema **out, modellab_error *err)
{
    mli_schema *schema = mli_alloc_zero(alloc, sizeof *schema);
    modellab_status status;

    *out = NULL;
    if (schema == NULL) {
        return mli_no_memory(err);
    }
    if (alloc != NULL) {
        schema->alloc = *alloc;
    }
    status = mli_json_parse(json, bytes, MLI_JSON_MAX_BYTES, &schema->root, err);
    if (status == MODELLAB_OK) {
        status = load_schema(schema->root, schema->root, 0, err);
    }
    if (status != MODELLAB_OK) {
        mli_schema_free(schema);
        return status;
    }
    *out = schema;
    return MODELLAB_OK;
}

void mli_schema_free(mli_schema *schema)
{
    if (schema != NULL) {
        modellab_allocator alloc = schema->alloc;

        mli_json_free(schema->root);
        mli_free(alloc.alloc == NULL ? NULL : &alloc, schema);
    }
}
