/* Holding, releasing and moving queued runs, and ending those that waited too long. The decision is
 * the store's, in one transaction; here it gets its log line, its manifest and its wake. */
#include "lab/queue.h"

#include "base/error.h"
#include "lab/deadlines.h"
#include "lab/run_log.h"
#include "lab/schedule.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "lab/wake.h"
#include "log/logger.h"
#include "os/process.h"

#define BATCH 32
#define BATCHES 8 /* at once; the rest a second later */

static void refresh_manifest(mli_lab *lab, modellab_logger *log, const char *run_id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_manifest_refresh(lab, run_id, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(log, MODELLAB_LOG_WARN, "manifest.not_written",
                      "the manifest is behind its record until the next reconcile", status, &err);
    }
}

MODELLAB_MUST_CHECK static modellab_status arrange(mli_lab *lab, const mli_store_arrangement *what,
                                                   const char *event, modellab_error *err)
{
    bool changed = false;
    modellab_status status = mli_lab_check(lab, true, err);
    if (status == MODELLAB_OK && !mli_ulid_valid(what->run_id)) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    if (status == MODELLAB_OK) {
        status = mli_store_arrange(lab->store, what, &changed, err);
    }
    if (status != MODELLAB_OK || !changed) {
        return status;
    }
    modellab_logger *log = mli_run_log_of(lab, what->run_id);
    mli_log(log, MODELLAB_LOG_INFO, event, "",
            MLI_LOG_FIELDS(mli_log_int("priority", what->priority),
                           mli_log_bool("head", what->to_head)));
    refresh_manifest(lab, log, what->run_id);
    mli_logger_unref(log);
    mli_wake_supervisors(lab);
    return MODELLAB_OK;
}

modellab_status mli_run_hold(mli_lab *lab, const char *run_id, modellab_error *err)
{
    const mli_store_arrangement what = {
        .run_id = run_id, .what = MLI_ARRANGE_HOLD, .now_ms = mli_lab_now_ms(lab)};
    return arrange(lab, &what, "run.held", err);
}

modellab_status mli_run_release(mli_lab *lab, const char *run_id, modellab_error *err)
{
    const mli_store_arrangement what = {
        .run_id = run_id, .what = MLI_ARRANGE_RELEASE, .now_ms = mli_lab_now_ms(lab)};
    return arrange(lab, &what, "run.released", err);
}

modellab_status mli_run_set_priority(mli_lab *lab, const char *run_id, int32_t priority,
                                     modellab_error *err)
{
    bool head = priority == MODELLAB_PRIORITY_HEAD;
    const mli_store_arrangement what = {.run_id = run_id,
                                        .what = MLI_ARRANGE_PRIORITY,
                                        .to_head = head,
                                        .priority = head ? 0 : priority,
                                        .now_ms = mli_lab_now_ms(lab)};
    if (!head && (priority < 0 || priority > MLI_PRIORITY_MOST)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a priority is a number from 0 to %d",
                        MLI_PRIORITY_MOST);
    }
    return arrange(lab, &what, "run.moved", err);
}

/* Another process may have started, ended or moved it meanwhile: then it is none of ours. */
static bool is_lost_race(modellab_status status)
{
    return status == MODELLAB_E_STATE || status == MODELLAB_E_RUN_FINAL ||
           status == MODELLAB_E_FENCED || status == MODELLAB_E_NOT_FOUND;
}

MODELLAB_MUST_CHECK static modellab_status expire_one(mli_lab *lab, const char *run_id,
                                                      modellab_error *err)
{
    char text[96];
    mli_run_record *record = NULL;
    modellab_status status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (record->run->gate == MLI_GATE_HELD ||
        record->run->queue_until_ms > mli_lab_now_ms(lab)) { /* held or released meanwhile */
        mli_run_record_free(record);
        return MODELLAB_OK;
    }
    mli_deadline_queue_text(record->run->max_queue_ms, text, sizeof(text));
    const mli_run_transition late = {.to = MODELLAB_RUN_TIMEOUT,
                                     .reason = MODELLAB_REASON_QUEUE_TIMEOUT,
                                     .message = text,
                                     .event_type = mli_state_event(MODELLAB_RUN_TIMEOUT),
                                     .event_data = "{\"reason\":\"queue_timeout\"}"};
    const mli_store_change change = {.run_id = run_id,
                                     .fence = record->run->fence,
                                     .expect = MODELLAB_RUN_QUEUED,
                                     .now_ms = mli_lab_now_ms(lab),
                                     .transition = &late};
    status = mli_store_apply(lab->store, &change, NULL, NULL, err);
    if (status == MODELLAB_OK) {
        modellab_logger *log = mli_run_log(lab, record->run);
        mli_log(log, MODELLAB_LOG_WARN, "run.queue_timeout", text,
                MLI_LOG_FIELDS(mli_log_int("max_queue_ms", record->run->max_queue_ms)));
        refresh_manifest(lab, log, run_id);
        mli_logger_unref(log);
    }
    mli_run_record_free(record);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status expire_batch(mli_lab *lab, const char *only_id,
                                                        size_t *count, modellab_error *err)
{
    char ids[BATCH][MLI_ULID_BYTES];
    modellab_status first =
        mli_store_overdue(lab->store, mli_lab_now_ms(lab), only_id, BATCH, ids, count, err);
    for (size_t i = 0; i < *count; i++) {
        modellab_error one = MODELLAB_ERROR_INIT;
        modellab_status status = expire_one(lab, ids[i], &one);
        if (status != MODELLAB_OK && !is_lost_race(status) && first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    return first;
}

/* Nobody's deadline passes because the wall clock was set: first they are moved with it. */
MODELLAB_MUST_CHECK static modellab_status keep_clock(mli_lab *lab, modellab_error *err)
{
    mli_os_identity self;
    int64_t moved_ms = 0;
    const mli_os_processes *ops = lab->os.processes;
    int rc = ops->identity(ops->user, 0, &self);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "this process could not be identified");
    }
    const mli_store_clock now = {.boot_id = self.boot_id,
                                 .wall_ms = mli_lab_now_ms(lab),
                                 .monotonic_ms =
                                     lab->os.clock->monotonic_ns(lab->os.clock->user) / 1000000};
    modellab_status status = mli_store_keep_clock(lab->store, &now, &moved_ms, err);
    if (status == MODELLAB_OK && moved_ms != 0) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "queue.clock_moved",
                "the wall clock was set; queue deadlines go with it",
                MLI_LOG_FIELDS(mli_log_int("moved_ms", moved_ms)));
    }
    return status;
}

modellab_status mli_queue_expire(mli_lab *lab, const char *only_id, modellab_error *err)
{
    size_t count = BATCH;
    modellab_status status = keep_clock(lab, err);
    for (int i = 0; i < BATCHES && status == MODELLAB_OK && count == BATCH; i++) {
        status = expire_batch(lab, only_id, &count, err);
    }
    return status;
}
