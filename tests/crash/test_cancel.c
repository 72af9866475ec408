/* Cancels at random instants of real runs, and what they leave behind. How long it takes until
 * nothing is computed any more, and until the final status is durable, is printed, never asserted.
 * The supervisor has as many descriptors, threads and files, and as much memory, as before.
 * Without MODEL_LAB_TEST_MODELS only decoding and resampling are cancelled. Number of cancels:
 * MODEL_LAB_TEST_CANCELS (40).
 * test_cancel WORKER HOST */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "lab/page.h"
#include "os/file.h"

enum { PHASES = 4 };

static bool with_model;

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* CPU time of a process until now: what it uses from a request on does not depend on what else the
 * machine does. -1 = not known. */
static double cpu_ms(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return -1;
    }
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What a page said when its run had ended. */
typedef struct page_facts {
    double stopped_ms; /* 0 = nothing had to be stopped */
    double stopped_cpu_ms;
    pid_t worker; /* 0 = none yet */
} page_facts;

static page_facts read_page(const kit *k, const char *id)
{
    char path[512];
    mli_page *page = NULL;
    page_facts facts = {0, 0, 0};
    mli_os_identity worker;
    kit_run_path(k, id, "page", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && mli_page_map(&mli_os_system_files, fd, &page) == 0) {
        facts.stopped_ms = (double)atomic_load(&page->stopped_ns) / 1e6;
        facts.stopped_cpu_ms = (double)atomic_load(&page->stopped_cpu_ns) / 1e6;
        facts.worker = mli_page_worker(page, &worker) ? (pid_t)worker.pid : 0;
    }
    mli_page_unmap(page);
    (void)close(fd);
    return facts;
}

static bool file_has(const kit *k, const char *id, const char *name, const char *text)
{
    char path[512];
    bool found = false;
    char *line = NULL;
    size_t capacity = 0;
    kit_run_path(k, id, name, path);
    FILE *file = fopen(path, "r");
    while (file != NULL && !found && getline(&line, &capacity, file) >= 0) {
        found = strstr(line, text) != NULL;
    }
    free(line);
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static bool has_artifact(const kit *k, const char *id, const char *name)
{
    bool found = false;
    modellab_run *run = kit_load(k, id);
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info info = {.size = sizeof(info)};
        assert_int_equal(modellab_run_artifact_at(run, i, &info, NULL), MODELLAB_OK);
        found = found || strcmp(info.name, name) == 0;
    }
    modellab_run_unref(run);
    return found;
}

static size_t unfinished_files(const kit *k, const char *id)
{
    char path[512];
    size_t count = 0;
    kit_run_path(k, id, "artifacts", path);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        count += strstr(e->d_name, ".tmp") != NULL;
    }
    (void)closedir(dir);
    return count;
}

/* Samples of a latency by phase. */
typedef struct series {
    double *values;
    size_t count;
} series;

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_series(const char *name, series *s)
{
    if (s->count == 0) {
        return;
    }
    qsort(s->values, s->count, sizeof(double), by_value);
    print_message("%-34s n=%-5zu p50 %6.1f  p90 %6.1f  p99 %6.1f  max %6.1f ms\n", name, s->count,
                  s->values[s->count / 2], s->values[s->count * 9 / 10],
                  s->values[s->count * 99 / 100], s->values[s->count - 1]);
}

static void note(series *s, double value)
{
    s->values[s->count++] = value;
}

