/* What surrounds the work of runs: submits, claims, ends, waiting, looking, beside the disk's own
 * sync. Prints figures and asserts none. bench_runs WORKER FOLDER [quick] [PART...]: all parts, or
 * disk, submit, finish, latency, tail, idle, large */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/reconcile.h"
#include "os/clock.h"
#include "store/store.h"
#include <modellab/modellab.h>

#define NOOP "{\"steps\":[\"noop\"]}"
#define THREADS 4

static const char *worker_program, *folder;
static bool quick;

static int64_t now_ns(void)
{
    return mli_os_system_clock.monotonic_ns(NULL);
}

static void check(modellab_status status, const modellab_error *err, const char *what)
{
    if (status != MODELLAB_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, err->message);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *ms, size_t count, const char *goal)
{
    qsort(ms, count, sizeof(*ms), compare);
    (void)printf("%-46s p50 %7.2f  p99 %7.2f  most %7.2f ms   %s\n", what, ms[count / 2],
                 ms[count * 99 / 100], ms[count - 1], goal);
    (void)fflush(stdout);
}

static void print_rate(const char *what, double a_second, const char *goal)
{
    (void)printf("%-46s %8.0f /s   %s\n", what, a_second, goal);
    (void)fflush(stdout);
}

static modellab_lab *open_lab(const char *name)
{
    char path[512];
    modellab_lab *lab = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    check(modellab_lab_open(path, NULL, &lab, &err), &err, "open");
    return lab;
}

/* The disk by itself. */
static void measure_disk(void)
{
    enum { COUNT = 300 };
    double append[COUNT];
    double replace[COUNT];
    char path[512];
    char block[512];
    memset(block, 'x', sizeof(block));
    (void)snprintf(path, sizeof(path), "%s/append", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    for (int i = 0; i < COUNT; i++) {
        int64_t start = now_ns();
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) != 0) {
            exit(1);
        }
        append[i] = (double)(now_ns() - start) / 1e6;
    }
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/replaced", folder);
    for (int i = 0; i < COUNT; i++) {
        int64_t start = now_ns();
        if (mli_os_replace_file(&mli_os_system_files, path, block, sizeof(block), 0600) != 0) {
            exit(1);
        }
        replace[i] = (double)(now_ns() - start) / 1e6;
    }
    print_times("disk: append 512 bytes + fdatasync", append, COUNT, "");
    print_times("disk: replace a file (2 syncs)", replace, COUNT, "");
}

static void submit(modellab_lab *lab, char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = NOOP;
    check(modellab_run_submit(lab, &options, id, NULL, &err), &err, "submit");
}

