/* Records: steps, artifacts, measures, the lock, caps, deadlines, cancel, and every way to end. */
#include "lab/artifacts.h"
#include "lab/cancel.h"
#include "lab/reconcile.h"
#include "lab/record.h"
#include "lab/snapshot.h"
#include "log/logger.h"
#include "track/tracker.h"
#include "unit/lab/lab_common.h"
#include <sys/wait.h>
#include <unistd.h>

static temp_folder folder;
static mli_lab *lab;
static int64_t extra_ns; /* added to the clocks */
static int64_t still_ns; /* not 0: the monotonic clock stands there */

static int64_t real_now(void *user)
{
    (void)user;
    return mli_os_system_clock.realtime_ns(NULL) + extra_ns;
}
static int64_t mono_now(void *user)
{
    (void)user;
    return (still_ns != 0 ? still_ns : mli_os_system_clock.monotonic_ns(NULL)) + extra_ns;
}
static int sleep_real(void *user, int64_t ns)
{
    (void)user;
    return mli_os_system_clock.sleep_ns(NULL, ns);
}
static const mli_os_clock test_clock = {NULL, real_now, mono_now, sleep_real};

static int set_up(void **state)
{
    static const mli_lab_tables tables = {.clock = &test_clock};

    (void)state;
    extra_ns = 0;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, &tables, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static modellab_record *begin(const modellab_record_options *options)
{
    static const modellab_record_options none = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;

    ASSERT_OK(mli_record_begin(lab, options == NULL ? &none : options, &record, err));
    return record;
}

static mli_run_record *load(const char *id)
{
    mli_run_record *record = NULL;

    ASSERT_OK(mli_store_load(lab->store, id, &record, err));
    return record;
}

/* Of step "compute": the first and the third that were told. */
static void expect_details(const char *id)
{
    static const char *const expected[] = {"{\"bytes\":1}", "{\"bytes\":3}"};
    mli_event_row_list *events = NULL;
    size_t found = 0;

    ASSERT_OK(mli_store_events(lab->store, id, 0, 100, &events, err));
    for (size_t i = 0; i < events->count; i++) {
        if (strcmp(events->rows[i].type, "step_progress") == 0) {
            assert_true(found < 2);
            assert_string_equal(events->rows[i].step, "compute");
            assert_string_equal(events->rows[i].data, expected[found++]);
        }
    }
    assert_int_equal(found, 2);
    mli_event_row_list_free(events);
}

static void a_whole_record(void **state)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    char id[MLI_ULID_BYTES], artifact[MLI_ULID_BYTES];
    modellab_record *record;
    mli_run_record *row;
    mli_buf bytes;
    int fd;

    (void)state;
    o.pipeline = "my_work";
    o.user = "ann";
    o.config_json = "{\"b\":1, \"a\":[true]}";
    o.audio_seconds = 12.5;
    record = begin(&o);
    memcpy(id, record->ids.run_id, sizeof id);
    ASSERT_FAILS(MODELLAB_E_BUSY, mli_rundir_lock(&mli_os_system_files, lab->root, id, &fd, err));
    ASSERT_OK(mli_record_step_begin(record, "load", err));
    ASSERT_FAILS(MODELLAB_E_STATE, mli_record_step_begin(record, "again", err));
    ASSERT_OK(mli_record_add_artifact(record, "note \xc3\xa4.txt", "text/plain", "hello", 5,
                                      artifact, err));
    ASSERT_OK(mli_record_step_end(record, MODELLAB_RUN_COMPLETED, NULL, err));
    ASSERT_FAILS(MODELLAB_E_STATE, mli_record_step_end(record, MODELLAB_RUN_COMPLETED, NULL, err));
    ASSERT_OK(mli_record_step_begin(record, "compute", err));
    ASSERT_OK(mli_span_add(record->tracker, MODELLAB_SPAN_ROOT, 0, 3, err));
    ASSERT_OK(mli_record_check(record, err));
    mli_record_progress(record, 4.0);
    ASSERT_FAILS(MODELLAB_E_INVALID_JSON, mli_record_tell(record, "{\"a\":", err));
    ASSERT_FAILS(MODELLAB_E_SCHEMA, mli_record_tell(record, "[1]", err));
    still_ns = mli_os_system_clock.monotonic_ns(NULL);
    ASSERT_OK(mli_record_tell(record, "{\"bytes\":1}", err));
    ASSERT_OK(mli_record_tell(record, "{\"bytes\":2}", err)); /* too soon */
    extra_ns += 1500000000;
    ASSERT_OK(mli_record_tell(record, "{\"bytes\":3}", err));
    still_ns = 0;
    expect_details(id);
    mli_log_text(record->logger, MODELLAB_LOG_INFO, "host.said", "hello from the host");
    ASSERT_OK(mli_record_finish(record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, mli_record_finish(record, MODELLAB_RUN_FAILED,
                                                         MODELLAB_REASON_INTERNAL, NULL, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, mli_record_step_begin(record, "late", err));
    mli_record_destroy(record);

    row = load(id);
    assert_int_equal(MODELLAB_RUN_COMPLETED, row->run->status);
    assert_string_equal("my_work", row->run->pipeline);
    assert_non_null(strstr(row->run->request_json, "\"config\":{\"a\":[true],\"b\":1}"));
    assert_int_equal(2, row->step_count);
    assert_string_equal("load", row->steps[0].name);
    assert_int_equal(MODELLAB_RUN_COMPLETED, row->steps[1].status); /* the open one ended with it */
    assert_int_equal(3, row->run->api_calls);
    assert_true(row->run->audio_seconds == 12.5 && row->run->progress_seconds == 4.0);
    assert_true(row->run->cpu_seconds >= 0 && row->run->cost_micros >= 0);
    assert_true(row->run->peak_memory_bytes > 1000000);
    assert_int_equal(1, row->artifact_count);
    assert_int_equal(9, row->run->last_event);
    mli_buf_init(&bytes, NULL);
    ASSERT_OK(mli_run_read_artifact(lab, id, artifact, 100, &bytes, err));
    assert_string_equal("hello", mli_buf_text(&bytes));
    mli_buf_clear(&bytes);
    ASSERT_FAILS(MODELLAB_E_LIMIT, mli_run_read_artifact(lab, id, artifact, 4, &bytes, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_run_read_artifact(lab, id, id, 4, &bytes, err));
    mli_buf_clear(&bytes);
    ASSERT_OK(
        mli_run_file_read(&mli_os_system_files, lab->root, id, MLI_RUN_LOG, 100000, &bytes, err));
    assert_non_null(strstr(bytes.data, "hello from the host"));
    assert_non_null(strstr(bytes.data, id));
    assert_null(strstr(bytes.data, folder.path));
    mli_buf_dispose(&bytes);
    mli_run_record_free(row);
    ASSERT_OK(mli_rundir_lock(&mli_os_system_files, lab->root, id, &fd, err)); /* free again */
    assert_int_equal(0, close(fd));
}

static void damaged_artifacts_are_seen(void **state)
{
    char artifact[MLI_ULID_BYTES], path[1024];
    modellab_record *record = begin(NULL);
    mli_buf bytes;

    (void)state;
    ASSERT_OK(mli_record_add_artifact(record, "a.bin", "x/y", "12345", 5, artifact, err));
    assert_true(snprintf(path, sizeof path, "%s/runs/%s/artifacts/1-%s", lab->root,
                         record->ids.run_id, artifact) > 0);
    write_file(path, "12346", 5);
    mli_buf_init(&bytes, NULL);
    ASSERT_FAILS(MODELLAB_E_HASH_MISMATCH,
                 mli_run_read_artifact(lab, record->ids.run_id, artifact, 100, &bytes, err));
    mli_buf_dispose(&bytes);
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                 mli_record_add_artifact(record, "../x", "x/y", "", 0, NULL, err));
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                 mli_record_add_artifact(record, "", "x/y", "", 0, NULL, err));
    mli_record_destroy(record);
}

static void expect_end(const char *id, modellab_run_status status, modellab_reason reason,
                       const char *says)
{
    mli_run_record *row = load(id);

    assert_int_equal(status, row->run->status);
    assert_int_equal(reason, row->run->reason);
    if (strstr(row->run->message, says) == NULL) {
        fail_msg("%s", row->run->message);
    }
    mli_run_record_free(row);
}

static void unfinished_ones_end(void **state)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    char id[MLI_ULID_BYTES];
    modellab_record *record = begin(NULL);

    (void)state;
    memcpy(id, record->ids.run_id, sizeof id);
    mli_record_destroy(record);
    expect_end(id, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_STOPPED, "host");
    o.max_duration_ms = 90000;
    record = begin(&o);
    memcpy(id, record->ids.run_id, sizeof id);
    ASSERT_OK(mli_record_check(record, err));
    extra_ns += (int64_t)91000 * 1000000;
    ASSERT_FAILS(MODELLAB_E_TIMEOUT, mli_record_check(record, err));
    mli_record_destroy(record); /* ends as what stopped it */
    expect_end(id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT,
               "Run timed out after 90 seconds");
    o.max_duration_ms = 600000;
    record = begin(&o);
    memcpy(id, record->ids.run_id, sizeof id);
    extra_ns += (int64_t)601000 * 1000000;
    ASSERT_FAILS(MODELLAB_E_TIMEOUT, mli_record_check(record, err));
    ASSERT_OK(
        mli_record_finish(record, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT, NULL, err));
    mli_record_destroy(record);
    expect_end(id, MODELLAB_RUN_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT,
               "Run timed out after 10 minutes");
}

