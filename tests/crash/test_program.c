/* Programs that a step has started by its supervisor: text in, text out; what is not declared is
 * refused; one that hangs, fails or outlives its run is ended; what it may do.
 * test_program WORKER HOST */
#include <dirent.h>
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

static char script[300];

static int open_kit(void **state)
{
    static kit k;
    kit_open(&k);
    (void)snprintf(script, sizeof(script), "%s/bin", k.root); /* its folder is its to read */
    assert_int_equal(mkdir(script, 0700), 0);
    (void)snprintf(script, sizeof(script), "%s/bin/script", k.root);
    *state = &k;
    return setenv("MODEL_LAB_TEST_PROGRAM", "/usr/bin/tr", 1);
}

static int close_kit(void **state)
{
    kit_close(*state);
    return 0;
}

/* A program of the test's own in place of tr. */
static void write_script(const char *text)
{
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "#!/bin/sh\n%s\n", text) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(setenv("MODEL_LAB_TEST_PROGRAM", script, 1), 0);
}

static void submit(kit *k, const char *step, const char *labels, char id[MODELLAB_RUN_ID_BYTES])
{
    char request[512];
    (void)snprintf(request, sizeof(request), "{\"steps\":[\"%s\"],\"labels\":{%s}}", step, labels);
    kit_submit_bare(k, request, id);
}

static modellab_run_info end_of(kit *k, const char *step, const char *labels,
                                char id[MODELLAB_RUN_ID_BYTES], modellab_run **run)
{
    submit(k, step, labels, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    *run = kit_load(k, id);
    return kit_info(*run);
}

static void text_in_text_out(void **state)
{
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    modellab_run *run = NULL;
    /* 400 KB: more than pipes hold, both ways at once. */
    modellab_run_info info = end_of(
        *state, "program", "\"program_text\":\"hello, \",\"program_times\":\"60000\"", id, &run);
    if (info.status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", info.message);
    }
    kit_run_path(*state, id, "artifacts/1-output.txt", path);
    FILE *file = fopen(path, "r");
    char text[16];
    size_t count = 0;
    assert_non_null(file);
    while (fread(text, 1, 7, file) == 7) {
        assert_memory_equal(text, "HELLO, ", 7);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(count, 60000);
    modellab_run_unref(run);
}

static void expect_refused(kit *k, const char *step, const char *labels, const char *words)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = NULL;
    modellab_run_info info = end_of(k, step, labels, id, &run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    assert_int_equal(info.reason, MODELLAB_REASON_PERMISSION_DENIED);
    if (strstr(info.message, words) == NULL) {
        fail_msg("%s", info.message);
    }
    modellab_run_unref(run);
}

static void what_is_not_declared_is_refused(void **state)
{
    expect_refused(*state, "noop", "\"noop_program\":\"upper\"", "no step of this name");
    expect_refused(*state, "program", "\"program\":\"sh\"", "has not declared");
    expect_refused(*state, "program", "\"program_word\":\"-x\"", "no place for this word");
    assert_int_equal(unsetenv("MODEL_LAB_TEST_PROGRAM"), 0);
    expect_refused(*state, "program", "\"program\":\"upper\"", "names no program");
}

static void expect_failed(kit *k, const char *labels, const char *text, const char *words)
{
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run *run = NULL;
    write_script(text);
    modellab_run_info info = end_of(k, "program", labels, id, &run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    if (strstr(info.message, words) == NULL) {
        fail_msg("%s: %s", text, info.message);
    }
    modellab_run_unref(run);
}

static void one_that_fails_or_hangs(void **state)
{
    static const char patient[] = "\"program_text\":\"x\"";
    /* this one has a second */
    static const char brief[] =
        "\"program_text\":\"x\",\"program\":\"chosen\",\"program_word\":\"b\"";
    expect_failed(*state, patient, "exit 3", "ended with exit code 3");
    expect_failed(*state, patient, "kill -9 $$", "ended with signal 9");
    expect_failed(*state, brief, "sleep 600", "took too long");
    expect_failed(*state, patient,
                  "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
                  "more than");
}

/* A process that runs the script, by its command line; 0 = none. */
static pid_t find_script(void)
{
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char path[300], line[600];
        (void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", entry->d_name);
        FILE *file = fopen(path, "r");
        size_t bytes = file != NULL ? fread(line, 1, sizeof(line) - 1, file) : 0;
        line[bytes] = '\0';
        /* "/bin/sh", then the script; the launcher names it further back. */
        const char *second = bytes > 0 ? line + strlen(line) + 1 : line;
        if (second < line + bytes && strcmp(second, script) == 0) {
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)closedir(proc);
    return found;
}

static pid_t started(void)
{
    pid_t pid = 0;
    for (int i = 0; i < KIT_PATIENCE_MS / 5 && pid == 0; i++) {
        kit_sleep_ms(5);
        pid = find_script();
    }
    assert_true(pid > 0);
    return pid;
}

static void it_ends_with_its_run(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_cancel_outcome outcome = 0;
    write_script("trap '' TERM; sleep 600 & wait; sleep 600");
    for (int by_kill = 0; by_kill < 2; by_kill++) {
        submit(k, "program", "\"program_text\":\"x\"", id);
        pid_t host = kit_start_host(k, &(kit_host){0});
        pid_t program = started();
        assert_true(kit_alive(program));
        if (by_kill != 0) {
            assert_int_equal(kill(kit_worker_pid(k, id), SIGKILL), 0);
            assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
        } else {
            assert_int_equal(modellab_run_cancel(k->lab, id, &outcome, NULL), MODELLAB_OK);
            assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_CANCELLED);
        }
        kit_wait_dead(program);
        kit_stop_host(k, host);
    }
}

/* It reads what programs are made of, writes nothing, reaches nobody; its CPU time is the run's. */
static void what_it_may_do(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], text[800], path[512];
    modellab_run *run = NULL;
    (void)snprintf(text, sizeof(text),
                   "cat >/dev/null; r=read; cat %s/lab.sqlite >/dev/null 2>&1 && r=$r,store\n"
                   "(echo x >%s/stain) 2>/dev/null && r=$r,write\n"
                   "setsid true 2>/dev/null && r=$r,setsid\n"
                   "i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done; echo $r",
                   k->root, k->root);
    write_script(text);
    modellab_run_info info = end_of(k, "program", "\"program_text\":\"x\"", id, &run);
    if (info.status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", info.message);
    }
    kit_run_path(k, id, "artifacts/1-output.txt", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_int_equal(fclose(file), 0);
    print_message("a program could: %s; CPU time of the run %.3f s, level %s\n", strtok(text, "\n"),
                  info.cpu_seconds, info.sandbox);
    if (strcmp(info.sandbox, "full") == 0) {
        assert_string_equal(text, "read");
    }
    assert_true(info.cpu_seconds > 0.05);
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)
    const struct CMUnitTest tests[] = {
        TEST(text_in_text_out), TEST(what_is_not_declared_is_refused),
        TEST(one_that_fails_or_hangs), TEST(it_ends_with_its_run), TEST(what_it_may_do)};
#undef TEST
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
