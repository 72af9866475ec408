/* The shared part of the crash tests. */
#include "crash/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
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

#define RATE 8000
#define PATIENCE_MS 120000

void kit_sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static void open_lab(kit *k)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_lab_open(k->root, NULL, &k->lab, &err);
    if (status != MODELLAB_OK) {
        fail_msg("lab not opened: %s", err.message);
    }
}

void kit_open(kit *k, const char *worker_program, const char *host_program)
{
    memset(k, 0, sizeof(*k));
    (void)snprintf(k->root, sizeof(k->root), "/tmp/mli-crash-XXXXXX");
    assert_non_null(mkdtemp(k->root));
    k->worker_program = worker_program;
    k->host_program = host_program;
    open_lab(k);
}

void kit_reopen(kit *k)
{
    modellab_lab_unref(k->lab);
    k->lab = NULL;
    open_lab(k);
}

void kit_close(kit *k)
{
    for (size_t i = 0; i < sizeof(k->hosts) / sizeof(k->hosts[0]); i++) {
        if (k->hosts[i] > 0) {
            kit_kill(k, k->hosts[i]);
        }
    }
    modellab_lab_unref(k->lab);
    k->lab = NULL;
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, k->root), 0);
}

static void put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value & 255u);
    at[1] = (unsigned char)(value >> 8 & 255u);
}

static void put32(unsigned char *at, unsigned value)
{
    put16(at, value & 65535u);
    put16(at + 2, value >> 16);
}

static unsigned char *make_wav(double seconds, size_t *bytes)
{
    unsigned samples = (unsigned)(seconds * RATE);
    *bytes = 44 + (size_t)samples * 2;
    unsigned char *wav = calloc(1, *bytes);
    assert_non_null(wav);
    memcpy(wav, "RIFF", 4);
    put32(wav + 4, (unsigned)*bytes - 8);
    memcpy(wav + 8, "WAVEfmt ", 8);
    put32(wav + 16, 16);
    put16(wav + 20, 1);
    put16(wav + 22, 1);
    put32(wav + 24, RATE);
    put32(wav + 28, RATE * 2);
    put16(wav + 32, 2);
    put16(wav + 34, 16);
    memcpy(wav + 36, "data", 4);
    put32(wav + 40, samples * 2);
    for (unsigned i = 0; i < samples; i++) {
        double tone = 8000.0 * sin(2.0 * 3.14159265358979 * 440.0 * i / RATE);
        put16(wav + 44 + (size_t)i * 2, (unsigned)(int)tone & 65535u);
    }
    return wav;
}

