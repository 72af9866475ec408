/* Numbers in and out: strict, exact, the same whatever locale the host has. */
#include "base/buf.h"
#include "base/str.h"
#include "os/clock.h"
#include "unit/unit.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void round_trip(double value)
{
    char text[40];
    double back = 0;
    size_t n = mli_format_f64(text, sizeof text, value);
    assert_int_equal(n, strlen(text));
    assert_true(mli_parse_f64(text, &back));
    assert_memory_equal(&back, &value, sizeof value);
}

static void reals_read_back(void **state)
{
    static const double chosen[] = {0.0,
                                    -0.0,
                                    1.0,
                                    0.1,
                                    1.0 / 3,
                                    1e15,
                                    1e16,
                                    5e-324,
                                    1e22,
                                    1e23,
                                    DBL_MAX,
                                    DBL_MIN,
                                    1e-4,
                                    9.99e-5,
                                    123.45,
                                    100.0,
                                    1e9,
                                    1e-9,
                                    0.30000000000000004,
                                    999999999999999.9,
                                    -2.5};
    uint64_t bits = 12345;
    (void)state;
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++)
        round_trip(chosen[i]);
    for (int i = 0; i < 200000; i++) {
        double value;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            round_trip(value);
        round_trip((double)(int64_t)(bits >> 20) / 1000.0);
    }
}

static void reals_are_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},       {1, "1"},
                 {-2.5, "-2.5"},     {100, "100"},
                 {0.05, "0.05"},     {1e21, "1e+21"},
                 {5e-324, "5e-324"}, {123456.789, "123456.789"},
                 {1e-7, "1e-07"},    {0.001, "0.001"},
                 {-0.0, "-0"},       {0.30000000000000004, "0.30000000000000004"}};
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = mli_format_f64(text, sizeof text, cases[i].value);
        assert_int_equal(n, strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void integers(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-10, "-10"},
                 {1234567890123, "1234567890123"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = malloc(20); /* exactly: the sanitizer sees a byte too many */
        assert_non_null(text);
        size_t n = mli_format_i64(text, cases[i].value);
        assert_int_equal(n, strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, n);
        free(text);
    }
}

static void texts_refused(void **state)
{
    static const char *const bad_real[] = {"",    " 1", "1 ", "1,5",   "0x10", "inf",
                                           "nan", ".",  "1e", "1e999", "--1",  "1.2.3"};
    static const char *const bad_int[] = {
        "", "-", "+", "1.0", " 1", "1x", "9223372036854775808", "-9223372036854775809"};
    double d;
    int64_t i;
    (void)state;
    for (size_t n = 0; n < sizeof bad_real / sizeof bad_real[0]; n++)
        assert_false(mli_parse_f64(bad_real[n], &d));
    for (size_t n = 0; n < sizeof bad_int / sizeof bad_int[0]; n++)
        assert_false(mli_parse_i64(bad_int[n], INT64_MIN, INT64_MAX, &i));
    assert_true(mli_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &i) && i == INT64_MIN);
    assert_true(mli_parse_i64("+9223372036854775807", INT64_MIN, INT64_MAX, &i) && i == INT64_MAX);
    assert_false(mli_parse_i64("11", 1, 10, &i));
    assert_true(mli_parse_f64("+1.5e3", &d) && d == 1500);
    assert_true(mli_parse_f64(".5", &d) && d == 0.5);
}

static void durations_and_bytes(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } durations[] = {{"90", 90000},
                     {"90s", 90000},
                     {"10m", 600000},
                     {"2h", 7200000},
                     {"1h30m", 5400000},
                     {"250ms", 250},
                     {"1d", 86400000},
                     {"1m30s", 90000},
                     {"0", 0},
                     {"", -1},
                     {"m", -1},
                     {"1x", -1},
                     {"30m1h", -1},
                     {"1m1m", -1},
                     {"-1", -1},
                     {"99999999999999999999", -1},
                     {"9223372036854775807h", -1}},
      bytes[] = {{"512", 512},
                 {"64K", 65536},
                 {"64k", 65536},
                 {"200MiB", 209715200},
                 {"1G", 1073741824},
                 {"2T", 2199023255552},
                 {"3GB", 3221225472},
                 {"7B", 7},
                 {"", -1},
                 {"K", -1},
                 {"1X", -1},
                 {"1KiBs", -1},
                 {"9223372036854775807K", -1},
                 {"1.5G", -1}};
    int64_t value;
    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        bool ok = mli_parse_duration_ms(durations[i].text, &value);
        assert_int_equal(ok ? value : -1, durations[i].value);
    }
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        bool ok = mli_parse_bytes(bytes[i].text, &value);
        assert_int_equal(ok ? value : -1, bytes[i].value);
    }
}

/* A host with a decimal comma: glibc brings no such locale uninstalled, so take what there is. */
static void locale_does_not_matter(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
    const char *got = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && got == NULL; i++)
        got = setlocale(LC_ALL, names[i]);
    if (got == NULL) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    double value = 0;
    char text[40];
    mli_buf b;
    mli_format_f64(text, sizeof text, 1.0 / 3);
    mli_buf_init(&b, NULL);
    mli_buf_printf(&b, "%.2f", 1.5);
    bool read_ok = mli_parse_f64("0.25", &value);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "0.3333333333333333");
    assert_string_equal(mli_buf_text(&b), "1.50");
    assert_true(read_ok && value == 0.25);
    mli_buf_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_read_back),     cmocka_unit_test(reals_are_short),
        cmocka_unit_test(texts_refused),       cmocka_unit_test(integers),
        cmocka_unit_test(durations_and_bytes), cmocka_unit_test(locale_does_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
