/* The end of a job in acts: the process is reaped and the rest of the journal read, the run gets
 * its status by the decision of settle.h, its worker is free. */
#include "lab/job_private.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/gather_ended.h"
#include "lab/late.h"
#include "lab/methods.h"
#include "log/logger.h"
#include <string.h>

static void say_not_ingested(const mli_job *job, modellab_status status, const modellab_error *err)
{
    mli_log_error(job->log, MODELLAB_LOG_ERROR, "journal.not_ingested",
                  "the journal could not be taken over; it will be tried again", status, err);
}

static mli_settle_view view_of(mli_job *job)
{
    const mli_lab *lab = job->host->lab;
    mli_settle_view view = {.outcome = job->ingest.outcome,
                            .end = job->process.answered ? MLI_WORKER_EXITED : job->process.end,
                            .code = job->process.answered ? 0 : job->process.code,
                            .journal_too_large = job->ingest.too_large,
                            .reconciling = false,
                            .draining = job->draining,
                            .limit_ms = mli_deadline_effective_ms(&job->deadlines),
                            .attempt = job->row->attempt};
    view.asked = mli_page_stop_reason(&job->page.seen);
    if (view.asked == MODELLAB_REASON_NONE && job->group.out_of_memory) {
        view.asked = MODELLAB_REASON_MEMORY_CAP;
    }
    view.retry = job->retry;
    view.last_delay_ms = job->row->retry_delay_ms;
    if (lab->os.random->fill(lab->os.random->user, &view.random, sizeof(view.random)) != 0) {
        view.random = (uint64_t)mli_job_now(job); /* only spreads the delay of a retry */
    }
    return view;
}

/* What the worker's answer or its end told; its page tells the rest. */
static void measure_process(const mli_worker_process *p, mli_host_measures *m)
{
    bool first = p->runs <= 1;
    m->cpu_ns = p->cpu_ns;
    if (!p->answered) {
        m->cpu_method = first ? MLI_METHOD_RUSAGE : MLI_METHOD_RUSAGE_DIFFERENCE;
        return;
    }
    m->cpu_method = MLI_METHOD_DIFFERENCE;
    m->peak_memory_bytes = p->answer.peak_bytes;
    m->memory_method = p->answer.peak_is_sampled ? MLI_METHOD_RSS_SAMPLED
                       : first                   ? MLI_METHOD_VMHWM
                                                 : MLI_METHOD_VMHWM_RESET;
}

/* What the kernel counted for the worker's group, where nothing better is known: a worker that was
 * killed could not tell its last peak. */
static void measure_group(const mli_job *job, mli_host_measures *m)
{
    if (m->cpu_ns < 0 && job->group.cpu_ns >= 0) {
        m->cpu_ns = job->group.cpu_ns;
        m->cpu_method = MLI_METHOD_GROUP_CPU;
    }
    if (!job->process.answered && job->group.peak_bytes > m->peak_memory_bytes) {
        m->peak_memory_bytes = job->group.peak_bytes;
        m->memory_method = MLI_METHOD_GROUP_PEAK;
    }
}

static mli_host_measures measures_of(const mli_job *job)
{
    mli_host_measures m = MLI_HOST_MEASURES_INIT;
    measure_process(&job->process, &m);
    if (job->page.fd >= 0) {
        const mli_page *page = &job->page.seen;
        int64_t cpu = atomic_load(&page->cpu_ns);
        m.page_ns = cpu > 0 ? cpu : -1;
        m.step_at_ns = atomic_load(&page->step_cpu_ns);
        m.api_calls = mli_page_calls(page);
        int64_t peak = atomic_load(&page->peak_bytes);
        m.peak_memory_bytes = peak > m.peak_memory_bytes ? peak : m.peak_memory_bytes;
        m.progress_seconds = (double)atomic_load(&page->audio_done_ms) / 1000.0;
    }
    measure_group(job, &m);
    if (job->program.cpu_ns > 0) { /* what the run had started counts as its own */
        m.cpu_ns += m.cpu_ns >= 0 ? job->program.cpu_ns : 0;
        m.page_ns += m.page_ns >= 0 ? job->program.cpu_ns : 0;
    }
    return m;
}

static void say_end(const mli_job *job, const mli_settlement *s)
{
    bool good = s->what == MLI_RUN_DONE;
    mli_log(job->log, good ? MODELLAB_LOG_INFO : MODELLAB_LOG_WARN, "run.settled", s->message,
            MLI_LOG_FIELDS(mli_log_string("status", mli_status_name_of_run(job->status)),
                           mli_log_string("reason", mli_reason_name(s->reason)),
                           mli_log_bool("killed", job->killed)));
}

/* Not now: it is ready again after a while. What its worker has said cannot be dealt with yet. */
static bool later(mli_job *job, modellab_status why, int64_t now_ns)
{
    job->ready = false;
    job->trouble = why;
    job->retry_ns = now_ns + MLI_JOB_RETRY_NS;
    mli_worker_process_unwatch(&job->process);
    job->unwatched = true;
    return false;
}

bool mli_job_end_read(mli_job *job, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_job_end_program(job);
    mli_job_leave_group(job);
    if (!job->process.answered) {
        mli_worker_process_finish(&job->process, job->log);
    }
    modellab_status status = mli_ingest_read(&job->ingest, NULL, &err);
    if (status != MODELLAB_OK) {
        say_not_ingested(job, status, &err);
        return later(job, status, now_ns);
    }
    /* The rest of a long journal is read after a look at the other runs. */
    job->ready = !job->ingest.more;
    return job->ready;
}

/* What is decided does not depend on what the store makes of the lines. */
static void decide(mli_job *job)
{
    mli_settle_view view = view_of(job);
    mli_settlement *settlement = &job->settlement;
    mli_settle_decide(&view, settlement);
    mli_job_cap_message(job, settlement->reason, settlement->message, sizeof settlement->message);
}

