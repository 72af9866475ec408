/* Checking a document against a loaded schema: one finding a violation, with its JSON pointer.
 * anyOf and oneOf try their branches silently and report once. */
#include "check/schema_private.h"

#include "base/str.h"

#include <math.h>
#include <string.h>

#define MAX_UNIQUE 1000 /* items that are compared with each other: some ms */

typedef struct walk {
    const mli_json *root;
    mli_findings *report; /* NULL: only ask whether it fits */
    mli_buf pointer;
    bool fits;
    int depth;
} walk;

static void check(walk *w, const mli_json *schema, const mli_json *value);

#define FINDING(w, id, ...)                                                                        \
    do {                                                                                           \
        (w)->fits = false;                                                                         \
        if ((w)->report != NULL)                                                                   \
            mli_findings_add((w)->report, MODELLAB_SEVERITY_ERROR, id,                             \
                             mli_buf_text(&(w)->pointer), __VA_ARGS__);                            \
    } while (0)

static const char *type_name(const mli_json *value)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};

    return names[mli_json_typeof(value)];
}

static bool type_fits(const char *wanted, const mli_json *value)
{
    const char *is = type_name(value);

    if (strcmp(wanted, "number") == 0 && strcmp(is, "integer") == 0) {
        return true;
    }
    if (strcmp(wanted, "integer") == 0 && strcmp(is, "number") == 0) { /* 2.0 is an integer there */
        double number = mli_json_number(value, 0.5);

        return number == floor(number) && fabs(number) < 9e15;
    }
    return strcmp(wanted, is) == 0;
}

static void check_type(walk *w, const mli_json *wanted, const mli_json *value)
{
    if (mli_json_typeof(wanted) == MLI_JSON_STRING) {
        if (!type_fits(mli_json_string(wanted, ""), value)) {
            FINDING(w, "schema.type", "must be of type %s, is %s", mli_json_string(wanted, ""),
                    type_name(value));
        }
        return;
    }
    for (size_t i = 0; i < mli_json_count(wanted); i++) {
        if (type_fits(mli_json_string(mli_json_at(wanted, i), ""), value)) {
            return;
        }
    }
    FINDING(w, "schema.type", "is of type %s, which is not among those that are allowed",
            type_name(value));
}

/* The word of `list` nearest to `text`, or NULL when none is near. */
static const char *nearest_word(const mli_json *list, const char *text)
{
    const char *best = NULL;
    size_t best_distance = 3;

    for (size_t i = 0; i < mli_json_count(list); i++) {
        const char *word = mli_json_string(mli_json_at(list, i), NULL);
        size_t distance =
            word == NULL ? best_distance : mli_edit_distance(word, text, best_distance);

        if (distance < best_distance) {
            best = word;
            best_distance = distance;
        }
    }
    return best;
}

static void check_enum(walk *w, const mli_json *list, const mli_json *value)
{
    const char *text = mli_json_string(value, NULL);
    const char *near;

    for (size_t i = 0; i < mli_json_count(list); i++) {
        if (mli_json_equal(mli_json_at(list, i), value)) {
            return;
        }
    }
    near = text == NULL ? NULL : nearest_word(list, text);
    if (near != NULL) {
        FINDING(w, "schema.enum", "'%.64s' is not allowed; did you mean '%s'?", text, near);
    } else {
        FINDING(w, "schema.enum", "is not one of the allowed values");
    }
}

