/* modellab_run: submitting, waiting, cancelling, and reading what runs produced. */
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/artifacts.h"
#include "lab/cancel.h"
#include "lab/events.h"
#include "lab/request.h"
#include "lab/submit.h"
#include <modellab/run.h>

const char *modellab_run_request_schema(void)
{
    return mli_request_schema();
}

void modellab_run_submit_options_init(modellab_run_submit_options *options, size_t size)
{
    const modellab_run_submit_options init = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status take_options(modellab_lab *lab,
                                                        const modellab_run_submit_options *given,
                                                        modellab_run_submit_options *out,
                                                        modellab_error *err)
{
    if (lab == NULL || given == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and options must not be NULL");
    }
    return mli_sized_in(out, sizeof *out, MLI_SIZE_UP_TO(modellab_run_submit_options, trace_parent),
                        given, err);
}

modellab_status modellab_run_submit(modellab_lab *lab, const modellab_run_submit_options *options,
                                    char run_id[MODELLAB_RUN_ID_BYTES], modellab_report **report,
                                    modellab_error *err)
{
    modellab_run_submit_options taken = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    if (run_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    run_id[0] = '\0';
    status = take_options(lab, options, &taken, err);
    const mli_copy_watch watch = {
        .cancel = mli_cancel_word_of(taken.cancel), .progress = taken.progress, .user = taken.user};
    return status == MODELLAB_OK
               ? mli_run_submit_child(lab, &taken, NULL, NULL, &watch, run_id, report, err)
               : status;
}

modellab_status modellab_run_validate(modellab_lab *lab, const modellab_run_submit_options *options,
                                      modellab_report **report, modellab_error *err)
{
    modellab_run_submit_options taken = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_status status;

    if (report == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "report must not be NULL");
    }
    *report = NULL;
    status = take_options(lab, options, &taken, err);
    return status == MODELLAB_OK ? mli_run_validate(lab, &taken, report, err) : status;
}

modellab_status modellab_run_estimate(modellab_lab *lab, const modellab_run_submit_options *options,
                                      modellab_estimate *out, modellab_report **report,
                                      modellab_error *err)
{
    modellab_run_submit_options taken = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_estimate full = MODELLAB_ESTIMATE_INIT;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    status = take_options(lab, options, &taken, err);
    if (status == MODELLAB_OK) {
        status = mli_run_estimate(lab, &taken, &full, report, err);
    }
    return status == MODELLAB_OK ? mli_sized_out(out, &full, sizeof full,
                                                 MLI_SIZE_UP_TO(modellab_estimate, samples), err)
                                 : status;
}

modellab_status modellab_run_read_artifact(modellab_lab *lab, const char *run_id,
                                           const char *artifact_id, int64_t max_bytes,
                                           modellab_buffer **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);
    mli_buf bytes;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status != MODELLAB_OK) {
        return status;
    }
    if (run_id == NULL || artifact_id == NULL || max_bytes < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "ids must not be NULL, bytes not negative");
    }
    mli_buf_init(&bytes, lab->alloc);
    status = mli_run_read_artifact(lab, run_id, artifact_id, max_bytes, &bytes, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&bytes);
        return status;
    }
    return mli_buffer_from_buf(&bytes, out, err);
}

modellab_status modellab_run_cancel(modellab_lab *lab, const char *run_id,
                                    modellab_cancel_outcome *outcome, modellab_error *err)
{
    modellab_cancel_outcome ignored;
    modellab_status status = mli_lab_check(lab, true, err);

    outcome = outcome == NULL ? &ignored : outcome;
    *outcome = MODELLAB_CANCEL_ERROR;
    if (status == MODELLAB_OK && run_id == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return status == MODELLAB_OK ? mli_run_cancel(lab, run_id, outcome, err) : status;
}

modellab_status modellab_run_wait(modellab_lab *lab, const char *run_id, int64_t timeout_ms,
                                  modellab_cancel *cancel, modellab_run_status *status,
                                  modellab_error *err)
{
    modellab_run_status ignored;
    modellab_status checked = mli_lab_check(lab, false, err);

    status = status == NULL ? &ignored : status;
    *status = 0;
    if (checked == MODELLAB_OK && run_id == NULL) {
        checked = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return checked == MODELLAB_OK
               ? mli_run_wait(lab, run_id, timeout_ms, mli_cancel_word_of(cancel), status, err)
               : checked;
}
