/* The store: what is written comes back; order of the queue; fences, final statuses, numbered
 * events. */
#include "store/sqlite_db.h"
#include "unit/store/common.h"
#include <sqlite3.h>

static temp_folder folder;
static mli_store *store;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    store = open_in(&folder, NULL, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_store_close(store);
    temp_folder_remove(&folder);
    return 0;
}

static mli_run_record *load(int number)
{
    mli_run_record *record = NULL;

    ASSERT_OK(mli_store_load(store, id_of(number), &record, err));
    return record;
}

static void rows_come_back(void **state)
{
    mli_event_row event = {.type = "run_queued", .data = "{\"a\":1}"};
    mli_run_row row;
    mli_run_record *record;
    char existing[MLI_ULID_BYTES];

    (void)state;
    mli_run_row_init(&row);
    row.id = id_of(7);
    row.request_id = "req";
    row.input_name = "talk \xc3\xa4.wav";
    row.request_json = "{\"x\":[1,2]}";
    row.owner = "{}";
    row.priority = 25;
    row.created_ms = 5000;
    row.max_duration_ms = 77;
    row.audio_seconds = 1.25;
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
    record = load(7);
    assert_string_equal("talk \xc3\xa4.wav", record->run->input_name);
    assert_string_equal("{\"x\":[1,2]}", record->run->request_json);
    assert_string_equal("", record->run->message);
    assert_int_equal(25, record->run->priority);
    assert_int_equal(77, record->run->max_duration_ms);
    assert_int_equal(1, record->run->last_event);
    assert_int_equal(-1, record->run->started_ms);
    assert_true(record->run->audio_seconds == 1.25 && record->run->cpu_seconds == -1);
    mli_run_record_free(record);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_load(store, id_of(8), &record, err));
}

static mli_queue_view *queue_at(int64_t now_ms, const char *only_id)
{
    mli_queue_query query = {.now_ms = now_ms, .only_id = only_id, .each = 8};
    mli_queue_view *view = NULL;

    ASSERT_OK(mli_store_queue(store, &query, &view, err));
    return view;
}

static void queue_is_ordered(void **state)
{
    mli_queue_view *view;

    (void)state;
    add_run(store, 1, 10, 1000000);
    add_run(store, 2, 30, 1000000);
    add_run(store, 3, 10, 999000);
    add_run(store, 4, 10, 1000000 - 21 * 30000); /* waited 21 steps longer: above urgent by one */
    view = queue_at(2000000, NULL);
    assert_int_equal(4, view->run_count);
    assert_string_equal(id_of(4), view->runs[0].id);
    assert_string_equal(id_of(2), view->runs[1].id);
    assert_string_equal(id_of(3), view->runs[2].id);
    assert_string_equal(id_of(1), view->runs[3].id);
    assert_int_equal(-1, view->next_due_ms);
    mli_queue_view_free(view);
    view = queue_at(2000000, id_of(3));
    assert_int_equal(1, view->run_count);
    assert_string_equal(id_of(3), view->runs[0].id);
    mli_queue_view_free(view);
}

static void claim_is_exclusive(void **state)
{
    mli_store_claim claim = {.run_id = id_of(1), .owner = "{}", .now_ms = 20};
    mli_run_row *row = NULL;
    mli_run_row_list *active = NULL;

    (void)state;
    add_run(store, 1, 10, 10);
    ASSERT_OK(mli_store_claim_run(store, &claim, &row, err));
    assert_int_equal(1, row->attempt);
    assert_int_equal(1, row->fence);
    assert_int_equal(20, row->started_ms);
    assert_int_equal(2, row->last_event);
    mli_run_row_free(NULL, row);
    ASSERT_FAILS(MODELLAB_E_STATE, mli_store_claim_run(store, &claim, &row, err));
    assert_null(row);
    ASSERT_OK(mli_store_active(store, &active, err));
    assert_int_equal(1, active->count);
    mli_run_row_list_free(active);
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_COMPLETED, 30, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, mli_store_claim_run(store, &claim, &row, err));
}

