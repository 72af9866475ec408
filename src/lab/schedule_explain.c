/* Why a run waits, and when it will start: the queue is played forward with the scheduler itself,
 * on the workers that there are, with what runs are expected to take. */
#include "lab/schedule_private.h"

#include "base/error.h"
#include <string.h>

#define SPAN_MOST_MS ((int64_t)1000 * 86400000) /* nothing further off is told */

/* A run of the play. */
typedef struct playing {
    int64_t end_ms;
    size_t user;
    mli_size_class size;
} playing;

typedef struct play {
    mli_schedule *s;
    playing *runs; /* as many as there are workers and running runs */
    size_t count, long_count, room;
    size_t workers, short_workers;
    int64_t mean_ms; /* what a run of unknown length takes; -1 = not known */
    double stretch;  /* real over expected time, from past runs */
    bool blind;      /* a run of unknown length had to be guessed at */
} play;

static int64_t length_of(play *p, int64_t expected_ms)
{
    if (expected_ms < 0) {
        p->blind = p->blind || p->mean_ms < 0;
        return p->mean_ms >= 0 ? p->mean_ms : MLI_SCHEDULE_UNKNOWN_MS;
    }
    double ms = (double)expected_ms * p->stretch;
    return ms < (double)SPAN_MOST_MS ? (int64_t)ms : SPAN_MOST_MS;
}

static void begin_run(play *p, size_t user, mli_size_class size, int64_t end_ms)
{
    if (p->count < p->room) {
        p->runs[p->count++] = (playing){end_ms, user, size};
        p->long_count += size == MLI_SIZE_LONG;
    }
}

/* The end of the run that ends first; false when nothing runs. */
static bool end_next(play *p)
{
    size_t first = 0;
    if (p->count == 0) {
        return false;
    }
    for (size_t i = 1; i < p->count; i++) {
        first = p->runs[i].end_ms < p->runs[first].end_ms ? i : first;
    }
    playing one = p->runs[first];
    p->runs[first] = p->runs[--p->count];
    p->long_count -= one.size == MLI_SIZE_LONG;
    p->s->users[one.user].running--;
    p->s->running--;
    p->s->now_ms = one.end_ms > p->s->now_ms ? one.end_ms : p->s->now_ms;
    return true;
}

