/* The cycles of the kill loop and what is looked at after them. */
#include "crash/loop_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "store/rundir.h"

enum { RUNS_MOST = BATCH_CYCLES * 6, LATEST = 6, PATIENCE_MS = 120000, PLANTED_PATIENCE_MS = 8000 };

typedef struct batch {
    kit k;
    uint64_t random;
    int number, cycle;
    const char *plant;
    char runs[RUNS_MOST][MODELLAB_RUN_ID_BYTES]; /* acknowledged, in this order */
    pid_t host;                                  /* 0 = none */
    int acks[2];                                 /* what hosts acknowledge */
    batch_result result;
} batch;

static uint64_t draw(batch *b) /* splitmix64 */
{
    uint64_t z = (b->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void complain(batch *b, const char *run_id, const char *what)
{
    b->result.wrong++;
    if (b->plant == NULL) {
        (void)fprintf(stderr, "batch %d, cycle %d, run %s: %s\n", b->number, b->cycle, run_id,
                      what);
    }
}

static void remember(batch *b, const char *run_id)
{
    assert_true(b->result.runs < RUNS_MOST);
    memcpy(b->runs[b->result.runs], run_id, MODELLAB_RUN_ID_BYTES);
    b->runs[b->result.runs++][MODELLAB_RUN_ID_BYTES - 1] = '\0';
}

/* Whole lines only: a host writes one at a time. */
static void read_acks(batch *b)
{
    char line[MODELLAB_RUN_ID_BYTES];
    while (read(b->acks[0], line, sizeof(line)) == (ssize_t)sizeof(line)) {
        remember(b, line);
    }
}

static void submit(batch *b)
{
    char request[200];
    char id[MODELLAB_RUN_ID_BYTES];
    bool ingest = draw(b) % 2 == 0;
    /* Longer under a planted bug: it is to be found soon, not to be given few chances. */
    uint64_t longest_ms = b->plant == NULL ? 30 : 400;
    (void)snprintf(request, sizeof(request),
                   "{\"steps\":[\"%s\"],\"labels\":{\"noop_ms\":\"%d\"},\"retry\":{\"max_attempts\""
                   ":%d,\"base_seconds\":0.01,\"cap_seconds\":0.02}}",
                   ingest ? "ingest" : "noop", (int)(draw(b) % longest_ms), (int)(draw(b) % 3) + 1);
    kit_submit(&b->k, request, 0.05, id);
    remember(b, id);
}

static void start_host(batch *b)
{
    kit_host how = {.plant = b->plant};
    how.keep = draw(b) % 2 == 0;
    how.workers = (int)(draw(b) % 2) + 1;
    how.acks = draw(b) % 2 == 0 ? b->acks[1] : 0;
    b->host = kit_start_host(&b->k, &how);
}

static int latest(const batch *b)
{
    return b->result.runs > LATEST ? b->result.runs - LATEST : 0;
}

static bool kill_worker(batch *b)
{
    for (int i = b->result.runs; i-- > latest(b);) {
        pid_t worker = kit_kill_worker(&b->k, b->runs[i]);
        if (worker > 0) {
            b->result.workers_killed++;
            kit_wait_dead(worker);
            return true;
        }
    }
    return false;
}

/* Another process opens the lab, and so reconciles it, while workers go on without their host. */
static void reconcile(batch *b)
{
    kit_reopen(&b->k);
    for (int i = latest(b); i < b->result.runs; i++) {
        modellab_run *run = NULL;
        if (modellab_run_load(b->k.lab, b->runs[i], &run, NULL) == MODELLAB_OK &&
            kit_info(run).status == MODELLAB_RUN_STALE && kit_worker_lives(&b->k, b->runs[i])) {
            complain(b, b->runs[i], "is STALE although its worker lives");
        }
        modellab_run_unref(run);
    }
}

static void check_manifest(batch *b, const char *id)
{
    mli_buf text;
    mli_buf_init(&text, NULL);
    modellab_status status = mli_manifest_read(&mli_os_system_files, b->k.root, id, &text, NULL);
    if (status != MODELLAB_OK && status != MODELLAB_E_NOT_FOUND) {
        complain(b, id, "has a manifest that cannot be read");
    }
    mli_buf_dispose(&text);
}

/* However slow the machine is: most kills are to hit work, not the start of processes. */
static void wait_for_work(batch *b)
{
    for (int waited = 0; waited < 1000; waited++) {
        for (int i = latest(b); i < b->result.runs; i++) {
            if (kit_worker_lives(&b->k, b->runs[i]) &&
                !modellab_run_status_is_final(kit_status(&b->k, b->runs[i]))) {
                return;
            }
        }
        kit_sleep_ms(2);
    }
}

static void cycle(batch *b)
{
    static const int longest_us[] = {1000, 8000, 40000};
    if (b->result.runs == 0 || draw(b) % 4 != 0) {
        submit(b);
    }
    if (b->host == 0) {
        start_host(b);
    }
    if (draw(b) % 4 != 0) {
        wait_for_work(b);
    }
    int nap_us = (int)(draw(b) % (uint64_t)longest_us[draw(b) % 3]);
    const struct timespec nap = {0, (long)nap_us * 1000};
    (void)nanosleep(&nap, NULL);
    uint64_t who = draw(b) % 3;
    if (who != 1) {
        kit_kill(&b->k, b->host); /* first: nobody is left who could tell how the worker ended */
        b->host = 0;
        b->result.hosts_killed++;
    }
    if (who != 0) {
        (void)kill_worker(b); /* there may be none yet */
    }
    read_acks(b);
    for (int i = latest(b); i < b->result.runs; i++) {
        check_manifest(b, b->runs[i]);
    }
    if (who == 0 && draw(b) % 2 == 0) {
        reconcile(b);
    }
    b->result.cycles++;
}

static void check_artifacts(batch *b, const modellab_run *run, const char *id)
{
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        modellab_buffer *bytes = NULL;
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        if (modellab_run_read_artifact(b->k.lab, id, info.id, 1 << 20, &bytes, NULL) !=
            MODELLAB_OK) {
            complain(b, id, "has an artifact that cannot be read");
        }
        modellab_buffer_destroy(bytes);
    }
}

static void count_end(batch_result *r, modellab_run_status status)
{
    r->completed += status == MODELLAB_RUN_COMPLETED;
    r->failed += status == MODELLAB_RUN_FAILED;
    r->stale += status == MODELLAB_RUN_STALE;
    r->other += status == MODELLAB_RUN_CANCELLED || status == MODELLAB_RUN_TIMEOUT;
}

/* One final status, told once; numbers of events without gaps (kit_count_events); as many starts as
 * attempts. */
static void check_run(batch *b, const char *id)
{
    static const char *const ends[] = {"run_completed", "run_failed", "run_cancelled",
                                       "run_timeout", "run_stale"};
    size_t ended = 0;
    modellab_run *run = NULL;
    if (modellab_run_load(b->k.lab, id, &run, NULL) != MODELLAB_OK) {
        complain(b, id, "was acknowledged and is lost");
        return;
    }
    modellab_run_info info = kit_info(run);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        ended += kit_count_events(&b->k, id, ends[i]);
    }
    if (!modellab_run_status_is_final(info.status)) {
        complain(b, id, "is stuck");
    } else if (ended != 1) {
        complain(b, id, "has not ended exactly once");
    }
    if (kit_count_events(&b->k, id, "run_started") != (size_t)info.attempt) {
        complain(b, id, "was not started as often as it was tried");
    }
    /* An attempt that was killed behind its step leaves one that is completed too. */
    size_t steps = kit_count_events(&b->k, id, "step_completed");
    if (info.status == MODELLAB_RUN_COMPLETED && (steps < 1 || steps > (size_t)info.attempt)) {
        complain(b, id, "is completed, and its step is not, once an attempt");
    }
    b->result.repeated += info.status == MODELLAB_RUN_COMPLETED && steps > 1;
    count_end(&b->result, info.status);
    check_artifacts(b, run, id);
    check_manifest(b, id);
    modellab_run_unref(run);
}

