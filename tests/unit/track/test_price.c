/* Prices, caps, estimates: exact money, strict sheets, every cap at its border. */
#include "track/price.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <math.h>
#include <string.h>

static const char sheet_text[] =
    "{\"version\":1,\"id\":\"test-1\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":\"0."
    "0000125\","
    "\"gpu_second\":0.5,\"api_call\":\"0.002\",\"audio_minute\":\"0.006\"}}";

static modellab_price_sheet *parse(const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_price_sheet *s = NULL;
    modellab_status status = mli_price_sheet_parse(text, 0, NULL, &s, &err);
    if (status != MODELLAB_OK)
        print_message("%s\n", err.message);
    assert_int_equal(status, MODELLAB_OK);
    return s;
}

static modellab_measures measures(double cpu, double gpu, double audio, int64_t calls)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    m.cpu_seconds = cpu;
    m.gpu_seconds = gpu;
    m.audio_seconds = audio;
    m.api_calls = calls;
    return m;
}

static void decimals(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {{"0", 0},
                 {"1", 1000000},
                 {"0.000001", 1},
                 {"1.50", 1500000},
                 {"1e-6", 1},
                 {"15e2", 1500000000},
                 {"0.0000010", 1},
                 {".5", 500000},
                 {"5.", 5000000},
                 {"0.100000000000000000000000000000", 100000},
                 {"0e99", 0},
                 {"0.0000001", -1},
                 {"-1", -1},
                 {"", -1},
                 {".", -1},
                 {"1x", -1},
                 {"1e", -1},
                 {"1.2.3", -1},
                 {"99999999999999999999", -1},
                 {"1e300", -1},
                 {"1e99999999999", -1},
                 {" 1", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value;
        bool ok = mli_decimal_parse(cases[i].text, 6, &value);
        assert_int_equal(ok ? value : -1, cases[i].value);
    }
}

static void wide_products(void **state)
{
    int64_t out;
    (void)state;
    assert_true(mli_mul_div(7, 3, 2, &out) && out == 11); /* 10.5 rounds up */
    assert_true(mli_mul_div(INT64_MAX, INT64_MAX, INT64_MAX, &out) && out == INT64_MAX);
    assert_true(mli_mul_div(INT64_MAX, 1000000007, 1000000007, &out) && out == INT64_MAX);
    assert_true(mli_mul_div(123456789012345678, 987654321, 1000000000, &out) &&
                out == 121932631124828531);
    assert_false(mli_mul_div(INT64_MAX, 2, 1, &out));
    assert_false(mli_mul_div(-1, 2, 1, &out));
    assert_false(mli_mul_div(1, 2, 0, &out));
}

static void costs(void **state)
{
    modellab_price_sheet *s = parse(sheet_text);
    modellab_cost c = MODELLAB_COST_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    modellab_measures m = measures(100, 2, 90, 3);
    assert_int_equal(mli_price_sheet_cost(s, &m, &c, &err), MODELLAB_OK);
    assert_int_equal(c.cpu_micros, 1250);
    assert_int_equal(c.gpu_micros, 1000000);
    assert_int_equal(c.api_micros, 6000);
    assert_int_equal(c.audio_micros, 9000);
    assert_int_equal(c.total_micros, 1016250);
    assert_int_equal(c.is_complete, 1);
    m = measures(0.04, -1, 0, 0); /* half a micro rounds up; a GPU that was not measured */
    assert_int_equal(mli_price_sheet_cost(s, &m, &c, &err), MODELLAB_OK);
    assert_true(c.cpu_micros == 1 && c.gpu_micros == -1 && c.total_micros == 1);
    assert_int_equal(c.is_complete, 0);
    m = measures(NAN, 0, 0, 0);
    assert_int_equal(mli_price_sheet_cost(s, &m, &c, &err), MODELLAB_E_INVALID_ARGUMENT);
    m = measures(0, 0, 0, INT64_MAX);
    assert_int_equal(mli_price_sheet_cost(s, &m, &c, &err), MODELLAB_E_LIMIT);
    mli_price_sheet_unref(s);
}

static void free_sheet(void **state)
{
    modellab_price_sheet *s = parse(NULL);
    modellab_cost c = MODELLAB_COST_INIT;
    (void)state;
    assert_string_equal(mli_price_sheet_id(s), "free");
    assert_string_equal(mli_price_sheet_currency(s), "USD");
    assert_string_equal(mli_price_sheet_json(s),
                        "{\"currency\":\"USD\",\"id\":\"free\",\"prices\":{},\"version\":1}");
    modellab_measures m = measures(100, -1, -1, -1);
    assert_int_equal(mli_price_sheet_cost(s, &m, &c, NULL), MODELLAB_OK);
    assert_true(c.total_micros == 0 && c.is_complete == 1); /* free is known to be free */
    mli_price_sheet_unref(s);
    mli_price_sheet_unref(NULL);
}

static void identity(void **state)
{
    modellab_price_sheet *a = parse(sheet_text);
    modellab_price_sheet *b = parse("{ \"currency\":\"EUR\", \"id\":\"test-1\",\"version\":1,\n"
                                    "\"prices\":{\"audio_minute\":\"0.006\",\"api_call\":\"0.002\","
                                    "\"cpu_second\":\"0.0000125\",\"gpu_second\":0.5}}");
    modellab_price_sheet *c =
        parse("{\"version\":1,\"id\":\"test-1\",\"currency\":\"EUR\",\"prices\":{}}");
    (void)state;
    assert_string_equal(mli_price_sheet_sha256(a), mli_price_sheet_sha256(b));
    assert_string_not_equal(mli_price_sheet_sha256(a), mli_price_sheet_sha256(c));
    assert_ptr_equal(mli_price_sheet_ref(a), a);
    mli_price_sheet_unref(a);
    mli_price_sheet_unref(a);
    mli_price_sheet_unref(b);
    mli_price_sheet_unref(c);
}

static void sheets_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"version\":2,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{}}",
        "{\"version\":1,\"id\":\"\",\"currency\":\"EUR\",\"prices\":{}}",
        "{\"version\":1,\"id\":\"../x\",\"currency\":\"EUR\",\"prices\":{}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"euro\",\"prices\":{}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EU\",\"prices\":{}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\"}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{},\"note\":1}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{\"cpu\":1}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":-1}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":true}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":\"1e-13\"}}",
        "{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":{\"cpu_second\":1e300}}"};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_price_sheet *s = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(mli_price_sheet_parse(bad[i], 0, NULL, &s, &err), MODELLAB_E_SCHEMA);
        assert_null(s);
    }
    assert_int_equal(mli_price_sheet_parse("{", 0, NULL, &s, &err), MODELLAB_E_INVALID_JSON);
    long n = 0;
    for (modellab_status status = MODELLAB_E_NO_MEMORY; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        status = mli_price_sheet_parse(sheet_text, 0, &table, &s, &err);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        mli_price_sheet_unref(s);
        assert_int_equal(f.live, 0);
    }
    assert_true(n > 3);
}

