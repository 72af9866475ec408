/* Writers of several threads share transactions: each is told its own result, one that fails takes
 * nothing of the others with it, and a commit that fails is everybody's failure. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"
#include "store/sqlite_db.h"

enum { THREADS = 8, EACH = 60 };

static char folder[64], path[96];

static int open_store(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_store *store = NULL;
    (void)snprintf(folder, sizeof(folder), "/tmp/mli-group-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/lab.sqlite", folder);
    const mli_store_options options = {.path = path};
    if (mli_store_open_sqlite(&options, &store, &err) != MODELLAB_OK) {
        fail_msg("%s", err.message);
    }
    *state = store;
    return 0;
}

static int close_store(void **state)
{
    mli_store_close(*state);
    return mli_os_remove_tree(&mli_os_system_files, folder);
}

typedef struct writer {
    mli_store *store;
    int number, stored, refused, failed;
    char ids[EACH][MLI_ULID_BYTES];
} writer;

/* Half of the runs have a key that all threads use. */
static void *insert_many(void *arg)
{
    writer *w = arg;
    for (int i = 0; i < EACH; i++) {
        static const mli_event_row event = {.type = "run_queued"};
        modellab_error err = MODELLAB_ERROR_INIT;
        char existing[MLI_ULID_BYTES] = "", key[32] = "";
        mli_run_row row;
        mli_run_row_init(&row);
        if (mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, w->ids[i]) != 0) {
            abort();
        }
        if (i % 2 == 0) {
            (void)snprintf(key, sizeof(key), "key-%d", i);
        }
        row.id = w->ids[i];
        row.idempotency_key = key;
        modellab_status status = mli_store_insert(w->store, &row, &event, 1, existing, &err);
        w->stored += status == MODELLAB_OK;
        w->refused += status == MODELLAB_E_ALREADY_EXISTS && existing[0] != '\0';
        w->failed += status != MODELLAB_OK;
        if (status != MODELLAB_OK) {
            w->ids[i][0] = '\0';
        }
    }
    return NULL;
}

static void run_threads(mli_store *store, writer *writers)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        memset(&writers[i], 0, sizeof(writers[i]));
        writers[i].store = store;
        writers[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, insert_many, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void each_has_its_own_result(void **state)
{
    static writer writers[THREADS];
    mli_store *store = *state;
    int stored = 0, refused = 0;
    run_threads(store, writers);
    for (int t = 0; t < THREADS; t++) {
        stored += writers[t].stored;
        refused += writers[t].refused;
        for (int i = 0; i < EACH; i++) {
            mli_run_stand stand;
            if (writers[t].ids[i][0] != '\0') {
                assert_int_equal(mli_store_stand(store, writers[t].ids[i], &stand, NULL),
                                 MODELLAB_OK);
                assert_int_equal(stand.last_event, 1);
            }
        }
    }
    /* Each key once, and every run without one. */
    assert_int_equal(stored, EACH / 2 + THREADS * EACH / 2);
    assert_int_equal(stored + refused, THREADS * EACH);
}

static int refuse_commit(void *user)
{
    (void)user;
    return 1;
}

/* Nobody is told of success when the common commit has failed. */
static void a_failed_commit_is_everybodys(void **state)
{
    static writer writers[THREADS];
    mli_sqlite *s = *state;
    (void)sqlite3_commit_hook(s->db, refuse_commit, NULL);
    run_threads(*state, writers);
    (void)sqlite3_commit_hook(s->db, NULL, NULL);
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(writers[t].failed, EACH);
    }
    run_threads(*state, writers); /* and it works on */
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(writers[t].failed, writers[t].refused);
    }
}

static modellab_status count_commit(mli_sqlite *s, void *arg, modellab_error *err)
{
    (void)err;
    *(int64_t *)arg = 0;
    mli_query q = mli_query_open(s, MLI_SQL_PROBE);
    mli_query_int(&q, 7);
    return mli_query_run(&q, err);
}

