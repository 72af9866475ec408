/* Experiments: an id stands for all that the document says and for nothing else; hostile documents
 * leave nothing behind; refused runs, damaged files and runs that went are told. */
#include "unit/lab/experiment_common.h"
#include <sys/stat.h>
#include <unistd.h>

static void an_id_stands_for_all_that_is_said(void **state)
{
    static const char *const others[] = {
        "{\"name\":\"y\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"
        "\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"text\":\"t\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}]"
        ",\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"b.wav\",\"name\":\"a.wav\","
        "\"reference_text\":\"so\"}],\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"name\":\"b\",\"reference_text\":\"so\"}]"
        ",\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so!\"}],"
        "\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\"}],"
        "\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"
        "\"candidates\":[" INGEST("b") "," INGEST("a") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"
        "\"candidates\":[" INGEST("a") ",{\"name\":\"b\",\"request\":{\"pipeline\":\"ingest\","
                                       "\"priority\":3}}]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"
        "\"repetitions\":2,\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"
        "\"scoring\":{\"normalizer\":\"english\"},"
        "\"candidates\":[" INGEST("a") "," INGEST("b") "]}",
    };
    /* the same in other words */
    static const char *const same[] = {
        BASE,
        "{ \"candidates\" : [" INGEST("a") "," INGEST(
            "b") "], \"scoring\":{\"normalizer\":"
                 "\"basic\"}, \"repetitions\":1, \"schema_version\":1, \"text\":\"\","
                 "\"inputs\":[{\"reference_text\":\"s\\u006f\",\"name\":\"a.wav\",\"file\":\"a."
                 "wav\"}],"
                 "\"name\":\"x\"}",
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"./a.wav\",\"reference_text\":\"so\"}],"
        "\"candidates\":[{\"name\":\"a\",\"request\":{\"pipeline\":\"ingest\",\"priority\":"
        "\"normal\"}}," INGEST("b") "]}",
    };
    const size_t count = sizeof others / sizeof *others;
    char first[MLI_EXPERIMENT_ID_BYTES];
    (void)state;
    memcpy(first, created(BASE), sizeof first);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_string_equal(first, created(same[i]));
    assert_int_equal(1, count_experiments());
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(first, created(others[i]));
    assert_int_equal(count + 1, count_experiments());
    assert_int_equal(count + 1, count_files());
}

static void hostile_documents_leave_nothing(void **state)
{
    static const struct {
        const char *document;
        modellab_status status;
    } cases[] = {
        {"", MODELLAB_E_INVALID_JSON},
        {"{", MODELLAB_E_INVALID_JSON},
        {"[]", MODELLAB_E_SCHEMA},
        {"{}", MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"name\":\"y\"}", MODELLAB_E_INVALID_JSON},
        {"{\"name\":\"\\ud800\"}", MODELLAB_E_INVALID_JSON},
        {"{\"name\":\"x\",\"inputs\":[],\"candidates\":[" INGEST("a") "]}", MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\"}],\"candidates\":[]}", MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":{\"file\":\"a.wav\"},\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"../a.wav\"}],\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"/etc/passwd\"}],\"candidates\":[" INGEST(
             "a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference\":\"b/../../c\"}],"
         "\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\".\"}],\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"so.txt\"}],\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"turns\":\"so.txt\"}],"
         "\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_turns\":\"SPEAKER a\"}],"
         "\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\"}],\"candidates\":[{\"name\":\"a\","
         "\"request\":{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\"}}}}]}",
         MODELLAB_E_SCHEMA},
        {"{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\"}],\"repetitions\":1e9,"
         "\"candidates\":[" INGEST("a") "]}",
         MODELLAB_E_SCHEMA},
    };
    mli_findings report;
    char *large;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_status status = create(cases[i].document, strlen(cases[i].document), &report);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].document, (int)status);
        if (status == MODELLAB_E_SCHEMA)
            assert_true(mli_report_count(report.report) > 0);
        for (size_t f = 0; f < mli_report_count(report.report); f++)
            assert_null(strstr(mli_report_finding(report.report, f)->text, folder.path));
        mli_findings_dispose(&report);
    }
    large = calloc(MLI_EXPERIMENT_MAX_BYTES + 2, 1);
    assert_non_null(large);
    memset(large, ' ', MLI_EXPERIMENT_MAX_BYTES + 1);
    assert_int_equal(MODELLAB_E_LIMIT, create(large, MLI_EXPERIMENT_MAX_BYTES + 1, &report));
    mli_findings_dispose(&report);
    memset(large, '[', 100000); /* deep */
    assert_int_equal(MODELLAB_E_INVALID_JSON, create(large, 100000, &report));
    mli_findings_dispose(&report);
    free(large);
    assert_int_equal(0, count_experiments());
    assert_int_equal(0, count_files());
    /* without a folder no file can be named */
    const mli_experiment_source source = {.document = BASE, .bytes = strlen(BASE)};
    mli_findings_begin(&report, NULL);
    ASSERT_FAILS(MODELLAB_E_SCHEMA, mli_experiment_create(lab, &source, id, &report, err));
    mli_findings_dispose(&report);
}

