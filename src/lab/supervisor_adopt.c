/* The supervisor's look at RUNNING runs that it does not have: adopt those whose supervisor is
 * gone, settle those whose worker is. */
#include "base/error.h"
#include "base/str.h"
#include "lab/dead_run.h"
#include "lab/run_log.h"
#include "lab/supervisor_private.h"
#include "log/logger.h"
#include <string.h>

/* So long a dead run is left to a supervisor that lives. */
#define PATIENCE_NS ((int64_t)4 * 1000000000)

static mli_suspect *find_suspect(mli_supervisor *s, const mli_run_row *row)
{
    mli_suspect *room = NULL;
    for (size_t i = 0; i < MLI_SUPERVISOR_SUSPECTS; i++) {
        mli_suspect *one = &s->suspects[i];
        if (one->fence == row->fence && strcmp(one->run_id, row->id) == 0) {
            return one;
        }
        room = room == NULL && one->run_id[0] == '\0' ? one : room;
    }
    return room;
}

/* Whether a run that its living supervisor should have settled has waited long enough. */
static bool is_patience_over(mli_supervisor *s, const mli_run_row *row)
{
    mli_suspect *one = find_suspect(s, row);
    int64_t now = mli_supervisor_now(s);
    if (one == NULL) {
        return false; /* no room to remember it: looked at again in the next round */
    }
    if (one->run_id[0] == '\0') {
        (void)mli_str_copy(one->run_id, sizeof(one->run_id), row->id);
        one->fence = row->fence;
        one->since_ns = now;
        if (s->next_reconcile_ns > now + PATIENCE_NS) {
            s->next_reconcile_ns = now + PATIENCE_NS;
        }
        return false;
    }
    return now - one->since_ns >= PATIENCE_NS;
}

static void forget(mli_supervisor *s, const mli_run_row *row)
{
    mli_suspect *one = find_suspect(s, row);
    if (one != NULL && one->run_id[0] != '\0') {
        memset(one, 0, sizeof(*one));
    }
}

static modellab_status settle(mli_supervisor *s, const mli_run_row *row, modellab_error *err)
{
    modellab_run_status to = 0;
    forget(s, row);
    modellab_status status = mli_dead_run_settle(s->lab, row, &to, NULL, err);
    if (to == MODELLAB_RUN_QUEUED) {
        s->next_claim_ns = 0;
    }
    return status;
}

/* `*row` is set to NULL when the job has taken it. */
static modellab_status adopt(mli_supervisor *s, mli_run_row **row, modellab_error *err)
{
    mli_job *job = NULL;
    if (s->job_count >= MLI_SUPERVISOR_JOBS) {
        return MODELLAB_OK; /* the next round, or another supervisor */
    }
    modellab_status status = mli_job_adopt(&s->host, *row, &job, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err); /* it ended meanwhile: seen as dead in the next round */
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        *row = NULL;
        mli_worker_process_watch(&job->process, s->lab, &s->poller);
        (void)mli_supervisor_add(s, job); /* there is room: looked above */
    }
    return status;
}

static void say_orphaned(const mli_supervisor *s, const mli_run_row *row)
{
    modellab_logger *log = mli_run_log(s->lab, row);
    mli_log_text(log, MODELLAB_LOG_WARN, "run.orphaned",
                 "its lock is held by a process that is not its worker");
    mli_logger_unref(log);
}

static modellab_status look_at(mli_supervisor *s, mli_run_row **row, modellab_error *err)
{
    mli_run_life life = MLI_LIFE_WORKS;
    modellab_status status = mli_run_life_of(s->lab, *row, &life, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    switch (life) {
    case MLI_LIFE_ALONE:
        return s->draining ? MODELLAB_OK : adopt(s, row, err);
    case MLI_LIFE_DEAD:
        return settle(s, *row, err);
    case MLI_LIFE_GUARDED:
        return is_patience_over(s, *row) ? settle(s, *row, err) : MODELLAB_OK;
    case MLI_LIFE_ORPHANED:
        say_orphaned(s, *row);
        return MODELLAB_OK;
    default:
        return MODELLAB_OK;
    }
}

static bool is_mine(const mli_supervisor *s, const mli_run_row *row)
{
    bool wanted = s->only_run_id[0] == '\0' || strcmp(s->only_run_id, row->id) == 0;
    return !wanted || mli_supervisor_has(s, row->id);
}

modellab_status mli_supervisor_reconcile(mli_supervisor *s, modellab_error *err)
{
    mli_run_row_list *active = NULL;
    modellab_status first = mli_store_active(s->lab->store, &active, err);
    if (first != MODELLAB_OK) {
        return first;
    }
    for (size_t i = 0; i < active->count; i++) {
        modellab_error one = MODELLAB_ERROR_INIT;
        if (is_mine(s, active->rows[i])) {
            continue;
        }
        modellab_status status = look_at(s, &active->rows[i], &one);
        if (status != MODELLAB_OK && first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    mli_run_row_list_free(active);
    return first;
}