/* CPU time of this process and of the children that it has waited for. */
static double cpu_seconds(void)
{
    double sum = 0;
    const int who[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    for (int i = 0; i < 2; i++) {
        struct rusage use;
        if (getrusage(who[i], &use) != 0) {
            exit(1);
        }
        sum += (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
               (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    }
    return sum;
}

typedef struct submitter {
    modellab_lab *lab;
    int count;
} submitter;

static void *submit_many(void *arg)
{
    const submitter *s = arg;
    char id[MODELLAB_RUN_ID_BYTES];
    for (int i = 0; i < s->count; i++) {
        submit(s->lab, id);
    }
    return NULL;
}

static void submit_from_threads(modellab_lab *lab, int each, bool print)
{
    pthread_t threads[THREADS];
    submitter s = {lab, each};
    double cpu = cpu_seconds();
    int64_t start = now_ns();
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, submit_many, &s) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (print) {
        print_rate("submit -> QUEUED durable, 4 threads",
                   THREADS * each / ((double)(now_ns() - start) / 1e9), "(goal >= 2000)");
        (void)printf("%-46s %8.3f ms of CPU time a run\n", "  the process that submits",
                     (cpu_seconds() - cpu) * 1000 / (THREADS * each));
    }
}

static modellab_supervisor *supervise(modellab_lab *lab, int workers)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = worker_program;
    options.max_workers = workers;
    options.threads_per_worker = 1;
    check(modellab_supervisor_create(lab, &options, &s, &err), &err, "supervisor");
    check(modellab_supervisor_start(s, &err), &err, "start");
    return s;
}

static int64_t count_of(modellab_lab *lab, modellab_run_status status)
{
    mli_store_filter filter = {.status = status, .limit = 1};
    mli_run_row_list *rows = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    check(mli_store_list(lab->store, &filter, &rows, &err), &err, "list");
    int64_t count = (int64_t)rows->count;
    mli_run_row_list_free(rows);
    return count;
}

static void claim_and_finish(int workers)
{
    char what[64];
    int each = quick ? 100 : 500;
    modellab_lab *lab = open_lab("finish");
    submit_from_threads(lab, each, false);
    double cpu = cpu_seconds();
    int64_t start = now_ns();
    modellab_supervisor *s = supervise(lab, workers);
    struct timespec nap = {0, 20000000}; /* looks cost what they measure */
    while (count_of(lab, MODELLAB_RUN_QUEUED) + count_of(lab, MODELLAB_RUN_RUNNING) > 0) {
        (void)nanosleep(&nap, NULL);
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    modellab_supervisor_destroy(s);
    modellab_lab_unref(lab);
    (void)snprintf(what, sizeof(what), "claim + no-op + finish, %d workers", workers);
    print_rate(what, THREADS * each / seconds, "(goal >= 1000)");
    (void)printf("%-46s %8.3f ms of CPU time a run\n", "  supervisor and workers together",
                 (cpu_seconds() - cpu) * 1000 / (THREADS * each));
}

/* One after the other: submit, wait for the end. */
static void end_to_end(const char *what, int count, const char *max_runs, const char *goal)
{
    double *ms = calloc((size_t)count, sizeof(*ms));
    modellab_error err = MODELLAB_ERROR_INIT;
    if (ms == NULL || setenv("MODEL_LAB_WORKER_MAX_RUNS", max_runs, 1) != 0) {
        exit(1);
    }
    modellab_lab *lab = open_lab("latency");
    modellab_supervisor *s = supervise(lab, 1);
    for (int i = -3; i < count; i++) {
        char id[MODELLAB_RUN_ID_BYTES];
        modellab_run_status status = 0;
        int64_t start = now_ns();
        submit(lab, id);
        check(modellab_run_wait(lab, id, 30000, NULL, &status, &err), &err, "wait");
        if (i >= 0) {
            ms[i] = (double)(now_ns() - start) / 1e6;
        }
    }
    modellab_supervisor_destroy(s);
    modellab_lab_unref(lab);
    print_times(what, ms, (size_t)count, goal);
    free(ms);
}

/* A reader with a lab of its own follows a run that says something each few milliseconds. */
static void event_tail(void)
{
    enum { MOST = 2000 };
    double ms[MOST];
    size_t count = 0;
    int64_t after = 0;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab *lab = open_lab("latency");
    modellab_lab *reader = open_lab("latency");
    modellab_supervisor *s = supervise(lab, 1);
    int runs = quick ? 10 : 60;
    for (int i = 0; i < runs; i++) {
        bool ended = false;
        submit(lab, id);
        after = 0;
        while (!ended) {
            modellab_event_list *list = NULL;
            check(modellab_event_list_load(reader, id, after, 100, 5000, &list, &err), &err,
                  "events");
            int64_t now_ms = mli_os_system_clock.realtime_ns(NULL) / 1000000;
            for (size_t e = 0; e < modellab_event_list_count(list); e++) {
                modellab_event_info info = {.size = sizeof(info)};
                check(modellab_event_list_at(list, e, &info, &err), &err, "event");
                after = info.number;
                ended = ended || strcmp(info.type, "run_completed") == 0;
                if (count < MOST) {
                    ms[count++] = (double)(now_ms - info.time_ms);
                }
            }
            modellab_event_list_unref(list);
        }
    }
    modellab_supervisor_destroy(s);
    modellab_lab_unref(reader);
    modellab_lab_unref(lab);
    print_times("event: its time -> seen by another process's lab", ms, count, "(goal p99 <= 20)");
}

static void idle_supervisor(void)
{
    modellab_lab *lab = open_lab("latency");
    modellab_supervisor *s = supervise(lab, 2);
    struct timespec nap = {quick ? 2 : 10, 0};
    struct timespec first = {1, 0};
    (void)nanosleep(&first, NULL);
    int64_t cpu = mli_os_process_cpu_ns();
    int64_t start = now_ns();
    (void)nanosleep(&nap, NULL);
    double share = (double)(mli_os_process_cpu_ns() - cpu) / (double)(now_ns() - start) * 100.0;
    (void)printf("%-46s %8.3f %%   (goal < 0.1)\n", "supervisor with nothing to do", share);
    modellab_supervisor_destroy(s);
    modellab_lab_unref(lab);
}

static void sql(sqlite3 *db, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
        (void)fprintf(stderr, "%s\n", message);
        exit(1);
    }
}

/* Copies of the one run that is there: 99,000 that ended long ago and 1,000 that are RUNNING. The
 * columns are read from the table, so that new ones are no reason to change this. */
static void fill_store(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *names = NULL;
    char columns[4096] = "";
    char values[4096] = "";
    char text[16384];
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info('runs') WHERE name<>'seq'", -1,
                           &names, NULL) != SQLITE_OK) {
        exit(1);
    }
    while (sqlite3_step(names) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(names, 0);
        const char *value = name;
        if (strcmp(name, "id") == 0) {
            value = "printf('0%025d',x)";
        } else if (strcmp(name, "status") == 0) {
            value = "iif(x%100=0,2,3+x%4)";
        } else if (strcmp(name, "user") == 0) {
            value = "'user'||(x%97)";
        } else if (strcmp(name, "pipeline") == 0) {
            value = "iif(x%1000=7,'rare','transcribe')";
        } else if (strcmp(name, "owner") == 0) {
            value = "iif(x%100=0,owner,'')";
        } else if (strcmp(name, "idempotency_key") == 0) {
            value = "''";
        }
        (void)snprintf(columns + strlen(columns), sizeof(columns) - strlen(columns), "%s%s",
                       columns[0] != '\0' ? "," : "", name);
        (void)snprintf(values + strlen(values), sizeof(values) - strlen(values), "%s%s",
                       values[0] != '\0' ? "," : "", value);
    }
    (void)sqlite3_finalize(names);
    (void)snprintf(text, sizeof(text),
                   "BEGIN;WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE "
                   "x<100000) INSERT INTO runs(%s) SELECT %s FROM n,(SELECT * FROM runs LIMIT 1);"
                   "COMMIT;",
                   columns, values);
    sql(db, text);
    (void)sqlite3_close(db);
}

