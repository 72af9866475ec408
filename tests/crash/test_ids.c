/* Follows runs through every place that names them: request id and trace id stand in each, and no
 * line pairs them wrongly. Several supervisors in processes of their own, runs that do nothing,
 * runs that decode, and children of runs. MODEL_LAB_IDS_RUNS sets the number (1,000). test_ids
 * WORKER HOST MODELLAB */
#include <base/json.h>
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

#define HOSTS 3
#define CHILDREN 20

extern char **environ;

typedef struct followed {
    char id[MODELLAB_RUN_ID_BYTES], request_id[64], trace_id[33], parent[MODELLAB_RUN_ID_BYTES];
    bool queued, claimed, settled; /* seen in the logs of hosts */
} followed;

static const char *worker_program, *host_program, *cli_program;
static kit k;
static followed *runs;
static size_t run_count;
static modellab_logger *logger;
static char log_file[300];
static int faults;

static void fault(const char *where, const char *id, const char *what)
{
    if (faults++ < 10) {
        (void)fprintf(stderr, "%s: run %s: %s\n", where, id, what);
    }
}

static followed *by_run(const char *id)
{
    for (size_t i = 0; i < run_count; i++) {
        if (strcmp(runs[i].id, id) == 0) {
            return &runs[i];
        }
    }
    return NULL;
}

static followed *by_request(const char *id)
{
    for (size_t i = 0; i < run_count; i++) {
        if (strcmp(runs[i].request_id, id) == 0) {
            return &runs[i];
        }
    }
    return NULL;
}

static const char *text_of(const mli_json *line, const char *key)
{
    return mli_json_string(mli_json_get(line, key), "");
}

/* A line (or object) that names a run names its request and trace; one that names a request of ours
 * names its run, or none (a line before there was one). */
static followed *check_pairing(const char *where, const mli_json *line)
{
    const char *run_id = text_of(line, "run_id"), *request_id = text_of(line, "request_id");
    followed *run = by_run(run_id), *other = by_request(request_id);
    if (run != NULL && strcmp(run->request_id, request_id) != 0) {
        fault(where, run_id, request_id[0] == '\0' ? "no request id" : "another's request id");
    }
    if (run != NULL && strcmp(run->trace_id, text_of(line, "trace_id")) != 0) {
        fault(where, run_id, "no trace id, or another's");
    }
    if (other != NULL && run_id[0] != '\0' && other != run) {
        fault(where, run_id, "the request id of another run");
    }
    return run;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, 0, SEEK_END));
    long bytes = ftell(file);
    assert_int_equal(0, fseek(file, 0, SEEK_SET));
    char *text = calloc(1, (size_t)bytes + 1);
    assert_non_null(text);
    assert_int_equal((size_t)bytes, fread(text, 1, (size_t)bytes, file));
    assert_int_equal(0, fclose(file));
    return text;
}

/* Calls `each` with every line that is JSON up to its end or a tab (journals end in a checksum). */
static size_t each_line(const char *path, void (*each)(const char *where, const mli_json *line))
{
    char *text = read_file(path), *rest = NULL;
    size_t count = 0;
    for (char *at = strtok_r(text, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest)) {
        mli_json *line = NULL;
        if (mli_json_parse(at, strcspn(at, "\t"), MLI_JSON_MAX_BYTES, &line, NULL) != MODELLAB_OK) {
            fault(path, "?", "a line that is no JSON");
            continue;
        }
        each(path, line);
        mli_json_free(line);
        count++;
    }
    free(text);
    return count;
}

static void host_line(const char *where, const mli_json *line)
{
    followed *run = check_pairing(where, line);
    const char *event = text_of(line, "event");
    if (run != NULL) {
        run->queued = run->queued || strcmp(event, "run.queued") == 0;
        run->claimed = run->claimed || strcmp(event, "run.claimed") == 0;
        run->settled = run->settled || strcmp(event, "run.settled") == 0;
    }
}

/* In a run's own files every line is about that run. */
static const char *own_id;
static size_t own_attempts;

static void run_line(const char *where, const mli_json *line)
{
    const followed *run = check_pairing(where, line);
    if (run == NULL || strcmp(run->id, own_id) != 0) {
        fault("log.jsonl", own_id, "a line without its id");
    }
}

