/* Runs that are stopped: by people, deadlines, caps, a drain; and how firmly, when the worker does
 * not listen. test_stop WORKER HOST */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"

#define INGEST "{\"pipeline\":\"ingest\"}"

static void cancelling_in_every_state(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    assert_int_equal(kit_cancel(k, "01HZXW6F9T8Q3N5V7B2C4D6E8G"), MODELLAB_CANCEL_NOT_FOUND);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_CANCELLED);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_ALREADY_TERMINAL);

    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    (void)kit_worker_pid(k, id);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    assert_int_equal(kit_cancel(k, id) != MODELLAB_CANCEL_NOT_FOUND, 1); /* idempotent */
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    assert_int_equal(kit_count_events(k, id, "cancel_requested"), 1);
    assert_int_equal(kit_count_events(k, id, "run_cancelled"), 1);
    kit_stop_host(k, host);
}

static void cancelling_what_is_dead(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_ALREADY_DEAD);
    kit_expect_end(k, id, MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST);
}

static void who_does_not_listen_is_killed(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host =
        kit_start_host(k, &(kit_host){.fail_step = "ingest:hang", .term_ms = 100, .kill_ms = 300});
    pid_t worker = kit_hanging_worker(k, id);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_wait_dead(worker);
    kit_stop_host(k, host);
}

/* It makes an artifact after the cancel and has to be killed: the artifact is there. */
static void what_a_deaf_step_made_is_kept(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_artifact_info artifact = {.size = sizeof(artifact)};
    modellab_step_info step = {.size = sizeof(step)};
    modellab_report *report = NULL;
    modellab_run *run = NULL;
    /* A slow machine needs longer than the first ladders for the artifact. */
    for (int kill_ms = 600; run == NULL && kill_ms <= 60000; kill_ms *= 10) {
        kit_submit(k, INGEST, 1.0, id);
        pid_t host = kit_start_host(
            k, &(kit_host){.fail_step = "ingest:deaf", .term_ms = kill_ms / 2, .kill_ms = kill_ms});
        pid_t worker = kit_hanging_worker(k, id);
        assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
        assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
        kit_wait_dead(worker);
        kit_stop_host(k, host);
        kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
        run = kit_load(k, id);
        if (modellab_run_artifact_count(run) == 0) {
            modellab_run_unref(run);
            run = NULL;
        }
    }
    assert_non_null(run);
    assert_int_equal(modellab_run_step_at(run, 0, &step, NULL), MODELLAB_OK);
    assert_int_equal(step.status, MODELLAB_RUN_CANCELLED);
    assert_int_equal(modellab_run_artifact_count(run), 1);
    assert_int_equal(modellab_run_artifact_at(run, 0, &artifact, NULL), MODELLAB_OK);
    assert_string_equal(artifact.name, "audio.json");
    modellab_run_unref(run);
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    assert_true(modellab_report_worst(report) < MODELLAB_SEVERITY_ERROR);
    modellab_report_unref(report);
}

/* A run that began its step and was ended by its deadline: a slow machine needs a later one. */
static modellab_run *run_into_deadline(kit *k, const kit_host *how, char id[MODELLAB_RUN_ID_BYTES])
{
    static const char *const deadlines[] = {"0.3", "3", "30"};
    for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "{\"pipeline\":\"ingest\",\"max_duration_seconds\":%s}",
                       deadlines[i]);
        kit_submit(k, text, 1.0, id);
        pid_t host = kit_start_host(k, how);
        assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_TIMEOUT);
        kit_stop_host(k, host);
        modellab_run *run = kit_load(k, id);
        (void)snprintf(text, sizeof(text), "Run timed out after %s seconds", deadlines[i]);
        assert_string_equal(kit_info(run).message, text);
        if (kit_count_events(k, id, "step_started") > 0) {
            return run;
        }
        modellab_run_unref(run);
    }
    fail_msg("no step was begun");
    return NULL;
}

static void the_deadline_of_the_request(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = run_into_deadline(k, &(kit_host){.fail_step = "ingest:sleep=600000"}, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
    assert_string_equal(kit_info(run).failed_step, "ingest");
    modellab_run_unref(run);
}

static void a_deadline_for_one_that_does_not_listen(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = run_into_deadline(
        k, &(kit_host){.fail_step = "ingest:hang", .term_ms = 100, .kill_ms = 200}, id);
    modellab_step_info step = {.size = sizeof(step)};
    assert_int_equal(modellab_run_step_at(run, 0, &step, NULL), MODELLAB_OK);
    assert_int_equal(step.status, MODELLAB_RUN_TIMEOUT);
    modellab_run_unref(run);
}

static void caps_stop_a_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"cpu_seconds\":0.2}}", 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:spin"});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_CPU_CAP);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"peak_memory_bytes\":1048576}}", 1.0, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_MEMORY_CAP);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"caps\":{\"wall_seconds\":0.4}}", 1.0, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
    kit_stop_host(k, host);
}