static void check_files(batch *b)
{
    static const char *const bad[] = {"run.folder_missing", "manifest.missing", "manifest.damaged",
                                      "artifact.missing",   "artifact.size",    "run.stale",
                                      "run.orphaned"};
    modellab_report *report = NULL;
    assert_int_equal(modellab_lab_reconcile(b->k.lab,
                                            MODELLAB_RECONCILE_DRY_RUN | MODELLAB_RECONCILE_FILES,
                                            &report, NULL),
                     MODELLAB_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (kit_has_finding(report, bad[i])) {
            complain(b, "-", bad[i]);
        }
    }
    modellab_report_unref(report);
}

/* 0: there is no such run. */
static modellab_run_status status_or_none(const batch *b, const char *id)
{
    modellab_run *run = NULL;
    modellab_run_status status = 0;
    if (modellab_run_load(b->k.lab, id, &run, NULL) == MODELLAB_OK) {
        status = kit_info(run).status;
    }
    modellab_run_unref(run);
    return status;
}

static int count_ended(const batch *b)
{
    int ended = 0;
    for (int i = 0; i < b->result.runs; i++) {
        ended += modellab_run_status_is_final(status_or_none(b, b->runs[i])) != 0;
    }
    return ended;
}

/* However slow the machine is: stuck is a run that has not ended when for so long none did. */
static void wait_for_end(batch *b, const char *id)
{
    modellab_run_status status = 0;
    int64_t patience = b->plant == NULL ? PATIENCE_MS : PLANTED_PATIENCE_MS;
    int before = -1;
    int ended = count_ended(b);
    modellab_status rc = MODELLAB_E_TIMEOUT;
    while (rc != MODELLAB_OK && rc != MODELLAB_E_NOT_FOUND && ended > before) {
        rc = modellab_run_wait(b->k.lab, id, patience, NULL, &status, NULL);
        before = ended;
        ended = rc == MODELLAB_OK ? ended : count_ended(b);
    }
    if (rc != MODELLAB_OK) {
        complain(b, id, rc == MODELLAB_E_NOT_FOUND ? "was acknowledged and is lost" : "is stuck");
    }
}

