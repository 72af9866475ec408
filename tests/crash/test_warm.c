/* Workers that stay from run to run: who takes the next run, what happens when they or their
 * supervisor are killed between two runs or in the second one, and that an attempt that was fenced
 * out changes no record. test_warm WORKER HOST */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"

#define NOOP "{\"steps\":[\"noop\"]}"
#define NOOP_MS(ms) "{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"" #ms "\"}}"

/* Submits a run, waits for its end and tells whose worker did it. */
static pid_t run_one(kit *k, const char *request, modellab_run_status status)
{
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, request, 0.1, id);
    assert_int_equal(kit_wait_final(k, id), status);
    return kit_worker_pid(k, id);
}

static void one_worker_takes_many_runs(void **state)
{
    kit *k = *state;
    pid_t host = kit_start_host(k, &(kit_host){0});
    pid_t first = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    }
    /* Bad input is the run's own affair: its worker answered. */
    assert_int_equal(run_one(k, "{\"pipeline\":\"ingest\"}", MODELLAB_RUN_COMPLETED), first);
    assert_true(kit_alive(first));
    kit_stop_host(k, host);
    assert_false(kit_alive(first)); /* reaped by its supervisor before that left */
}

static void a_failed_and_a_cancelled_run_are_no_bad_ends(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_cancel_outcome outcome = 0;
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest"});
    pid_t first = run_one(k, "{\"pipeline\":\"ingest\"}", MODELLAB_RUN_FAILED);
    kit_submit(k, NOOP_MS(60000), 0.1, id);
    kit_wait_status(k, id, MODELLAB_RUN_RUNNING);
    assert_int_equal(kit_worker_pid(k, id), first);
    assert_int_equal(modellab_run_cancel(k->lab, id, &outcome, NULL), MODELLAB_OK);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    assert_int_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    kit_stop_host(k, host);
}

static void one_that_did_not_listen_is_replaced(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_cancel_outcome outcome = 0;
    pid_t host =
        kit_start_host(k, &(kit_host){.fail_step = "ingest:hang", .term_ms = 50, .kill_ms = 100});
    pid_t first = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.1, id);
    assert_int_equal(kit_hanging_worker(k, id), first);
    assert_int_equal(modellab_run_cancel(k->lab, id, &outcome, NULL), MODELLAB_OK);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    assert_int_not_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    assert_false(kit_alive(first));
    kit_stop_host(k, host);
}

static void replaced_after_so_many_runs(void **state)
{
    kit *k = *state;
    pid_t pids[5];
    assert_int_equal(setenv("MODEL_LAB_WORKER_MAX_RUNS", "2", 1), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    for (int i = 0; i < 5; i++) {
        pids[i] = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    }
    assert_int_equal(unsetenv("MODEL_LAB_WORKER_MAX_RUNS"), 0);
    assert_int_equal(pids[0], pids[1]);
    assert_int_not_equal(pids[1], pids[2]);
    assert_int_equal(pids[2], pids[3]);
    assert_int_not_equal(pids[3], pids[4]);
    kit_wait_dead(pids[0]);
    kit_stop_host(k, host);
}

static void ended_when_it_has_nothing_to_do(void **state)
{
    kit *k = *state;
    assert_int_equal(setenv("MODEL_LAB_WORKER_IDLE_SECONDS", "200ms", 1), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    pid_t first = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    assert_int_equal(unsetenv("MODEL_LAB_WORKER_IDLE_SECONDS"), 0);
    kit_wait_dead(first);
    assert_int_not_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    kit_stop_host(k, host);
}

static void killed_between_two_runs(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){0});
    kit_submit(k, NOOP, 0.1, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    pid_t first = kit_worker_pid(k, id);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_not_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    kit_expect_end(k, id, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE);
    assert_int_equal(kit_count_events(k, id, "run_completed"), 1);
    kit_stop_host(k, host);
}

static void stopped_between_two_runs(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.term_ms = 50, .kill_ms = 100});
    pid_t first = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    assert_int_equal(kill(first, SIGSTOP), 0);
    kit_submit(k, "{\"steps\":[\"noop\"],\"max_duration_seconds\":0.5}", 0.1, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_TIMEOUT); /* its order was never read */
    kit_wait_dead(first);
    assert_int_not_equal(run_one(k, NOOP, MODELLAB_RUN_COMPLETED), first);
    kit_stop_host(k, host);
}

static void an_idle_worker_leaves_when_its_supervisor_dies(void **state)
{
    kit *k = *state;
    for (int keep = 0; keep < 2; keep++) {
        pid_t host = kit_start_host(k, &(kit_host){.keep = keep != 0});
        pid_t worker = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
        assert_true(kit_alive(worker));
        kit_kill(k, host);
        kit_wait_dead(worker);
    }
}

static void adopted_in_its_second_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.keep = true});
    pid_t worker = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    kit_submit(k, NOOP_MS(2500), 0.1, id);
    kit_wait_status(k, id, MODELLAB_RUN_RUNNING);
    assert_int_equal(kit_worker_pid(k, id), worker);
    kit_hold(worker); /* it does not end before it is adopted */
    kit_kill(k, host);
    kit_reopen(k);
    assert_true(kit_alive(worker));
    host = kit_start_host(k, &(kit_host){.keep = true});
    assert_int_equal(kill(worker, SIGCONT), 0);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    assert_int_equal(kit_count_events(k, id, "run_started"), 1);
    assert_int_equal(kit_count_events(k, id, "step_completed"), 1);
    kit_wait_dead(worker); /* nobody can give it orders any more */
    kit_stop_host(k, host);
}

