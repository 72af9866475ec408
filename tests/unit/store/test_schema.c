/* Opening a database of every earlier schema brings it up to date and loses nothing, or changes
 * nothing when any statement or operation of the disk fails; one that is not what its version says
 * is refused by name. Argument: the folder with version<N>.sql, as the library of that time wrote
 * it. */
#include "store/sqlite_db.h"
#include "unit/store/common.h"
#include "unit/store/faulty_vfs.h"

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

static void database_path(char path[1024])
{
    assert_true(snprintf(path, 1024, "%s/lab.sqlite", folder.path) > 0);
}

static void run_sql(const char *sql)
{
    char path[1024];
    sqlite3 *db = NULL;

    database_path(path);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

static void run_script_file(const char *name)
{
    static char text[200000];
    char path[1024];
    FILE *file;

    assert_true(snprintf(path, sizeof path, "%s/%s", scripts, name) > 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(0, fclose(file));
    run_sql(text);
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

/* A queued run in a database of an earlier version: numbers 0, texts "". */
static void add_old_run(int number, const char *id)
{
    char path[1024], sql[4096], names[1600] = "", values[800] = "";
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    database_path(path);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK,
                     sqlite3_prepare_v2(db,
                                        "SELECT group_concat(name),group_concat(iif(name='status',"
                                        "'1',iif(type='TEXT','''''','0'))) FROM "
                                        "pragma_table_info('runs') WHERE name NOT IN('seq','id')",
                                        -1, &statement, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(statement));
    assert_true(snprintf(names, sizeof names, "%s", sqlite3_column_text(statement, 0)) <
                (int)sizeof names);
    assert_true(snprintf(values, sizeof values, "%s", sqlite3_column_text(statement, 1)) <
                (int)sizeof values);
    assert_int_equal(SQLITE_OK, sqlite3_finalize(statement));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
    assert_true(snprintf(sql, sizeof sql, "INSERT INTO runs(seq,id,%s) VALUES(%d,'%s',%s)", names,
                         number, id, values) < (int)sizeof sql);
    run_sql(sql);
}

/* The events of a database before version 5 come into one order for all runs: that of their times.
 */
static void version_4(void **state)
{
    static const char *const runs[] = {"01J00000000000000000000001", "01J00000000000000000000002"};
    static const struct {
        int run, number, time;
    } in_order[] = {{1, 1, 100}, {0, 1, 200}, {0, 2, 200}, {1, 2, 300}, {0, 3, 400}};
    mli_feed_query query = {.limit = 100};
    mli_feed_list *feed = NULL;
    mli_store *store;
    char sql[512];

    (void)state;
    for (int64_t from = 0; from < 4; from++) {
        for (const char *const *part = mli_sqlite_schema(from); *part != NULL; part++)
            run_sql(*part);
    }
    run_sql("PRAGMA user_version=4;PRAGMA application_id=0x4d4c4162;");
    for (int i = 0; i < 2; i++) {
        add_old_run(i + 1, runs[i]);
    }
    for (int i = 4; i >= 0; i--) {
        assert_true(snprintf(sql, sizeof sql, "INSERT INTO events VALUES('%s',%d,%d,'x','','{}')",
                             runs[in_order[i].run], in_order[i].number, in_order[i].time) > 0);
        run_sql(sql);
    }
    run_sql("UPDATE runs SET last_event=3");
    store = open_in(&folder, NULL, false);
    ASSERT_OK(mli_store_feed(store, &query, &feed, err));
    assert_int_equal(5, feed->count);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(i + 1, feed->rows[i].seq);
        assert_string_equal(runs[in_order[i].run], feed->rows[i].run_id);
        assert_int_equal(in_order[i].number, feed->rows[i].number);
        assert_int_equal(in_order[i].time, feed->rows[i].time_ms);
    }
    mli_feed_list_free(feed);
    claim_run(store, 1, 500); /* and the next event is behind them */
    query.after = 5;
    ASSERT_OK(mli_store_feed(store, &query, &feed, err));
    assert_int_equal(1, feed->count);
    assert_int_equal(6, feed->rows[0].seq);
    mli_feed_list_free(feed);
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

static modellab_status open_it(mli_store **store, modellab_error *err)
{
    char path[1024];
    mli_store_options options = {.path = path};

    database_path(path);
    *store = NULL;
    return mli_store_open_sqlite(&options, store, err);
}

/* When this fails the schema has changed: put the new value into sqlite_db.h (and mind that a
 * released version is never changed, only followed by a next one). */
static void the_fingerprint_is_that_of_a_new_lab(void **state)
{
    char now[65];
    mli_store *store = open_in(&folder, NULL, false);

    (void)state;
    ASSERT_OK(mli_sqlite_fingerprint((mli_sqlite *)store, now, err));
    assert_string_equal(MLI_SCHEMA_FINGERPRINT, now);
    mli_store_close(store);
}

static void a_database_that_is_not_its_version_is_named(void **state)
{
    static const struct {
        const char *sql, *named;
    } cases[] = {
        {"ALTER TABLE runs DROP COLUMN sandbox", "the column runs.sandbox"},
        {"ALTER TABLE steps DROP COLUMN reused_from", "the column steps.reused_from"},
        {"DROP TABLE caps", "the column caps.user"},
        {"DROP INDEX runs_waiting", "the index runs_waiting"},
        {"DROP TRIGGER queue_moved", "the trigger queue_moved"},
        {"CREATE INDEX own ON runs(labels_json)", NULL}, /* somebody's own: harmless */
        {"ALTER TABLE runs ADD COLUMN note TEXT", NULL},
    };
    mli_store *store;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_store_close(open_in(&folder, NULL, false));
        run_sql(cases[i].sql);
        modellab_status status = open_it(&store, &err);
        assert_int_equal(cases[i].named == NULL ? MODELLAB_OK : MODELLAB_E_UNSUPPORTED, status);
        if (cases[i].named != NULL) {
            assert_non_null(strstr(err.message, cases[i].named));
            assert_null(strstr(err.message, "sqlite"));
        }
        mli_store_close(store);
        tear_down(NULL);
        set_up(NULL);
    }
}

static int64_t number_of(const char *sql)
{
    char path[1024];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    database_path(path);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(statement));
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(SQLITE_OK, sqlite3_finalize(statement));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
    return number;
}

/* All or nothing; and afterwards it can be done. */
static void expect_old_or_new(bool opened)
{
    int64_t version = number_of("PRAGMA user_version");
    mli_store *store = NULL;
    mli_run_record *done;

    faulty.fail_at = faulty.deny_at = -1;
    assert_true(version == 1 || version == MLI_SCHEMA_VERSION);
    assert_true(!opened || version == MLI_SCHEMA_VERSION);
    if (version == 1) { /* nothing of the new schema is there */
        assert_int_equal(0,
                         number_of("SELECT count(*) FROM pragma_table_info('runs') WHERE name IN "
                                   "('sandbox','gate','wall_ms')"));
        assert_int_equal(0,
                         number_of("SELECT count(*) FROM sqlite_master WHERE name IN "
                                   "('caps','queue_users','queue_moved','runs_waiting','api_keys',"
                                   "'events_5','notes')"));
        assert_int_equal(1,
                         number_of("SELECT count(*) FROM sqlite_master WHERE name='runs_queue'"));
    }
    assert_int_equal(4, number_of("SELECT count(*) FROM runs"));
    ASSERT_OK(open_it(&store, err));
    done = load(store, "01M84V4C1V3VMPXM4H74GXZD8X");
    assert_true(done->run->wall_ms == done->run->ended_ms - done->run->started_ms);
    mli_run_record_free(done);
    mli_store_close(store);
}

/* The database of version 1 as a file: made once, then copied. */
static char old_lab[1 << 20];
static size_t old_lab_bytes;

static void put_old_lab(void)
{
    char path[1024];
    FILE *file;

    database_path(path);
    if (old_lab_bytes == 0) {
        run_script_file("version1.sql");
        file = fopen(path, "rb");
        assert_non_null(file);
        old_lab_bytes = fread(old_lab, 1, sizeof old_lab, file);
        assert_int_equal(0, fclose(file));
        assert_true(old_lab_bytes > 0 && old_lab_bytes < sizeof old_lab);
        return;
    }
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(old_lab_bytes, fwrite(old_lab, 1, old_lab_bytes, file));
    assert_int_equal(0, fclose(file));
}

/* `at` is where the next failure goes. The number of operations that were made to fail. */
static long fail_each(long *at, const long *calls, int code)
{
    for (long n = 0; n < 5000; n++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_store *store;
        faulty.fail_at = faulty.deny_at = -1;
        put_old_lab();
        faulty.calls = faulty.denials = 0;
        faulty.code = code;
        *at = n;
        modellab_status status = open_it(&store, &err);
        bool reached = *calls > n;
        *at = -1;
        if (status != MODELLAB_OK) {
            assert_true(err.message[0] != '\0' && strstr(err.message, folder.path) == NULL);
        }
        mli_store_close(store);
        expect_old_or_new(status == MODELLAB_OK);
        tear_down(NULL);
        set_up(NULL);
        if (!reached) {
            assert_int_equal(MODELLAB_OK, status);
            return n;
        }
    }
    fail_msg("it does not come to an end");
    return 0;
}

static void every_statement_of_the_migration_fails_once(void **state)
{
    (void)state;
    long failed = fail_each(&faulty.deny_at, &faulty.denials, 0);
    print_message("%ld parts of statements were refused, one at a time\n", failed);
    assert_true(failed > 60);
}

static void every_operation_of_the_disk_fails_once(void **state)
{
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};
    (void)state;
    for (int i = 0; i < 2; i++) {
        long failed = fail_each(&faulty.fail_at, &faulty.calls, codes[i]);
        print_message("%ld operations failed, one at a time\n", failed);
        assert_true(failed > 30);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_4, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_lab_is_not_changed_by_a_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_fingerprint_is_that_of_a_new_lab, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_is_not_its_version_is_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_statement_of_the_migration_fails_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_operation_of_the_disk_fails_once, set_up, tear_down),
    };

    assert_true(argc == 2);
    scripts = argv[1];
    assert_int_equal(SQLITE_OK, faulty_vfs_install());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
