/* Reading a request with what the lab's settings, models and templates say where it says nothing.
 */
#include "lab/request_lab.h"

#include "check/schema.h"
#include "lab/default_model.h"
#include "lab/model_fit.h"

/* Read once for a lab: it is immutable, and reading it costs a third of a small submission. Without
 * memory for it, it is read for each request. */
static const mli_schema *request_schema(mli_lab *lab)
{
    struct mli_schema *there = atomic_load(&lab->request_schema), *mine = NULL;

    if (there != NULL || mli_request_schema_load(lab->alloc, &mine, NULL) != MODELLAB_OK) {
        return there;
    }
    if (!atomic_compare_exchange_strong(&lab->request_schema, &there, mine)) {
        mli_schema_free(mine); /* another thread was faster */
        return there;
    }
    return mine;
}

modellab_status mli_lab_read_request(mli_lab *lab, const char *text, size_t bytes, mli_request *out,
                                     mli_findings *report, modellab_error *err)
{
    const mli_lab_settings *settings = &lab->settings;
    mli_request_defaults defaults = {.max_duration_ms = settings->max_run_duration_ms,
                                     .retry = {.max_attempts = (int32_t)settings->retry_attempts,
                                               .base_ms = settings->retry_base_ms,
                                               .cap_ms = settings->retry_cap_ms},
                                     .schema = request_schema(lab),
                                     .lab = lab};
    modellab_error no_model = MODELLAB_ERROR_INIT;
    modellab_status status = mli_lab_default_model(lab, &defaults.model, &no_model);

    if (status != MODELLAB_OK) { /* matters only when the request names none either */
        defaults.model = NULL;
        defaults.no_model = no_model.message;
    }
    status = mli_request_read(text, bytes, lab->alloc, &defaults, out, report, err);
    if (status == MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR) {
        status = mli_model_fit(out, lab, report, err);
    }
    return status;
}