/* Until nothing waits or runs any more. */
static void settle(batch *b)
{
    if (b->host == 0) {
        start_host(b);
    }
    for (int i = 0; i < b->result.runs && b->result.wrong == 0; i++) {
        if (!modellab_run_status_is_final(status_or_none(b, b->runs[i]))) {
            wait_for_end(b, b->runs[i]);
        }
        read_acks(b); /* the last host submits too */
    }
    if (b->plant == NULL && b->result.wrong == 0) {
        kit_stop_host(&b->k, b->host);
    } else {
        kit_kill(&b->k, b->host);
    }
    b->host = 0;
    read_acks(b);
}

static void check_all(batch *b)
{
    for (int i = 0; i < b->result.runs; i++) {
        check_run(b, b->runs[i]);
    }
    check_files(b);
}

static const char *folder_of(int number)
{
    struct stat facts;
    bool memory = stat("/dev/shm", &facts) == 0 && access("/dev/shm", W_OK) == 0;
    return number % 2 != 0 && memory ? "/dev/shm" : "/tmp";
}

static void open_acks(batch *b)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    for (int i = 0; i < 2; i++) { /* not among the numbers that a host is given */
        b->acks[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, 10);
        assert_true(b->acks[i] >= 10);
        assert_int_equal(close(ends[i]), 0);
    }
}

batch_result loop_batch(uint64_t seed, int number, int cycles, const char *plant)
{
    static batch b;
    memset(&b, 0, sizeof(b));
    b.random = seed + (uint64_t)number * 0x2545f4914f6cdd1du;
    b.number = number;
    b.plant = plant;
    open_acks(&b);
    kit_open_below(&b.k, folder_of(number));
    for (b.cycle = 0; b.cycle < cycles && (plant == NULL || b.result.wrong == 0); b.cycle++) {
        cycle(&b);
    }
    settle(&b);
    check_all(&b);
    if (b.result.wrong > 0 && plant == NULL) {
        (void)fprintf(stderr, "batch %d: the lab is kept in %s\n", number, b.k.root);
        modellab_lab_unref(b.k.lab);
    } else {
        kit_close(&b.k);
    }
    (void)close(b.acks[0]);
    (void)close(b.acks[1]);
    return b.result;
}
