/* What the supervisor is to start: the store's candidates in the scheduler's order, for as long as
 * there is room; and the end of what has waited too long. */
#include "base/error.h"
#include "lab/queue.h"
#include "lab/schedule.h"
#include "lab/supervisor_private.h"
#include "log/logger.h"

#define NS_PER_MS ((int64_t)1000000)
#define CLAIM_EVERY_MS 1000 /* the guarantee; a wake comes sooner */
#define EXPIRE_EVERY_MS 1000
#define CANDIDATES 16

/* Jobs that are there when what is prepared has been done: without those that are being ended, with
 * those that are being started. */
static size_t coming_jobs(const mli_supervisor *s, size_t *long_ones)
{
    size_t count = s->start_count;
    *long_ones = 0;
    for (size_t i = 0; i < s->start_count; i++) {
        *long_ones += !s->starts[i]->is_short;
    }
    for (size_t i = 0; i < s->job_count; i++) {
        count += !s->jobs[i]->ready;
        *long_ones += !s->jobs[i]->ready && s->jobs[i]->row->size_class == MLI_SIZE_LONG;
    }
    return count;
}

static mli_room room_of(const mli_supervisor *s)
{
    size_t long_ones = 0;
    size_t count = coming_jobs(s, &long_ones);
    /* One that cannot be ended keeps its place. */
    if (s->draining || s->job_count + s->start_count >= MLI_SUPERVISOR_JOBS) {
        return MLI_ROOM_NONE;
    }
    return mli_schedule_room(count, long_ones, (size_t)s->max_workers, (size_t)s->short_workers);
}

bool mli_supervisor_has_room(const mli_supervisor *s)
{
    return room_of(s) != MLI_ROOM_NONE;
}

/* Runs wait while the disk has too little space, as they are refused when they are submitted. */
static bool has_disk(mli_supervisor *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_lab_check_disk(s->lab, 0, &err);
    bool no_disk = status != MODELLAB_OK;
    if (no_disk && !s->no_disk) {
        mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "supervisor.no_disk",
                      "no run is started until there is space again", status, &err);
    } else if (!no_disk && s->no_disk) {
        mli_log_text(s->lab->logger, MODELLAB_LOG_INFO, "supervisor.disk_again",
                     "runs are started again");
    }
    s->no_disk = no_disk;
    return !no_disk;
}

/* A run that cannot be started for a reason of its own does not hold up those behind it. */
MODELLAB_MUST_CHECK static modellab_status prepare_in_order(mli_supervisor *s,
                                                            const mli_queue_view *view,
                                                            mli_schedule *order, size_t *lost,
                                                            modellab_error *err)
{
    modellab_status first = MODELLAB_OK;
    size_t index = 0;
    s->host.virtual_ms = mli_schedule_virtual_ms(order);
    for (mli_room room = room_of(s); room != MLI_ROOM_NONE; room = room_of(s)) {
        modellab_error one = MODELLAB_ERROR_INIT;
        mli_job *job = NULL;
        s->host.is_extra = room == MLI_ROOM_SHORT;
        if (!mli_schedule_next(order, room == MLI_ROOM_SHORT, &index)) {
            break;
        }
        modellab_status status = mli_job_prepare(&s->host, view->runs[index].id, &job, &one);
        if (job != NULL) {
            job->is_short = view->runs[index].size == MLI_SIZE_SHORT;
            s->starts[s->start_count++] = job;
        }
        *lost += job == NULL && status == MODELLAB_OK;
        if (status != MODELLAB_OK && first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    return first;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Prepares the start of what is due, for as long as there is room. */
MODELLAB_MUST_CHECK static modellab_status
look_once(mli_supervisor *s, int64_t wall_ms, size_t *lost, int64_t *later_ms, modellab_error *err)
{
    mli_queue_view *view = NULL;
    mli_schedule *order = NULL;
    mli_schedule_policy policy = MLI_SCHEDULE_POLICY_INIT;
    policy.max_running = (int32_t)s->lab->settings.max_running;
    policy.max_running_per_user = (int32_t)s->lab->settings.max_running_per_user;
    const mli_queue_query query = {.now_ms = wall_ms,
                                   .only_id = s->only_run_id[0] != '\0' ? s->only_run_id : NULL,
                                   .each = CANDIDATES,
                                   .short_only = room_of(s) == MLI_ROOM_SHORT,
                                   .user_limit = policy.max_running_per_user};
    modellab_status status = mli_store_queue(s->lab->store, &query, &view, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    *later_ms = sooner(view->next_due_ms, view->next_deadline_ms);
    if (view->run_count > 0 && has_disk(s)) {
        status = mli_schedule_open(view, &policy, wall_ms, &order, err);
        if (status == MODELLAB_OK) {
            status = prepare_in_order(s, view, order, lost, err);
        }
        mli_schedule_close(order);
    }
    mli_queue_view_free(view);
    return status;
}

modellab_status mli_supervisor_prepare_starts(mli_supervisor *s, int64_t now, size_t *lost,
                                              modellab_error *err)
{
    int64_t wall_ms = mli_lab_now_ms(s->lab);
    int64_t later_ms = -1;
    s->next_claim_ns = now + CLAIM_EVERY_MS * NS_PER_MS;
    modellab_status status = look_once(s, wall_ms, lost, &later_ms, err);
    if (status == MODELLAB_OK && later_ms > wall_ms && later_ms - wall_ms < CLAIM_EVERY_MS) {
        s->next_claim_ns = now + (later_ms - wall_ms) * NS_PER_MS;
        if (s->next_expiry_ns > s->next_claim_ns) {
            s->next_expiry_ns = s->next_claim_ns;
        }
    }
    return status;
}

modellab_status mli_supervisor_expire(mli_supervisor *s, int64_t now, modellab_error *err)
{
    s->next_expiry_ns = now + EXPIRE_EVERY_MS * NS_PER_MS;
    return mli_queue_expire(s->lab, s->only_run_id[0] != '\0' ? s->only_run_id : NULL, err);
}
