/* Scenes of supervisors on virtual time, each with the bug that it is there to find: a cancel that
 * reached the store alone, dead workers under a supervisor that stands still, ends that cannot be
 * stored, a worker whose run another one ended, a flood of lines. */
#include "crash/sim_private.h"

#include "lab/cancel.h"
#include "lab/state.h"
#include "lab/worker_channel.h"
#include "unit/lab/lab_common.h"
#include <stdlib.h>

#define NOOP "{\"steps\":[\"noop\"]}"

static temp_folder folder;
static const sim_faults nothing;

static sim *begin(sim_plant plant, int hosts)
{
    char root[512];
    (void)snprintf(root, sizeof(root), "%s/lab", folder.path);
    sim *s = sim_begin(root, 7, &nothing, plant);
    s->phases = 100000; /* until somebody stops it */
    for (int i = 0; i < hosts; i++) {
        sim_start_host(s, i);
    }
    return s;
}

static void live(sim *s, int64_t ms)
{
    sim_live_until(s, s->now_ns + ms * MS);
}

static modellab_run_status status_of(sim *s, int which, const run *r)
{
    modellab_run_status now = 0;
    ASSERT_OK(mli_store_status(s->hosts[which].lab->store, r->id, &now, err));
    return now;
}

static worker *worker_of(sim *s, const run *r)
{
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        if (w->order_root != NULL && strcmp(w->order.run_id, r->id) == 0) {
            return w;
        }
    }
    fail_msg("the run has no worker");
    return NULL;
}

/* True: the run was stopped although only the store knows of its cancel. */
static bool stored_cancel_is_found(sim_plant plant, bool adopted)
{
    modellab_cancel_outcome outcome = 0;
    sim *s = begin(plant, 1);
    run *r = sim_submit(s, 0, NOOP);
    live(s, 500);
    assert_int_equal(status_of(s, 0, r), MODELLAB_RUN_RUNNING);
    if (adopted) { /* nobody is there who could be told */
        atomic_store(&worker_of(s, r)->page->keep_on_host_death, 1);
        sim_crash_host(s, 0);
        sim_start_host(s, 1);
        sim_present_host = 1;
        s->hosts[1].stopped = true;
    }
    int which = adopted ? 1 : 0;
    s->no_pages = true;
    ASSERT_OK(mli_run_cancel(s->hosts[which].lab, r->id, &outcome, err));
    s->no_pages = false;
    assert_int_equal(outcome, MODELLAB_CANCEL_REQUESTED);
    s->hosts[1].stopped = false;
    live(s, 3000);
    bool found = status_of(s, which, r) == MODELLAB_RUN_CANCELLED;
    assert_null(s->wrong);
    sim_end(s, found);
    return found;
}

static void a_cancel_that_only_the_store_knows(void **state)
{
    (void)state;
    assert_true(stored_cancel_is_found(SIM_SOUND, false));
    assert_true(stored_cancel_is_found(SIM_SOUND, true));
    assert_false(stored_cancel_is_found(SIM_BLIND, false));
}

/* The bug: who was suspected once is so for ever. */
static void never_forget(sim *s)
{
    for (int i = 0; i < MLI_SUPERVISOR_SUSPECTS; i++) {
        mli_suspect *one = &s->hosts[1].supervisor->suspects[i];
        (void)snprintf(one->run_id, sizeof(one->run_id), "%s", s->runs[i].id);
        one->fence = 1;
        one->seen = true;
    }
}

/* The worker dies while its supervisor stands still; virtual ms until somebody has told its end. */
static int64_t end_after_death(sim *s, run *r, bool remember)
{
    s->hosts[0].stopped = true;
    sim_end_worker(s, worker_of(s, r), true, KILL);
    int64_t died = s->now_ns;
    while (!mli_status_is_final(status_of(s, 1, r)) && s->now_ns < died + 20 * SECOND) {
        if (remember) {
            never_forget(s);
        }
        live(s, 50);
    }
    return (s->now_ns - died) / MS;
}

enum { CYCLES = MLI_SUPERVISOR_SUSPECTS + 4 };

/* Longest wait of a dead run under a supervisor that stands still, after many that were dead for a
 * moment and were then ended by their own supervisor. */
static int64_t wait_after_many(bool remember)
{
    sim *s = begin(SIM_SOUND, 2);
    mli_supervisor *watcher = s->hosts[1].supervisor;
    watcher->max_workers = watcher->short_workers = 0; /* it starts nothing */
    for (int i = 0; i < CYCLES; i++) {
        run *r = sim_submit(s, 0, NOOP);
        live(s, 1500);
        s->hosts[0].stopped = true;
        sim_end_worker(s, worker_of(s, r), true, KILL);
        live(s, 2000); /* long enough to be suspected */
        s->hosts[0].stopped = false;
        live(s, 100);
        assert_int_equal(status_of(s, 1, r), MODELLAB_RUN_FAILED); /* its own supervisor's word */
    }
    run *r = sim_submit(s, 0, NOOP);
    live(s, 1500);
    int64_t wait = end_after_death(s, r, remember);
    assert_null(s->wrong);
    s->hosts[0].stopped = false;
    sim_end(s, false);
    return wait;
}

