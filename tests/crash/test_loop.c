/* The kill loop: at random moments the worker, the supervisor or both are killed, and after each
 * cycle what must always hold is looked at. MODEL_LAB_KILL_CYCLES sets the number of cycles (100).
 * A host with a planted bug shows that the looking finds something. test_loop WORKER HOST */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "crash/kit.h"

#define INGEST "{\"pipeline\":\"ingest\"}"
#define CYCLES_A_LAB 20

static const char *worker_program, *host_program;

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int complain(int cycle, const char *run_id, const char *what)
{
    (void)fprintf(stderr, "cycle %d, run %s: %s\n", cycle, run_id, what);
    return 1;
}

static int check_artifacts(const kit *k, int cycle, const modellab_run *run, const char *id)
{
    int wrong = 0;
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        modellab_buffer *bytes = NULL;
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        if (modellab_run_read_artifact(k->lab, id, info.id, 1 << 20, &bytes, NULL) != MODELLAB_OK) {
            wrong += complain(cycle, id, "a recorded artifact cannot be read");
        }
        modellab_buffer_destroy(bytes);
    }
    return wrong;
}

/* One final status, told once; numbers of events without gaps (kit_count_events); as many starts as
 * attempts. */
static int check_run(const kit *k, int cycle, const char *id, pid_t worker)
{
    static const char *const ends[] = {"run_completed", "run_failed", "run_cancelled",
                                       "run_timeout", "run_stale"};
    size_t ended = 0;
    int wrong = 0;
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        ended += kit_count_events(k, id, ends[i]);
    }
    if (!modellab_run_status_is_final(info.status)) {
        wrong += complain(cycle, id, "has no final status");
    }
    if (ended != 1) {
        wrong += complain(cycle, id, "has not ended exactly once");
    }
    if (kit_count_events(k, id, "run_started") != (size_t)info.attempt) {
        wrong += complain(cycle, id, "was started more often than it was tried");
    }
    if (info.status == MODELLAB_RUN_COMPLETED && modellab_run_artifact_count(run) != 1) {
        wrong += complain(cycle, id, "completed without its artifact");
    }
    if (info.attempt > 0 && worker > 0 && info.status != MODELLAB_RUN_COMPLETED &&
        kit_alive(worker)) {
        wrong += complain(cycle, id, "has an end although its worker lives");
    }
    wrong += check_artifacts(k, cycle, run, id);
    modellab_run_unref(run);
    return wrong;
}

static int check_files(const kit *k, int cycle)
{
    static const char *const bad[] = {"run.folder_missing", "manifest.missing", "manifest.damaged",
                                      "artifact.missing", "artifact.size"};
    modellab_report *report = NULL;
    int wrong = 0;
    assert_int_equal(modellab_lab_reconcile(k->lab,
                                            MODELLAB_RECONCILE_DRY_RUN | MODELLAB_RECONCILE_FILES,
                                            &report, NULL),
                     MODELLAB_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (kit_has_finding(report, bad[i])) {
            wrong += complain(cycle, "-", bad[i]);
        }
    }
    modellab_report_unref(report);
    return wrong;
}

static int cycle_of(kit *k, int cycle, uint64_t *seed, const char *plant)
{
    char id[MODELLAB_RUN_ID_BYTES];
    char step[64];
    int wrong = 0;
    unsigned who = (unsigned)(next_random(seed) % 3);
    kit_host how = {.plant = plant, .fail_step = step, .keep = next_random(seed) % 2 == 0};
    int nap = (int)(next_random(seed) % 100);
    if (how.keep && next_random(seed) % 2 == 0) {
        nap += 400; /* its host is gone well before it */
    }
    (void)snprintf(step, sizeof(step), "ingest:sleep=%d", nap);
    kit_submit(k, INGEST, 0.2, id);
    pid_t host = kit_start_host(k, &how);
    kit_sleep_ms((int)(next_random(seed) % 80));
    if (who != 1) {
        kit_kill(k, host); /* first: nobody is left who could tell how the worker ended */
    }
    pid_t worker = kit_worker_within(k, id, 200); /* the kill may have come before there was one */
    if (who != 0 && worker > 0) {
        (void)kill(worker, SIGKILL); /* it may have ended by itself */
    }
    if (who == 1) {
        (void)kit_wait_final(k, id);
        kit_kill(k, host);
    }
    kit_reopen(k);
    modellab_run *run = kit_load(k, id);
    if (kit_info(run).status == MODELLAB_RUN_STALE && worker > 0 && who == 0 && kit_alive(worker)) {
        wrong += complain(cycle, id, "is STALE although its worker lives");
    }
    modellab_run_unref(run);
    host = kit_start_host(k, &(kit_host){0}); /* takes what is queued, adopts what lives */
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    return wrong + check_run(k, cycle, id, worker);
}

/* With a planted bug it ends at the first thing that it finds. */
static int loop(int cycles, const char *plant, uint64_t seed)
{
    static kit k;
    int wrong = 0;
    for (int i = 0; i < cycles && (plant == NULL || wrong == 0); i++) {
        if (i % CYCLES_A_LAB == 0) {
            if (i > 0) {
                kit_close(&k);
            }
            kit_open(&k, worker_program, host_program);
        }
        wrong += cycle_of(&k, i, &seed, plant);
        if (i % CYCLES_A_LAB == CYCLES_A_LAB - 1 || i == cycles - 1) {
            wrong += check_files(&k, i);
        }
    }
    kit_close(&k);
    return wrong;
}

static int cycles_wanted(void)
{
    const char *text = getenv("MODEL_LAB_KILL_CYCLES");
    int cycles = text != NULL ? atoi(text) : 100;
    return cycles > 0 ? cycles : 100;
}

static void nothing_is_lost(void **state)
{
    (void)state;
    assert_int_equal(loop(cycles_wanted(), NULL, 20261123), 0);
}

static void a_host_that_takes_no_lock_is_found_out(void **state)
{
    (void)state;
    assert_true(loop(60, "no-lock", 7) > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(a_host_that_takes_no_lock_is_found_out),
    };
    if (argc != 3) {
        (void)fprintf(stderr, "test_loop WORKER HOST\n");
        return 2;
    }
    worker_program = argv[1];
    host_program = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
