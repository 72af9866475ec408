/* A host that does to the library what hosts do: ignores SIGCHLD, waits for any child, computes in
 * BLAS, forks with everything open, is large. It executes runs, of which each fifth kills its
 * worker, and tells what went wrong. hostile_host ROOT WORKER MANNERS RUNS PATIENCE_MS PLANT;
 * MANNERS is a list of sigchld, reaper, blas, fork, large, or none. Exit: 0 nothing is wrong, 1
 * something is, 77 not on this machine. */
#include <cblas.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/hostile.h"
#include "lab/cancel.h"
#include "lab/events.h"
#include "lab/lab.h"
#include "lab/state.h"
#include "lab/submit.h"
#include "lab/supervisor.h"

enum { BLAS_THREADS = 4, LARGE = 1 << 30, DIM = 256, MOST_RUNS = 5000 };

static const char *manners;
static atomic_bool leave;
static int wrong;

static bool has(const char *manner)
{
    return strstr(manners, manner) != NULL;
}

static void complain(const char *what, const char *detail)
{
    wrong++;
    (void)printf("wrong: %s%s%s\n", what, detail[0] != '\0' ? ": " : "", detail);
}

static void *wait_for_anybody(void *arg)
{
    const struct timespec nap = {0, 200000};
    int status = 0;
    while (!atomic_load(&leave)) {
        if (waitpid(-1, &status, WNOHANG) <= 0) {
            (void)nanosleep(&nap, NULL);
        } else {
            atomic_fetch_add((atomic_int *)arg, 1);
        }
    }
    return NULL;
}

static void *multiply(void *arg)
{
    static float a[DIM * DIM];
    float *c = malloc(sizeof(a));
    while (!atomic_load(&leave) && c != NULL) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, DIM, DIM, DIM, 1, a, DIM, a, DIM, 0,
                    c, DIM);
        atomic_fetch_add((atomic_int *)arg, 1);
    }
    free(c);
    return NULL;
}

static bool grow(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    long free_kib = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL &&
           sscanf(line, "MemAvailable: %ld", &free_kib) != 1) {
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (free_kib < 3 * 1024 * 1024) {
        return false;
    }
    char *all = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        return false;
    }
    memset(all, 1, LARGE); /* until the process ends */
    return true;
}

/* --- runs --- */

typedef struct tally {
    int runs, ended, completed, died, known_exits, reaped_by_host, products;
    int64_t largest_peak;
} tally;

static void look_at_end(mli_lab *lab, const char *id, bool dies, tally *t)
{
    mli_run_record *record = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_store_load(lab->store, id, &record, &err) != MODELLAB_OK) {
        complain("a run is lost", err.message);
        return;
    }
    const mli_run_row *row = record->run;
    t->ended++;
    t->completed += row->status == MODELLAB_RUN_COMPLETED;
    t->died += row->reason == MODELLAB_REASON_WORKER_DIED;
    t->known_exits += dies && strstr(row->message, "signal 9") != NULL;
    if (row->peak_memory_bytes > t->largest_peak) {
        t->largest_peak = row->peak_memory_bytes;
    }
    if (dies ? row->status != MODELLAB_RUN_FAILED || row->reason != MODELLAB_REASON_WORKER_DIED
             : row->status != MODELLAB_RUN_COMPLETED) {
        complain(dies ? "a worker's death was not seen as one" : "a run did not complete",
                 mli_status_name_of_run(row->status));
    }
    mli_run_record_free(record);
}

static bool run_one(mli_lab *lab, int number, int patience_ms, tally *t)
{
    char id[MLI_ULID_BYTES];
    modellab_run_status status = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    bool dies = number % 5 == 4;
    options.request = dies ? "{\"steps\":[\"ingest\"]}" : "{\"steps\":[\"noop\"]}";
    options.input_data = dies ? hostile_wav : NULL;
    options.input_bytes = dies ? sizeof(hostile_wav) : 0;
    options.input_name = dies ? "short.wav" : NULL;
    if (mli_run_submit(lab, &options, id, NULL, &err) != MODELLAB_OK) {
        complain("a run was refused", err.message);
        return false;
    }
    t->runs++;
    if (mli_run_wait(lab, id, patience_ms, NULL, &status, &err) != MODELLAB_OK) {
        complain("a run hangs", dies ? "its worker was killed" : "");
        (void)fflush(stdout);
        _exit(1); /* whatever hangs would hang the way out too */
    }
    look_at_end(lab, id, dies, t);
    return true;
}

/* What a child of fork() may do with the handles: be told. 0 when it was. */
static int be_the_child(mli_lab *lab, mli_supervisor *s, const char *plant)
{
    char id[MLI_ULID_BYTES];
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_drain_result drained = {.size = sizeof(drained)};
    modellab_cancel_outcome outcome = 0;
    options.request = "{\"steps\":[\"noop\"]}";
    if (strcmp(plant, "blind-child") == 0) { /* the planted bug: it does not see what it is */
        (void)alarm(5); /* what other threads of the parent held is held for ever in here */
        lab->pid = lab->store->pid = (int64_t)getpid();
        return mli_run_submit(lab, &options, id, NULL, NULL) == MODELLAB_E_FORKED ? 0 : 1;
    }
    bool told =
        mli_run_submit(lab, &options, id, NULL, NULL) == MODELLAB_E_FORKED &&
        mli_supervisor_step(s, 0, NULL, NULL) == MODELLAB_E_FORKED &&
        mli_supervisor_drain(s, 0, &drained, NULL) == MODELLAB_E_FORKED &&
        mli_run_cancel(lab, "01HZXW6F9T8Q3N5V7B2C4D6E8G", &outcome, NULL) == MODELLAB_E_FORKED;
    mli_supervisor_destroy(s); /* as careful children do; nothing of the parent's may change */
    mli_lab_unref(lab);
    return told ? 0 : 1;
}