static void caps_stop(void **state)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_caps caps = MODELLAB_CAPS_INIT;
    modellab_record *record;
    char id[MLI_ULID_BYTES];

    (void)state;
    o.caps = &caps;
    caps.set = MODELLAB_CAP_API_CALLS;
    caps.api_calls = 2;
    record = begin(&o);
    memcpy(id, record->ids.run_id, sizeof id);
    ASSERT_OK(mli_span_add(record->tracker, MODELLAB_SPAN_ROOT, 0, 2, err));
    ASSERT_OK(mli_record_check(record, err));
    ASSERT_OK(mli_span_add(record->tracker, MODELLAB_SPAN_ROOT, 0, 1, err));
    ASSERT_FAILS(MODELLAB_E_CAP_EXCEEDED, mli_record_check(record, err));
    mli_record_destroy(record);
    expect_end(id, MODELLAB_RUN_FAILED, MODELLAB_REASON_API_CALLS_CAP, "API calls");
    caps.set = MODELLAB_CAP_AUDIO_SECONDS;
    caps.audio_seconds = 5;
    o.audio_seconds = 6;
    record = NULL;
    ASSERT_FAILS(MODELLAB_E_CAP_EXCEEDED, mli_record_begin(lab, &o, &record, err));
    assert_null(record);
}

