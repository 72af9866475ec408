/* Metrics are well formed and never fall; health says what is wrong. */
#include "lab/health.h"
#include "lab/metrics.h"
#include "lab/record.h"
#include "lab/submit.h"
#include "track/tracker.h"
#include "unit/lab/lab_common.h"
#include <errno.h>

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

static void one_record(modellab_run_status status)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;

    o.pipeline = "name \"with\" quotes";
    o.audio_seconds = 2;
    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    ASSERT_OK(mli_span_add(record->tracker, MODELLAB_SPAN_ROOT, 0, 3, err));
    ASSERT_OK(mli_record_finish(record, status,
                                status == MODELLAB_RUN_COMPLETED ? MODELLAB_REASON_NONE
                                                                 : MODELLAB_REASON_HOST_FAILED,
                                NULL, err));
    mli_record_destroy(record);
}

static void write_metrics(modellab_metrics_format format, mli_buf *out)
{
    mli_buf_init(out, NULL);
    ASSERT_OK(mli_metrics_write(lab, format, out, err));
}

/* Value of the line that begins with `series`; fails when there is none. */
static double value_of(const mli_buf *text, const char *series)
{
    const char *at = mli_buf_text(text);
    size_t bytes = strlen(series);

    while (at != NULL) {
        if (strncmp(at, series, bytes) == 0 && at[bytes] == ' ') {
            return strtod(at + bytes, NULL);
        }
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    fail_msg("no series %s in\n%s", series, mli_buf_text(text));
    return -1;
}

/* Each line is a comment or a sample; histograms are cumulative and end with +Inf = count. */
static int check_form(const mli_buf *text)
{
    char line[512];
    double last = -1, infinite = -1;
    int faults = 0;
    const char *at = mli_buf_text(text);

    while (*at != '\0') {
        const char *end = strchr(at, '\n');
        const char *value;

        assert_non_null(end);
        assert_true((size_t)(end - at) < sizeof line);
        memcpy(line, at, (size_t)(end - at));
        line[end - at] = '\0';
        at = end + 1;
        if (line[0] == '#') {
            last = infinite = -1;
            continue;
        }
        faults += strncmp(line, "modellab_", 9) != 0;
        value = strrchr(line, ' ');
        assert_non_null(value);
        if (strstr(line, "_bucket{le=") != NULL) {
            double now = strtod(value, NULL);

            faults += now < last;
            last = now;
            infinite = strstr(line, "+Inf") != NULL ? now : -1;
        } else if (strstr(line, "_count ") != NULL) {
            faults += infinite < 0 || strtod(value, NULL) != infinite;
        } else if (strstr(line, "_sum ") == NULL && last >= 0) {
            faults++;
        } else if (strstr(line, "_sum ") != NULL) {
            infinite = last;
        }
    }
    return faults;
}

static void counters_grow(void **state)
{
    mli_buf text;

    (void)state;
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text));
    assert_true(value_of(&text, "modellab_api_calls_total") == 0);
    assert_true(value_of(&text, "modellab_run_duration_seconds_bucket{le=\"+Inf\"}") == 0);
    mli_buf_dispose(&text);
    one_record(MODELLAB_RUN_COMPLETED);
    one_record(MODELLAB_RUN_COMPLETED);
    one_record(MODELLAB_RUN_FAILED);
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text));
    /* a record's own name is no label: labels come from closed sets */
    assert_true(
        value_of(&text, "modellab_runs_total{status=\"COMPLETED\",pipeline=\"recorded\"}") == 2);
    assert_true(value_of(&text, "modellab_runs_total{status=\"FAILED\",pipeline=\"recorded\"}") ==
                1);
    assert_true(value_of(&text, "modellab_api_calls_total") == 9);
    assert_true(value_of(&text, "modellab_run_audio_seconds_total") == 6);
    assert_true(value_of(&text, "modellab_run_duration_seconds_count") == 3);
    assert_true(value_of(&text, "modellab_queue_depth{priority=\"normal\"}") == 0);
    assert_true(value_of(&text, "modellab_orphaned_runs") == 0);
    assert_null(strstr(text.data, folder.path));
    assert_null(strstr(text.data, "quotes"));
    mli_buf_dispose(&text);
    mli_lab_unref(lab); /* another process would read the same */
    lab = open_lab(&folder, NULL, NULL, 0);
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_true(value_of(&text, "modellab_run_duration_seconds_count") == 3);
    mli_buf_dispose(&text);
}

static void openmetrics_ends(void **state)
{
    mli_buf text;

    (void)state;
    one_record(MODELLAB_RUN_COMPLETED);
    write_metrics(MODELLAB_METRICS_OPENMETRICS, &text);
    assert_string_equal("# EOF\n", text.data + text.size - 6);
    assert_non_null(strstr(text.data, "# TYPE modellab_runs counter\n"));
    assert_non_null(strstr(text.data, "# UNIT modellab_run_duration_seconds seconds\n"));
    mli_buf_dispose(&text);
    mli_buf_init(&text, NULL);
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_metrics_write(lab, 9, &text, err));
    mli_buf_dispose(&text);
}