static void caps_by_name(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_caps c = MODELLAB_CAPS_INIT;
    (void)state;
    assert_int_equal(mli_caps_set(&c, "cpu_seconds", "600", &err), MODELLAB_OK);
    assert_int_equal(mli_caps_set(&c, "wall_seconds", "1h30m", &err), MODELLAB_OK);
    assert_int_equal(mli_caps_set(&c, "audio_seconds", "0.5", &err), MODELLAB_OK);
    assert_int_equal(mli_caps_set(&c, "peak_memory_bytes", "200MiB", &err), MODELLAB_OK);
    assert_int_equal(mli_caps_set(&c, "api_calls", "0", &err), MODELLAB_OK);
    assert_int_equal(mli_caps_set(&c, "cost", "1.25", &err), MODELLAB_OK);
    assert_int_equal(c.set, 63);
    assert_true(c.cpu_seconds == 600 && c.wall_seconds == 5400 && c.audio_seconds == 0.5);
    assert_true(c.peak_memory_bytes == 209715200 && c.api_calls == 0 && c.cost_micros == 1250000);
    assert_int_equal(mli_caps_set(&c, "cpu_second", "1", &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "did you mean cpu_seconds?"));
    assert_int_equal(mli_caps_set(&c, "bananas", "1", &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_caps_set(&c, "cpu_seconds", "-1", &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_caps_set(&c, "cost", "1.0000001", &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_caps_set(&c, "api_calls", "many", &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_true(c.cpu_seconds == 600); /* a refused value changes nothing */
}

static void caps_checked(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_caps c = MODELLAB_CAPS_INIT;
    modellab_measures m = measures(1e9, 1e9, 1e9, INT64_MAX);
    (void)state;
    assert_int_equal(mli_caps_check(&c, &m, INT64_MAX, &err), MODELLAB_OK); /* no caps at all */
    c.set = MODELLAB_CAP_API_CALLS;
    m = measures(0, 0, 0, 0);
    assert_int_equal(mli_caps_check(&c, &m, 0, &err), MODELLAB_OK); /* a cap of 0 allows 0 */
    m.api_calls = 1;
    assert_int_equal(mli_caps_check(&c, &m, 0, &err), MODELLAB_E_CAP_EXCEEDED);
    assert_int_equal(err.detail, MODELLAB_CAP_API_CALLS);
    c.set = MODELLAB_CAP_COST;
    c.cost_micros = 1000;
    assert_int_equal(mli_caps_check(&c, &m, 1000, &err), MODELLAB_OK);
    assert_int_equal(mli_caps_check(&c, &m, 1001, &err), MODELLAB_E_CAP_EXCEEDED);
    assert_int_equal(err.detail, MODELLAB_CAP_COST);
    assert_int_equal(mli_caps_check(&c, &m, -1, &err), MODELLAB_OK); /* not known */
    c.set = 31;
    c.cpu_seconds = c.wall_seconds = c.audio_seconds = 10;
    c.peak_memory_bytes = 100;
    c.api_calls = 5;
    m = measures(10, 0, 10, 5);
    m.wall_seconds = 10;
    m.peak_memory_bytes = 100;
    assert_int_equal(mli_caps_check(&c, &m, 0, &err), MODELLAB_OK);
    m.audio_seconds = 10.5;
    assert_int_equal(mli_caps_check(&c, &m, 0, &err), MODELLAB_E_CAP_EXCEEDED);
    assert_string_equal(err.message, "the cap audio_seconds is exceeded: 10.5 of 10");
    m.audio_seconds = -1;
    m.peak_memory_bytes = 101;
    assert_int_equal(mli_caps_check(&c, &m, 0, &err), MODELLAB_E_CAP_EXCEEDED);
    assert_string_equal(mli_cap_name((int32_t)err.detail), "peak_memory_bytes");
}

static void estimates(void **state)
{
    modellab_price_sheet *s = parse("{\"version\":1,\"id\":\"a\",\"currency\":\"EUR\",\"prices\":"
                                    "{\"cpu_second\":\"0.001\",\"audio_minute\":\"0.06\"}}");
    modellab_estimate e = MODELLAB_ESTIMATE_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    const double same[] = {0.5, 0.5, 0.5, 0.5}, spread[] = {0.25, 0.5, 1.0}, bad[] = {0.5, 0};
    (void)state;
    assert_int_equal(mli_estimate_make(60, NULL, 0, s, 0, &e, &err), MODELLAB_OK);
    assert_true(e.cpu_seconds == -1 && e.cost_micros == -1 && e.samples == 0);
    assert_int_equal(mli_estimate_make(60, same, 2, s, 0, &e, &err), MODELLAB_OK);
    assert_true(fabs(e.cpu_seconds - 30) < 1e-9 && e.cpu_seconds_low == -1);
    assert_int_equal(e.cost_micros, 30000 + 60000);
    assert_int_equal(mli_estimate_make(60, same, 4, s, 0, &e, &err), MODELLAB_OK);
    assert_true(fabs(e.cpu_seconds_low - 30) < 1e-9 && fabs(e.cpu_seconds_high - 30) < 1e-9);
    assert_int_equal(mli_estimate_make(100, spread, 3, s, 0, &e, &err), MODELLAB_OK);
    /* logs: mean ln 0.5, deviation ln 2; reach = 2.920 * ln 2 * sqrt(4 / 3) */
    assert_true(fabs(e.cpu_seconds - 50) < 1e-9);
    assert_true(fabs(e.cpu_seconds_high - 50 * exp(2.920 * log(2) * sqrt(4.0 / 3.0))) < 1e-6);
    assert_true(fabs(e.cpu_seconds_low * e.cpu_seconds_high - 2500) < 1e-6);
    assert_true(e.cost_micros_low < e.cost_micros && e.cost_micros < e.cost_micros_high);
    assert_int_equal(mli_estimate_make(60, bad, 2, s, 0, &e, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(err.detail, 1);
    assert_int_equal(mli_estimate_make(-1, same, 1, s, 0, &e, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_estimate_make(60, same, 1, NULL, 0, &e, &err), MODELLAB_OK);
    assert_int_equal(e.cost_micros, -1);
    mli_price_sheet_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),     cmocka_unit_test(wide_products),
        cmocka_unit_test(costs),        cmocka_unit_test(free_sheet),
        cmocka_unit_test(identity),     cmocka_unit_test(sheets_refused),
        cmocka_unit_test(caps_by_name), cmocka_unit_test(caps_checked),
        cmocka_unit_test(estimates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
