/* The sandbox of real workers: a decoder that was taken over cannot get out of a run, what confined
 * the worker is in the record, and who requires a full sandbox gets one or no run.
 * test_sandbox WORKER HOST ESCAPE */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "os/cgroup.h"
#include "os/sandbox.h"

static const char *escape_library;

static int open_kit(void **state)
{
    static kit k;
    char images[300];
    kit_open(&k);
    *state = &k;
    (void)snprintf(images, sizeof(images), "%s/images", k.root);
    return setenv("MODEL_LAB_CACHE_ROOT", k.root, 1) == 0 && mkdir(images, 0700) == 0 ? 0 : -1;
}

static int close_kit(void **state)
{
    (void)unsetenv("MODEL_LAB_CACHE_ROOT");
    kit_close(*state);
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("MODEL_LAB_CGROUPS");
    (void)unsetenv("MODEL_LAB_SANDBOX");
    (void)unsetenv("MODEL_LAB_REQUIRE_SANDBOX");
    return 0;
}

typedef struct ending {
    modellab_run_status status;
    modellab_reason reason;
    char message[160], sandbox[16];
    size_t steps;
} ending;

static ending run_one(kit *k, const char *request, const char *fail_step)
{
    ending e;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, request, 0.5, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = fail_step});
    e.status = kit_wait_final(k, id);
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    e.reason = info.reason;
    e.steps = modellab_run_step_count(run);
    (void)snprintf(e.message, sizeof(e.message), "%s", info.message);
    (void)snprintf(e.sandbox, sizeof(e.sandbox), "%s", info.sandbox);
    modellab_run_unref(run);
    return e;
}

/* The level that workers reach here; a sanitizer's build gets no filter that counts. */
static const char *level_here(kit *k)
{
    static char level[16];
    ending e = run_one(k, "{\"pipeline\":\"ingest\"}", NULL);
    assert_int_equal(e.status, MODELLAB_RUN_COMPLETED);
    (void)snprintf(level, sizeof(level), "%s", e.sandbox);
    return level;
}

static bool is_full(kit *k)
{
    const char *level = level_here(k);
    if (strcmp(level, "full") != 0) {
        print_message("skipped: workers reach the level %s here\n", level);
        return false;
    }
    return true;
}

static void the_record_names_the_level(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.5, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    assert_int_equal(kit_count_events(k, id, "worker_confined"), 1);
    modellab_run *run = kit_load(k, id);
    modellab_buffer *json = NULL;
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "\"sandbox\":\"%s\"", kit_info(run).sandbox);
    assert_true(strlen(expected) > strlen("\"sandbox\":\"\""));
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    assert_non_null(strstr(modellab_buffer_data(json), expected));
    modellab_buffer_destroy(json);
    modellab_run_unref(run);
}

static void a_decoder_cannot_get_out(void **state)
{
    static const char *const refused[] = {"open",  "list",  "store",  "runs", "shorten", "punch",
                                          "input", "image", "socket", "kill", "fork"};
    static const char *const ended[] = {"ptrace", "execve"};
    kit *k = *state;
    char plan[32];
    if (!is_full(k)) {
        return;
    }
    assert_int_equal(setenv("LD_PRELOAD", escape_library, 1), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        (void)snprintf(plan, sizeof(plan), "escape:%s", refused[i]);
        ending e = run_one(k, "{\"pipeline\":\"ingest\"}", plan);
        if (e.status != MODELLAB_RUN_COMPLETED) {
            fail_msg("%s: %s", refused[i], e.message);
        }
    }
    for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++) {
        (void)snprintf(plan, sizeof(plan), "escape:%s", ended[i]);
        ending e = run_one(k, "{\"pipeline\":\"ingest\"}", plan);
        assert_int_equal(e.status, MODELLAB_RUN_FAILED);
        assert_int_equal(e.reason, MODELLAB_REASON_SANDBOX_VIOLATION);
    }
}

