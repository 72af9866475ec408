/* The care for one run: what its page and process say, what is due, what is done. */
#include "lab/job.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/job_private.h"
#include "lab/pricing.h"
#include "lab/run_log.h"
#include "log/logger.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
#define LOOK_MS 100        /* page, caps, journal */
#define MEMORY_LOOK_MS 10  /* for a run with a memory cap */
#define QUIET_LOOK_MS 1000 /* journal, when the page does not tell of new lines */
/* New lines wait for those behind them, and for the end of a run that is about to come: what is
 * written together costs one transaction. */
#define GATHER_NS (4 * NS_PER_MS)

int64_t mli_job_now(const mli_job *job)
{
    const mli_os_clock *clock = job->host->lab->os.clock;
    return clock->monotonic_ns(clock->user);
}

mli_job *mli_job_create(const mli_job_host *host, modellab_error *err)
{
    mli_job *job = mli_alloc_zero(host->lab->alloc, sizeof(*job));
    if (job == NULL) {
        (void)mli_no_memory(err);
        return NULL;
    }
    job->host = host;
    job->ingest.fd = -1;
    job->page = MLI_PAGE_VIEW_NONE;
    job->lock_fd = -1;
    mli_buf_init(&job->owner, host->lab->alloc);
    job->group.cpu_ns = job->group.peak_bytes = -1;
    mli_worker_process_init(&job->process, &host->lab->os);
    mli_worker_process_init(&job->program.process, &host->lab->os);
    return job;
}

/* Without it the run's caps and deadlines are not known. */
MODELLAB_MUST_CHECK static modellab_status read_request(mli_job *job, modellab_error *err)
{
    mli_json *request = NULL;
    const char *text = job->row->request_json;
    modellab_error why = MODELLAB_ERROR_INIT;
    job->limits = job->host->limits;
    modellab_status status =
        mli_json_parse(text, strlen(text), MLI_REQUEST_MAX_BYTES, &request, &why);
    if (status == MODELLAB_OK) {
        mli_caps_read(mli_json_get(request, "caps"), &job->caps);
        mli_run_limits_read(request, job->row->steps, &job->limits);
        mli_json_free(request);
        return status;
    }
    return mli_fail(err,
                    status == MODELLAB_E_NO_MEMORY ? MODELLAB_E_NO_MEMORY : MODELLAB_E_INVALID_JSON,
                    "the accepted request of the run cannot be read: %s", why.message);
}

modellab_status mli_job_begin(mli_job *job, int64_t started_ns, modellab_error *err)
{
    const mli_lab *lab = job->host->lab;
    mli_deadline_view *d = &job->deadlines;
    job->log = mli_run_log(lab, job->row);
    modellab_status status = read_request(job, err);
    mli_ladder_init(&job->ladder, job->limits.term_ms, job->limits.kill_ms);
    mli_retry_of_request(job->row->request_json, job->row->max_attempts, &job->retry);
    d->started_ns = started_ns;
    d->run_limit_ms =
        mli_deadline_run_ms(job->row->max_duration_ms, 0, lab->settings.max_run_duration_ms);
    d->wall_cap_ms = job->caps.wall_ms;
    d->stall_limit_ms = job->limits.stall_ms;
    d->progress_ns = mli_job_now(job);
    mli_ingest_open(&job->ingest, job->host->lab, job->row);
    job->ingest.manifests = job->host->manifests;
    mli_ingest_in_turns(&job->ingest);
    return status;
}

