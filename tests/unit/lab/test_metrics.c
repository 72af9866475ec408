/* Metrics are well formed and never fall; health says what is wrong. */
#include "lab/health.h"
#include "lab/metrics.h"
#include "lab/record.h"
#include "lab/submit.h"
#include "lab/supervisor_private.h"
#include "lab/tally.h"
#include "log/logger.h"
#include "track/tracker.h"
#include "unit/lab/lab_common.h"
#include "unit/lab/metrics_check.h"
#include <errno.h>

static temp_folder folder;
static mli_lab *lab;
static const mli_lab_tables here = {.health_in_caller = true};

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, &here, 0);
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

static int check_form_of(const mli_buf *text, bool open)
{
    mc_text *m = mc_read(mli_buf_text(text), open);
    int faults = m->faults;

    if (faults > 0) {
        print_message("%s\n", m->first);
    }
    free(m);
    return faults;
}

static int check_form(const mli_buf *text)
{
    return check_form_of(text, false);
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
    lab = open_lab(&folder, NULL, &here, 0);
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

/* Negative controls of the reader: each text has one fault. */
static void the_reader_is_strict(void **state)
{
#define H(name) "# HELP " name " What.\n"
#define C H("modellab_x_total") "# TYPE modellab_x_total counter\n"
#define O H("modellab_x") "# TYPE modellab_x counter\n"
#define B H("modellab_h") "# TYPE modellab_h histogram\n"
#define TAIL "modellab_h_sum 1\nmodellab_h_count 2\n"
    static const struct {
        const char *text;
        bool open, good;
    } cases[] = {
        {C "modellab_x_total 1\n", false, true},
        {O "modellab_x_total 1\n# EOF\n", true, true},
        {B "modellab_h_bucket{le=\"1\"} 1\nmodellab_h_bucket{le=\"+Inf\"} 2\n" TAIL, false, true},
        {C "modellab_x_total{a=\"q\\\"b\\\\n\\n\",b=\"\"} 1\n", false, true},
        {O "modellab_x_total{a=\"b\"} 1 # {run_id=\"r\"} 1\n# EOF\n", true, true},
        {B "modellab_h_bucket{le=\"1\"} 1 # {run_id=\"r\"} 0.5\n"
           "modellab_h_bucket{le=\"+Inf\"} 2 # {run_id=\"s\"} 7\n" TAIL "# EOF\n",
         true, true},
        /* from here on: faults */
        {B "modellab_h_bucket{le=\"1\"} 2\nmodellab_h_bucket{le=\"+Inf\"} 1\n" TAIL, false, false},
        {B "modellab_h_bucket{le=\"1\"} 1\nmodellab_h_bucket{le=\"+Inf\"} 3\n" TAIL, false, false},
        {B "modellab_h_bucket{le=\"2\"} 1\nmodellab_h_bucket{le=\"1\"} 1\n"
           "modellab_h_bucket{le=\"+Inf\"} 2\n" TAIL,
         false, false},
        {B "modellab_h_bucket{le=\"1\"} 2\n" TAIL, false, false},
        {C "modellab_x_total 1\nmodellab_x_total 2\n", false, false},
        {C "modellab_x_total 1\n" C, false, false},
        {C "modellab_x_total -1\n", false, false},
        {C "modellab_x_total 1", false, false},
        {C "modellab_x_total one\n", false, false},
        {C "modellab_x_total{a=\"b} 1\n", false, false},
        {C "modellab_x_total{a=\"b\",a=\"c\"} 1\n", false, false},
        {C "modellab_x_total{a=\"\\x\"} 1\n", false, false},
        {C "modellab_x_total{1a=\"b\"} 1\n", false, false},
        {C "modellab_y_total 1\n", false, false},
        {"modellab_x_total 1\n", false, false},
        {"# TYPE modellab_x_total counter\nmodellab_x_total 1\n", false, false},
        {H("modellab_x") "# TYPE modellab_x counter\nmodellab_x 1\n", false, false},
        {C "modellab_x_total 1\n# EOF\n", true, false},
        {O "modellab_x_total 1\n", true, false},
        {O "modellab_x_total 1\n# EOF\nmodellab_x_total 2\n", true, false},
        {O "modellab_x 1\n# EOF\n", true, false},
        {O "# UNIT modellab_x seconds\nmodellab_x_total 1\n# EOF\n", true, false},
        {C "modellab_x_total 1 # {run_id=\"r\"} 1\n", false, false},
        {B "modellab_h_bucket{le=\"1\"} 1 # {run_id=\"r\"} 1.5\n"
           "modellab_h_bucket{le=\"+Inf\"} 2\n" TAIL "# EOF\n",
         true, false},
        {B
         "modellab_h_bucket{le=\"1\"} 1\nmodellab_h_bucket{le=\"+Inf\"} 2 # {run_id=\"r\"} 1\n" TAIL
         "# EOF\n",
         true, false},
        {H("modellab_g") "# TYPE modellab_g gauge\nmodellab_g 1 # {a=\"b\"} 1\n# EOF\n", true,
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mc_text *m = mc_read(cases[i].text, cases[i].open);

        if ((m->faults == 0) != cases[i].good) {
            fail_msg("%zu: %s\n%s", i, m->first, cases[i].text);
        }
        free(m);
    }
    /* and it sees counters that fall or go */
    mc_text *one = mc_read(C "modellab_x_total{a=\"1\"} 2\nmodellab_x_total{a=\"2\"} 2\n", false);
    mc_text *two = mc_read(C "modellab_x_total{a=\"1\"} 1\n", false);
    char name[MC_KEY];

    assert_int_equal(2, mc_fallen(one, two, name));
    assert_int_equal(0, mc_fallen(one, one, name));
    free(one);
    free(two);
}

/* Runs stand for samples in OpenMetrics, with the ids by which their log is found. */
static void exemplars_name_runs(void **state)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;
    char long_id[129], wanted[400];
    mli_buf text;

    (void)state;
    o.request_id = "req-42";
    o.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    assert_true(
        snprintf(wanted, sizeof wanted,
                 "_bucket{le=\"0.1\"} 1 # {run_id=\"%s\",trace_id=\"4bf92f3577b34da6a3ce929d0e"
                 "0e4736\",request_id=\"req-42\"} 0",
                 record->ids.run_id) > 0);
    ASSERT_OK(mli_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, err));
    mli_record_destroy(record);
    write_metrics(MODELLAB_METRICS_OPENMETRICS, &text);
    assert_int_equal(0, check_form_of(&text, true));
    if (strstr(mli_buf_text(&text), wanted) == NULL) {
        fail_msg("no %s in\n%s", wanted, mli_buf_text(&text));
    }
    assert_non_null(
        strstr(mli_buf_text(&text),
               "modellab_runs_total{status=\"COMPLETED\",pipeline=\"recorded\"} 1 # {"));
    mli_buf_dispose(&text);
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text)); /* none in the plain text: the reader refuses them */
    mli_buf_dispose(&text);
    /* an id that has no room is left out, not the exemplar */
    memset(long_id, 'r', 128);
    long_id[128] = '\0';
    o.request_id = long_id;
    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    ASSERT_OK(
        mli_record_finish(record, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_FAILED, NULL, err));
    mli_record_destroy(record);
    write_metrics(MODELLAB_METRICS_OPENMETRICS, &text);
    assert_int_equal(0, check_form_of(&text, true));
    assert_null(strstr(mli_buf_text(&text), "rrrrr"));
    mli_buf_dispose(&text);
}

