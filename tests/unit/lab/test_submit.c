/* Submitting: what is acknowledged is there, what is refused leaves nothing. */
#include "lab/artifacts.h"
#include "lab/events.h"
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static temp_folder folder;
static mli_lab *lab;
static unsigned char wav[WAV_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static modellab_run_submit_options ingest_of(const void *data, size_t bytes)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    o.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\"}";
    o.input_data = data;
    o.input_bytes = bytes;
    return o;
}

static void a_run_is_stored_whole(void **state)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    modellab_run_info info = {.size = sizeof info};
    char id[MLI_ULID_BYTES], text[64];
    modellab_report *report = NULL;
    modellab_run *run = NULL;
    mli_buf bytes, json;

    (void)state;
    o.input_name = "talk.wav";
    o.request_id = "req-7";
    o.trace_parent = trace;
    ASSERT_OK(mli_run_submit(lab, &o, id, &report, err));
    assert_null(report); /* nothing to say */
    ASSERT_OK(mli_run_load(lab, id, &run, err));
    mli_run_fill_info(run, &info);
    assert_int_equal(MODELLAB_RUN_QUEUED, info.status);
    assert_int_equal(MODELLAB_REASON_WAITING_FOR_SUPERVISOR, info.reason);
    assert_string_equal("req-7", info.request_id);
    assert_string_equal("0af7651916cd43dd8448eb211c80319c", info.trace_id);
    assert_string_equal("talk.wav", info.input_name);
    assert_int_equal(WAV_BYTES, info.input_bytes);
    assert_int_equal(64, strlen(info.input_sha256));
    assert_true(info.audio_seconds == 1.0);
    assert_string_equal("ann", info.user);
    assert_string_equal("example-2026-01", info.price_sheet);
    assert_int_equal(1, info.last_event);
    mli_buf_init(&bytes, NULL);
    ASSERT_OK(mli_run_file_read(&mli_os_system_files, lab->root, id, MLI_RUN_INPUT, 1000000, &bytes,
                                err));
    assert_int_equal(WAV_BYTES, bytes.size);
    assert_memory_equal(wav, bytes.data, WAV_BYTES);
    mli_buf_clear(&bytes);
    ASSERT_OK(mli_manifest_read(&mli_os_system_files, lab->root, id, &bytes, err));
    assert_true(snprintf(text, sizeof text, "\"run_id\":\"%s\"", id) > 0);
    assert_non_null(strstr(bytes.data, text));
    assert_null(strstr(bytes.data, folder.path));
    /* It was written before the record was, and says the very same. */
    mli_buf_init(&json, NULL);
    mli_run_write_json(run->record, &json);
    assert_true(json.size > 100 && bytes.size > json.size);
    assert_memory_equal(json.data, bytes.data, json.size - 1);
    mli_buf_dispose(&json);
    mli_buf_dispose(&bytes);
    mli_run_unref(run);
}

static void refused_leaves_nothing(modellab_status expected, const modellab_run_submit_options *o,
                                   const char *says)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    char id[MLI_ULID_BYTES];
    modellab_status status = mli_run_submit(lab, o, id, &report, &err);

    if (status != expected || strstr(err.message, says) == NULL) {
        fail_msg("expected %d \"%s\", got %d \"%s\"", (int)expected, says, (int)status,
                 err.message);
    }
    assert_string_equal("", id);
    assert_null(strstr(err.message, folder.path));
    assert_int_equal(0, count_runs(lab));
    assert_int_equal(0, count_folders(lab));
    mli_report_unref(report);
}

static void bad_inputs_are_refused(void **state)
{
    unsigned char bad[WAV_BYTES];
    modellab_run_submit_options o = ingest_of(bad, sizeof bad);

    (void)state;
    make_wav(bad, 0, 1, 0);
    refused_leaves_nothing(MODELLAB_E_INVALID_AUDIO, &o, "Hz");
    make_wav(bad, 2000000000, 1, 0);
    refused_leaves_nothing(MODELLAB_E_INVALID_AUDIO, &o, "Hz");
    make_wav(bad, 16000, 1024, 0);
    refused_leaves_nothing(MODELLAB_E_INVALID_AUDIO, &o, "channels");
    o = ingest_of("This is a text that somebody renamed to talk.wav.\n", 50);
    refused_leaves_nothing(MODELLAB_E_INVALID_AUDIO, &o, "text");
    o = ingest_of("", 0);
    refused_leaves_nothing(MODELLAB_E_INVALID_AUDIO, &o, "empty");
    lab->settings.max_upload_bytes = 100;
    o = ingest_of(wav, sizeof wav);
    refused_leaves_nothing(MODELLAB_E_LIMIT, &o, "at most 100");
}

