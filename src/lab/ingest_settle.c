/* The last transaction of an attempt: open steps are closed, partial results kept, measures and
 * cost settled, the status set; then the manifest. */
#include "lab/ingest.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/manifest_writer.h"
#include "lab/methods.h"
#include "lab/partial.h"
#include "lab/pricing.h"
#include "lab/seal.h"
#include "lab/state.h"
#include "log/logger.h"
#include <string.h>

/* CPU time of this attempt: the kernel's count, else the later of what the worker told last. */
static void measure_cpu(const mli_host_measures *host, mli_run_measures *m, mli_methods *how)
{
    double page = (double)host->page_ns / 1e9;
    if (host->cpu_ns >= 0) {
        m->cpu_seconds = (double)host->cpu_ns / 1e9;
        how->cpu = host->cpu_method;
    } else if (host->page_ns >= 0 && page > m->cpu_seconds) {
        m->cpu_seconds = page;
        how->cpu = MLI_METHOD_PAGE;
    } else if (m->cpu_seconds >= 0) {
        how->cpu = MLI_METHOD_JOURNAL;
    }
}

static void measure_memory(const mli_host_measures *host, mli_run_measures *m, mli_methods *how)
{
    if (m->peak_memory_bytes >= 0) {
        how->memory = MLI_METHOD_VMHWM;
    }
    if (host->memory_method != NULL) {
        how->memory = host->memory_method;
    } else if (host->peak_memory_bytes > m->peak_memory_bytes) {
        how->memory = MLI_METHOD_SAMPLED;
    }
    if (host->peak_memory_bytes > m->peak_memory_bytes) {
        m->peak_memory_bytes = host->peak_memory_bytes;
    }
}

/* The attempt's measures, from the journal and the host, with those of earlier attempts added. */
static void add_up(const mli_run_row *row, const mli_host_measures *host, mli_run_measures *m,
                   mli_methods *how)
{
    *how = (mli_methods){.api_calls = MLI_METHOD_COUNTER, .wall = MLI_METHOD_CLOCK};
    how->gpu = m->gpu_seconds >= 0 ? MLI_METHOD_JOURNAL : NULL;
    how->audio = m->audio_seconds >= 0     ? MLI_METHOD_DECODED
                 : row->audio_seconds >= 0 ? MLI_METHOD_HEADER
                                           : NULL;
    measure_cpu(host, m, how);
    measure_memory(host, m, how);
    if (m->cpu_seconds >= 0 && row->cpu_seconds > 0) {
        m->cpu_seconds += row->cpu_seconds;
    }
    if (m->gpu_seconds >= 0 && row->gpu_seconds > 0) {
        m->gpu_seconds += row->gpu_seconds;
    }
    if (row->peak_memory_bytes > m->peak_memory_bytes) {
        m->peak_memory_bytes = row->peak_memory_bytes;
    }
    if (m->progress_seconds < 0 && host->progress_seconds > 0) {
        m->progress_seconds = host->progress_seconds;
    }
    m->api_calls =
        (host->api_calls > 0 ? host->api_calls : 0) + (row->api_calls > 0 ? row->api_calls : 0);
}

/* CPU time of the step that a death left open: what the attempt took since the step began. */
static void measure_open_step(const mli_host_measures *host, double attempt_cpu, mli_step_row *step)
{
    double since = (double)host->step_at_ns / 1e9;
    if (step->cpu_seconds < 0 && host->step_at_ns >= 0 && attempt_cpu >= since) {
        step->cpu_seconds = attempt_cpu - since;
    }
    if (step->peak_memory_bytes < 0) {
        step->peak_memory_bytes = host->peak_memory_bytes;
    }
    if (step->audio_seconds < 0) {
        step->audio_seconds = host->progress_seconds;
    }
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

/* The end of an attempt in the run's history: which one it was, why, and when it goes on. */
static void write_history(const mli_run_row *row, const mli_settlement *s, modellab_run_status to,
                          mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "attempt", row->attempt);
    mli_jw_kstring(&w, "reason", mli_reason_name(s->reason));
    if (to == MODELLAB_RUN_QUEUED) {
        mli_jw_kstring(&w, "message", s->message);
        mli_jw_kint(&w, "delay_ms", s->delay_ms);
        mli_jw_kint(&w, "max_attempts", row->max_attempts);
    }
    mli_jw_end_object(&w);
}

static modellab_status apply_end(mli_ingest *ingest, mli_run_record *record,
                                 const mli_settlement *s, const mli_host_measures *host,
                                 modellab_run_status to, modellab_error *err)
{
    mli_lab *lab = ingest->lab;
    int64_t now = mli_lab_now_ms(lab);
    mli_buf seal, history;
    mli_run_measures m = ingest->measures;
    mli_buf_init(&seal, lab->alloc);
    mli_buf_init(&history, lab->alloc);
    write_history(record->run, s, to, &history);
    if (mli_status_is_final(to)) {
        mli_run_seal(lab, ingest->run_id, ingest->log, &seal);
    }
    mli_methods how;
    mli_buf methods;
    double earlier = record->run->cpu_seconds > 0 ? record->run->cpu_seconds : 0;
    add_up(record->run, host, &m, &how);
    m.cost_micros = mli_pricing_cost(lab, record->run, &m);
    size_t open_steps = close_steps(record, s, mli_settle_status(s->reason), now);
    for (size_t i = 0; i < open_steps && m.cpu_seconds >= 0; i++) {
        measure_open_step(host, m.cpu_seconds - earlier, &record->steps[i]);
    }
    const char *failed = s->failed_step;
    if (failed[0] == '\0' && open_steps > 0) {
        failed = record->steps[0].name;
    }
    mli_run_transition transition = {.to = to,
                                     .reason = s->reason,
                                     .message = s->message,
                                     .failed_step = failed,
                                     .event_type = mli_state_event(to),
                                     .event_data = mli_buf_text(&history),
                                     .seal_json = mli_buf_text(&seal),
                                     .retry_delay_ms = s->delay_ms,
                                     .worked_until_ms = host->alive_ms > 0 ? host->alive_ms : 0,
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
    mli_buf_init(&methods, lab->alloc);
    mli_methods_write(&how, record->run->attempt > 1 ? record->run->methods : "", &methods);
    modellab_status status = mli_buf_status(&methods, err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&history, err);
    }
    if (status == MODELLAB_OK) {
        transition.methods = mli_buf_text(&methods);
        status = mli_store_apply(lab->store, &change, NULL, NULL, err);
    }
    mli_buf_dispose(&methods);
    mli_buf_dispose(&history);
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
    mli_manifest_writer_put(ingest->manifests, ingest->lab, ingest->run_id, ingest->log);
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
