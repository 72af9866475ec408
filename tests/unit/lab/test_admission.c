/* Admission: what a run will hold of its user's caps, expected or safe; which runs are refused by
 * their own caps, which by their user's, and that what was held is settled at the end. */
#include "check/report.h"
#include "lab/admission.h"
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

/* 10 s of audio; 2 CPU seconds (1 to 5), 300 millionths (100 to 900). */
static modellab_estimate estimate_of(modellab_estimate_basis basis)
{
    modellab_estimate e = MODELLAB_ESTIMATE_INIT;
    e.audio_seconds = 10;
    e.cpu_seconds = 2;
    e.cpu_seconds_low = 1;
    e.cpu_seconds_high = 5;
    e.cost_micros = 300;
    e.cost_micros_low = 100;
    e.cost_micros_high = 900;
    e.basis = basis;
    return e;
}

static void what_a_run_will_hold(void **state)
{
    const mli_run_caps none = {0};
    const mli_run_caps own = {
        .cpu_ns = INT64_C(3000000000), .audio_ms = 9000, .api_calls = 4, .cost_micros = 500};
    const mli_run_caps no_calls = {.api_calls = MLI_CAP_NO_CALLS};
    const mli_remote_forecast calls = {.expected = 2, .low = 1, .high = 8};
    modellab_estimate e = estimate_of(MODELLAB_ESTIMATE_HISTORY);
    mli_amounts need;
    (void)state;
    mli_admission_needs(&none, &e, &calls, false, true, &need);
    assert_int_equal(2000, need.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(300, need.of[MLI_MEASURE_COST_MICROS]);
    assert_int_equal(10000, need.of[MLI_MEASURE_AUDIO_MS]);
    assert_int_equal(2, need.of[MLI_MEASURE_API_CALLS]);
    mli_admission_needs(&none, &e, &calls, true, false,
                        &need); /* safe, and the length is a guess */
    assert_int_equal(5000, need.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(900, need.of[MLI_MEASURE_COST_MICROS]);
    assert_int_equal(15000, need.of[MLI_MEASURE_AUDIO_MS]);
    assert_int_equal(8, need.of[MLI_MEASURE_API_CALLS]);
    mli_admission_needs(&own, &e, &calls, true, true, &need); /* never more than it allows itself */
    assert_int_equal(3000, need.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(500, need.of[MLI_MEASURE_COST_MICROS]);
    assert_int_equal(9000, need.of[MLI_MEASURE_AUDIO_MS]);
    assert_int_equal(4, need.of[MLI_MEASURE_API_CALLS]);
    mli_admission_needs(&no_calls, &e, &calls, true, true, &need);
    assert_int_equal(0, need.of[MLI_MEASURE_API_CALLS]);
}

/* The id of the first finding; "" = none. */
static void check_run(const mli_run_caps *caps, const modellab_estimate *e, bool known, bool safe,
                      modellab_status expected, const char *finding)
{
    mli_findings report;
    mli_findings_begin(&report, NULL);
    assert_int_equal(expected, mli_admission_check_run(caps, e, known, safe, &report, NULL));
    const char *id =
        mli_report_count(report.report) > 0 ? mli_report_finding(report.report, 0)->id : "";
    assert_string_equal(finding, id);
    mli_findings_dispose(&report);
}

static void its_own_caps(void **state)
{
    modellab_estimate known = estimate_of(MODELLAB_ESTIMATE_HISTORY);
    modellab_estimate guess = estimate_of(MODELLAB_ESTIMATE_FALLBACK);
    const mli_run_caps little = {.cpu_ns = INT64_C(900000000)}, some = {.cpu_ns = 1500000000},
                       much = {.cpu_ns = INT64_C(4000000000)}, all = {.cpu_ns = 5000000000},
                       audio = {.audio_ms = 9999}, cost = {.cost_micros = 899};
    (void)state;
    check_run(&little, &known, true, false, MODELLAB_E_CAP_EXCEEDED, "caps.exceeded");
    check_run(&little, &guess, true, false, MODELLAB_OK, "caps.probably_exceeded");
    check_run(&some, &known, true, false, MODELLAB_OK, "caps.probably_exceeded");
    check_run(&much, &known, true, false, MODELLAB_OK, "");
    check_run(&much, &known, true, true, MODELLAB_E_CAP_EXCEEDED, "caps.exceeded");
    check_run(&much, &guess, true, true, MODELLAB_E_CAP_EXCEEDED, "caps.exceeded");
    check_run(&all, &known, true, true, MODELLAB_OK, "");
    check_run(&audio, &guess, true, false, MODELLAB_E_CAP_EXCEEDED, "caps.exceeded");
    check_run(&audio, &guess, false, false, MODELLAB_OK, "caps.probably_exceeded");
    check_run(&cost, &known, true, false, MODELLAB_OK, "");
    check_run(&cost, &known, true, true, MODELLAB_E_CAP_EXCEEDED, "caps.exceeded");
}

static void cap_of(int32_t measure, int64_t value)
{
    mli_cap cap = {measure, MLI_PERIOD_DAY, value};
    ASSERT_OK(mli_store_cap_put(lab->store, "ann", &cap, mli_lab_now_ms(lab), err));
}

static void check_user(modellab_estimate *e, bool safe, mli_amounts *need, modellab_status expected,
                       modellab_admission admission)
{
    const mli_run_caps none = {0};
    const mli_remote_forecast calls = {0};
    mli_findings report;
    mli_cap_set set;
    mli_cap_verdict verdict;
    mli_findings_begin(&report, NULL);
    mli_admission_needs(&none, e, &calls, safe, true, need);
    ASSERT_OK(mli_store_cap_room(lab->store, "ann", mli_lab_now_ms(lab), &(mli_amounts){{0}}, &set,
                                 &verdict, err));
    assert_int_equal(expected,
                     mli_admission_check_user(lab, "ann", &set, safe, e, need, &report, NULL));
    assert_int_equal(admission, e->admission);
    mli_findings_dispose(&report);
}

static void those_of_its_user(void **state)
{
    modellab_estimate known = estimate_of(MODELLAB_ESTIMATE_HISTORY);
    modellab_estimate guess = estimate_of(MODELLAB_ESTIMATE_FALLBACK);
    mli_amounts need;
    (void)state;
    cap_of(MLI_MEASURE_CPU_MS, 4000);
    check_user(&known, false, &need, MODELLAB_OK, MODELLAB_ADMISSION_NOW);
    check_user(&known, true, &need, MODELLAB_E_CAP_EXCEEDED, MODELLAB_ADMISSION_REFUSE);
    cap_of(MLI_MEASURE_CPU_MS, 1500);
    check_user(&known, false, &need, MODELLAB_E_CAP_EXCEEDED, MODELLAB_ADMISSION_REFUSE);
    check_user(&guess, false, &need, MODELLAB_OK, MODELLAB_ADMISSION_NOW); /* gets all there is */
    assert_int_equal(1500, need.of[MLI_MEASURE_CPU_MS]);
    check_user(&guess, true, &need, MODELLAB_E_CAP_EXCEEDED, MODELLAB_ADMISSION_REFUSE);
}

static void insert(const char *id, const mli_amounts *need)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];
    mli_run_row_init(&row);
    row.id = id;
    row.user = "ann";
    row.created_ms = mli_lab_now_ms(lab);
    row.need = *need;
    ASSERT_OK(mli_store_insert(lab->store, &row, &event, 1, existing, err));
}

static modellab_status claim(const char *id)
{
    mli_run_row *row = NULL;
    mli_store_claim what = {.run_id = id, .owner = "{}", .now_ms = mli_lab_now_ms(lab)};
    modellab_status status = mli_store_claim_run(lab->store, &what, &row, NULL);
    mli_run_row_free(NULL, row);
    return status;
}

/* Two safe runs of 5 s do not fit into 9 s side by side; what the first did not use fits. */
static void what_was_held_safely_is_settled(void **state)
{
    modellab_estimate e = estimate_of(MODELLAB_ESTIMATE_HISTORY);
    char one[MLI_ULID_BYTES], two[MLI_ULID_BYTES];
    mli_amounts need;
    mli_usage usage;
    (void)state;
    memcpy(one, id_of(1), sizeof one);
    memcpy(two, id_of(2), sizeof two);
    cap_of(MLI_MEASURE_CPU_MS, 9000);
    check_user(&e, true, &need, MODELLAB_OK, MODELLAB_ADMISSION_NOW);
    insert(one, &need);
    insert(two, &need);
    assert_int_equal(MODELLAB_OK, claim(one));
    check_user(&e, true, &need, MODELLAB_OK, MODELLAB_ADMISSION_WAIT);
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, claim(two));
    ASSERT_OK(end_run(lab->store, 1, 1, MODELLAB_RUN_COMPLETED, mli_lab_now_ms(lab), err));
    ASSERT_OK(mli_store_usage(lab->store, "ann", 0, 10000000, &usage, err));
    assert_int_equal(2500, usage.used.of[MLI_MEASURE_CPU_MS]); /* of 5000 */
    assert_int_equal(0, usage.held.of[MLI_MEASURE_CPU_MS]);
    assert_int_equal(MODELLAB_OK, claim(two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_run_will_hold),
        cmocka_unit_test(its_own_caps),
        cmocka_unit_test_setup_teardown(those_of_its_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_held_safely_is_settled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
