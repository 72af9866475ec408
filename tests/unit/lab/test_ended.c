/* The bundle that who ends a run gathers: how much is read for it, and that a file of it which
 * could not be recorded does not stay, whichever file operation fails. */
#include "unit/faulty_files.h"
#include "unit/lab/played.h"
#include <errno.h>

#define BIG ((size_t)3 << 20)

static void submit_bundle(played *p)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = "{\"steps\":[\"ingest\",\"bundle\"]}";
    o.input_data = wav;
    o.input_bytes = sizeof(wav);
    ASSERT_OK(mli_run_submit(p->lab, &o, p->id, NULL, err));
}

/* A result of the run, an object that is `bytes` long. */
static void make_artifact(played *p, const char *name, const char *file, size_t bytes)
{
    char id[MLI_ULID_BYTES], sha256[65];
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, ' ', bytes);
    text[0] = '{';
    text[bytes - 1] = '}';
    ASSERT_OK(mli_artifact_write(&mli_os_system_files, p->lab->root, p->id, file, text, bytes,
                                 sha256, err));
    free(text);
    assert_int_equal(mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, id), 0);
    mli_jw *line = mli_journal_begin(&p->journal, "artifact");
    mli_jw_kstring(line, "id", id);
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kstring(line, "name", name);
    mli_jw_kstring(line, "file", file);
    mli_jw_kstring(line, "media_type", "application/json");
    mli_jw_kstring(line, "role", "result");
    mli_jw_kstring(line, "sha256", sha256);
    mli_jw_kint(line, "bytes", (int64_t)bytes);
    ASSERT_OK(mli_journal_end(&p->journal, true, err));
}

/* Its worker was killed. */
MODELLAB_MUST_CHECK static modellab_status end_it(const played *p, modellab_run_status *to)
{
    mli_ingest ingest;
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    mli_ingest_open(&ingest, p->lab, p->row);
    modellab_status status = mli_ingest_pump(&ingest, NULL, NULL);
    mli_settle_view view = {
        .outcome = ingest.outcome, .end = MLI_WORKER_SIGNALED, .code = 9, .attempt = 1};
    mli_settle_decide(&view, &settlement);
    if (status == MODELLAB_OK) {
        status = mli_ingest_settle(&ingest, &settlement, &host, to, NULL);
    }
    mli_ingest_close(&ingest);
    return status;
}

/* Two files that are small enough each. */
static void all_files_share_a_bound(void **state)
{
    played p;
    mli_buf text;
    modellab_run_status to = 0;
    (void)state;
    play_as(&p, NULL, NULL, submit_bundle);
    make_artifact(&p, "summary.json", "1-summary.json", BIG);
    make_artifact(&p, "action_items.json", "1-action_items.json", BIG);
    ASSERT_OK(end_it(&p, &to));
    assert_int_equal(to, MODELLAB_RUN_FAILED);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    const mli_artifact_row *last = &record->artifacts[record->artifact_count - 1];
    assert_string_equal(last->name, "bundle_manifest.json");
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_artifact_read(&mli_os_system_files, p.lab->root, p.id, last->file, 100000,
                                last->sha256, &text, err));
    assert_non_null(strstr(mli_buf_text(&text), "\"filename\":\"summary.md\""));
    assert_non_null(strstr(mli_buf_text(&text), "\"action_items\",\"reason\":\"too_large\""));
    mli_buf_dispose(&text);
    mli_run_record_free(record);
    stop_playing(&p);
}

static int expect_recorded(void *arg, const char *name)
{
    const mli_run_record *record = arg;
    for (size_t i = 0; i < record->artifact_count; i++) {
        if (strcmp(record->artifacts[i].file, name) == 0) {
            return 0;
        }
    }
    fail_msg("%s has no record", name);
    return 0;
}

static void no_file_without_a_record(void **state)
{
    size_t without = 0;
    (void)state;
    for (long n = 0; n < 400; n++) {
        faulty_files faults = {.fail_at = -1, .error = n % 2 == 0 ? EIO : ENOSPC};
        mli_os_files files = faulty_files_table(&faults);
        mli_lab_tables tables = {.files = &files};
        modellab_run_status to = 0;
        char path[MLI_PATH_BYTES];
        mli_run_record *record = NULL;
        played p;
        play_as(&p, NULL, &tables, submit_bundle);
        make_artifact(&p, "summary.json", "1-summary.json", 10);
        faults.calls = 0;
        faults.fail_at = n;
        modellab_status status = end_it(&p, &to);
        bool reached = faults.calls > n;
        faults.fail_at = -1;
        if (status != MODELLAB_OK) {
            ASSERT_OK(end_it(&p, &to));
        }
        ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
        assert_int_equal(record->run->status, MODELLAB_RUN_FAILED);
        without += record->artifact_count == 1;
        ASSERT_OK(mli_run_path(p.lab->root, p.id, MLI_RUN_ARTIFACTS, path, err));
        assert_int_equal(mli_os_system_files.list(NULL, path, expect_recorded, record), 0);
        mli_run_record_free(record);
        stop_playing(&p);
        if (!reached) {
            assert_true(without > 3); /* bundles were lost to failures */
            return;
        }
    }
    fail_msg("it does not come to an end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_files_share_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_file_without_a_record, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