static void the_dead_of_a_supervisor_that_stands_still(void **state)
{
    (void)state;
    int64_t wait = wait_after_many(false);
    print_message("a dead run under a stopped supervisor got its end after %lld ms (virtual)\n",
                  (long long)wait);
    assert_true(wait <= 5000);
    assert_true(wait_after_many(true) > 5000);
}

static const char *end_that_cannot_be_stored(sim_plant plant)
{
    sim *s = begin(plant, 1);
    s->phases = 4;
    run *r = sim_submit(s, 0, NOOP);
    live(s, 400);
    worker *w = worker_of(s, r);
    s->no_ends = true;
    live(s, 5000);
    assert_int_equal(w->state, WORKER_IDLE); /* it has answered */
    sim_end_worker(s, w, true, 11);
    live(s, 5000);
    if (s->wrong == NULL) {
        assert_int_equal(status_of(s, 0, r), MODELLAB_RUN_RUNNING);
    }
    s->no_ends = false;
    live(s, 1500);
    if (s->wrong == NULL) {
        assert_int_equal(status_of(s, 0, r), MODELLAB_RUN_COMPLETED);
    }
    sim_end(s, s->wrong == NULL);
    return s->wrong;
}

static void ends_that_cannot_be_stored(void **state)
{
    (void)state;
    assert_null(end_that_cannot_be_stored(SIM_SOUND));
    assert_non_null(end_that_cannot_be_stored(SIM_DEAF_POLLER));
}

static void say_more(worker *w)
{
    mli_jw *line = mli_journal_begin(&w->journal, "progress");
    mli_jw_kreal(line, "done_seconds", 1);
    ASSERT_OK(mli_journal_end(&w->journal, false, err));
    atomic_fetch_add(&w->page->journal_lines, 1);
}

/* Somebody else ended the run: its worker is killed, and reaped as soon as it is dead. */
static void a_worker_without_a_run(void **state)
{
    (void)state;
    sim *s = begin(SIM_SOUND, 1);
    mli_lab *lab = s->hosts[0].lab;
    run *r = sim_submit(s, 0, NOOP);
    live(s, 500);
    worker *w = worker_of(s, r);
    const mli_run_transition end = {.to = MODELLAB_RUN_STALE,
                                    .reason = MODELLAB_REASON_WORKER_LOST,
                                    .message = "by the test",
                                    .event_type = "run_stale"};
    const mli_store_change change = {.run_id = r->id,
                                     .fence = w->order.fence,
                                     .expect = MODELLAB_RUN_RUNNING,
                                     .now_ms = mli_lab_now_ms(lab),
                                     .transition = &end};
    ASSERT_OK(mli_store_apply(lab->store, &change, NULL, NULL, err));
    say_more(w);
    live(s, 1300);
    assert_null(s->wrong);
    assert_int_equal(w->state, WORKER_REAPED);
    assert_int_equal(s->hosts[0].supervisor->job_count, 0);
    sim_end(s, false);
}

/* One worker writes its journal as fast as it is read; virtual ms by which the deadline of another
 * run is missed, and how the flood ends. */
static int64_t deadline_beside_a_flood(sim_plant plant, modellab_run_status *flood_end)
{
    sim *s = begin(plant, 1);
    s->hosts[0].supervisor->max_workers = 2;
    s->hosts[0].lab->settings.max_journal_bytes = 8 << 20;
    run *flood = sim_submit(s, 0, NOOP);
    live(s, 500);
    run *other = sim_submit(s, 0, "{\"steps\":[\"noop\"],\"max_duration_seconds\":2}");
    live(s, 1750);
    worker *w = worker_of(s, flood);
    worker *bounded = worker_of(s, other);
    int64_t deadline = atomic_load(&bounded->page->started_ns) + 2 * SECOND;
    w->floods = true;
    say_more(w);
    while (s->now_ns < deadline + 10 * SECOND && mli_page_stop_reason(bounded->page) == 0) {
        live(s, 1);
    }
    int64_t late = (s->now_ns - deadline) / MS;
    live(s, 5000);
    assert_null(s->wrong);
    *flood_end = status_of(s, 0, flood);
    sim_end(s, false);
    return late;
}

static void a_flood_of_lines_holds_up_nobody(void **state)
{
    modellab_run_status end = 0;
    (void)state;
    int64_t late = deadline_beside_a_flood(SIM_SOUND, &end);
    print_message("beside a flood a deadline was %lld ms late (virtual), ", (long long)late);
    assert_int_equal(end, MODELLAB_RUN_FAILED);
    assert_true(late <= 100);
    late = deadline_beside_a_flood(SIM_NO_TURNS, &end);
    print_message("without turns %lld ms\n", (long long)late);
    assert_true(late > 100);
}

