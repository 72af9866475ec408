/* Opening a database of every earlier schema brings it up to date and loses nothing. Argument: the
 * folder with version<N>.sql, as the library of that time wrote it. */
#include "unit/store/common.h"
#include <sqlite3.h>

static const char *scripts;
static temp_folder folder;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static void run_script_file(const char *name)
{
    static char text[200000];
    char path[1024];
    sqlite3 *db = NULL;
    FILE *file;

    assert_true(snprintf(path, sizeof path, "%s/%s", scripts, name) > 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(0, fclose(file));
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_exec(db, text, NULL, NULL, NULL));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

static mli_run_record *load(mli_store *store, const char *id)
{
    mli_run_record *record = NULL;

    ASSERT_OK(mli_store_load(store, id, &record, err));
    return record;
}

static void version_1(void **state)
{
    static const char *const ids[] = {"01M84V4C1V3VMPXM4H74GXZD8X", "01M84V4C7RQ2K1298HXMBHA241",
                                      "01M84V4CFWMXZV1N55A1722B7M", "01M84V4CT85H0KWVKSC46EJRCZ"};
    mli_store_filter filter = {.limit = 100};
    mli_run_row_list *list = NULL;
    mli_event_row_list *events = NULL;
    mli_total_list *totals = NULL;
    mli_usage usage;
    mli_queue_query query = {.now_ms = 2000000000000, .each = 2};
    mli_queue_view *queue = NULL;
    mli_store *store;

    (void)state;
    run_script_file("version1.sql");
    store = open_in(&folder, NULL, false);
    ASSERT_OK(mli_store_list(store, &filter, &list, err));
    assert_int_equal(4, list->count);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(ids[3 - i], list->rows[i]->id);
    }
    mli_run_row_list_free(list);
    mli_run_record *done = load(store, ids[0]), *cancelled = load(store, ids[2]);
    assert_int_equal(MODELLAB_RUN_COMPLETED, done->run->status);
    assert_string_equal("ann", done->run->user);
    assert_int_equal(32044, done->run->input_bytes);
    assert_true(done->run->cpu_seconds > 0.02);
    assert_int_equal(1, done->step_count);
    assert_int_equal(1, done->artifact_count);
    assert_string_equal("", done->run->seal_json); /* what was not known then */
    assert_int_equal(0, done->run->deleting + done->run->removed + done->run->imported);
    assert_string_equal("", done->run->methods);
    assert_true(done->run->queue_wait_ms == done->run->started_ms - done->run->created_ms);
    assert_true(done->run->wall_ms == done->run->ended_ms - done->run->started_ms);
    assert_true(done->steps[0].gpu_seconds == -1 && done->steps[0].api_calls == -1);
    assert_true(done->steps[0].earlier_cpu_seconds == 0);
    assert_int_equal(MODELLAB_RUN_CANCELLED, cancelled->run->status);
    assert_int_equal(MODELLAB_REASON_CANCELLED_BY_USER, cancelled->run->reason);
    mli_run_record_free(done);
    mli_run_record_free(cancelled);
    ASSERT_OK(mli_store_events(store, ids[0], 0, 100, &events, err));
    assert_int_equal(7, events->count);
    assert_int_equal(7, events->rows[6].number);
    mli_event_row_list_free(events);
    ASSERT_OK(mli_store_totals(store, &totals, err));
    assert_true(totals->count > 10);
    mli_total_list_free(totals);
    ASSERT_OK(mli_store_queue(store, &query, &queue, err));
    assert_int_equal(1, queue->run_count); /* what waited then can be taken now */
    assert_string_equal(ids[3], queue->runs[0].id);
    assert_int_equal(1, queue->users[queue->runs[0].user].waiting);
    mli_queue_view_free(queue);
    /* It is executed and counted as if it had come later. */
    mli_store_claim claim = {.run_id = ids[3], .owner = "{}", .now_ms = 2000000000000};
    mli_run_row *claimed = NULL;
    ASSERT_OK(mli_store_claim_run(store, &claim, &claimed, err));
    ASSERT_OK(mli_store_usage(store, claimed->user, 0, 1000000, &usage, err));
    assert_int_equal(1, usage.used.of[MLI_MEASURE_RUNS]);
    mli_run_row_free(NULL, claimed);
    mli_store_close(store);
    store = open_in(&folder, NULL, true); /* and again, for reading */
    mli_store_close(store);
}

/* Without the migration it stays what it was: a lab that is only read is not changed. */
static void an_old_lab_is_not_changed_by_a_reader(void **state)
{
    char path[1024];
    mli_store *store = NULL;
    mli_store_options options = {.path = path, .read_only = true};

    (void)state;
    run_script_file("version1.sql");
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    ASSERT_FAILS(MODELLAB_E_STORE_READ_ONLY, mli_store_open_sqlite(&options, &store, err));
    assert_null(store);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_lab_is_not_changed_by_a_reader, set_up, tear_down),
    };

    assert_true(argc == 2);
    scripts = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
