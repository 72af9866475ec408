/* The feed of all events: in the order of commits, of one user or of all, resumed without a gap or
 * a repetition, also after runs with the newest events were deleted; notes go with their run. */
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

static void add(int number, const char *user)
{
    mli_event_row event = {.type = "run_queued", .time_ms = 1000 - number};
    char existing[MLI_ULID_BYTES];
    mli_run_row row;

    mli_run_row_init(&row);
    row.id = id_of(number);
    row.user = user;
    row.request_id = "req-1";
    row.pipeline = "transcribe";
    row.created_ms = number;
    ASSERT_OK(mli_store_insert(store, &row, &event, 1, existing, err));
}

/* Ids of the runs of the events after `after`, and where to go on. */
static int64_t expect(int64_t after, int32_t limit, const char *user, const char *runs)
{
    mli_feed_query query = {.after = after, .limit = limit, .user = user};
    mli_feed_list *list = NULL;

    ASSERT_OK(mli_store_feed(store, &query, &list, err));
    assert_int_equal(strlen(runs), list->count);
    for (size_t i = 0; i < list->count; i++) {
        assert_string_equal(id_of(runs[i] - '0'), list->rows[i].run_id);
        assert_string_equal("req-1", list->rows[i].request_id);
        assert_true(list->rows[i].seq > after && list->rows[i].seq <= list->next);
        after = list->rows[i].seq;
    }
    int64_t next = list->next;
    mli_feed_list_free(list);
    return next;
}

static int64_t end(void)
{
    int64_t seq = -1;
    ASSERT_OK(mli_store_feed_end(store, &seq, err));
    return seq;
}

static void order(void **state)
{
    (void)state;
    assert_int_equal(0, end());
    assert_int_equal(0, expect(0, 10, NULL, ""));
    add(3, "ann"); /* the order is that of the commits, not that of times or ids */
    add(1, "bob");
    add(2, "ann");
    claim_run(store, 1, 2000);
    assert_int_equal(4, expect(0, 10, NULL, "3121"));
    assert_int_equal(4, expect(0, 10, "ann", "32"));
    assert_int_equal(1, expect(0, 1, "ann", "3"));
    assert_int_equal(2, expect(1, 1, "ann", "")); /* bob's was looked at and is behind it */
    assert_int_equal(3, expect(2, 1, "ann", "2"));
    assert_int_equal(4, expect(4, 1, NULL, ""));
    assert_int_equal(4, end());
}

static void forget(int number)
{
    ASSERT_OK(mli_store_mark(store, id_of(number), MLI_PART_RUN, err));
    assert_int_equal(end(), expect(0, 100, "bob", "")); /* marked: there for nobody */
    ASSERT_OK(mli_store_unmark(store, id_of(number), MLI_PART_RUN, err));
}

static void deleted_runs(void **state)
{
    (void)state;
    add(1, "ann");
    add(2, "bob");
    mli_store_cancel outcome;
    ASSERT_OK(mli_store_request_cancel(store, id_of(2), 5, &outcome, err));
    int64_t newest = end();
    assert_int_equal(3, newest);
    forget(2);
    assert_int_equal(newest, end()); /* no seq is given twice */
    add(3, "ann");
    assert_int_equal(newest + 1, expect(newest, 100, NULL, "3"));
    assert_int_equal(newest + 1, expect(0, 100, NULL, "13"));
}

static void run_sql(const char *sql)
{
    assert_int_equal(SQLITE_OK, sqlite3_exec(((mli_sqlite *)store)->db, sql, NULL, NULL, NULL));
}

static int64_t number_of(const char *sql)
{
    sqlite3_stmt *statement = NULL;

    assert_int_equal(SQLITE_OK,
                     sqlite3_prepare_v2(((mli_sqlite *)store)->db, sql, -1, &statement, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(statement));
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(SQLITE_OK, sqlite3_finalize(statement));
    return number;
}

static void notes_go_with_their_run(void **state)
{
    (void)state;
    add(1, "ann");
    add(2, "bob");
    run_sql("INSERT INTO notes SELECT id,'speakers','{}',1 FROM runs");
    mli_store_cancel outcome;
    ASSERT_OK(mli_store_request_cancel(store, id_of(2), 5, &outcome, err));
    forget(2);
    assert_int_equal(1, number_of("SELECT count(*) FROM notes"));
}

/* The bell of all rings when any run has news. */
static void the_bell_of_all(void **state)
{
    char path[600];
    mli_bell bell = {0};

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/lab.bell", folder.path) > 0);
    assert_int_equal(0,
                     mli_bell_open(&bell, &mli_os_system_files, &mli_os_system_words, path, false));
    store->bell = &bell;
    uint32_t mark = mli_bell_mark(&bell, MLI_FEED_BELL);
    add(1, "ann");
    assert_true(mark != mli_bell_mark(&bell, MLI_FEED_BELL));
    store->bell = NULL;
    mli_bell_close(&bell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleted_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_go_with_their_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bell_of_all, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
