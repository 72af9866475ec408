/* Retention: what is due, what never goes, parts of runs, leftovers, and the supervisor's own
 * cleanups. */
#include "lab/artifacts.h"
#include "lab/disk.h"
#include "lab/run_lock.h"
#include "lab/supervisor_private.h"
#include "unit/lab/retention_common.h"
#include <errno.h>

static void the_decision(void **state)
{
    static const struct {
        mli_retention_rule rule;
        int64_t age, rank, bytes;
        bool due;
    } cases[] = {
        {{.older_than_ms = -1, .keep_runs = -1, .keep_bytes = -1}, INT64_MAX, 1000, 1000, false},
        {{.older_than_ms = 10, .keep_runs = -1, .keep_bytes = -1}, 9, 1000, 1000, false},
        {{.older_than_ms = 10, .keep_runs = -1, .keep_bytes = -1}, 10, 0, 0, true},
        {{.older_than_ms = 0, .keep_runs = -1, .keep_bytes = -1}, 0, 0, 0, true},
        {{.older_than_ms = -1, .keep_runs = 2, .keep_bytes = -1}, 0, 1, 0, false},
        {{.older_than_ms = -1, .keep_runs = 2, .keep_bytes = -1}, 0, 2, 0, true},
        {{.older_than_ms = -1, .keep_runs = 0, .keep_bytes = -1}, 0, 0, 0, true},
        {{.older_than_ms = -1, .keep_runs = -1, .keep_bytes = 100}, 0, 0, 100, false},
        {{.older_than_ms = -1, .keep_runs = -1, .keep_bytes = 100}, 0, 0, 101, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cases[i].due, mli_retention_is_due(&cases[i].rule, cases[i].age,
                                                            cases[i].rank, cases[i].bytes));
    }
}

static void old_runs_go_and_the_rest_stays(void **state)
{
    char old[2][MLI_ULID_BYTES], young[MLI_ULID_BYTES], waits[MLI_ULID_BYTES], a[MLI_ULID_BYTES];
    mli_total_list *before = NULL, *after = NULL;
    modellab_cleanup_options o = options_of(7 * DAY_MS);
    modellab_cleanup_result would, did;

    (void)state;
    cancelled_run("ann", old[0]);
    completed_run(old[1], a);
    submit("ann", waits);
    extra_ns = 10 * DAY_NS;
    cancelled_run("bob", young);
    ASSERT_OK(mli_store_totals(lab->store, &before, err));
    o.dry_run = 1;
    would = clean(&o);
    assert_true(is_there(old[0]) && has_file(old[0], MLI_RUN_INPUT) && is_there(old[1]));
    o.dry_run = 0;
    did = clean(&o);
    assert_memory_equal(&would, &did, sizeof did);
    assert_int_equal(2, did.runs);
    assert_int_equal(0, did.inputs + did.artifacts + did.kept + did.failed);
    assert_int_equal(sizeof wav, did.input_bytes);
    assert_int_equal(5, did.artifact_bytes);
    assert_true(did.other_bytes > 500);
    for (int i = 0; i < 2; i++) {
        assert_false(is_there(old[i]) || has_file(old[i], MLI_RUN_FOLDER));
    }
    assert_true(is_there(young) && has_file(young, MLI_RUN_INPUT));
    assert_true(is_there(waits) && has_file(waits, MLI_RUN_INPUT)); /* however old */
    assert_int_equal(2, count_runs(lab));
    ASSERT_OK(mli_store_totals(lab->store, &after, err)); /* what was done stays done */
    assert_int_equal(before->count, after->count);
    for (size_t i = 0; i < after->count; i++) {
        assert_true(before->rows[i].value == after->rows[i].value);
    }
    mli_total_list_free(before);
    mli_total_list_free(after);
}