static void first_final_status_wins(void **state)
{
    mli_run_record *record;

    (void)state;
    add_run(store, 1, 10, 10);
    claim_run(store, 1, 20);
    ASSERT_FAILS(MODELLAB_E_FENCED, end_run(store, 1, 0, MODELLAB_RUN_COMPLETED, 30, err));
    ASSERT_FAILS(MODELLAB_E_FENCED, end_run(store, 1, 2, MODELLAB_RUN_COMPLETED, 30, err));
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_TIMEOUT, 30, err));
    ASSERT_FAILS(MODELLAB_E_RUN_FINAL, end_run(store, 1, 1, MODELLAB_RUN_COMPLETED, 40, err));
    record = load(1);
    assert_int_equal(MODELLAB_RUN_TIMEOUT, record->run->status);
    assert_int_equal(30, record->run->ended_ms);
    assert_true(record->run->cpu_seconds == 2.5);
    assert_string_equal("", record->run->owner);
    mli_run_record_free(record);
}

static void a_change_is_whole(void **state)
{
    mli_step_row step = {.name = "asr",
                         .status = MODELLAB_RUN_COMPLETED,
                         .started_ms = 21,
                         .ended_ms = 29,
                         .cpu_seconds = 1,
                         .peak_memory_bytes = -1,
                         .position = 1};
    mli_artifact_row artifact = {
        .id = id_of(901), .name = "transcript.json", .file = "1-t", .bytes = 3};
    mli_event_row events[] = {{.type = "step_started", .step = "asr"},
                              {.type = "step_completed", .step = "asr"}};
    mli_store_change change = {.run_id = id_of(1),
                               .fence = 1,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 29,
                               .journal_line = 4,
                               .steps = &step,
                               .step_count = 1,
                               .artifacts = &artifact,
                               .artifact_count = 1,
                               .events = events,
                               .event_count = 2};
    mli_event_row_list *list = NULL;
    mli_run_record *record;
    bool applied = false;
    int64_t last = 0;

    (void)state;
    add_run(store, 1, 10, 10);
    claim_run(store, 1, 20);
    ASSERT_OK(mli_store_apply(store, &change, &applied, &last, err));
    assert_true(applied);
    assert_int_equal(4, last);
    ASSERT_OK(mli_store_apply(store, &change, &applied, &last, err)); /* the same lines again */
    assert_false(applied);
    assert_int_equal(4, last);
    record = load(1);
    assert_int_equal(1, record->step_count);
    assert_string_equal("asr", record->steps[0].name);
    assert_int_equal(1, record->artifact_count);
    assert_string_equal("transcript.json", record->artifacts[0].name);
    assert_int_equal(4, record->run->journal_line);
    mli_run_record_free(record);
    ASSERT_OK(mli_store_events(store, id_of(1), 1, 2, &list, err));
    assert_int_equal(2, list->count);
    assert_int_equal(2, list->rows[0].number);
    assert_string_equal("run_started", list->rows[0].type);
    assert_int_equal(3, list->rows[1].number);
    assert_string_equal("asr", list->rows[1].step);
    assert_string_equal("{}", list->rows[1].data);
    assert_string_equal("req-1", list->request_id);
    mli_event_row_list_free(list);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_events(store, id_of(2), 0, 9, &list, err));
}

static void requeue_and_cancel(void **state)
{
    mli_run_transition again = {
        .to = MODELLAB_RUN_QUEUED, .event_type = "run_requeued", .not_before_ms = 500};
    mli_store_change change = {.run_id = id_of(1),
                               .fence = 1,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 30,
                               .transition = &again};
    mli_store_cancel cancel;
    mli_queue_view *view;

    (void)state;
    add_run(store, 1, 10, 10);
    claim_run(store, 1, 20);
    ASSERT_OK(mli_store_apply(store, &change, NULL, NULL, err));
    view = queue_at(40, NULL);
    assert_int_equal(0, view->run_count);
    assert_int_equal(500, view->next_due_ms);
    mli_queue_view_free(view);
    view = queue_at(500, NULL);
    assert_int_equal(1, view->run_count);
    assert_int_equal(-1, view->next_due_ms);
    mli_queue_view_free(view);
    ASSERT_OK(mli_store_request_cancel(store, id_of(1), 41, &cancel, err));
    assert_int_equal(MODELLAB_CANCEL_CANCELLED, cancel.outcome);
    ASSERT_OK(mli_store_request_cancel(store, id_of(1), 42, &cancel, err));
    assert_int_equal(MODELLAB_CANCEL_ALREADY_TERMINAL, cancel.outcome);
    ASSERT_OK(mli_store_request_cancel(store, id_of(2), 42, &cancel, err));
    assert_int_equal(MODELLAB_CANCEL_NOT_FOUND, cancel.outcome);
}

