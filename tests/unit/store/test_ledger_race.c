/* 64 claimers in four processes that never pass a cap by one unit, whatever it is of, while
 * claimers that ask in one transaction and take in another do, and are found. */
#include "unit/store/ledger_common.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The race: 4 processes of 16 threads; each run needs 7 of a cap of 100, so 14 fit at a time (of
 * runs each needs 1 of 14, for good). One race for every measure that a claim can take. */
enum { PROCESSES = 4, THREADS = 16, RUNS = 256, TRIES = 48, NEED = 7, CAP = 100 };
static int32_t raced = MLI_MEASURE_CPU_MS;

static int64_t raced_sum(const mli_usage *usage)
{
    return usage->used.of[raced] + usage->held.of[raced];
}

typedef struct racer {
    mli_store *store;
    int first;
    bool planted;
    int64_t most; /* used + held as seen at any time */
    int passed;
} racer;

static pthread_barrier_t all_have_looked; /* of a process */

/* Planted: looks whether there is room, then takes without looking again. The first time all
 * threads of a process look before one of them takes: the bug does not need luck. */
static modellab_status claim_in_two(mli_store *of, bool first)
{
    mli_amounts need = {{0}};
    mli_cap_set set;
    mli_cap_verdict verdict;
    need.of[MLI_MEASURE_CPU_MS] = NEED;
    bool room = mli_store_cap_room(of, "ann", NOW, &need, &set, &verdict, NULL) == MODELLAB_OK &&
                verdict.measure == 0;
    if (first) {
        (void)pthread_barrier_wait(&all_have_looked);
    }
    if (!room) {
        return MODELLAB_E_CAP_EXCEEDED;
    }
    char path[512];
    sqlite3 *db = NULL;
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_busy_timeout(db, 600000));
    char sql[256];
    (void)snprintf(sql, sizeof sql, "UPDATE usage SET held_cpu_ms=held_cpu_ms+%d WHERE user='ann'",
                   NEED);
    assert_int_equal(SQLITE_OK, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
    return MODELLAB_OK;
}

static void *race(void *arg)
{
    racer *r = arg;
    for (int i = 0; i < TRIES; i++) {
        int number = 1 + (r->first * 4 + i) % RUNS;
        modellab_status status =
            r->planted ? claim_in_two(r->store, i == 0) : claim(r->store, number, NOW, NULL, NULL);
        mli_usage usage = {0};
        if (mli_store_usage(r->store, "ann", NOW / HOUR, NOW / HOUR + 1, &usage, NULL) ==
            MODELLAB_OK) {
            int64_t sum = raced_sum(&usage);
            r->most = sum > r->most ? sum : r->most;
        }
        if (status == MODELLAB_OK) {
            r->passed++;
            if (r->planted || r->passed >= 4) { /* hold some, give others back */
                continue;
            }
            mli_run_transition end = {.to = MODELLAB_RUN_FAILED, .event_type = "run_failed"};
            char id[MLI_ULID_BYTES];
            (void)snprintf(id, sizeof id, "01J00000000000000000%06d", number);
            mli_store_change change = {.run_id = id,
                                       .fence = 1,
                                       .expect = MODELLAB_RUN_RUNNING,
                                       .now_ms = NOW,
                                       .transition = &end};
            if (mli_store_apply(r->store, &change, NULL, NULL, NULL) != MODELLAB_OK) {
                _exit(251);
            }
        }
        if (r->planted && i > 24) {
            break;
        }
    }
    return NULL;
}

/* In a process of its own; tells the most that was ever used and held by its exit code. */
static int race_in_process(int process, bool planted)
{
    racer racers[THREADS];
    pthread_t threads[THREADS];
    mli_store *own = open_in(&folder, NULL, false);
    int64_t most = 0;
    assert_int_equal(0, pthread_barrier_init(&all_have_looked, NULL, THREADS));
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (racer){.store = own, .first = process * THREADS + i, .planted = planted};
        assert_int_equal(0, pthread_create(&threads[i], NULL, race, &racers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
        most = racers[i].most > most ? racers[i].most : most;
    }
    assert_int_equal(0, pthread_barrier_destroy(&all_have_looked));
    mli_store_close(own);
    return most > 250 ? 250 : (int)most;
}

static int64_t race_all(bool planted)
{
    pid_t children[PROCESSES];
    int64_t most = 0;
    mli_store_close(store);
    store = NULL;
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        assert_true(children[p] >= 0);
        if (children[p] == 0) {
            _exit(race_in_process(p, planted));
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int how = 0;
        assert_int_equal(children[p], waitpid(children[p], &how, 0));
        assert_true(WIFEXITED(how));
        most = WEXITSTATUS(how) > most ? WEXITSTATUS(how) : most;
    }
    store = open_in(&folder, NULL, false);
    return most;
}

static void add_racer(int number)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];
    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = "ann";
    row.created_ms = NOW;
    if (raced != MLI_MEASURE_RUNS) { /* of these each claim needs one by itself */
        row.need.of[raced] = NEED;
    }
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
}

static void racers_never_pass_a_cap(void **state)
{
    static const int32_t measures[] = {MLI_MEASURE_CPU_MS, MLI_MEASURE_AUDIO_MS,
                                       MLI_MEASURE_API_CALLS, MLI_MEASURE_COST_MICROS,
                                       MLI_MEASURE_RUNS};
    (void)state;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        raced = measures[i];
        int64_t each = raced == MLI_MEASURE_RUNS ? 1 : NEED;
        int64_t cap = raced == MLI_MEASURE_RUNS ? CAP / NEED : CAP;
        cap_of("ann", raced, MLI_PERIOD_DAY, cap);
        for (int n = 1; n <= RUNS; n++) {
            add_racer(n);
        }
        int64_t most = race_all(false);
        print_message("%s: at most %lld of %lld were taken at any time\n", mli_measure_name(raced),
                      (long long)most, (long long)cap);
        assert_int_equal(CAP / NEED * each, most); /* never more, and what fits was taken */
        mli_usage usage = usage_of(store, NOW);
        assert_int_equal(0, raced_sum(&usage) % each);
        assert_true(raced_sum(&usage) <= cap);
        tear_down(NULL);
        set_up(NULL);
    }
    raced = MLI_MEASURE_CPU_MS;
}

static void a_reservation_in_two_transactions_is_found(void **state)
{
    (void)state;
    cap_of("ann", MLI_MEASURE_CPU_MS, MLI_PERIOD_DAY, CAP);
    add_needy(store, 1, NEED, 0);
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW, NULL, NULL));
    assert_true(race_all(true) > CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(racers_never_pass_a_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reservation_in_two_transactions_is_found, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
