/* Claiming a run and giving it to a worker: lock, claim, descriptors, order, in this order, so that
 * nobody ever sees a RUNNING run whose lock is free although it lives. */
#include "lab/job.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/job_private.h"
#include "lab/order.h"
#include "lab/remote_service.h"
#include "lab/run_log.h"
#include "lab/state.h"
#include "lab/tally.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/thread.h"
#include <errno.h>
#include <string.h>

#define RUNNING_TOLD_NS ((int64_t)20 * 1000000)
/* A lock that cannot be opened is tried so often, and for so long. */
#define LOCK_TRIES 5
#define LOCK_PATIENCE_NS ((int64_t)5 * 1000000000)

MODELLAB_MUST_CHECK static modellab_status open_run_file(const mli_job *job, mli_run_file what,
                                                         int flags, int *fd, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_lab *lab = job->host->lab;
    const mli_os_files *f = lab->os.files;
    modellab_status status = mli_run_path(lab->root, job->row->id, what, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int got = f->open(f->user, path, flags | MLI_OS_NOFOLLOW, 0600);
    if (got < 0) {
        *fd = -1;
        return mli_fail_os(err, -got, "a file of the run could not be opened");
    }
    *fd = got;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_page(mli_job *job, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_lab *lab = job->host->lab;
    modellab_status status = mli_run_path(lab->root, job->row->id, MLI_RUN_PAGE, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_page_terms terms = {.keep_on_host_death = job->host->keep_on_host_death,
                            .started_ns = job->deadlines.started_ns};
    mli_job_leave(job, terms.leave);
    int rc = mli_page_create(&job->page, lab->os.files, path, &terms);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "the run's page could not be made");
}

/* A file without a name: nobody else sees what is in it, and it goes with its last descriptor. */
MODELLAB_MUST_CHECK static modellab_status
nameless(const mli_job *job, const char *name, const mli_buf *text, int *fd, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_lab *lab = job->host->lab;
    const mli_os_files *f = lab->os.files;
    modellab_status status = mli_run_path(lab->root, job->row->id, MLI_RUN_FOLDER, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    size_t end = strlen(path);
    int n = mli_os_format(path + end, sizeof(path) - end, "/%s.%lld.tmp", name,
                          (long long)job->row->fence);
    if (n < 0 || (size_t)n >= sizeof(path) - end) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    int got = f->open(
        f->user, path,
        MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_TRUNCATE | MLI_OS_NOFOLLOW, 0600);
    if (got < 0) {
        return mli_fail_os(err, -got, "a file for the worker (%s) could not be made", name);
    }
    int rc = f->unlink(f->user, path);
    if (rc == 0 && text != NULL) {
        rc = mli_os_write_all(f, got, text->data, text->size);
    }
    if (rc != 0) {
        mli_os_fd_close(got);
        return mli_fail_os(err, -rc, "a file for the worker (%s) could not be written", name);
    }
    *fd = got;
    return MODELLAB_OK;
}

/* What one run's worker gets. -1 = none. */
typedef struct start {
    int fds[MLI_ORDER_FDS];
    int file;    /* the order, when it is too long for a message */
    bool remote; /* it asks a remote service: a worker of its own, that may use the network */
    mli_outputs outputs;
    mli_buf text;
} start;

MODELLAB_MUST_CHECK static modellab_status make_order(mli_job *job, const mli_journal_tail *journal,
                                                      start *s, modellab_error *err)
{
    const mli_run_row *row = job->row;
    mli_order order = {.run_id = row->id,
                       .request_id = row->request_id,
                       .trace_id = row->trace_id,
                       .span_id = row->span_id,
                       .steps = row->steps,
                       .input_name = row->input_name,
                       .input_sha256 = row->input_sha256,
                       .models_root = job->host->lab->models_root,
                       .request_json = row->request_json,
                       .fence = row->fence,
                       .journal = *journal,
                       .limit_ms = mli_deadline_effective_ms(&job->deadlines),
                       .attempt = row->attempt,
                       .threads = job->host->threads,
                       .log_level = job->host->log_level,
                       .sandbox_off = job->host->lab->settings.sandbox_off,
                       .require_sandbox = job->host->lab->settings.require_sandbox,
                       .address_bytes = job->host->lab->settings.worker_address_bytes,
                       .remote = s->remote,
                       .outputs = s->outputs};
    mli_remote_settings remote = {0};
    modellab_status status =
        s->remote ? mli_remote_settings_read(&remote, job->host->lab->alloc, err) : MODELLAB_OK;
    order.remote_url = remote.url != NULL ? remote.url : "";
    order.remote_key = remote.key != NULL ? remote.key : "";
    order.remote_model = remote.model != NULL ? remote.model : "";
    order.remote_part_bytes = remote.part_bytes;
    order.price_json = row->price_json;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        order.has[i] = s->fds[i] >= 0;
    }
    if (status == MODELLAB_OK) {
        mli_order_write(&order, &s->text);
        status = mli_buf_status(&s->text, err);
    }
    mli_remote_settings_dispose(&remote);
    if (status == MODELLAB_OK && s->text.size > MLI_CHANNEL_INLINE_BYTES) {
        status = nameless(job, "order", &s->text, &s->file, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
prepare_journal(const mli_job *job, mli_journal_tail *tail, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_lab *lab = job->host->lab;
    modellab_status status = mli_run_path(lab->root, job->row->id, MLI_RUN_JOURNAL, path, err);
    return status == MODELLAB_OK
               ? mli_journal_prepare(lab->os.files, path, job->row->fence, lab->alloc, tail, err)
               : status;
}

/* All that the steps may write. */
MODELLAB_MUST_CHECK static modellab_status open_outputs(const mli_job *job, start *s,
                                                        modellab_error *err)
{
    modellab_status status = mli_outputs_of_row(job->row, &s->outputs, err);
    if (status == MODELLAB_OK) {
        status = mli_output_files_make(job->host->lab, job->row, &s->outputs,
                                       &s->fds[MLI_ORDER_RESULTS], &s->fds[MLI_ORDER_OFFERS], err);
    }
    return status == MODELLAB_OK && s->fds[MLI_ORDER_INPUT] >= 0
               ? nameless(job, "spool", NULL, &s->fds[MLI_ORDER_SPOOL], err)
               : status;
}

/* Descriptors of the start, except the lock, and the order. */
MODELLAB_MUST_CHECK static modellab_status open_all(mli_job *job, start *s, modellab_error *err)
{
    mli_journal_tail tail;
    const int append = MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_CREATE;
    modellab_status status = make_page(job, err);
    if (status == MODELLAB_OK) {
        s->fds[MLI_ORDER_PAGE] = job->page.fd;
        status = prepare_journal(job, &tail, err);
    }
    if (status == MODELLAB_OK) {
        status = open_run_file(job, MLI_RUN_JOURNAL, append | MLI_OS_READ,
                               &s->fds[MLI_ORDER_JOURNAL], err);
    }
    if (status == MODELLAB_OK) {
        status = open_run_file(job, MLI_RUN_LOG, append, &s->fds[MLI_ORDER_LOG], err);
    }
    if (status == MODELLAB_OK) {
        status = open_run_file(job, MLI_RUN_ARTIFACTS, MLI_OS_READ | MLI_OS_DIRECTORY,
                               &s->fds[MLI_ORDER_ARTIFACTS], err);
    }
    if (status == MODELLAB_OK && job->row->input_sha256[0] != '\0') {
        status = open_run_file(job, MLI_RUN_INPUT, MLI_OS_READ | MLI_OS_NONBLOCK,
                               &s->fds[MLI_ORDER_INPUT], err);
    }
    if (status == MODELLAB_OK) {
        status = open_outputs(job, s, err);
    }
    if (status == MODELLAB_OK) {
        s->fds[MLI_ORDER_MODEL] = mli_model_images_find(job->host->images, job->row);
        status = make_order(job, &tail, s, err);
    }
    return status;
}

static void close_all(start *s)
{
    /* Nothing of value was written through these: the worker has its own copies. */
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        if (i != MLI_ORDER_LOCK && i != MLI_ORDER_PAGE && i != MLI_ORDER_MODEL) { /* borrowed */
            mli_os_fd_close(s->fds[i]);
        }
    }
    mli_os_fd_close(s->file);
    mli_buf_wipe(&s->text); /* it may hold the key of the remote service */
}

/* A cancel that came between the claim and the making of the page found no page to write to. */
MODELLAB_MUST_CHECK static modellab_status heed_early_cancel(mli_job *job, modellab_error *err)
{
    mli_run_stand stand;
    modellab_status status = mli_store_stand(job->host->lab->store, job->row->id, &stand, err);
    if (status == MODELLAB_OK && stand.cancel_requested_ms >= 0) {
        mli_job_stop(job, MODELLAB_REASON_CANCELLED_BY_USER, mli_job_now(job));
    }
    return status;
}

/* To a worker that waits, or to a new one. One that turns out to be gone is replaced. */
MODELLAB_MUST_CHECK static modellab_status give_order(mli_job *job, const start *s,
                                                      modellab_error *err)
{
    mli_worker_pool *pool = job->host->pool;
    int64_t fence = job->row->fence;
    while (!s->remote && mli_worker_pool_take(pool, &job->process)) {
        mli_job_enter_group(job);
        modellab_status status =
            mli_worker_process_order(&job->process, fence, &s->text, s->file, s->fds, err);
        if (status != MODELLAB_E_WORKER_START) {
            return status;
        }
        mli_error_clear(err);
        mli_worker_pool_give(pool, &job->process, true, mli_job_now(job));
    }
    modellab_status status = mli_worker_pool_start(pool, &job->process, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    job->process.remote = s->remote;
    mli_job_enter_group(job);
    return mli_worker_process_order(&job->process, fence, &s->text, s->file, s->fds, err);
}

MODELLAB_MUST_CHECK static modellab_status employ(mli_job *job, int lock_fd, modellab_error *err)
{
    start s = {.file = -1};
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        s.fds[i] = -1;
    }
    s.fds[MLI_ORDER_LOCK] = lock_fd;
    mli_buf_init(&s.text, job->host->lab->alloc);
    modellab_status status = mli_remote_wanted_by(job->row->request_json, &s.remote, err);
    if (status == MODELLAB_OK) {
        status = open_all(job, &s, err);
    }
    if (status == MODELLAB_OK) {
        status = heed_early_cancel(job, err);
    }
    if (status == MODELLAB_OK) {
        status = give_order(job, &s, err);
    }
    if (status != MODELLAB_OK) {
        /* Without an order it has nothing of the run; it is not trusted any more all the same. */
        mli_worker_pool_give(job->host->pool, &job->process, true, mli_job_now(job));
    }
    close_all(&s);
    return status;
}

modellab_status mli_job_write_owner(const mli_job_host *host, mli_buf *out, modellab_error *err)
{
    mli_jw w;
    const mli_os_identity *self = &host->self;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "supervisor", host->supervisor_id);
    mli_jw_kint(&w, "pid", self->pid);
    mli_jw_kint(&w, "start_ticks", (int64_t)self->start_ticks);
    mli_jw_kstring(&w, "boot_id", self->boot_id);
    mli_jw_end_object(&w);
    return mli_buf_status(out, err);
}

/* Counts it when a cap had no room. */
static bool is_lost_race(const mli_lab *lab, modellab_status status)
{
    mli_tally_refusal(lab, status, "queue");
    return status == MODELLAB_E_STATE || status == MODELLAB_E_RUN_FINAL ||
           status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_BUSY ||
           status == MODELLAB_E_CAP_EXCEEDED;
}

/* Ends a queued run that can never begin: it would wait for ever. */
MODELLAB_MUST_CHECK static modellab_status fail_queued(mli_lab *lab, const char *run_id,
                                                       modellab_reason reason, const char *text,
                                                       modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_run_transition end = {.to = MODELLAB_RUN_FAILED,
                                    .reason = reason,
                                    .message = text,
                                    .event_type = mli_state_event(MODELLAB_RUN_FAILED)};
    const mli_store_change change = {.run_id = run_id,
                                     .fence = record->run->fence,
                                     .expect = MODELLAB_RUN_QUEUED,
                                     .now_ms = mli_lab_now_ms(lab),
                                     .transition = &end};
    status = mli_store_apply(lab->store, &change, NULL, NULL, err);
    if (status == MODELLAB_OK) {
        modellab_logger *log = mli_run_log(lab, record->run);
        mli_log_text(log, MODELLAB_LOG_ERROR, "run.cannot_begin", text);
        mli_logger_unref(log);
    }
    mli_run_record_free(record);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status fail_without_folder(mli_lab *lab, const char *run_id,
                                                               modellab_error *err)
{
    char runs[MLI_PATH_BYTES];
    mli_os_stat facts;
    const mli_os_files *f = lab->os.files;
    int n = mli_os_format(runs, sizeof(runs), "%s/runs", lab->root);
    if (n < 0 || n >= (int)sizeof(runs) || f->stat(f->user, runs, true, &facts) != 0) {
        return mli_fail(err, MODELLAB_E_IO, "the folder of all runs cannot be looked at");
    }
    return fail_queued(lab, run_id, MODELLAB_REASON_INPUT_MISSING, "The folder of the run is gone.",
                       err);
}

/* The one of this run, else a free one, else the oldest. */
static mli_start_failure *failure_of(const mli_job_host *host, const char *run_id)
{
    mli_start_failure *best = &host->failures[0];
    for (size_t i = 0; i < MLI_START_FAILURES; i++) {
        mli_start_failure *one = &host->failures[i];
        if (strcmp(one->run_id, run_id) == 0) {
            return one;
        }
        best = one->since_ns < best->since_ns ? one : best;
    }
    memset(best, 0, sizeof(*best));
    (void)mli_str_copy(best->run_id, sizeof(best->run_id), run_id);
    return best;
}

/* What is wrong with the lock itself, and not with the machine at this moment. */
static bool is_the_locks_own(modellab_status status)
{
    return status == MODELLAB_E_IO || status == MODELLAB_E_PERMISSION ||
           status == MODELLAB_E_INVALID_ARGUMENT || status == MODELLAB_E_UNSUPPORTED;
}

/* Keeps the failure as the result until it has been tried often and long enough; then the run ends,
 * and nobody has it. */
MODELLAB_MUST_CHECK static modellab_status count_failure(const mli_job_host *host,
                                                         const char *run_id, modellab_status why,
                                                         modellab_error *err)
{
    char text[256];
    mli_start_failure *failure = failure_of(host, run_id);
    const mli_os_clock *clock = host->lab->os.clock;
    int64_t now = clock->monotonic_ns(clock->user);
    failure->since_ns = failure->tries == 0 ? now : failure->since_ns;
    failure->tries++;
    if (failure->tries < LOCK_TRIES || now - failure->since_ns < LOCK_PATIENCE_NS) {
        return why;
    }
    (void)mli_os_format(text, sizeof(text), "The run cannot begin, in %d tries: %s",
                        (int)failure->tries, err != NULL ? err->message : "no access to its lock");
    memset(failure, 0, sizeof(*failure));
    mli_error_clear(err);
    modellab_status status = fail_queued(host->lab, run_id, MODELLAB_REASON_IO_ERROR, text, err);
    return status == MODELLAB_OK ? MODELLAB_E_NOT_FOUND : status;
}

MODELLAB_MUST_CHECK static modellab_status start_claimed(mli_job *job, int lock_fd,
                                                         modellab_error *err)
{
    modellab_status status = mli_job_begin(job, mli_job_now(job), err);
    mli_log_text(job->log, MODELLAB_LOG_INFO, "run.claimed", job->row->steps);
    /* The manifest says RUNNING too, unless the run ends at once. */
    mli_manifest_writer_put(job->host->manifests, job->host->lab, job->row->id, RUNNING_TOLD_NS,
                            job->log);
    if (status == MODELLAB_OK) {
        status = employ(job, lock_fd, err);
    }
    if (status == MODELLAB_OK) {
        bool first = job->process.runs == 1;
        mli_log(job->log, MODELLAB_LOG_INFO, first ? "worker.spawned" : "worker.reused", "",
                MLI_LOG_FIELDS(mli_log_int("worker_pid", job->process.pid),
                               mli_log_int("runs", job->process.runs)));
        mli_tally_add(job->host->lab, first ? "worker_starts_total" : "worker_reuses_total", "", 1);
        return status;
    }
    mli_log_error(job->log, MODELLAB_LOG_ERROR, "worker.not_started", "", status, err);
    mli_job_settle_unstarted(job, status, err);
    return MODELLAB_OK;
}

/* What the run may take is held in the store, in the transaction of the claim, until it is settled.
 */
MODELLAB_MUST_CHECK static modellab_status prepare_claim(mli_job *job, const char *run_id,
                                                         modellab_error *err)
{
    const mli_job_host *host = job->host;
    const mli_lab_settings *settings = &host->lab->settings;
    (void)mli_str_copy(job->claimed_id, sizeof(job->claimed_id), run_id); /* a ULID fits */
    modellab_status status = mli_job_write_owner(host, &job->owner, err);
    job->claim = (mli_store_claim){.run_id = job->claimed_id,
                                   .owner = mli_buf_text(&job->owner),
                                   .now_ms = mli_lab_now_ms(host->lab),
                                   .hold = &job->hold,
                                   .max_running = (int32_t)settings->max_running,
                                   .max_running_per_user = (int32_t)settings->max_running_per_user,
                                   .virtual_ms = host->virtual_ms,
                                   .is_extra = host->is_extra};
    return status;
}

modellab_status mli_job_prepare(const mli_job_host *host, const char *run_id, mli_job **out,
                                modellab_error *err)
{
    mli_lab *lab = host->lab;
    *out = NULL;
    mli_job *job = mli_job_create(host, err);
    if (job == NULL) {
        return MODELLAB_E_NO_MEMORY;
    }
    modellab_status status = mli_rundir_lock(lab->os.files, lab->root, run_id, &job->lock_fd, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        status = fail_without_folder(lab, run_id, err);
        status = status == MODELLAB_OK ? MODELLAB_E_NOT_FOUND : status;
    } else if (is_the_locks_own(status)) {
        status = count_failure(host, run_id, status, err);
    }
    if (status == MODELLAB_OK) {
        status = prepare_claim(job, run_id, err);
    }
    if (status == MODELLAB_OK) {
        *out = job;
        return status;
    }
    mli_job_dispose(job);
    if (is_lost_race(host->lab, status)) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return status;
}

mli_store_write mli_job_claim(mli_job *job)
{
    return (mli_store_write){.claim = &job->claim, .row = &job->row};
}

modellab_status mli_job_start(mli_job *job, const mli_store_write *claimed, bool *taken,
                              modellab_error *err)
{
    *taken = claimed->status == MODELLAB_OK;
    if (!*taken) {
        return is_lost_race(job->host->lab, claimed->status)
                   ? MODELLAB_OK
                   : mli_fail(err, claimed->status, "%s", claimed->error.message);
    }
    modellab_status status = start_claimed(job, job->lock_fd, err);
    /* From here on the worker's copy alone holds the lock (while the order is on its way: the
     * message). */
    mli_os_fd_close(job->lock_fd);
    job->lock_fd = -1;
    return status;
}