static void by_number_size_status_and_user(void **state)
{
    char ids[6][MLI_ULID_BYTES], a[MLI_ULID_BYTES];
    modellab_cleanup_options o = MODELLAB_CLEANUP_OPTIONS_INIT;
    mli_run_bytes bytes;

    (void)state;
    for (int i = 0; i < 6; i++) {
        extra_ns += 1000000000;
        if (i == 2) {
            completed_run(ids[i], a);
        } else {
            cancelled_run(i == 1 ? "bob" : "ann", ids[i]);
        }
    }
    o.keep_runs = 4;
    assert_int_equal(2, clean(&o).runs);
    assert_false(is_there(ids[0]) || is_there(ids[1]));
    assert_true(is_there(ids[2]));
    o.keep_runs = -1;
    ASSERT_OK(mli_run_bytes_of(lab, ids[5], &bytes, err));
    o.keep_bytes = 2 * (bytes.input + bytes.other) + 100;
    assert_int_equal(2, clean(&o).runs); /* the two newest fit */
    assert_false(is_there(ids[2]) || is_there(ids[3]));
    assert_true(is_there(ids[4]) && is_there(ids[5]));
    o = options_of(0);
    o.user = "bob";
    assert_int_equal(0, clean(&o).runs);
    o.user = NULL;
    o.status = MODELLAB_RUN_FAILED;
    assert_int_equal(0, clean(&o).runs);
    o.status = MODELLAB_RUN_CANCELLED;
    assert_int_equal(2, clean(&o).runs);
    assert_int_equal(0, count_runs(lab));
}

static void parts_go_and_the_record_stays(void **state)
{
    char with_input[MLI_ULID_BYTES], with_result[MLI_ULID_BYTES], artifact[MLI_ULID_BYTES];
    modellab_cleanup_options o = options_of(0);
    modellab_cleanup_result did;
    modellab_report *report = NULL;
    mli_run_record *record = NULL;
    mli_buf text;

    (void)state;
    cancelled_run("ann", with_input);
    completed_run(with_result, artifact);
    o.what = MODELLAB_CLEANUP_INPUTS;
    did = clean(&o);
    assert_int_equal(1, did.inputs);
    assert_int_equal(sizeof wav, did.input_bytes);
    assert_int_equal(0, did.runs + did.artifacts + did.other_bytes + did.artifact_bytes);
    assert_false(has_file(with_input, MLI_RUN_INPUT));
    assert_int_equal(0, clean(&o).inputs); /* once is enough */
    o.what = MODELLAB_CLEANUP_ARTIFACTS;
    did = clean(&o);
    assert_int_equal(2, did.artifacts); /* a run without artifacts is marked too */
    assert_int_equal(5, did.artifact_bytes);
    ASSERT_OK(mli_store_load(lab->store, with_result, &record, err));
    assert_int_equal(1, record->artifact_count); /* with its sha256 */
    assert_int_equal(MLI_PART_ARTIFACTS, record->run->removed);
    assert_int_equal(0, record->run->deleting);
    mli_run_record_free(record);
    mli_buf_init(&text, NULL);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND,
                 mli_run_read_artifact(lab, with_result, artifact, 1000, &text, err));
    ASSERT_OK(mli_manifest_read(lab->os.files, lab->root, with_input, &text, err));
    assert_non_null(strstr(mli_buf_text(&text), "\"removed\":[\"input\",\"artifacts\"]"));
    mli_buf_dispose(&text);
    ASSERT_OK(mli_reconcile(lab, MLI_RECONCILE_FILES, &report, err));
    assert_int_equal(0, mli_report_count(report)); /* what was taken away is not missing */
    mli_report_unref(report);
}

static void what_is_needed_stays(void **state)
{
    char parent[MLI_ULID_BYTES], locked[MLI_ULID_BYTES];
    static const mli_event_row queued = {.type = "run_queued"};
    modellab_cleanup_options o = options_of(0);
    modellab_cleanup_result did;
    char existing[MLI_ULID_BYTES];
    mli_run_row child;
    int fd = -1;

    (void)state;
    cancelled_run("ann", parent);
    cancelled_run("ann", locked);
    mli_run_row_init(&child);
    child.id = id_of(1);
    child.parent_run_id = parent;
    child.created_ms = 1;
    ASSERT_OK(mli_store_insert(lab->store, &child, &queued, 1, existing, err));
    ASSERT_OK(mli_rundir_lock(lab->os.files, lab->root, locked, &fd, err));
    did = clean(&o);
    assert_int_equal(0, did.runs);
    assert_int_equal(2, did.kept);
    assert_true(has_file(parent, MLI_RUN_INPUT) && has_file(locked, MLI_RUN_INPUT));
    assert_int_equal(0, close(fd));
    assert_int_equal(1, clean(&o).runs);
    assert_false(is_there(locked));
    ASSERT_FAILS(
        MODELLAB_E_INVALID_ARGUMENT,
        mli_lab_cleanup(lab, &(modellab_cleanup_options)MODELLAB_CLEANUP_OPTIONS_INIT, &did, err));
    o.status = MODELLAB_RUN_RUNNING;
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_lab_cleanup(lab, &o, &did, err));
}

