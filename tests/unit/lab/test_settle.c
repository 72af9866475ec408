/* How a run ends: every mix of outcome, request and death that a supervisor or a reconcile can
 * meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/settle.h"

static mli_settle_view base_view(void)
{
    mli_settle_view view = {.outcome = {.message = "", .failed_step = ""},
                            .end = MLI_WORKER_EXITED,
                            .attempt = 1,
                            .random = 5};
    return view;
}

static mli_settle_view with_outcome(modellab_run_status status, modellab_reason reason)
{
    mli_settle_view view = base_view();
    view.outcome.known = true;
    view.outcome.status = status;
    view.outcome.reason = reason;
    view.outcome.message = "said by the worker";
    view.outcome.failed_step = "asr";
    return view;
}

static void the_outcome_comes_first(void **state)
{
    (void)state;
    mli_settlement s;
    mli_settle_view view = with_outcome(MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE);
    view.end = MLI_WORKER_SIGNALED; /* killed after its last word */
    view.code = 9;
    view.asked = MODELLAB_REASON_RUN_TIMEOUT;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_DONE);
    assert_int_equal(s.reason, MODELLAB_REASON_NONE);

    view = with_outcome(MODELLAB_RUN_FAILED, MODELLAB_REASON_INVALID_AUDIO);
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    assert_string_equal(s.message, "said by the worker");
    assert_string_equal(s.failed_step, "asr");

    view = with_outcome(MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT);
    view.limit_ms = 600000;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_OVERTIME);
    assert_string_equal(s.message, "Run timed out after 10 minutes");

    view = with_outcome(MODELLAB_RUN_RUNNING, MODELLAB_REASON_NONE); /* nonsense in the journal */
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    assert_int_equal(s.reason, MODELLAB_REASON_INTERNAL);
}

static void without_outcome_what_was_asked(void **state)
{
    (void)state;
    static const struct {
        modellab_reason asked;
        mli_happening what;
    } rows[] = {{MODELLAB_REASON_CANCELLED_BY_USER, MLI_RUN_STOPPED},
                {MODELLAB_REASON_HOST_STOPPED, MLI_RUN_STOPPED},
                {MODELLAB_REASON_RUN_TIMEOUT, MLI_RUN_OVERTIME},
                {MODELLAB_REASON_STEP_TIMEOUT, MLI_RUN_OVERTIME},
                {MODELLAB_REASON_STALL_TIMEOUT, MLI_RUN_OVERTIME},
                {MODELLAB_REASON_CPU_CAP, MLI_RUN_BROKE},
                {MODELLAB_REASON_COST_CAP, MLI_RUN_BROKE},
                {MODELLAB_REASON_MEMORY_CAP, MLI_RUN_BROKE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mli_settlement s;
        mli_settle_view view = base_view();
        view.end = MLI_WORKER_SIGNALED;
        view.code = 9;
        view.asked = rows[i].asked;
        mli_settle_decide(&view, &s);
        assert_int_equal(s.what, rows[i].what);
        assert_int_equal(s.reason, rows[i].asked);
        assert_true(strlen(s.message) > 0);
    }
}

/* The shared page may hold anything: only reasons of the list get into a record. */
static void what_is_no_reason_stays_out(void **state)
{
    mli_settle_view view = {.end = MLI_WORKER_EXITED, .asked = 0x7a7a7a7a, .attempt = 1};
    mli_settlement s;
    (void)state;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    assert_int_equal(s.reason, MODELLAB_REASON_INTERNAL);
    assert_true(s.message[0] != '\0');
}

static void a_death_nobody_asked_for(void **state)
{
    (void)state;
    mli_settlement s;
    mli_settle_view view = base_view();
    view.end = MLI_WORKER_SIGNALED;
    view.code = 9;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    assert_int_equal(s.reason, MODELLAB_REASON_WORKER_DIED);
    assert_string_equal(s.message, "The worker process died (signal 9).");
    view.end = MLI_WORKER_EXITED;
    view.code = 0; /* says that there is an outcome, and there is none */
    mli_settle_decide(&view, &s);
    assert_int_equal(s.reason, MODELLAB_REASON_WORKER_DIED);
    view.end = MLI_WORKER_UNKNOWN;
    view.reconciling = true;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_LOST);
    assert_int_equal(s.reason, MODELLAB_REASON_WORKER_LOST);
}

static void exit_codes_tell_reasons(void **state)
{
    (void)state;
    static const struct {
        int32_t code;
        modellab_reason reason;
    } rows[] = {{MLI_WORKER_EXIT_USAGE, MODELLAB_REASON_WORKER_NOT_STARTED},
                {MLI_WORKER_EXIT_ENGINE, MODELLAB_REASON_WORKER_NOT_STARTED},
                {MLI_WORKER_EXIT_NO_SPACE, MODELLAB_REASON_NO_SPACE},
                {MLI_WORKER_EXIT_IO, MODELLAB_REASON_IO_ERROR},
                {MLI_WORKER_EXIT_NO_MEMORY, MODELLAB_REASON_OOM},
                {77, MODELLAB_REASON_WORKER_DIED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mli_settlement s;
        mli_settle_view view = base_view();
        view.code = rows[i].code;
        mli_settle_decide(&view, &s);
        assert_int_equal(s.what, MLI_RUN_BROKE);
        assert_int_equal(s.reason, rows[i].reason);
    }
    mli_settlement s;
    mli_settle_view view = base_view();
    view.end = MLI_WORKER_NOT_STARTED;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.reason, MODELLAB_REASON_WORKER_NOT_STARTED);
}

static void who_is_tried_again(void **state)
{
    (void)state;
    mli_settlement s;
    mli_settle_view view = base_view();
    view.end = MLI_WORKER_SIGNALED;
    view.retry.max_attempts = 2;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_AGAIN);
    assert_true(s.delay_ms > 0);
    view.attempt = 2;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    view = with_outcome(MODELLAB_RUN_FAILED, MODELLAB_REASON_INVALID_AUDIO);
    view.retry.max_attempts = 5;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_BROKE);
    view = with_outcome(MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE);
    view.retry.max_attempts = 5;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_DONE);
}

static void a_drain_gives_back(void **state)
{
    (void)state;
    mli_settlement s;
    mli_settle_view view = with_outcome(MODELLAB_RUN_CANCELLED, MODELLAB_REASON_HOST_STOPPED);
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_STOPPED);
    view.draining = true;
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_AGAIN);
    view = with_outcome(MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    view.draining = true; /* what the user wanted stays */
    mli_settle_decide(&view, &s);
    assert_int_equal(s.what, MLI_RUN_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outcome_comes_first),
        cmocka_unit_test(without_outcome_what_was_asked),
        cmocka_unit_test(what_is_no_reason_stays_out),
        cmocka_unit_test(a_death_nobody_asked_for),
        cmocka_unit_test(exit_codes_tell_reasons),
        cmocka_unit_test(who_is_tried_again),
        cmocka_unit_test(a_drain_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
