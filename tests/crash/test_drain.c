/* A supervisor that is told to stop with twenty runs: it claims no more, lets finish what can until
 * the deadline, gives the rest back, and a second one ends them all, each once. The same for
 * `modellab supervise`, and a second signal. test_drain WORKER HOST CLI */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
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

enum { RUNS = 20, BUSY = 5, DRAIN_MS = 2500, SLOWEST = 25 };

/* The first of them run when the word comes: two that can finish in time, one that cannot, one that
 * listens to nothing, one that its user cancels meanwhile. The others wait. */
enum { QUICK, QUICK_TOO, SLOW, DEAF, UNWANTED };

static const int last_ms[BUSY] = {900, 900, 6000, 0, 6000};

static const char *cli_program;

/* All times are `slow` times as long: where a machine is too slow for the scene to stand, it is
 * played again; what comes of one that stood counts. */
typedef struct scene {
    char ids[RUNS][MODELLAB_RUN_ID_BYTES];
    int slow;
} scene;

static void submit_all(kit *k, scene *s)
{
    char request[128];
    for (int i = 0; i < RUNS; i++) {
        (void)snprintf(
            request, sizeof(request),
            "{\"steps\":[\"noop\"],\"priority\":\"urgent\",\"labels\":{\"noop_ms\":\"%d\"}}",
            i < BUSY ? last_ms[i] * s->slow : 0);
        if (i == DEAF) {
            kit_submit(
                k,
                "{\"steps\":[\"ingest\"],\"priority\":\"urgent\",\"cancel_grace_seconds\":0.2,"
                "\"kill_grace_seconds\":0.5}",
                1, s->ids[i]);
        } else {
            kit_submit_bare(k, i < BUSY ? request : "{\"steps\":[\"noop\"]}", s->ids[i]);
        }
    }
}

static void wait_until_begun(const kit *k, const scene *s)
{
    for (int i = 0; i < BUSY; i++) {
        kit_wait_events(k, s->ids[i], "run_started", 1);
    }
    (void)kit_hanging_worker(k, s->ids[DEAF]);
}

/* The scene is as it must be: the first ones run, nobody has taken another. Asked at its last
 * moment: the quick ones have not ended yet. */
static bool is_busy(const kit *k, const scene *s)
{
    for (int i = RUNS - 1; i >= 0; i--) {
        if (kit_status(k, s->ids[i]) != (i < BUSY ? MODELLAB_RUN_RUNNING : MODELLAB_RUN_QUEUED)) {
            return false;
        }
    }
    return true;
}

static int differs(const kit *k, const char *id, modellab_run_status status, modellab_reason reason,
                   int attempt, size_t requeued)
{
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    int wrong = info.status != status || info.attempt != attempt ||
                (modellab_run_status_is_final(status) != 0 && info.reason != reason) ||
                kit_count_events(k, id, "run_requeued") != requeued ||
                kit_count_events(k, id, "run_started") != (size_t)attempt;
    modellab_run_unref(run);
    return wrong;
}

/* Runs that do not stand as they must after the drain. */
static int wrong_after_drain(const kit *k, const scene *s)
{
    int wrong = differs(k, s->ids[QUICK], MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, 1, 0) +
                differs(k, s->ids[QUICK_TOO], MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, 1, 0) +
                differs(k, s->ids[SLOW], MODELLAB_RUN_QUEUED, 0, 1, 1) +
                differs(k, s->ids[DEAF], MODELLAB_RUN_QUEUED, 0, 1, 1) +
                differs(k, s->ids[UNWANTED], MODELLAB_RUN_CANCELLED,
                        MODELLAB_REASON_CANCELLED_BY_USER, 1, 0);
    for (int i = BUSY; i < RUNS; i++) { /* nobody touched them */
        wrong += differs(k, s->ids[i], MODELLAB_RUN_QUEUED, 0, 0, 0);
    }
    return wrong;
}