static void bad_paths_are_refused(void **state)
{
    char path[512];
    modellab_run_submit_options o = ingest_of(NULL, 0);

    (void)state;
    refused_leaves_nothing(MODELLAB_E_INVALID_ARGUMENT, &o, "needs an input");
    o.input_path = folder.path;
    refused_leaves_nothing(MODELLAB_E_INVALID_ARGUMENT, &o, "directory");
    assert_true(snprintf(path, sizeof path, "%s/fifo", folder.path) > 0);
    assert_int_equal(0, mkfifo(path, 0600));
    o.input_path = path;
    refused_leaves_nothing(MODELLAB_E_INVALID_ARGUMENT, &o, "pipe");
    assert_int_equal(0, unlink(path));
    refused_leaves_nothing(MODELLAB_E_NOT_FOUND, &o, "input file");
    if (geteuid() != 0) {
        write_file(path, wav, sizeof wav);
        assert_int_equal(0, chmod(path, 0));
        refused_leaves_nothing(MODELLAB_E_PERMISSION, &o, "input file");
    } else {
        print_message("unreadable file not tested: root reads everything\n");
    }
}

/* A name is what a stranger chose: nothing of it reaches a terminal or breaks JSON. */
static void names_steer_nothing(void **state)
{
    static const char *const names[] = {"caf\xE9.wav", "a\x1B[2Jb.wav", "\xE2\x80\xAE.wav"};
    static const char *const shown[] = {"caf\xEF\xBF\xBD.wav", "a\xEF\xBF\xBD[2Jb.wav",
                                        "\xEF\xBF\xBD.wav"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
        modellab_run_info info = {.size = sizeof info};
        char id[MLI_ULID_BYTES], path[512];
        modellab_run *run = NULL;
        FILE *file;

        assert_true(snprintf(path, sizeof path, "%s/%s", folder.path, names[i]) > 0);
        file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(sizeof wav, fwrite(wav, 1, sizeof wav, file));
        assert_int_equal(0, fclose(file));
        o.request = "{\"pipeline\":\"ingest\"}";
        o.input_path = path;
        ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
        ASSERT_OK(mli_run_load(lab, id, &run, err));
        mli_run_fill_info(run, &info);
        assert_string_equal(shown[i], info.input_name);
        mli_run_unref(run);
    }
}

/* A token that is set before the first block: nothing stays, not even a folder. */
static void a_cancelled_submission_leaves_nothing(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_cancel_word word = 1;
    const mli_copy_watch watch = {.cancel = &word};
    char id[MLI_ULID_BYTES];

    (void)state;
    assert_int_equal(MODELLAB_E_CANCELLED,
                     mli_run_submit_child(lab, &o, NULL, NULL, &watch, id, NULL, &err));
    assert_string_equal("", id);
    assert_int_equal(0, count_runs(lab));
    assert_int_equal(0, count_folders(lab));
}

static void a_lying_header_is_a_warning(void **state)
{
    modellab_run_submit_options o;
    modellab_report *report = NULL;
    char id[MLI_ULID_BYTES];

    (void)state;
    make_wav(wav, 16000, 1, 0x7fffff00);
    o = ingest_of(wav, sizeof wav);
    ASSERT_OK(mli_run_submit(lab, &o, id, &report, err));
    assert_int_equal(1, mli_report_count(report));
    assert_string_equal("probe.truncated", mli_report_finding(report, 0)->id);
    assert_int_equal(MODELLAB_SEVERITY_WARNING, mli_report_worst(report));
    mli_report_unref(report);
}

static void bad_requests_are_refused(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    char id[MLI_ULID_BYTES];

    (void)state;
    o.request = "{\"pipelin\":\"ingest\"}";
    assert_int_equal(MODELLAB_E_SCHEMA, mli_run_submit(lab, &o, id, &report, &err));
    assert_string_equal("schema.unknown_key", mli_report_finding(report, 0)->id);
    mli_report_unref(report);
    refused_leaves_nothing(MODELLAB_E_SCHEMA, &o, "pipeline");
    o.request = "{";
    refused_leaves_nothing(MODELLAB_E_INVALID_JSON, &o, "");
    o.request = "{}";
    refused_leaves_nothing(MODELLAB_E_NOT_FOUND, &o, "not installed");
    o.request = "{\"pipeline\":\"ingest\",\"caps\":{\"audio_seconds\":0.5}}";
    refused_leaves_nothing(MODELLAB_E_CAP_EXCEEDED, &o, "0.5");
    o = ingest_of(wav, sizeof wav);
    o.request_id = "no blanks";
    refused_leaves_nothing(MODELLAB_E_INVALID_ARGUMENT, &o, "request id");
    o.request_id = NULL;
    o.input_name = "\xff";
    refused_leaves_nothing(MODELLAB_E_INVALID_ARGUMENT, &o, "UTF-8");
    o.input_name = NULL;
    lab->settings.min_free_bytes = INT64_MAX / 2;
    refused_leaves_nothing(MODELLAB_E_NO_SPACE, &o, "MODEL_LAB_MIN_FREE_BYTES");
}

