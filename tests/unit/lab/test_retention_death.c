/* A cleanup that dies before any of its file operations leaves nothing that the next opening of the
 * lab does not complete; the wrong order of its acts is caught. */
#include "unit/lab/retention_common.h"

/* The process dies before its file operation number `left`. */
static int operations_left;
static void step_to_death(void)
{
    if (--operations_left < 0) {
        _exit(99);
    }
}
static int dying_unlink(void *user, const char *path)
{
    step_to_death();
    return mli_os_system_files.unlink(user, path);
}
static int dying_rmdir(void *user, const char *path)
{
    step_to_death();
    return mli_os_system_files.rmdir(user, path);
}
static int dying_sync(void *user, int fd)
{
    step_to_death();
    return mli_os_system_files.sync(user, fd);
}
static int dying_rename(void *user, const char *from, const char *to)
{
    step_to_death();
    return mli_os_system_files.rename(user, from, to);
}
static int dying_close(void *user, int fd)
{
    step_to_death();
    return mli_os_system_files.close(user, fd);
}

/* The planted bug: the record goes first, then the files. */
static void clean_in_the_wrong_order(mli_lab *of)
{
    mli_run_row_list *list = NULL;
    mli_store_ended all = {.limit = 100, .before_ms = INT64_MAX};

    ASSERT_OK(mli_store_list_ended(of->store, &all, &list, err));
    for (size_t i = 0; i < list->count; i++) {
        ASSERT_OK(mli_store_mark(of->store, list->rows[i]->id, MLI_PART_RUN, err));
        ASSERT_OK(mli_store_unmark(of->store, list->rows[i]->id, MLI_PART_RUN, err));
        ASSERT_OK(mli_rundir_remove(of->os.files, of->root, list->rows[i]->id, err));
    }
    mli_run_row_list_free(list);
}

/* In a process of its own. True when it died on the way. */
static bool clean_and_die(int operations, int32_t what, bool planted)
{
    int how = 0;
    pid_t pid = fork();

    if (pid == 0) {
        mli_os_files files = mli_os_system_files;
        mli_lab_tables dying = {.clock = &test_clock, .files = &files};
        modellab_cleanup_options o = options_of(0);
        modellab_cleanup_result result = {.size = sizeof result};
        mli_lab *mine = open_lab(&folder, NULL, &dying, 0);

        o.what = what;
        files.unlink = dying_unlink;
        files.rmdir = dying_rmdir;
        files.sync = dying_sync;
        files.rename = dying_rename;
        files.close = dying_close;
        operations_left = operations;
        if (planted) {
            clean_in_the_wrong_order(mine);
        } else if (mli_lab_cleanup(mine, &o, &result, NULL) != MODELLAB_OK) {
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(pid, waitpid(pid, &how, 0));
    assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == 99));
    return WEXITSTATUS(how) == 99;
}

/* After the next opening: every record has its folder, every folder a record, nothing is half. */
static bool lab_is_whole(int32_t what)
{
    mli_run_row_list *list = NULL;
    mli_store_filter filter = {.limit = 1000};
    modellab_report *report = NULL;
    bool whole;

    ASSERT_OK(mli_reconcile(lab, 0, NULL, err));
    ASSERT_OK(mli_store_list_marked(lab->store, &list, err));
    whole = list->count == 0;
    mli_run_row_list_free(list);
    ASSERT_OK(mli_reconcile(lab, MLI_RECONCILE_FILES | MLI_RECONCILE_DRY_RUN, &report, err));
    whole = whole && mli_report_count(report) == 0;
    mli_report_unref(report);
    ASSERT_OK(mli_store_list(lab->store, &filter, &list, err));
    for (size_t i = 0; i < list->count; i++) {
        bool gone = (list->rows[i]->removed & MLI_PART_INPUT) != 0;
        bool had = list->rows[i]->input_sha256[0] != '\0';

        whole = whole && (!had || has_file(list->rows[i]->id, MLI_RUN_INPUT) == !gone);
        whole = whole && (gone == false || what != MODELLAB_CLEANUP_RUNS);
    }
    mli_run_row_list_free(list);
    return whole;
}

/* Kills at every operation; returns how many of them left a lab that is not whole. */
static int count_broken(int32_t what, bool planted)
{
    int broken = 0;
    bool died = true;

    for (int operations = 0; died; operations++) {
        char id[MLI_ULID_BYTES], artifact[MLI_ULID_BYTES];

        assert_true(operations < 300);
        cancelled_run("ann", id);
        completed_run(id, artifact);
        mli_lab_unref(lab); /* no connection passes through the fork */
        died = clean_and_die(operations, what, planted);
        lab = open_lab(&folder, NULL, &tables, 0);
        broken += !lab_is_whole(what);
        mli_lab_unref(lab); /* each round begins with an empty lab */
        temp_folder_remove(&folder);
        temp_folder_make(&folder);
        lab = open_lab(&folder, NULL, &tables, 0);
    }
    return broken;
}

static void death_at_any_moment(void **state)
{
    (void)state;
    assert_int_equal(0, count_broken(MODELLAB_CLEANUP_RUNS, false));
    assert_int_equal(0, count_broken(MODELLAB_CLEANUP_INPUTS, false));
    assert_int_equal(0, count_broken(MODELLAB_CLEANUP_ARTIFACTS, false));
}

static void the_planted_order_is_caught(void **state)
{
    (void)state;
    assert_true(count_broken(MODELLAB_CLEANUP_RUNS, true) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(death_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_planted_order_is_caught, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
