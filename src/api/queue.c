/* modellab_run_explain() and what changes a run's place in the queue. */
#include "lab/queue.h"
#include "api/buffer.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/schedule.h"

const char *modellab_wait_name(modellab_wait why)
{
    return mli_wait_name(why);
}

const char *modellab_wait_text(modellab_wait why)
{
    return mli_wait_text(why);
}

MODELLAB_MUST_CHECK static modellab_status check(const modellab_lab *lab, const char *run_id,
                                                 modellab_error *err)
{
    if (lab == NULL || run_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and run_id must not be NULL");
    }
    return MODELLAB_OK;
}

modellab_status modellab_run_explain(modellab_lab *lab, const char *run_id,
                                     modellab_run_explanation *out, modellab_buffer **json,
                                     modellab_error *err)
{
    modellab_run_explanation full = {.size = sizeof full};
    modellab_status status = check(lab, run_id, err);
    mli_buf text;

    if (json != NULL) {
        *json = NULL;
    }
    if (status == MODELLAB_OK && out == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    if (status == MODELLAB_OK) {
        status = mli_lab_check(lab, false, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_run_explain(lab, run_id, &full, json != NULL ? &text : NULL, err);
    if (status == MODELLAB_OK) {
        status = mli_sized_out(out, &full, sizeof full,
                               MLI_SIZE_UP_TO(modellab_run_explanation, reserved), err);
    }
    if (status == MODELLAB_OK && json != NULL) {
        status = mli_buffer_from_buf(&text, json, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status modellab_run_hold(modellab_lab *lab, const char *run_id, modellab_error *err)
{
    modellab_status status = check(lab, run_id, err);

    return status == MODELLAB_OK ? mli_run_hold(lab, run_id, err) : status;
}

modellab_status modellab_run_release(modellab_lab *lab, const char *run_id, modellab_error *err)
{
    modellab_status status = check(lab, run_id, err);

    return status == MODELLAB_OK ? mli_run_release(lab, run_id, err) : status;
}

modellab_status modellab_run_set_priority(modellab_lab *lab, const char *run_id, int32_t priority,
                                          modellab_error *err)
{
    modellab_status status = check(lab, run_id, err);

    return status == MODELLAB_OK ? mli_run_set_priority(lab, run_id, priority, err) : status;
}