static size_t ends_of(const kit *k, const char *id)
{
    return kit_count_events(k, id, "run_completed") + kit_count_events(k, id, "run_cancelled") +
           kit_count_events(k, id, "run_failed") + kit_count_events(k, id, "run_timeout") +
           kit_count_events(k, id, "run_stale");
}

/* A second supervisor: every run gets one end. */
static void expect_the_rest(kit *k, const scene *s)
{
    pid_t host = kit_start_host(k, &(kit_host){.workers = BUSY});
    for (int i = 0; i < RUNS; i++) {
        modellab_run_status status = kit_wait_final(k, s->ids[i]);
        assert_int_equal(status, i == UNWANTED ? MODELLAB_RUN_CANCELLED : MODELLAB_RUN_COMPLETED);
        assert_int_equal(ends_of(k, s->ids[i]), 1);
    }
    kit_stop_host(k, host);
}

/* Tells it to stop while the first ones run, and cancels one of them. Whether the scene stood when
 * it was told, and when it must have heard. */
static bool drain(const kit *k, const scene *s, pid_t pid)
{
    wait_until_begun(k, s);
    bool stood = is_busy(k, s);
    assert_int_equal(kill(pid, SIGTERM), 0);
    kit_sleep_ms(100);
    stood = stood && is_busy(k, s);
    (void)kit_cancel(k, s->ids[UNWANTED]);
    if (!stood) {
        print_message("too slow for times of %d\n", s->slow);
    }
    return stood;
}

/* Nothing of the scene is left to be done. */
static void abandon(const kit *k, const scene *s)
{
    for (int i = 0; i < RUNS; i++) {
        (void)kit_cancel(k, s->ids[i]);
    }
}

/* Whether the scene stood; then `wrong` counts. */
static bool drain_with(kit *k, scene *s, const char *plant, int *wrong)
{
    submit_all(k, s);
    pid_t host = kit_start_host(k, &(kit_host){.plant = plant,
                                               .fail_step = "ingest:hang",
                                               .workers = BUSY,
                                               .drain_ms = DRAIN_MS * s->slow});
    bool stood = drain(k, s, host);
    kit_stop_host(k, host); /* exit code 0: all were ended or given back */
    *wrong = wrong_after_drain(k, s);
    return stood;
}

static void a_host_drains(void **state)
{
    kit *k = *state;
    scene s = {.slow = 1};
    int wrong = 0;
    for (; !drain_with(k, &s, NULL, &wrong); s.slow *= 5) {
        assert_true(s.slow < SLOWEST);
        abandon(k, &s);
    }
    assert_int_equal(wrong, 0);
    expect_the_rest(k, &s);
}

static void one_that_claims_while_it_drains_is_found(void **state)
{
    kit *k = *state;
    scene s = {.slow = 1};
    int wrong = 0;
    for (; !drain_with(k, &s, "drain-claims", &wrong); s.slow *= 5) {
        assert_true(s.slow < SLOWEST);
        abandon(k, &s);
    }
    assert_true(wrong >= 5);
}

/* --- the program --- */

static pid_t start_program(const kit *k, const scene *s, const char *errors)
{
    pid_t pid = -1;
    char seconds[24];
    (void)snprintf(seconds, sizeof(seconds), "%d.%03d", DRAIN_MS * s->slow / 1000,
                   DRAIN_MS * s->slow % 1000);
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char *)(uintptr_t)cli_program,
                    (char *)(uintptr_t) "supervise",
                    (char *)(uintptr_t) "--workers",
                    (char *)(uintptr_t) "5",
                    (char *)(uintptr_t) "--drain",
                    seconds,
                    NULL};
    assert_int_equal(setenv("MODEL_LAB_ROOT", k->root, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_WORKER", kit_worker_program, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_FAIL_STEP", "ingest:hang", 1), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0600),
        0);
    assert_int_equal(posix_spawn(&pid, cli_program, &actions, NULL, argv, environ), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    assert_int_equal(unsetenv("MODEL_LAB_FAIL_STEP"), 0);
    assert_int_equal(unsetenv("MODEL_LAB_ROOT"), 0);
    return pid;
}