/* The same tries without a sandbox: each gets out, so they can. */
static void without_it_the_tries_succeed(void **state)
{
    static const char *const tries[] = {"open",  "list",   "store", "runs", "shorten", "punch",
                                        "image", "socket", "kill",  "fork", "execve"};
    kit *k = *state;
    char plan[32];
    if (!is_full(k)) {
        return;
    }
    assert_int_equal(setenv("LD_PRELOAD", escape_library, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_SANDBOX", "off", 1), 0);
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        (void)snprintf(plan, sizeof(plan), "escape:%s", tries[i]);
        ending e = run_one(k, "{\"pipeline\":\"ingest\"}", plan);
        assert_int_equal(e.status, MODELLAB_RUN_FAILED);
        assert_int_equal(e.reason, MODELLAB_REASON_WORKER_DIED);
        assert_string_equal(e.sandbox, "none");
        bool left = strstr(e.message, "exit code 77") != NULL ||
                    (strcmp(tries[i], "execve") == 0 && strstr(e.message, "exit code 0") != NULL);
        if (!left) {
            fail_msg("%s: %s", tries[i], e.message);
        }
    }
}

static const char *const names[] = {"create",         "nameless",    "folder",      "remove",
                                    "rename",         "reopen",      "journal",     "manifest",
                                    "manifest_write", "other_read",  "other_write", "other_create",
                                    "other_remove",   "other_rename"};

/* A run that does nothing, then in the same worker one whose decoder tries `what`. */
static ending second_in_its_worker(kit *k, const char *what)
{
    ending e;
    char first[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES], plan[80];
    kit_submit_bare(k, "{\"steps\":[\"noop\"]}", first);
    (void)snprintf(plan, sizeof(plan), "escape:%s%s%s", what,
                   strncmp(what, "other_", 6) == 0 ? "=" : "",
                   strncmp(what, "other_", 6) == 0 ? first : "");
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = plan, .workers = 1});
    assert_int_equal(kit_wait_final(k, first), MODELLAB_RUN_COMPLETED);
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.5, id);
    e.status = kit_wait_final(k, id);
    assert_int_equal(kit_worker_pid(k, id), kit_worker_pid(k, first));
    kit_stop_host(k, host);
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    e.reason = info.reason;
    e.steps = modellab_run_step_count(run);
    (void)snprintf(e.message, sizeof(e.message), "%s", info.message);
    (void)snprintf(e.sandbox, sizeof(e.sandbox), "%s", info.sandbox);
    modellab_run_unref(run);
    return e;
}

/* It has descriptors of its present run and nothing else: no name of any run can be opened, made,
 * changed or removed. Without a sandbox each of these tries succeeds. */
static void a_warm_worker_has_no_path_of_a_run(void **state)
{
    kit *k = *state;
    if (!is_full(k)) {
        return;
    }
    assert_int_equal(setenv("LD_PRELOAD", escape_library, 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ending e = second_in_its_worker(k, names[i]);
        if (e.status != MODELLAB_RUN_COMPLETED) {
            fail_msg("%s: %s", names[i], e.message);
        }
    }
    assert_int_equal(setenv("MODEL_LAB_SANDBOX", "off", 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ending e = second_in_its_worker(k, names[i]);
        if (e.status != MODELLAB_RUN_FAILED || strstr(e.message, "exit code 77") == NULL) {
            fail_msg("%s: %s", names[i], e.message);
        }
    }
}

/* Files that were made for a run and not written to are gone when it has ended. */
static void nothing_unused_stays(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    static const char *const plans[] = {NULL, "ingest", "ingest:die"};
    static const char *const files[] = {"artifacts/1-audio.json", "spool.1.tmp"};
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.5, id);
        pid_t host = kit_start_host(k, &(kit_host){.fail_step = plans[i]});
        (void)kit_wait_final(k, id);
        kit_stop_host(k, host);
        for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
            kit_run_path(k, id, files[f], path);
            assert_int_equal(access(path, F_OK), plans[i] == NULL && f == 0 ? 0 : -1);
        }
    }
}

