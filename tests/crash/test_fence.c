/* A stopped old attempt that wakes after a new one began: its lock was lost, so the run was tried
 * again; what it says then, and the files that it makes, count for nothing. The same lines under
 * the new attempt's fence are the planted bug that the looking finds. MODEL_LAB_FENCE_CYCLES sets
 * the number of
 * attempts (10), of which ten at a time. test_fence WORKER HOST */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "os/file.h"
#include "store/journal.h"

#define REQUEST                                                                                    \
    "{\"pipeline\":\"ingest\",\"retry\":{\"max_attempts\":2,\"base_seconds\":0.01,"                \
    "\"cap_seconds\":0.01}}"

enum { AT_ONCE = 10, SLOWEST_MS = 200000 };

static void wait_for_attempt(const kit *k, const char *id, int attempt)
{
    for (int waited = 0; waited < KIT_PATIENCE_MS; waited += 5) {
        modellab_run *run = kit_load(k, id);
        modellab_run_info info = kit_info(run);
        /* or it has ended meanwhile */
        bool there = info.attempt == attempt && info.status != MODELLAB_RUN_QUEUED;
        modellab_run_unref(run);
        if (there) {
            return;
        }
        kit_sleep_ms(5);
    }
    fail_msg("attempt %d did not begin", attempt);
}

/* Somebody put another file in the place of the lock: the worker holds one that nobody sees. */
static void lose_lock(const kit *k, const char *id)
{
    char path[512];
    kit_run_path(k, id, "lock", path);
    assert_int_equal(unlink(path), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* Whether the journal has an outcome of this fence. */
static bool has_outcome(const kit *k, const char *id, const char *fence)
{
    static char line[300000];
    char path[512];
    bool found = false;
    kit_run_path(k, id, "journal.jsonl", path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        found =
            found || (strstr(line, "\"type\":\"outcome\"") != NULL && strstr(line, fence) != NULL);
    }
    assert_int_equal(fclose(file), 0);
    return found;
}

/* The first attempts at work and stopped, their host dead. False: one of them had ended before (a
 * busy machine may come to it late). */
static bool stop_first_of(kit *k, int count, char ids[][MODELLAB_RUN_ID_BYTES], pid_t *old, int ms)
{
    bool in_time = true;
    char step[64];
    (void)snprintf(step, sizeof(step), "ingest:sleep=%d", ms);
    for (int i = 0; i < count; i++) {
        kit_submit(k, REQUEST, 1, ids[i]);
    }
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = step, .keep = true, .workers = count});
    for (int i = 0; i < count; i++) {
        kit_wait_events(k, ids[i], "step_started", 1);
        old[i] = kit_worker_within(k, ids[i], 0);
        if (old[i] != 0 && kit_status(k, ids[i]) == MODELLAB_RUN_RUNNING) {
            kit_hold(old[i]);
        }
        in_time = in_time && old[i] != 0 && !has_outcome(k, ids[i], "\"fence\":1");
    }
    if (!in_time) {
        for (int i = 0; i < count; i++) {
            if (old[i] != 0) {
                (void)kill(old[i], SIGCONT);
            }
            (void)kit_wait_final(k, ids[i]);
        }
        kit_stop_host(k, host);
        return false;
    }
    kit_kill(k, host);
    return true;
}

/* The first attempts are stopped and taken for dead; the second ones are at work. */
static void stop_first(kit *k, int count, char ids[][MODELLAB_RUN_ID_BYTES], pid_t *old,
                       const char *second, pid_t *host)
{
    for (int ms = 5000; !stop_first_of(k, count, ids, old, ms); ms *= 6) {
        assert_true(ms < SLOWEST_MS);
    }
    for (int i = 0; i < count; i++) {
        lose_lock(k, ids[i]);
    }
    *host = kit_start_host(k, &(kit_host){.fail_step = second, .keep = true, .workers = count});
    for (int i = 0; i < count; i++) {
        wait_for_attempt(k, ids[i], 2);
    }
}

/* What belongs to the new attempt alone: everything. */
static int what_is_wrong(const kit *k, const char *id)
{
    int wrong = 0;
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    modellab_step_info step = {.size = sizeof(step)};
    wrong += info.status != MODELLAB_RUN_COMPLETED || info.attempt != 2 || info.fence != 2;
    wrong += info.message[0] != '\0';
    wrong += modellab_run_artifact_count(run) != 1;
    wrong += modellab_run_step_count(run) != 1 ||
             modellab_run_step_at(run, 0, &step, NULL) != MODELLAB_OK || step.attempt != 2;
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info artifact = {.size = sizeof(artifact)};
        modellab_buffer *bytes = NULL;
        assert_int_equal(modellab_run_artifact_at(run, i, &artifact, NULL), MODELLAB_OK);
        wrong += modellab_run_read_artifact(k->lab, id, artifact.id, 1 << 20, &bytes, NULL) !=
                 MODELLAB_OK;
        modellab_buffer_destroy(bytes);
    }
    wrong += kit_count_events(k, id, "run_completed") != 1;
    wrong += kit_count_events(k, id, "step_completed") != 1;
    modellab_run_unref(run);
    return wrong;
}