/* It writes its journal as fast as it can: the run ends for it, and the disk is not filled. */
static void a_worker_that_floods_its_journal(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    struct stat facts;
    assert_int_equal(setenv("MODEL_LAB_MAX_JOURNAL_BYTES", "2M", 1), 0);
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:flood"});
    pid_t worker = kit_worker_pid(k, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_JOURNAL_LIMIT);
    kit_wait_dead(worker);
    kit_run_path(k, id, "journal.jsonl", path);
    assert_int_equal(stat(path, &facts), 0);
    print_message("a flood ended at %lld KiB of 2048\n", (long long)facts.st_size / 1024);
    kit_stop_host(k, host);
    assert_int_equal(unsetenv("MODEL_LAB_MAX_JOURNAL_BYTES"), 0);
}

static void a_worker_that_stands_still(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    assert_int_equal(setenv("MODEL_LAB_STALL_TIMEOUT_SECONDS", "400ms", 1), 0);
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:stall=60000"});
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_STALL_TIMEOUT);
    kit_stop_host(k, host);
    assert_int_equal(unsetenv("MODEL_LAB_STALL_TIMEOUT_SECONDS"), 0);
}

static void a_step_has_a_deadline(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_step_seconds\":{\"ingest\":0.3}}", 1.0, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_STEP_TIMEOUT);
    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_step_seconds\":0.2,\"stall_seconds\":60}", 1.0,
               id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_STEP_TIMEOUT);
    kit_stop_host(k, host);
}

/* The ladder of the host would take a day, that of the request does not. */
static void the_ladder_of_a_request(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k,
               "{\"pipeline\":\"ingest\",\"cancel_grace_seconds\":0.1,\"kill_grace_seconds\":0.2}",
               1.0, id);
    pid_t host = kit_start_host(
        k, &(kit_host){.fail_step = "ingest:hang", .term_ms = 86400000, .kill_ms = 86400000});
    pid_t worker = kit_hanging_worker(k, id);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    assert_false(kit_alive(worker));
    kit_stop_host(k, host);
}

static void who_adopts_a_run_keeps_its_deadline(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_duration_seconds\":4}", 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000", .keep = true});
    (void)kit_worker_pid(k, id);
    kit_kill(k, host);
    kit_sleep_ms(700);
    host = kit_start_host(k, &(kit_host){.keep = true});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_TIMEOUT);
    modellab_run *run = kit_load(k, id);
    assert_string_equal(kit_info(run).message, "Run timed out after 4 seconds");
    modellab_run_unref(run);
    assert_int_equal(kit_count_events(k, id, "run_started"), 1);
    kit_stop_host(k, host);
}

static void a_drain_gives_runs_back(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    pid_t worker = kit_worker_pid(k, id);
    kit_wait_status(k, id, MODELLAB_RUN_RUNNING);
    kit_stop_host(k, host);
    assert_false(kit_alive(worker));
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_QUEUED);
    modellab_run_unref(run);
    assert_int_equal(kit_count_events(k, id, "run_requeued"), 1);
    host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    run = kit_load(k, id);
    assert_int_equal(kit_info(run).attempt, 2);
    assert_int_equal(kit_info(run).fence, 2);
    modellab_run_unref(run);
    kit_stop_host(k, host);
}

static void a_failing_step(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest"});
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_INTERNAL);
    kit_stop_host(k, host); /* before: it would take the next run, too */
    kit_submit(k, INGEST, 1.0, id);
    host = kit_start_host(k, &(kit_host){.fail_step = "ingest:exit=1"}); /* journal broken */
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_IO_ERROR);
    kit_stop_host(k, host);
}

/* The supervisor inside this process, without a thread: the host's loop polls one descriptor. */
static void a_host_with_a_loop_of_its_own(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = kit_worker_program;
    assert_int_equal(modellab_supervisor_create(k->lab, &options, &s, NULL), MODELLAB_OK);
    int32_t fd = modellab_supervisor_get_pollfd(s);
    assert_true(fd >= 0);
    int64_t next_ms = 0;
    assert_int_equal(modellab_supervisor_step(s, 0, &next_ms, NULL), MODELLAB_OK);
    kit_submit(k, INGEST, 1.0, id); /* wakes it */
    modellab_run_status status = MODELLAB_RUN_QUEUED;
    for (int i = 0; i < 1000 && !modellab_run_status_is_final(status); i++) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_true(poll(&item, 1, 5000) >= 0);
        assert_int_equal(modellab_supervisor_step(s, 0, &next_ms, NULL), MODELLAB_OK);
        modellab_run *run = kit_load(k, id);
        status = kit_info(run).status;
        modellab_run_unref(run);
    }
    assert_int_equal(status, MODELLAB_RUN_COMPLETED);
    assert_int_equal(modellab_supervisor_active_count(s), 0);
    modellab_supervisor_destroy(s);
}

