/* Processes of the crash tests: hosts that are started, stopped and killed, workers that are found
 * by the page of their run. */
#include "crash/kit.h"

#include <errno.h>
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/page.h"

static void close_pipe(int fds[2])
{
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* Replaces one entry of the list of hosts. */
static void remember(kit *k, pid_t old, pid_t now)
{
    for (size_t i = 0; i < sizeof(k->hosts) / sizeof(k->hosts[0]); i++) {
        if (k->hosts[i] == old) {
            k->hosts[i] = now;
            return;
        }
    }
}

pid_t kit_start_host(kit *k, const kit_host *how)
{
    char workers[16];
    char term[16];
    char kill_ms[16];
    char drain_ms[16];
    int ready[2];
    pid_t pid = -1;
    char byte = 0;
    posix_spawn_file_actions_t actions;
    (void)snprintf(workers, sizeof(workers), "%d", how->workers > 0 ? how->workers : 1);
    (void)snprintf(term, sizeof(term), "%d", how->term_ms);
    (void)snprintf(kill_ms, sizeof(kill_ms), "%d", how->kill_ms);
    (void)snprintf(drain_ms, sizeof(drain_ms), "%d", how->drain_ms);
    const char *argv[] = {k->host_program,
                          k->root,
                          k->worker_program,
                          workers,
                          term,
                          kill_ms,
                          how->keep ? "keep" : "stop",
                          how->plant != NULL ? how->plant : "none",
                          how->fail_step != NULL ? how->fail_step : "none",
                          how->acks > 0 ? "submit" : "quiet",
                          drain_ms,
                          NULL};
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ready[1], 3), 0);
    if (how->acks > 0) {
        assert_true(how->acks > 4); /* else the line above would have overwritten it */
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, how->acks, 4), 0);
    }
    assert_int_equal(
        posix_spawn(&pid, k->host_program, &actions, NULL, (char *const *)(uintptr_t)argv, environ),
        0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ready[1]);
    ready[1] = -1;
    assert_int_equal(read(ready[0], &byte, 1), 1); /* 0: it ended before it supervised */
    close_pipe(ready);
    remember(k, 0, pid);
    return pid;
}

void kit_kill(kit *k, pid_t pid)
{
    int status = 0;
    remember(k, pid, 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

void kit_stop_host(kit *k, pid_t pid)
{
    int status = 0;
    remember(k, pid, 0);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The run's page; NULL: there is none yet. */
static mli_page *open_page(const kit *k, const char *run_id)
{
    char path[512];
    mli_page *page = NULL;
    kit_run_path(k, run_id, "page", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        if (mli_page_map(&mli_os_system_files, fd, &page) != 0) {
            page = NULL;
        }
        (void)close(fd);
    }
    return page;
}

/* What the run's page says; false: nothing yet. */
static bool worker_of(const kit *k, const char *run_id, mli_os_identity *worker)
{
    mli_page *page = open_page(k, run_id);
    bool known = page != NULL && mli_page_worker(page, worker);
    mli_page_unmap(page);
    return known;
}

static bool is_under_way(const kit *k, const char *run_id)
{
    mli_page *page = open_page(k, run_id);
    bool begun = page != NULL && atomic_load(&page->audio_done_ms) > 0;
    mli_page_unmap(page);
    return begun;
}

pid_t kit_worker_within(const kit *k, const char *run_id, int wait_ms)
{
    for (int waited = 0; waited <= wait_ms; waited += 5) {
        mli_os_identity worker;
        if (worker_of(k, run_id, &worker)) {
            return (pid_t)worker.pid;
        }
        kit_sleep_ms(5);
    }
    return 0;
}

pid_t kit_kill_worker(const kit *k, const char *run_id)
{
    const mli_os_processes *os = &mli_os_system_processes;
    mli_os_identity worker;
    mli_os_identity now;
    if (!worker_of(k, run_id, &worker)) {
        return 0;
    }
    int fd = os->pidfd(NULL, worker.pid);
    /* The descriptor names one process, and only then is asked whether it is the right one. */
    bool right = fd >= 0 && os->identity(NULL, worker.pid, &now) == 0 &&
                 mli_os_identity_equal(&worker, &now) && os->signal(NULL, fd, SIGKILL) == 0;
    mli_os_fd_close(fd);
    return right ? (pid_t)worker.pid : 0;
}

pid_t kit_worker_pid(const kit *k, const char *run_id)
{
    pid_t pid = kit_worker_within(k, run_id, KIT_PATIENCE_MS);
    if (pid == 0) {
        fail_msg("the worker did not name itself");
    }
    return pid;
}

pid_t kit_hanging_worker(const kit *k, const char *run_id)
{
    pid_t pid = kit_worker_pid(k, run_id);
    for (int waited = 0; !is_under_way(k, run_id); waited += 5) {
        if (waited >= KIT_PATIENCE_MS) {
            fail_msg("no step was begun");
        }
        kit_sleep_ms(5);
    }
    kit_wait_events(k, run_id, "step_started", 1);
    return pid;
}

bool kit_worker_lives(const kit *k, const char *run_id)
{
    mli_os_identity worker;
    mli_os_identity now;
    return worker_of(k, run_id, &worker) &&
           mli_os_system_processes.identity(NULL, worker.pid, &now) == 0 &&
           mli_os_identity_equal(&worker, &now) && kit_alive((pid_t)worker.pid);
}

/* The letter that the system gives its state ('\0': no such process), and its threads. */
static char state_of(pid_t pid, int *threads)
{
    char path[64];
    char text[512];
    char state = '\0';
    *threads = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return '\0';
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *name_end = strrchr(text, ')');
    if (name_end != NULL &&
        sscanf(name_end + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d", &state,
               threads) != 2) {
        return '\0';
    }
    return state;
}

bool kit_alive(pid_t pid)
{
    int threads = 0;
    char state = state_of(pid, &threads);
    /* A process whose first thread ended first still holds its files until the last one did. */
    return threads > 1 || (state != '\0' && state != 'Z' && state != 'X');
}

void kit_hold(pid_t pid)
{
    int threads = 0;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (int waited = 0; state_of(pid, &threads) != 'T'; waited++) {
        assert_true(waited < KIT_PATIENCE_MS);
        kit_sleep_ms(1);
    }
}

void kit_kill_both(kit *k, pid_t host, pid_t worker)
{
    kit_hold(worker);
    kit_kill(k, host);
    assert_int_equal(kill(worker, SIGKILL), 0);
    kit_wait_dead(worker);
}

void kit_wait_dead(pid_t pid)
{
    for (int waited = 0; waited < KIT_PATIENCE_MS; waited += 2) {
        if (!kit_alive(pid)) {
            return;
        }
        kit_sleep_ms(2);
    }
    fail_msg("process %d is still there", (int)pid);
}