/* Folders and held locks of the RUNNING ones. */
static void hold_locks(const char *root, int *fds)
{
    for (int i = 0; i < 1000; i++) {
        char path[600];
        (void)snprintf(path, sizeof(path), "%s/runs/0%025d", root, (i + 1) * 100);
        if (mkdir(path, 0700) != 0) {
            exit(1);
        }
        (void)snprintf(path, sizeof(path), "%s/runs/0%025d/lock", root, (i + 1) * 100);
        fds[i] = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (fds[i] < 0 || flock(fds[i], LOCK_EX) != 0) {
            exit(1);
        }
    }
}

static void measure_list(modellab_lab *lab, const char *what, modellab_run_filter filter)
{
    enum { COUNT = 30 };
    double ms[COUNT];
    modellab_error err = MODELLAB_ERROR_INIT;
    filter.limit = 100;
    for (int i = 0; i < COUNT; i++) {
        modellab_run_list *list = NULL;
        int64_t start = now_ns();
        check(modellab_run_list_load(lab, &filter, &list, &err), &err, "list");
        ms[i] = (double)(now_ns() - start) / 1e6;
        modellab_run_list_unref(list);
    }
    print_times(what, ms, COUNT, "(goal <= 50)");
}

static void large_lab(void)
{
    static int fds[1000];
    double ms[5];
    char root[400];
    char path[512];
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)snprintf(root, sizeof(root), "%s/large", folder);
    (void)snprintf(path, sizeof(path), "%s/lab.sqlite", root);
    modellab_lab *lab = open_lab("large");
    submit(lab, id);
    modellab_lab_unref(lab);
    fill_store(path);
    hold_locks(root, fds);
    lab = open_lab("large");
    for (int i = 0; i < 5; i++) {
        int64_t start = now_ns();
        check(mli_reconcile(lab, 0, NULL, &err), &err, "reconcile");
        ms[i] = (double)(now_ns() - start) / 1e6;
    }
    print_times("reconcile, 1,000 active that live, of 100,000", ms, 5, "(goal <= 1000)");
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    measure_list(lab, "list 100 of 100,000", filter);
    filter.status = MODELLAB_RUN_FAILED;
    measure_list(lab, "list 100, one status", filter);
    filter.status = 0;
    filter.user = "user7";
    measure_list(lab, "list 100, one user", filter);
    filter.user = NULL;
    filter.pipeline = "rare";
    measure_list(lab, "list 100, a rare pipeline", filter);
    filter.status = MODELLAB_RUN_FAILED;
    filter.user = "nobody";
    measure_list(lab, "list none: status, user, pipeline", filter);
    for (int i = 0; i < 1000; i++) {
        (void)close(fds[i]);
    }
    int64_t start = now_ns();
    check(mli_reconcile(lab, 0, NULL, &err), &err, "reconcile");
    ms[0] = (double)(now_ns() - start) / 1e6;
    print_times("reconcile that ends 1,000 dead runs", ms, 1, "");
    modellab_lab_unref(lab);
}

