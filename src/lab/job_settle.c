/* The end of a job: the process is reaped, the rest of the journal read, and the run gets its
 * status by the decision of settle.h. */
#include "lab/job_private.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/methods.h"
#include "log/logger.h"
#include <string.h>

static mli_settle_view view_of(mli_job *job)
{
    const mli_lab *lab = job->host->lab;
    mli_settle_view view = {.outcome = job->ingest.outcome,
                            .end = job->process.answered ? MLI_WORKER_EXITED : job->process.end,
                            .code = job->process.answered ? 0 : job->process.code,
                            .reconciling = false,
                            .draining = job->draining,
                            .limit_ms = mli_deadline_effective_ms(&job->deadlines),
                            .attempt = job->row->attempt};
    view.asked = mli_page_stop_reason(&job->page.seen);
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

static mli_host_measures measures_of(const mli_job *job)
{
    mli_host_measures m = MLI_HOST_MEASURES_INIT;
    measure_process(&job->process, &m);
    if (job->page.fd >= 0) {
        const mli_page *page = &job->page.seen;
        int64_t cpu = atomic_load(&page->cpu_ns);
        m.page_ns = cpu > 0 ? cpu : -1;
        m.step_at_ns = atomic_load(&page->step_cpu_ns);
        m.api_calls = atomic_load(&page->calls_made);
        int64_t peak = atomic_load(&page->peak_bytes);
        m.peak_memory_bytes = peak > m.peak_memory_bytes ? peak : m.peak_memory_bytes;
        m.progress_seconds = (double)atomic_load(&page->audio_done_ms) / 1000.0;
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

static bool settle_by(mli_job *job, mli_settlement *settlement)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_host_measures host = measures_of(job);
    modellab_status status = mli_ingest_settle(&job->ingest, settlement, &host, &job->status, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(job->log, MODELLAB_LOG_ERROR, "run.not_settled",
                      "the end of the run could not be recorded; it will be tried again", status,
                      &err);
        return false;
    }
    job->finished = true;
    if (job->ingest.refused) {
        job->status = 0;
        mli_log_text(job->log, MODELLAB_LOG_WARN, "run.settled_elsewhere",
                     "another process gave the run its end");
    } else {
        say_end(job, settlement);
    }
    return true;
}

bool mli_job_settle(mli_job *job, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_settlement settlement;
    if (!job->process.answered) {
        mli_worker_process_finish(&job->process);
    }
    modellab_status status = mli_ingest_pump(&job->ingest, NULL, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(job->log, MODELLAB_LOG_ERROR, "journal.not_ingested",
                      "the journal could not be taken over; it will be tried again", status, &err);
        return false;
    }
    mli_settle_view view = view_of(job);
    mli_settle_decide(&view, &settlement);
    mli_job_cap_message(job, settlement.reason, settlement.message, sizeof settlement.message);
    if (!settle_by(job, &settlement)) {
        return false;
    }
    bool signalled = job->ladder.rung == MLI_LADDER_TERM || job->ladder.rung == MLI_LADDER_KILL;
    mli_worker_pool_give(job->host->pool, &job->process, signalled || job->ingest.refused, now_ns);
    return true;
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
                                              : MODELLAB_REASON_WORKER_NOT_STARTED;
    const char *text =
        err != NULL && err->message[0] != '\0' ? err->message : mli_reason_text(o->reason);
    (void)mli_str_copy(job->ingest.outcome_message, sizeof(job->ingest.outcome_message), text);
    int64_t next = 0;
    mli_job_look(job, mli_job_now(job), &next);
}
