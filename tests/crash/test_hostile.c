/* Hosts that do what hosts do, and the runs in them: none hangs, no worker's end is lost, the host
 * has as many descriptors and threads as before. MODEL_LAB_HOSTILE_RUNS: how many runs (200).
 * Planted bugs show that the looking finds something. test_hostile WORKER HOST */
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

/* The host's exit code. */
static int host(const kit *k, const char *manners, size_t runs, const char *plant)
{
    char count[24];
    pid_t pid = -1;
    int status = 0;
    (void)snprintf(count, sizeof(count), "%zu", runs);
    bool planted = strcmp(plant, "none") != 0;
    const char *patience = planted ? "5000" : "120000";
    const char *argv[] = {
        kit_host_program, k->root, kit_worker_program, manners, count, patience, plant, NULL};
    assert_int_equal(
        posix_spawn(&pid, kit_host_program, NULL, NULL, (char *const *)(uintptr_t)argv, environ),
        0);
    for (int left_ms = planted ? 40000 : 3600000; waitpid(pid, &status, WNOHANG) == 0;) {
        kit_sleep_ms(10);
        left_ms -= 10;
        if (left_ms == 0) { /* a bug can hang the whole process */
            assert_int_equal(kill(pid, SIGKILL), 0);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            return 1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect_fine(const kit *k, const char *manners, size_t divisor)
{
    size_t runs = kit_number("MODEL_LAB_HOSTILE_RUNS", 200) / divisor;
    int code = host(k, manners, runs > 10 ? runs : 10, "none");
    if (code == 77) {
        print_message("skipped: %s\n", manners);
        return;
    }
    assert_int_equal(code, 0);
}

static void a_host_with_manners(void **state)
{
    expect_fine(*state, "none", 4);
}

static void a_host_that_ignores_sigchld(void **state)
{
    expect_fine(*state, "sigchld", 1);
}

static void a_host_that_waits_for_any_child(void **state)
{
    expect_fine(*state, "reaper", 1);
}

static void a_host_that_computes(void **state)
{
    expect_fine(*state, "blas", 1);
}

static void a_large_host_that_forks(void **state)
{
    expect_fine(*state, "fork,large", 1);
}

static void a_host_that_does_it_all(void **state)
{
    expect_fine(*state, "sigchld,blas,large", 1);
}

static void planted_bugs_are_found(void **state)
{
    static const struct {
        const char *manners, *plant;
    } cases[] = {{"sigchld", "echild-runs"},
                 {"reaper", "echild-runs"},
                 {"none", "leaks"},
                 {"blas", "forks"},
                 {"fork", "blind-child"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code = host(*state, cases[i].manners, 20, cases[i].plant);
        print_message("%s under %s: exit %d\n", cases[i].plant, cases[i].manners, code);
        assert_int_equal(code, 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(a_host_with_manners),
                                       KIT_TEST(a_host_that_ignores_sigchld),
                                       KIT_TEST(a_host_that_waits_for_any_child),
                                       KIT_TEST(a_host_that_computes),
                                       KIT_TEST(a_large_host_that_forks),
                                       KIT_TEST(a_host_that_does_it_all),
                                       KIT_TEST(planted_bugs_are_found)};
    if (!kit_arguments(argc, argv, 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