/* Files below one run cannot be unlinked, as on a damaged disk. */
static char stuck[MLI_ULID_BYTES];

static int unlink_but_stuck(void *user, const char *path)
{
    (void)user;
    return strstr(path, stuck) != NULL ? -EIO : mli_os_system_files.unlink(NULL, path);
}

/* One run that cannot go does not keep the others from going, now or in any later pass. */
static void one_that_cannot_go_holds_up_nobody(void **state)
{
    char other[2][MLI_ULID_BYTES];
    mli_os_files files = mli_os_system_files;
    modellab_cleanup_options o = options_of(0);
    modellab_cleanup_result did;
    modellab_report *report = NULL;

    (void)state;
    files.unlink = unlink_but_stuck;
    lab->os.files = &files;
    cancelled_run("ann", stuck);
    cancelled_run("ann", other[0]);
    did = clean(&o); /* the stuck one is marked: it is gone for all, its files are not */
    assert_int_equal(1, did.runs);
    assert_int_equal(1, did.failed);
    assert_false(is_there(other[0]) || is_there(stuck));
    assert_true(has_file(stuck, MLI_RUN_INPUT));
    cancelled_run("ann", other[1]);
    did = clean(&o); /* the pass begins with what is marked */
    assert_int_equal(1, did.runs);
    assert_int_equal(1, did.failed);
    assert_false(is_there(other[1]));
    ASSERT_OK(mli_reconcile(lab, 0, &report, err));
    assert_int_equal(1, mli_report_count(report));
    assert_string_equal("run.not_removed", mli_report_finding(report, 0)->id);
    assert_non_null(strstr(mli_report_finding(report, 0)->pointer, stuck));
    mli_report_unref(report);
    lab->os.files = &mli_os_system_files; /* the disk is well again */
    did = clean(&o);
    assert_int_equal(0, did.failed);
    assert_false(has_file(stuck, MLI_RUN_FOLDER));
    assert_int_equal(0, count_folders(lab));
}

static void two_cleanups_do_not_meet(void **state)
{
    mli_retention_rule rule = {
        .older_than_ms = 0, .keep_runs = -1, .keep_bytes = -1, .parts = MLI_PART_RUN};
    mli_retention one, two;

    (void)state;
    ASSERT_OK(mli_retention_begin(&one, lab, &rule, err));
    ASSERT_FAILS(MODELLAB_E_BUSY, mli_retention_begin(&two, lab, &rule, err));
    mli_retention_end(&one);
    ASSERT_OK(mli_retention_begin(&two, lab, &rule, err));
    mli_retention_end(&two);
}