/* The lock file is removed by hand while its worker stands still: a second attempt begins and ends,
 * then the first one goes on. Returns what is wrong with the record. */
static int fence_one_out(kit *k, bool fenced)
{
    static const char request[] = "{\"steps\":[\"noop\"],\"max_attempts\":2,"
                                  "\"labels\":{\"noop_ms\":\"3000\"}}";
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    pid_t host = kit_start_host(k, &(kit_host){.keep = true});
    pid_t warm = run_one(k, NOOP, MODELLAB_RUN_COMPLETED);
    kit_submit(k, request, 0.1, id);
    kit_wait_status(k, id, MODELLAB_RUN_RUNNING);
    pid_t old = kit_worker_pid(k, id);
    assert_int_equal(old, warm);
    kit_hold(old);
    kit_kill(k, host);
    kit_run_path(k, id, "lock", path);
    assert_int_equal(unlink(path), 0);
    host = kit_start_host(k, &(kit_host){0});
    if (!fenced) { /* the planted bug: what the old attempt says counts */
        kit_wait_events(k, id, "step_started", 2);
        pid_t present = kit_worker_pid(k, id);
        kit_hold(present);
        kit_write_unfenced(k, id, 2, "noop");
        assert_int_equal(kill(present, SIGCONT), 0);
    }
    (void)kit_wait_final(k, id);
    modellab_run *run = kit_load(k, id);
    modellab_run_info before = kit_info(run);
    assert_int_equal(kill(old, SIGCONT), 0);
    kit_wait_dead(old); /* it did all that it wanted to */
    kit_reopen(k);
    modellab_run *later = kit_load(k, id);
    modellab_run_info after = kit_info(later);
    int wrong = after.status != MODELLAB_RUN_COMPLETED || after.fence != 2 ||
                after.message[0] != '\0' || before.fence != after.fence ||
                before.status != after.status || before.last_event != after.last_event ||
                before.ended_ms != after.ended_ms || before.cpu_seconds != after.cpu_seconds;
    wrong += kit_count_events(k, id, "run_completed") != 1;
    wrong += kit_count_events(k, id, "step_completed") != 1;
    modellab_step_info step = {.size = sizeof(step)};
    wrong += modellab_run_step_at(later, 0, &step, NULL) != MODELLAB_OK || step.attempt != 2 ||
             step.started_ms < after.started_ms; /* the second attempt's own */
    modellab_run_unref(run);
    modellab_run_unref(later);
    kit_stop_host(k, host);
    return wrong;
}

static void a_fenced_attempt_changes_no_record(void **state)
{
    assert_int_equal(fence_one_out(*state, true), 0);
}

static void one_that_is_not_fenced_is_found(void **state)
{
    assert_true(fence_one_out(*state, false) > 0);
}

/* CPU time is told for each run: what one run used is not counted to the next. */
static void each_run_has_its_own_measures(void **state)
{
    kit *k = *state;
    char ids[2][MODELLAB_RUN_ID_BYTES];
    double cpu[2];
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:spin"});
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"cpu_seconds\":0.4}}", 0.1, ids[0]);
    (void)kit_wait_final(k, ids[0]);
    kit_submit(k, NOOP, 0.1, ids[1]);
    assert_int_equal(kit_wait_final(k, ids[1]), MODELLAB_RUN_COMPLETED);
    assert_int_equal(kit_worker_pid(k, ids[0]), kit_worker_pid(k, ids[1]));
    for (int i = 0; i < 2; i++) {
        modellab_run *run = kit_load(k, ids[i]);
        cpu[i] = kit_info(run).cpu_seconds;
        assert_true(kit_info(run).peak_memory_bytes > 1000000);
        modellab_run_unref(run);
    }
    assert_true(cpu[0] >= 0.4);
    assert_true(cpu[1] >= 0 && cpu[1] < 0.3);
    kit_stop_host(k, host);
}

/* A supervisor in this process leaves no child behind, neither waiting nor dead. */
static void no_child_is_left(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = kit_worker_program;
    options.max_workers = 3;
    assert_int_equal(modellab_supervisor_create(k->lab, &options, &s, NULL), MODELLAB_OK);
    assert_int_equal(modellab_supervisor_start(s, NULL), MODELLAB_OK);
    for (int i = 0; i < 6; i++) {
        kit_submit(k, NOOP_MS(50), 0.1, id);
    }
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    modellab_supervisor_destroy(s);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* The planted bug: the supervisor believes every worker to have answered as soon as it asks. */
static void an_answer_without_outcome_is_seen(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.plant = "early-answer"});
    kit_submit(k, NOOP_MS(300), 0.1, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(one_worker_takes_many_runs),
                                       KIT_TEST(a_failed_and_a_cancelled_run_are_no_bad_ends),
                                       KIT_TEST(one_that_did_not_listen_is_replaced),
                                       KIT_TEST(replaced_after_so_many_runs),
                                       KIT_TEST(ended_when_it_has_nothing_to_do),
                                       KIT_TEST(killed_between_two_runs),
                                       KIT_TEST(stopped_between_two_runs),
                                       KIT_TEST(an_idle_worker_leaves_when_its_supervisor_dies),
                                       KIT_TEST(adopted_in_its_second_run),
                                       KIT_TEST(a_fenced_attempt_changes_no_record),
                                       KIT_TEST(one_that_is_not_fenced_is_found),
                                       KIT_TEST(each_run_has_its_own_measures),
                                       KIT_TEST(no_child_is_left),
                                       KIT_TEST(an_answer_without_outcome_is_seen)};
    /* One worker: a supervisor that is held up would give short runs another one. */
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0 ||
        setenv("MODEL_LAB_SHORT_WORKERS", "0", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