/* What processes count in memory reaches the store: when metrics are written, every few seconds,
 * and when the lab closes; lost lines of logs too. */
static void counted_in_memory(void **state)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    mli_buf text;

    (void)state;
    mli_tally_add(lab, "cap_refusals_total", "submit", 1);
    mli_tally_add(lab, "cap_refusals_total", "submit", 2);
    mli_tally_add(lab, "reconcile_findings_total", "run.stale", 1);
    mli_lab_unref(lab); /* closing counts */
    lab = open_lab(&folder, NULL, &here, 0);
    options.file = "/dev/full";
    ASSERT_OK(mli_logger_create(&options, NULL, &lab->logger, err));
    mli_log_text(lab->logger, MODELLAB_LOG_WARN, "test.lost", "");
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text));
    assert_true(value_of(&text, "modellab_cap_refusals_total{at=\"submit\"}") == 3);
    assert_true(value_of(&text, "modellab_reconcile_findings_total{finding=\"run.stale\"}") == 1);
    double lost = value_of(&text, "modellab_log_dropped_total");
    assert_true(lost >= 1);
    mli_buf_dispose(&text);
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, &here, 0); /* another process: the same, and not twice */
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_true(value_of(&text, "modellab_log_dropped_total") >= lost);
    assert_true(value_of(&text, "modellab_cap_refusals_total{at=\"submit\"}") == 3);
    mli_buf_dispose(&text);
}

