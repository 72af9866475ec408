/* Taking over a run whose worker lives and whose supervisor is gone: by the identity in the run's
 * page, with the lock looked at once more after the process is held by a descriptor; then the store
 * makes this supervisor its owner, unless another one was faster. */
#include "lab/job_private.h"

#include "base/error.h"
#include "lab/run_lock.h"
#include "log/logger.h"
#include <errno.h>

MODELLAB_MUST_CHECK static modellab_status open_page(mli_job *job, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_lab *lab = job->host->lab;
    modellab_status status = mli_run_path(lab->root, job->row->id, MLI_RUN_PAGE, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_page_open(&job->page, lab->os.files, path);
    if (rc == 0) {
        return MODELLAB_OK;
    }
    return rc == -ENOENT || rc == -EINVAL
               ? mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no page that is usable")
               : mli_fail_os(err, -rc, "the run's page could not be opened");
}

MODELLAB_MUST_CHECK static modellab_status take_over(mli_job *job, modellab_error *err)
{
    mli_os_identity worker;
    bool held = false;
    modellab_status status = open_page(job, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (!mli_page_worker(&job->page.seen, &worker)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run's worker has not named itself");
    }
    status = mli_worker_process_adopt(&job->process, job->host->lab, &worker, err);
    if (status == MODELLAB_OK) {
        mli_worker_process *p = &job->process;
        p->groups = &job->host->pool->groups;
        int rc = mli_os_cgroup_of(&p->group, &p->groups->system, p->pid);
        (void)rc; /* in none: it is bounded by looking at it */
        status = mli_run_lock_is_held(job->host->lab, job->row->id, &held, err);
    }
    if (status == MODELLAB_OK && !held) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "the worker is gone");
    }
    return status;
}

/* Several supervisors may find the run at the same time: the store gives it to one of them. Before
 * that nothing was changed, and the others leave it alone. */
MODELLAB_MUST_CHECK static modellab_status take_ownership(const mli_job *job, modellab_error *err)
{
    mli_buf owner;
    bool taken = false;
    mli_lab *lab = job->host->lab;
    mli_buf_init(&owner, lab->alloc);
    modellab_status status = mli_job_write_owner(job->host, &owner, err);
    if (status == MODELLAB_OK) {
        const mli_store_adoption what = {.run_id = job->row->id,
                                         .fence = job->row->fence,
                                         .from = job->row->owner,
                                         .to = mli_buf_text(&owner)};
        status = mli_store_adopt(lab->store, &what, &taken, err);
    }
    mli_buf_dispose(&owner);
    if (status == MODELLAB_OK && !taken) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "another supervisor adopted the run");
    }
    return status;
}

/* When the claim was, by this machine's monotonic clock: as the page tells, else the record's wall
 * time moved to it. The worker lives, so the page is of this boot. */
static int64_t started_at(const mli_job *job)
{
    int64_t told = atomic_load(&job->page.seen.started_ns);
    if (told > 0 && told <= mli_job_now(job)) {
        return told;
    }
    int64_t now_ms = mli_lab_now_ms(job->host->lab);
    int64_t ago_ms = now_ms - job->row->started_ms;
    if (job->row->started_ms < 0 || ago_ms < 0) {
        ago_ms = 0;
    }
    int64_t started = mli_job_now(job) - ago_ms * 1000000;
    return started > 0 ? started : 1;
}

/* What it holds stands in the store; unread, the run goes on with the leave in its page. */
static void find_hold(mli_job *job)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_amounts need;
    modellab_status status =
        mli_store_cap_needs(job->host->lab->store, job->row->id, &need, &job->hold, &err);
    if (status != MODELLAB_OK) {
        job->hold.capped = 0;
        mli_log_error(job->log, MODELLAB_LOG_WARN, "caps.not_read",
                      "the caps of the run's user are not raised while it runs", status, &err);
    }
}

modellab_status mli_job_adopt(const mli_job_host *host, mli_run_row *row, mli_job **out,
                              modellab_error *err)
{
    *out = NULL;
    mli_job *job = mli_job_create(host, err);
    if (job == NULL) {
        return MODELLAB_E_NO_MEMORY;
    }
    job->row = row;
    modellab_status status = take_over(job, err);
    if (status == MODELLAB_OK) {
        status = take_ownership(job, err);
    }
    if (status != MODELLAB_OK) {
        job->row = NULL; /* stays the caller's */
        mli_job_dispose(job);
        return status;
    }
    job->adopted = true;
    status = mli_job_begin(job, started_at(job), err);
    if (status != MODELLAB_OK) { /* nobody would hold it to its caps */
        mli_log_error(job->log, MODELLAB_LOG_ERROR, "request.not_read", "the run is stopped",
                      status, err);
        mli_job_stop(
            job, status == MODELLAB_E_NO_MEMORY ? MODELLAB_REASON_OOM : MODELLAB_REASON_INTERNAL,
            mli_job_now(job));
        mli_error_clear(err);
    }
    if (row->cancel_requested_ms >= 0) {
        mli_job_stop(job, MODELLAB_REASON_CANCELLED_BY_USER, mli_job_now(job));
    }
    find_hold(job);
    mli_log(job->log, MODELLAB_LOG_INFO, "run.adopted", "",
            MLI_LOG_FIELDS(mli_log_int("worker_pid", job->process.pid)));
    *out = job;
    return MODELLAB_OK;
}
