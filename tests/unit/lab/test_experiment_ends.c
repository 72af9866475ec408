/* Experiments whose runs, files or store come to a bad end: lost runs get successors, nothing goes
 * that was not kept, and a crash in the middle of a deletion leaves what can be made again. */
#include "base/error.h"
#include "lab/cancel.h"
#include "lab/experiment_parts.h"
#include "lab/retention.h"
#include "store/sqlite_db.h"
#include "unit/lab/experiment_common.h"
#include <unistd.h>

static const char *run_of(const char *experiment, size_t cell)
{
    static char ids[4][MLI_ULID_BYTES];
    static int turn;
    mli_experiment_cell_list *cells = NULL;
    ASSERT_OK(mli_store_experiment_cells(lab->store, experiment, NULL, &cells, err));
    assert_true(cell < cells->count);
    turn = (turn + 1) % 4;
    memcpy(ids[turn], cells->rows[cell].run_id, MLI_ULID_BYTES);
    mli_experiment_cell_list_free(cells);
    return ids[turn];
}

static void remove_runs(void)
{
    const mli_retention_rule rule = {
        .older_than_ms = -1, .keep_runs = 0, .keep_bytes = -1, .parts = MLI_PART_RUN};
    mli_retention pass;
    ASSERT_OK(mli_retention_begin(&pass, lab, &rule, err));
    while (!pass.done)
        ASSERT_OK(mli_retention_step(&pass, 100, err));
    mli_retention_end(&pass);
}

/* Cancelled runs get successors, once; also when the experiment was made again meanwhile, and when
 * they are gone with nothing kept but that they were cancelled. */
static void lost_runs_get_successors(void **state)
{
    const char *experiment = created(BASE);
    modellab_cancel_outcome outcome;
    int64_t asked;
    (void)state;
    assert_int_equal(0, start(experiment));
    const char *first = run_of(experiment, 0), *other = run_of(experiment, 1);
    ASSERT_OK(mli_run_cancel(lab, first, &outcome, err));
    assert_int_equal(0, start(experiment));
    const char *second = run_of(experiment, 0);
    assert_string_not_equal(first, second);
    assert_string_equal(other, run_of(experiment, 1));
    assert_int_equal(3, count_runs(lab));
    assert_int_equal(0, start(experiment));
    assert_string_equal(second, run_of(experiment, 0));
    assert_int_equal(2, row_of(experiment).queued);
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    assert_int_equal(2, asked);
    ASSERT_OK(mli_experiment_delete(lab, experiment, err));
    experiment = created(BASE);
    assert_int_equal(0, start(experiment));
    assert_int_equal(2, row_of(experiment).queued);
    assert_int_equal(5, count_runs(lab));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    remove_runs();
    assert_int_equal(0, count_runs(lab));
    assert_int_equal(0, start(experiment));
    assert_int_equal(2, row_of(experiment).queued);
}

/* A run that went is another matter when its result was kept. */
static void what_is_lost(void **state)
{
    (void)state;
    assert_true(mli_experiment_is_lost(MODELLAB_RUN_CANCELLED, ""));
    assert_true(mli_experiment_is_lost(MODELLAB_RUN_STALE, ""));
    assert_false(mli_experiment_is_lost(MODELLAB_RUN_QUEUED, ""));
    assert_false(mli_experiment_is_lost(MODELLAB_RUN_FAILED, ""));
    assert_false(mli_experiment_is_lost(MODELLAB_RUN_COMPLETED, ""));
    assert_true(mli_experiment_is_lost(0, ""));
    assert_true(mli_experiment_is_lost(0, "{\"status\":\"CANCELLED\",\"rea"));
    assert_false(mli_experiment_is_lost(0, "{\"status\":\"COMPLETED\",\"rea"));
}

static modellab_status full(mli_store *store, const char *experiment,
                            const mli_experiment_cell *cell, modellab_error *err)
{
    (void)store;
    (void)experiment;
    (void)cell;
    return mli_fail(err, MODELLAB_E_NO_SPACE, "the disk is full");
}

/* Where nothing can be kept compare goes on, and no run is taken away. */
static void what_cannot_be_kept_does_not_go(void **state)
{
    const char *experiment = created(BASE);
    const mli_store_ops *real = lab->store->ops;
    mli_store_ops planted = *real;
    mli_run_record *record = NULL;
    int64_t asked;
    mli_buf text;
    (void)state;
    planted.experiment_keep = full;
    assert_int_equal(0, start(experiment));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    ASSERT_OK(mli_store_load(lab->store, run_of(experiment, 0), &record, err));
    lab->store->ops = &planted;
    ASSERT_FAILS(MODELLAB_E_NO_SPACE, mli_experiment_keep_run(lab, record->run, err));
    mli_run_record_free(record);
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_experiment_compare(lab, experiment, NULL, &text, err));
    mli_buf_dispose(&text);
    remove_runs();
    assert_int_equal(2, count_runs(lab));
    lab->store->ops = real;
    remove_runs();
    assert_int_equal(0, count_runs(lab));
}