static void cancelled_from_elsewhere(void **state)
{
    static const mli_lab_tables tables = {.clock = &test_clock};
    modellab_cancel_outcome outcome;
    modellab_record *record = begin(NULL);
    char id[MLI_ULID_BYTES];
    mli_lab *other = open_lab(&folder, NULL, &tables, 0);

    (void)state;
    memcpy(id, record->ids.run_id, sizeof id);
    ASSERT_OK(mli_record_check(record, err));
    ASSERT_OK(mli_run_cancel(other, id, &outcome, err));
    assert_int_equal(MODELLAB_CANCEL_REQUESTED, outcome);
    extra_ns += 200000000; /* past the interval between two looks */
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_record_check(record, err));
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_record_check(record, err));
    mli_record_destroy(record);
    expect_end(id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER, "cancelled");
    mli_lab_unref(other);
}

/* A host that dies leaves no run RUNNING; one that lives is not touched. */
static void dead_hosts_are_found(void **state)
{
    char id[MLI_ULID_BYTES] = "";
    modellab_record *alive = begin(NULL);
    int ends[2], code = 0;
    pid_t child;

    (void)state;
    assert_int_equal(0, pipe(ends));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mli_lab *own = open_lab(&folder, NULL, NULL, MODELLAB_LAB_NO_RECONCILE);
        modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
        modellab_record *record = NULL;

        if (mli_record_begin(own, &o, &record, NULL) != MODELLAB_OK ||
            write(ends[1], record->ids.run_id, MLI_ULID_BYTES) != MLI_ULID_BYTES) {
            _exit(1);
        }
        _exit(0); /* as if it was killed: nothing is finished */
    }
    assert_int_equal(MLI_ULID_BYTES, read(ends[0], id, MLI_ULID_BYTES));
    assert_int_equal(child, waitpid(child, &code, 0));
    assert_int_equal(0, code);
    assert_int_equal(0, close(ends[0]) + close(ends[1]));
    ASSERT_OK(mli_reconcile(lab, 0, NULL, err));
    expect_end(id, MODELLAB_RUN_STALE, MODELLAB_REASON_WORKER_LOST, "");
    expect_end(alive->ids.run_id, MODELLAB_RUN_RUNNING, MODELLAB_REASON_NONE, "");
    ASSERT_OK(mli_record_finish(alive, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, err));
    mli_record_destroy(alive);
}

/* The run was ended by somebody else: the record is told, and is over. */
static void the_first_final_status_wins(void **state)
{
    modellab_record *record = begin(NULL);
    mli_run_transition stale = {.to = MODELLAB_RUN_STALE, .event_type = "run_stale"};
    mli_store_change change = {.run_id = record->ids.run_id,
                               .fence = 1,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 5,
                               .transition = &stale};
    char id[MLI_ULID_BYTES];

    (void)state;
    memcpy(id, record->ids.run_id, sizeof id);
    ASSERT_OK(mli_store_apply(lab->store, &change, NULL, NULL, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, mli_record_check(record, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL,
                 mli_record_add_artifact(record, "a", "b", "c", 1, NULL, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, mli_record_finish(record, MODELLAB_RUN_COMPLETED,
                                                         MODELLAB_REASON_NONE, NULL, err));
    mli_record_destroy(record);
    expect_end(id, MODELLAB_RUN_STALE, MODELLAB_REASON_NONE, "");
}

static void bad_options_are_refused(void **state)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;

    (void)state;
    o.config_json = "[1]";
    ASSERT_FAILS(MODELLAB_E_INVALID_JSON, mli_record_begin(lab, &o, &record, err));
    o.config_json = NULL;
    o.user = "\xff";
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_record_begin(lab, &o, &record, err));
    o.user = NULL;
    o.audio_seconds = -1;
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_record_begin(lab, &o, &record, err));
    assert_int_equal(0, count_runs(lab));
    assert_int_equal(0, count_folders(lab));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_artifacts_are_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unfinished_ones_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(caps_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_hosts_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_final_status_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_options_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
