/* The order of the queue (schedule.h): each user's runs stand in two sorted lists, long and short;
 * a pick compares the heads of all users. */
#include "lab/schedule_private.h"

#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* Without history: what speech recognition of a second of audio takes on a common CPU, and what
 * the shortest piece takes. Only sizes and estimates follow from them. */
#define CPU_PER_AUDIO 0.2
#define CPU_LEAST 1.0
#define SECONDS_MOST 1e9

int64_t mli_schedule_expected_ms(double cpu_seconds, double audio_seconds)
{
    double seconds = cpu_seconds;
    if (!(seconds >= 0)) {
        if (!(audio_seconds >= 0)) {
            return -1;
        }
        seconds = audio_seconds * CPU_PER_AUDIO;
        seconds = seconds < CPU_LEAST ? CPU_LEAST : seconds;
    }
    return (int64_t)((seconds < SECONDS_MOST ? seconds : SECONDS_MOST) * 1000.0);
}

mli_size_class mli_schedule_size(int64_t expected_ms, int64_t short_ms)
{
    return expected_ms >= 0 && expected_ms <= short_ms ? MLI_SIZE_SHORT : MLI_SIZE_LONG;
}

mli_room mli_schedule_room(size_t running, size_t long_running, size_t workers,
                           size_t short_workers)
{
    if (running < workers) {
        return MLI_ROOM_ANY;
    }
    return long_running > 0 && running < workers + short_workers ? MLI_ROOM_SHORT : MLI_ROOM_NONE;
}

static int64_t key_of(const mli_queue_run *run)
{
    return (int64_t)run->priority * MLI_AGE_MS - run->created_ms;
}

/* Negative: `a` comes first by what both are, whoever they belong to. */
static int by_key(const mli_queue_run *a, const mli_queue_run *b)
{
    int64_t ka = key_of(a);
    int64_t kb = key_of(b);
    if (ka != kb) {
        return ka > kb ? -1 : 1;
    }
    return strcmp(a->id, b->id);
}

/* The order within a user. */
static int by_turn(const mli_queue_run *a, const mli_queue_run *b)
{
    if (a->head_ms != b->head_ms) {
        return a->head_ms > b->head_ms ? -1 : 1;
    }
    return by_key(a, b);
}

static int by_list(const void *left, const void *right)
{
    const mli_queue_run *a = *(const mli_queue_run *const *)left;
    const mli_queue_run *b = *(const mli_queue_run *const *)right;
    if (a->user != b->user) {
        return a->user < b->user ? -1 : 1;
    }
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return by_turn(a, b);
}

int64_t mli_schedule_charge_ms(const mli_queue_run *run)
{
    int64_t ms = run->expected_ms >= 0 ? run->expected_ms : MLI_SCHEDULE_UNKNOWN_MS;
    return ms > 0 ? ms : 1;
}

static void make_lists(mli_schedule *s)
{
    const mli_queue_view *view = s->view;
    for (size_t i = 0; i < view->run_count; i++) {
        s->sorted[i] = &view->runs[i];
    }
    qsort(s->sorted, view->run_count, sizeof(*s->sorted), by_list);
    for (size_t i = 0; i < view->run_count; i++) {
        mli_line *line = &s->users[s->sorted[i]->user].lines[s->sorted[i]->size];
        if (line->end == line->at) {
            line->at = i;
        }
        line->end = i + 1;
    }
}

/* What runs is charged at once, with what it will take or has taken already. */
static void charge_running(mli_schedule *s)
{
    const mli_queue_view *view = s->view;
    for (size_t i = 0; s->policy.charges && i < view->running_count; i++) {
        const mli_queue_running *one = &view->running[i];
        int64_t took = s->now_ms - one->started_ms;
        int64_t expected = one->expected_ms >= 0 ? one->expected_ms : MLI_SCHEDULE_UNKNOWN_MS;
        s->users[one->user].virtual_ms += took > expected ? took : expected;
        s->users[one->user].had_ms += took > 0 ? took : 0;
    }
}

modellab_status mli_schedule_open(const mli_queue_view *view, const mli_schedule_policy *policy,
                                  int64_t now_ms, mli_schedule **out, modellab_error *err)
{
    mli_schedule *s = mli_alloc_zero(view->alloc, sizeof(*s));
    *out = NULL;
    if (s == NULL) {
        return mli_no_memory(err);
    }
    s->view = view;
    s->policy = *policy;
    s->now_ms = now_ms;
    s->starts = view->starts;
    s->sorted = mli_alloc_array(view->alloc, view->run_count + 1, sizeof(const mli_queue_run *));
    s->taken = mli_alloc_zero(view->alloc, view->run_count + 1);
    s->users = mli_alloc_array(view->alloc, view->user_count + 1, sizeof(*s->users));
    if (s->sorted == NULL || s->taken == NULL || s->users == NULL) {
        mli_schedule_close(s);
        return mli_no_memory(err);
    }
    memset(s->users, 0, (view->user_count + 1) * sizeof(*s->users));
    for (size_t i = 0; i < view->user_count; i++) {
        s->users[i].virtual_ms = s->users[i].had_ms = view->users[i].virtual_ms;
        s->users[i].running = view->users[i].running;
        s->running += view->users[i].running;
    }
    make_lists(s);
    charge_running(s);
    *out = s;
    return MODELLAB_OK;
}

