/* ULIDs, trace ids, request ids. */
#include "base/id.h"
#include "unit/unit.h"
#include <errno.h>
#include <string.h>

static int64_t fixed_time(void *user)
{
    return *(int64_t *)user;
}

static int fixed_bytes(void *user, void *out, size_t bytes)
{
    if (user == NULL)
        return EIO;
    memset(out, *(unsigned char *)user, bytes);
    return 0;
}

static void ulids(void **state)
{
    int64_t now = 1469918176385LL * 1000000; /* the time of the specification's example */
    unsigned char fill = 0xFF;
    mli_os_clock clock = {&now, fixed_time, fixed_time, NULL};
    mli_os_random random = {&fill, fixed_bytes}, broken = {NULL, fixed_bytes};
    char id[MLI_ULID_BYTES], later[MLI_ULID_BYTES];
    (void)state;
    assert_int_equal(mli_ulid_new(&clock, &random, id), 0);
    assert_string_equal(id, "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
    now += 1000000;
    fill = 0;
    assert_int_equal(mli_ulid_new(&clock, &random, later), 0);
    assert_string_equal(later, "01ARYZ6S420000000000000000");
    assert_true(strcmp(id, later) < 0);
    assert_int_equal(mli_ulid_new(&clock, &broken, id), EIO);
}

static void ulids_judged(void **state)
{
    static const char *const bad[] = {"",
                                      "01ARYZ6S41ZZZZZZZZZZZZZZZ",
                                      "01ARYZ6S41ZZZZZZZZZZZZZZZZZ",
                                      "01aryz6s41zzzzzzzzzzzzzzzz",
                                      "81ARYZ6S41ZZZZZZZZZZZZZZZZ",
                                      "01ARYZ6S41ZZZZZZZZZZZZZZZI",
                                      "../../../../etc/passwd/aaa"};
    (void)state;
    assert_true(mli_ulid_valid("01ARYZ6S41ZZZZZZZZZZZZZZZZ"));
    assert_false(mli_ulid_valid(NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(mli_ulid_valid(bad[i]));
}

static void trace_ids(void **state)
{
    unsigned char zero = 0;
    mli_os_random zeros = {&zero, fixed_bytes}, broken = {NULL, fixed_bytes};
    char trace[33], span[17], other[33];
    (void)state;
    assert_int_equal(mli_trace_id_new(&mli_os_system_random, trace), 0);
    assert_int_equal(mli_trace_id_new(&mli_os_system_random, other), 0);
    assert_int_equal(strlen(trace), 32);
    assert_string_not_equal(trace, other);
    assert_int_equal(mli_span_id_new(&zeros, span), 0);
    assert_string_equal(span, "0000000000000001"); /* all zero would mean "none" */
    assert_int_equal(mli_trace_id_new(&broken, trace), EIO);
}

static void request_ids(void **state)
{
    char longest[130];
    (void)state;
    memset(longest, 'a', 129);
    longest[129] = '\0';
    assert_false(mli_request_id_valid(longest));
    longest[128] = '\0';
    assert_true(mli_request_id_valid(longest));
    assert_true(mli_request_id_valid("A-z_0.9"));
    assert_false(mli_request_id_valid(""));
    assert_false(mli_request_id_valid(NULL));
    assert_false(mli_request_id_valid("a b"));
    assert_false(mli_request_id_valid("a\r\nX: y"));
    assert_false(mli_request_id_valid("\xC3\xA9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ulids), cmocka_unit_test(ulids_judged),
                                       cmocka_unit_test(trace_ids), cmocka_unit_test(request_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
