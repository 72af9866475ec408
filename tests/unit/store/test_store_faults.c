/* The store under faults: each allocation fails once; a write of the database fails in earnest (a
 * limit on file sizes); kills in the middle; threads on one handle. What was acknowledged is there,
 * nothing else. */
#include "os/thread.h"
#include "unit/failing_alloc.h"
#include "unit/store/common.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

static modellab_status insert(mli_store *store, int number, modellab_error *err)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];

    mli_run_row_init(&row);
    row.id = id_of(number);
    row.created_ms = number;
    return mli_store_insert(store, &row, &event, 1, existing, err);
}

/* All operations once; counts the failures. */
static int do_everything(mli_store *store, int number)
{
    mli_store_filter filter = {.limit = 5};
    mli_store_claim claim = {.run_id = id_of(number), .owner = "{}", .now_ms = 9};
    mli_event_row_list *events = NULL;
    mli_run_row_list *list = NULL;
    mli_run_record *record = NULL;
    mli_total_list *totals = NULL;
    mli_run_row *row = NULL;
    int errors = insert(store, number, NULL) != MODELLAB_OK;

    errors += mli_store_claim_run(store, &claim, &row, NULL) == MODELLAB_E_NO_MEMORY;
    mli_run_row_free(store->has_alloc ? &store->alloc : NULL, row);
    errors += mli_store_load(store, id_of(number), &record, NULL) == MODELLAB_E_NO_MEMORY;
    mli_run_record_free(record);
    errors += mli_store_list(store, &filter, &list, NULL) != MODELLAB_OK;
    mli_run_row_list_free(list);
    list = NULL;
    errors += mli_store_active(store, &list, NULL) != MODELLAB_OK;
    mli_run_row_list_free(list);
    errors += mli_store_events(store, id_of(number), 0, 5, &events, NULL) == MODELLAB_E_NO_MEMORY;
    mli_event_row_list_free(events);
    errors += mli_store_totals(store, &totals, NULL) != MODELLAB_OK;
    mli_total_list_free(totals);
    /* the active list must not grow from round to round; a run that was not claimed stays queued */
    modellab_status ended = end_run(store, number, 1, MODELLAB_RUN_COMPLETED, 10, NULL);
    assert_true(ended == MODELLAB_OK || errors > 0);
    return errors;
}

static void allocations_fail(void **state)
{
    failing_alloc failing = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&failing);
    mli_store *store = open_in(&folder, &table, false);
    long reached = 0;
    int errors = 0, number = 1;

    (void)state;
    for (long i = 0; i <= reached; i++, number++) {
        failing.calls = 0;
        failing.fail_at = i;
        errors += do_everything(store, number);
        reached = failing.calls;
        failing.fail_at = -1;
    }
    assert_true(errors >= 10);
    ASSERT_OK(mli_store_probe(store, 1, err)); /* usable after all of it */
    assert_int_equal(0, do_everything(store, number));
    mli_store_close(store);
    assert_int_equal(0, failing.live);
}

/* A write that the kernel refuses is fatal for the handle, and for the handle only. */
static void an_io_error_is_fatal_for_the_handle(void **state)
{
    int code = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) { /* the limit is for a process */
        mli_store *store = open_in(&folder, NULL, false);
        struct rlimit limit = {400000, 400000}; /* the schema fits, 240 runs do not */
        modellab_status status = MODELLAB_OK;
        mli_run_record *record = NULL;
        int acked = 0;

        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0) {
            _exit(250);
        }
        while (status == MODELLAB_OK && acked < 240) {
            status = insert(store, acked + 1, NULL);
            acked += status == MODELLAB_OK;
        }
        /* SQLite tells a file that may not grow as full or as an I/O error */
        if (status == MODELLAB_E_STORE_FAILED &&
            (insert(store, 300, NULL) != MODELLAB_E_STORE_FAILED ||
             mli_store_load(store, id_of(1), &record, NULL) != MODELLAB_E_STORE_FAILED)) {
            _exit(251);
        }
        if (status != MODELLAB_E_STORE_FAILED && status != MODELLAB_E_NO_SPACE) {
            _exit(252);
        }
        _exit(acked);
    }
    assert_int_equal(child, waitpid(child, &code, 0));
    assert_true(WIFEXITED(code));
    assert_in_range(WEXITSTATUS(code), 1, 239);
    mli_store *store = open_in(&folder, NULL, false);
    for (int i = 1; i <= WEXITSTATUS(code); i++) {
        mli_run_stand stand;

        ASSERT_OK(mli_store_stand(store, id_of(i), &stand, err));
        assert_int_equal(1, stand.last_event);
    }
    mli_store_close(store);
}