void mli_schedule_close(mli_schedule *s)
{
    if (s != NULL) {
        mli_free(s->view->alloc, s->sorted);
        mli_free(s->view->alloc, s->taken);
        mli_free(s->view->alloc, s->users);
        mli_free(s->view->alloc, s);
    }
}

static size_t index_of(const mli_schedule *s, const mli_queue_run *run)
{
    return (size_t)(run - s->view->runs);
}

static bool is_ready(const mli_schedule *s, const mli_queue_run *run)
{
    return run->gate != MLI_GATE_HELD && run->not_before_ms <= s->now_ms;
}

/* The first run of a list that may start; NULL when there is none. What was taken at its beginning
 * is passed for good. */
static const mli_queue_run *head_of_line(mli_schedule *s, mli_line *line)
{
    while (line->at < line->end && s->taken[index_of(s, s->sorted[line->at])]) {
        line->at++;
    }
    for (size_t i = line->at; i < line->end; i++) {
        if (!s->taken[index_of(s, s->sorted[i])] && is_ready(s, s->sorted[i])) {
            return s->sorted[i];
        }
    }
    return NULL;
}

static bool may_start(const mli_schedule *s, const mli_schedule_user *user)
{
    int32_t limit = s->policy.max_running_per_user;
    return limit <= 0 || user->running < limit;
}

static const mli_queue_run *head_of_user(mli_schedule *s, size_t user, bool short_only)
{
    mli_schedule_user *u = &s->users[user];
    if (!may_start(s, u)) {
        return NULL;
    }
    const mli_queue_run *quick = head_of_line(s, &u->lines[MLI_SIZE_SHORT]);
    const mli_queue_run *other = short_only ? NULL : head_of_line(s, &u->lines[MLI_SIZE_LONG]);
    if (quick == NULL || other == NULL) {
        return quick != NULL ? quick : other;
    }
    return by_turn(quick, other) < 0 ? quick : other;
}

static int64_t borrowed(const mli_schedule *s, const mli_queue_run *run)
{
    return s->users[run->user].virtual_ms - (int64_t)run->priority * MLI_SCHEDULE_WARP_MS;
}

/* Negative: `a` starts before `b`, by what their users have had. */
static int by_share(const mli_schedule *s, const mli_queue_run *a, const mli_queue_run *b)
{
    int64_t va = borrowed(s, a);
    int64_t vb = borrowed(s, b);
    if (va != vb) {
        return va < vb ? -1 : 1;
    }
    return by_key(a, b);
}

static bool is_turn_of_oldest(const mli_schedule *s, bool short_only)
{
    int64_t every = s->policy.oldest_every;
    return !short_only && every > 0 && s->starts % every == every - 1;
}

static const mli_queue_run *choose(mli_schedule *s, bool short_only)
{
    const mli_queue_run *best = NULL;
    bool oldest = is_turn_of_oldest(s, short_only);
    for (size_t i = 0; i < s->view->user_count; i++) {
        const mli_queue_run *run = head_of_user(s, i, short_only);
        if (run == NULL || best == NULL) {
            best = best == NULL ? run : best;
        } else if (run->head_ms != best->head_ms) {
            best = run->head_ms > best->head_ms ? run : best;
        } else {
            int order = oldest ? by_key(run, best) : by_share(s, run, best);
            best = order < 0 ? run : best;
        }
    }
    return best;
}

bool mli_schedule_next(mli_schedule *s, bool short_only, size_t *index)
{
    if (s->policy.max_running > 0 && s->running >= s->policy.max_running) {
        return false;
    }
    const mli_queue_run *run = choose(s, short_only);
    if (run == NULL) {
        return false;
    }
    mli_schedule_user *user = &s->users[run->user];
    *index = index_of(s, run);
    s->taken[*index] = true;
    s->running++;
    user->running++;
    if (!short_only) {
        s->starts++;
    }
    if (s->policy.charges) {
        user->virtual_ms += mli_schedule_charge_ms(run);
    }
    return true;
}

int64_t mli_schedule_virtual_ms(const mli_schedule *s)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < s->view->user_count; i++) {
        const mli_schedule_user *user = &s->users[i];
        if (s->view->users[i].waiting > 0 && may_start(s, user) && user->had_ms < least) {
            least = user->had_ms;
        }
    }
    return least == INT64_MAX ? 0 : least;
}