void kit_submit(kit *k, const char *request, double seconds, char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    size_t bytes = 0;
    unsigned char *wav = make_wav(seconds, &bytes);
    options.request = request;
    options.input_data = wav;
    options.input_bytes = bytes;
    options.input_name = "tone.wav";
    modellab_status status = modellab_run_submit(k->lab, &options, run_id, NULL, &err);
    free(wav);
    if (status != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

void kit_submit_bare(kit *k, const char *request, char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = request;
    if (modellab_run_submit(k->lab, &options, run_id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

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
    int ready[2];
    pid_t pid = -1;
    char byte = 0;
    posix_spawn_file_actions_t actions;
    (void)snprintf(workers, sizeof(workers), "%d", how->workers > 0 ? how->workers : 1);
    (void)snprintf(term, sizeof(term), "%d", how->term_ms);
    (void)snprintf(kill_ms, sizeof(kill_ms), "%d", how->kill_ms);
    const char *argv[] = {k->host_program,
                          k->root,
                          k->worker_program,
                          workers,
                          term,
                          kill_ms,
                          how->keep ? "keep" : "stop",
                          how->plant != NULL ? how->plant : "none",
                          how->fail_step != NULL ? how->fail_step : "none",
                          NULL};
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ready[1], 3), 0);
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

modellab_run *kit_load(const kit *k, const char *run_id)
{
    modellab_run *run = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_load(k->lab, run_id, &run, &err) != MODELLAB_OK) {
        fail_msg("run not loaded: %s", err.message);
    }
    return run;
}

modellab_run_info kit_info(const modellab_run *run)
{
    modellab_run_info info = {.size = sizeof(info)};
    assert_int_equal(modellab_run_get_info(run, &info, NULL), MODELLAB_OK);
    return info;
}

static modellab_run_status status_of(const kit *k, const char *run_id)
{
    modellab_run *run = kit_load(k, run_id);
    modellab_run_status status = kit_info(run).status;
    modellab_run_unref(run);
    return status;
}

void kit_wait_status(const kit *k, const char *run_id, modellab_run_status status)
{
    modellab_run_status now = 0;
    for (int waited = 0; waited < PATIENCE_MS; waited += 5) {
        now = status_of(k, run_id);
        if (now == status) {
            return;
        }
        if (modellab_run_status_is_final(now)) {
            break;
        }
        kit_sleep_ms(5);
    }
    fail_msg("the run is %s, not %s", modellab_run_status_name(now),
             modellab_run_status_name(status));
}

modellab_run_status kit_wait_final(const kit *k, const char *run_id)
{
    modellab_run_status status = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_wait(k->lab, run_id, PATIENCE_MS, NULL, &status, &err) != MODELLAB_OK) {
        fail_msg("the run is still %s: %s", modellab_run_status_name(status), err.message);
    }
    return status;
}

void kit_run_path(const kit *k, const char *run_id, const char *name, char out[512])
{
    assert_true(snprintf(out, 512, "%s/runs/%s/%s", k->root, run_id, name) < 512);
}

pid_t kit_worker_within(const kit *k, const char *run_id, int wait_ms)
{
    char path[512];
    kit_run_path(k, run_id, "page", path);
    for (int waited = 0; waited <= wait_ms; waited += 5) {
        mli_os_identity worker;
        mli_page *page = NULL;
        bool known = false;
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            if (mli_page_map(&mli_os_system_files, fd, &page) == 0) {
                known = mli_page_worker(page, &worker);
            }
            mli_page_unmap(page);
            (void)close(fd);
        }
        if (known) {
            return (pid_t)worker.pid;
        }
        kit_sleep_ms(5);
    }
    return 0;
}

pid_t kit_worker_pid(const kit *k, const char *run_id)
{
    pid_t pid = kit_worker_within(k, run_id, PATIENCE_MS);
    if (pid == 0) {
        fail_msg("the worker did not name itself");
    }
    return pid;
}

pid_t kit_hanging_worker(const kit *k, const char *run_id)
{
    pid_t pid = kit_worker_pid(k, run_id);
    for (int waited = 0; kit_count_events(k, run_id, "step_started") == 0; waited += 5) {
        if (waited >= PATIENCE_MS) {
            fail_msg("no step was begun");
        }
        kit_sleep_ms(5);
    }
    kit_sleep_ms(20);
    return pid;
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

void kit_kill_both(kit *k, pid_t host, pid_t worker)
{
    assert_int_equal(kill(worker, SIGSTOP), 0);
    int threads = 0;
    for (int waited = 0; state_of(worker, &threads) != 'T'; waited++) {
        assert_true(waited < PATIENCE_MS);
        kit_sleep_ms(1);
    }
    kit_kill(k, host);
    assert_int_equal(kill(worker, SIGKILL), 0);
    kit_wait_dead(worker);
}

void kit_wait_dead(pid_t pid)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 2) {
        if (!kit_alive(pid)) {
            return;
        }
        kit_sleep_ms(2);
    }
    fail_msg("process %d is still there", (int)pid);
}

size_t kit_count_events(const kit *k, const char *run_id, const char *type)
{
    modellab_event_list *list = NULL;
    size_t count = 0;
    assert_int_equal(modellab_event_list_load(k->lab, run_id, 0, 1000, 0, &list, NULL),
                     MODELLAB_OK);
    for (size_t i = 0; i < modellab_event_list_count(list); i++) {
        modellab_event_info info = {.size = sizeof(info)};
        assert_int_equal(modellab_event_list_at(list, i, &info, NULL), MODELLAB_OK);
        assert_int_equal(info.number, (int64_t)i + 1); /* without gaps */
        count += strcmp(info.type, type) == 0;
    }
    modellab_event_list_unref(list);
    return count;
}

bool kit_has_finding(const modellab_report *report, const char *id)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &finding, NULL), MODELLAB_OK);
        if (strcmp(finding.id, id) == 0) {
            return true;
        }
    }
    return false;
}
