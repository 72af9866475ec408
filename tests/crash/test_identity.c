/* Who is who, many times over: the pid of a dead worker comes back as a stranger's, workers are
 * zombies that nobody reaps, supervisors are killed and their workers adopted. A host that judges
 * by the pid, and one without locks, show that the looking finds something.
 * MODEL_LAB_IDENTITY_TIMES: how often each (20). test_identity WORKER HOST */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "lab/page.h"
#include "os/process.h"

#define HANG "{\"pipeline\":\"ingest\"}"

enum { AT_ONCE = 4, ZOMBIES_AT_ONCE = 20 };

static size_t times(void)
{
    return kit_number("MODEL_LAB_IDENTITY_TIMES", 20);
}

/* --- a pid that came back --- */

/* A process of this number that sleeps; -errno when the system does not give it. */
static pid_t start_as(pid_t number)
{
    pid_t ids[1] = {number};
    struct clone_args how;
    memset(&how, 0, sizeof(how));
    how.exit_signal = SIGCHLD;
    how.set_tid = (uint64_t)(uintptr_t)ids;
    how.set_tid_size = 1;
    long pid = syscall(SYS_clone3, &how, sizeof(how));
    if (pid == 0) {
        (void)execl("/bin/sleep", "sleep", "600", (char *)NULL);
        _exit(127);
    }
    return pid < 0 ? -errno : (pid_t)pid;
}

/* The number is free once the zombie is gone that had it. */
static pid_t start_stranger(pid_t number)
{
    pid_t pid = start_as(number);
    for (int i = 0; i < KIT_PATIENCE_MS / 5 && pid == -EEXIST; i++) {
        kit_sleep_ms(5);
        pid = start_as(number);
    }
    return pid;
}

/* Where numbers cannot be chosen: the page names a stranger, as if the worker had had its pid. */
static void rename_worker(const kit *k, const char *id, pid_t stranger)
{
    char path[512];
    mli_page *page = NULL;
    kit_run_path(k, id, "page", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &page), 0);
    atomic_store(&page->worker_pid, stranger);
    mli_page_unmap(page);
    assert_int_equal(close(fd), 0);
}

static pid_t any_stranger(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/bin/sleep", "sleep", "600", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* A run whose worker and supervisor are dead, and a stranger with the worker's pid. */
static pid_t with_stranger(kit *k, char id[MODELLAB_RUN_ID_BYTES], bool *real)
{
    kit_submit(k, HANG, 0.1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    pid_t worker = kit_hanging_worker(k, id);
    kit_kill_both(k, host, worker);
    pid_t stranger = start_stranger(worker);
    *real = stranger > 0;
    if (!*real) {
        stranger = any_stranger();
        rename_worker(k, id, stranger);
    }
    return stranger;
}

static void a_stranger_with_the_pid_stays_alive(void **state)
{
    kit *k = *state;
    size_t reused = 0;
    for (size_t i = 0; i < times(); i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        bool real = false;
        pid_t stranger = with_stranger(k, id, &real);
        reused += real;
        pid_t host = 0;
        if (i % 2 == 0) { /* by opening, else by a supervisor */
            kit_reopen(k);
        } else {
            host = kit_start_host(k, &(kit_host){0});
        }
        assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_STALE);
        assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_ALREADY_TERMINAL);
        if (host > 0) {
            kit_stop_host(k, host);
        }
        assert_int_equal(kit_count_events(k, id, "run_stale"), 1);
        assert_true(kit_alive(stranger));
        kit_kill(k, stranger);
    }
    print_message("%zu pids came back as strangers (%zu of them by the system's own numbers)\n",
                  times(), reused);
}

/* The planted bug: the pid alone says who lives. Then the stranger passes for the worker. */
static void who_judges_by_the_pid_is_found(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    bool real = false;
    modellab_run_status status = 0;
    pid_t stranger = with_stranger(k, id, &real);
    pid_t host = kit_start_host(k, &(kit_host){.plant = "by-pid"});
    assert_int_not_equal(modellab_run_wait(k->lab, id, 4000, NULL, &status, NULL), MODELLAB_OK);
    assert_int_equal(status, MODELLAB_RUN_RUNNING); /* nobody works on it */
    kit_kill(k, host);
    kit_kill(k, stranger);
}

/* --- zombies --- */

/* Workers that have died while their supervisor stands still and does not reap them. */
static size_t make_zombies(kit *k, size_t count, char ids[][MODELLAB_RUN_ID_BYTES], pid_t *host)
{
    pid_t workers[ZOMBIES_AT_ONCE];
    size_t zombies = 0;
    for (size_t i = 0; i < count; i++) {
        kit_submit(k, HANG, 0.1, ids[i]);
    }
    *host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang", .workers = (int)count});
    for (size_t i = 0; i < count; i++) {
        workers[i] = kit_hanging_worker(k, ids[i]);
    }
    kit_hold(*host); /* it reaps nobody any more */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kit_kill_worker(k, ids[i]), workers[i]);
    }
    for (size_t i = 0; i < count; i++) {
        kit_wait_dead(workers[i]);
        zombies += kill(workers[i], 0) == 0; /* it would answer */
    }
    return zombies;
}