static void submit_kind(kit *k, size_t kind, char id[MODELLAB_RUN_ID_BYTES])
{
    static const char *const requests[] = {
        "{\"pipeline\":\"ingest\"}", "{\"pipeline\":\"transcribe\"}",
        "{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"word_times\":true}}}",
        "{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"beam_size\":5,\"word_times\":true}}}"};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    if (kind == 0) {
        kit_submit(k, requests[0], 600, id); /* 8 kHz: is resampled */
        return;
    }
    options.request = requests[kind];
    options.input_path = kit_sample;
    if (modellab_run_submit(k->lab, &options, id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

static double wait_end(const kit *k, const char *id)
{
    double start = now_ms();
    while (!modellab_run_status_is_final(kit_status(k, id))) {
        struct timespec nap = {0, 300000};
        (void)nanosleep(&nap, NULL);
        if (now_ms() - start > KIT_PATIENCE_MS) {
            fail_msg("no final status");
        }
    }
    return now_ms();
}

static void check_remains(const kit *k, const char *id, modellab_cancel_outcome outcome)
{
    modellab_run_status status = kit_status(k, id);
    size_t ends = kit_count_events(k, id, "run_cancelled") +
                  kit_count_events(k, id, "run_completed") + kit_count_events(k, id, "run_failed") +
                  kit_count_events(k, id, "run_timeout") + kit_count_events(k, id, "run_stale");
    assert_int_equal(ends, 1);
    if (outcome == MODELLAB_CANCEL_ALREADY_TERMINAL) {
        assert_int_equal(status, MODELLAB_RUN_COMPLETED);
    } else if (status != MODELLAB_RUN_COMPLETED || outcome != MODELLAB_CANCEL_REQUESTED) {
        assert_int_equal(status, MODELLAB_RUN_CANCELLED); /* but for one that had just ended */
    }
    assert_int_equal(unfinished_files(k, id), 0);
    if (status == MODELLAB_RUN_CANCELLED &&
        file_has(k, id, "journal.jsonl", "\"type\":\"checkpoint\"")) {
        assert_true(has_artifact(k, id, "transcript.partial.json") ||
                    has_artifact(k, id, "transcript.json"));
    }
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_ALREADY_TERMINAL);
}

typedef struct measured {
    series stopped[PHASES + 1], cpu[PHASES + 1], final[PHASES + 1]; /* the last one is of all */
    size_t before_start, too_late;
} measured;

static void cancel_one(kit *k, size_t kind, double longest_ms, bool started, measured *m)
{
    char id[MODELLAB_RUN_ID_BYTES];
    submit_kind(k, kind, id);
    if (started) {
        kit_wait_events(k, id, "run_started", 1);
    }
    double delay = longest_ms * ((double)rand() / RAND_MAX);
    struct timespec nap = {(time_t)(delay / 1e3), 0};
    nap.tv_nsec = (long)((delay - (double)nap.tv_sec * 1e3) * 1e6);
    (void)nanosleep(&nap, NULL);
    page_facts before = read_page(k, id);
    double used = cpu_ms(before.worker);
    double asked = now_ms();
    modellab_cancel_outcome outcome = kit_cancel(k, id);
    double ended = wait_end(k, id);
    page_facts page = read_page(k, id);
    check_remains(k, id, outcome);
    if (outcome != MODELLAB_CANCEL_REQUESTED) {
        m->before_start += outcome == MODELLAB_CANCEL_CANCELLED;
        m->too_late += outcome == MODELLAB_CANCEL_ALREADY_TERMINAL;
        return;
    }
    note(&m->final[kind], ended - asked);
    note(&m->final[PHASES], ended - asked);
    if (page.stopped_ms > 0) {
        double took = page.stopped_ms > asked ? page.stopped_ms - asked : 0;
        note(&m->stopped[kind], took);
        note(&m->stopped[PHASES], took);
        if (used >= 0 && page.worker == before.worker && page.stopped_cpu_ms > used) {
            note(&m->cpu[kind], page.stopped_cpu_ms - used);
            note(&m->cpu[PHASES], page.stopped_cpu_ms - used);
        }
    }
}

static void print_all(measured *m)
{
    static const char *const names[] = {"decode, resample", "ingest, asr", "asr, word times",
                                        "asr, beams, word times"};
    char title[80];
    for (size_t i = 0; i < PHASES; i++) {
        (void)snprintf(title, sizeof(title), "%s: stopped", names[i]);
        print_series(title, &m->stopped[i]);
        (void)snprintf(title, sizeof(title), "%s: CPU until then", names[i]);
        print_series(title, &m->cpu[i]);
        (void)snprintf(title, sizeof(title), "%s: durable", names[i]);
        print_series(title, &m->final[i]);
    }
    print_series("all: request -> stopped computing", &m->stopped[PHASES]);
    print_series("all: CPU time until then", &m->cpu[PHASES]);
    print_series("all: request -> final status", &m->final[PHASES]);
    print_message("before the start: %zu, after the end: %zu\n", m->before_start, m->too_late);
}

/* Times of whole runs, which also load the model and warm the worker up. */
static void learn(kit *k, size_t kinds, double longest_ms[PHASES])
{
    for (size_t kind = 0; kind < kinds; kind++) {
        char id[MODELLAB_RUN_ID_BYTES];
        submit_kind(k, kind, id);
        double start = now_ms();
        longest_ms[kind] = wait_end(k, id) - start;
        assert_int_equal(kit_status(k, id), MODELLAB_RUN_COMPLETED);
    }
}

static void new_series(measured *m, size_t count)
{
    memset(m, 0, sizeof(*m));
    for (size_t i = 0; i <= PHASES; i++) {
        m->stopped[i].values = calloc(count, sizeof(double));
        m->cpu[i].values = calloc(count, sizeof(double));
        m->final[i].values = calloc(count, sizeof(double));
        assert_true(m->stopped[i].values != NULL && m->cpu[i].values != NULL &&
                    m->final[i].values != NULL);
    }
}

static void free_series(measured *m)
{
    for (size_t i = 0; i <= PHASES; i++) {
        free(m->stopped[i].values);
        free(m->cpu[i].values);
        free(m->final[i].values);
    }
}

/* The quarter that comes first is there for what settles. Returns what leaks. */
static int cancel_many(kit *k, size_t count, const char *plant, measured *m)
{
    double longest_ms[PHASES] = {0};
    kit_census before = {0};
    size_t kinds = with_model && plant == NULL ? PHASES : 1;
    pid_t host = kit_start_host(k, &(kit_host){.plant = plant});
    learn(k, kinds, longest_ms);
    srand(7);
    for (size_t i = 0; i < count; i++) {
        if (i == count / 4) {
            before = kit_take_census(k, host);
        }
        /* The planted leak is at the claim: none is cancelled before it. */
        cancel_one(k, i % kinds, longest_ms[i % kinds], plant != NULL, m);
    }
    int leaked = kit_leaks(k, host, &before, plant == NULL ? KIT_PATIENCE_MS : 5000);
    kit_stop_host(k, host);
    return leaked;
}

static void cancels_at_any_time(void **state)
{
    kit *k = *state;
    measured m;
    size_t count = kit_number("MODEL_LAB_TEST_CANCELS", 40);
    new_series(&m, count);
    int leaked = cancel_many(k, count, NULL, &m);
    print_all(&m);
    free_series(&m);
    assert_int_equal(leaked, 0);
}

static void a_supervisor_that_leaks_is_found(void **state)
{
    kit *k = *state;
    measured m;
    new_series(&m, 12);
    assert_int_equal(cancel_many(k, 12, "leaks", &m),
                     KIT_LEAKS_FDS | (KIT_SEES_MEMORY ? KIT_LEAKS_MEMORY : 0));
    free_series(&m);
}

/* true once SIGTERM is pending there: a worker takes no signals but looks at them. */
static bool has_term(pid_t pid)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "ShdPnd:");
    return line != NULL && (strtoull(line + 7, NULL, 16) & (1ull << (SIGTERM - 1))) != 0;
}

