/* Merge patches (RFC 7396): the target with the members of the patch; null takes a member away. */
#include "base/error.h"
#include "base/json.h"
#include <jansson.h>

/* jansson counts references in the values themselves, also of those that are only read. */
static json_t *mutable_of(const mli_json *value)
{
    return (json_t *)(uintptr_t)value;
}

/* A new value; NULL when memory is short. Depth is bounded by that of what was parsed. */
static json_t *merge(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *out = json_is_object(target) ? json_copy(target) : json_object();
    json_object_foreach(patch, key, value)
    {
        if (out == NULL)
            return NULL;
        json_t *merged = NULL;
        if (json_is_null(value)) {
            (void)json_object_del(out, key); /* it may not be there: then there is nothing to do */
            continue;
        }
        merged = merge(json_object_get(out, key), value);
        if (merged == NULL || json_object_set_new(out, key, merged) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

modellab_status mli_json_merge_patch(const mli_json *target, const mli_json *patch, mli_json **out,
                                     modellab_error *err)
{
    *out = merge(mutable_of(target), mutable_of(patch));
    return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}