static int64_t setting(mli_sqlite *s)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, "PRAGMA synchronous", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

static void a_lazy_write_leaves_the_rest_durable(void **state)
{
    mli_sqlite *s = *state;
    int64_t seen = -1;
    assert_int_equal(mli_sqlite_write(s, count_commit, &seen, true, NULL), MODELLAB_OK);
    assert_int_equal(seen, 0);
    assert_int_equal(setting(s), 2);
}

enum { RUNS = 5 };

static void insert_runs(mli_store *store, char ids[RUNS][MLI_ULID_BYTES])
{
    static const mli_event_row event = {.type = "run_queued"};
    for (int i = 0; i < RUNS; i++) {
        char existing[MLI_ULID_BYTES] = "";
        mli_run_row row;
        mli_run_row_init(&row);
        (void)snprintf(ids[i], MLI_ULID_BYTES, "01J00000000000000000%06d", i + 1);
        row.id = ids[i];
        assert_int_equal(mli_store_insert(store, &row, &event, 1, existing, NULL), MODELLAB_OK);
    }
}

static int count_and_go_on(void *user)
{
    ++*(int *)user;
    return 0;
}

/* Claims of all runs, and for the last one a second, which comes too late. */
static void claim_all(mli_store *store, char ids[RUNS][MLI_ULID_BYTES],
                      mli_store_write writes[RUNS + 1], mli_run_row *rows[RUNS + 1])
{
    static mli_store_claim claims[RUNS + 1];
    for (int i = 0; i <= RUNS; i++) {
        claims[i] =
            (mli_store_claim){.run_id = ids[i < RUNS ? i : RUNS - 1], .owner = "{}", .now_ms = 5};
        writes[i] = (mli_store_write){.claim = &claims[i], .row = &rows[i]};
    }
    mli_store_write_many(store, writes, RUNS + 1);
}

static modellab_run_status status_of(mli_store *store, const char *id)
{
    mli_run_stand stand;
    assert_int_equal(mli_store_stand(store, id, &stand, NULL), MODELLAB_OK);
    return stand.status;
}

/* Ends and starts of a round: one commit, each with its own result. */
static void many_writes_are_one_commit(void **state)
{
    mli_store *store = *state;
    mli_sqlite *s = *state;
    char ids[RUNS][MLI_ULID_BYTES];
    mli_store_write writes[RUNS + 1];
    mli_run_row *rows[RUNS + 1];
    int commits = 0;
    insert_runs(store, ids);
    (void)sqlite3_commit_hook(s->db, count_and_go_on, &commits);
    claim_all(store, ids, writes, rows);
    assert_int_equal(commits, 1);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(writes[i].status, MODELLAB_OK);
        assert_int_equal(rows[i]->fence, 1);
        mli_run_row_free(NULL, rows[i]);
    }
    assert_int_equal(writes[RUNS].status, MODELLAB_E_STATE);
    assert_true(writes[RUNS].error.message[0] != '\0' && rows[RUNS] == NULL);
    /* Two lines of one run and the end of another; the third names a fence that never was. */
    static const mli_run_transition end = {.to = MODELLAB_RUN_COMPLETED, .event_type = "x"};
    static const mli_event_row event = {.type = "y"};
    const mli_store_change lines[2] = {{.run_id = ids[0],
                                        .fence = 1,
                                        .expect = MODELLAB_RUN_RUNNING,
                                        .journal_line = 1,
                                        .events = &event,
                                        .event_count = 1},
                                       {.run_id = ids[0],
                                        .fence = 1,
                                        .expect = MODELLAB_RUN_RUNNING,
                                        .journal_line = 2,
                                        .events = &event,
                                        .event_count = 1}};
    const mli_store_change ended = {
        .run_id = ids[1], .fence = 1, .expect = MODELLAB_RUN_RUNNING, .transition = &end};
    const mli_store_change fenced = {
        .run_id = ids[2], .fence = 9, .expect = MODELLAB_RUN_RUNNING, .transition = &end};
    const mli_store_change *first[] = {&lines[0], &lines[1], &lines[0]}, *second[] = {&ended};
    const mli_store_change *third[] = {&fenced};
    mli_store_write ends[] = {{.changes = first, .change_count = 3},
                              {.changes = second, .change_count = 1},
                              {.changes = third, .change_count = 1},
                              {.change_count = 0}};
    mli_store_write_many(store, ends, 4);
    assert_int_equal(commits, 2);
    assert_int_equal(ends[0].status, MODELLAB_OK);
    assert_int_equal(ends[1].status, MODELLAB_OK);
    assert_int_equal(ends[2].status, MODELLAB_E_FENCED);
    assert_int_equal(ends[3].status, MODELLAB_OK);
    mli_run_stand stand;
    assert_int_equal(mli_store_stand(store, ids[0], &stand, NULL), MODELLAB_OK);
    assert_int_equal(stand.last_event, 4); /* queued, started, and each line once */
    assert_int_equal(status_of(store, ids[1]), MODELLAB_RUN_COMPLETED);
    assert_int_equal(status_of(store, ids[2]), MODELLAB_RUN_RUNNING);
}

