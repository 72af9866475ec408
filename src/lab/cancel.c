/* Cancelling from any process. The request is stored first; the page makes it fast. Where the page
 * cannot be written, the run's supervisor finds the request in the store at its next look, and who
 * adopts the run finds it there too. */
#include "lab/cancel.h"

#include "base/error.h"
#include "lab/page.h"
#include "lab/reconcile.h"
#include "lab/run_log.h"
#include "lab/snapshot.h"
#include "lab/wake.h"
#include "log/logger.h"
#include "os/process.h"
#include <errno.h>

/* A run without page is a record, or one that is just being started: both look at the store. */
MODELLAB_MUST_CHECK static modellab_status tell_worker(const mli_lab *lab, const char *run_id,
                                                       modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_page_view page;
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_PAGE, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_page_open(&page, lab->os.files, path);
    if (rc == 0) {
        rc = mli_page_ask_stop(&page, MODELLAB_REASON_CANCELLED_BY_USER);
    }
    mli_page_close(&page);
    return rc == 0 || rc == -ENOENT ? MODELLAB_OK
                                    : mli_fail_os(err, -rc, "the worker could not be told to stop");
}

static void refresh_manifest(mli_lab *lab, const char *run_id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_manifest_refresh(lab, run_id, &err);
    if (status != MODELLAB_OK) {
        modellab_logger *log = mli_run_log_of(lab, run_id);
        mli_log_error(log, MODELLAB_LOG_WARN, "manifest.not_written",
                      "the manifest is behind its record until the next reconcile", status, &err);
        mli_logger_unref(log);
    }
}

static const char *name_of(modellab_cancel_outcome outcome)
{
    switch (outcome) {
    case MODELLAB_CANCEL_NOT_FOUND:
        return "not_found";
    case MODELLAB_CANCEL_ALREADY_TERMINAL:
        return "already_terminal";
    case MODELLAB_CANCEL_CANCELLED:
        return "cancelled";
    default:
        return "requested";
    }
}

/* With the ids of the run, so that the request's other lines and this one are found together. */
static void say_request(mli_lab *lab, const char *run_id, modellab_cancel_outcome outcome)
{
    modellab_logger *log = outcome != MODELLAB_CANCEL_NOT_FOUND ? mli_run_log_of(lab, run_id)
                                                                : mli_logger_ref(lab->logger);
    mli_log(log, MODELLAB_LOG_INFO, "run.cancel_requested", "",
            MLI_LOG_FIELDS(mli_log_string("outcome", name_of(outcome))));
    mli_logger_unref(log);
}

modellab_status mli_run_cancel(mli_lab *lab, const char *run_id, modellab_cancel_outcome *outcome,
                               modellab_error *err)
{
    mli_store_cancel met = {.outcome = MODELLAB_CANCEL_ERROR};
    mli_run_life life = MLI_LIFE_WORKS;
    modellab_error later = MODELLAB_ERROR_INIT;
    *outcome = MODELLAB_CANCEL_ERROR;
    modellab_status status =
        mli_store_request_cancel(lab->store, run_id, mli_lab_now_ms(lab), &met, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    say_request(lab, run_id, met.outcome);
    *outcome = met.outcome;
    if (met.outcome == MODELLAB_CANCEL_CANCELLED) {
        refresh_manifest(lab, run_id);
    }
    if (met.outcome != MODELLAB_CANCEL_REQUESTED) {
        return MODELLAB_OK;
    }
    status = mli_reconcile_run(lab, run_id, &life, &later);
    if (status == MODELLAB_OK && life == MLI_LIFE_DEAD) {
        *outcome = MODELLAB_CANCEL_ALREADY_DEAD;
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "run.not_reconciled", "", status, &later);
    }
    /* A worker that is done has nothing to stop: how it ended stays how the run ends. One that
     * could not be looked at is told all the same. */
    if (life != MLI_LIFE_GUARDED) {
        status = tell_worker(lab, run_id, &later);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "run.cancel_delayed",
                      "the request is stored; the supervisor finds it at its next look", status,
                      &later);
    }
    mli_wake_supervisors(lab);
    return MODELLAB_OK;
}
