/* Every allocation and every file operation of the lab's calls fails once: the call succeeds or
 * gives a clean error, nothing leaks, and the store stays valid. A planted bug (the input is lost)
 * shows that the harness sees one. */
#include "lab/events.h"
#include "lab/reconcile.h"
#include "lab/record.h"
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "unit/failing_alloc.h"
#include "unit/faulty_files.h"
#include "unit/lab/lab_common.h"
#include <errno.h>

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

/* What is done under faults; fills the ids of what was acknowledged. */
typedef struct deed {
    char submitted[MLI_ULID_BYTES];
    char recorded[MLI_ULID_BYTES];
    bool finished, artifact;
    int errors;
} deed;

static void note(deed *d, modellab_status status, const modellab_error *err)
{
    if (status != MODELLAB_OK) {
        d->errors++;
        if (status != err->code || err->message[0] == '\0' ||
            strstr(err->message, folder.path) != NULL) {
            fail_msg("status %d with error %d \"%s\"", (int)status, (int)err->code, err->message);
        }
    }
}

static void do_submit(mli_lab *lab, deed *d)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_status status;

    o.request = "{\"pipeline\":\"ingest\",\"labels\":{\"a\":\"b\"}}";
    o.input_data = wav;
    o.input_bytes = sizeof wav;
    status = mli_run_submit(lab, &o, d->submitted, &report, &err);
    note(d, status, &err);
    assert_true((status == MODELLAB_OK) == (d->submitted[0] != '\0'));
    mli_report_unref(report);
}

static void do_read(mli_lab *lab, deed *d)
{
    mli_store_filter filter = {.limit = 10};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_event_list *events = NULL;
    modellab_run_list *list = NULL;
    modellab_run *run = NULL;

    if (d->submitted[0] != '\0') {
        note(d, mli_run_load(lab, d->submitted, &run, &err), &err);
        note(d, mli_events_load(lab, d->submitted, 0, 10, 0, NULL, &events, &err), &err);
    }
    note(d, mli_run_list_load(lab, &filter, &list, &err), &err);
    mli_run_unref(run);
    mli_events_unref(events);
    mli_run_list_unref(list);
}

static void do_record(mli_lab *lab, deed *d)
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_record *record = NULL;
    modellab_status status;

    o.config_json = "{\"x\":1}";
    status = mli_record_begin(lab, &o, &record, &err);
    note(d, status, &err);
    if (status != MODELLAB_OK) {
        assert_null(record);
        return;
    }
    memcpy(d->recorded, record->ids.run_id, MLI_ULID_BYTES);
    note(d, mli_record_step_begin(record, "s", &err), &err);
    status = mli_record_add_artifact(record, "a.txt", "text/plain", "hello", 5, NULL, &err);
    note(d, status, &err);
    d->artifact = status == MODELLAB_OK;
    if (record->step.open) {
        note(d, mli_record_step_end(record, MODELLAB_RUN_COMPLETED, NULL, &err), &err);
    }
    status = mli_record_finish(record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, &err);
    note(d, status, &err);
    d->finished = status == MODELLAB_OK;
    mli_record_destroy(record);
}

static bool has_folder(const mli_lab *lab, const char *id, mli_run_file what)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat info;

    ASSERT_OK(mli_run_path(lab->root, id, what, path, err));
    return mli_os_system_files.stat(NULL, path, true, &info) == 0;
}

/* Looks at the lab with sound tables. Returns the number of broken promises. */
static int check_promises(const deed *d)
{
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    mli_run_record *row = NULL;
    mli_buf text;
    int broken = 0;

    ASSERT_OK(mli_reconcile(lab, MLI_RECONCILE_FILES, NULL, err));
    mli_buf_init(&text, NULL);
    if (d->submitted[0] != '\0') {
        ASSERT_OK(mli_store_load(lab->store, d->submitted, &row, err));
        broken += row->run->status != MODELLAB_RUN_QUEUED;
        broken += !has_folder(lab, d->submitted, MLI_RUN_INPUT);
        broken += !has_folder(lab, d->submitted, MLI_RUN_REQUEST);
        ASSERT_OK(mli_manifest_read(&mli_os_system_files, lab->root, d->submitted, &text, err));
        mli_run_record_free(row);
        row = NULL;
    }
    if (d->recorded[0] != '\0') {
        ASSERT_OK(mli_store_load(lab->store, d->recorded, &row, err));
        broken += d->finished ? row->run->status != MODELLAB_RUN_COMPLETED
                              : row->run->status < MODELLAB_RUN_COMPLETED;
        broken += d->artifact && row->artifact_count != 1;
        for (size_t i = 0; i < row->artifact_count; i++) {
            mli_buf_clear(&text);
            ASSERT_OK(mli_artifact_read(&mli_os_system_files, lab->root, d->recorded,
                                        row->artifacts[i].file, 100, row->artifacts[i].sha256,
                                        &text, err));
        }
        mli_run_record_free(row);
    }
    mli_buf_dispose(&text);
    mli_lab_unref(lab);
    return broken;
}

