/* A list that takes long is in nobody's way: while it is in the middle of its rows, others read and
 * write. The middle is held by a function of SQL of the test's own. */
#include "os/thread.h"
#include "store/sqlite_db.h"
#include "unit/store/common.h"
#include <stdatomic.h>
#include <unistd.h>

static temp_folder folder;
static mli_store *store;
static atomic_int in_the_middle, go_on, given_up;

/* In the place of lower() of the filter by text: the first call waits. */
static void slow_lower(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    if (atomic_exchange(&in_the_middle, 1) == 0) {
        for (int i = 0; atomic_load(&go_on) == 0 && i < 3000; i++) { /* half a minute */
            (void)usleep(10000);
        }
        atomic_store(&given_up, atomic_load(&go_on) == 0);
    }
    sqlite3_result_value(context, values[0]);
}

static int connected(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
    (void)why, (void)api;
    return sqlite3_create_function(db, "lower", 1, SQLITE_UTF8, NULL, slow_lower, NULL, NULL);
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    store = open_in(&folder, NULL, false);
    atomic_store(&go_on, 0);
    atomic_store(&given_up, 0);
    atomic_store(&in_the_middle, 1); /* nobody waits until it is 0 */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_store_close(store);
    temp_folder_remove(&folder);
    return 0;
}

typedef struct listing {
    mli_store_filter filter;
    bool whole; /* with steps and artifacts */
    mli_run_row_list *list;
    mli_run_record_list *records;
    modellab_status status;
} listing;

static void *list_slowly(void *arg)
{
    listing *l = arg;

    l->status = l->whole ? mli_store_list_records(store, &l->filter, &l->records, NULL)
                         : mli_store_list(store, &l->filter, &l->list, NULL);
    return NULL;
}

static void others_go_on_beside_a_list(void **state)
{
    static const mli_sort sorts[] = {MLI_SORT_NEWEST, MLI_SORT_COST};

    (void)state;
    for (int i = 0; i < 4; i++) {
        listing l = {.filter = {.limit = 10, .sort = sorts[i % 2]}, .whole = i >= 2};
        mli_run_record *record = NULL;
        mli_os_thread thread;

        tear_down(NULL);
        set_up(NULL);
        add_run(store, 1, 10, 1000);
        l.filter.text = "x";
        atomic_store(&in_the_middle, 0);
        assert_int_equal(0, mli_os_thread_start(&thread, 0, list_slowly, &l));
        while (atomic_load(&in_the_middle) == 0) {
            (void)usleep(1000);
        }
        ASSERT_OK(mli_store_load(store, id_of(1), &record, err));
        mli_run_record_free(record);
        add_run(store, 2, 10, 2000);
        claim_run(store, 1, 3000);
        atomic_store(&go_on, 1);
        mli_os_thread_join(thread);
        assert_int_equal(MODELLAB_OK, l.status);
        assert_int_equal(0, atomic_load(&given_up));
        mli_run_row_list_free(l.list);
        mli_run_record_list_free(l.records);
    }
}

/* What was told as stored is in the next list. */
static void a_list_has_what_was_stored(void **state)
{
    (void)state;
    for (int n = 1; n <= 50; n++) {
        mli_store_filter filter = {.limit = 100, .sort = n % 2 == 0 ? MLI_SORT_COST : 0};
        mli_run_row_list *list = NULL;

        add_run(store, n, 10, 1000 + n);
        ASSERT_OK(mli_store_list(store, &filter, &list, err));
        assert_int_equal(n, list->count);
        mli_run_row_list_free(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_go_on_beside_a_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_has_what_was_stored, set_up, tear_down),
    };

    if (sqlite3_auto_extension((void (*)(void))connected) != SQLITE_OK) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
