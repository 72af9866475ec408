/* Prices: which sheet counts, cost that is not known stays unknown, estimates from past runs, and
 * caps that such estimates already pass. */
#include "lab/forecast.h"
#include "lab/pricing.h"
#include "track/price.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static mli_lab *lab;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static void the_sheet_of_the_run_counts(void **state)
{
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_run_row row;

    (void)state;
    mli_run_row_init(&row);
    measures.cpu_seconds = 1000;
    row.price_json = mli_price_sheet_json(lab->prices);
    assert_int_equal(12000, mli_pricing_cost(lab, &row, &measures));
    row.price_json = "{\"version\":1,\"id\":\"x\",\"currency\":\"EUR\","
                     "\"prices\":{\"cpu_second\":\"0.5\",\"audio_minute\":\"6\"}}";
    row.audio_seconds = 30;
    assert_int_equal(500000000 + 3000000, mli_pricing_cost(lab, &row, &measures));
    row.audio_seconds = -1; /* has a price, but was not measured */
    assert_int_equal(-1, mli_pricing_cost(lab, &row, &measures));
    row.price_json = "damaged";
    assert_int_equal(-1, mli_pricing_cost(lab, &row, &measures));
    measures.cpu_seconds = -1;
    row.price_json = "";
    assert_int_equal(-1, mli_pricing_cost(lab, &row, &measures));
}

static void a_file_can_set_prices(void **state)
{
    static const char sheet[] =
        "{\"version\":1,\"id\":\"mine\",\"currency\":\"CHF\",\"prices\":{}}";
    char path[512];
    modellab_price_sheet *prices = NULL;

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/prices.json", folder.path) > 0);
    write_file(path, sheet, sizeof sheet - 1);
    assert_int_equal(0, setenv("MODEL_LAB_PRICE_SHEET", path, 1));
    ASSERT_OK(mli_pricing_open(lab, NULL, &prices, err));
    assert_string_equal("mine", mli_price_sheet_id(prices));
    mli_pricing_close(prices);
    write_file(path, "[]", 2);
    assert_int_not_equal(MODELLAB_OK, mli_pricing_open(lab, NULL, &prices, NULL));
    assert_int_equal(0, setenv("MODEL_LAB_PRICE_SHEET", folder.path, 1));
    ASSERT_FAILS(MODELLAB_E_LIMIT, mli_pricing_open(lab, NULL, &prices, err));
    assert_int_equal(0, unsetenv("MODEL_LAB_PRICE_SHEET"));
}

static void estimates_come_from_history(void **state)
{
    modellab_estimate estimate;

    (void)state;
    ASSERT_OK(mli_forecast_make(lab, "whisper-tiny.en", 60, 0, &estimate, err));
    assert_int_equal(MODELLAB_ESTIMATE_FALLBACK, estimate.basis); /* and says so */
    assert_true(estimate.cpu_seconds > 1 && estimate.cpu_seconds < 60 && estimate.samples == 0);
    assert_true(estimate.cpu_seconds_low < estimate.cpu_seconds &&
                estimate.cpu_seconds < estimate.cpu_seconds_high);
    for (int i = 1; i <= 5; i++) { /* 10 s of audio, 2.5 CPU seconds and 1 s each */
        add_run(lab->store, i, 10, 1000);
        claim_run(lab->store, i, 2000);
        ASSERT_OK(end_run(lab->store, i, 1, MODELLAB_RUN_COMPLETED, 3000, err));
        ASSERT_OK(mli_forecast_make(lab, "whisper-tiny.en", 60, 0, &estimate, err));
        assert_int_equal(i < 3 ? MODELLAB_ESTIMATE_FEW : MODELLAB_ESTIMATE_HISTORY, estimate.basis);
        assert_true(estimate.cpu_seconds_high > 0 && estimate.cost_micros_high > 0);
    }
    assert_int_equal(5, estimate.samples);
    assert_true(estimate.cpu_seconds > 14.99 && estimate.cpu_seconds < 15.01);
    assert_true(estimate.wall_seconds > 5.99 && estimate.wall_seconds < 6.01);
    assert_int_equal(180, estimate.cost_micros);
    ASSERT_OK(mli_forecast_make(lab, "another", 60, 0, &estimate, err));
    assert_int_equal(MODELLAB_ESTIMATE_FALLBACK, estimate.basis);
    ASSERT_OK(mli_forecast_make(lab, "whisper-tiny.en", -1, 160000, &estimate, err));
    assert_true(estimate.audio_seconds == 10); /* guessed from the bytes */
    ASSERT_OK(mli_forecast_make(lab, "", 10, 0, &estimate, err));
    assert_true(estimate.cpu_seconds < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_sheet_of_the_run_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_can_set_prices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(estimates_come_from_history, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
