/* Clocks tell plausible time, and UTC text is right at the borders of the calendar. */
#include "os/clock.h"
#include "unit/unit.h"
#include <string.h>
#include <time.h>

static void utc_text(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000000Z"},
                 {951782399999999999, "2000-02-28T23:59:59.999999Z"},
                 {951782400000000000, "2000-02-29T00:00:00.000000Z"},
                 {4107542399000000000, "2100-02-28T23:59:59.000000Z"},
                 {4107542400000000000, "2100-03-01T00:00:00.000000Z"},
                 {1767323045678901234, "2026-01-02T03:04:05.678901Z"},
                 {-1, "1969-12-31T23:59:59.999999Z"},
                 {INT64_MIN, "1677-09-21T00:12:43.145224Z"},
                 {INT64_MAX, "2262-04-11T23:47:16.854775Z"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[28];
        mli_os_format_utc(cases[i].ns, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void utc_agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t s = 0; s < 9000000000LL; s += 86399 * 37 + 11) {
        char ours[28], theirs[32];
        time_t t = (time_t)s;
        struct tm parts;
        assert_non_null(gmtime_r(&t, &parts));
        assert_true(strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000000Z", &parts) == 27);
        mli_os_format_utc(s * 1000000000, ours);
        assert_string_equal(ours, theirs);
        assert_true(mli_os_parse_utc(ours) == s * 1000000000);
    }
}

static void utc_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2026-01-02",
                                      "2026-01-02T03:04:05",
                                      "2026-13-02T03:04:05Z",
                                      "2026-02-29T03:04:05Z",
                                      "2026-01-02T24:04:05Z",
                                      "2026-01-02T03:04:60Z",
                                      "2026-01-02T03:04:05+00:00",
                                      "2026-01-02T03:04:05.1234567890Z",
                                      "2026-01-02T03:04:05Zx",
                                      "1969-12-31T23:59:59Z",
                                      "9999-12-31T23:59:59Z",
                                      "2026-01-0aT03:04:05Z"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(mli_os_parse_utc(bad[i]) == -1);
    assert_true(mli_os_parse_utc(NULL) == -1);
    assert_true(mli_os_parse_utc("2026-01-02T03:04:05Z") == 1767323045000000000);
    assert_true(mli_os_parse_utc("2026-01-02T03:04:05.6Z") == 1767323045600000000);
}

static void clocks_move(void **state)
{
    const mli_os_clock *c = &mli_os_system_clock;
    (void)state;
    int64_t before = c->monotonic_ns(c->user), cpu = mli_os_thread_cpu_ns();
    assert_int_equal(c->sleep_ns(c->user, 2000000), 0);
    assert_true(c->monotonic_ns(c->user) - before >= 2000000);
    volatile double x = 1;
    for (int i = 0; i < 1000000; i++)
        x = x * 1.0000001;
    assert_true(mli_os_thread_cpu_ns() > cpu);
    assert_true(mli_os_process_cpu_ns() > 0);
    assert_true(c->realtime_ns(c->user) > 1700000000000000000);
}

static void random_differs(void **state)
{
    unsigned char a[32], b[32];
    (void)state;
    assert_int_equal(mli_os_system_random.fill(NULL, a, sizeof a), 0);
    assert_int_equal(mli_os_system_random.fill(NULL, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(utc_text),
                                       cmocka_unit_test(utc_agrees_with_libc),
                                       cmocka_unit_test(utc_refused), cmocka_unit_test(clocks_move),
                                       cmocka_unit_test(random_differs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
