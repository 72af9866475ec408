/* Opening labs: new ones, read-only ones, newer ones, two at once, in a forked child. */
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "lab/supervisor.h"
#include "lab/tally.h"
#include "store/sqlite_db.h"
#include "unit/lab/lab_common.h"
#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static temp_folder folder;
static unsigned char wav[WAV_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static modellab_status submit(mli_lab *lab, char id[MLI_ULID_BYTES], modellab_error *err)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = sizeof wav;
    return mli_run_submit(lab, &o, id, NULL, err);
}

static int count_commit(void *user)
{
    ++*(int *)user;
    return 0;
}

static int refuse_commit(void *user)
{
    (void)user;
    return 1;
}

static double total_of(const mli_lab *lab, const char *family)
{
    mli_total_list *list = NULL;
    double value = 0;
    ASSERT_OK(mli_store_totals(lab->store, &list, err));
    for (size_t i = 0; i < list->count; i++) {
        value += strcmp(list->rows[i].family, family) == 0 ? list->rows[i].value : 0;
    }
    mli_total_list_free(list);
    return value;
}

/* All counters in one commit; when it fails none is lost, and none is counted twice. */
static void counters_are_flushed_together(void **state)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    mli_sqlite *s = (mli_sqlite *)lab->store;
    int commits = 0;
    (void)state;
    mli_tally_flush(lab);
    mli_tally_add(lab, "worker_starts_total", "", 1);
    mli_tally_add(lab, "worker_reuses_total", "", 2);
    mli_tally_add(lab, "log_dropped_total", "", 4);
    (void)sqlite3_commit_hook(s->db, refuse_commit, NULL);
    mli_tally_flush(lab);
    (void)sqlite3_commit_hook(s->db, count_commit, &commits);
    mli_tally_flush(lab);
    assert_int_equal(commits, 1);
    (void)sqlite3_commit_hook(s->db, NULL, NULL);
    assert_true(total_of(lab, "worker_reuses_total") > 1.9);
    assert_true(total_of(lab, "worker_reuses_total") < 2.1);
    assert_true(total_of(lab, "log_dropped_total") > 3.9);
    mli_tally_flush(lab);
    assert_true(total_of(lab, "log_dropped_total") < 4.1);
    mli_lab_unref(lab);
}

/* Root in the lab of another user: one sentence instead of runs that fail at their first artifact.
 */
static void root_supervises_its_own_labs_only(void **state)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    mli_supervisor *s = NULL;
    (void)state;
    options.worker_program = "/nothing/here";
    if (geteuid() != 0) {
        print_message("labs of others not tested: only root can make one\n");
        mli_lab_unref(lab);
        return;
    }
    modellab_error why = MODELLAB_ERROR_INIT;
    assert_int_equal(chown(lab->root, 65534, 65534), 0);
    assert_int_equal(mli_supervisor_create(lab, &options, &s, &why), MODELLAB_E_PERMISSION);
    assert_non_null(strstr(why.message, "belongs to user 65534"));
    assert_int_equal(chown(lab->root, 0, 0), 0);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_supervisor_create(lab, &options, &s, err));
    mli_lab_unref(lab);
}

static void reading_only(void **state)
{
    char id[MLI_ULID_BYTES], none[MLI_ULID_BYTES];
    mli_lab *writer = open_lab(&folder, NULL, NULL, 0), *reader;
    modellab_run *run = NULL;

    (void)state;
    ASSERT_OK(submit(writer, id, err));
    reader = open_lab(&folder, NULL, NULL, MODELLAB_LAB_READ_ONLY);
    ASSERT_FAILS(MODELLAB_E_STORE_READ_ONLY, submit(reader, none, err));
    assert_int_equal(1, count_folders(reader));
    ASSERT_OK(mli_run_load(reader, id, &run, err));
    mli_run_unref(run);
    mli_lab_unref(reader);
    mli_lab_unref(writer);
    /* with all writers gone, and nothing that could be written */
    if (geteuid() == 0) {
        print_message("folder without write permission not tested: root writes everywhere\n");
    }
    reader = open_lab(&folder, NULL, NULL, MODELLAB_LAB_READ_ONLY);
    assert_int_equal(1, count_runs(reader));
    mli_lab_unref(reader);
}

static void no_lab_to_read(void **state)
{
    modellab_lab_options o = MODELLAB_LAB_OPTIONS_INIT;
    modellab_error first = MODELLAB_ERROR_INIT;
    char root[512];
    mli_lab *lab = NULL;

    (void)state;
    assert_true(snprintf(root, sizeof root, "%s/none", folder.path) > 0);
    o.flags = MODELLAB_LAB_READ_ONLY;
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_lab_open(root, &o, NULL, &lab, &first));
    assert_null(strstr(first.message, folder.path));
    write_file(root, "x", 1);
    o.flags = 0;
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_lab_open(root, &o, NULL, &lab, err)); /* a file */
    assert_null(lab);
    o.price_sheet = "{\"version\":7}";
    ASSERT_FAILS(MODELLAB_E_SCHEMA, mli_lab_open(folder.path, &o, NULL, &lab, err));
}

static int read_only_mkdir(void *user, const char *path, uint32_t mode)
{
    (void)user, (void)path, (void)mode;
    return -EROFS;
}

