/* The last transaction of an attempt: open steps are closed, partial results kept, measures and
 * cost settled, the status set; then the manifest. */
#include "lab/ingest.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/partial.h"
#include "lab/pricing.h"
#include "lab/seal.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "log/logger.h"
#include <string.h>

/* What the settlement adds to the attempt's measures of earlier attempts. */
static void add_up(const mli_run_row *row, const mli_host_measures *host, mli_run_measures *m)
{
    if (host->cpu_ns >= 0) {
        m->cpu_seconds = (double)host->cpu_ns / 1e9;
    }
    if (m->cpu_seconds >= 0 && row->cpu_seconds > 0) {
        m->cpu_seconds += row->cpu_seconds;
    }
    if (host->peak_memory_bytes > m->peak_memory_bytes) {
        m->peak_memory_bytes = host->peak_memory_bytes;
    }
    if (row->peak_memory_bytes > m->peak_memory_bytes) {
        m->peak_memory_bytes = row->peak_memory_bytes;
    }
    if (m->progress_seconds < 0 && host->progress_seconds > 0) {
        m->progress_seconds = host->progress_seconds;
    }
    m->api_calls = m->api_calls < 0 ? 0 : m->api_calls;
}

/* Steps that the worker began and did not end. Their rows are reused; strings stay the record's. */
static size_t close_steps(const mli_run_record *record, const mli_settlement *s,
                          modellab_run_status step_status, int64_t now_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < record->step_count; i++) {
        mli_step_row *step = &record->steps[i];
        if (step->status == MODELLAB_RUN_RUNNING) {
            mli_step_row closed = *step;
            closed.status = step_status;
            closed.reason = s->reason;
            closed.message = s->message;
            closed.ended_ms = now_ms;
            record->steps[count++] = closed;
        }
    }
    return count;
}

static modellab_run_status step_status_of(const mli_settlement *s)
{
    switch (mli_settle_happening(s->reason)) {
    case MLI_RUN_STOPPED:
        return MODELLAB_RUN_CANCELLED;
    case MLI_RUN_OVERTIME:
        return MODELLAB_RUN_TIMEOUT;
    case MLI_RUN_DONE:
        return MODELLAB_RUN_COMPLETED;
    default:
        return MODELLAB_RUN_FAILED;
    }
}

static modellab_status apply_end(mli_ingest *ingest, mli_run_record *record,
                                 const mli_settlement *s, const mli_host_measures *host,
                                 modellab_run_status to, modellab_error *err)
{
    mli_lab *lab = ingest->lab;
    int64_t now = mli_lab_now_ms(lab);
    mli_buf seal;
    mli_run_measures m = ingest->measures;
    mli_buf_init(&seal, lab->alloc);
    if (mli_status_is_final(to)) {
        mli_run_seal(lab, ingest->run_id, ingest->log, &seal);
    }
    add_up(record->run, host, &m);
    m.cost_micros = mli_pricing_cost(lab, record->run, &m);
    size_t open_steps = close_steps(record, s, step_status_of(s), now);
    const char *failed = s->failed_step;
    if (failed[0] == '\0' && open_steps > 0) {
        failed = record->steps[0].name;
    }
    mli_run_transition transition = {.to = to,
                                     .reason = s->reason,
                                     .message = s->message,
                                     .failed_step = failed,
                                     .event_type = mli_state_event(to),
                                     .seal_json = mli_buf_text(&seal),
                                     .not_before_ms =
                                         to == MODELLAB_RUN_QUEUED ? now + s->delay_ms : 0};
    if (to == MODELLAB_RUN_QUEUED) {
        transition.reason = MODELLAB_REASON_RETRYING;
    }
    mli_store_change change = {
        .run_id = ingest->run_id,
        .fence = ingest->fence,
        .expect = MODELLAB_RUN_RUNNING,
        .now_ms = now,
        .journal_line = ingest->outcome_line > record->run->journal_line ? ingest->outcome_line : 0,
        .measures = &m,
        .steps = record->steps,
        .step_count = open_steps,
        .transition = &transition};
    modellab_status status = mli_store_apply(lab->store, &change, NULL, NULL, err);
    mli_buf_dispose(&seal);
    return status;
}

static bool not_ours(modellab_status status)
{
    return status == MODELLAB_E_RUN_FINAL || status == MODELLAB_E_FENCED ||
           status == MODELLAB_E_STATE;
}

/* The transition is in the store: the manifest follows; when it cannot be written now, reconcile
 * does it later, since the record wins. */
static void follow_up(mli_ingest *ingest)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_manifest_refresh(ingest->lab, ingest->run_id, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(ingest->log, MODELLAB_LOG_WARN, "manifest.not_written",
                      "the manifest is behind its record until the next reconcile", status, &err);
    }
}

static modellab_status settle_once(mli_ingest *ingest, const mli_settlement *settlement,
                                   const mli_host_measures *host, modellab_run_status *to,
                                   modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_run_status next = 0;
    modellab_status status = mli_store_load(ingest->lab->store, ingest->run_id, &record, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        ingest->refused = true;
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (record->run->fence != ingest->fence || record->run->status != MODELLAB_RUN_RUNNING ||
        mli_state_next(record->run->status, settlement->what, &next) != MLI_ALLOWED) {
        ingest->refused = true;
    }
    if (!ingest->refused && settlement->what != MLI_RUN_DONE && settlement->what != MLI_RUN_AGAIN) {
        status = mli_partial_keep(ingest, record, err);
    }
    if (status == MODELLAB_OK && !ingest->refused) {
        status = apply_end(ingest, record, settlement, host, next, err);
        if (not_ours(status)) {
            mli_error_clear(err);
            ingest->refused = true;
            status = MODELLAB_OK;
        }
    }
    mli_run_record_free(record);
    if (status == MODELLAB_OK && !ingest->refused) {
        follow_up(ingest);
        if (to != NULL) {
            *to = next;
        }
    }
    return status;
}

modellab_status mli_ingest_settle(mli_ingest *ingest, mli_settlement *settlement,
                                  const mli_host_measures *host, modellab_run_status *to,
                                  modellab_error *err)
{
    modellab_status status = settle_once(ingest, settlement, host, to, err);
    if (status == MODELLAB_E_CANCELLED && settlement->what == MLI_RUN_AGAIN) {
        mli_error_clear(err);
        settlement->what = MLI_RUN_STOPPED;
        settlement->reason = MODELLAB_REASON_CANCELLED_BY_USER;
        mli_settle_text(settlement->reason, 0, settlement->message, sizeof(settlement->message));
        status = settle_once(ingest, settlement, host, to, err);
    }
    return status;
}
