/* The queue in the store: candidates by indexes however long it is, counters of users, limits,
 * holding and moving, queue deadlines. */
#include "store/sqlite_db.h"
#include "unit/store/common.h"

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

static void add_of(int number, const char *user, int32_t priority, int32_t size)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];

    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = user;
    row.pipeline = "custom";
    row.request_id = "r";
    row.currency = "USD";
    row.priority = priority;
    row.size_class = size;
    row.created_ms = 1000 + number;
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
}

static mli_queue_view *look(const mli_queue_query *query)
{
    mli_queue_view *view = NULL;

    ASSERT_OK(mli_store_queue(store, query, &view, err));
    return view;
}

static const mli_queue_run *find(const mli_queue_view *view, int number)
{
    for (size_t i = 0; i < view->run_count; i++) {
        if (strcmp(view->runs[i].id, id_of(number)) == 0) {
            return &view->runs[i];
        }
    }
    return NULL;
}

static modellab_status arrange(int number, mli_arrange what, int32_t priority, bool head,
                               bool *changed)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_store_arrangement it = {.run_id = id_of(number),
                                .what = what,
                                .priority = priority,
                                .to_head = head,
                                .now_ms = 9000};

    return mli_store_arrange(store, &it, changed, &err);
}

/* Steps of SQLite's machine over all statements, steps of full scans and sorts among them, since
 * the last call. */
static int work_of_statements(int *scans, int *sorts)
{
    mli_sqlite *s = (mli_sqlite *)store;
    int steps = 0;

    *scans = *sorts = 0;
    for (int i = 0; i < MLI_SQL_COUNT; i++) {
        if (s->statements[i] != NULL) {
            steps += sqlite3_stmt_status(s->statements[i], SQLITE_STMTSTATUS_VM_STEP, 1);
            *scans += sqlite3_stmt_status(s->statements[i], SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
            *sorts += sqlite3_stmt_status(s->statements[i], SQLITE_STMTSTATUS_SORT, 1);
        }
    }
    return steps;
}

/* 20 users wait; `each` of them with so many runs of both sizes. */
static int work_of_a_look(int from, int each)
{
    mli_queue_query query = {.now_ms = 100000, .each = 4};
    mli_queue_view *view;
    int scans, sorts, steps;
    char user[16];

    for (int i = 0; i < 20 * each; i++) {
        (void)snprintf(user, sizeof user, "u%d", i % 20);
        add_of(from + i, user, i % 31, (i / 20) % 2);
    }
    (void)work_of_statements(&scans, &sorts);
    view = look(&query);
    steps = work_of_statements(&scans, &sorts);
    assert_true(scans <= 20); /* the users, in their order */
    assert_int_equal(0, sorts);
    assert_int_equal(20, view->user_count);
    assert_true(view->run_count <= 20 * 2 * query.each + 2 * query.each);
    mli_queue_view_free(view);
    return steps;
}

/* A look costs the same when the queue is 50 times as long. */
static void a_long_queue_is_not_read(void **state)
{
    int few, many;

    (void)state;
    few = work_of_a_look(1, 10);
    many = work_of_a_look(1000, 490);
    assert_true(many < few * 2);
}

static void candidates_are_the_best(void **state)
{
    mli_queue_query query = {.now_ms = 100000, .each = 1};
    mli_queue_view *view;

    (void)state;
    add_of(1, "ann", 10, MLI_SIZE_LONG);
    add_of(2, "ann", 20, MLI_SIZE_LONG);
    add_of(3, "ann", 0, MLI_SIZE_SHORT);
    add_of(4, "bob", 0, MLI_SIZE_LONG);
    view = look(&query);
    assert_true(find(view, 1) == NULL && find(view, 2) != NULL && find(view, 3) != NULL);
    assert_int_equal(3, view->users[find(view, 2)->user].waiting);
    assert_int_equal(1, view->users[find(view, 4)->user].waiting);
    mli_queue_view_free(view);
    query.short_only = true;
    view = look(&query);
    assert_int_equal(1, view->run_count);
    assert_non_null(find(view, 3));
    mli_queue_view_free(view);
    query.short_only = false;
    claim_run(store, 2, 5000);
    query.user_limit = 1; /* ann has that already */
    view = look(&query);
    assert_int_equal(1, view->run_count);
    assert_non_null(find(view, 4));
    assert_int_equal(1, view->running_count);
    mli_queue_view_free(view);
    query = (mli_queue_query){.now_ms = 100000}; /* everything */
    view = look(&query);
    assert_int_equal(3, view->run_count);
    assert_int_equal(1, view->users[find(view, 1)->user].running);
    assert_int_equal(2, view->users[find(view, 1)->user].waiting);
    mli_queue_view_free(view);
}

static void a_user_is_charged(void **state)
{
    mli_queue_query query = {.now_ms = 100000, .each = 8};
    mli_queue_view *view;

    (void)state;
    add_of(1, "ann", 10, 0);
    add_of(2, "ann", 10, 0);
    claim_run(store, 1, 5000);
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_FAILED, 5700, err)); /* failed ones count, too */
    view = look(&query);
    assert_int_equal(700, view->users[0].virtual_ms);
    assert_int_equal(1, view->starts);
    mli_queue_view_free(view);
    add_of(3, "bob", 10, 0); /* comes while ann waits: where the store was told that she is */
    view = look(&query);
    assert_int_equal(0, view->users[find(view, 3)->user].virtual_ms);
    mli_queue_view_free(view);
    for (int i = 2; i <= 3; i++) {
        mli_store_claim claim = {
            .run_id = id_of(i), .owner = "{}", .now_ms = 6000, .virtual_ms = 700};
        mli_run_row *row = NULL;

        ASSERT_OK(mli_store_claim_run(store, &claim, &row, err));
        mli_run_row_free(NULL, row);
    }
    add_of(4, "cat", 10, 0); /* begins where the others are */
    view = look(&query);
    assert_int_equal(700, view->users[find(view, 4)->user].virtual_ms);
    mli_queue_view_free(view);
    ASSERT_OK(end_run(store, 2, 1, MODELLAB_RUN_COMPLETED, 9000, err));
    ASSERT_OK(end_run(store, 3, 1, MODELLAB_RUN_COMPLETED, 9000, err));
    claim_run(store, 4, 9000);
    ASSERT_OK(end_run(store, 4, 1, MODELLAB_RUN_COMPLETED, 9001, err));
    add_of(5, "bob", 10, 0); /* nobody was there: all begin alike, at the most that anyone had */
    add_of(6, "cat", 10, 0);
    view = look(&query);
    assert_int_equal(view->users[find(view, 5)->user].virtual_ms,
                     view->users[find(view, 6)->user].virtual_ms);
    mli_queue_view_free(view);
}

