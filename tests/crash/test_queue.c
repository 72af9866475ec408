/* Many runs, several supervisors in processes of their own: each run is executed and finished
 * exactly once, users get equal shares, and of submitters who race with one key one stores a run.
 * MODEL_LAB_QUEUE_RUNS sets the number of runs (400). A host with a planted bug shows that the
 * looking finds something. test_queue WORKER HOST */
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

#define HOSTS 4
#define RACERS 64
#define TRIES 6 /* of what a stall of the machine can spoil */
#define PATIENCE_MS (60 * 60 * 1000)

static const char *self;
static kit k;

static size_t unfinished(void)
{
    static const modellab_run_status waiting[] = {MODELLAB_RUN_QUEUED, MODELLAB_RUN_RUNNING};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
        modellab_run_list *list = NULL;
        filter.status = waiting[i];
        filter.limit = 1000;
        assert_int_equal(modellab_run_list_load(k.lab, &filter, &list, NULL), MODELLAB_OK);
        count += modellab_run_list_count(list);
        modellab_run_list_unref(list);
    }
    return count;
}

static void wait_for_all(int patience_ms)
{
    size_t left = unfinished();
    for (int waited = 0; left > 0 && waited < patience_ms; waited += 100) {
        kit_sleep_ms(100);
        left = unfinished();
    }
    if (left > 0) {
        fail_msg("%zu runs or more have not ended", left);
    }
}

/* How often the workers say in the run's own journal that they began the step. */
static size_t began(const char *run_id)
{
    static char text[65536];
    char path[512];
    size_t count = 0;
    kit_run_path(&k, run_id, "journal.jsonl", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t bytes = read(fd, text, sizeof(text) - 1);
    assert_true(bytes >= 0 && close(fd) == 0);
    text[bytes] = '\0';
    for (const char *at = text; (at = strstr(at, "\"step_started\"")) != NULL; at++) {
        count++;
    }
    return count;
}

/* 1 when the run was not executed and finished exactly once. */
static int is_wrong(const char *id)
{
    modellab_run *run = kit_load(&k, id);
    modellab_run_info info = kit_info(run);
    bool good = info.status == MODELLAB_RUN_COMPLETED && info.attempt == 1 && began(id) == 1 &&
                kit_count_events(&k, id, "run_started") == 1 &&
                kit_count_events(&k, id, "run_completed") == 1;
    if (!good) {
        (void)fprintf(stderr, "run %s: %s, attempt %d, begun %zu times\n", id,
                      modellab_run_status_name(info.status), (int)info.attempt, began(id));
    }
    modellab_run_unref(run);
    return !good;
}

static int runs_that_went_wrong(size_t runs, const char *plant, const char *noop_ms)
{
    char(*ids)[MODELLAB_RUN_ID_BYTES] = calloc(runs, sizeof(*ids));
    pid_t hosts[HOSTS];
    int wrong = 0;
    kit_host how = {.plant = plant, .workers = 1};
    assert_non_null(ids);
    kit_open(&k);
    for (size_t i = 0; i < runs; i++) {
        char request[160];
        (void)snprintf(request, sizeof(request),
                       "{\"steps\":[\"noop\"],\"user\":\"u%zu\",\"priority\":%zu,"
                       "\"labels\":{\"noop_ms\":\"%s\"}}",
                       i % 7, i % 31, noop_ms);
        kit_submit_bare(&k, request, ids[i]);
    }
    for (int i = 0; i < HOSTS; i++) {
        hosts[i] = kit_start_host(&k, &how);
    }
    wait_for_all(PATIENCE_MS);
    for (int i = 0; i < HOSTS; i++) {
        if (plant == NULL) {
            kit_stop_host(&k, hosts[i]);
        } else {
            kit_kill(&k, hosts[i]);
        }
    }
    for (size_t i = 0; i < runs; i++) {
        wrong += is_wrong(ids[i]);
    }
    free(ids);
    kit_close(&k);
    return wrong;
}

static size_t runs_wanted(void)
{
    const char *text = getenv("MODEL_LAB_QUEUE_RUNS");
    int runs = text != NULL ? atoi(text) : 400;
    return runs > 0 ? (size_t)runs : 400;
}

static void each_run_once(void **state)
{
    (void)state;
    assert_int_equal(runs_that_went_wrong(runs_wanted(), NULL, "0"), 0);
}

/* Where hosts start so slowly that the first one has done it all, it takes longer runs. */
static void a_host_that_claims_what_is_taken_is_found_out(void **state)
{
    static const char *const noop_ms[] = {"30", "300", "3000"};
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < 3 && wrong == 0; i++) {
        wrong = runs_that_went_wrong(24, "no-claim", noop_ms[i]);
    }
    assert_true(wrong > 0);
}

/* What a user got until the first of them had nothing left. */
static double share_of(char ids[][MODELLAB_RUN_ID_BYTES], size_t count, int64_t until_ms)
{
    double got = 0;
    for (size_t i = 0; i < count; i++) {
        modellab_run *run = kit_load(&k, ids[i]);
        modellab_run_info info = kit_info(run);
        int64_t end = info.ended_ms < until_ms ? info.ended_ms : until_ms;
        assert_int_equal(info.status, MODELLAB_RUN_COMPLETED);
        got += end > info.started_ms ? (double)(end - info.started_ms) : 0;
        modellab_run_unref(run);
    }
    return got;
}