static void zombies_are_dead(void **state)
{
    kit *k = *state;
    size_t zombies = 0;
    size_t done = 0;
    while (done < times()) {
        char ids[ZOMBIES_AT_ONCE][MODELLAB_RUN_ID_BYTES];
        size_t count = times() - done < ZOMBIES_AT_ONCE ? times() - done : ZOMBIES_AT_ONCE;
        pid_t stopped = 0;
        zombies += make_zombies(k, count, ids, &stopped);
        pid_t host = kit_start_host(k, &(kit_host){0});
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(kit_wait_final(k, ids[i]), MODELLAB_RUN_STALE);
            assert_int_equal(kit_count_events(k, ids[i], "run_stale"), 1);
        }
        kit_stop_host(k, host);
        assert_int_equal(kill(stopped, SIGCONT), 0); /* it finds that others have settled them */
        kit_stop_host(k, stopped);
        for (size_t i = 0; i < count; i++) {
            kit_expect_end(k, ids[i], MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST);
        }
        done += count;
    }
    print_message("%zu dead workers, %zu of them zombies\n", done, zombies);
    assert_true(zombies > 0);
}

static void who_believes_a_zombie_is_found(void **state)
{
    kit *k = *state;
    char ids[1][MODELLAB_RUN_ID_BYTES];
    modellab_run_status status = 0;
    pid_t stopped = 0;
    assert_int_equal(make_zombies(k, 1, ids, &stopped), 1);
    pid_t host = kit_start_host(k, &(kit_host){.plant = "by-pid"});
    assert_int_not_equal(modellab_run_wait(k->lab, ids[0], 4000, NULL, &status, NULL), MODELLAB_OK);
    kit_kill(k, host);
    kit_kill(k, stopped);
}

/* --- adoption --- */

/* Runs that were begun under one supervisor and end under the next; 0 when each was begun and ended
 * once. */
static int adopt_some(kit *k, const char *plant, int noop_ms)
{
    char request[80];
    char ids[AT_ONCE][MODELLAB_RUN_ID_BYTES];
    int wrong = 0;
    (void)snprintf(request, sizeof(request),
                   "{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"%d\"}}", noop_ms);
    for (int i = 0; i < AT_ONCE; i++) {
        kit_submit_bare(k, request, ids[i]);
    }
    kit_host how = {.workers = AT_ONCE, .keep = true, .plant = plant};
    pid_t host = kit_start_host(k, &how);
    for (int i = 0; i < AT_ONCE; i++) {
        (void)kit_worker_pid(k, ids[i]);
    }
    kit_kill(k, host);
    host = kit_start_host(k, &how);
    for (int i = 0; i < AT_ONCE; i++) {
        (void)kit_wait_final(k, ids[i]);
    }
    if (plant == NULL) {
        kit_stop_host(k, host);
    } else {
        kit_kill(k, host);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        modellab_run *run = kit_load(k, ids[i]);
        wrong += kit_info(run).status != MODELLAB_RUN_COMPLETED || kit_info(run).attempt != 1 ||
                 kit_count_events(k, ids[i], "run_started") != 1 ||
                 kit_count_events(k, ids[i], "step_completed") != 1 ||
                 kit_count_events(k, ids[i], "run_completed") != 1;
        modellab_run_unref(run);
    }
    return wrong;
}

static void all_are_adopted(void **state)
{
    size_t adopted = 0;
    for (; adopted < times(); adopted += AT_ONCE) {
        assert_int_equal(adopt_some(*state, NULL, 400), 0);
    }
    print_message("%zu workers changed their supervisor\n", adopted);
}

static void who_takes_no_locks_adopts_nobody(void **state)
{
    int wrong = 0;
    /* Their runs are to go on until the second supervisor is there. */
    for (int noop_ms = 400; wrong == 0 && noop_ms <= 40000; noop_ms *= 10) {
        wrong = adopt_some(*state, "no-lock", noop_ms);
    }
    assert_true(wrong > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(a_stranger_with_the_pid_stays_alive),
                                       KIT_TEST(who_judges_by_the_pid_is_found),
                                       KIT_TEST(zombies_are_dead),
                                       KIT_TEST(who_believes_a_zombie_is_found),
                                       KIT_TEST(all_are_adopted),
                                       KIT_TEST(who_takes_no_locks_adopts_nobody)};
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
