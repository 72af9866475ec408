/* The retry decision over every reason, and the bounds of its delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/retry.h"
#include <string.h>

static const modellab_reason all[] = {
#define ROW(name, number, text, recoverable, sentence) number,
    MODELLAB_REASON_LIST(ROW)
#undef ROW
};

static bool expected_transient(modellab_reason reason)
{
    return reason == MODELLAB_REASON_HOST_STOPPED || reason == MODELLAB_REASON_WORKER_DIED ||
           reason == MODELLAB_REASON_WORKER_NOT_STARTED || reason == MODELLAB_REASON_WORKER_LOST ||
           reason == MODELLAB_REASON_OOM || reason == MODELLAB_REASON_NO_SPACE ||
           reason == MODELLAB_REASON_IO_ERROR || reason == MODELLAB_REASON_NETWORK_ERROR;
}

static void one_attempt_is_the_default(void **state)
{
    (void)state;
    mli_retry_policy none = {.max_attempts = 0, .base_ms = 0, .cap_ms = 0};
    mli_retry_policy one = {.max_attempts = 1, .base_ms = 0, .cap_ms = 0};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_false(mli_retry_decide(&none, all[i], 1, 0, 7).again);
        assert_false(mli_retry_decide(&one, all[i], 1, 0, 7).again);
    }
}

static void only_transient_reasons(void **state)
{
    (void)state;
    mli_retry_policy policy = {.max_attempts = 3, .base_ms = 0, .cap_ms = 0};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        mli_retry_decision d = mli_retry_decide(&policy, all[i], 2, 0, 7);
        assert_int_equal(d.again, expected_transient(all[i]));
        assert_int_equal(d.delay_ms > 0, d.again);
        assert_false(mli_retry_decide(&policy, all[i], 3, 0, 7).again);
        assert_false(mli_retry_decide(&policy, all[i], 0, 0, 7).again);
    }
}

static void attempts_are_bounded(void **state)
{
    (void)state;
    mli_retry_policy policy = {.max_attempts = INT32_MAX, .base_ms = 0, .cap_ms = 0};
    assert_true(mli_retry_decide(&policy, MODELLAB_REASON_IO_ERROR, 19, 0, 1).again);
    assert_false(mli_retry_decide(&policy, MODELLAB_REASON_IO_ERROR, 20, 0, 1).again);
}

static void delays_stay_inside_and_spread(void **state)
{
    (void)state;
    mli_retry_policy policy = {.max_attempts = 20, .base_ms = 100, .cap_ms = 5000};
    int64_t last = 0;
    int64_t low = INT64_MAX;
    int64_t high = 0;
    uint64_t random = 42;
    for (uint32_t i = 0; i < 10000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        mli_retry_decision d =
            mli_retry_decide(&policy, MODELLAB_REASON_IO_ERROR, 1, last, random >> 11);
        int64_t from = last < 100 ? 100 : last;
        assert_in_range(d.delay_ms, 100, from * 3 > 5000 ? 5000 : from * 3);
        low = d.delay_ms < low ? d.delay_ms : low;
        high = d.delay_ms > high ? d.delay_ms : high;
        last = i % 8 == 7 ? 0 : d.delay_ms;
    }
    assert_true(low < 110 && high > 4000); /* not a constant, not always the cap */
    mli_retry_policy odd = {.max_attempts = 2, .base_ms = 9000, .cap_ms = 500};
    assert_int_equal(mli_retry_decide(&odd, MODELLAB_REASON_OOM, 1, INT64_MAX, 3).delay_ms, 500);
}

static mli_json *parse(const char *text)
{
    mli_json *json = NULL;
    assert_int_equal(mli_json_parse(text, strlen(text), 4096, &json, NULL), MODELLAB_OK);
    return json;
}

/* After a timeout only when asked; after a cancel of somebody never, whatever is asked. */
static void a_list_of_reasons_replaces_the_transient_ones(void **state)
{
    (void)state;
    mli_retry_policy policy = {.max_attempts = 3};
    mli_json *retry = parse("{\"max_attempts\":4,\"base_seconds\":0.25,\"cap_seconds\":9,"
                            "\"on\":[\"run_timeout\",\"oom\",\"cancelled_by_user\",\"cost_cap\"]}");
    mli_retry_read(retry, &policy);
    mli_json_free(retry);
    assert_int_equal(policy.max_attempts, 4);
    assert_int_equal(policy.base_ms, 250);
    assert_int_equal(policy.cap_ms, 9000);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        bool wanted = all[i] == MODELLAB_REASON_RUN_TIMEOUT || all[i] == MODELLAB_REASON_OOM;
        assert_int_equal(mli_retry_decide(&policy, all[i], 1, 0, 7).again, wanted);
    }
    policy.on[0] = MODELLAB_REASON_CANCELLED_BY_USER; /* even if it got there */
    assert_false(mli_retry_decide(&policy, MODELLAB_REASON_CANCELLED_BY_USER, 1, 0, 7).again);
}

static void the_policy_of_a_stored_request(void **state)
{
    (void)state;
    mli_retry_policy policy;
    mli_retry_of_request("{\"retry\":{\"max_attempts\":9,\"base_seconds\":2.0}}", 5, &policy);
    assert_int_equal(policy.max_attempts, 5); /* the run's column counts */
    assert_int_equal(policy.base_ms, 2000);
    mli_retry_of_request("{\"max_attempts\":3}", 3, &policy); /* of an older version */
    assert_int_equal(policy.max_attempts, 3);
    assert_int_equal(policy.base_ms, 0);
    mli_retry_of_request("no json", 2, &policy);
    assert_int_equal(policy.max_attempts, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_attempt_is_the_default),
        cmocka_unit_test(only_transient_reasons),
        cmocka_unit_test(attempts_are_bounded),
        cmocka_unit_test(delays_stay_inside_and_spread),
        cmocka_unit_test(a_list_of_reasons_replaces_the_transient_ones),
        cmocka_unit_test(the_policy_of_a_stored_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
