/* The last transaction of an attempt: open steps are closed, partial results kept, measures and
 * cost settled, the status set; then the manifest. */
#include "lab/ingest.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/gather_ended.h"
#include "lab/manifest_writer.h"
#include "lab/methods.h"
#include "lab/outputs.h"
#include "lab/partial.h"
#include "lab/pricing.h"
#include "lab/seal.h"
#include "lab/state.h"
#include "lab/tally.h"
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
static size_t close_steps(const mli_run_record *record, const mli_ingest_batch *lines,
                          const mli_settlement *s, int64_t now_ms)
{
    size_t count = 0;
    mli_step_happening what = MLI_STEP_BROKE;
    if (!mli_step_happening_of(mli_settle_status(s->reason), &what)) {
        what = MLI_STEP_BROKE;
    }
    for (size_t i = 0; i < record->step_count; i++) {
        mli_step_row *step = &record->steps[i];
        modellab_run_status to = 0;
        if (!mli_ingest_batch_ends(lines, step->name) &&
            mli_step_next(step->status, what, &to) == MLI_STEP_ALLOWED) {
            mli_step_row closed = *step;
            closed.status = to;
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

/* When the worker said its last word: the end of the work, also when the store could not take it
 * for a while. 0 = it said none, or its clock makes no sense. */
static int64_t last_word_ms(const mli_ending *e, int64_t now)
{
    int64_t said = e->ingest->outcome.known ? e->ingest->outcome_ms : 0;
    return said >= e->record->run->started_ms && said < now ? said : 0;
}

/* What the transition says besides its status. */
static void fill_transition(mli_ending *e, int64_t now)
{
    const mli_settlement *s = e->settlement;
    const char *failed = s->failed_step;
    if (failed[0] == '\0' && e->change.step_count > 0) {
        failed = e->record->steps[0].name;
    }
    e->transition = (mli_run_transition){
        .to = e->to,
        .reason = s->reason,
        .message = s->message,
        .failed_step = failed,
        .event_type = mli_state_event(e->to),
        .event_data = mli_buf_text(&e->history),
        .seal_json = mli_buf_text(&e->seal),
        .methods = mli_buf_text(&e->methods),
        .retry_delay_ms = s->delay_ms,
        .ended_ms = last_word_ms(e, now),
        .worked_until_ms = e->host->alive_ms > 0 ? e->host->alive_ms : last_word_ms(e, now),
        .not_before_ms = e->to == MODELLAB_RUN_QUEUED ? now + s->delay_ms : 0};
    if (e->to == MODELLAB_RUN_QUEUED) {
        e->transition.reason = MODELLAB_REASON_RETRYING;
    }
}

/* The change that ends the attempt; it points into the ending. */
MODELLAB_MUST_CHECK static modellab_status make_change(mli_ending *e, modellab_error *err)
{
    mli_ingest *ingest = e->ingest;
    mli_lab *lab = ingest->lab;
    mli_run_row *run = e->record->run;
    int64_t now = mli_lab_now_ms(lab);
    mli_methods how;
    double earlier = run->cpu_seconds > 0 ? run->cpu_seconds : 0;
    write_history(run, e->settlement, e->to, &e->history);
    if (mli_status_is_final(e->to)) {
        mli_run_seal(lab, ingest->run_id, ingest->log, &e->seal);
    }
    e->measures = ingest->measures;
    add_up(run, e->host, &e->measures, &how);
    e->measures.cost_micros = mli_pricing_cost(lab, run, &e->measures);
    size_t open_steps = close_steps(e->record, &ingest->batch, e->settlement, now);
    for (size_t i = 0; i < open_steps && e->measures.cpu_seconds >= 0; i++) {
        measure_open_step(e->host, e->measures.cpu_seconds - earlier, &e->record->steps[i]);
    }
    mli_methods_write(&how, run->attempt > 1 ? run->methods : "", &e->methods);
    e->change = (mli_store_change){
        .run_id = ingest->run_id,
        .fence = ingest->fence,
        .expect = MODELLAB_RUN_RUNNING,
        .now_ms = now,
        .journal_line = ingest->outcome_line > run->journal_line ? ingest->outcome_line : 0,
        .measures = &e->measures,
        .steps = e->record->steps,
        .step_count = open_steps,
        .transition = &e->transition};
    fill_transition(e, now);
    modellab_status status = mli_buf_status(&e->methods, err);
    return status == MODELLAB_OK ? mli_buf_status(&e->history, err) : status;
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
    mli_manifest_writer_put(ingest->manifests, ingest->lab, ingest->run_id, 0, ingest->log);
}

void mli_ending_dispose(mli_ending *e)
{
    if (e->ingest != NULL) {
        mli_buf_dispose(&e->methods);
        mli_buf_dispose(&e->history);
        mli_buf_dispose(&e->seal);
        mli_run_record_free(e->record);
        memset(e, 0, sizeof(*e));
    }
}

modellab_status mli_ending_prepare(mli_ending *e, mli_ingest *ingest, mli_settlement *settlement,
                                   const mli_host_measures *host, modellab_error *err)
{
    memset(e, 0, sizeof(*e));
    modellab_status status = mli_store_load(ingest->lab->store, ingest->run_id, &e->record, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        ingest->refused = true;
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    e->ingest = ingest;
    e->settlement = settlement;
    e->host = host;
    for (; e->line_count < ingest->batch.count; e->line_count++) {
        e->change_list[e->line_count] = ingest->batch.changes[e->line_count];
    }
    e->change_list[e->line_count] = &e->change;
    mli_buf_init(&e->seal, ingest->lab->alloc);
    mli_buf_init(&e->history, ingest->lab->alloc);
    mli_buf_init(&e->methods, ingest->lab->alloc);
    const mli_run_row *run = e->record->run;
    if (run->fence != ingest->fence || run->status != MODELLAB_RUN_RUNNING ||
        mli_state_next(run->status, settlement->what, &e->to) != MLI_ALLOWED) {
        ingest->refused = true;
    }
    if (!ingest->refused &&
        !ingest->worker_lives) { /* before the end is written: who crashes here does it again */
        mli_output_files_tidy(ingest->lab, e->record, &ingest->batch,
                              !ingest->too_large && !ingest->endless, mli_status_is_final(e->to),
                              ingest->log);
    }
    if (!ingest->refused && settlement->what != MLI_RUN_DONE && settlement->what != MLI_RUN_AGAIN) {
        double reached = -1;
        status = mli_partial_keep(ingest, e->record, &reached, err);
        if (status == MODELLAB_OK) {
            mli_gather_ended(ingest, settlement, reached);
        }
    }
    if (status == MODELLAB_OK && !ingest->refused) {
        status = make_change(e, err);
    }
    if (status != MODELLAB_OK) {
        mli_ending_dispose(e);
    }
    return status;
}

mli_store_write mli_ending_write(const mli_ending *e)
{
    return (mli_store_write){.changes = e->change_list, .change_count = e->line_count + 1};
}

/* One that was to be queued again, but whose cancel has been requested meanwhile. */
static bool is_cancelled(modellab_status status, mli_settlement *settlement)
{
    if (status != MODELLAB_E_CANCELLED || settlement->what != MLI_RUN_AGAIN) {
        return false;
    }
    settlement->what = MLI_RUN_STOPPED;
    settlement->reason = MODELLAB_REASON_CANCELLED_BY_USER;
    mli_settle_text(settlement->reason, 0, settlement->message, sizeof(settlement->message));
    return true;
}

modellab_status mli_ending_conclude(mli_ending *e, const mli_store_write *write,
                                    modellab_run_status *to, modellab_error *err)
{
    mli_ingest *ingest = e->ingest;
    mli_settlement *settlement = e->settlement;
    const mli_host_measures *host = e->host;
    modellab_run_status next = e->to;
    bool with_lines = e->line_count > 0;
    mli_ending_dispose(e);
    /* Lines share the fate of the end: they are read again with the next try. */
    if (with_lines && mli_ingest_flushed(ingest, write->status, NULL) != MODELLAB_OK) {
        return mli_fail(err, write->status, "%s", write->error.message);
    }
    if (write->status == MODELLAB_OK) {
        follow_up(ingest);
        if (ingest->log_dropped > 0) {
            mli_tally_add(ingest->lab, "log_dropped_total", "", (double)ingest->log_dropped);
        }
        if (next == MODELLAB_RUN_QUEUED) {
            mli_tally_add(ingest->lab, "run_retries_total", mli_reason_name(settlement->reason), 1);
        }
        if (to != NULL) {
            *to = next;
        }
        return MODELLAB_OK;
    }
    if (not_ours(write->status)) {
        ingest->refused = true;
        return MODELLAB_OK;
    }
    if (is_cancelled(write->status, settlement)) {
        return mli_ingest_settle(ingest, settlement, host, to, err);
    }
    return mli_fail(err, write->status, "%s", write->error.message);
}

modellab_status mli_ingest_settle(mli_ingest *ingest, mli_settlement *settlement,
                                  const mli_host_measures *host, modellab_run_status *to,
                                  modellab_error *err)
{
    mli_ending e;
    modellab_status status = mli_ending_prepare(&e, ingest, settlement, host, err);
    if (status != MODELLAB_OK || ingest->refused) {
        mli_ending_dispose(&e);
        return status;
    }
    mli_store_write write = mli_ending_write(&e);
    mli_store_write_many(ingest->lab->store, &write, 1);
    return mli_ending_conclude(&e, &write, to, err);
}
