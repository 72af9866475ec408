/* What the checks of health see: clocks, the log, supervisors, runs, the canary. */
#include "lab/beat.h"
#include "lab/metrics.h"
#include "lab/page.h"
#include "lab/submit.h"
#include "lab/supervisor.h"
#include "log/logger.h"
#include "store/webhooks.h"
#include "unit/lab/health_common.h"
#include <string.h>
#include <unistd.h>

#define NS_PER_S ((int64_t)1000000000)

static void before_closing(void)
{
}

static int64_t wall_extra, mono_extra;
static int64_t test_wall(void *user)
{
    (void)user;
    return mli_os_system_clock.realtime_ns(NULL) + wall_extra;
}
static int64_t test_mono(void *user)
{
    (void)user;
    return mli_os_system_clock.monotonic_ns(NULL) + mono_extra;
}

static void clocks_that_jump(void **state)
{
    mli_os_clock clock = mli_os_system_clock;
    mli_lab_tables tables = {.clock = &clock, .health_in_caller = true};
    const int64_t s = NS_PER_S;

    (void)state;
    assert_true(mli_clock_jump(0, s, 0) == 0);
    assert_true(mli_clock_jump(0, 2 * s, 0) == 2 * s);
    assert_true(mli_clock_jump(0, -2 * s, 0) == -2 * s);
    assert_true(mli_clock_jump(0, 2 * s, 2000 * s) == 0); /* that much is drift */
    assert_true(mli_clock_jump(5 * s, 9 * s, 1000 * s) == 4 * s);
    wall_extra = mono_extra = 0;
    clock.realtime_ns = test_wall;
    clock.monotonic_ns = test_mono;
    open_again(&tables);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    wall_extra = mono_extra = 3600 * s; /* time passes */
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    wall_extra -= 30 * s; /* somebody sets the clock back */
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    wall_extra += 900 * s;
    mono_extra += 900 * s;
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    wall_extra = -mli_os_system_clock.realtime_ns(NULL) + s;
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, state_of(MODELLAB_HEALTH_LIVE, "clock"));
    wall_extra = 0;
    open_again(&here);
}

static void a_log_that_loses_lines(void **state)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    mli_health_check check = {.state = 0};

    (void)state;
    options.file = "/dev/full";
    ASSERT_OK(mli_logger_create(&options, NULL, &lab->logger, err));
    mli_health_log(lab, &check);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, check.state);
    mli_log_text(lab->logger, MODELLAB_LOG_WARN, "test.lost", "nobody reads this");
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, state_of(MODELLAB_HEALTH_READY, "log"));
}

/* A RUNNING run without a process: its page is the test's. */
static mli_page *running_run(char id[MLI_ULID_BYTES])
{
    static unsigned char wav[WAV_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    mli_store_claim claim = {.run_id = id, .owner = "{}", .now_ms = mli_lab_now_ms(lab)};
    mli_page_terms terms = {.started_ns = mli_os_system_clock.monotonic_ns(NULL)};
    mli_page_view view = MLI_PAGE_VIEW_NONE;
    mli_run_row *row = NULL;
    mli_page *page = NULL;
    char path[MLI_PATH_BYTES];

    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_store_claim_run(lab->store, &claim, &row, err));
    mli_run_row_free(lab->alloc, row);
    ASSERT_OK(mli_run_path(lab->root, id, MLI_RUN_PAGE, path, err));
    assert_int_equal(0, mli_page_create(&view, &mli_os_system_files, path, &terms));
    assert_int_equal(0, mli_page_map(&mli_os_system_files, view.fd, &page));
    mli_page_close(&view);
    return page;
}

static void runs_that_stand_still(void **state)
{
    char id[MLI_ULID_BYTES];
    int64_t now = mli_os_system_clock.monotonic_ns(NULL);
    modellab_health *health;

    (void)state;
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "workers"));
    mli_page *page = running_run(id);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "workers"));
    atomic_store(&page->started_ns, now - 900 * NS_PER_S);
    atomic_store(&page->moved_ns, now - NS_PER_S);
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "workers"));
    atomic_store(&page->moved_ns, now - 61 * NS_PER_S);
    health = look(MODELLAB_HEALTH_READY, 0);
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, find(health, "workers")->state);
    assert_non_null(strstr(find(health, "workers")->message, id));
    mli_health_unref(health);
    atomic_store(&page->moved_ns, now + 900 * NS_PER_S); /* a page of another boot says nothing */
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "workers"));
    atomic_store(&page->moved_ns, 0); /* claimed long ago, and no worker ever came */
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, state_of(MODELLAB_HEALTH_READY, "workers"));
    mli_page_unmap(page);
}