static void a_key_gives_the_first_run(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    char first[MLI_ULID_BYTES], second[MLI_ULID_BYTES];

    (void)state;
    o.request = "{\"pipeline\":\"ingest\",\"idempotency_key\":\"k\"}";
    ASSERT_OK(mli_run_submit(lab, &o, first, NULL, err));
    ASSERT_OK(mli_run_submit(lab, &o, second, NULL, err));
    assert_string_equal(first, second);
    assert_int_equal(1, count_runs(lab));
    assert_int_equal(1, count_folders(lab));
}

/* The first run is given whatever has become of its file, the disk and what it reserved. */
static void a_key_comes_before_all_refusals(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav), other = ingest_of("none", 4);
    char first[MLI_ULID_BYTES], second[MLI_ULID_BYTES];

    (void)state;
    o.request = other.request = "{\"pipeline\":\"ingest\",\"idempotency_key\":\"k\"}";
    ASSERT_OK(mli_run_submit(lab, &o, first, NULL, err));
    ASSERT_OK(mli_run_submit(lab, &other, second, NULL, err));
    assert_string_equal(first, second);
    lab->settings.min_free_bytes = INT64_MAX / 2;
    ASSERT_OK(mli_run_submit(lab, &o, second, NULL, err));
    assert_string_equal(first, second);
    o.request = "{\"pipeline\":\"ingest\",\"idempotency_key\":\"other\"}";
    ASSERT_FAILS(MODELLAB_E_NO_SPACE, mli_run_submit(lab, &o, second, NULL, err));
    assert_int_equal(1, count_folders(lab));
}

static void validating_stores_nothing(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    modellab_report *report = NULL;

    (void)state;
    ASSERT_OK(mli_run_validate(lab, &o, &report, err));
    assert_non_null(report);
    mli_report_unref(report);
    assert_int_equal(0, count_folders(lab));
}

static void snapshots_outlive_the_lab(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    mli_store_filter filter = {.limit = 10};
    modellab_event_list *events = NULL;
    modellab_run_list *list = NULL;
    modellab_run *run = NULL;
    char id[MLI_ULID_BYTES];

    (void)state;
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_run_load(lab, id, &run, err));
    ASSERT_OK(mli_run_list_load(lab, &filter, &list, err));
    ASSERT_OK(mli_events_load(lab, id, 0, 10, 0, NULL, &events, err));
    mli_lab_unref(lab);
    assert_string_equal(id, run->record->run->id);
    assert_int_equal(1, list->count);
    assert_string_equal("run_queued", events->rows->rows[0].type);
    mli_run_unref(run);
    mli_run_list_unref(list);
    mli_events_unref(events);
    lab = open_lab(&folder, NULL, NULL, 0);
    assert_int_equal(1, count_runs(lab));
}

static void waiting_ends(void **state)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);
    modellab_event_list *events = NULL;
    mli_cancel_word word = 1;
    modellab_run_status status;
    mli_store_cancel cancel;
    char id[MLI_ULID_BYTES];

    (void)state;
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_FAILS(MODELLAB_E_TIMEOUT, mli_run_wait(lab, id, 20, NULL, &status, err));
    assert_int_equal(MODELLAB_RUN_QUEUED, status);
    ASSERT_FAILS(MODELLAB_E_CANCELLED, mli_run_wait(lab, id, -1, &word, &status, err));
    ASSERT_OK(mli_events_load(lab, id, 1, 10, 20, NULL, &events, err));
    assert_int_equal(0, events->rows->count);
    mli_events_unref(events);
    ASSERT_OK(mli_store_request_cancel(lab->store, id, 5, &cancel, err));
    ASSERT_OK(mli_run_wait(lab, id, -1, NULL, &status, err));
    assert_int_equal(MODELLAB_RUN_CANCELLED, status);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND,
                 mli_run_wait(lab, "01J00000000000000000000001", 5, NULL, &status, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_events_load(lab, "x", 1, 10, 20, NULL, &events, err));
}