static void journal_line(const char *where, const mli_json *line)
{
    if (strcmp(text_of(line, "type"), "attempt") == 0) {
        const followed *run = check_pairing(where, line);
        own_attempts += run != NULL && strcmp(run->id, own_id) == 0;
    }
}

static void check_record(const char *where, const char *json, const followed *run)
{
    mli_json *record = NULL;
    assert_int_equal(MODELLAB_OK,
                     mli_json_parse(json, strlen(json), MLI_JSON_MAX_BYTES, &record, NULL));
    if (check_pairing(where, record) != run ||
        strcmp(text_of(record, "parent_run_id"), run->parent) != 0) {
        fault(where, run->id, "not its ids, or not its parent");
    }
    mli_json_free(record);
}

static void check_events(const followed *run)
{
    modellab_event_list *list = NULL;
    assert_int_equal(MODELLAB_OK,
                     modellab_event_list_load(k.lab, run->id, 0, 1000, 0, &list, NULL));
    if (modellab_event_list_count(list) < 3) {
        fault("events", run->id, "too few");
    }
    for (size_t i = 0; i < modellab_event_list_count(list); i++) {
        modellab_event_info e = {.size = sizeof e};
        assert_int_equal(MODELLAB_OK, modellab_event_list_at(list, i, &e, NULL));
        if (strcmp(e.run_id, run->id) != 0 || strcmp(e.request_id, run->request_id) != 0 ||
            strcmp(e.trace_id, run->trace_id) != 0) {
            fault("events", run->id, "not its ids");
        }
    }
    modellab_event_list_unref(list);
}

static void check_files(const followed *run)
{
    char path[512];
    own_id = run->id;
    own_attempts = 0;
    kit_run_path(&k, run->id, "log.jsonl", path);
    if (each_line(path, run_line) < 3) {
        fault("log.jsonl", run->id, "too few lines");
    }
    kit_run_path(&k, run->id, "journal.jsonl", path);
    (void)each_line(path, journal_line);
    if (own_attempts != 1) {
        fault("journal.jsonl", run->id, "it does not name the ids of its one attempt");
    }
    kit_run_path(&k, run->id, "manifest.json", path);
    char *manifest = read_file(path);
    check_record("manifest.json", manifest, run);
    free(manifest);
}

static void check_run(const followed *run)
{
    modellab_buffer *json = NULL;
    modellab_run *loaded = kit_load(&k, run->id);
    modellab_run_info info = kit_info(loaded);
    if (info.status != MODELLAB_RUN_COMPLETED || strcmp(info.request_id, run->request_id) != 0 ||
        strcmp(info.trace_id, run->trace_id) != 0 || strlen(info.span_id) != 16) {
        fault("API", run->id, "not completed, or not its ids");
    }
    assert_int_equal(MODELLAB_OK, modellab_run_to_json(loaded, &json, NULL));
    check_record("record", modellab_buffer_data(json), run);
    modellab_buffer_destroy(json);
    modellab_run_unref(loaded);
    check_events(run);
    check_files(run);
    if (!run->queued || !run->claimed || !run->settled) {
        fault("logs of hosts", run->id, "not queued, claimed or settled there with its ids");
    }
}

/* Every exemplar names a run of ours with its own request and trace. */
static void check_exemplars(void)
{
    modellab_buffer *text = NULL;
    size_t found = 0;
    assert_int_equal(MODELLAB_OK,
                     modellab_metrics_write(k.lab, MODELLAB_METRICS_OPENMETRICS, &text, NULL));
    for (const char *at = modellab_buffer_data(text); (at = strstr(at, " # {")) != NULL; at++) {
        char run_id[64], trace_id[64], request_id[64];
        if (sscanf(at, " # {run_id=\"%63[^\"]\",trace_id=\"%63[^\"]\",request_id=\"%63[^\"]\"}",
                   run_id, trace_id, request_id) != 3) {
            fault("exemplar", "?", "without its ids");
            continue;
        }
        const followed *run = by_run(run_id);
        if (run == NULL || strcmp(run->trace_id, trace_id) != 0 ||
            strcmp(run->request_id, request_id) != 0) {
            fault("exemplar", run_id, "not its ids");
        }
        found++;
    }
    modellab_buffer_destroy(text);
    assert_true(found >= 3);
}

