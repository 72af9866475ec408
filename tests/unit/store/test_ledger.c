/* The ledger: calendar periods, what fits, what a claim takes and an end gives back; and 64
 * claimers in four processes that never pass a cap by one unit, while claimers that ask in one
 * transaction and take in another do, and are found. */
#include "unit/store/common.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR INT64_C(3600000)
#define NOW (INT64_C(482000) * HOUR + 5000) /* some hour of 2024 */

static temp_folder folder;
static mli_store *store;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    store = open_in(&folder, NULL, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_store_close(store);
    temp_folder_remove(&folder);
    return 0;
}

static void add_needy(mli_store *to, int number, int64_t cpu_ms, int64_t micros)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];
    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = "ann";
    row.pipeline = "transcribe";
    row.currency = "USD";
    row.created_ms = NOW;
    row.audio_seconds = 10;
    row.need.of[MLI_MEASURE_CPU_MS] = cpu_ms;
    row.need.of[MLI_MEASURE_COST_MICROS] = micros;
    row.need.of[MLI_MEASURE_AUDIO_MS] = 10000;
    ASSERT_OK(mli_store_insert(to, &row, &event, 1, existing, err));
}

static modellab_status claim(mli_store *of, int number, int64_t now_ms, mli_hold *hold,
                             mli_cap_verdict *verdict)
{
    char id[MLI_ULID_BYTES]; /* id_of() is for one thread */
    assert_true(snprintf(id, sizeof id, "01J00000000000000000%06d", number) == 26);
    mli_store_claim what = {
        .run_id = id, .owner = "{}", .now_ms = now_ms, .hold = hold, .verdict = verdict};
    mli_run_row *row = NULL;
    modellab_status status = mli_store_claim_run(of, &what, &row, NULL);
    mli_run_row_free(NULL, row);
    return status;
}

static void cap_of(const char *user, int32_t measure, int32_t period, int64_t value)
{
    mli_cap cap = {measure, period, value};
    ASSERT_OK(mli_store_cap_put(store, user, &cap, NOW, err));
}

static mli_usage usage_of(mli_store *of, int64_t from_ms)
{
    mli_usage usage;
    ASSERT_OK(mli_store_usage(of, "ann", from_ms / HOUR, from_ms / HOUR + 1, &usage, err));
    return usage;
}

static void periods_are_those_of_the_calendar(void **state)
{
    static const struct {
        mli_period period;
        int64_t hour, from, to;
    } cases[] = {
        {MLI_PERIOD_HOUR, 7, 7, 8},
        {MLI_PERIOD_DAY, 25, 24, 48},
        {MLI_PERIOD_MONTH, 0, 0, 31 * 24},
        {MLI_PERIOD_MONTH, 31 * 24, 31 * 24, 59 * 24},               /* February 1970 */
        {MLI_PERIOD_MONTH, 19782 * 24, 19754 * 24, 19783 * 24},      /* 29 February 2024 */
        {MLI_PERIOD_MONTH, 20088 * 24 + 23, 20058 * 24, 20089 * 24}, /* 31 December 2024 */
        {MLI_PERIOD_DAY, -1, -24, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t from, to;
        mli_period_bounds(cases[i].period, cases[i].hour, &from, &to);
        assert_int_equal(cases[i].from, from);
        assert_int_equal(cases[i].to, to);
    }
    /* Every hour of forty years lies in its month, and months follow each other. */
    int64_t end = 0;
    for (int64_t hour = 0; hour < 40 * 366 * 24; hour = end) {
        int64_t from, to;
        mli_period_bounds(MLI_PERIOD_MONTH, hour, &from, &to);
        assert_int_equal(hour, from);
        assert_true((to - from) % 24 == 0 && to - from >= 28 * 24 && to - from <= 31 * 24);
        mli_period_bounds(MLI_PERIOD_MONTH, to - 1, &from, &end);
        assert_int_equal(hour, from);
    }
}

static void an_end_gives_back_what_a_claim_took(void **state)
{
    mli_hold hold;
    mli_cap_verdict verdict;
    (void)state;
    cap_of("ann", MLI_MEASURE_CPU_MS, MLI_PERIOD_DAY, 10000);
    add_needy(store, 1, 6000, 500);
    add_needy(store, 2, 6000, 500);
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW, &hold, &verdict));
    assert_int_equal(6000, hold.held.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(1u << MLI_MEASURE_CPU_MS, hold.capped);
    /* The second waits: runs hold what is missing. */
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, claim(store, 2, NOW, &hold, &verdict));
    assert_int_equal(MLI_MEASURE_CPU_MS, verdict.measure);
    assert_int_equal(6000, verdict.held);
    assert_int_equal(0, verdict.until_ms);
    assert_false(verdict.never);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(store, id_of(2), &record, err));
    assert_int_equal(MODELLAB_RUN_QUEUED, record->run->status);
    assert_int_equal(MODELLAB_REASON_WAITING_FOR_CAP, record->run->reason);
    assert_string_equal(
        "The user's cap of cpu_seconds a day is 10: 0 used, 6 held by running runs, "
        "6 needed.",
        record->run->message);
    assert_true(record->run->not_before_ms > NOW);
    mli_run_record_free(record);
    /* The first used less (2.5 s): now there is room, and the second is due at once. */
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_COMPLETED, NOW + 5, err));
    mli_usage usage = usage_of(store, NOW);
    assert_int_equal(2500, usage.used.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(1000, usage.used.of[MLI_MEASURE_COST_MICROS]);
    assert_int_equal(10000, usage.used.of[MLI_MEASURE_AUDIO_MS]);
    assert_int_equal(1, usage.used.of[MLI_MEASURE_RUNS]);
    assert_int_equal(0, usage.held.of[MLI_MEASURE_CPU_MS]);
    ASSERT_OK(mli_store_load(store, id_of(2), &record, err));
    assert_int_equal(0, record->run->not_before_ms);
    mli_run_record_free(record);
    assert_int_equal(MODELLAB_OK, claim(store, 2, NOW + 10, &hold, &verdict));
    /* A second end of the first is refused and gives nothing back twice. */
    assert_int_equal(MODELLAB_E_RUN_FINAL, end_run(store, 1, 1, MODELLAB_RUN_STALE, NOW + 9, NULL));
    assert_int_equal(6000, usage_of(store, NOW).held.of[MLI_MEASURE_CPU_MS]);
}

