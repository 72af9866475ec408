/* Time limits of a run: configuration, then the request, by step. */
#include "lab/deadlines.h"
#include "lab/limits.h"
#include "unit/store/common.h"
#include <stdlib.h>

static mli_run_limits read_limits(const char *request, const char *steps)
{
    mli_run_limits limits;
    mli_json *json = NULL;

    ASSERT_OK(mli_run_limits_configured(&limits, err));
    ASSERT_OK(mli_json_parse(request, strlen(request), 4096, &json, err));
    mli_run_limits_read(json, steps, &limits);
    mli_json_free(json);
    return limits;
}

static void configuration_holds_until_the_request_names_one(void **state)
{
    mli_run_limits l = read_limits("{}", "ingest,asr");

    (void)state;
    assert_int_equal(l.stall_ms, MLI_DEADLINE_STALL_MS);
    assert_int_equal(l.step_ms[0], 0);
    assert_int_equal(l.term_ms, MLI_LADDER_TERM_MS);
    assert_int_equal(l.kill_ms, MLI_LADDER_KILL_MS);
    assert_int_equal(setenv("MODEL_LAB_MAX_STEP_DURATION_SECONDS", "90", 1), 0);
    assert_int_equal(setenv("MODEL_LAB_KILL_GRACE_SECONDS", "4", 1), 0);
    l = read_limits("{\"max_step_seconds\":{\"asr\":2.5},\"stall_seconds\":0,"
                    "\"cancel_grace_seconds\":0.25}",
                    "ingest,asr");
    assert_int_equal(unsetenv("MODEL_LAB_MAX_STEP_DURATION_SECONDS"), 0);
    assert_int_equal(unsetenv("MODEL_LAB_KILL_GRACE_SECONDS"), 0);
    assert_int_equal(l.step_ms[0], 90000);
    assert_int_equal(l.step_ms[1], 2500);
    assert_int_equal(l.stall_ms, 0);
    assert_int_equal(l.term_ms, 250);
    assert_int_equal(l.kill_ms, 4000);
    l = read_limits("{\"max_step_seconds\":0.0001}", "ingest,asr");
    assert_int_equal(l.step_ms[0], 1); /* never "none" by rounding */
    assert_int_equal(l.step_ms[1], 1);
}

static size_t findings_of(const char *request)
{
    mli_findings findings;
    mli_json *json = NULL;

    ASSERT_OK(mli_json_parse(request, strlen(request), 4096, &json, err));
    mli_findings_begin(&findings, NULL);
    mli_run_limits_check(json, "ingest,asr", &findings);
    size_t count = mli_report_count(findings.report);
    mli_findings_dispose(&findings);
    mli_json_free(json);
    return count;
}

static void steps_that_the_run_does_not_have_are_found(void **state)
{
    (void)state;
    assert_int_equal(findings_of("{}"), 0);
    assert_int_equal(findings_of("{\"max_step_seconds\":3}"), 0);
    assert_int_equal(findings_of("{\"max_step_seconds\":{\"asr\":3,\"ingest\":1}}"), 0);
    assert_int_equal(findings_of("{\"max_step_seconds\":{\"asr\":3,\"tts\":1}}"), 1);
    assert_int_equal(findings_of("{\"max_step_seconds\":{\"as\":3}}"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_holds_until_the_request_names_one),
        cmocka_unit_test(steps_that_the_run_does_not_have_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