/* ---- making them ---- */

static void open_logged_lab(void)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_lab_options lab_options = MODELLAB_LAB_OPTIONS_INIT;
    kit_worker_program = worker_program;
    kit_host_program = host_program;
    kit_open(&k);
    modellab_lab_unref(k.lab);
    (void)snprintf(log_file, sizeof log_file, "%s/host.log", k.root);
    options.file = log_file;
    options.level = MODELLAB_LOG_DEBUG;
    options.rate_per_second = -1;
    assert_int_equal(MODELLAB_OK, modellab_logger_create(&options, &logger, NULL));
    lab_options.logger = logger;
    assert_int_equal(MODELLAB_OK, modellab_lab_open(k.root, &lab_options, &k.lab, NULL));
}

static void write_wav(char path[300])
{
    static const unsigned char head[44] =
        "RIFF\xa4\x3e\0\0WAVEfmt "
        "\x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x80\x3e\0";
    static const unsigned char silence[16000];
    (void)snprintf(path, 300, "%s/second.wav", k.root);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(sizeof head, fwrite(head, 1, sizeof head, file));
    assert_int_equal(sizeof silence, fwrite(silence, 1, sizeof silence, file));
    assert_int_equal(0, fclose(file));
}

static void submit(followed *run, size_t number, const char *wav)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    char parent[64];
    bool decodes = number % 10 == 0;
    (void)snprintf(run->request_id, sizeof run->request_id, "req-%zu.of_test", number);
    (void)snprintf(run->trace_id, sizeof run->trace_id, "%024x%08x", 0xabcdefu,
                   (unsigned)number + 1);
    (void)snprintf(parent, sizeof parent, "00-%s-00f067aa0ba902b7-01", run->trace_id);
    o.request = decodes ? "{\"pipeline\":\"ingest\",\"user\":\"ann\"}"
                        : "{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"1\"}}";
    o.input_path = decodes ? wav : NULL;
    o.request_id = run->request_id;
    o.trace_parent = parent;
    o.trace_state = "vendor=value";
    if (modellab_run_submit(k.lab, &o, run->id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

/* A child has ids of its own: a request id that was given, a trace that begins with it. */
static void submit_child(followed *run, size_t number, const followed *parent)
{
    modellab_run_again_options o = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)snprintf(run->request_id, sizeof run->request_id, "again-%zu", number);
    (void)snprintf(run->parent, sizeof run->parent, "%s", parent->id);
    o.request_id = run->request_id;
    if (modellab_run_rerun(k.lab, parent->id, &o, run->id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not rerun: %s", err.message);
    }
    modellab_run *loaded = kit_load(&k, run->id);
    (void)snprintf(run->trace_id, sizeof run->trace_id, "%s", kit_info(loaded).trace_id);
    modellab_run_unref(loaded);
    if (strcmp(run->trace_id, parent->trace_id) == 0) {
        fault("rerun", run->id, "the trace of another request");
    }
}

/* `modellab supervise` as a user starts it, with a log of its own. */
static pid_t start_supervisor(int number, char log[300])
{
    pid_t pid = 0;
    char file[400], root[320], worker[1024];
    (void)snprintf(log, 300, "%s/supervisor-%d.log", k.root, number);
    (void)snprintf(file, sizeof file, "MODEL_LAB_LOG_FILE=%.300s", log);
    (void)snprintf(root, sizeof root, "MODEL_LAB_ROOT=%s", k.root);
    (void)snprintf(worker, sizeof worker, "MODEL_LAB_WORKER=%.900s", worker_program);
    char *argv[] = {(char *)(uintptr_t)cli_program, (char *)(uintptr_t) "supervise",
                    (char *)(uintptr_t) "--quiet", NULL};
    char *envp[] = {file,
                    root,
                    worker,
                    (char *)(uintptr_t) "MODEL_LAB_LOG_LEVEL=debug",
                    (char *)(uintptr_t) "MODEL_LAB_TESTING=1",
                    (char *)(uintptr_t) "MODEL_LAB_MIN_FREE_BYTES=1M",
                    (char *)(uintptr_t) "OPENBLAS_NUM_THREADS=1",
                    NULL};
    assert_int_equal(0, posix_spawn(&pid, cli_program, NULL, NULL, argv, envp));
    return pid;
}

static void stop_supervisor(pid_t pid)
{
    int how = 0;
    assert_int_equal(0, kill(pid, SIGTERM));
    assert_int_equal(pid, waitpid(pid, &how, 0));
}

static void make_runs(size_t wanted)
{
    char wav[300];
    size_t children = wanted < CHILDREN ? wanted : CHILDREN;
    runs = calloc(wanted + children, sizeof *runs);
    assert_non_null(runs);
    write_wav(wav);
    for (size_t i = 0; i < wanted; i++) {
        submit(&runs[run_count++], i, wav);
    }
    for (size_t i = 0; i < wanted; i++) {
        (void)kit_wait_final(&k, runs[i].id);
    }
    for (size_t i = 0; i < children; i++) {
        submit_child(&runs[run_count], i, &runs[i * (wanted / children)]);
        (void)kit_wait_final(&k, runs[run_count++].id);
    }
}

static int check_all(char logs[HOSTS][300])
{
    faults = 0;
    for (size_t i = 0; i < run_count; i++) {
        runs[i].queued = runs[i].claimed = runs[i].settled = false;
    }
    size_t lines = each_line(log_file, host_line);
    for (int i = 0; i < HOSTS; i++) {
        lines += each_line(logs[i], host_line);
    }
    for (size_t i = 0; i < run_count; i++) {
        check_run(&runs[i]);
    }
    check_exemplars();
    print_message("%zu runs, %zu lines of hosts, %d faults\n", run_count, lines, faults);
    return faults;
}

/* Planted bugs: what a place that drops or mixes an id would leave behind. */
static void spoil(const char *path, const char *what, const char *by)
{
    char *text = read_file(path), *at = strstr(text, what);
    FILE *file = fopen(path, "wb");
    assert_true(file != NULL && at != NULL);
    (void)fprintf(file, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
    assert_int_equal(0, fclose(file));
    free(text);
}

static void planted_bugs_are_seen(char logs[HOSTS][300])
{
    char path[512], saved[600];
    const struct {
        const char *file, *what, *by;
    } bugs[] = {{"log.jsonl", "\"request_id\":\"req-1.of_test\",", ""},
                {"log.jsonl", "req-1.of_test", "req-2.of_test"},
                {"log.jsonl", runs[1].trace_id, runs[2].trace_id},
                {"journal.jsonl", "\"type\":\"attempt\"", "\"type\":\"nothing\""},
                {"journal.jsonl", "req-1.of_test", "req-3.of_test"},
                {"manifest.json", "req-1.of_test", "req-4.of_test"},
                {"manifest.json", runs[1].trace_id, runs[3].trace_id}};
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        kit_run_path(&k, runs[1].id, bugs[i].file, path);
        (void)snprintf(saved, sizeof saved, "%s.saved", path);
        char *text = read_file(path);
        spoil(path, bugs[i].what, bugs[i].by);
        assert_true(check_all(logs) > 0);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(0, fclose(file));
        free(text);
    }
    spoil(log_file, "\"event\":\"run.queued\"", "\"event\":\"run.nothing\"");
    assert_true(check_all(logs) > 0);
}

static void every_id_in_every_place(void **state)
{
    const char *set = getenv("MODEL_LAB_IDS_RUNS");
    size_t wanted = set != NULL && atoi(set) > 4 ? (size_t)atoi(set) : 1000;
    pid_t hosts[HOSTS];
    char logs[HOSTS][300];
    (void)state;
    open_logged_lab();
    for (int i = 0; i < HOSTS; i++) {
        hosts[i] = start_supervisor(i, logs[i]);
    }
    make_runs(wanted);
    for (int i = 0; i < HOSTS; i++) {
        stop_supervisor(hosts[i]);
    }
    assert_int_equal(0, check_all(logs));
    planted_bugs_are_seen(logs);
    free(runs);
    kit_close(&k);
    modellab_logger_unref(logger);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_id_in_every_place)};
    if (argc != 4 || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    worker_program = argv[1];
    host_program = argv[2];
    cli_program = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