/* Requeued, STALE, cancelled: whatever way an attempt ends, it holds nothing afterwards. */
static void every_way_out_gives_back(void **state)
{
    static const modellab_run_status ends[] = {MODELLAB_RUN_QUEUED, MODELLAB_RUN_FAILED,
                                               MODELLAB_RUN_CANCELLED, MODELLAB_RUN_TIMEOUT,
                                               MODELLAB_RUN_STALE};
    (void)state;
    for (int i = 0; i < 5; i++) {
        add_needy(store, i + 1, 6000, 500);
        assert_int_equal(MODELLAB_OK, claim(store, i + 1, NOW, NULL, NULL));
        assert_int_equal(6000, usage_of(store, NOW).held.of[MLI_MEASURE_CPU_MS]);
        ASSERT_OK(end_run(store, i + 1, 1, ends[i], NOW + 1, err));
        assert_int_equal(0, usage_of(store, NOW).held.of[MLI_MEASURE_CPU_MS]);
        assert_int_equal(0, usage_of(store, NOW).held.of[MLI_MEASURE_AUDIO_MS]);
        assert_int_equal(2500 * (i + 1), usage_of(store, NOW).used.of[MLI_MEASURE_CPU_MS]);
    }
    /* The requeued one counts as one run, and what its first attempt used is not charged again. */
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW + HOUR, NULL, NULL));
    assert_int_equal(5, usage_of(store, NOW).used.of[MLI_MEASURE_RUNS]);
    assert_int_equal(0, usage_of(store, NOW + HOUR).used.of[MLI_MEASURE_RUNS]);
    ASSERT_OK(end_run(store, 1, 2, MODELLAB_RUN_COMPLETED, NOW + HOUR, err));
    assert_int_equal(0, usage_of(store, NOW + HOUR).used.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(10000, usage_of(store, NOW + HOUR).used.of[MLI_MEASURE_AUDIO_MS]);
}

