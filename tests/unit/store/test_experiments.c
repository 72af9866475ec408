/* Experiments in the store: found by the beginning of their ids, a cell has one run whoever notes
 * it, what is kept stays, counts follow the runs, and all goes when it is deleted. */
#include "store/sqlite_experiments.h"
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

#define A "aaaaaa0000000000000000000000000000000000000000000000000000000001"
#define B "aaaaaa0000000000000000000000000000000000000000000000000000000002"
#define C "c000000000000000000000000000000000000000000000000000000000000003"

static void put(const char *id, int64_t created_ms)
{
    const mli_experiment_row row = {.id = id,
                                    .name = "beams",
                                    .snapshot_json = "{\"x\":1}",
                                    .created_ms = created_ms,
                                    .cells = 4};
    ASSERT_OK(mli_store_experiment_put(store, &row, err));
}

static mli_experiment_row load(const char *id)
{
    mli_experiment_list *list = NULL;
    ASSERT_OK(mli_store_experiment_load(store, id, &list, err));
    assert_int_equal(1, list->count);
    assert_string_equal("{\"x\":1}", list->rows[0].snapshot_json);
    mli_experiment_row row = list->rows[0];
    mli_experiment_list_free(list);
    return row; /* its numbers alone */
}

static void ids(void **state)
{
    mli_experiment_list *list = NULL;
    const mli_experiment_row again = {.id = A, .name = "x", .snapshot_json = "{}"};
    (void)state;
    put(A, 5);
    put(B, 7);
    put(C, 6);
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_put(store, &again, err));
    assert_int_equal(5, load(A).created_ms);
    assert_int_equal(6, load("c00000").created_ms);
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT,
                 mli_store_experiment_load(store, "aaaaaa", &list, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_experiment_load(store, "bbbbbb", &list, err));
    ASSERT_OK(mli_store_experiments(store, &list, err));
    assert_int_equal(3, list->count);
    assert_string_equal(B, list->rows[0].id); /* newest first */
    assert_string_equal(A, list->rows[2].id);
    mli_experiment_list_free(list);
}

static void marks(void **state)
{
    (void)state;
    put(A, 1);
    assert_int_equal(-1, load(A).started_ms);
    ASSERT_OK(mli_store_experiment_mark(store, A, MLI_EXPERIMENT_STARTED, 10, err));
    ASSERT_OK(mli_store_experiment_mark(store, A, MLI_EXPERIMENT_STARTED, 20, err));
    assert_int_equal(10, load(A).started_ms);
    ASSERT_OK(mli_store_experiment_mark(store, A, MLI_EXPERIMENT_CANCELLED, 30, err));
    assert_int_equal(30, load(A).cancelled_ms);
    ASSERT_OK(mli_store_experiment_mark(store, A, MLI_EXPERIMENT_RESUMED, 40, err));
    assert_int_equal(-1, load(A).cancelled_ms);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND,
                 mli_store_experiment_mark(store, B, MLI_EXPERIMENT_STARTED, 1, err));
}

static mli_experiment_cell cell_of(int32_t input, int32_t candidate, const char *run_id,
                                   const char *message)
{
    return (mli_experiment_cell){.input = input,
                                 .candidate = candidate,
                                 .run_id = run_id,
                                 .message = message,
                                 .kept_json = ""};
}

static void a_cell_has_one_run(void **state)
{
    mli_experiment_cell_list *cells = NULL;
    mli_experiment_cell refused = cell_of(0, 1, "", "a cap"), cell = cell_of(0, 0, id_of(1), "");
    mli_experiment_cell other = cell_of(0, 0, id_of(2), ""), taken = cell_of(1, 0, id_of(1), "");
    (void)state;
    put(A, 1);
    add_run(store, 1, 10, 100);
    ASSERT_OK(mli_store_experiment_cell(store, A, &cell, err));
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_cell(store, A, &cell, err));
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_cell(store, A, &other, err));
    /* nor is a run that of two cells */
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_cell(store, A, &taken, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_experiment_cell(store, B, &other, err));
    ASSERT_OK(mli_store_experiment_cell(store, A, &refused, err));
    assert_int_equal(1, load(A).refused);
    assert_int_equal(1, load(A).queued);
    assert_int_equal(1, load(A).with_run);
    refused.run_id = id_of(3); /* it was accepted at last; that run is gone by now */
    refused.message = "";
    ASSERT_OK(mli_store_experiment_cell(store, A, &refused, err));
    assert_int_equal(0, load(A).refused);
    assert_int_equal(1, load(A).ended);
    ASSERT_OK(mli_store_experiment_cells(store, A, NULL, &cells, err));
    assert_int_equal(2, cells->count);
    assert_int_equal(MODELLAB_RUN_QUEUED, cells->rows[0].status);
    assert_string_equal(id_of(1), cells->rows[0].run_id);
    assert_int_equal(0, cells->rows[1].status);
    assert_string_equal("", cells->rows[1].message);
    mli_experiment_cell_list_free(cells);
}