/* Passes the time until a run ends, or until a delayed one becomes due when that is sooner. */
static bool pass_time(play *p)
{
    int64_t due = INT64_MAX;
    int64_t end = INT64_MAX;
    const mli_queue_view *view = p->s->view;
    for (size_t i = 0; i < view->run_count; i++) {
        const mli_queue_run *run = &view->runs[i];
        bool later = !p->s->taken[i] && run->gate != MLI_GATE_HELD;
        if (later && run->not_before_ms > p->s->now_ms && run->not_before_ms < due) {
            due = run->not_before_ms;
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        end = p->runs[i].end_ms < end ? p->runs[i].end_ms : end;
    }
    if (due < end) {
        p->s->now_ms = due;
        return true;
    }
    return end_next(p);
}

/* Starts the next run if there is room for one. */
static bool start_next(play *p, size_t *index)
{
    mli_room room = mli_schedule_room(p->count, p->long_count, p->workers, p->short_workers);
    if (room == MLI_ROOM_NONE || !mli_schedule_next(p->s, room == MLI_ROOM_SHORT, index)) {
        return false;
    }
    const mli_queue_run *run = &p->s->view->runs[*index];
    begin_run(p, run->user, run->size, p->s->now_ms + length_of(p, run->expected_ms));
    return true;
}

/* Delays matter only when there are any: looking for them at every step would be slow. */
static bool has_delayed(const mli_queue_view *view)
{
    for (size_t i = 0; i < view->run_count; i++) {
        if (view->runs[i].gate == MLI_GATE_DELAYED) {
            return true;
        }
    }
    return false;
}

static void play_until(play *p, size_t target, mli_schedule_place *out)
{
    bool delayed = has_delayed(p->s->view);
    int64_t begun = 0;
    int64_t limit = p->s->now_ms + SPAN_MOST_MS;
    while (p->s->now_ms < limit) {
        size_t index = 0;
        if (start_next(p, &index)) {
            begun++;
            if (index == target) {
                out->position = begun;
                out->start_ms = p->s->now_ms;
                out->end_ms = p->s->now_ms + length_of(p, p->s->view->runs[target].expected_ms);
                return;
            }
        } else if (!(delayed ? pass_time(p) : end_next(p))) {
            return;
        }
    }
}

static void take_running(play *p)
{
    const mli_queue_view *view = p->s->view;
    for (size_t i = 0; i < view->running_count; i++) {
        const mli_queue_running *one = &view->running[i];
        int64_t end = one->started_ms + length_of(p, one->expected_ms);
        begin_run(p, one->user, one->size, end > p->s->now_ms ? end : p->s->now_ms + 1);
    }
}

MODELLAB_MUST_CHECK static modellab_status run_play(play *p, const mli_schedule_world *world,
                                                    size_t target, mli_schedule_place *out,
                                                    modellab_error *err)
{
    const mli_queue_view *view = p->s->view;
    /* Without workers the order is played as if there were one. */
    p->workers = world->workers > 0 ? (size_t)world->workers : 1;
    p->short_workers = world->short_workers > 0 ? (size_t)world->short_workers : 0;
    p->room = p->workers + p->short_workers + view->running_count;
    p->stretch = view->expected_ms > 0 && view->service_ms > 0
                     ? (double)view->service_ms / (double)view->expected_ms
                     : 1.0;
    p->runs = mli_alloc_array(view->alloc, p->room, sizeof(*p->runs));
    if (p->runs == NULL) {
        return mli_no_memory(err);
    }
    take_running(p);
    play_until(p, target, out);
    mli_free(view->alloc, p->runs);
    return MODELLAB_OK;
}

static modellab_wait reason_of(const mli_queue_view *view, const mli_schedule_policy *policy,
                               const mli_schedule_world *world, int64_t now_ms, size_t index,
                               int64_t position)
{
    const mli_queue_run *run = &view->runs[index];
    int64_t running = 0;
    for (size_t i = 0; i < view->user_count; i++) {
        running += view->users[i].running;
    }
    if (run->gate == MLI_GATE_HELD) {
        return MODELLAB_WAIT_HELD;
    }
    if (world->no_allowance) {
        return MODELLAB_WAIT_CAPS;
    }
    if (run->not_before_ms > now_ms) {
        return MODELLAB_WAIT_NOT_BEFORE;
    }
    if (world->supervisors <= 0) {
        return MODELLAB_WAIT_NO_SUPERVISOR;
    }
    if (world->draining >= world->supervisors) {
        return MODELLAB_WAIT_DRAINING;
    }
    if (world->no_disk) {
        return MODELLAB_WAIT_DISK;
    }
    if (policy->max_running_per_user > 0 &&
        view->users[run->user].running >= policy->max_running_per_user) {
        return MODELLAB_WAIT_USER_LIMIT;
    }
    if (policy->max_running > 0 && running >= policy->max_running) {
        return MODELLAB_WAIT_LAB_LIMIT;
    }
    return position == 1 ? MODELLAB_WAIT_NEXT : MODELLAB_WAIT_BEHIND;
}

modellab_status mli_schedule_explain(const mli_queue_view *view, const mli_schedule_policy *policy,
                                     const mli_schedule_world *world, int64_t now_ms, size_t index,
                                     mli_schedule_place *out, modellab_error *err)
{
    play p = {.mean_ms = view->mean_ms};
    memset(out, 0, sizeof(*out));
    out->start_ms = out->end_ms = -1;
    for (size_t i = 0; i < view->run_count; i++) {
        out->waiting += view->runs[i].gate != MLI_GATE_HELD;
    }
    modellab_status status = mli_schedule_open(view, policy, now_ms, &p.s, err);
    if (status == MODELLAB_OK && view->runs[index].gate != MLI_GATE_HELD) {
        status = run_play(&p, world, index, out, err);
    }
    mli_schedule_close(p.s);
    out->why = reason_of(view, policy, world, now_ms, index, out->position);
    bool stopped = out->why == MODELLAB_WAIT_NO_SUPERVISOR || out->why == MODELLAB_WAIT_DRAINING ||
                   out->why == MODELLAB_WAIT_DISK || out->why == MODELLAB_WAIT_CAPS;
    if (stopped || p.blind) {
        out->start_ms = out->end_ms = -1;
    }
    return status;
}

static const struct {
    modellab_wait why;
    const char *name, *text;
} waits[] = {
#define WAIT(upper, number, name, sentence) {number, name, sentence},
    MODELLAB_WAIT_LIST(WAIT)
#undef WAIT
};

static size_t find_wait(modellab_wait why)
{
    size_t i = 0;
    while (i < sizeof(waits) / sizeof(waits[0]) - 1 && waits[i].why != why) {
        i++;
    }
    return waits[i].why == why ? i : 0;
}

const char *mli_wait_name(modellab_wait why)
{
    return waits[find_wait(why)].name;
}

const char *mli_wait_text(modellab_wait why)
{
    return waits[find_wait(why)].text;
}
