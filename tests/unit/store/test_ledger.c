/* The ledger: calendar periods, what fits, what a claim takes and an end gives back, whose cap
 * holds and who is woken when one is raised. */
#include "unit/store/ledger_common.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
