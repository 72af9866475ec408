/* The model that was meant: the nearest name of those that are installed or in the catalog. */
#include "base/str.h"
#include "models/installed.h"
#include <string.h>

#define TYPING_ERRORS 3 /* further away is another name */

typedef struct search {
    const char *typed;
    char *best;
    size_t distance;
} search;

static void look_at(search *s, const char *name)
{
    size_t distance = mli_edit_distance(s->typed, name, TYPING_ERRORS);
    if (distance < s->distance) {
        s->distance = distance;
        (void)mli_str_copy(s->best, MLI_MODEL_NAME_MAX + 1, name);
    }
}

MODELLAB_MUST_CHECK static modellab_status on_installed(void *user, const char *name,
                                                        mli_model_state state, modellab_error *err)
{
    (void)state;
    (void)err;
    look_at(user, name);
    return MODELLAB_OK;
}

modellab_status mli_model_store_suggest(const mli_model_store *store, const mli_catalog *catalog,
                                        const char *name, char out[MLI_MODEL_NAME_MAX + 1],
                                        modellab_error *err)
{
    search s = {.typed = name, .best = out, .distance = TYPING_ERRORS + 1};

    out[0] = '\0';
    if (strlen(name) > MLI_MODEL_NAME_MAX) {
        return MODELLAB_OK;
    }
    const char *listed = mli_catalog_suggest(catalog, name);
    if (listed != NULL) {
        look_at(&s, listed);
        if (s.distance > TYPING_ERRORS) { /* meant by a part of its name */
            s.distance = TYPING_ERRORS;
            (void)mli_str_copy(out, MLI_MODEL_NAME_MAX + 1, listed);
        }
    }
    return mli_model_store_list(store, on_installed, &s, err);
}