static void fork_once(mli_lab *lab, mli_supervisor *s, const char *plant)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(be_the_child(lab, s, plant));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        complain("a forked child was not told that it is one", "");
    }
}

/* Whether the host takes a child before the supervisor sees it is chance (about one in eight): a
 * plant that needs that gets as many runs as it takes. */
static bool more(int done, int runs, const char *plant)
{
    bool by_chance = has("reaper") && strcmp(plant, "none") != 0;
    return done < runs || (by_chance && wrong == 0 && done < MOST_RUNS);
}

static void run_all(mli_lab *lab, char **argv, tally *t)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    int runs = atoi(argv[4]);
    options.worker_program = argv[2];
    options.max_workers = 1;
    options.threads_per_worker = 1;
    if (mli_supervisor_create(lab, &options, &s, &err) != MODELLAB_OK ||
        mli_supervisor_start(s, &err) != MODELLAB_OK) {
        complain("no supervisor", err.message);
        mli_supervisor_destroy(s);
        return;
    }
    for (int i = 0; more(i, runs, argv[6]) && run_one(lab, i, atoi(argv[5]), t); i++) {
        if (has("fork") && i % 10 == 9) {
            fork_once(lab, s, argv[6]);
        }
    }
    mli_supervisor_destroy(s);
}

/* Twice, so that what is made once and kept is there before the second time. */
static void run_and_compare(mli_lab *lab, char **argv, tally *t)
{
    char ten[] = "10";
    char *first[] = {argv[0], argv[1], argv[2], argv[3], ten, argv[5], argv[6]};
    char detail[64];
    tally warm = {0};
    run_all(lab, first, &warm);
    hostile_census before = hostile_count();
    if (wrong == 0) {
        run_all(lab, argv, t);
    }
    hostile_census after = hostile_count();
    for (int waited = 0; waited < 6000 && !hostile_same(&before, &after); waited++) {
        const struct timespec nap = {0, 10000000};
        (void)nanosleep(&nap, NULL); /* a thread that was joined may still be leaving */
        after = hostile_count();
    }
    (void)snprintf(detail, sizeof(detail), "%zu and %zu, then %zu and %zu", before.fds,
                   before.threads, after.fds, after.threads);
    if (!hostile_same(&before, &after)) {
        complain("descriptors and threads are not as before", detail);
    }
    if (!has("sigchld") && !has("reaper") && waitpid(-1, NULL, WNOHANG) >= 0) {
        complain("a child was left", "");
    }
}

static int work(char **argv)
{
    pthread_t threads[BLAS_THREADS];
    int count = 0;
    static atomic_int reaped, products;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_lab *lab = NULL;
    tally t = {0};
    if (has("large") && !grow()) {
        (void)printf("not 3 GiB of memory free\n");
        return 77;
    }
    if (has("sigchld") && signal(SIGCHLD, SIG_IGN) == SIG_ERR) {
        return 2;
    }
    for (int i = 0; has("blas") && i < BLAS_THREADS; i++) {
        count += pthread_create(&threads[count], NULL, multiply, &products) == 0;
    }
    if (has("reaper")) {
        count += pthread_create(&threads[count], NULL, wait_for_anybody, &reaped) == 0;
    }
    hostile_tables tables;
    mli_lab_tables os = hostile_plant(&tables, argv[6]);
    if (mli_lab_open(argv[1], NULL, &os, &lab, &err) != MODELLAB_OK) {
        complain("no lab", err.message);
    } else {
        run_and_compare(lab, argv, &t);
        mli_lab_unref(lab);
    }
    atomic_store(&leave, true);
    for (int i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)printf("%-22s %d runs: %d completed, %d died (%d with their signal known), largest peak "
                 "%.1f MiB, start of a worker p50 %.2f ms, max %.2f ms; %d taken by the host, %d "
                 "products\n",
                 manners, t.runs, t.completed, t.died, t.known_exits,
                 (double)t.largest_peak / (1 << 20), hostile_spawn_ms(&tables, 50),
                 hostile_spawn_ms(&tables, 100), atomic_load(&reaped), atomic_load(&products));
    if (has("large") && t.largest_peak > (int64_t)256 << 20) {
        complain("a worker was charged with its host's memory", "");
    }
    if (t.runs == 0) {
        complain("nothing was executed", "");
    }
    return wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 7 || setenv("MODEL_LAB_TESTING", "1", 1) != 0 ||
        setenv("MODEL_LAB_FAIL_STEP", "ingest:die", 1) != 0) {
        return 2;
    }
    manners = argv[3];
    return work(argv);
}