/* Once acknowledged, a cancel is not undone by a retry of the run. */
static void a_cancelled_run_is_not_requeued(void **state)
{
    mli_run_transition to = {.to = MODELLAB_RUN_QUEUED, .event_type = "run_requeued"};
    mli_store_change change = {.run_id = id_of(1),
                               .fence = 1,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 30,
                               .transition = &to};
    mli_store_cancel cancel;
    mli_run_stand stand;

    (void)state;
    add_run(store, 1, 10, 10);
    claim_run(store, 1, 20);
    ASSERT_OK(mli_store_request_cancel(store, id_of(1), 25, &cancel, err));
    assert_int_equal(MODELLAB_CANCEL_REQUESTED, cancel.outcome);
    ASSERT_OK(mli_store_request_cancel(store, id_of(1), 26, &cancel, err));
    assert_int_equal(MODELLAB_CANCEL_REQUESTED, cancel.outcome);
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_store_apply(store, &change, NULL, NULL, err));
    ASSERT_OK(mli_store_stand(store, id_of(1), &stand, err));
    assert_int_equal(MODELLAB_RUN_RUNNING, stand.status);
    assert_int_equal(25, stand.cancel_requested_ms);
    to.to = MODELLAB_RUN_CANCELLED;
    ASSERT_OK(mli_store_apply(store, &change, NULL, NULL, err));
}

static void key_is_unique_for_a_user(void **state)
{
    mli_run_row row;
    char existing[MLI_ULID_BYTES];

    (void)state;
    mli_run_row_init(&row);
    row.user = "ann";
    row.idempotency_key = "k";
    row.id = id_of(1);
    ASSERT_OK(mli_store_insert(store, &row, NULL, 0, existing, err));
    row.id = id_of(2);
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_insert(store, &row, NULL, 0, existing, err));
    assert_string_equal(id_of(1), existing);
    row.user = "bob";
    ASSERT_OK(mli_store_insert(store, &row, NULL, 0, existing, err));
}

static void list_pages_and_filters(void **state)
{
    mli_store_filter filter = {.limit = 2};
    mli_run_row_list *list = NULL;

    (void)state;
    for (int i = 1; i <= 5; i++) {
        add_run(store, i, 10, i);
    }
    claim_run(store, 2, 9);
    ASSERT_OK(mli_store_list(store, &filter, &list, err));
    assert_int_equal(2, list->count);
    assert_string_equal(id_of(5), list->rows[0]->id);
    filter.before_id = list->rows[1]->id;
    filter.limit = 100;
    mli_run_row_list *rest = NULL;
    ASSERT_OK(mli_store_list(store, &filter, &rest, err));
    assert_int_equal(3, rest->count);
    mli_run_row_list_free(rest);
    mli_run_row_list_free(list);
    filter = (mli_store_filter){.limit = 9, .status = MODELLAB_RUN_RUNNING, .user = "ann"};
    ASSERT_OK(mli_store_list(store, &filter, &list, err));
    assert_int_equal(1, list->count);
    mli_run_row_list_free(list);
    filter.user = "bob";
    ASSERT_OK(mli_store_list(store, &filter, &list, err));
    assert_int_equal(0, list->count);
    mli_run_row_list_free(list);
}

/* Whatever is asked for, a page is found in the index alone; rows are read for what is shown. */
static void lists_look_at_one_index(void **state)
{
    static const mli_sql lists[] = {MLI_SQL_RUN_LIST, MLI_SQL_RUN_LIST_UP, MLI_SQL_RUN_SORT_UP,
                                    MLI_SQL_RUN_SORT_DOWN};

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char sql[8192];
        sqlite3_stmt *plan = NULL;
        bool covered = false;

        assert_true(snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s",
                             mli_sqlite_run_text(lists[i])) < (int)sizeof sql);
        assert_int_equal(SQLITE_OK,
                         sqlite3_prepare_v2(((mli_sqlite *)store)->db, sql, -1, &plan, NULL));
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *line = (const char *)sqlite3_column_text(plan, 3);

            covered |= strstr(line, "COVERING INDEX runs_list") != NULL;
            assert_true(strncmp(line, "SCAN runs", 9) != 0 || strstr(line, "COVERING") != NULL);
        }
        assert_int_equal(SQLITE_OK, sqlite3_finalize(plan));
        assert_true(covered);
    }
}

static double total_of(const mli_total_list *totals, const char *family, const char *label1)
{
    for (size_t i = 0; i < totals->count; i++) {
        if (strcmp(totals->rows[i].family, family) == 0 &&
            strcmp(totals->rows[i].label1, label1) == 0) {
            return totals->rows[i].value;
        }
    }
    return -1;
}

