/* The kill loop: at random moments the worker, the supervisor or both are killed, under runs that
 * are submitted, wait, run and end; then everything that was acknowledged is looked at. Several
 * labs at the same time. MODEL_LAB_KILL_CYCLES: how many kills (2000); MODEL_LAB_KILL_LANES: labs
 * side by side (4); MODEL_LAB_KILL_SEED; MODEL_LAB_KILL_BATCH: just this batch of 100 kills. Hosts
 * with planted bugs show that the looking finds something. test_loop WORKER HOST */
#include <setjmp.h>
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
#include "crash/loop_batch.h"

enum { LANES_MOST = 64, TELL_EACH = 1000 };

static const char *self;
static uint64_t seed;
static int lane_first, lane_step, lane_end; /* of a process that does a part of the batches */

#define RESULT "batch %d cycles %d hosts %d workers %d runs %d of %d %d %d %d again %d wrong %d\n"

static void print_result(int number, const batch_result *r)
{
    (void)printf(RESULT, number, r->cycles, r->hosts_killed, r->workers_killed, r->runs,
                 r->completed, r->failed, r->stale, r->other, r->repeated, r->wrong);
    (void)fflush(stdout);
}

static void a_lane(void **state)
{
    (void)state;
    for (int i = lane_first; i < lane_end; i += lane_step) {
        batch_result r = loop_batch(seed, i, BATCH_CYCLES, NULL);
        print_result(i, &r);
        assert_int_equal(r.wrong, 0);
    }
}

static pid_t start_lane(int out, int first, int step, int end)
{
    char text[4][32];
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    (void)snprintf(text[0], sizeof(text[0]), "%d", first);
    (void)snprintf(text[1], sizeof(text[1]), "%d", step);
    (void)snprintf(text[2], sizeof(text[2]), "%d", end);
    (void)snprintf(text[3], sizeof(text[3]), "%llu", (unsigned long long)seed);
    const char *argv[] = {
        self, kit_worker_program, kit_host_program, "--lane", text[0], text[1], text[2], text[3],
        NULL};
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, 1), 0);
    assert_int_equal(
        posix_spawn(&pid, self, &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void add(batch_result *sum, const batch_result *r)
{
    sum->cycles += r->cycles;
    sum->hosts_killed += r->hosts_killed;
    sum->workers_killed += r->workers_killed;
    sum->runs += r->runs;
    sum->completed += r->completed;
    sum->failed += r->failed;
    sum->stale += r->stale;
    sum->other += r->other;
    sum->repeated += r->repeated;
    sum->wrong += r->wrong;
}

static void print_sum(const batch_result *r)
{
    print_message("%d cycles, seed %llu: %d supervisors and %d workers killed under %d runs (%d "
                  "completed, %d of them with a step done twice, %d failed, %d stale, %d "
                  "cancelled); %d wrong, so fewer than one "
                  "cycle in %d goes wrong (95 %%)\n",
                  r->cycles, (unsigned long long)seed, r->hosts_killed, r->workers_killed, r->runs,
                  r->completed, r->repeated, r->failed, r->stale, r->other, r->wrong,
                  r->cycles / 3);
}

/* What the lanes say, until the last one has ended. */
static batch_result read_lanes(int from)
{
    batch_result sum = {0};
    char line[512];
    FILE *in = fdopen(from, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        batch_result r = {0};
        int number = 0;
        if (sscanf(line, RESULT, &number, &r.cycles, &r.hosts_killed, &r.workers_killed, &r.runs,
                   &r.completed, &r.failed, &r.stale, &r.other, &r.repeated, &r.wrong) != 11) {
            continue; /* what the test library says */
        }
        int before = sum.cycles;
        add(&sum, &r);
        if (r.wrong > 0) {
            print_message("again: MODEL_LAB_KILL_SEED=%llu MODEL_LAB_KILL_BATCH=%d\n",
                          (unsigned long long)seed, number);
        }
        if (sum.cycles / TELL_EACH > before / TELL_EACH) {
            print_sum(&sum);
        }
    }
    (void)fclose(in);
    return sum;
}

static void nothing_is_lost(void **state)
{
    int out[2];
    pid_t lanes[LANES_MOST];
    int failed = 0;
    int batches =
        (int)((kit_number("MODEL_LAB_KILL_CYCLES", 2000) + BATCH_CYCLES - 1) / BATCH_CYCLES);
    int count = (int)kit_number("MODEL_LAB_KILL_LANES", 4);
    const char *only = getenv("MODEL_LAB_KILL_BATCH");
    (void)state;
    if (only != NULL) {
        batch_result r = loop_batch(seed, atoi(only), BATCH_CYCLES, NULL);
        print_sum(&r);
        assert_int_equal(r.wrong, 0);
        return;
    }
    count = count > LANES_MOST ? LANES_MOST : count > batches ? batches : count;
    assert_int_equal(pipe(out), 0);
    for (int i = 0; i < count; i++) {
        lanes[i] = start_lane(out[1], i, count, batches);
    }
    assert_int_equal(close(out[1]), 0);
    batch_result sum = read_lanes(out[0]);
    for (int i = 0; i < count; i++) {
        int status = 0;
        assert_int_equal(waitpid(lanes[i], &status, 0), lanes[i]);
        failed += status != 0;
    }
    print_sum(&sum);
    assert_int_equal(failed, 0);
    assert_int_equal(sum.wrong, 0);
    assert_int_equal(sum.cycles, batches * BATCH_CYCLES);
    /* A loop in which nothing happens proves nothing. */
    assert_true(sum.hosts_killed > sum.cycles / 3 && sum.workers_killed > sum.cycles / 10);
    assert_true(sum.completed > 0 && sum.failed > 0 && sum.stale > 0);
}

static void planted_bugs_are_found(void **state)
{
    static const char *const plants[] = {"no-lock", "lost-ack", "two-ends", "torn-manifest",
                                         "unseen-end"};
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: they are found without a sanitizer, in much less time\n");
    return;
#endif
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        int wrong = 0;
        int cycles = 0;
        for (int batch = 0; wrong == 0 && batch < 60; batch++) {
            batch_result r = loop_batch(seed, 1 + 2 * batch, BATCH_CYCLES, plants[i]);
            wrong = r.wrong;
            cycles += r.cycles;
        }
        print_message("%s: %s after %d cycles\n", plants[i], wrong > 0 ? "found" : "NOT found",
                      cycles);
        assert_true(wrong > 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(planted_bugs_are_found),
    };
    const struct CMUnitTest lane[] = {cmocka_unit_test(a_lane)};
    bool is_lane = argc == 8 && strcmp(argv[3], "--lane") == 0;
    if (!kit_arguments(argc, argv, is_lane ? 5 : 0) || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    self = argv[0];
    seed = kit_number("MODEL_LAB_KILL_SEED", 20261123);
    if (is_lane) {
        lane_first = atoi(argv[4]);
        lane_step = atoi(argv[5]);
        lane_end = atoi(argv[6]);
        seed = strtoull(argv[7], NULL, 10);
        return cmocka_run_group_tests_name("lane", lane, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
