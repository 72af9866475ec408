/* Processes of a run are killed in every order: each run reaches a true status, once, nothing that
 * was acknowledged is lost, and nobody else's process is touched. test_kill WORKER HOST */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "lab/page.h"

#define INGEST "{\"pipeline\":\"ingest\"}"

static void a_run_completes(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 2.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.attempt, 1);
    assert_true(info.audio_seconds > 1.99 && info.audio_seconds < 2.01);
    assert_true(info.cpu_seconds > 0 && info.peak_memory_bytes > 1000000);
    assert_int_equal(modellab_run_step_count(run), 1);
    assert_int_equal(modellab_run_artifact_count(run), 1);
    modellab_run_unref(run);
    assert_int_equal(kit_count_events(k, id, "run_completed"), 1);
    assert_int_equal(kit_count_events(k, id, "run_started"), 1);
    assert_int_equal(kit_count_events(k, id, "artifact_added"), 1);
}

static void worker_killed_under_a_living_supervisor(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    pid_t worker = kit_worker_pid(k, id);
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED);
    modellab_run *run = kit_load(k, id);
    assert_string_equal(kit_info(run).message, "The worker process died (signal 9).");
    modellab_run_unref(run);
    kit_stop_host(k, host);
}

static void worker_that_dies_by_itself(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:die"});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED);
    kit_stop_host(k, host);
}

static void a_transient_end_is_tried_again(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_attempts\":2}", 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:die"});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED);
    assert_int_equal(kit_count_events(k, id, "run_requeued"), 1);
    assert_int_equal(kit_count_events(k, id, "run_started"), 2);
    kit_stop_host(k, host);

    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_attempts\":3}", 1.0, id);
    host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    kit_reopen(k);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_QUEUED);
    modellab_run_unref(run);
    host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
}

static void everything_killed_gives_stale_at_open(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    kit_reopen(k);
    kit_expect_end(k, id, MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST);
    assert_int_equal(kit_count_events(k, id, "run_stale"), 1);
    kit_reopen(k); /* and stays what it is */
    assert_int_equal(kit_count_events(k, id, "run_stale"), 1);
}

static void a_worker_that_outlives_its_supervisor_is_adopted(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t first = kit_start_host(k, &(kit_host){.keep = true, .fail_step = "ingest:sleep=15000"});
    pid_t worker = kit_worker_pid(k, id);
    kit_hold(worker); /* it does not end before it is adopted */
    kit_kill(k, first);
    kit_reopen(k);
    assert_true(kit_alive(worker));
    pid_t second = kit_start_host(k, &(kit_host){.keep = true});
    assert_int_equal(kill(worker, SIGCONT), 0);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    assert_int_equal(kit_count_events(k, id, "run_started"), 1);
    assert_int_equal(kit_count_events(k, id, "step_completed"), 1);
    kit_stop_host(k, second);
}

static void what_a_lonely_worker_finished_is_recorded_at_open(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.keep = true, .fail_step = "ingest:sleep=400"});
    pid_t worker = kit_worker_pid(k, id);
    kit_kill(k, host);
    kit_wait_dead(worker);
    kit_run_path(k, id, "journal.jsonl", path); /* with a torn line behind its outcome */
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"n\":99,\"t\":1,\"ty", 17), 17);
    assert_int_equal(close(fd), 0);
    kit_reopen(k);
    kit_expect_end(k, id, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(modellab_run_artifact_count(run), 1);
    modellab_run_unref(run);
}

static void a_worker_stops_when_its_host_dies(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    pid_t worker = kit_worker_pid(k, id);
    kit_kill(k, host);
    kit_wait_dead(worker);
    kit_reopen(k);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_HOST_STOPPED);
}

static pid_t start_stranger(void)
{
    pid_t pid = -1;
    char *const argv[] = {(char *)"sleep", (char *)"600", NULL};
    assert_int_equal(posix_spawnp(&pid, "sleep", NULL, NULL, argv, environ), 0);
    return pid;
}

/* What a pid that came back looks like: the page names a process that is somebody else now. */
static void point_page_at(const kit *k, const char *run_id, pid_t pid)
{
    char path[512];
    mli_page *page = NULL;
    kit_run_path(k, run_id, "page", path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &page), 0);
    atomic_store(&page->worker_pid, pid);
    mli_page_unmap(page);
    assert_int_equal(close(fd), 0);
}

static void a_stranger_with_the_workers_pid_stays_alive(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    pid_t stranger = start_stranger();
    point_page_at(k, id, stranger);
    pid_t second = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_STALE);
    assert_true(kit_alive(stranger));
    kit_stop_host(k, second);
    assert_true(kit_alive(stranger));
    kit_kill(k, stranger);
}

static void a_lock_in_other_hands_is_reported_and_nobody_killed(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    modellab_report *report = NULL;
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    kit_run_path(k, id, "lock", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    pid_t stranger = start_stranger();
    point_page_at(k, id, stranger);
    assert_int_equal(modellab_lab_reconcile(k->lab, 0, &report, NULL), MODELLAB_OK);
    assert_true(kit_has_finding(report, "run.orphaned"));
    modellab_report_unref(report);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_RUNNING);
    modellab_run_unref(run);
    assert_true(kit_alive(stranger));
    kit_kill(k, stranger);
    assert_int_equal(close(fd), 0);
    assert_int_equal(modellab_lab_reconcile(k->lab, 1, &report, NULL), MODELLAB_OK); /* dry */
    assert_true(kit_has_finding(report, "run.stale"));
    modellab_report_unref(report);
    run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_RUNNING);
    modellab_run_unref(run);
    assert_int_equal(modellab_lab_reconcile(k->lab, 0, &report, NULL), MODELLAB_OK);
    modellab_report_unref(report);
    kit_expect_end(k, id, MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST);
}

static void two_supervisors_start_no_run_twice(void **state)
{
    enum { RUNS = 12 };
    kit *k = *state;
    char ids[RUNS][MODELLAB_RUN_ID_BYTES];
    for (int i = 0; i < RUNS; i++) {
        kit_submit(k, INGEST, 0.5, ids[i]);
    }
    pid_t one = kit_start_host(k, &(kit_host){.workers = 2});
    pid_t two = kit_start_host(k, &(kit_host){.workers = 2});
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(kit_wait_final(k, ids[i]), MODELLAB_RUN_COMPLETED);
        assert_int_equal(kit_count_events(k, ids[i], "run_started"), 1);
        assert_int_equal(kit_count_events(k, ids[i], "step_completed"), 1);
        assert_int_equal(kit_count_events(k, ids[i], "run_completed"), 1);
    }
    kit_stop_host(k, one);
    kit_stop_host(k, two);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_run_completes),
        KIT_TEST(worker_killed_under_a_living_supervisor),
        KIT_TEST(worker_that_dies_by_itself),
        KIT_TEST(a_transient_end_is_tried_again),
        KIT_TEST(everything_killed_gives_stale_at_open),
        KIT_TEST(a_worker_that_outlives_its_supervisor_is_adopted),
        KIT_TEST(what_a_lonely_worker_finished_is_recorded_at_open),
        KIT_TEST(a_worker_stops_when_its_host_dies),
        KIT_TEST(a_stranger_with_the_workers_pid_stays_alive),
        KIT_TEST(a_lock_in_other_hands_is_reported_and_nobody_killed),
        KIT_TEST(two_supervisors_start_no_run_twice),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
