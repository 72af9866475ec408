/* Deadlines and the ladder: which limit holds, what people read, when each rung is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/deadlines.h"

#define MS ((int64_t)1000000)

static void first_set_limit_holds(void **state)
{
    (void)state;
    assert_int_equal(mli_deadline_run_ms(5, 6, 7), 5);
    assert_int_equal(mli_deadline_run_ms(0, 6, 7), 6);
    assert_int_equal(mli_deadline_run_ms(0, 0, 7), 7);
    assert_int_equal(mli_deadline_run_ms(0, -1, 0), MLI_DEADLINE_DEFAULT_MS);
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "Run timed out after 0 seconds"},          {50, "Run timed out after 50 milliseconds"},
        {500, "Run timed out after 0.5 seconds"},      {1000, "Run timed out after 1 second"},
        {1500, "Run timed out after 1.5 seconds"},     {90000, "Run timed out after 90 seconds"},
        {119999, "Run timed out after 119.9 seconds"}, {120000, "Run timed out after 2 minutes"},
        {150000, "Run timed out after 2.5 minutes"},   {600000, "Run timed out after 10 minutes"},
        {-5, "Run timed out after 0 seconds"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        mli_deadline_text(rows[i].ms, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

static void the_smaller_of_deadline_and_wall_cap(void **state)
{
    (void)state;
    mli_deadline_view view = {.started_ns = 10 * MS, .run_limit_ms = 100, .wall_cap_ms = 40};
    assert_int_equal(mli_deadline_effective_ms(&view), 40);
    assert_int_equal(mli_deadline_passed(&view, 49 * MS), MLI_DEADLINE_NONE);
    assert_int_equal(mli_deadline_passed(&view, 50 * MS), MLI_DEADLINE_RUN);
    assert_int_equal(mli_deadline_next_ns(&view), 50 * MS);
    view.run_limit_ms = 0;
    assert_int_equal(mli_deadline_effective_ms(&view), 40);
    view.wall_cap_ms = 0;
    assert_int_equal(mli_deadline_effective_ms(&view), 0);
    assert_int_equal(mli_deadline_passed(&view, INT64_MAX - 1), MLI_DEADLINE_NONE);
}

static void step_and_stall(void **state)
{
    (void)state;
    mli_deadline_view view = {.started_ns = 1,
                              .step_started_ns = 5 * MS,
                              .step_limit_ms = 10,
                              .progress_ns = 7 * MS,
                              .stall_limit_ms = 3};
    assert_int_equal(mli_deadline_passed(&view, 9 * MS), MLI_DEADLINE_NONE);
    assert_int_equal(mli_deadline_next_ns(&view), 10 * MS);
    assert_int_equal(mli_deadline_passed(&view, 10 * MS), MLI_DEADLINE_STALL);
    assert_int_equal(mli_deadline_passed(&view, 15 * MS), MLI_DEADLINE_STEP);
    view.step_started_ns = 0;
    view.progress_ns = 0;
    assert_int_equal(mli_deadline_passed(&view, 1000 * MS), MLI_DEADLINE_NONE);
    assert_true(mli_deadline_next_ns(&view) == INT64_MAX);
}

static void limits_near_the_end_of_time_do_not_wrap(void **state)
{
    (void)state;
    mli_deadline_view view = {.started_ns = INT64_MAX - 5, .run_limit_ms = 10};
    assert_true(mli_deadline_next_ns(&view) == INT64_MAX);
    assert_int_equal(mli_deadline_passed(&view, INT64_MAX - 1), MLI_DEADLINE_NONE);
    view.started_ns = 0;
    view.run_limit_ms = INT64_MAX;
    assert_true(mli_deadline_next_ns(&view) == INT64_MAX);
}

static void ladder_climbs_rung_by_rung(void **state)
{
    (void)state;
    mli_ladder ladder;
    mli_ladder_init(&ladder, 0, 0);
    assert_int_equal(ladder.term_ms, 2000);
    assert_int_equal(ladder.kill_ms, 10000);
    assert_int_equal(mli_ladder_climb(&ladder, 99999 * MS), MLI_LADDER_IDLE);
    assert_true(mli_ladder_ask(&ladder, 100 * MS));
    assert_false(mli_ladder_ask(&ladder, 200 * MS)); /* the first asking counts */
    assert_int_equal(mli_ladder_climb(&ladder, 2099 * MS), MLI_LADDER_ASKED);
    assert_int_equal(mli_ladder_climb(&ladder, 2100 * MS), MLI_LADDER_TERM);
    assert_int_equal(mli_ladder_next_ns(&ladder), 10100 * MS);
    assert_int_equal(mli_ladder_climb(&ladder, 10099 * MS), MLI_LADDER_TERM);
    assert_int_equal(mli_ladder_climb(&ladder, 10100 * MS), MLI_LADDER_KILL);
    assert_true(mli_ladder_next_ns(&ladder) == INT64_MAX);
    assert_int_equal(mli_ladder_climb(&ladder, INT64_MAX), MLI_LADDER_KILL);
}

static void a_late_look_still_takes_each_rung(void **state)
{
    (void)state;
    mli_ladder ladder;
    mli_ladder_init(&ladder, 10, 5); /* kill before term makes no sense: raised */
    assert_int_equal(ladder.kill_ms, 10);
    assert_true(mli_ladder_ask(&ladder, 0));
    assert_int_equal(mli_ladder_climb(&ladder, 1000 * MS), MLI_LADDER_TERM);
    assert_int_equal(mli_ladder_climb(&ladder, 1000 * MS), MLI_LADDER_KILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_set_limit_holds),
        cmocka_unit_test(texts),
        cmocka_unit_test(the_smaller_of_deadline_and_wall_cap),
        cmocka_unit_test(step_and_stall),
        cmocka_unit_test(limits_near_the_end_of_time_do_not_wrap),
        cmocka_unit_test(ladder_climbs_rung_by_rung),
        cmocka_unit_test(a_late_look_still_takes_each_rung),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
