/* A lab with many events comes to the present schema: its events get the order of their times in
 * memory that does not grow with them, and whoever is killed on the way has changed nothing.
 * MODEL_LAB_TEST_EVENTS: how many of them. A planted bug (the sort that was there before) shows
 * that the bound is measured. */
#include "store/sqlite_db.h"
#include "unit/store/common.h"
#include "unit/store/faulty_vfs.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS 150000
#define EVENTS_KILLED 20000
#define EACH 50             /* events of a run */
#define MEMORY (28LL << 20) /* of which 16 MiB are pages */
#define TEXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"

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

static sqlite3 *open_database(void)
{
    char path[1024];
    sqlite3 *db = NULL;

    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(statement));
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(SQLITE_OK, sqlite3_finalize(statement));
    return number;
}

/* Schema 4 with the events of runs that were at work beside one another: the first event of run r
 * is at time r, the next ones 7 later each, so that runs interleave and times come twice. */
static void make_old_lab(int64_t events)
{
    sqlite3 *db = open_database();
    char *sql = sqlite3_mprintf(
        "PRAGMA cache_size=-2000;BEGIN;"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i+1<%lld) "
        "INSERT INTO events SELECT printf('01J%%023d',i/%d),i%%%d+1,1000+i/%d+7*(i%%%d),"
        "'step_progress','asr',printf('{\"n\":%%d,\"text\":\"%s\"}',i) FROM n;COMMIT;",
        (long long)events, EACH, EACH, EACH, EACH, TEXT);

    assert_non_null(sql);
    for (int64_t from = 0; from < 4; from++) {
        for (const char *const *part = mli_sqlite_schema(from); *part != NULL; part++) {
            run(db, *part);
        }
    }
    run(db, "PRAGMA user_version=4;PRAGMA application_id=0x4d4c4162;");
    run(db, sql);
    sqlite3_free(sql);
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

/* All are there, in the order of time, run and number, and nothing else is. */
static void check_new_lab(int64_t events)
{
    sqlite3 *db = open_database();

    assert_int_equal(MLI_SCHEMA_VERSION, number_of(db, "PRAGMA user_version"));
    assert_int_equal(events, number_of(db, "SELECT count(*) FROM events"));
    assert_int_equal(events, number_of(db, "SELECT max(seq) FROM events"));
    assert_int_equal(0, number_of(db, "SELECT count(*) FROM events a JOIN events b ON "
                                      "b.seq=a.seq+1 WHERE (b.time_ms,b.run_id,b.number)<="
                                      "(a.time_ms,a.run_id,a.number)"));
    assert_int_equal(0, number_of(db, "SELECT count(*) FROM events WHERE "
                                      "data->>'n'<>substr(run_id,4)*50+number-1"));
    assert_int_equal(0, number_of(db, "SELECT count(*) FROM sqlite_master WHERE name LIKE "
                                      "'events_%' AND type='table'"));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

static modellab_status open_lab(mli_store **store, modellab_error *err)
{
    char path[1024];
    mli_store_options options = {.path = path};

    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", folder.path) > 0);
    return mli_store_open_sqlite(&options, store, err);
}

static void memory_does_not_grow_with_events(void **state)
{
    const char *text = getenv("MODEL_LAB_TEST_EVENTS");
    int64_t events = text != NULL ? atoll(text) : EVENTS;
    mli_store *store = NULL;

    (void)state;
    make_old_lab(events);
    (void)sqlite3_memory_highwater(1);
    ASSERT_OK(open_lab(&store, err));
    print_message("%lld events, at most %.1f MiB of memory\n", (long long)events,
                  (double)sqlite3_memory_highwater(0) / (1 << 20));
    assert_true(sqlite3_memory_highwater(0) < MEMORY);
    mli_store_close(store);
    check_new_lab(events);
}

/* What the migration did before: seen by the same measure. */
static void the_planted_bug_is_seen(void **state)
{
    sqlite3 *db;

    (void)state;
    make_old_lab(EVENTS);
    db = open_database();
    run(db, "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-16384;PRAGMA journal_mode=WAL;BEGIN;");
    (void)sqlite3_memory_highwater(1);
    run(db, "CREATE TABLE events_5(seq INTEGER PRIMARY KEY AUTOINCREMENT,run_id,number,time_ms,"
            "type,step,data);INSERT INTO events_5(run_id,number,time_ms,type,step,data) "
            "SELECT run_id,number,time_ms,type,step,data FROM events ORDER BY "
            "time_ms,run_id,number;ROLLBACK;");
    assert_true(sqlite3_memory_highwater(0) > MEMORY);
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
}

static long operations_left;
static void die_in_time(void)
{
    if (--operations_left < 0) {
        (void)raise(SIGKILL);
    }
}

/* The number of operations of the disk, when it was not killed before. */
static long migrate_apart(long operations)
{
    long pipe_left = 0;
    int ends[2], how = 0;
    pid_t pid;

    assert_int_equal(0, pipe(ends));
    pid = fork();
    if (pid == 0) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_store *store = NULL;

        operations_left = operations;
        faulty.each = die_in_time;
        if (open_lab(&store, &err) != MODELLAB_OK) {
            _exit(1);
        }
        _exit(write(ends[1], &operations_left, sizeof operations_left) == sizeof operations_left
                  ? 0
                  : 2);
    }
    assert_int_equal(pid, waitpid(pid, &how, 0));
    if (WIFEXITED(how)) {
        assert_int_equal(0, WEXITSTATUS(how));
        assert_int_equal(sizeof pipe_left, read(ends[0], &pipe_left, sizeof pipe_left));
    } else {
        assert_int_equal(SIGKILL, WTERMSIG(how));
    }
    assert_int_equal(0, close(ends[0]) + close(ends[1]));
    return WIFEXITED(how) ? operations - pipe_left : -1;
}

/* As it was before the migration, or it is all done. */
static bool is_old(int64_t events)
{
    sqlite3 *db = open_database();
    bool old = number_of(db, "PRAGMA user_version") == 4;

    assert_int_equal(events, number_of(db, "SELECT count(*) FROM events"));
    assert_int_equal(!old, number_of(db, "SELECT count(*) FROM pragma_table_info('events') WHERE "
                                         "name='seq'"));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
    return old;
}

static void a_kill_in_its_middle_changes_nothing(void **state)
{
    const long plenty = 1000000000;
    long all;
    int unchanged = 0;

    (void)state;
    make_old_lab(EVENTS_KILLED);
    all = migrate_apart(plenty);
    print_message("%ld operations of the disk\n", all);
    assert_true(all > 1000);
    check_new_lab(EVENTS_KILLED);
    for (int i = 0; i < 8; i++) {
        mli_store *store = NULL;

        tear_down(NULL);
        set_up(NULL);
        make_old_lab(EVENTS_KILLED);
        for (int times = 0; times < 2; times++) { /* twice: what the first left is no obstacle */
            (void)migrate_apart(all * (2 * i + 1) / 16);
            unchanged += is_old(EVENTS_KILLED);
        }
        ASSERT_OK(open_lab(&store, err));
        mli_store_close(store);
        check_new_lab(EVENTS_KILLED);
    }
    assert_true(unchanged >= 8); /* the rest died when it was committed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_does_not_grow_with_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_planted_bug_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_in_its_middle_changes_nothing, set_up, tear_down),
    };

    if (faulty_vfs_install() != SQLITE_OK) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