/* A database that was put back from an older backup than the runs' files: the first attempt was
 * once made already. With its result in the way the run is done all the same. */
static void files_of_an_attempt_that_was_put_back(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.5, id);
    kit_run_path(k, id, "artifacts/1-audio.json", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("of another life", file) >= 0);
    assert_int_equal(fclose(file), 0);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
    modellab_report *report = NULL;
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, NULL), MODELLAB_OK);
    assert_true(modellab_report_worst(report) < MODELLAB_SEVERITY_WARNING);
    modellab_report_unref(report);
}

static pid_t left_behind(kit *k)
{
    char path[300], text[24] = "";
    (void)snprintf(path, sizeof(path), "%s/behind", k->root);
    (void)remove(path);
    ending e = run_one(k, "{\"pipeline\":\"ingest\"}", "escape:behind");
    assert_int_equal(e.status, MODELLAB_RUN_FAILED);
    assert_non_null(strstr(e.message, "exit code 77"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_int_equal(fclose(file), 0);
    return (pid_t)strtol(text, NULL, 10);
}

/* One that left the session, ignores SIGTERM and lost its parent is found by its control group. */
static void who_stays_behind_is_ended(void **state)
{
    kit *k = *state;
    mli_os_cgroups groups;
    mli_os_cgroups_find(&groups, &mli_os_system_files, "auto", NULL);
    if (!groups.kill) {
        print_message("skipped: no control group can be killed here (%s)\n", groups.why);
        return;
    }
    if (!is_full(k)) { /* a sanitizer's worker is preloaded with its runtime first */
        return;
    }
    assert_int_equal(setenv("LD_PRELOAD", escape_library, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_SANDBOX", "off", 1), 0);
    pid_t pid = left_behind(k);
    kit_wait_dead(pid);
    /* Planted: without groups it lives on. */
    assert_int_equal(setenv("MODEL_LAB_CGROUPS", "off", 1), 0);
    pid = left_behind(k);
    kit_sleep_ms(200);
    assert_true(kit_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void who_requires_it_is_refused_less(void **state)
{
    kit *k = *state;
    bool full = is_full(k);
    assert_int_equal(setenv("MODEL_LAB_SANDBOX", "off", 1), 0);
    ending e = run_one(k, "{\"pipeline\":\"ingest\",\"require_sandbox\":true}", NULL);
    assert_int_equal(e.status, MODELLAB_RUN_FAILED);
    assert_int_equal(e.reason, MODELLAB_REASON_SANDBOX);
    assert_non_null(strstr(e.message, "\"none\" (switched off)"));
    assert_int_equal(e.steps, 0);
    assert_int_equal(setenv("MODEL_LAB_REQUIRE_SANDBOX", "1", 1), 0);
    e = run_one(k, "{\"pipeline\":\"ingest\"}", NULL);
    assert_int_equal(e.reason, MODELLAB_REASON_SANDBOX);
    (void)unsetenv("MODEL_LAB_SANDBOX");
    if (full) { /* and with the variable still set, a confined worker runs */
        e = run_one(k, "{\"pipeline\":\"ingest\",\"require_sandbox\":true}", NULL);
        assert_int_equal(e.status, MODELLAB_RUN_COMPLETED);
    }
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)
    const struct CMUnitTest tests[] = {
        TEST(the_record_names_the_level),   TEST(a_decoder_cannot_get_out),
        TEST(without_it_the_tries_succeed), TEST(a_warm_worker_has_no_path_of_a_run),
        TEST(nothing_unused_stays),         TEST(files_of_an_attempt_that_was_put_back),
        TEST(who_stays_behind_is_ended),    TEST(who_requires_it_is_refused_less)};
#undef TEST
    if (!kit_arguments(argc, argv, 1) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    escape_library = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