static void wake_too_late(kit *k, int count)
{
    char ids[AT_ONCE][MODELLAB_RUN_ID_BYTES];
    pid_t old[AT_ONCE];
    pid_t host = 0;
    stop_first(k, count, ids, old, "ingest:sleep=3000", &host);
    for (int i = 0; i < count; i++) {
        assert_int_equal(kill(old[i], SIGCONT), 0);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(kit_wait_final(k, ids[i]), MODELLAB_RUN_COMPLETED);
        for (int n = 0; n < KIT_PATIENCE_MS / 5 && !has_outcome(k, ids[i], "\"fence\":1"); n++) {
            kit_sleep_ms(5);
        }
    }
    kit_stop_host(k, host);
    for (int i = 0; i < count; i++) {
        assert_true(has_outcome(k, ids[i], "\"fence\":1")); /* it did say its last word */
        assert_true(has_outcome(k, ids[i], "\"fence\":2"));
        assert_int_equal(kit_count_events(k, ids[i], "run_requeued"), 1);
        assert_int_equal(what_is_wrong(k, ids[i]), 0);
        kit_wait_dead(old[i]);
    }
}

static void stopped_attempts_wake_too_late(void **state)
{
    int wanted = (int)kit_number("MODEL_LAB_FENCE_CYCLES", AT_ONCE);
    for (int done = 0; done < wanted; done += AT_ONCE) {
        wake_too_late(*state, wanted - done < AT_ONCE ? wanted - done : AT_ONCE);
    }
    print_message("%d attempts woke up too late\n", wanted);
}

static size_t findings(modellab_report *report, const char *id)
{
    bool found = kit_has_finding(report, id);
    modellab_report_unref(report);
    return found ? 1 : 0;
}

static size_t reconcile_finds(const kit *k, const char *id)
{
    modellab_report *report = NULL;
    assert_int_equal(modellab_lab_reconcile(k->lab, MODELLAB_RECONCILE_FILES, &report, NULL),
                     MODELLAB_OK);
    return findings(report, id);
}

static modellab_severity verified(const kit *k, const char *id)
{
    modellab_report *report = NULL;
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    modellab_severity worst = modellab_report_worst(report);
    modellab_report_unref(report);
    return worst;
}

/* No new attempt began: what the one that was taken for dead made is kept, the status stays; verify
 * and bundle agree with it. */
static void what_it_makes_is_kept_where_nobody_else_works(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char zip[300];
    modellab_step_info step = {.size = sizeof(step)};
    modellab_artifact_info artifact = {.size = sizeof(artifact)};
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=15000", .keep = true});
    pid_t worker = kit_worker_pid(k, id);
    kit_wait_events(k, id, "step_started", 1);
    kit_hold(worker);
    kit_kill(k, host);
    lose_lock(k, id);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_ALREADY_DEAD);
    modellab_run_status ended = kit_status(k, id);
    assert_true(modellab_run_status_is_final(ended) && ended != MODELLAB_RUN_COMPLETED);
    assert_int_equal(kill(worker, SIGCONT), 0);
    for (int n = 0; n < KIT_PATIENCE_MS / 5 && !has_outcome(k, id, "\"fence\":1"); n++) {
        kit_sleep_ms(5);
    }
    kit_wait_dead(worker);
    assert_true(verified(k, id) >= MODELLAB_SEVERITY_ERROR); /* a longer journal than was sealed */
    assert_int_equal(reconcile_finds(k, "run.late_lines"), 1);
    assert_int_equal(reconcile_finds(k, "run.late_lines"), 0);
    assert_true(verified(k, id) < MODELLAB_SEVERITY_ERROR);
    modellab_run *run = kit_load(k, id);
    assert_int_equal(kit_info(run).status, ended);
    assert_int_equal(modellab_run_step_at(run, 0, &step, NULL), MODELLAB_OK);
    assert_true(step.status != MODELLAB_RUN_COMPLETED);
    assert_int_equal(modellab_run_artifact_count(run), 1);
    assert_int_equal(modellab_run_artifact_at(run, 0, &artifact, NULL), MODELLAB_OK);
    assert_int_equal(artifact.is_late, 1);
    modellab_run_unref(run);
    assert_true(snprintf(zip, sizeof(zip), "%s/late.zip", k->root) > 0);
    assert_int_equal(modellab_run_bundle(k->lab, id, zip, 0, NULL, NULL), MODELLAB_OK);
}

static void without_a_fence_it_is_found(void **state)
{
    kit *k = *state;
    char ids[1][MODELLAB_RUN_ID_BYTES];
    pid_t old[1];
    pid_t host = 0;
    stop_first(k, 1, ids, old, "ingest:sleep=20000", &host);
    kit_wait_events(k, ids[0], "step_started", 2);
    pid_t present = kit_worker_pid(k, ids[0]);
    kit_hold(present);
    kit_write_unfenced(k, ids[0], 2, "ingest");
    assert_int_equal(kill(present, SIGCONT), 0);
    assert_true(modellab_run_status_is_final(kit_wait_final(k, ids[0])) != 0);
    kit_stop_host(k, host);
    assert_int_equal(kill(old[0], SIGKILL), 0);
    kit_wait_dead(old[0]);
    assert_true(what_is_wrong(k, ids[0]) > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(stopped_attempts_wake_too_late),
                                       KIT_TEST(what_it_makes_is_kept_where_nobody_else_works),
                                       KIT_TEST(without_a_fence_it_is_found)};
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
