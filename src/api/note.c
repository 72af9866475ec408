/* modellab_note: small JSON beside runs. */
#include "api/buffer.h"
#include "base/error.h"
#include "lab/notes.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status check(modellab_lab *lab, const char *run_id,
                                                 const char *name, bool writes, modellab_error *err)
{
    return run_id == NULL || name == NULL
               ? mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id and name must not be NULL")
               : mli_lab_check(lab, writes, err);
}

modellab_status modellab_note_put(modellab_lab *lab, const char *run_id, const char *name,
                                  const char *json, size_t bytes, modellab_error *err)
{
    modellab_status status = check(lab, run_id, name, true, err);

    if (status == MODELLAB_OK && json == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "json must not be NULL");
    }
    return status == MODELLAB_OK
               ? mli_note_put(lab, run_id, name, json, bytes == 0 ? strlen(json) : bytes, err)
               : status;
}

modellab_status modellab_note_load(modellab_lab *lab, const char *run_id, const char *name,
                                   modellab_buffer **out, int64_t *updated_ms, modellab_error *err)
{
    int64_t ignored;
    mli_buf text;
    modellab_status status;

    updated_ms = updated_ms == NULL ? &ignored : updated_ms;
    *updated_ms = -1;
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    status = check(lab, run_id, name, false, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_note_load(lab, run_id, name, &text, updated_ms, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}

modellab_status modellab_note_remove(modellab_lab *lab, const char *run_id, const char *name,
                                     modellab_error *err)
{
    modellab_status status = check(lab, run_id, name, true, err);

    return status == MODELLAB_OK ? mli_note_remove(lab, run_id, name, err) : status;
}

modellab_status modellab_note_list(modellab_lab *lab, const char *run_id, modellab_buffer **out,
                                   modellab_error *err)
{
    mli_buf text;
    modellab_status status;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    status = check(lab, run_id, "", false, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_note_list_json(lab, run_id, &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}