/* A run waits for ten minutes at most; the wall clock is set meanwhile. Virtual seconds after which
 * it ended. */
static int64_t queue_time(sim_plant plant, int64_t jump_s)
{
    sim *s = begin(plant, 1);
    s->hosts[0].supervisor->max_workers = s->hosts[0].supervisor->short_workers = 0;
    live(s, 1500); /* somebody has looked at the clocks */
    run *r = sim_submit(s, 0, "{\"steps\":[\"noop\"],\"max_queue_seconds\":600}");
    int64_t began = s->now_ns;
    live(s, 5000);
    s->jump_ns += jump_s * SECOND;
    while (status_of(s, 0, r) == MODELLAB_RUN_QUEUED && s->now_ns < began + 8000 * SECOND) {
        live(s, 1000);
    }
    assert_int_equal(status_of(s, 0, r), MODELLAB_RUN_TIMEOUT);
    assert_null(s->wrong);
    int64_t waited = (s->now_ns - began) / SECOND;
    sim_end(s, false);
    return waited;
}

static void a_clock_that_is_set_ends_nobody_early(void **state)
{
    (void)state;
    int64_t ahead = queue_time(SIM_SOUND, 3600);
    int64_t back = queue_time(SIM_SOUND, -3600);
    print_message("of 600 s in the queue: %lld when the clock goes ahead, %lld when it goes back\n",
                  (long long)ahead, (long long)back);
    assert_true(ahead >= 600 && ahead <= 603);
    assert_true(back >= 600 && back <= 603);
    assert_true(queue_time(SIM_ONE_CLOCK, 3600) < 60);
}

/* What a worker may do to its channel: speak when it was not asked, hang up while it works. */
static const char *bad_channel(sim_plant plant, bool busy)
{
    const mli_worker_answer answer = {.fence = 99};
    sim *s = begin(plant, 1);
    s->phases = busy ? 100 : 4;
    run *r = sim_submit(s, 0, NOOP);
    live(s, 400);
    worker *w = worker_of(s, r);
    if (busy) {
        mli_os_fd_close(w->channel);
        w->channel = -1;
        live(s, 1000);
        assert_int_equal(w->state, WORKER_BUSY); /* it goes on: its journal tells the rest */
    } else {
        live(s, 5000);
        assert_int_equal(w->state, WORKER_IDLE);
        assert_true(mli_channel_send_answer(&mli_os_system_channels, w->channel, &answer));
        sim_wake_host(s, 0);
        live(s, 1000);
        assert_int_equal(w->state, WORKER_REAPED);
    }
    sim_end(s, false);
    return s->wrong;
}

static void a_worker_that_abuses_its_channel(void **state)
{
    (void)state;
    assert_null(bad_channel(SIM_SOUND, false));
    assert_null(bad_channel(SIM_SOUND, true));
    assert_non_null(bad_channel(SIM_DEAF_POLLER, true));
}

/* Virtual time that ten runs of one user take who may have one running at a time. */
static int64_t one_after_another(void)
{
    run *runs[10];
    sim *s = begin(SIM_SOUND, 1);
    s->phases = 1;
    s->hosts[0].lab->settings.max_running_per_user = 1;
    int64_t began = s->now_ns;
    for (int i = 0; i < 10; i++) {
        runs[i] = sim_submit(s, 0, NOOP);
    }
    for (int i = 0; i < 10; i++) {
        while (status_of(s, 0, runs[i]) != MODELLAB_RUN_COMPLETED &&
               s->now_ns < began + 60 * SECOND) {
            live(s, 50);
        }
        assert_int_equal(status_of(s, 0, runs[i]), MODELLAB_RUN_COMPLETED);
    }
    assert_null(s->wrong);
    int64_t took = (s->now_ns - began) / MS;
    sim_end(s, false);
    return took;
}

static void an_end_makes_room_at_once(void **state)
{
    (void)state;
    int64_t took = one_after_another();
    print_message("ten runs, one at a time: %lld ms\n", (long long)took);
    assert_true(took < 5000); /* a second between two of them, were nobody to look again */
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    return setenv("MODEL_LAB_TESTING", "1", 1);
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancel_that_only_the_store_knows),
        cmocka_unit_test(the_dead_of_a_supervisor_that_stands_still),
        cmocka_unit_test(ends_that_cannot_be_stored),
        cmocka_unit_test(a_worker_without_a_run),
        cmocka_unit_test(a_worker_that_abuses_its_channel),
        cmocka_unit_test(a_flood_of_lines_holds_up_nobody),
        cmocka_unit_test(a_clock_that_is_set_ends_nobody_early),
        cmocka_unit_test(an_end_makes_room_at_once),
    };

    return cmocka_run_group_tests_name("scenes", tests, set_up, tear_down);
}