/* The planted bug: a step that never looks. The ladder ends it. */
static void who_is_deaf_is_ended_by_the_ladder(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    double term = 0;
    /* A test that is held up does not see the first signal before the last one: a longer ladder. */
    for (int kill_ms = 900; term == 0 && kill_ms <= 30000; kill_ms *= 5) {
        kit_submit(k, "{\"pipeline\":\"ingest\"}", 1.0, id);
        pid_t host = kit_start_host(
            k, &(kit_host){.fail_step = "ingest:hang", .term_ms = 300, .kill_ms = kill_ms});
        pid_t worker = kit_hanging_worker(k, id);
        double asked = now_ms();
        assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
        while (kit_alive(worker)) {
            if (term == 0 && has_term(worker)) {
                term = now_ms();
            }
            kit_sleep_ms(1);
        }
        double killed = now_ms();
        assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
        assert_int_equal(kit_count_events(k, id, "run_cancelled"), 1);
        print_message("ladder: SIGTERM %+.0f ms from 300, SIGKILL %+.0f ms from %d\n",
                      term - asked - 300, killed - asked - kill_ms, kill_ms);
        kit_stop_host(k, host);
    }
    assert_true(term > 0);
}

static void cancel_read_only(const kit *k, const char *id)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_cancel_outcome outcome = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab *lab = NULL;
    options.flags = MODELLAB_LAB_READ_ONLY;
    assert_int_equal(modellab_lab_open(k->root, &options, &lab, NULL), MODELLAB_OK);
    assert_int_not_equal(modellab_run_cancel(lab, id, &outcome, &err), MODELLAB_OK);
    assert_int_equal(outcome, MODELLAB_CANCEL_ERROR);
    assert_true(err.message[0] != '\0');
    modellab_lab_unref(lab);
}

/* A request that cannot be written to the run's page is found in the store by its supervisor. The
 * sixth outcome: one that cannot be stored says so. */
static void what_cannot_be_delivered(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char page[512];
    char aside[600];
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:sleep=60000"});
    (void)kit_worker_pid(k, id);
    cancel_read_only(k, id);
    kit_run_path(k, id, "page", page);
    (void)snprintf(aside, sizeof(aside), "%s.aside", page);
    assert_int_equal(rename(page, aside), 0);
    assert_int_equal(mkdir(page, 0700), 0);
    assert_int_equal(kit_cancel(k, id), MODELLAB_CANCEL_REQUESTED);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
    assert_int_equal(rmdir(page), 0);
    assert_int_equal(rename(aside, page), 0);
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(cancels_at_any_time), KIT_TEST(a_supervisor_that_leaks_is_found),
        KIT_TEST(who_is_deaf_is_ended_by_the_ladder), KIT_TEST(what_cannot_be_delivered)};
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    with_model = kit_find_models();
    if (!with_model) {
        (void)printf("%s: only decoding is cancelled\n", KIT_NO_MODELS);
    }
    if (!kit_make_cache()) {
        return 1;
    }
    /* One worker, so that its descriptors can be counted. */
    if (setenv("MODEL_LAB_SHORT_WORKERS", "0", 1) != 0) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return kit_remove_cache() ? failed : 1;
}
