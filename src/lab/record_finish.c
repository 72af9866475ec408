/* The end of a record: open step, measures, cost and final status in one transaction, then the
 * manifest, then the lock. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/methods.h"
#include "lab/record.h"
#include "lab/seal.h"
#include "lab/settle.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "log/logger.h"
#include "track/tracker.h"

MODELLAB_MUST_CHECK static modellab_status check_end(const modellab_record *r,
                                                     modellab_run_status status,
                                                     modellab_reason reason, modellab_error *err)
{
    modellab_status checked = mli_lab_check(r->lab, true, err);

    if (checked != MODELLAB_OK) {
        return checked;
    }
    if (r->finished) {
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the record has been finished");
    }
    if (status != MODELLAB_RUN_COMPLETED && status != MODELLAB_RUN_FAILED &&
        status != MODELLAB_RUN_CANCELLED && status != MODELLAB_RUN_TIMEOUT) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a record ends COMPLETED, FAILED, CANCELLED or TIMEOUT");
    }
    if ((status == MODELLAB_RUN_COMPLETED) != (reason == MODELLAB_REASON_NONE)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a reason is for records that did not complete, and they need one");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status take_measures(modellab_record *r, mli_run_measures *out,
                                                         modellab_error *err)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_status status = mli_record_measure(r, &measures, &out->cost_micros, err);

    out->audio_seconds = measures.audio_seconds > 0 ? measures.audio_seconds : -1;
    out->progress_seconds = r->progress_seconds;
    out->cpu_seconds = measures.cpu_seconds;
    out->gpu_seconds = measures.gpu_seconds;
    out->peak_memory_bytes = measures.peak_memory_bytes;
    out->api_calls = measures.api_calls;
    return status;
}

static void name_methods(const mli_run_measures *m, mli_buf *out)
{
    const mli_methods methods = {
        .cpu = MLI_METHOD_TRACKER,
        .gpu = m->gpu_seconds >= 0 ? MLI_METHOD_TRACKER : MLI_METHOD_ABSENT,
        .memory = m->peak_memory_bytes >= 0 ? MLI_METHOD_VMHWM : MLI_METHOD_ABSENT,
        .api_calls = MLI_METHOD_TRACKER,
        .audio = m->audio_seconds >= 0 ? MLI_METHOD_TRACKER : MLI_METHOD_ABSENT,
        .wall = MLI_METHOD_CLOCK};
    mli_methods_write(&methods, "", out);
}

MODELLAB_MUST_CHECK static modellab_status apply_end(modellab_record *r, modellab_run_status to,
                                                     modellab_reason reason, const char *message,
                                                     modellab_error *err)
{
    bool completed = to == MODELLAB_RUN_COMPLETED;
    mli_buf seal;
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_run_transition transition = {
        .to = to, .reason = reason, .message = message, .event_type = mli_state_event(to)};
    mli_event_row event = {.type = completed ? "step_completed" : "step_failed"};
    mli_store_change change = {.measures = &measures, .transition = &transition};
    mli_step_row row;
    mli_buf methods;
    modellab_status status = MODELLAB_OK;

    if (r->step.open) {
        status = mli_record_close_step(r, to, reason, message, &row, err);
        event.step = r->step.name;
        transition.failed_step = completed ? "" : r->step.name;
        change.steps = &row;
        change.events = &event;
        change.step_count = change.event_count = 1;
    }
    if (status == MODELLAB_OK) {
        status = take_measures(r, &measures, err);
    }
    mli_buf_init(&seal, r->lab->alloc);
    mli_buf_init(&methods, r->lab->alloc);
    name_methods(&measures, &methods);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&methods, err);
    }
    if (status == MODELLAB_OK) {
        mli_run_seal(r->lab, r->ids.run_id, r->logger, &seal);
        transition.seal_json = mli_buf_text(&seal);
        transition.methods = mli_buf_text(&methods);
        status = mli_record_apply(r, &change, err);
    }
    mli_buf_dispose(&methods);
    mli_buf_dispose(&seal);
    return status;
}

/* Whether somebody else has ended the run, so that this record is over too. */
static bool is_over(modellab_status status)
{
    return status == MODELLAB_OK || status == MODELLAB_E_RUN_FINAL || status == MODELLAB_E_FENCED ||
           status == MODELLAB_E_NOT_FOUND;
}

static void release_lock(modellab_record *r)
{
    const mli_os_files *f = r->lab->os.files;
    int rc = r->lock_fd < 0 ? 0 : f->close(f->user, r->lock_fd);

    r->lock_fd = -1;
    if (rc != 0) {
        mli_log(r->logger, MODELLAB_LOG_WARN, "record.lock", "the lock's descriptor did not close",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

modellab_status mli_record_finish(modellab_record *r, modellab_run_status status,
                                  modellab_reason reason, const char *message, modellab_error *err)
{
    modellab_error manifest_err = MODELLAB_ERROR_INIT;
    modellab_status ended = check_end(r, status, reason, err), written;
    char text[160];

    if (ended != MODELLAB_OK) {
        return ended;
    }
    if (message == NULL) {
        mli_settle_text(reason, r->max_duration_ms, text, sizeof text);
        message = reason == MODELLAB_REASON_NONE ? "" : text;
    }
    ended = apply_end(r, status, reason, message, err);
    if (!is_over(ended)) {
        mli_log_error(r->logger, MODELLAB_LOG_ERROR, "record.not_finished",
                      "the final status could not be stored", ended, err);
        return ended;
    }
    r->finished = true;
    r->step.open = false;
    if (ended == MODELLAB_OK) {
        written = mli_manifest_refresh(r->lab, r->ids.run_id, &manifest_err);
        if (written != MODELLAB_OK) {
            mli_log_error(r->logger, MODELLAB_LOG_WARN, "manifest.not_written",
                          "the manifest is behind its record until the next reconcile", written,
                          &manifest_err);
        }
        mli_log(r->logger, MODELLAB_LOG_INFO, "record.finished", "the record has ended",
                MLI_LOG_FIELDS(mli_log_string("status", mli_status_name_of_run(status)),
                               mli_log_string("reason", mli_reason_name(reason))));
    }
    release_lock(r);
    return ended;
}

void mli_record_destroy(modellab_record *r)
{
    mli_lab *lab;

    if (r == NULL) {
        return;
    }
    lab = r->lab;
    if (!r->finished && mli_lab_check(lab, true, NULL) == MODELLAB_OK) {
        bool stopped = r->stop_status != 0;
        modellab_status ended =
            mli_record_finish(r, stopped ? r->stop_status : MODELLAB_RUN_FAILED,
                              stopped ? r->stop_reason : MODELLAB_REASON_HOST_STOPPED, NULL, NULL);

        if (ended != MODELLAB_OK) { /* the lock goes free below: reconcile ends the run */
            mli_log_text(r->logger, MODELLAB_LOG_ERROR, "record.abandoned",
                         "an unfinished record could not be ended; reconcile will");
        }
    }
    release_lock(r);
    mli_tracker_unref(r->tracker);
    mli_logger_unref(r->logger);
    mli_free(lab->alloc, r);
    mli_lab_unref(lab);
}
