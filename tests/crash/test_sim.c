/* Supervisors, store and workers in one thread on virtual time, with everything going wrong that a
 * seed can choose. MODEL_LAB_TEST_SEEDS: how many seeds; MODEL_LAB_TEST_SEED: just this one. */
#include "crash/sim.h"
#include "unit/lab/lab_common.h"
#include <stdlib.h>

#define SEEDS 5000
#define PLANTED_SEEDS 500

static temp_folder folder;
static const sim_faults all_faults = {.worker_crash = 15,
                                      .worker_hang = 10,
                                      .worker_slow = 20,
                                      .host_crash = 40,
                                      .lost_signal = 300,
                                      .lost_wake = 100,
                                      .clock_jump = 20,
                                      .cancel = 30,
                                      .pid_reuse = 500};

static const char *one(uint64_t seed, sim_plant plant)
{
    char root[512];
    (void)snprintf(root, sizeof(root), "%s/lab", folder.path);
    return sim_run(root, seed, (int)(seed % 4) + 1, &all_faults, plant);
}

static uint64_t number_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

static void whatever_happens_records_stay_true(void **state)
{
    (void)state;
    uint64_t only = number_of("MODEL_LAB_TEST_SEED", 0);
    uint64_t first = only != 0 ? only : 1;
    uint64_t last = only != 0 ? only : number_of("MODEL_LAB_TEST_SEEDS", SEEDS);
    for (uint64_t seed = first; seed <= last; seed++) {
        const char *wrong = one(seed, SIM_SOUND);
        if (wrong != NULL) {
            fail_msg("seed %llu: %s (again: MODEL_LAB_TEST_SEED=%llu)", (unsigned long long)seed,
                     wrong, (unsigned long long)seed);
        }
    }
    const sim_counts *n = &sim_total;
    print_message(
        "%lld runs: %lld completed, %lld failed, %lld cancelled, %lld timeout, %lld "
        "stale; %lld requeues, %lld workers and %lld hosts crashed, %lld hung, %lld clock "
        "jumps, %lld reused pids\n",
        (long long)n->runs, (long long)n->completed, (long long)n->failed, (long long)n->cancelled,
        (long long)n->timeout, (long long)n->stale, (long long)n->requeued,
        (long long)n->worker_crashes, (long long)n->host_crashes, (long long)n->worker_hangs,
        (long long)n->clock_jumps, (long long)n->pid_reuses);
    if (only == 0 && last >= 200) { /* a simulation in which nothing happens proves nothing */
        assert_true(n->completed > 0 && n->failed > 0 && n->cancelled > 0 && n->timeout > 0);
        assert_true(n->stale > 0 && n->requeued > 0 && n->pid_reuses > 0 && n->clock_jumps > 0);
    }
}

static void planted_bugs_are_found(void **state)
{
    static const struct {
        sim_plant plant;
        const char *name;
    } plants[] = {{SIM_NO_LOCK, "locks that hold nobody off"},
                  {SIM_NO_ADOPTION, "workers that nobody adopts"},
                  {SIM_NO_KILL, "SIGKILL that does nothing"},
                  {SIM_TWO_OWNERS, "adoption by everybody"}};
    (void)state;
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        const char *wrong = NULL;
        uint64_t seed = 0;
        while (wrong == NULL && seed < PLANTED_SEEDS) {
            wrong = one(++seed, plants[i].plant);
        }
        if (wrong == NULL) {
            fail_msg("%s: not found in %d seeds", plants[i].name, PLANTED_SEEDS);
        }
        print_message("%s: %s (seed %llu)\n", plants[i].name, wrong, (unsigned long long)seed);
    }
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    return setenv("MODEL_LAB_TESTING", "1", 1);
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_records_stay_true),
        cmocka_unit_test(planted_bugs_are_found),
    };

    return cmocka_run_group_tests_name("simulation", tests, set_up, tear_down);
}