/* What one caller hands over is one transaction, however much it is. */
static void a_long_list_of_writes_is_one_commit(void **state)
{
    enum { MANY = 150 };
    static const mli_event_row event = {.type = "y"};
    static mli_store_change changes[MANY];
    static const mli_store_change *lists[MANY][1];
    static mli_store_write writes[MANY];
    mli_store *store = *state;
    mli_sqlite *s = *state;
    char ids[RUNS][MLI_ULID_BYTES];
    int commits = 0;
    mli_run_stand stand;
    insert_runs(store, ids);
    for (int i = 0; i < MANY; i++) {
        changes[i] = (mli_store_change){
            .run_id = ids[0], .expect = MODELLAB_RUN_QUEUED, .events = &event, .event_count = 1};
        lists[i][0] = &changes[i];
        writes[i] = (mli_store_write){.changes = lists[i], .change_count = 1};
    }
    (void)sqlite3_commit_hook(s->db, count_and_go_on, &commits);
    mli_store_write_many(store, writes, MANY);
    assert_int_equal(commits, 1);
    assert_int_equal(mli_store_stand(store, ids[0], &stand, NULL), MODELLAB_OK);
    assert_int_equal(stand.last_event, 1 + MANY);
}

static void counters_share_a_commit(void **state)
{
    mli_sqlite *s = *state;
    int commits = 0;
    const mli_store_counter counters[] = {{"a", "", 1}, {"b", "x", 2}, {"b", "y", 3}};
    (void)sqlite3_commit_hook(s->db, count_and_go_on, &commits);
    assert_int_equal(mli_store_count_all(*state, counters, 3, NULL), MODELLAB_OK);
    assert_int_equal(commits, 1);
}

static void many_writes_fail_together(void **state)
{
    mli_store *store = *state;
    mli_sqlite *s = *state;
    char ids[RUNS][MLI_ULID_BYTES];
    mli_store_write writes[RUNS + 1];
    mli_run_row *rows[RUNS + 1];
    insert_runs(store, ids);
    (void)sqlite3_commit_hook(s->db, refuse_commit, NULL);
    claim_all(store, ids, writes, rows);
    (void)sqlite3_commit_hook(s->db, NULL, NULL);
    for (int i = 0; i <= RUNS; i++) {
        assert_true(writes[i].status != MODELLAB_OK && rows[i] == NULL);
        assert_int_equal(status_of(store, ids[i < RUNS ? i : 0]), MODELLAB_RUN_QUEUED);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {TEST(each_has_its_own_result),
                                       TEST(a_failed_commit_is_everybodys),
                                       TEST(a_lazy_write_leaves_the_rest_durable),
                                       TEST(many_writes_are_one_commit),
                                       TEST(a_long_list_of_writes_is_one_commit),
                                       TEST(counters_share_a_commit),
                                       TEST(many_writes_fail_together)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