static void a_read_only_medium(void **state)
{
    mli_os_files files = mli_os_system_files;
    mli_lab_tables tables = {.files = &files};
    modellab_lab_options o = MODELLAB_LAB_OPTIONS_INIT;
    char root[512];
    mli_lab *lab = NULL;

    (void)state;
    files.mkdir = read_only_mkdir;
    assert_true(snprintf(root, sizeof root, "%s/lab", folder.path) > 0);
    ASSERT_FAILS(MODELLAB_E_STORE_READ_ONLY, mli_lab_open(root, &o, &tables, &lab, err));
}

static void a_newer_lab(void **state)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    modellab_lab_options o = MODELLAB_LAB_OPTIONS_INIT;
    char root[512], path[600];
    sqlite3 *db = NULL;

    (void)state;
    assert_true(snprintf(root, sizeof root, "%s", lab->root) > 0);
    mli_lab_unref(lab);
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", root) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &db));
    assert_int_equal(SQLITE_OK, sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL));
    assert_int_equal(SQLITE_OK, sqlite3_close(db));
    ASSERT_FAILS(MODELLAB_E_STORE_NEWER, mli_lab_open(root, &o, NULL, &lab, err));
    o.flags = MODELLAB_LAB_READ_ONLY;
    ASSERT_FAILS(MODELLAB_E_STORE_NEWER, mli_lab_open(root, &o, NULL, &lab, err));
}

static void a_forked_child_is_refused(void **state)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    char id[MLI_ULID_BYTES];
    int code = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        mli_run_record *record = NULL;
        bool refused = mli_lab_check(lab, false, NULL) == MODELLAB_E_FORKED &&
                       submit(lab, id, NULL) == MODELLAB_E_FORKED &&
                       mli_store_load(lab->store, "x", &record, NULL) == MODELLAB_E_FORKED;

        mli_lab_unref(lab); /* must not drop the parent's locks */
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(child, waitpid(child, &code, 0));
    assert_int_equal(0, code);
    ASSERT_OK(submit(lab, id, err));
    mli_lab_unref(lab);
}

enum { CHILDREN = 3, EACH = 20 };

/* Processes submit, claim and end runs of one lab at the same time: nothing is lost, nothing twice.
 */
static int work(void)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    mli_queue_query query = {.now_ms = INT64_MAX / 2, .each = 4};
    char id[MLI_ULID_BYTES];
    int ended = 0;

    for (int i = 0; i < EACH; i++) {
        if (submit(lab, id, NULL) != MODELLAB_OK) {
            return -1;
        }
    }
    for (int idle = 0; idle < 200;) {
        mli_queue_view *view = NULL;

        if (mli_store_queue(lab->store, &query, &view, NULL) != MODELLAB_OK) {
            return -1;
        }
        idle = view->run_count == 0 ? idle + 100 : idle;
        for (size_t i = 0; i < view->run_count; i++) {
            const char *taken = view->runs[i].id;
            mli_store_claim claim = {.run_id = taken, .owner = "{}", .now_ms = 1};
            mli_run_transition to = {.to = MODELLAB_RUN_COMPLETED, .event_type = "run_completed"};
            mli_store_change change = {.run_id = taken,
                                       .fence = 1,
                                       .expect = MODELLAB_RUN_RUNNING,
                                       .now_ms = 2,
                                       .transition = &to};
            mli_run_row *row = NULL;
            modellab_status status = mli_store_claim_run(lab->store, &claim, &row, NULL);

            if (status == MODELLAB_OK) {
                mli_run_row_free(lab->alloc, row);
                status = mli_store_apply(lab->store, &change, NULL, NULL, NULL);
                ended += status == MODELLAB_OK;
            }
            if (status != MODELLAB_OK && status != MODELLAB_E_STATE &&
                status != MODELLAB_E_RUN_FINAL) {
                return -1;
            }
        }
        mli_queue_view_free(view);
    }
    mli_lab_unref(lab);
    return ended;
}

static void processes_share_a_lab(void **state)
{
    pid_t children[CHILDREN];
    int total = 0, code = 0;
    mli_total_list *totals = NULL;
    mli_lab *lab;

    (void)state;
    for (int c = 0; c < CHILDREN; c++) {
        children[c] = fork();
        assert_true(children[c] >= 0);
        if (children[c] == 0) {
            int ended = work();

            _exit(ended < 0 ? 255 : ended);
        }
    }
    for (int c = 0; c < CHILDREN; c++) {
        assert_int_equal(children[c], waitpid(children[c], &code, 0));
        assert_true(WIFEXITED(code) && WEXITSTATUS(code) != 255);
        total += WEXITSTATUS(code);
    }
    assert_int_equal(CHILDREN * EACH, total); /* each was ended by exactly one */
    lab = open_lab(&folder, NULL, NULL, 0);
    assert_int_equal(CHILDREN * EACH, count_runs(lab));
    ASSERT_OK(mli_store_totals(lab->store, &totals, err));
    for (size_t i = 0; i < totals->count; i++) {
        if (strcmp(totals->rows[i].family, "runs_total") == 0) {
            assert_true(totals->rows[i].value == CHILDREN * EACH);
        }
    }
    mli_total_list_free(totals);
    mli_lab_unref(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_are_flushed_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(root_supervises_its_own_labs_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_lab_to_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_medium, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_lab, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forked_child_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(processes_share_a_lab, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