static void latencies(void)
{
    end_to_end("no-op run, submit to final, warm", quick ? 50 : 300, "1000000", "(goal p50 <= 5)");
    end_to_end("no-op run, submit to final, new process", quick ? 30 : 100, "1",
               "(goal p50 <= 25)");
    if (setenv("MODEL_LAB_WORKER_MAX_RUNS", "1000", 1) != 0) {
        exit(1);
    }
}

static void submits(void)
{
    modellab_lab *lab = open_lab("submit");
    submit_from_threads(lab, quick ? 200 : 1000, true);
    modellab_lab_unref(lab);
}

static void ends(void)
{
    claim_and_finish(1);
    claim_and_finish(4);
}

static const struct {
    const char *name;
    void (*measure)(void);
} parts[] = {{"disk", measure_disk}, {"submit", submits},   {"finish", ends},
             {"latency", latencies}, {"tail", event_tail},  {"idle", idle_supervisor},
             {"large", large_lab},   {"disk", measure_disk}};

int main(int argc, char **argv)
{
    if (argc < 3 || setenv("MODEL_LAB_TESTING", "1", 1) != 0 ||
        setenv("MODEL_LAB_MIN_FREE_BYTES", "1M", 1) != 0) {
        (void)fprintf(stderr, "bench_runs WORKER FOLDER [quick] [PART...]\n");
        return 2;
    }
    worker_program = argv[1];
    folder = argv[2];
    quick = argc > 3 && strcmp(argv[3], "quick") == 0;
    int first = quick ? 4 : 3;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool wanted = argc == first;
        for (int k = first; k < argc; k++) {
            wanted = wanted || strcmp(argv[k], parts[i].name) == 0;
        }
        if (wanted) {
            parts[i].measure();
        }
    }
    return 0;
}