/* Negative control of the form's own check. */
static void the_check_sees_bad_histograms(void **state)
{
    mli_buf text;

    (void)state;
    mli_buf_init(&text, NULL);
    mli_buf_append_text(&text, "# TYPE modellab_x histogram\nmodellab_x_bucket{le=\"1\"} 2\n"
                               "modellab_x_bucket{le=\"+Inf\"} 1\nmodellab_x_sum 1\n"
                               "modellab_x_count 2\n");
    assert_int_equal(2, check_form(&text));
    mli_buf_dispose(&text);
}

/* Series are bounded: what is beyond is one series, and nothing of it is lost. */
static void the_rest_is_other(void **state)
{
    mli_buf text;
    char label[16];
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        assert_true(snprintf(label, sizeof label, "X%03d", i) > 0);
        ASSERT_OK(mli_store_count(lab->store, "cost_total", label, 2, err));
    }
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text));
    assert_true(value_of(&text, "modellab_cost_total{currency=\"X199\"}") == 2);
    assert_true(value_of(&text, "modellab_cost_total{currency=\"other\"}") == 200);
    assert_null(strstr(text.data, "X200"));
    for (const char *at = text.data; (at = strchr(at, '\n')) != NULL; at++) {
        lines += at[1] != '#' && at[1] != '\0';
    }
    assert_true(lines <= 1000);
    mli_buf_dispose(&text);
}

static int64_t in_an_hour(void *user)
{
    (void)user;
    return mli_os_system_clock.realtime_ns(NULL) + (int64_t)3600 * 1000000000;
}

static const mli_health_check *find(const modellab_health *health, const char *name)
{
    for (size_t i = 0; i < health->count; i++) {
        if (strcmp(health->checks[i].name, name) == 0) {
            return &health->checks[i];
        }
    }
    return NULL;
}

static void levels_of_health(void **state)
{
    modellab_health *health = NULL;

    (void)state;
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_LIVE, &health, err));
    assert_int_equal(1, health->count);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, mli_health_state(health));
    mli_health_unref(health);
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_DEEP, &health, err));
    assert_int_equal(9, health->count);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, find(health, "store")->state);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, find(health, "runs_directory")->state);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, find(health, "orphaned_runs")->state);
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, find(health, "models")->state);
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, find(health, "inference")->state);
    for (size_t i = 0; i < health->count; i++) {
        assert_true(health->checks[i].message[0] != '\0' && health->checks[i].milliseconds >= 0);
        assert_null(strstr(health->checks[i].message, folder.path));
    }
    assert_int_equal(0, count_folders(lab)); /* the probe's file is gone */
    mli_health_unref(health);
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_health_run(lab, 4, &health, err));
}

/* A run that nobody takes is seen once it has waited; one that is held is not. */
static void a_queue_without_supervisor(void **state)
{
    mli_os_clock clock = mli_os_system_clock;
    mli_lab_tables tables = {.clock = &clock};
    static unsigned char wav[WAV_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char id[MLI_ULID_BYTES];
    modellab_health *health = NULL;

    (void)state;
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_READY, &health, err));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, find(health, "queue")->state);
    assert_non_null(strstr(find(health, "queue")->message, "no run waits"));
    mli_health_unref(health);
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_READY, &health, err));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, find(health, "queue")->state);
    mli_health_unref(health);
    mli_lab_unref(lab);
    clock.realtime_ns = in_an_hour;
    lab = open_lab(&folder, NULL, &tables, 0);
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_READY, &health, err));
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, find(health, "queue")->state);
    assert_non_null(strstr(find(health, "queue")->message, "No supervisor is there; the oldest"));
    mli_health_unref(health);
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, NULL, 0);
}

static int no_space(void *user, const char *path, int flags, uint32_t mode)
{
    (void)user;
    return (flags & MLI_OS_CREATE) != 0 ? -ENOSPC
                                        : mli_os_system_files.open(NULL, path, flags, mode);
}

static int64_t long_ago(void *user)
{
    (void)user;
    return 1000;
}

static void sickness_is_seen(void **state)
{
    mli_os_files files = mli_os_system_files;
    mli_os_clock clock = mli_os_system_clock;
    mli_lab_tables tables = {.files = &files, .clock = &clock};
    modellab_health *health = NULL;

    (void)state;
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, &tables, 0);
    files.open = no_space;
    clock.realtime_ns = long_ago;
    lab->settings.min_free_bytes = INT64_MAX / 2;
    ASSERT_OK(mli_health_run(lab, MODELLAB_HEALTH_READY, &health, err));
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, mli_health_state(health));
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, find(health, "clock")->state);
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, find(health, "disk")->state);
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, find(health, "runs_directory")->state);
    mli_health_unref(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(openmetrics_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_check_sees_bad_histograms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rest_is_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_without_supervisor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_of_health, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sickness_is_seen, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