static int exit_code(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_program_drains(void **state)
{
    kit *k = *state;
    scene s = {.slow = 1};
    char path[300];
    size_t bytes = 0;
    assert_true(snprintf(path, sizeof(path), "%s.err", k->root) > 0);
    for (;; s.slow *= 5) {
        submit_all(k, &s);
        pid_t pid = start_program(k, &s, path);
        bool stood = drain(k, &s, pid);
        assert_int_equal(exit_code(pid), 0);
        if (stood) {
            assert_int_equal(wrong_after_drain(k, &s), 0);
            break;
        }
        assert_true(s.slow < SLOWEST);
        abandon(k, &s);
    }
    char *text = kit_read_bytes(path, &bytes);
    assert_non_null(strstr(text, "2 finished, 2 put back into the queue, 1 cancelled, 1 killed"));
    free(text);
    assert_int_equal(unlink(path), 0);
    expect_the_rest(k, &s);
}

static void wait_for_words(const char *path, const char *words)
{
    bool said = false;
    for (int waited = 0; !said && waited < KIT_PATIENCE_MS; waited += 5) {
        size_t bytes = 0;
        char *text = kit_read_bytes(path, &bytes);
        said = strstr(text, words) != NULL;
        free(text);
        kit_sleep_ms(5);
    }
    assert_true(said);
}

/* The second signal ends it at once: its workers see that, and nothing is lost. */
static void a_second_signal_leaves_at_once(void **state)
{
    kit *k = *state;
    scene s = {.slow = 500}; /* none of its runs ends by itself */
    char path[300];
    assert_true(snprintf(path, sizeof(path), "%s.err", k->root) > 0);
    submit_all(k, &s);
    pid_t pid = start_program(k, &s, path);
    wait_until_begun(k, &s);
    assert_true(is_busy(k, &s));
    pid_t deaf = kit_worker_pid(k, s.ids[DEAF]);
    assert_int_equal(kill(pid, SIGTERM), 0);
    wait_for_words(path, "draining");
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(exit_code(pid), 128 + SIGINT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kit_status(k, s.ids[SLOW]), MODELLAB_RUN_RUNNING); /* nobody ended it yet */
    assert_true(kit_alive(deaf));
    assert_int_equal(kill(deaf, SIGKILL), 0); /* as the service manager would */
    kit_wait_dead(deaf);
    for (int i = BUSY; i < RUNS; i++) {
        assert_int_equal(kit_status(k, s.ids[i]), MODELLAB_RUN_QUEUED);
    }
    pid_t host = kit_start_host(k, &(kit_host){.workers = BUSY});
    for (int i = 0; i < RUNS; i++) {
        modellab_run_status status = kit_wait_final(k, s.ids[i]);
        modellab_run *run = kit_load(k, s.ids[i]);
        modellab_reason reason = kit_info(run).reason;
        assert_int_equal(status, i == DEAF  ? MODELLAB_RUN_STALE
                                 : i < BUSY ? MODELLAB_RUN_CANCELLED
                                            : MODELLAB_RUN_COMPLETED);
        assert_int_equal(reason, i == DEAF  ? MODELLAB_REASON_WORKER_LOST
                                 : i < BUSY ? MODELLAB_REASON_HOST_STOPPED
                                            : MODELLAB_REASON_NONE);
        assert_true(i >= BUSY || modellab_reason_is_recoverable(reason) != 0);
        assert_int_equal(ends_of(k, s.ids[i]), 1);
        modellab_run_unref(run);
    }
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_host_drains), KIT_TEST(one_that_claims_while_it_drains_is_found),
        KIT_TEST(the_program_drains), KIT_TEST(a_second_signal_leaves_at_once)};
    if (!kit_arguments(argc, argv, 1) || setenv("MODEL_LAB_TESTING", "1", 1) != 0 ||
        setenv("MODEL_LAB_SHORT_WORKERS", "0", 1) != 0) {
        return 2;
    }
    cli_program = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
