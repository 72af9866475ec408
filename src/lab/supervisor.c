/* The supervisor's round: look after the runs it has, adopt what others lost, claim what waits. */
#include "lab/supervisor.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/supervisor_private.h"
#include "lab/tally.h"
#include "log/logger.h"
#include "os/socket.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)

int64_t mli_supervisor_now(const mli_supervisor *s)
{
    const mli_os_clock *clock = s->lab->os.clock;
    return clock->monotonic_ns(clock->user);
}

bool mli_supervisor_add(mli_supervisor *s, mli_job *job)
{
    if (s->job_count >= MLI_SUPERVISOR_JOBS) {
        return false;
    }
    s->jobs[s->job_count++] = job;
    atomic_store(&s->active, (int32_t)s->job_count);
    return true;
}

static void count_end(mli_supervisor *s, const mli_job *job)
{
    if (!s->draining) {
        return;
    }
    if (job->killed) {
        s->drained.killed++;
    }
    if (job->status == MODELLAB_RUN_QUEUED) {
        s->drained.requeued++;
    } else if (job->status == MODELLAB_RUN_CANCELLED) {
        s->drained.cancelled++;
    } else if (job->status != 0) {
        s->drained.finished++;
    }
}

void mli_supervisor_remove(mli_supervisor *s, size_t index)
{
    count_end(s, s->jobs[index]);
    mli_job_dispose(s->jobs[index]);
    s->jobs[index] = s->jobs[--s->job_count];
    atomic_store(&s->active, (int32_t)s->job_count);
}

/* Looks after every job; the number of those that are to be ended. */
static size_t look_after(mli_supervisor *s, int64_t now, int64_t *next)
{
    size_t ready = 0;
    for (size_t i = 0; i < s->job_count; i++) {
        int64_t due = INT64_MAX;
        mli_job_look(s->jobs[i], now, &due);
        ready += s->jobs[i]->ready;
        *next = due < *next ? due : *next;
    }
    mli_worker_pool_look(&s->pool, now, next);
    mli_image_builder_look(&s->images.builder, now, next);
    return ready;
}

/* The first failure is the round's result; the rest of the round is done all the same. */
static void keep_first(modellab_status *first, modellab_status status)
{
    if (*first == MODELLAB_OK) {
        *first = status;
    }
}

/* Journal lines that the store did not take yet. */
static int64_t longest_lag(const mli_supervisor *s, int64_t now)
{
    int64_t longest = 0;
    for (size_t i = 0; i < s->job_count; i++) {
        int64_t since = s->jobs[i]->behind_ns;
        longest = since > 0 && now - since > longest ? now - since : longest;
    }
    return longest;
}

/* What people who wait are told: why an end cannot be recorded, or nothing is started. */
MODELLAB_MUST_CHECK static modellab_status trouble_of(const mli_supervisor *s,
                                                      modellab_status round)
{
    for (size_t i = 0; i < s->job_count; i++) {
        if (s->jobs[i]->trouble != MODELLAB_OK) {
            return s->jobs[i]->trouble;
        }
    }
    return s->no_disk || round == MODELLAB_E_NO_SPACE ? MODELLAB_E_NO_SPACE : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status round_of(mli_supervisor *s, int64_t *next,
                                                    modellab_error *err)
{
    modellab_status first = MODELLAB_OK;
    modellab_error later = MODELLAB_ERROR_INIT;
    int64_t now = mli_supervisor_now(s);
    *next = INT64_MAX;
    size_t ready = look_after(s, now, next);
    if (now >= s->next_reconcile_ns) {
        keep_first(&first, mli_supervisor_reconcile(s, now, err));
        mli_tally_flush(s->lab);
    }
    mli_supervisor_bury(s, now, next);
    if (now >= s->next_expiry_ns) {
        keep_first(&first, mli_supervisor_expire(s, now, first == MODELLAB_OK ? err : &later));
    }
    if (ready > 0 || (mli_supervisor_has_room(s) && now >= s->next_claim_ns)) {
        keep_first(&first,
                   mli_supervisor_end_and_start(s, now, first == MODELLAB_OK ? err : &later));
        if (look_after(s, mli_supervisor_now(s), next) > 0) {
            *next = now; /* another one is done: the next round is due */
        }
    }
    mli_supervisor_retention(s, now, next);
    if (first != MODELLAB_OK) {
        mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "supervisor.round_failed",
                      "it will be tried again", first, err);
    }
    mli_beat_turn(s->beat, now, (int64_t)s->job_count, longest_lag(s, now), trouble_of(s, first));
    mli_lab_turned(s->lab, &s->turns, now);
    mli_service_alive(&s->service, s->lab, now, s->job_count);
    *next = s->next_reconcile_ns < *next ? s->next_reconcile_ns : *next;
    int64_t sign = mli_service_next_ns(&s->service);
    *next = sign < *next ? sign : *next;
    *next = s->next_expiry_ns < *next ? s->next_expiry_ns : *next;
    if (mli_supervisor_has_room(s) && s->next_claim_ns < *next) {
        *next = s->next_claim_ns;
    }
    return first;
}

/* A wake means that the queue changed. */
MODELLAB_MUST_CHECK static modellab_status take_wakes(mli_supervisor *s, modellab_error *err)
{
    int rc = mli_os_socket_drain(s->presence.socket_fd);
    if (rc < 0) {
        return mli_fail_os(err, -rc, "the supervisor's socket could not be read");
    }
    if (rc > 0) {
        s->next_claim_ns = 0;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status step_locked(mli_supervisor *s, int64_t *next,
                                                       modellab_error *err)
{
    modellab_status status = take_wakes(s, err);
    modellab_status round = round_of(s, next, status == MODELLAB_OK ? err : NULL);
    keep_first(&status, round);
    int rc = s->lab->os.pollers->set_timer(s->lab->os.pollers->user, &s->poller, *next);
    if (rc != 0 && status == MODELLAB_OK) {
        status = mli_fail_os(err, -rc, "the supervisor's timer could not be set");
    }
    return status;
}

modellab_status mli_supervisor_step(mli_supervisor *s, int64_t timeout_ms, int64_t *next_ms,
                                    modellab_error *err)
{
    int64_t next = INT64_MAX;
    modellab_status status = mli_lab_check(s->lab, true, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (timeout_ms != 0) {
        int rc = s->lab->os.pollers->wait(s->lab->os.pollers->user, &s->poller, timeout_ms);
        if (rc < 0) {
            return mli_fail_os(err, -rc, "the supervisor could not wait");
        }
    }
    mli_os_mutex_lock(&s->mutex);
    status = step_locked(s, &next, err);
    int64_t now = mli_supervisor_now(s);
    mli_os_mutex_unlock(&s->mutex);
    if (next_ms != NULL) {
        *next_ms = next <= now ? 0 : (next - now) / NS_PER_MS + 1;
    }
    return status;
}

int32_t mli_supervisor_active_count(const mli_supervisor *s)
{
    return s == NULL ? 0 : atomic_load(&s->active);
}

int32_t mli_supervisor_pollfd(const mli_supervisor *s)
{
    return s == NULL || s->has_thread ? -1 : s->poller.fd;
}