/* The queue as it stands, and this process. */
static void what_stands_now(void **state)
{
    static unsigned char wav[WAV_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_supervisor_options how = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    mli_supervisor *s = NULL;
    char id[MLI_ULID_BYTES];
    mli_buf text;

    (void)state;
    o.request = "{\"pipeline\":\"ingest\",\"priority\":\"high\"}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_int_equal(0, check_form(&text));
    assert_true(value_of(&text, "modellab_runs_open{status=\"QUEUED\"}") == 1);
    assert_true(value_of(&text, "modellab_runs_open{status=\"RUNNING\"}") == 0);
    assert_true(value_of(&text, "modellab_queue_depth{priority=\"high\"}") == 1);
    assert_true(value_of(&text, "modellab_queue_oldest_seconds") >= 0);
    assert_true(value_of(&text, "modellab_supervisors{state=\"working\"}") == 0);
    assert_true(value_of(&text, "modellab_ingest_lag_seconds") == 0);
    assert_true(value_of(&text, "modellab_process_resident_memory_bytes") > 1e6);
    assert_true(value_of(&text, "modellab_process_threads") >= 1);
    assert_true(value_of(&text, "modellab_process_open_fds") >= 3);
    double started = value_of(&text, "modellab_process_start_time_seconds");
    double age = value_of(&text, "modellab_process_uptime_seconds");
    double now = (double)mli_os_system_clock.realtime_ns(NULL) / 1e9;
    assert_true(age >= 0 && age < 3600 && started + age <= now + 1 && started + age > now - 60);
    mli_buf_dispose(&text);
    how.worker_program = "/bin/true";
    ASSERT_OK(mli_supervisor_create(lab, &how, &s, err));
    s->max_workers = 0;
    s->beat->lag_ns = 1500000000;
    ASSERT_OK(mli_presence_say(lab, &s->presence, 1, 0, err));
    write_metrics(MODELLAB_METRICS_PROMETHEUS, &text);
    assert_true(value_of(&text, "modellab_supervisors{state=\"working\"}") == 1);
    assert_true(value_of(&text, "modellab_ingest_lag_seconds") == 1.5);
    mli_buf_dispose(&text);
    mli_supervisor_destroy(s);
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

/* A run that nobody takes is seen once it has waited; one that is held is not. */
static void a_queue_without_supervisor(void **state)
{
    mli_os_clock clock = mli_os_system_clock;
    mli_lab_tables tables = {.clock = &clock, .health_in_caller = true};
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
    lab = open_lab(&folder, NULL, &here, 0);
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
    mli_lab_tables tables = {.files = &files, .clock = &clock, .health_in_caller = true};
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
        cmocka_unit_test(the_reader_is_strict),
        cmocka_unit_test_setup_teardown(exemplars_name_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counted_in_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rest_is_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_without_supervisor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sickness_is_seen, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