static void what_is_kept_stays(void **state)
{
    mli_experiment_cell_list *cells = NULL;
    mli_experiment_cell cell = cell_of(0, 0, id_of(1), "");
    (void)state;
    put(A, 1);
    add_run(store, 1, 10, 100);
    ASSERT_OK(mli_store_experiment_cell(store, A, &cell, err));
    cell.kept_json = "{\"first\":1}";
    ASSERT_OK(mli_store_experiment_keep(store, A, &cell, err));
    cell.kept_json = "{\"second\":1}";
    ASSERT_OK(mli_store_experiment_keep(store, A, &cell, err));
    ASSERT_OK(mli_store_experiment_cells(store, A, NULL, &cells, err));
    assert_string_equal("{\"first\":1}", cells->rows[0].kept_json);
    mli_experiment_cell_list_free(cells);
    ASSERT_OK(mli_store_experiment_delete(store, A, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_store_experiment_delete(store, A, err));
    ASSERT_OK(mli_store_experiment_cells(store, A, NULL, &cells, err));
    assert_int_equal(0, cells->count);
    mli_experiment_cell_list_free(cells);
    mli_run_stand stand; /* the run stays */
    ASSERT_OK(mli_store_stand(store, id_of(1), &stand, err));
}

/* A run that is named is replaced, once, and what was kept of it goes. */
static void a_run_is_replaced_by_name(void **state)
{
    mli_experiment_cell_list *cells = NULL;
    mli_experiment_cell cell = cell_of(0, 0, id_of(1), ""), next = cell_of(0, 0, id_of(2), "");
    (void)state;
    put(A, 1);
    ASSERT_OK(mli_store_experiment_cell(store, A, &cell, err));
    cell.kept_json = "{\"status\":\"CANCELLED\",\"reason\":\"CANCELLED_BY_USER\",\"x\":1}";
    ASSERT_OK(mli_store_experiment_keep(store, A, &cell, err));
    ASSERT_OK(mli_store_experiment_cells_brief(store, A, &cells, err));
    assert_int_equal(40, strlen(cells->rows[0].kept_json)); /* of a run that is gone */
    mli_experiment_cell_list_free(cells);
    next.replaces = id_of(3);
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_cell(store, A, &next, err));
    next.replaces = id_of(1);
    ASSERT_OK(mli_store_experiment_cell(store, A, &next, err));
    ASSERT_FAILS(MODELLAB_E_ALREADY_EXISTS, mli_store_experiment_cell(store, A, &next, err));
    ASSERT_OK(mli_store_experiment_keep(store, A, &cell, err)); /* whoever comes late */
    ASSERT_OK(mli_store_experiment_cells(store, A, NULL, &cells, err));
    assert_int_equal(1, cells->count);
    assert_string_equal(id_of(2), cells->rows[0].run_id);
    assert_string_equal("", cells->rows[0].kept_json);
    mli_experiment_cell_list_free(cells);
}

/* What is kept can be large: it is loaded of the run that is asked for, found by the index. */
static void little_is_loaded(void **state)
{
    mli_experiment_cell_list *cells = NULL;
    mli_experiment_cell cell = cell_of(0, 0, id_of(1), ""), other = cell_of(0, 1, id_of(2), "");
    sqlite3_stmt *plan = NULL;
    char sql[1024];
    (void)state;
    put(A, 1);
    add_run(store, 1, 10, 100);
    ASSERT_OK(mli_store_experiment_cell(store, A, &cell, err));
    ASSERT_OK(mli_store_experiment_cell(store, A, &other, err));
    cell.kept_json = "{\"first\":1}";
    ASSERT_OK(mli_store_experiment_keep(store, A, &cell, err));
    ASSERT_OK(mli_store_experiment_cells_brief(store, A, &cells, err));
    assert_int_equal(2, cells->count);
    assert_string_equal("", cells->rows[0].kept_json);
    mli_experiment_cell_list_free(cells);
    ASSERT_OK(mli_store_experiment_cells(store, A, id_of(1), &cells, err));
    assert_int_equal(1, cells->count);
    assert_string_equal("{\"first\":1}", cells->rows[0].kept_json);
    mli_experiment_cell_list_free(cells);
    assert_true(snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s",
                         mli_sqlite_experiment_text(MLI_SQL_EXPERIMENT_CELL_OF_RUN)) > 0);
    assert_int_equal(SQLITE_OK,
                     sqlite3_prepare_v2(((mli_sqlite *)store)->db, sql, -1, &plan, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(plan));
    assert_non_null(strstr((const char *)sqlite3_column_text(plan, 3), "INDEX experiment_run "));
    assert_int_equal(SQLITE_OK, sqlite3_finalize(plan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cell_has_one_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_is_replaced_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(little_is_loaded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