/* Kills a writer at random moments; every insert that it reported is there, and nothing is half. */
static void kills_lose_nothing(void **state)
{
    int acked_total = 0, number = 1;

    (void)state;
    for (int cycle = 0; cycle < 25; cycle++) {
        int ends[2], acked = number - 1, got, code;
        mli_store_filter filter = {.limit = 1000};
        mli_run_row_list *list = NULL;
        mli_store *store;
        pid_t child;

        assert_int_equal(0, pipe(ends));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            mli_store *own = open_in(&folder, NULL, false);

            for (int i = number;; i++) {
                if (insert(own, i, NULL) != MODELLAB_OK ||
                    write(ends[1], &i, sizeof i) != sizeof i) {
                    _exit(1);
                }
            }
        }
        assert_int_equal(0, close(ends[1]));
        for (int i = 0; i < cycle % 7 + 1; i++) {
            if (read(ends[0], &got, sizeof got) == sizeof got) {
                acked = got;
            }
        }
        assert_int_equal(0, kill(child, SIGKILL));
        assert_int_equal(child, waitpid(child, &code, 0));
        while (read(ends[0], &got, sizeof got) == sizeof got) {
            acked = got;
        }
        assert_int_equal(0, close(ends[0]));
        store = open_in(&folder, NULL, false);
        for (int i = number; i <= acked; i++) {
            mli_run_stand stand;

            ASSERT_OK(mli_store_stand(store, id_of(i), &stand, err));
        }
        ASSERT_OK(mli_store_list(store, &filter, &list, err));
        for (size_t i = 0; i < list->count; i++) { /* also the one that nobody was told of */
            mli_event_row_list *events = NULL;

            ASSERT_OK(mli_store_events(store, list->rows[i]->id, 0, 9, &events, err));
            assert_int_equal(1, events->count);
            mli_event_row_list_free(events);
        }
        acked_total += acked - number + 1;
        number = (int)list->count + 1;
        mli_run_row_list_free(list);
        mli_store_close(store);
    }
    assert_true(acked_total > 25);
    print_message("%d acknowledged inserts over 25 kills, none lost\n", acked_total);
}

static mli_store *shared;
static _Atomic int failures;

static void *claim_all(void *arg)
{
    char(*ids)[MLI_ULID_BYTES] = arg;

    for (int i = 0; i < 50; i++) {
        mli_store_claim claim = {.run_id = ids[i], .owner = "{}", .now_ms = 5};
        mli_run_row *row = NULL;
        modellab_status status = mli_store_claim_run(shared, &claim, &row, NULL);

        mli_run_row_free(NULL, row);
        failures += status != MODELLAB_OK && status != MODELLAB_E_STATE;
    }
    return NULL;
}

static void threads_share_a_handle(void **state)
{
    static char ids[50][MLI_ULID_BYTES];
    mli_os_thread threads[4];
    mli_run_row_list *active = NULL;

    (void)state;
    shared = open_in(&folder, NULL, false);
    for (int i = 0; i < 50; i++) {
        memcpy(ids[i], id_of(i + 1), MLI_ULID_BYTES);
        ASSERT_OK(insert(shared, i + 1, err));
    }
    for (int t = 0; t < 4; t++) {
        assert_int_equal(0, mli_os_thread_start(&threads[t], 0, claim_all, ids));
    }
    for (int t = 0; t < 4; t++) {
        mli_os_thread_join(threads[t]);
    }
    assert_int_equal(0, failures);
    ASSERT_OK(mli_store_active(shared, &active, err));
    assert_int_equal(50, active->count);
    for (size_t i = 0; i < active->count; i++) {
        assert_int_equal(1, active->rows[i]->fence); /* each was claimed once */
    }
    mli_run_row_list_free(active);
    mli_store_close(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocations_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_io_error_is_fatal_for_the_handle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kills_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_share_a_handle, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