/* Good audio outside of the document's folder: only who says so may use it. */
static void files_are_inside_the_folder(void **state)
{
    char inner[512], document[2048];
    (void)state;
    assert_true(snprintf(inner, sizeof inner, "%s/inner", folder.path) > 0);
    assert_int_equal(0, mkdir(inner, 0700));
    for (int i = 0; i < 4; i++) {
        mli_findings report;
        modellab_error e = MODELLAB_ERROR_INIT;
        const char *up = i % 2 == 0 ? ".." : folder.path;
        assert_true(snprintf(document, sizeof document,
                             "{\"name\":\"x\",\"inputs\":[{\"file\":\"%s/a.wav\",\"reference\":"
                             "\"%s/so.txt\"}],\"candidates\":[" INGEST("a") "]}",
                             up, up) > 0);
        const mli_experiment_source source = {
            .document = document, .bytes = strlen(document), .folder = inner, .any_path = i >= 2};
        mli_findings_begin(&report, NULL);
        modellab_status status = mli_experiment_create(lab, &source, id, &report, &e);
        assert_int_equal(i >= 2 ? MODELLAB_OK : MODELLAB_E_SCHEMA, status);
        assert_int_equal(i >= 2 ? 0 : 2, mli_report_count(report.report)); /* both files */
        mli_findings_dispose(&report);
    }
    assert_int_equal(1, count_experiments());
}

/* Nor does a link lead out of it: neither the file itself nor a folder on the way. */
static void links_lead_nowhere(void **state)
{
    static const char *const files[] = {"link.wav", "out/a.wav", "sub/a.wav", "./sub//a.wav"};
    static const char *const texts[] = {"link.txt", "out/so.txt", "sub/so.txt", "sub/./so.txt"};
    char inner[400], path[512], to[512], document[2048];
    (void)state;
    assert_true(snprintf(inner, sizeof inner, "%s/inner", folder.path) > 0);
    assert_true(snprintf(path, sizeof path, "%s/sub", inner) > 0);
    assert_int_equal(0, mkdir(inner, 0700));
    assert_int_equal(0, mkdir(path, 0700));
    assert_true(snprintf(path, sizeof path, "%s/out", inner) > 0);
    assert_int_equal(0, symlink(folder.path, path));
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "a.wav" : "so.txt";
        assert_true(snprintf(to, sizeof to, "%s/%s", folder.path, name) > 0);
        assert_true(snprintf(path, sizeof path, "%s/link.%s", inner, i == 0 ? "wav" : "txt") > 0);
        assert_int_equal(0, symlink(to, path));
        assert_true(snprintf(path, sizeof path, "%s/sub/%s", inner, name) > 0);
        assert_int_equal(0, link(to, path)); /* a file like any other */
    }
    for (int i = 0; i < 8; i++) {
        const bool any_path = i >= 4, good = any_path || i >= 2;
        mli_findings report;
        modellab_error e = MODELLAB_ERROR_INIT;
        assert_true(snprintf(document, sizeof document,
                             "{\"name\":\"x\",\"inputs\":[{\"name\":\"x\",\"file\":\"%s\","
                             "\"reference\":\"%s\"}],\"candidates\":[" INGEST("a") "]}",
                             files[i % 4], texts[i % 4]) > 0);
        const mli_experiment_source source = {
            .document = document, .bytes = strlen(document), .folder = inner, .any_path = any_path};
        mli_findings_begin(&report, NULL);
        const modellab_status status = mli_experiment_create(lab, &source, id, &report, &e);
        assert_int_equal(good ? MODELLAB_OK : MODELLAB_E_SCHEMA, status);
        assert_int_equal(good ? 0 : 2, mli_report_count(report.report)); /* both files */
        mli_findings_dispose(&report);
    }
    assert_int_equal(1, count_experiments());
}