static modellab_status limited_claim(int number, int32_t all, int32_t own)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_store_claim claim = {.run_id = id_of(number),
                             .owner = "{}",
                             .now_ms = 5000,
                             .max_running = all,
                             .max_running_per_user = own};
    mli_run_row *row = NULL;
    modellab_status status = mli_store_claim_run(store, &claim, &row, &err);

    mli_run_row_free(NULL, row);
    return status;
}

static void limits_are_kept_in_the_claim(void **state)
{
    (void)state;
    for (int i = 1; i <= 6; i++) {
        add_of(i, i % 2 == 0 ? "ann" : "bob", 10, 0);
    }
    assert_int_equal(MODELLAB_OK, limited_claim(1, 3, 1));
    assert_int_equal(MODELLAB_E_STATE, limited_claim(3, 3, 1));
    assert_int_equal(MODELLAB_OK, limited_claim(2, 3, 1));
    assert_int_equal(MODELLAB_OK, limited_claim(3, 3, 2));
    assert_int_equal(MODELLAB_E_STATE, limited_claim(4, 3, 2));
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_COMPLETED, 6000, err));
    assert_int_equal(MODELLAB_OK, limited_claim(4, 3, 2));
}

static void holding_and_moving(void **state)
{
    mli_queue_query query = {.now_ms = 100000, .each = 8};
    mli_queue_view *view;
    mli_run_record *record = NULL;
    bool changed = false;

    (void)state;
    add_of(1, "ann", 10, 0);
    add_of(2, "ann", 10, 0);
    assert_int_equal(MODELLAB_OK, arrange(1, MLI_ARRANGE_HOLD, 0, false, &changed));
    assert_true(changed);
    assert_int_equal(MODELLAB_OK, arrange(1, MLI_ARRANGE_HOLD, 0, false, &changed));
    assert_false(changed);
    assert_int_equal(MODELLAB_E_STATE, limited_claim(1, 0, 0));
    view = look(&query);
    assert_true(find(view, 1) == NULL && view->users[0].waiting == 1);
    mli_queue_view_free(view);
    ASSERT_OK(mli_store_load(store, id_of(1), &record, err));
    assert_int_equal(MODELLAB_REASON_HELD, record->run->reason);
    mli_run_record_free(record);
    assert_int_equal(MODELLAB_OK, arrange(1, MLI_ARRANGE_RELEASE, 0, false, &changed));
    assert_true(changed);
    assert_int_equal(MODELLAB_OK, arrange(2, MLI_ARRANGE_PRIORITY, 0, true, &changed));
    view = look(&query);
    assert_int_equal(2, view->run_count);
    assert_string_equal(id_of(2), view->runs[0].id);
    assert_int_equal(10, view->runs[0].priority); /* it keeps its own */
    mli_queue_view_free(view);
    assert_int_equal(MODELLAB_OK, arrange(2, MLI_ARRANGE_PRIORITY, 5, false, &changed));
    assert_true(changed);
    assert_int_equal(MODELLAB_OK, arrange(2, MLI_ARRANGE_PRIORITY, 5, false, &changed));
    assert_false(changed);
    claim_run(store, 1, 9500);
    assert_int_equal(MODELLAB_E_STATE, arrange(1, MLI_ARRANGE_HOLD, 0, false, NULL));
    ASSERT_OK(end_run(store, 1, 1, MODELLAB_RUN_COMPLETED, 9600, err));
    assert_int_equal(MODELLAB_E_RUN_FINAL, arrange(1, MLI_ARRANGE_RELEASE, 0, false, NULL));
    assert_int_equal(MODELLAB_E_NOT_FOUND, arrange(9, MLI_ARRANGE_HOLD, 0, false, NULL));
    ASSERT_OK(mli_store_load(store, id_of(1), &record, err));
    assert_int_equal(5, record->run->last_event); /* queued, held, released, started, ended */
    mli_run_record_free(record);
}