mli_store_write mli_job_end_lines(mli_job *job)
{
    const mli_ingest_batch *batch = &job->ingest.batch;
    decide(job);
    /* A run that did what it should needs nothing from the store that its lines may change: they
     * go into the transaction of its end. */
    job->lines_with_end =
        job->settlement.what == MLI_RUN_DONE && !mli_ingest_batch_leaves_open(batch);
    if (job->lines_with_end) {
        return (mli_store_write){.change_count = 0};
    }
    return (mli_store_write){.changes = (const mli_store_change *const *)batch->changes,
                             .change_count = batch->count};
}

/* Somebody else gave the run its end while its worker wrote: what it made is kept. What fails here
 * is done by the next reconcile of the files. */
static void keep_late(const mli_job *job)
{
    mli_lab *lab = job->host->lab;
    mli_run_record *record = NULL;
    mli_late_found found = {0, 0};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_store_load(lab->store, job->row->id, &record, &err);
    if (status == MODELLAB_E_NOT_FOUND) {
        return;
    }
    if (status == MODELLAB_OK && record->run->fence == job->row->fence) {
        status = mli_late_keep(lab, record, false, &found, &err);
    }
    if (status != MODELLAB_OK) {
        mli_log_error(job->log, MODELLAB_LOG_WARN, "run.late_not_kept", "", status, &err);
    }
    if (found.lines > 0) {
        mli_manifest_writer_put(job->host->manifests, lab, job->row->id, 0, job->log);
    }
    mli_run_record_free(record);
}

/* It has its end, by us or by somebody else: the worker is free. */
static void finish(mli_job *job, int64_t now_ns)
{
    job->finished = true;
    if (job->ingest.refused) {
        job->status = 0;
        mli_log_text(job->log, MODELLAB_LOG_WARN, "run.settled_elsewhere",
                     "another process gave the run its end");
        keep_late(job);
    } else {
        say_end(job, &job->settlement);
    }
    bool signalled = job->ladder.rung == MLI_LADDER_TERM || job->ladder.rung == MLI_LADDER_KILL;
    mli_worker_pool_give(job->host->pool, &job->process, signalled || job->ingest.refused, now_ns);
}

static bool not_settled(mli_job *job, modellab_status status, const modellab_error *err,
                        int64_t now_ns)
{
    mli_log_error(job->log, MODELLAB_LOG_ERROR, "run.not_settled",
                  "the end of the run could not be recorded; it will be tried again", status, err);
    return later(job, status, now_ns);
}

bool mli_job_end_prepare(mli_job *job, const mli_store_write *lines, int64_t now_ns, int *gathers)
{
    modellab_error err = lines->error;
    modellab_status status = MODELLAB_OK;
    if (!job->lines_with_end) {
        status = mli_ingest_flushed(&job->ingest, lines->status, &err);
    }
    if (status != MODELLAB_OK) {
        say_not_ingested(job, status, &err);
        return later(job, status, now_ns);
    }
    if (mli_gather_ended_may(job->row, &job->settlement) && (*gathers)-- <= 0) {
        job->ready = false; /* its place is not free yet; the next look finds it ready again */
        return false;
    }
    job->measures = measures_of(job);
    status = mli_ending_prepare(&job->ending, &job->ingest, &job->settlement, &job->measures, &err);
    if (status != MODELLAB_OK) {
        return not_settled(job, status, &err, now_ns);
    }
    if (job->ingest.refused) {
        mli_ending_dispose(&job->ending);
        finish(job, now_ns);
        return false;
    }
    return true;
}

void mli_job_end_conclude(mli_job *job, const mli_store_write *end, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_ending_conclude(&job->ending, end, &job->status, &err);
    if (status != MODELLAB_OK) {
        (void)not_settled(job, status, &err, now_ns);
    } else {
        finish(job, now_ns);
    }
}

/* All acts, for one run alone. */
static void end_alone(mli_job *job, int64_t now_ns)
{
    mli_store *store = job->host->lab->store;
    int gathers = 1;
    job->ready = true;
    if (!mli_job_end_read(job, now_ns)) {
        return;
    }
    mli_store_write write = mli_job_end_lines(job);
    mli_store_write_many(store, &write, 1);
    if (mli_job_end_prepare(job, &write, now_ns, &gathers)) {
        write = mli_ending_write(&job->ending);
        mli_store_write_many(store, &write, 1);
        mli_job_end_conclude(job, &write, now_ns);
    }
}

void mli_job_settle_unstarted(mli_job *job, modellab_status why, const modellab_error *err)
{
    job->process.ended = true;
    job->process.end = MLI_WORKER_NOT_STARTED;
    /* The reason that people can act on, in the place where a worker would have said it. */
    mli_outcome *o = &job->ingest.outcome;
    o->known = true;
    o->status = MODELLAB_RUN_FAILED;
    o->reason = why == MODELLAB_E_NO_SPACE    ? MODELLAB_REASON_NO_SPACE
                : why == MODELLAB_E_IO        ? MODELLAB_REASON_IO_ERROR
                : why == MODELLAB_E_NOT_FOUND ? MODELLAB_REASON_INPUT_MISSING
                : why == MODELLAB_E_INVALID_JSON
                    ? MODELLAB_REASON_INTERNAL /* its request is damaged */
                    : MODELLAB_REASON_WORKER_NOT_STARTED;
    const char *text =
        err != NULL && err->message[0] != '\0' ? err->message : mli_reason_text(o->reason);
    (void)mli_str_copy(job->ingest.outcome_message, sizeof(job->ingest.outcome_message), text);
    end_alone(job, mli_job_now(job));
}