static void wipe(void)
{
    temp_folder_remove(&folder);
    temp_folder_make(&folder);
}

/* One pass with the fault at call `fail_at`; false when that call was never reached. */
static bool files_fail_at(long fail_at, int error, bool from_there_on, int *errors)
{
    faulty_files faulty = {.fail_at = -1, .error = error, .from_there_on = from_there_on};
    mli_os_files files = faulty_files_table(&faulty);
    mli_lab_tables tables = {.files = &files};
    mli_lab *lab = open_lab(&folder, NULL, &tables, 0);
    deed d = {0};

    faulty.calls = 0;
    faulty.fail_at = fail_at;
    do_submit(lab, &d);
    do_record(lab, &d);
    do_read(lab, &d);
    faulty.fail_at = -1;
    mli_lab_unref(lab);
    assert_int_equal(0, check_promises(&d));
    *errors += d.errors;
    return faulty.calls > fail_at;
}

static void file_operations_fail(void **state)
{
    static const int codes[] = {EIO, ENOSPC};
    int errors = 0;

    (void)state;
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        for (long i = 0; files_fail_at(i, codes[c], false, &errors); i++) {
            wipe();
        }
        wipe();
    }
    for (long i = 0; files_fail_at(i, ENOSPC, true, &errors); i += 3) {
        wipe(); /* the disk stays full */
    }
    assert_true(errors > 40); /* the faults were seen */
}

static bool alloc_fails_at(long fail_at, int *errors)
{
    failing_alloc failing = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&failing);
    mli_lab *lab = open_lab(&folder, &table, NULL, 0);
    deed d = {0};

    failing.calls = 0;
    failing.fail_at = fail_at;
    do_submit(lab, &d);
    do_record(lab, &d);
    do_read(lab, &d);
    failing.fail_at = -1;
    mli_lab_unref(lab);
    assert_int_equal(0, failing.live);
    assert_int_equal(0, check_promises(&d));
    *errors += d.errors;
    return failing.calls > fail_at;
}

static void allocations_fail(void **state)
{
    int errors = 0;

    (void)state;
    for (long i = 0; alloc_fails_at(i, &errors); i++) {
        wipe();
    }
    assert_true(errors > 40);
}

static void opening_fails(void **state)
{
    char root[512];
    failing_alloc failing = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&failing);
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_status status = MODELLAB_E_NO_MEMORY;

    (void)state;
    assert_true(snprintf(root, sizeof root, "%s/lab", folder.path) > 0);
    options.allocator = &table;
    for (long i = 0; status != MODELLAB_OK; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_lab *lab = NULL;

        failing.calls = 0;
        failing.fail_at = i;
        status = mli_lab_open(root, &options, NULL, &lab, &err);
        failing.fail_at = -1;
        assert_int_equal(status == MODELLAB_OK ? MODELLAB_OK : MODELLAB_E_NO_MEMORY, status);
        mli_lab_unref(lab);
        assert_int_equal(0, failing.live);
        assert_true(i < 1000);
    }
}

/* Planted bug: a table whose writes of the input are lost. The promises must be seen as broken. */
static int lose_input(void *user, const char *from, const char *to)
{
    size_t length = strlen(to);

    (void)user;
    if (length > 6 && strcmp(to + length - 6, "/input") == 0) {
        return mli_os_system_files.unlink(NULL, from);
    }
    return mli_os_system_files.rename(NULL, from, to);
}

static void a_planted_bug_is_found(void **state)
{
    mli_os_files files = mli_os_system_files;
    mli_lab_tables tables = {.files = &files};
    deed d = {0};
    mli_lab *lab;

    (void)state;
    files.rename = lose_input;
    lab = open_lab(&folder, NULL, &tables, 0);
    do_submit(lab, &d);
    mli_lab_unref(lab);
    assert_int_equal(0, d.errors);
    assert_int_equal(1, check_promises(&d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(file_operations_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocations_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_planted_bug_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