static int make_folder_of(const char *name)
{
    char path[512];
    assert_true(snprintf(path, sizeof path, "%s/experiments/%s", lab->root, name) > 0);
    return mkdir(path, 0700);
}

static mli_os_files broken;
static int broken_error;

static int open_scores_fails(void *user, const char *path, int flags, uint32_t mode)
{
    return strstr(path, "score.json") != NULL ? -broken_error
                                              : mli_os_system_files.open(user, path, flags, mode);
}

/* Scores that cannot be read now are not kept as missing for ever; those that are gone are. */
static void scores_are_tried_again(void **state)
{
    static const int passing[] = {24 /* EMFILE */, 13 /* EACCES */, 16 /* EBUSY */, 5 /* EIO */};
    const char *experiment = created(BASE);
    mli_run_record *record = NULL;
    int64_t asked;
    (void)state;
    assert_int_equal(0, start(experiment));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    const char *run_id = run_of(experiment, 0);
    char sql[512];
    assert_true(snprintf(sql, sizeof sql,
                         "INSERT INTO artifacts VALUES(1,'%s','a','score','score.json',"
                         "'application/json','%064d','1-score.json','',2,1)",
                         run_id, 0) > 0);
    assert_int_equal(SQLITE_OK,
                     sqlite3_exec(((mli_sqlite *)lab->store)->db, sql, NULL, NULL, NULL));
    ASSERT_OK(mli_store_load(lab->store, run_id, &record, err));
    assert_int_equal(1, record->artifact_count);
    const mli_os_files *real = lab->os.files;
    broken = *real;
    broken.open = open_scores_fails;
    lab->os.files = &broken;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        modellab_error e = MODELLAB_ERROR_INIT;
        broken_error = passing[i];
        assert_int_not_equal(MODELLAB_OK, mli_experiment_keep_run(lab, record->run, &e));
    }
    broken_error = 2; /* ENOENT */
    ASSERT_OK(mli_experiment_keep_run(lab, record->run, err));
    lab->os.files = real;
    mli_run_record_free(record);
}

/* A crash in the middle of a deletion leaves a folder without a row, or a row without a folder. */
static void parts_of_a_folder_are_replaced(void **state)
{
    char experiment[MLI_EXPERIMENT_ID_BYTES], path[512];
    (void)state;
    memcpy(experiment, created(BASE), sizeof experiment);
    ASSERT_OK(mli_experiment_delete(lab, experiment, err));
    assert_int_equal(0, make_folder_of(experiment));
    assert_true(snprintf(path, sizeof path, "%s/experiments/%s/part", lab->root, experiment) > 0);
    write_file(path, "x", 1);
    assert_string_equal(experiment, created(BASE));
    assert_int_equal(1, count_files());
    assert_int_equal(0, start(experiment));
    int64_t asked;
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    assert_true(snprintf(path, sizeof path, "%s/experiments/%s", lab->root, experiment) > 0);
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, path));
    assert_string_equal(experiment, created(BASE)); /* made again */
    assert_int_equal(0, start(experiment));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, path));
    ASSERT_OK(mli_experiment_delete(lab, experiment, err)); /* or deleted */
    assert_int_equal(0, count_experiments());
}

/* At the moment of the deletion of the row the folder has lost its name. */
static modellab_status look_then_fail(mli_store *store, const char *experiment, modellab_error *err)
{
    (void)store;
    assert_int_equal(0, make_folder_of(experiment)); /* -1: it is there still */
    char path[512];
    assert_true(snprintf(path, sizeof path, "%s/experiments/%s", lab->root, experiment) > 0);
    assert_int_equal(0, rmdir(path));
    return mli_fail(err, MODELLAB_E_BUSY, "busy");
}

static void the_folder_goes_first(void **state)
{
    const char *experiment = created(BASE);
    const mli_store_ops *real = lab->store->ops;
    mli_store_ops planted = *real;
    (void)state;
    planted.experiment_delete = look_then_fail;
    lab->store->ops = &planted;
    ASSERT_FAILS(MODELLAB_E_BUSY, mli_experiment_delete(lab, experiment, err));
    lab->store->ops = real;
    assert_int_equal(0, start(experiment)); /* it has its files back */
}

/* One file for all cells of an input. */
static void inputs_are_shared(void **state)
{
    const char *experiment = created(BASE);
    mli_os_stat first, second;
    char path[MLI_PATH_BYTES];
    (void)state;
    assert_int_equal(0, start(experiment));
    for (size_t i = 0; i < 2; i++) {
        ASSERT_OK(mli_run_path(lab->root, run_of(experiment, i), MLI_RUN_INPUT, path, err));
        assert_int_equal(
            0, lab->os.files->stat(lab->os.files->user, path, false, i == 0 ? &first : &second));
    }
    assert_int_equal(MLI_OS_REGULAR, first.kind);
    assert_int_equal(first.inode, second.inode);
    assert_int_equal(first.bytes, second.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lost_runs_get_successors, set_up, tear_down),
        cmocka_unit_test(what_is_lost),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_does_not_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scores_are_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_a_folder_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folder_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inputs_are_shared, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
