/* The state machine: every pair of status and happening, and the names. */
#include "lab/state.h"
#include "unit/unit.h"
#include <string.h>

static void every_pair(void **state)
{
    /* rows: happenings in their order; columns: QUEUED, RUNNING; 0 = refused */
    static const modellab_run_status allowed[MLI_HAPPENING_COUNT][2] = {
        {MODELLAB_RUN_RUNNING, 0},
        {0, MODELLAB_RUN_COMPLETED},
        {MODELLAB_RUN_FAILED, MODELLAB_RUN_FAILED},
        {MODELLAB_RUN_CANCELLED, MODELLAB_RUN_CANCELLED},
        {MODELLAB_RUN_TIMEOUT, MODELLAB_RUN_TIMEOUT},
        {0, MODELLAB_RUN_STALE},
        {0, MODELLAB_RUN_QUEUED},
    };

    (void)state;
    for (int what = 0; what < MLI_HAPPENING_COUNT; what++) {
        for (modellab_run_status from = -2; from < 20; from++) {
            modellab_run_status to = 77, expected = 0;
            mli_verdict verdict = mli_state_next(from, (mli_happening)what, &to);

            if (from == MODELLAB_RUN_QUEUED || from == MODELLAB_RUN_RUNNING) {
                expected = allowed[what][from - 1];
            }
            if (expected != 0) {
                assert_int_equal(MLI_ALLOWED, verdict);
                assert_int_equal(expected, to);
            } else {
                assert_int_equal(77, to);
                assert_int_equal(mli_status_is_final(from) ? MLI_REFUSED_FINAL : MLI_REFUSED_STATE,
                                 verdict);
            }
        }
    }
}

static void final_statuses_stay(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_status to;
    mli_happening what;

    (void)state;
    for (modellab_run_status s = MODELLAB_RUN_COMPLETED; s <= MODELLAB_RUN_STALE; s++) {
        assert_true(mli_status_is_final(s));
        assert_true(mli_state_happening(s, &what));
        assert_int_equal(MODELLAB_E_RUN_FINAL, mli_state_check(s, what, &to, &err));
    }
    assert_false(mli_state_happening(MODELLAB_RUN_QUEUED, &what));
    assert_false(mli_status_is_final(MODELLAB_RUN_QUEUED));
    assert_int_equal(MODELLAB_E_STATE,
                     mli_state_check(MODELLAB_RUN_QUEUED, MLI_RUN_DONE, &to, &err));
    assert_non_null(strstr(err.message, "QUEUED"));
}

static void names_come_back(void **state)
{
    modellab_run_status status;
    modellab_reason reason;

    (void)state;
    for (modellab_run_status s = MODELLAB_RUN_QUEUED; s <= MODELLAB_STEP_SKIPPED; s++) {
        assert_true(mli_status_parse(mli_status_name_of_run(s), &status));
        assert_int_equal(s, status);
    }
    assert_string_equal("UNKNOWN", mli_status_name_of_run(42));
    assert_false(mli_status_parse("UNKNOWN", &status));
#define CHECK(name, number, text, recoverable, sentence)                                           \
    assert_string_equal(text, mli_reason_name(number));                                            \
    assert_string_equal(sentence, mli_reason_text(number));                                        \
    assert_int_equal(recoverable, mli_reason_recoverable(number));                                 \
    assert_true(mli_reason_parse(text, &reason) && reason == (number));
    MODELLAB_REASON_LIST(CHECK)
#undef CHECK
    assert_string_equal("unknown", mli_reason_name(12345));
    assert_string_equal("run_stale", mli_state_event(MODELLAB_RUN_STALE));
    assert_int_equal(MODELLAB_REASON_NO_SPACE, mli_reason_of_status(MODELLAB_E_NO_SPACE));
    assert_int_equal(MODELLAB_REASON_INTERNAL, mli_reason_of_status(-9999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(final_statuses_stay),
        cmocka_unit_test(names_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