void mli_job_stop(mli_job *job, modellab_reason reason, int64_t now_ns)
{
    int rc = job->page.fd >= 0 ? mli_page_ask_stop(&job->page, reason) : 0;
    if (rc != 0 && !job->page_lost) {
        job->page_lost = true;
        mli_log(job->log, MODELLAB_LOG_WARN, "page.lost",
                "the worker cannot be asked to stop; signals will do",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
    if (mli_ladder_ask(&job->ladder, now_ns)) {
        mli_log(job->log, MODELLAB_LOG_INFO, "run.stop_asked", "",
                MLI_LOG_FIELDS(mli_log_string("reason", mli_reason_name(reason))));
    }
}

void mli_job_see_page(mli_job *job)
{
    int rc = job->page.fd >= 0 ? mli_page_look(&job->page) : 0;
    if (rc != 0 && !job->page_lost) {
        job->page_lost = true;
        mli_log(job->log, MODELLAB_LOG_WARN, "page.lost",
                "the page of the run is not usable any more; its worker counts as silent",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
}

/* What the worker wrote into the page since the last look. */
static void read_page(mli_job *job, int64_t now_ns)
{
    uint32_t progress = atomic_load(&job->page.seen.progress);
    uint32_t step = atomic_load(&job->page.seen.step);
    if (progress != job->seen_progress) {
        job->seen_progress = progress;
        job->deadlines.progress_ns = now_ns;
    }
    if (step != job->seen_step) {
        int64_t began = atomic_load(&job->page.seen.step_started_ns);
        bool sane = began > 0 && began <= now_ns; /* the worker's word */
        job->seen_step = step;
        job->deadlines.step_started_ns = sane ? began : now_ns;
        job->deadlines.step_limit_ms =
            step >= 1 && step <= MLI_STEP_MAX ? job->limits.step_ms[step - 1] : 0;
    }
}

static modellab_reason passed_deadline(const mli_job *job, int64_t now_ns)
{
    switch (mli_deadline_passed(&job->deadlines, now_ns)) {
    case MLI_DEADLINE_RUN:
        return MODELLAB_REASON_RUN_TIMEOUT;
    case MLI_DEADLINE_STEP:
        return MODELLAB_REASON_STEP_TIMEOUT;
    case MLI_DEADLINE_STALL:
        return MODELLAB_REASON_STALL_TIMEOUT;
    default:
        return MODELLAB_REASON_NONE;
    }
}

int64_t mli_job_cost_now(const mli_job *job, int64_t cpu_ns, int64_t calls)
{
    mli_run_measures m = job->ingest.measures;
    m.cpu_seconds = (double)cpu_ns / 1e9;
    if (job->row->cpu_seconds > 0) {
        m.cpu_seconds += job->row->cpu_seconds; /* of earlier attempts */
    }
    int64_t before = job->row->api_calls > 0 ? job->row->api_calls : 0;
    m.api_calls = calls > INT64_MAX - before ? INT64_MAX : calls + before; /* the worker's word */
    return mli_pricing_cost(job->host->lab, job->row, &m);
}

/* Asks for a stop when something has run out, or when somebody else wrote the cancel word. */
static void enforce(mli_job *job, int64_t now_ns)
{
    modellab_reason reason = MODELLAB_REASON_NONE;
    if (job->page.fd >= 0) {
        read_page(job, now_ns);
        reason = mli_page_stop_reason(&job->page.seen);
    }
    if (reason == MODELLAB_REASON_NONE) {
        reason = passed_deadline(job, now_ns);
    }
    if (reason == MODELLAB_REASON_NONE && job->page.fd >= 0) {
        reason = mli_job_passed_cap(job, now_ns);
    }
    if (reason != MODELLAB_REASON_NONE) {
        mli_job_stop(job, reason, now_ns);
    } else if (job->ingest.outcome.known && job->ladder.rung == MLI_LADDER_IDLE) {
        (void)mli_ladder_ask(&job->ladder, now_ns); /* it has said its last word and should leave */
    }
}

static void climb(mli_job *job, int64_t now_ns)
{
    if (mli_job_over_memory(job, now_ns)) {
        job->killed = true;
        mli_log_text(job->log, MODELLAB_LOG_WARN, "worker.signalled",
                     "SIGKILL to the group: above its memory cap");
        mli_worker_process_signal(&job->process, true, job->log);
    }
    mli_ladder_rung before = job->ladder.rung;
    mli_ladder_rung rung = mli_ladder_climb(&job->ladder, now_ns);
    if (rung == before) {
        return;
    }
    job->killed = rung == MLI_LADDER_KILL;
    mli_log_text(job->log, MODELLAB_LOG_WARN, "worker.signalled",
                 job->killed ? "SIGKILL to the group" : "SIGTERM to the group");
    mli_worker_process_signal(&job->process, job->killed, job->log);
}

/* It fills the disk meanwhile: no time is left to it. */
static void stop_flood(mli_job *job, int64_t now_ns)
{
    mli_job_stop(job, MODELLAB_REASON_JOURNAL_LIMIT, now_ns);
    job->killed = true;
    mli_log_text(job->log, MODELLAB_LOG_WARN, "worker.signalled",
                 "SIGKILL to the group: it wrote more into its journal than it may");
    mli_worker_process_signal(&job->process, true, job->log);
}

/* The journal is read when the page tells of new lines, and now and then in any case. */
static void pump(mli_job *job, int64_t now_ns, bool now)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t lines = atomic_load(&job->page.seen.journal_lines);
    bool due = now_ns - job->looked_ns >= QUIET_LOOK_MS * NS_PER_MS;
    bool more = job->ingest.more || mli_ingest_is_too_large(&job->ingest);
    bool told = lines != job->seen_lines;
    if (!now && !due && !more) {
        if (told && job->news_ns == 0) {
            job->news_ns = now_ns;
        }
        if (!told || now_ns - job->news_ns < GATHER_NS) {
            return;
        }
    }
    job->news_ns = 0;
    job->seen_lines = lines;
    job->looked_ns = now_ns;
    modellab_status status = mli_ingest_pump(&job->ingest, NULL, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(job->log, MODELLAB_LOG_ERROR, "journal.not_ingested",
                      "the journal could not be taken over; it will be tried again", status, &err);
        job->seen_lines = -1;
        job->behind_ns = job->behind_ns > 0 ? job->behind_ns : now_ns;
        job->trouble = status;
    } else {
        job->trouble = MODELLAB_OK;
        job->behind_ns = 0;
        if (job->ingest.too_large && job->ladder.rung == MLI_LADDER_IDLE) {
            stop_flood(job, now_ns);
        }
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_look(const mli_job *job, int64_t now_ns)
{
    int64_t often = job->caps.peak_memory_bytes > 0 ? MEMORY_LOOK_MS : LOOK_MS;
    int64_t next = job->ingest.more ? now_ns : now_ns + often * NS_PER_MS;
    next = job->news_ns > 0 ? earlier(next, job->news_ns + GATHER_NS) : next;
    next = earlier(next, mli_ladder_next_ns(&job->ladder));
    if (job->ladder.rung == MLI_LADDER_IDLE) {
        next = earlier(next, mli_deadline_next_ns(&job->deadlines));
    }
    return next;
}

static void watch_again(mli_job *job)
{
    if (job->unwatched && job->process.poller != NULL) {
        mli_worker_process_watch(&job->process, job->host->lab, job->process.poller);
    }
    job->unwatched = false;
}

/* Another attempt owns the run: what this one's worker still does is worth nothing. Its end wakes
 * the supervisor, which reaps it then. */
static void fence_out(mli_job *job, int64_t now_ns)
{
    if (now_ns >= job->kill_ns) {
        mli_worker_process_signal(&job->process, true, job->log);
        job->kill_ns = now_ns + MLI_JOB_RETRY_NS;
    }
}

void mli_job_look(mli_job *job, int64_t now_ns, int64_t *next_ns)
{
    *next_ns = INT64_MAX;
    if (job->finished || job->ready) {
        return;
    }
    if (job->retry_ns > now_ns) {
        *next_ns = job->retry_ns;
        return;
    }
    watch_again(job);
    mli_worker_process_look(&job->process);
    mli_worker_process_tell_unheard(&job->process, job->log);
    mli_job_see_page(job);
    if (!job->process.ended && !job->process.answered && !job->ingest.refused) {
        pump(job, now_ns, false);
        enforce(job, now_ns);
        climb(job, now_ns);
        *next_ns = next_look(job, now_ns);
        mli_job_look_at_program(job, now_ns, next_ns);
        return;
    }
    if (!job->process.ended && !job->process.answered) {
        fence_out(job, now_ns);
        *next_ns = job->kill_ns;
        return;
    }
    job->ready = true;
}

void mli_job_dispose(mli_job *job)
{
    if (job == NULL) {
        return;
    }
    const modellab_allocator *alloc = job->host->lab->alloc;
    mli_ending_dispose(&job->ending);
    if (job->ingest.lab != NULL) { /* claimed or adopted */
        mli_ingest_close(&job->ingest);
    }
    mli_worker_process_forget(&job->program.process); /* it goes on with its worker */
    mli_os_fd_close(job->lock_fd);
    mli_buf_dispose(&job->owner);
    mli_worker_process_forget(&job->process);
    mli_page_close(&job->page);
    mli_logger_unref(job->log);
    if (job->row != NULL) {
        mli_run_row_free(alloc, job->row);
    }
    mli_free(alloc, job);
}