static void numbers_add_up(void **state)
{
    mli_total_list *totals = NULL;
    mli_store_sums sums;
    mli_store_past history[4];
    size_t count;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        add_run(store, i, 10 * i, 1000);
        if (i > 1) {
            claim_run(store, i, 3000);
        }
    }
    ASSERT_OK(end_run(store, 2, 1, MODELLAB_RUN_COMPLETED, 8000, err));
    ASSERT_OK(mli_store_sum(store, "ann", 0, &sums, err));
    assert_int_equal(3, sums.runs);
    assert_int_equal(1, sums.active_runs);
    assert_int_equal(1000, sums.cost_micros);
    ASSERT_OK(mli_store_sum(store, NULL, 1001, &sums, err));
    assert_int_equal(0, sums.runs);
    ASSERT_OK(mli_store_history(store, "whisper-tiny.en", 4, history, &count, err));
    assert_int_equal(1, count);
    assert_true(history[0].cpu == 0.25 && history[0].wall == 0.5);
    ASSERT_OK(mli_store_totals(store, &totals, err));
    assert_true(total_of(totals, "runs_total", "3") == 1);
    assert_true(total_of(totals, "queue_wait_seconds_count", "") == 2);
    assert_true(total_of(totals, "queue_wait_seconds_bucket", "1") == 0);
    assert_true(total_of(totals, "queue_wait_seconds_bucket", "3") == 2);
    assert_true(total_of(totals, "run_duration_seconds_bucket", "10") == 1);
    assert_true(total_of(totals, "run_duration_seconds_sum", "") == 5);
    assert_true(total_of(totals, "run_cpu_seconds_total", "") == 2.5);
    assert_true(total_of(totals, "cost_total", "USD") == 0.001);
    mli_total_list_free(totals);
    ASSERT_OK(mli_store_queue_depths(store, &totals, err));
    assert_true(total_of(totals, "queue_depth", "normal") == 1);
    assert_true(total_of(totals, "queue_depth", "high") <= 0);
    assert_true(total_of(totals, "runs_open", "1") == 1);
    assert_true(total_of(totals, "queue_oldest_ms", "") >= 0);
    mli_total_list_free(totals);
    ASSERT_OK(mli_store_probe(store, 5, err));
}

static void run_sql(const char *sql)
{
    char path[512];
    sqlite3 *db = NULL;

    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_exec(db, sql, NULL, NULL, NULL));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

static void newer_and_foreign_databases(void **state)
{
    char path[512], sql[80];
    mli_store *other = NULL;
    mli_store_options options = {.path = path};

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    add_run(store, 1, 10, 1);
    mli_store_close(store);
    run_sql("PRAGMA user_version=99");
    ASSERT_FAILS(MODELLAB_E_STORE_NEWER, mli_store_open_sqlite(&options, &other, err));
    assert_null(other);
    run_sql("PRAGMA application_id=5");
    ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT, mli_store_open_sqlite(&options, &other, err));
    assert_true(snprintf(sql, sizeof sql, "PRAGMA application_id=1296843106;PRAGMA user_version=%d",
                         MLI_SCHEMA_VERSION) > 0);
    run_sql(sql);
    store = open_in(&folder, NULL, false);
    mli_run_record_free(load(1));
}

static void damaged_database(void **state)
{
    char path[512];
    mli_store *other = NULL;
    mli_store_options options = {.path = path};
    FILE *file;

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/bad.sqlite", folder.path) > 0);
    file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        assert_true(fputs("this is no database ", file) >= 0);
    }
    assert_int_equal(0, fclose(file));
    ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT, mli_store_open_sqlite(&options, &other, err));
}

static void reading_only(void **state)
{
    mli_store *reader;
    mli_store_cancel cancel;

    (void)state;
    add_run(store, 1, 10, 1);
    reader = open_in(&folder, NULL, true);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(reader, id_of(1), &record, err));
    mli_run_record_free(record);
    ASSERT_FAILS(MODELLAB_E_STORE_READ_ONLY,
                 mli_store_request_cancel(reader, id_of(1), 5, &cancel, err));
    ASSERT_FAILS(MODELLAB_E_STORE_READ_ONLY, mli_store_probe(reader, 5, err));
    mli_store_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_is_ordered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claim_is_exclusive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_final_status_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requeue_and_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_run_is_not_requeued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_is_unique_for_a_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(list_pages_and_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_look_at_one_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newer_and_foreign_databases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
