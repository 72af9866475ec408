/* The steps that are offered, as JSON: what each needs, uses, makes and can be told. */
#include "lab/pipeline.h"

#include <string.h>

static void put_names(mli_jw *w, const char *key, const char *names)
{
    const char *name;
    size_t bytes;

    mli_jw_key(w, key);
    mli_jw_array(w);
    while (names != NULL && mli_steps_next(&names, &name, &bytes)) {
        mli_jw_string_n(w, name, bytes);
    }
    mli_jw_end_array(w);
}

static void put_step(mli_jw *w, const mli_step_kind *kind)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "name", kind->name);
    mli_jw_kstring(w, "text", kind->text);
    put_names(w, "needs", kind->needs);
    put_names(w, "wants", kind->wants);
    put_names(w, "artifacts", kind->outputs);
    mli_jw_key(w, "models");
    mli_jw_array(w);
    for (size_t i = 0; i < MLI_STEP_MODELS && kind->models[i].task != NULL; i++) {
        mli_jw_string(w, kind->models[i].task);
    }
    mli_jw_end_array(w);
    mli_jw_kbool(w, "may_fail", kind->may_fail);
    mli_jw_kbool(w, "always", kind->always);
    mli_jw_kbool(w, "needs_input", kind->needs_input);
    mli_jw_key(w, "options");
    if (kind->schema != NULL) {
        mli_jw_raw(w, kind->schema, strlen(kind->schema));
    } else {
        mli_jw_null(w);
    }
    mli_jw_end_object(w);
}

modellab_status mli_steps_write(mli_buf *out, modellab_error *err)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_array(&w);
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        const mli_step_kind *kind = mli_step_kind_at(i);

        if (mli_step_kind_is_offered(kind)) {
            put_step(&w, kind);
        }
    }
    mli_jw_end_array(&w);
    return mli_buf_status(out, err);
}