/* A model that looks installed: its weights are a byte. */
static void fake_model(const char *name, const char *languages)
{
    char path[512], seal[512];

    assert_true(snprintf(path, sizeof path, "%s/%s", folder.path, name) > 0);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    assert_true(snprintf(path, sizeof path, "%s/%s/w.bin", folder.path, name) > 0);
    write_file(path, "x", 1);
    int n = snprintf(seal, sizeof seal,
                     "{\"version\":1,\"name\":\"%s\"%s,\"files\":[{\"name\":\"w.bin\",\"sha256\":"
                     "\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\","
                     "\"bytes\":1,\"role\":\"weights\"}]}",
                     name, languages);
    assert_true(n > 0 && n < (int)sizeof seal);
    assert_true(snprintf(path, sizeof path, "%s/%s/model.json", folder.path, name) > 0);
    write_file(path, seal, (size_t)n);
}

static modellab_run_submit_options asking(const char *request)
{
    modellab_run_submit_options o = ingest_of(wav, sizeof wav);

    o.request = request;
    return o;
}

/* A request that names no model gets the default of the catalog in force, everywhere. */
static void an_own_catalog_has_its_own_default(void **state)
{
    static const char catalog[] =
        "{\"version\":1,\"models\":[{\"name\":\"ours\",\"title\":\"Ours\",\"task\":\"asr\","
        "\"architecture\":\"whisper\",\"licence\":\"CC0-1.0\",\"languages\":[\"en\"],\"default\":%"
        "s,"
        "\"files\":[{\"name\":\"w.bin\",\"sha256\":"
        "\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\"bytes\":1,"
        "\"role\":\"weights\"}],\"sources\":[{\"kind\":\"path\",\"directory\":\"/none\"}]}]}";
    static const char bare[] = "{\"pipeline\":\"transcribe\"}";
    modellab_run_submit_options o = asking(bare);
    modellab_run_info info = {.size = sizeof info};
    char path[512], text[1024], id[MLI_ULID_BYTES];
    modellab_run *run = NULL;

    (void)state;
    assert_true(snprintf(path, sizeof path, "%s/catalog.json", folder.path) > 0);
    assert_true(snprintf(text, sizeof text, catalog, "true") > 0);
    write_file(path, text, strlen(text));
    assert_int_equal(0, setenv("MODEL_LAB_CATALOG", path, 1));
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, NULL, 0);
    refused_leaves_nothing(MODELLAB_E_NOT_FOUND, &o, "\"ours\" is not installed");
    fake_model("ours", "");
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_run_load(lab, id, &run, err));
    mli_run_fill_info(run, &info);
    assert_string_equal("ours", info.model);
    mli_run_unref(run);
    mli_lab_unref(lab);
    /* one without a default, one that is none: only who needs it is refused */
    for (int i = 0; i < 2; i++) {
        assert_true(snprintf(text, sizeof text, catalog, i == 0 ? "false" : "7 7") > 0);
        write_file(path, text, strlen(text));
        lab = open_lab(&folder, NULL, NULL, 0);
        o = asking(bare);
        modellab_error why = MODELLAB_ERROR_INIT;
        assert_int_equal(MODELLAB_E_SCHEMA, mli_run_submit(lab, &o, id, NULL, &why));
        assert_non_null(strstr(why.message, "Name a model"));
        o = asking("{\"pipeline\":\"ingest\"}");
        ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
        o = asking("{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"model\":\"ours\"}}}");
        ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
        if (i == 0)
            mli_lab_unref(lab);
    }
    assert_int_equal(0, unsetenv("MODEL_LAB_CATALOG"));
}

/* Also a model that no catalog has: what it knows was written down when it was imported. */
static void a_model_is_asked_for_what_it_knows(void **state)
{
    static const char german[] = "{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"model\":"
                                 "\"own\",\"language\":\"de\"}}}";
    static const char translation[] = "{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"model\":"
                                      "\"own\",\"task\":\"translate\"}}}";
    modellab_run_submit_options o;
    char id[MLI_ULID_BYTES];

    (void)state;
    fake_model("own", ",\"languages\":\"en\"");
    o = asking(german);
    refused_leaves_nothing(MODELLAB_E_SCHEMA, &o, "knows English only");
    o = asking(translation);
    refused_leaves_nothing(MODELLAB_E_SCHEMA, &o, "knows English only");
    fake_model("own", ",\"languages\":\"*\"");
    o = asking(german);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    fake_model("own", ""); /* by an older version: the worker will see */
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    fake_model("whisper-tiny.en", ",\"languages\":\"*\""); /* not the catalog's */
    o = asking("{\"pipeline\":\"transcribe\",\"config\":{\"asr\":{\"language\":\"de\"}}}");
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_stored_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_inputs_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_paths_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_steer_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_submission_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lying_header_is_a_warning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_gives_the_first_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_comes_before_all_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(validating_stores_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(snapshots_outlive_the_lab, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_own_catalog_has_its_own_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_is_asked_for_what_it_knows, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