static void a_cap_refuses_some(void **state)
{
    const char *experiment = created(
        "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\"},{\"file\":\"b.wav\"}],\"candidates\":"
        "[" INGEST("a") ",{\"name\":\"b\",\"request\":{\"pipeline\":\"ingest\",\"caps\":{"
                        "\"audio_seconds\":0.5}}}]}");
    int64_t asked = 0;
    mli_buf text;
    (void)state;
    assert_int_equal(2, start(experiment));
    assert_int_equal(2, count_runs(lab));
    assert_int_equal(2, row_of(experiment).refused);
    assert_int_equal(2, row_of(experiment).queued);
    assert_int_equal(2, start(experiment)); /* they are tried again, the others stay */
    assert_int_equal(2, count_runs(lab));
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_experiment_write_status(lab, experiment, &text, err));
    assert_non_null(strstr(text.data, "\"status\":\"RUNNING\""));
    assert_non_null(strstr(text.data, "\"status\":\"refused\",\"reason\":null,\"message\":\""));
    assert_non_null(strstr(text.data, "\"refused\":2,\"not_started\":0"));
    mli_buf_clear(&text);
    ASSERT_OK(mli_experiment_compare(lab, experiment, NULL, &text, err));
    assert_non_null(strstr(text.data, "\"verdict\":\"PENDING\""));
    mli_buf_dispose(&text);
    ASSERT_FAILS(MODELLAB_E_STATE, mli_experiment_delete(lab, experiment, err));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    assert_int_equal(2, asked);
    assert_int_equal(2, row_of(experiment).ended);
    ASSERT_OK(mli_experiment_delete(lab, experiment, err));
    assert_int_equal(0, count_files());
    assert_int_equal(2, count_runs(lab));
}

/* One byte of a stored file is another one. */
static void damage(const char *experiment, const char *sha256)
{
    char path[512];
    assert_true(snprintf(path, sizeof path, "%s/experiments/%s/%s", lab->root, experiment, sha256) >
                0);
    (void)chmod(path, 0600);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, -1, SEEK_END));
    assert_int_equal('!', fputc('!', file));
    assert_int_equal(0, fclose(file));
}

static void damaged_files_are_found(void **state)
{
    mli_experiment_list *list = NULL;
    mli_json *root = NULL;
    mli_findings report;
    const char *experiment = created(BASE);
    (void)state;
    ASSERT_OK(mli_store_experiment_load(lab->store, experiment, &list, err));
    const char *text = list->rows[0].snapshot_json;
    ASSERT_OK(mli_json_parse(text, strlen(text), 100000, &root, err));
    const mli_json *input = mli_json_at(mli_json_get(root, "inputs"), 0);
    for (int i = 0; i < 2; i++) { /* the audio, then the reference that is read before it */
        const mli_json *of = i == 0 ? input : mli_json_get(input, "reference_text");
        damage(experiment, mli_json_string(mli_json_get(of, "sha256"), ""));
        mli_findings_begin(&report, NULL);
        ASSERT_FAILS(MODELLAB_E_HASH_MISMATCH,
                     mli_experiment_start(lab, experiment, NULL, &report, err));
        mli_findings_dispose(&report);
        assert_int_equal(0, count_runs(lab));
        assert_int_equal(0, count_folders(lab));
    }
    mli_json_free(root);
    mli_experiment_list_free(list);
}

static void what_goes_is_kept_first(void **state)
{
    const char *experiment = created(BASE);
    mli_experiment_cell_list *cells = NULL;
    int64_t asked;
    mli_buf before, after;
    (void)state;
    assert_int_equal(0, start(experiment));
    ASSERT_OK(mli_experiment_cancel(lab, experiment, &asked, err));
    ASSERT_OK(mli_store_experiment_cells(lab->store, experiment, NULL, &cells, err));
    assert_string_equal("", cells->rows[0].kept_json);
    for (size_t i = 0; i < cells->count; i++) { /* as retention does */
        mli_run_record *record = NULL;
        const char *run_id = cells->rows[i].run_id;
        ASSERT_OK(mli_store_load(lab->store, run_id, &record, err));
        ASSERT_OK(mli_experiment_keep_run(lab, record->run, err));
        mli_run_record_free(record);
    }
    mli_buf_init(&before, NULL);
    mli_buf_init(&after, NULL);
    ASSERT_OK(mli_experiment_compare(lab, experiment, NULL, &before, err));
    for (size_t i = 0; i < cells->count; i++) {
        ASSERT_OK(mli_store_mark(lab->store, cells->rows[i].run_id, MLI_PART_RUN, err));
        ASSERT_OK(mli_store_unmark(lab->store, cells->rows[i].run_id, MLI_PART_RUN, err));
    }
    mli_experiment_cell_list_free(cells);
    assert_int_equal(0, count_runs(lab));
    ASSERT_OK(mli_experiment_compare(lab, experiment, NULL, &after, err));
    assert_string_equal(before.data, after.data);
    assert_non_null(strstr(after.data, "\"failed\":1"));
    mli_buf_dispose(&before);
    mli_buf_dispose(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_id_stands_for_all_that_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_documents_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_inside_the_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_lead_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cap_refuses_some, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_files_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_is_kept_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
