/* Verifying an installed model: what differs is a report, not an error. */
#include "api/cancel.h"
#include "api/catalog.h"
#include "base/error.h"
#include "check/report.h"
#include "log/task.h"

MODELLAB_MUST_CHECK static modellab_status look(const modellab_catalog *catalog, const char *name,
                                                modellab_cancel *cancel, modellab_report **out,
                                                modellab_error *err)
{
    mli_model_state state;
    char why[256] = "";
    modellab_report *report = NULL;
    modellab_status status = mli_model_store_verify(
        &catalog->store, name, mli_cancel_word_of(cancel), NULL, NULL, &state, why, err);
    if (status != MODELLAB_OK)
        return status;
    if (state == MLI_MODEL_ABSENT)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "model %s is not installed", name);
    status = mli_report_create(&catalog->alloc, &report, err);
    if (status == MODELLAB_OK && state == MLI_MODEL_DAMAGED)
        status = mli_report_add(report, MODELLAB_SEVERITY_ERROR, "model.damaged", "", err, "%s",
                                why[0] != '\0' ? why : "the model is damaged");
    if (status != MODELLAB_OK) {
        mli_report_unref(report);
        return status;
    }
    *out = report;
    return MODELLAB_OK;
}

modellab_status modellab_catalog_verify(const modellab_catalog *catalog, const char *name,
                                        modellab_cancel *cancel, modellab_report **out,
                                        modellab_error *err)
{
    mli_task task;
    if (out != NULL)
        *out = NULL;
    if (catalog == NULL || name == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no argument may be NULL");
    if (!mli_model_name_valid(name))
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no model of that name is installed");
    mli_task_begin(&task, MLI_TASK_MODEL_VERIFY, catalog->logger, MODELLAB_LOG_INFO, NULL, NULL,
                   MLI_LOG_FIELDS(mli_log_string("model", name)));
    modellab_status status = look(catalog, name, cancel, out, err);
    mli_task_end(&task, status, err,
                 MLI_LOG_FIELDS(mli_log_string("model", name),
                                mli_log_int("findings", (int64_t)mli_report_count(*out))));
    return status;
}
