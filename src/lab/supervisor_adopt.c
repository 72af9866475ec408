/* The supervisor's look at RUNNING runs: stop its own whose cancel is stored, adopt those whose
 * supervisor is gone, settle those whose worker is. */
#include "base/error.h"
#include "base/str.h"
#include "lab/run_log.h"
#include "lab/supervisor_private.h"
#include "lab/tally.h"
#include "log/logger.h"
#include <string.h>

#define NS_PER_S ((int64_t)1000000000)
/* So long a dead run is left to a supervisor that lives: with the time until it is seen, its end is
 * recorded within 5 seconds of its worker's. Who settles it first wins, so that a supervisor which
 * is only slow loses nothing but what it alone knows (an exit code, exact CPU time). */
#define PATIENCE_NS (3 * NS_PER_S)
#define LOOK_NS NS_PER_S /* from look to look; a long look makes the pause longer */
#define LOOK_MOST_NS (NS_PER_S + NS_PER_S / 2)
#define PAUSE_OF_LOOKS 100 /* so many times what the look took */
#define TELL_ORPHANS_NS (60 * NS_PER_S)

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
        one->seen = true;
        return false;
    }
    one->seen = true;
    return now - one->since_ns >= PATIENCE_NS;
}

/* A run that could not be looked at stays under suspicion. */
static void keep_suspect(mli_supervisor *s, const mli_run_row *row)
{
    mli_suspect *one = find_suspect(s, row);
    if (one != NULL && one->run_id[0] != '\0') {
        one->seen = true;
    }
}

/* Those that were settled meanwhile, by whomever, make room for others. */
static void forget_unseen(mli_supervisor *s)
{
    for (size_t i = 0; i < MLI_SUPERVISOR_SUSPECTS; i++) {
        if (!s->suspects[i].seen) {
            memset(&s->suspects[i], 0, sizeof(s->suspects[i]));
        }
        s->suspects[i].seen = false;
    }
}

/* What this look finds counts like what a reconcile finds that somebody asked for. */
static void count(const mli_supervisor *s, const char *finding)
{
    mli_tally_add(s->lab, "reconcile_findings_total", finding, 1);
}

/* A turn of one run that was found dead. */
MODELLAB_MUST_CHECK static modellab_status bury(mli_supervisor *s, mli_dead_run *dead,
                                                modellab_error *err)
{
    modellab_run_status to = 0;
    bool done = false;
    modellab_status status = mli_dead_run_step(dead, &done, &to, err);
    if (to != 0) {
        count(s, to == MODELLAB_RUN_STALE    ? "run.stale"
                 : to == MODELLAB_RUN_QUEUED ? "run.requeued"
                                             : "run.settled");
    }
    if (done && mli_dead_run_damaged(dead) > 0) {
        count(s, "journal.damaged");
    }
    if (done) {
        mli_dead_run_close(dead);
    }
    if (to == MODELLAB_RUN_QUEUED) {
        s->next_claim_ns = 0;
    }
    return status;
}

void mli_supervisor_bury(mli_supervisor *s, int64_t now, int64_t *next)
{
    for (size_t i = 0; i < MLI_SUPERVISOR_DEAD; i++) {
        mli_dead_run *dead = &s->dead[i];
        modellab_error err = MODELLAB_ERROR_INIT;
        if (dead->row == NULL) {
            continue;
        }
        modellab_status status = bury(s, dead, &err);
        if (status != MODELLAB_OK) {
            mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "run.not_settled",
                          "the end of a dead run could not be recorded; it will be tried again",
                          status, &err);
        }
        *next = dead->row != NULL ? now : *next;
    }
}

void mli_supervisor_bury_stop(mli_supervisor *s)
{
    for (size_t i = 0; i < MLI_SUPERVISOR_DEAD; i++) {
        mli_dead_run_close(&s->dead[i]);
    }
}

/* The first turn at once; most runs need no other. `*row` is set to NULL when it was taken. */
MODELLAB_MUST_CHECK static modellab_status settle(mli_supervisor *s, mli_run_row **row,
                                                  modellab_error *err)
{
    mli_dead_run *place = NULL;
    for (size_t i = 0; place == NULL && i < MLI_SUPERVISOR_DEAD; i++) {
        place = s->dead[i].row == NULL ? &s->dead[i] : NULL;
    }
    if (place == NULL) {
        return MODELLAB_OK; /* at the next look */
    }
    modellab_status status = mli_dead_run_open(place, s->lab, row, err);
    return status == MODELLAB_OK && place->row != NULL ? bury(s, place, err) : status;
}

static bool is_dying(const mli_supervisor *s, const mli_run_row *row)
{
    for (size_t i = 0; i < MLI_SUPERVISOR_DEAD; i++) {
        if (s->dead[i].row != NULL && strcmp(s->dead[i].row->id, row->id) == 0) {
            return true;
        }
    }
    return false;
}