/* An attempt worked on 4 s of audio and was queued again; then the run ends without another one. */
static void audio_counts_also_when_a_run_ends_in_the_queue(void **state)
{
    (void)state;
    for (int timeout = 0; timeout < 2; timeout++) {
        int number = timeout + 1;
        mli_run_measures m = MLI_RUN_MEASURES_INIT;
        mli_store_cancel met;
        m.progress_seconds = 4;
        add_needy(store, number, 6000, 500);
        assert_int_equal(MODELLAB_OK, claim(store, number, NOW, NULL, NULL));
        mli_store_change worked = {.run_id = id_of(number),
                                   .fence = 1,
                                   .expect = MODELLAB_RUN_RUNNING,
                                   .now_ms = NOW,
                                   .measures = &m};
        ASSERT_OK(mli_store_apply(store, &worked, NULL, NULL, err));
        ASSERT_OK(end_run(store, number, 1, MODELLAB_RUN_QUEUED, NOW + 1, err));
        assert_int_equal(4000 * timeout, usage_of(store, NOW).used.of[MLI_MEASURE_AUDIO_MS]);
        if (timeout != 0) {
            mli_run_transition end = {.to = MODELLAB_RUN_TIMEOUT,
                                      .reason = MODELLAB_REASON_QUEUE_TIMEOUT,
                                      .event_type = "run_timeout"};
            mli_store_change late = {.run_id = id_of(number),
                                     .fence = 1,
                                     .expect = MODELLAB_RUN_QUEUED,
                                     .now_ms = NOW + 2,
                                     .transition = &end};
            ASSERT_OK(mli_store_apply(store, &late, NULL, NULL, err));
        } else {
            ASSERT_OK(mli_store_request_cancel(store, id_of(number), NOW + 2, &met, err));
            assert_int_equal(MODELLAB_CANCEL_CANCELLED, met.outcome);
        }
        assert_int_equal(4000 * number, usage_of(store, NOW).used.of[MLI_MEASURE_AUDIO_MS]);
        assert_int_equal(0, usage_of(store, NOW).held.of[MLI_MEASURE_AUDIO_MS]);
    }
}

/* Caps of the configuration are read at opening: a supervisor with others wakes who waits. */
static void raised_defaults_wake_those_that_wait(void **state)
{
    mli_run_stand stand;
    bool changed = false;
    (void)state;
    store->cap_defaults[0] = (mli_cap){MLI_MEASURE_RUNS, MLI_PERIOD_DAY, 1};
    store->cap_default_count = 1;
    ASSERT_OK(mli_store_cap_defaults_changed(store, &changed, err));
    assert_true(changed);
    add_needy(store, 1, 0, 0);
    add_needy(store, 2, 0, 0);
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW, NULL, NULL));
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, claim(store, 2, NOW, NULL, NULL));
    ASSERT_OK(mli_store_cap_defaults_changed(store, &changed, err)); /* the same: nobody is woken */
    assert_false(changed);
    ASSERT_OK(mli_store_stand(store, id_of(2), &stand, err));
    assert_true(stand.not_before_ms > NOW);
    store->cap_defaults[0].value = 2;
    ASSERT_OK(mli_store_cap_defaults_changed(store, &changed, err));
    assert_true(changed);
    assert_int_equal(MODELLAB_OK, claim(store, 2, NOW, NULL, NULL));
}

static void whose_cap_holds(void **state)
{
    mli_cap_set set;
    mli_cap_verdict verdict;
    mli_amounts need = {{0}};
    mli_cap_list *list = NULL;
    mli_cap cap = {MLI_MEASURE_RUNS, MLI_PERIOD_DAY, 0};
    (void)state;
    store->cap_defaults[0] = (mli_cap){MLI_MEASURE_RUNS, MLI_PERIOD_DAY, 7};
    store->cap_default_count = 1;
    ASSERT_OK(mli_store_cap_room(store, "ann", NOW, &need, &set, &verdict, err));
    assert_int_equal(7, mli_cap_set_value(&set, MLI_MEASURE_RUNS, MLI_PERIOD_DAY));
    cap_of("*", MLI_MEASURE_RUNS, MLI_PERIOD_DAY, 5);
    ASSERT_OK(mli_store_cap_room(store, "ann", NOW, &need, &set, &verdict, err));
    assert_int_equal(5, mli_cap_set_value(&set, MLI_MEASURE_RUNS, MLI_PERIOD_DAY));
    cap_of("ann", MLI_MEASURE_RUNS, MLI_PERIOD_DAY, -1);
    ASSERT_OK(mli_store_cap_room(store, "ann", NOW, &need, &set, &verdict, err));
    assert_int_equal(-1, mli_cap_set_value(&set, MLI_MEASURE_RUNS, MLI_PERIOD_DAY));
    need.of[MLI_MEASURE_RUNS] = 6;
    ASSERT_OK(mli_store_cap_room(store, "bob", NOW, &need, &set, &verdict, err));
    assert_int_equal(MLI_MEASURE_RUNS, verdict.measure);
    assert_true(verdict.never);
    ASSERT_OK(mli_store_cap_list(store, NULL, &list, err));
    assert_int_equal(2, list->count);
    assert_string_equal("*", list->rows[0].user);
    mli_cap_list_free(list);
    ASSERT_OK(mli_store_cap_remove(store, "ann", &cap, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_cap_remove(store, "ann", &cap, err));
    cap.measure = MLI_MEASURE_PEAK_BYTES; /* not of a day */
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_store_cap_put(store, "ann", &cap, NOW, err));
}