/* A CLI that waits for its own run leaves the others alone. */
static void only_one_run(void **state)
{
    kit *k = *state;
    char other[MODELLAB_RUN_ID_BYTES];
    char mine[MODELLAB_RUN_ID_BYTES];
    modellab_supervisor *s = NULL;
    kit_submit(k, INGEST, 1.0, other);
    kit_submit(k, INGEST, 1.0, mine);
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = kit_worker_program;
    options.only_run_id = mine;
    assert_int_equal(modellab_supervisor_create(k->lab, &options, &s, NULL), MODELLAB_OK);
    assert_int_equal(modellab_supervisor_start(s, NULL), MODELLAB_OK);
    assert_int_equal(modellab_supervisor_start(s, NULL), MODELLAB_E_STATE);
    modellab_error stepped = MODELLAB_ERROR_INIT;
    assert_int_equal(modellab_supervisor_step(s, 0, NULL, &stepped), MODELLAB_E_STATE);
    assert_non_null(strstr(stepped.message, "was started"));
    assert_int_equal(modellab_supervisor_get_pollfd(s), -1);
    assert_int_equal(kit_wait_final(k, mine), MODELLAB_RUN_COMPLETED);
    modellab_supervisor_destroy(s);
    modellab_run *run = kit_load(k, other);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_QUEUED);
    modellab_run_unref(run);
    modellab_supervisor_destroy(NULL);
}

static void a_worker_program_that_is_none(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_supervisor *s = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = "/nonexistent/modellab-worker";
    assert_int_equal(modellab_supervisor_create(k->lab, &options, &s, &err), MODELLAB_E_NOT_FOUND);
    assert_null(strstr(err.message, "/nonexistent"));
    options.worker_program = "/bin/false"; /* starts, and is no worker */
    kit_submit(k, INGEST, 1.0, id);
    assert_int_equal(modellab_supervisor_create(k->lab, &options, &s, &err), MODELLAB_OK);
    assert_int_equal(modellab_supervisor_start(s, NULL), MODELLAB_OK);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_expect_end(k, id, MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED);
    modellab_supervisor_destroy(s);
}

/* A queued run whose folder is gone ends with a reason, and one that cannot be locked does not hold
 * up the run behind it. */
static void runs_that_cannot_begin(void **state)
{
    kit *k = *state;
    char gone[MODELLAB_RUN_ID_BYTES], locked[MODELLAB_RUN_ID_BYTES], good[MODELLAB_RUN_ID_BYTES];
    char path[512], command[600];
    kit_submit(k, INGEST, 1.0, locked);
    kit_submit(k, INGEST, 1.0, gone);
    kit_submit(k, INGEST, 1.0, good);
    kit_run_path(k, gone, "", path);
    assert_true(snprintf(command, sizeof(command), "rm -r '%s'", path) > 0);
    assert_int_equal(system(command), 0);
    kit_run_path(k, locked, "lock", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, gone), MODELLAB_RUN_FAILED);
    kit_expect_end(k, gone, MODELLAB_RUN_FAILED, MODELLAB_REASON_INPUT_MISSING);
    assert_int_equal(kit_wait_final(k, good), MODELLAB_RUN_COMPLETED);
    modellab_run *run = kit_load(k, locked);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_QUEUED); /* it may still pass */
    modellab_run_unref(run);
    assert_int_equal(kit_wait_final(k, locked), MODELLAB_RUN_FAILED);
    kit_expect_end(k, locked, MODELLAB_RUN_FAILED, MODELLAB_REASON_IO_ERROR);
    run = kit_load(k, locked);
    assert_non_null(strstr(kit_info(run).message, "is a directory"));
    modellab_run_unref(run);
    kit_stop_host(k, host);
}

/* manifest.json follows every transition, also the claim. */
static void the_manifest_says_running(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512], text[4096] = "";
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    (void)kit_worker_pid(k, id);
    kit_run_path(k, id, "manifest.json", path);
    /* It is written behind the record, by a thread of its own. */
    for (int i = 0; i < KIT_PATIENCE_MS / 5 && strstr(text, "\"status\":\"RUNNING\"") == NULL;
         i++) {
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
        assert_int_equal(fclose(file), 0);
        kit_sleep_ms(5);
    }
    assert_non_null(strstr(text, "\"status\":\"RUNNING\""));
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(cancelling_in_every_state),
                                       KIT_TEST(cancelling_what_is_dead),
                                       KIT_TEST(who_does_not_listen_is_killed),
                                       KIT_TEST(the_deadline_of_the_request),
                                       KIT_TEST(a_deadline_for_one_that_does_not_listen),
                                       KIT_TEST(caps_stop_a_run),
                                       KIT_TEST(a_worker_that_stands_still),
                                       KIT_TEST(a_worker_that_floods_its_journal),
                                       KIT_TEST(a_step_has_a_deadline),
                                       KIT_TEST(the_ladder_of_a_request),
                                       KIT_TEST(who_adopts_a_run_keeps_its_deadline),
                                       KIT_TEST(what_a_deaf_step_made_is_kept),
                                       KIT_TEST(a_drain_gives_runs_back),
                                       KIT_TEST(a_failing_step),
                                       KIT_TEST(a_host_with_a_loop_of_its_own),
                                       KIT_TEST(only_one_run),
                                       KIT_TEST(a_worker_program_that_is_none),
                                       KIT_TEST(runs_that_cannot_begin),
                                       KIT_TEST(the_manifest_says_running)};
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