static void check_numbers(walk *w, const mli_json *schema, const mli_json *value)
{
    mli_json_type type = mli_json_typeof(value);
    double number = mli_json_number(value, 0.0);
    const mli_json *limit;

    if (type != MLI_JSON_INTEGER && type != MLI_JSON_REAL) {
        return;
    }
    if ((limit = mli_json_get(schema, "minimum")) != NULL && number < mli_json_number(limit, 0)) {
        FINDING(w, "schema.minimum", "must be at least %g", mli_json_number(limit, 0));
    }
    if ((limit = mli_json_get(schema, "maximum")) != NULL && number > mli_json_number(limit, 0)) {
        FINDING(w, "schema.maximum", "must be at most %g", mli_json_number(limit, 0));
    }
    if ((limit = mli_json_get(schema, "exclusiveMinimum")) != NULL &&
        number <= mli_json_number(limit, 0)) {
        FINDING(w, "schema.minimum", "must be above %g", mli_json_number(limit, 0));
    }
    if ((limit = mli_json_get(schema, "exclusiveMaximum")) != NULL &&
        number >= mli_json_number(limit, 0)) {
        FINDING(w, "schema.maximum", "must be below %g", mli_json_number(limit, 0));
    }
}

static int64_t code_points(const mli_json *text)
{
    const char *data = mli_json_string(text, "");
    size_t bytes = mli_json_string_bytes(text);
    int64_t count = 0;

    for (size_t i = 0; i < bytes; i++) {
        count += ((unsigned char)data[i] & 0xc0) != 0x80;
    }
    return count;
}

static void check_size(walk *w, const mli_json *schema, int64_t size, const char *least,
                       const char *most, const char *what)
{
    const mli_json *limit;

    if ((limit = mli_json_get(schema, least)) != NULL && size < mli_json_int(limit, 0)) {
        FINDING(w, "schema.size", "must have at least %lld %s", (long long)mli_json_int(limit, 0),
                what);
    }
    if ((limit = mli_json_get(schema, most)) != NULL && size > mli_json_int(limit, 0)) {
        FINDING(w, "schema.size", "must have at most %lld %s", (long long)mli_json_int(limit, 0),
                what);
    }
}

/* Goes down into a member or an item, and comes back. */
static void descend(walk *w, const char *token, size_t index, const mli_json *schema,
                    const mli_json *value)
{
    size_t before = w->pointer.size;

    if (token == NULL) {
        mli_buf_printf(&w->pointer, "/%zu", index);
    } else {
        mli_buf_append_char(&w->pointer, '/');
        for (const char *c = token; *c != '\0'; c++) { /* RFC 6901 */
            if (*c == '~' || *c == '/') {
                mli_buf_append_text(&w->pointer, *c == '~' ? "~0" : "~1");
            } else {
                mli_buf_append_char(&w->pointer, *c);
            }
        }
    }
    check(w, schema, value);
    if (w->pointer.size > before) {
        w->pointer.size = before;
        w->pointer.data[before] = '\0';
    }
}

static void check_items(walk *w, const mli_json *schema, const mli_json *value)
{
    const mli_json *items = mli_json_get(schema, "items");
    size_t count = mli_json_count(value);

    check_size(w, schema, (int64_t)count, "minItems", "maxItems", "items");
    for (size_t i = 0; items != NULL && i < count; i++) {
        descend(w, NULL, i, items, mli_json_at(value, i));
    }
    if (mli_json_bool(mli_json_get(schema, "uniqueItems"), false)) {
        if (count > MAX_UNIQUE) {
            FINDING(w, "schema.unique", "has more than %d items, too many to compare", MAX_UNIQUE);
            return;
        }
        for (size_t i = 1; i < count; i++) {
            for (size_t k = 0; k < i; k++) {
                if (mli_json_equal(mli_json_at(value, i), mli_json_at(value, k))) {
                    FINDING(w, "schema.unique", "item %zu is there twice", i);
                }
            }
        }
    }
}