static void a_used_up_cap_waits_for_the_next_period(void **state)
{
    mli_cap_verdict verdict;
    (void)state;
    cap_of("*", MLI_MEASURE_RUNS, MLI_PERIOD_HOUR, 1);
    add_needy(store, 1, 0, 0);
    add_needy(store, 2, 0, 0);
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW, NULL, NULL));
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, claim(store, 2, NOW, NULL, &verdict));
    assert_int_equal((NOW / HOUR + 1) * HOUR, verdict.until_ms);
    mli_run_stand stand;
    ASSERT_OK(mli_store_stand(store, id_of(2), &stand, err));
    assert_int_equal(verdict.until_ms, stand.not_before_ms);
    assert_int_equal(MODELLAB_OK, claim(store, 2, verdict.until_ms, NULL, &verdict));
    /* A raised cap lets those that wait look again. */
    add_needy(store, 3, 0, 0);
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, claim(store, 3, NOW + HOUR, NULL, &verdict));
    cap_of("ann", MLI_MEASURE_RUNS, MLI_PERIOD_HOUR, 9);
    ASSERT_OK(mli_store_stand(store, id_of(3), &stand, err));
    assert_int_equal(0, stand.not_before_ms);
    assert_int_equal(MODELLAB_OK, claim(store, 3, NOW + HOUR, NULL, &verdict));
}

static void holding_more(void **state)
{
    mli_hold hold;
    mli_cap_verdict verdict;
    mli_amounts more = {{0}};
    (void)state;
    cap_of("ann", MLI_MEASURE_CPU_MS, MLI_PERIOD_DAY, 10000);
    add_needy(store, 1, 6000, 0);
    assert_int_equal(MODELLAB_OK, claim(store, 1, NOW, NULL, NULL));
    more.of[MLI_MEASURE_CPU_MS] = 4000;
    ASSERT_OK(mli_store_hold_more(store, id_of(1), 1, &more, &hold, &verdict, err));
    assert_int_equal(0, verdict.measure);
    assert_int_equal(10000, hold.held.of[MLI_MEASURE_CPU_MS]);
    more.of[MLI_MEASURE_CPU_MS] = 1;
    ASSERT_OK(mli_store_hold_more(store, id_of(1), 1, &more, &hold, &verdict, err));
    assert_int_equal(MLI_MEASURE_CPU_MS, verdict.measure);
    assert_int_equal(10000, hold.held.of[MLI_MEASURE_CPU_MS]);
    ASSERT_FAILS(MODELLAB_E_FENCED,
                 mli_store_hold_more(store, id_of(1), 2, &more, &hold, &verdict, err));
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_STALE, NOW + 1, err));
    assert_int_equal(0, usage_of(store, NOW).held.of[MLI_MEASURE_CPU_MS]);
    ASSERT_FAILS(MODELLAB_E_FENCED,
                 mli_store_hold_more(store, id_of(1), 1, &more, &hold, &verdict, err));
}

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

/* Planted: looks whether there is room, then takes without looking again. */
static modellab_status claim_in_two(mli_store *of)
{
    mli_amounts need = {{0}};
    mli_cap_set set;
    mli_cap_verdict verdict;
    need.of[MLI_MEASURE_CPU_MS] = NEED;
    if (mli_store_cap_room(of, "ann", NOW, &need, &set, &verdict, NULL) != MODELLAB_OK ||
        verdict.measure != 0) {
        return MODELLAB_E_CAP_EXCEEDED;
    }
    char path[512];
    sqlite3 *db = NULL;
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_busy_timeout(db, 10000));
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
            r->planted ? claim_in_two(r->store) : claim(r->store, number, NOW, NULL, NULL);
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
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (racer){.store = own, .first = process * THREADS + i, .planted = planted};
        assert_int_equal(0, pthread_create(&threads[i], NULL, race, &racers[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
        most = racers[i].most > most ? racers[i].most : most;
    }
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
        cmocka_unit_test(periods_are_those_of_the_calendar),
        cmocka_unit_test_setup_teardown(an_end_gives_back_what_a_claim_took, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_way_out_gives_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(audio_counts_also_when_a_run_ends_in_the_queue, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(raised_defaults_wake_those_that_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whose_cap_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_used_up_cap_waits_for_the_next_period, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holding_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(racers_never_pass_a_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reservation_in_two_transactions_is_found, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