static size_t overdue(int64_t now_ms, const char *only)
{
    char ids[4][MLI_ULID_BYTES];
    size_t count = 0;

    ASSERT_OK(mli_store_overdue(store, now_ms, only, 4, ids, &count, err));
    return count;
}

static void queue_deadlines(void **state)
{
    mli_event_row event = {.type = "run_queued"};
    mli_queue_query query = {.now_ms = 1000, .each = 8};
    mli_queue_view *view;
    mli_run_row row;
    char existing[MLI_ULID_BYTES];

    (void)state;
    mli_run_row_init(&row);
    row.id = id_of(1);
    row.created_ms = 1000;
    row.max_queue_ms = 500;
    row.queue_until_ms = 1500;
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
    add_of(2, "", 10, 0); /* without */
    view = look(&query);
    assert_int_equal(1500, view->next_deadline_ms);
    mli_queue_view_free(view);
    assert_int_equal(0, overdue(1499, NULL));
    assert_int_equal(1, overdue(1500, NULL));
    assert_int_equal(0, overdue(1500, id_of(2)));
    assert_int_equal(MODELLAB_OK, arrange(1, MLI_ARRANGE_HOLD, 0, false, NULL));
    assert_int_equal(0, overdue(99999, NULL));                                      /* held */
    assert_int_equal(MODELLAB_OK, arrange(1, MLI_ARRANGE_RELEASE, 0, false, NULL)); /* at 9000 */
    assert_int_equal(0, overdue(9499, NULL));
    assert_int_equal(1, overdue(9500, NULL));
    claim_run(store, 1, 9400);
    assert_int_equal(0, overdue(99999, NULL)); /* it runs */
    mli_run_transition again = {
        .to = MODELLAB_RUN_QUEUED, .event_type = "run_requeued", .not_before_ms = 20000};
    mli_store_change change = {.run_id = id_of(1),
                               .fence = 1,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 10000,
                               .transition = &again};
    ASSERT_OK(mli_store_apply(store, &change, NULL, NULL, err));
    assert_int_equal(0, overdue(20499, NULL)); /* from when it becomes due */
    assert_int_equal(1, overdue(20500, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_queue_is_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(candidates_are_the_best, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_is_charged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_are_kept_in_the_claim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holding_and_moving, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_deadlines, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