static void unknown_key(walk *w, const mli_json *properties, const char *key)
{
    mli_json_cursor cursor = mli_json_first(properties);
    const mli_json *ignored = NULL;
    const char *name = NULL, *best = NULL;
    size_t best_distance = 4;

    while (properties != NULL && mli_json_next(&cursor, &name, &ignored)) {
        size_t distance = mli_edit_distance(name, key, best_distance);

        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    if (best != NULL) {
        FINDING(w, "schema.unknown_key", "'%.64s' is not known; did you mean '%s'?", key, best);
    } else {
        FINDING(w, "schema.unknown_key", "'%.64s' is not known", key);
    }
}

static void check_members(walk *w, const mli_json *schema, const mli_json *value)
{
    const mli_json *properties = mli_json_get(schema, "properties");
    const mli_json *more = mli_json_get(schema, "additionalProperties");
    const mli_json *required = mli_json_get(schema, "required");
    mli_json_cursor cursor = mli_json_first(value);
    const mli_json *member = NULL;
    const char *key = NULL;

    for (size_t i = 0; i < mli_json_count(required); i++) {
        const char *name = mli_json_string(mli_json_at(required, i), "");

        if (mli_json_get(value, name) == NULL) {
            FINDING(w, "schema.required", "'%s' is missing", name);
        }
    }
    while (mli_json_next(&cursor, &key, &member)) {
        const mli_json *known = mli_json_get(properties, key);

        if (known != NULL) {
            descend(w, key, 0, known, member);
        } else if (more != NULL && mli_json_typeof(more) == MLI_JSON_BOOL) {
            unknown_key(w, properties, key);
        } else if (more != NULL) {
            descend(w, key, 0, more, member);
        }
    }
}

static size_t fitting_branches(walk *w, const mli_json *branches, const mli_json *value)
{
    size_t count = 0;

    for (size_t i = 0; i < mli_json_count(branches); i++) {
        walk quiet = *w;

        quiet.report = NULL;
        quiet.fits = true;
        check(&quiet, mli_json_at(branches, i), value);
        w->pointer = quiet.pointer; /* its memory may have moved */
        count += quiet.fits;
    }
    return count;
}

static void check_branches(walk *w, const mli_json *schema, const mli_json *value)
{
    const mli_json *any = mli_json_get(schema, "anyOf"), *one = mli_json_get(schema, "oneOf");

    if (any != NULL && fitting_branches(w, any, value) == 0) {
        FINDING(w, "schema.any_of", "fits none of the allowed forms");
    }
    if (one != NULL) {
        size_t count = fitting_branches(w, one, value);

        if (count != 1) {
            FINDING(w, "schema.one_of", "fits %zu of the allowed forms instead of one", count);
        }
    }
}

static void check(walk *w, const mli_json *schema, const mli_json *value)
{
    const mli_json *part;
    mli_json_type type = mli_json_typeof(value);
    bool before;

    if (w->depth >= MLI_SCHEMA_MAX_DEPTH) {
        FINDING(w, "schema.depth", "is nested too deeply");
        return;
    }
    w->depth++;
    if ((part = mli_json_get(schema, "$ref")) != NULL) {
        check(w, mli_schema_resolve(w->root, part), value);
    }
    before = w->fits; /* what a $ref found counts as well */
    w->fits = true;
    if ((part = mli_json_get(schema, "type")) != NULL) {
        check_type(w, part, value);
    }
    if (w->fits) { /* of another type, the rest says nothing more */
        if ((part = mli_json_get(schema, "enum")) != NULL) {
            check_enum(w, part, value);
        }
        if ((part = mli_json_get(schema, "const")) != NULL && !mli_json_equal(part, value)) {
            FINDING(w, "schema.const", "is not the one allowed value");
        }
        check_numbers(w, schema, value);
        if (type == MLI_JSON_STRING) {
            check_size(w, schema, code_points(value), "minLength", "maxLength", "characters");
        } else if (type == MLI_JSON_ARRAY) {
            check_items(w, schema, value);
        } else if (type == MLI_JSON_OBJECT) {
            check_members(w, schema, value);
        }
        check_branches(w, schema, value);
    }
    w->fits = w->fits && before;
    w->depth--;
}

void mli_schema_check(const mli_schema *schema, const mli_json *value, mli_findings *report)
{
    walk w = {schema->root, report, {0}, true, 0};

    mli_buf_init(&w.pointer, report->alloc);
    check(&w, schema->root, value);
    if (w.pointer.status != MODELLAB_OK) {
        report->status = w.pointer.status;
    }
    mli_buf_dispose(&w.pointer);
}