static int64_t last_end(char ids[][MODELLAB_RUN_ID_BYTES], size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        modellab_run *run = kit_load(&k, ids[i]);
        last = kit_info(run).ended_ms > last ? kit_info(run).ended_ms : last;
        modellab_run_unref(run);
    }
    return last;
}

/* One user has a few long runs, the other many short ones, and came later. */
static double ratio_of_shares(const char *plant)
{
    static char few[30][MODELLAB_RUN_ID_BYTES];
    static char many[120][MODELLAB_RUN_ID_BYTES];
    kit_open(&k);
    for (size_t i = 0; i < 30; i++) {
        kit_submit_bare(
            &k, "{\"steps\":[\"noop\"],\"user\":\"few\",\"labels\":{\"noop_ms\":\"120\"}}", few[i]);
    }
    for (size_t i = 0; i < 120; i++) {
        kit_submit_bare(&k,
                        "{\"steps\":[\"noop\"],\"user\":\"many\",\"labels\":{\"noop_ms\":\"20\"}}",
                        many[i]);
    }
    pid_t first = kit_start_host(&k, &(kit_host){.workers = 1, .plant = plant});
    pid_t second = kit_start_host(&k, &(kit_host){.workers = 1, .plant = plant});
    wait_for_all(PATIENCE_MS);
    kit_stop_host(&k, first);
    kit_stop_host(&k, second);
    int64_t a = last_end(few, 30);
    int64_t b = last_end(many, 120);
    int64_t until = a < b ? a : b;
    double ratio = share_of(few, 30, until) / share_of(many, 120, until);
    print_message("shares: %.3f\n", ratio);
    kit_close(&k);
    return ratio;
}

static void users_get_equal_shares(void **state)
{
    (void)state;
    double ratio = 0;
    /* Real time: a run that a busy machine holds up counts as long as it took. */
    for (int i = 0; i < TRIES && (ratio >= 1.2 || ratio <= 1 / 1.2); i++) {
        ratio = ratio_of_shares(NULL);
    }
    assert_true(ratio < 1.2 && ratio > 1 / 1.2);
}

static void a_host_that_forgets_shares_is_found_out(void **state)
{
    (void)state;
    double ratio = 0;
    for (int i = 0; i < TRIES && ratio <= 1.2; i++) {
        ratio = ratio_of_shares("no-shares");
    }
    assert_true(ratio > 1.2);
}

/* The submitter: waits until `start` is closed by everybody else, then submits with the key. */
static int submit_with_key(const char *root, int start)
{
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];
    char byte = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = "{\"steps\":[\"noop\"],\"user\":\"ann\",\"idempotency_key\":\"once\"}";
    if (modellab_lab_open(root, NULL, &lab, &err) != MODELLAB_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (read(start, &byte, 1) != 0 ||
        modellab_run_submit(lab, &options, run_id, NULL, &err) != MODELLAB_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    modellab_lab_unref(lab);
    return printf("%s\n", run_id) > 0 && fflush(stdout) == 0 ? 0 : 1;
}

static void racers_with_one_key_store_one_run(void **state)
{
    static char said[RACERS * MODELLAB_RUN_ID_BYTES + 1];
    int start[2];
    int out[2];
    pid_t racers[RACERS];
    size_t used = 0;
    ssize_t got = 0;
    posix_spawn_file_actions_t actions;
    (void)state;
    kit_open(&k);
    assert_int_equal(pipe2(start, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, start[0], 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
    const char *argv[] = {self, "--submit", k.root, NULL};
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(
            posix_spawn(&racers[i], self, &actions, NULL, (char *const *)(uintptr_t)argv, environ),
            0);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    kit_sleep_ms(300); /* most of them wait by now */
    assert_int_equal(close(start[0]) | close(start[1]) | close(out[1]), 0);
    while ((got = read(out[0], said + used, sizeof(said) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    assert_int_equal(close(out[0]), 0);
    for (int i = 0; i < RACERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(racers[i], &status, 0), racers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(used, (size_t)RACERS * MODELLAB_RUN_ID_BYTES);
    for (size_t i = 1; i < RACERS; i++) { /* all were told the same id */
        assert_memory_equal(said, said + i * MODELLAB_RUN_ID_BYTES, MODELLAB_RUN_ID_BYTES);
    }
    assert_int_equal(unfinished(), 1);
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_run_once),
        cmocka_unit_test(a_host_that_claims_what_is_taken_is_found_out),
        cmocka_unit_test(users_get_equal_shares),
        cmocka_unit_test(a_host_that_forgets_shares_is_found_out),
        cmocka_unit_test(racers_with_one_key_store_one_run),
    };
    if (setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 1;
    }
    if (argc == 3 && strcmp(argv[1], "--submit") == 0) {
        return submit_with_key(argv[2], 0);
    }
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    self = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