/* `*row` is set to NULL when the job has taken it. */
MODELLAB_MUST_CHECK static modellab_status adopt(mli_supervisor *s, mli_run_row **row,
                                                 modellab_error *err)
{
    mli_job *job = NULL;
    if (s->job_count >= MLI_SUPERVISOR_JOBS) {
        return MODELLAB_OK; /* the next round, or another supervisor */
    }
    modellab_status status = mli_job_adopt(&s->host, *row, &job, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err); /* it ended meanwhile or is another's: seen in the next round */
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        *row = NULL;
        count(s, "run.unsupervised");
        mli_tally_add(s->lab, "run_adoptions_total", "", 1);
        mli_worker_process_watch(&job->process, s->lab, &s->poller);
        (void)mli_supervisor_add(s, job); /* there is room: looked above */
    }
    return status;
}

static void say_orphaned(const mli_supervisor *s, const mli_run_row *row)
{
    if (mli_supervisor_now(s) < s->tell_orphans_ns) {
        return;
    }
    modellab_logger *log = mli_run_log(s->lab, row);
    count(s, "run.orphaned"); /* as often as it is told */
    mli_log_text(log, MODELLAB_LOG_WARN, "run.orphaned",
                 "its lock is held by a process that is not its worker");
    mli_logger_unref(log);
}

MODELLAB_MUST_CHECK static modellab_status look_at(mli_supervisor *s, mli_run_row **row,
                                                   modellab_error *err)
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
        return settle(s, row, err);
    case MLI_LIFE_GUARDED:
        return is_patience_over(s, *row) ? settle(s, row, err) : MODELLAB_OK;
    case MLI_LIFE_ORPHANED:
        say_orphaned(s, *row);
        return MODELLAB_OK;
    default:
        return MODELLAB_OK;
    }
}

static mli_job *job_of(mli_supervisor *s, const mli_run_row *row)
{
    for (size_t i = 0; i < s->job_count; i++) {
        if (strcmp(s->jobs[i]->row->id, row->id) == 0) {
            return s->jobs[i];
        }
    }
    return NULL;
}

/* A cancel stands in the store before it stands in the page, and may not have come that far. */
static void heed_cancel(mli_job *job, const mli_run_row *row, int64_t now)
{
    bool works = !job->process.ended && !job->process.answered;
    if (works && row->cancel_requested_ms >= 0 && row->fence == job->row->fence) {
        mli_job_stop(job, MODELLAB_REASON_CANCELLED_BY_USER, now);
    }
}

MODELLAB_MUST_CHECK static modellab_status look_at_each(mli_supervisor *s, mli_run_row_list *active,
                                                        int64_t now, modellab_error *err)
{
    modellab_status first = MODELLAB_OK;
    for (size_t i = 0; i < active->count; i++) {
        modellab_error one = MODELLAB_ERROR_INIT;
        mli_run_row **row = &active->rows[i];
        mli_job *job = job_of(s, *row);
        bool wanted = s->only_run_id[0] == '\0' || strcmp(s->only_run_id, (*row)->id) == 0;
        if (!wanted || is_dying(s, *row)) {
            continue;
        }
        if (job != NULL) {
            heed_cancel(job, *row, now);
            continue;
        }
        modellab_status status = look_at(s, row, &one);
        if (status == MODELLAB_OK) {
            continue;
        }
        if (*row != NULL) {
            keep_suspect(s, *row);
        }
        if (first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    return first;
}

/* A pause in which looks take a hundredth of the time, as far as the promise of 5 seconds allows;
 * shorter when the patience with somebody ends before. */
static int64_t next_look(const mli_supervisor *s, int64_t began, int64_t end)
{
    int64_t pause = (end - began) * PAUSE_OF_LOOKS;
    pause = pause < LOOK_NS ? LOOK_NS : pause > LOOK_MOST_NS ? LOOK_MOST_NS : pause;
    int64_t next = end + pause;
    for (size_t i = 0; i < MLI_SUPERVISOR_SUSPECTS; i++) {
        const mli_suspect *one = &s->suspects[i];
        int64_t due = one->since_ns + PATIENCE_NS;
        if (one->run_id[0] != '\0' && due > end && due < next) {
            next = due;
        }
    }
    return next;
}

modellab_status mli_supervisor_reconcile(mli_supervisor *s, int64_t now, modellab_error *err)
{
    mli_run_row_list *active = NULL;
    s->next_reconcile_ns = now + LOOK_NS;
    modellab_status status = mli_store_active(s->lab->store, &active, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = look_at_each(s, active, now, err);
    mli_run_row_list_free(active);
    forget_unseen(s);
    int64_t end = mli_supervisor_now(s);
    if (end >= s->tell_orphans_ns) {
        s->tell_orphans_ns = end + TELL_ORPHANS_NS;
    }
    s->next_reconcile_ns = next_look(s, now, end);
    return status;
}