static void supervisors_that_do_not_turn(void **state)
{
    modellab_supervisor_options o = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    mli_supervisor *first = NULL, *second = NULL;
    mli_beat_page beat;
    int64_t next = 0;

    (void)state;
    o.worker_program = "/bin/true";
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    ASSERT_OK(mli_supervisor_create(lab, &o, &first, err));
    ASSERT_OK(mli_supervisor_create(lab, &o, &second, err));
    /* before the first round nothing is expected of them */
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "turns"));
    ASSERT_OK(mli_supervisor_step(first, 0, &next, err));
    ASSERT_OK(mli_supervisor_step(second, 0, &next, err));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "turns"));
    /* time passes, and only one of them turns */
    mli_os_clock clock = mli_os_system_clock;
    const mli_os_clock *before = lab->os.clock;
    clock.monotonic_ns = test_mono;
    clock.realtime_ns = test_wall;
    mono_extra = wall_extra = 20 * NS_PER_S;
    lab->os.clock = &clock;
    ASSERT_OK(mli_supervisor_step(second, 0, &next, err));
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, state_of(MODELLAB_HEALTH_LIVE, "turns"));
    mono_extra = wall_extra = 40 * NS_PER_S;
    assert_int_equal(MODELLAB_HEALTH_CRITICAL, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    ASSERT_OK(mli_supervisor_step(first, 0, &next, err));
    ASSERT_OK(mli_supervisor_step(second, 0, &next, err));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "turns"));
    /* one that has gone is missed by nobody, and leaves no file */
    mli_supervisor_destroy(first);
    mli_supervisor_destroy(second);
    mono_extra = wall_extra = 80 * NS_PER_S;
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_LIVE, "turns"));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "supervisors"));
    mono_extra = wall_extra = 0;
    lab->os.clock = before;
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_beat_read(lab, id_of(1), &beat, err));
}

/* The canary stops at its deadline; without its model it says so. */
static void the_canary_can_be_stopped(void **state)
{
    const char *models = getenv("MODEL_LAB_TEST_MODELS");
    mli_cancel_word stop = 1;
    mli_health_check check = {.cancel = &stop};
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    char root[512];

    (void)state;
    if (models == NULL || access(models, R_OK) != 0) {
        print_message("skipped: MODEL_LAB_TEST_MODELS names no models\n");
        skip();
    }
    mli_lab_unref(lab);
    assert_true(snprintf(root, sizeof root, "%s/lab", folder.path) > 0);
    options.models_root = models;
    options.cache_root = folder.path;
    ASSERT_OK(mli_lab_open(root, &options, &here, &lab, err));
    mli_health_inference(lab, &check);
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, check.state);
    if (strstr(check.message, "not installed") == NULL) {
        stop = 0;
        mli_health_inference(lab, &check);
        assert_int_equal(MODELLAB_HEALTH_HEALTHY, check.state);
    }
}

/* A delivery that nobody takes, or makes. */
static void webhooks(void **state)
{
    const mli_webhook_row hook = {
        .id = "H", .user = "ann", .url = "https://x", .kinds = "", .secret = "s", .created_ms = 1};
    mli_delivery_row row = {
        .id = "D", .kind = "test", .run_id = "", .request_id = "", .trace_id = "", .body = "{}"};
    mli_delivery_list *taken = NULL;
    mli_delivery_end end = {.attempts = 1,
                            .webhook_id = "H",
                            .state = MLI_DELIVERY_DONE,
                            .message = "",
                            .most_failures = 3,
                            .why_failures = ""};
    int64_t next_ms = 0;
    bool moved = false, disabled = false;
    mli_buf text;

    (void)state;
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "webhooks"));
    ASSERT_OK(mli_store_webhook_put(lab->store, &hook, 10, err));
    row.created_ms = mli_lab_now_ms(lab) - 16 * 60 * 1000;
    ASSERT_OK(mli_store_deliveries_put(lab->store, "H", 0, 0, &row, 1, &moved, err));
    modellab_health *health = look(MODELLAB_HEALTH_READY, 0);
    assert_int_equal(MODELLAB_HEALTH_DEGRADED, find(health, "webhooks")->state);
    assert_non_null(strstr(find(health, "webhooks")->message, "1 webhooks work"));
    assert_non_null(strstr(find(health, "webhooks")->message, "1 deliveries wait"));
    mli_health_unref(health);
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_metrics_write(lab, MODELLAB_METRICS_PROMETHEUS, &text, err));
    assert_non_null(strstr(text.data, "\nmodellab_webhook_deliveries_waiting 1\n"));
    assert_non_null(strstr(text.data, "\nmodellab_webhooks{state=\"working\"} 1\n"));
    assert_non_null(strstr(text.data, "\nmodellab_webhook_oldest_seconds 9"));
    mli_buf_dispose(&text);
    ASSERT_OK(mli_store_delivery_take(lab->store, mli_lab_now_ms(lab), INT64_MAX, false, &taken,
                                      &next_ms, err));
    end.seq = taken->rows[0].seq;
    mli_delivery_list_free(taken);
    ASSERT_OK(mli_store_delivery_end(lab->store, &end, &disabled, err));
    assert_int_equal(MODELLAB_HEALTH_HEALTHY, state_of(MODELLAB_HEALTH_READY, "webhooks"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clocks_that_jump, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_loses_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_that_stand_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(supervisors_that_do_not_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webhooks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_canary_can_be_stopped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