static void leftovers_go(void **state)
{
    char ended[MLI_ULID_BYTES], waits[MLI_ULID_BYTES], path[MLI_PATH_BYTES];
    modellab_cleanup_options o = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result did;

    (void)state;
    cancelled_run("ann", ended);
    submit("ann", waits);
    ASSERT_OK(mli_rundir_create(lab->os.files, lab->root, id_of(7), err)); /* no record */
    assert_true(snprintf(path, sizeof path, "%s/runs/%s/input.tmp", lab->root, ended) > 0);
    write_file(path, "12345", 5);
    assert_true(snprintf(path, sizeof path, "%s/runs/%s/artifacts/x.tmp", lab->root, waits) > 0);
    write_file(path, "1", 1); /* a run that waits may be using it */
    assert_true(snprintf(path, sizeof path, "%s/supervisors", lab->root) > 0);
    assert_int_equal(0, mkdir(path, 0700));
    assert_true(snprintf(path, sizeof path, "%s/supervisors/%s.lock", lab->root, id_of(8)) > 0);
    write_file(path, "", 0);
    assert_true(snprintf(path, sizeof path, "%s/images", folder.path) > 0);
    assert_int_equal(0, mkdir(path, 0700));
    assert_true(snprintf(path, sizeof path, "%s/images/%064d-f16-packed1.mlimg", folder.path, 5) >
                0);
    write_file(path, "image", 5);
    o.what = MODELLAB_CLEANUP_LEFTOVERS;
    did = clean(&o);
    assert_int_equal(1, did.leftovers); /* young ones stay, a dead supervisor is dead at once */
    extra_ns = 8 * DAY_NS;
    o.dry_run = 1;
    did = clean(&o);
    assert_int_equal(2, did.leftovers);
    assert_int_equal(1, did.cache_files);
    o.dry_run = 0;
    did = clean(&o);
    assert_int_equal(2, did.leftovers);
    assert_int_equal(5, did.leftover_bytes);
    assert_int_equal(1, did.cache_files);
    assert_int_equal(5, did.cache_bytes);
    assert_int_equal(2, count_folders(lab));
    did = clean(&o);
    assert_int_equal(0, did.leftovers + did.cache_files);
    assert_true(has_file(ended, MLI_RUN_INPUT) && has_file(waits, MLI_RUN_INPUT));
}

static void disk_usage_adds_up(void **state)
{
    char id[MLI_ULID_BYTES], artifact[MLI_ULID_BYTES];
    modellab_disk_usage usage;

    (void)state;
    cancelled_run("ann", id);
    completed_run(id, artifact);
    ASSERT_OK(mli_lab_disk_usage(lab, &usage, err));
    assert_int_equal(2, usage.runs);
    assert_int_equal(sizeof wav, usage.input_bytes);
    assert_int_equal(5, usage.artifact_bytes);
    assert_true(usage.journal_bytes > 500 && usage.store_bytes > 4096);
    assert_true(usage.free_bytes > 0 && usage.total_bytes >= usage.free_bytes);
    assert_true(usage.accepted_bytes > 0);
    assert_int_equal(1000 + 262144 + 2 * 1024, mli_run_disk_estimate(1000, 2));
    /* a header that claims years is not believed */
    assert_true(mli_run_disk_estimate(10000, 1e12) < 10000000);
    lab->settings.min_free_bytes = usage.free_bytes - 1000;
    ASSERT_FAILS(MODELLAB_E_NO_SPACE, mli_lab_check_disk(lab, 1 << 24, err));
}

/* A supervisor with a retention of a day, stepped on a clock of its own. */
static void supervisors_do_it_by_settings(void **state)
{
    char old[5][MLI_ULID_BYTES], young[MLI_ULID_BYTES];
    modellab_supervisor_options o = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    mli_supervisor *s = NULL;

    (void)state;
    for (int i = 0; i < 5; i++) {
        cancelled_run("ann", old[i]);
    }
    extra_ns = 2 * DAY_NS;
    cancelled_run("ann", young);
    lab->settings.retention_ms = DAY_MS;
    o.worker_program = "/bin/true";
    ASSERT_OK(mli_supervisor_create(lab, &o, &s, err));
    ASSERT_OK(mli_supervisor_step(s, 0, NULL, err));
    assert_int_equal(6, count_runs(lab)); /* not while it starts */
    extra_ns += 11 * (int64_t)1000000000;
    for (int i = 0; i < 10; i++) {
        ASSERT_OK(mli_supervisor_step(s, 0, NULL, err));
    }
    assert_int_equal(1, count_runs(lab));
    assert_true(is_there(young));
    assert_false(s->retaining);
    mli_supervisor_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_decision, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_runs_go_and_the_rest_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_number_size_status_and_user, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_go_and_the_record_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_needed_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_cannot_go_holds_up_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_cleanups_do_not_meet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leftovers_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disk_usage_adds_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(supervisors_do_it_by_settings, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
