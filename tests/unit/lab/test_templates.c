/* Pipelines of the user: only what a run could have is stored, under names that are no paths; a
 * request gets their steps and, under its own, their options. Presets hold what they promise. */
#include "lab/pipeline.h"
#include "lab/request.h"
#include "lab/rerun.h"
#include "lab/templates.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static mli_lab *lab;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static modellab_status save(const char *name, const char *definition, mli_findings *report)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings_begin(report, NULL);
    return mli_template_save(lab, name, definition, strlen(definition), report, &err);
}

static void expect_saved(const char *name, const char *definition)
{
    mli_findings report;
    if (save(name, definition, &report) != MODELLAB_OK) {
        fail_msg("%s", mli_report_count(report.report) > 0
                           ? mli_report_finding(report.report, 0)->text
                           : "not saved");
    }
    mli_findings_dispose(&report);
}

static bool has_finding(const mli_findings *report, const char *pointer)
{
    for (size_t i = 0; i < mli_report_count(report->report); i++) {
        if (strcmp(mli_report_finding(report->report, i)->pointer, pointer) == 0) {
            return true;
        }
    }
    return false;
}

static void stored_listed_removed(void **state)
{
    mli_json *root = NULL;
    mli_buf text;
    modellab_error e = MODELLAB_ERROR_INIT;
    (void)state;
    expect_saved("minutes", "{\"text\":\"Mine\",\"steps\":[\"asr\",\"summary\"]}");
    expect_saved("a", "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"pad_ms\":7}}}");
    expect_saved("minutes", "{\"text\":\"Ours\",\"steps\":[\"asr\",\"chapters\"]}"); /* replaced */
    ASSERT_OK(mli_template_load(lab, "minutes", &root, err));
    assert_string_equal(mli_json_string(mli_json_get(root, "text"), ""), "Ours");
    mli_json_free(root);
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_pipelines_write(lab, &text, err));
    ASSERT_OK(mli_json_parse(text.data, text.size, 100000, &root, err));
    assert_int_equal(mli_json_count(root), mli_pipeline_count() + 2);
    for (size_t i = 1; i < mli_json_count(root); i++) { /* sorted */
        assert_true(strcmp(mli_json_string(mli_json_get(mli_json_at(root, i - 1), "name"), ""),
                           mli_json_string(mli_json_get(mli_json_at(root, i), "name"), "")) < 0);
    }
    mli_json_free(root);
    mli_buf_clear(&text);
    /* What is shown can be stored again. */
    ASSERT_OK(mli_pipeline_write(lab, "a", &text, err));
    expect_saved("b", mli_buf_text(&text));
    mli_buf_dispose(&text);
    ASSERT_OK(mli_template_delete(lab, "minutes", err));
    assert_int_equal(mli_template_delete(lab, "minutes", &e), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_template_delete(lab, "transcribe", &e), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_template_load(lab, "minutes", &root, &e), MODELLAB_E_NOT_FOUND);
}

static void what_no_run_could_have_is_refused(void **state)
{
    static const struct {
        const char *definition, *pointer;
    } rows[] = {
        {"{\"steps\":[\"ars\"]}", "/steps"},
        {"{\"steps\":[]}", "/steps"},
        {"{}", "/steps"},
        {"[]", ""},
        {"{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"beamsize\":2}}}", "/config/asr"},
        {"{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"model\":\"../x\"}}}", "/config/asr/model"},
        {"{\"steps\":[\"asr\"],\"user\":\"ann\"}", "/user"},
        {"{\"steps\":[\"asr\"],\"text\":5}", "/text"},
    };
    static const char *const names[] = {"",
                                        "../x",
                                        "a/b",
                                        "A",
                                        "x.json",
                                        "transcribe",
                                        "asr",
                                        "custom",
                                        "-x",
                                        "0123456789012345678901234567890123456789"
                                        "0123456789012345678901234"};
    mli_findings report;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(save("mine", rows[i].definition, &report), MODELLAB_E_SCHEMA);
        if (!has_finding(&report, rows[i].pointer)) {
            fail_msg("%s", rows[i].definition);
        }
        mli_findings_dispose(&report);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(save(names[i], "{\"steps\":[\"asr\"]}", &report),
                         MODELLAB_E_INVALID_ARGUMENT);
        mli_findings_dispose(&report);
    }
}

static void write_template(const char *name, const char *text)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/lab/pipelines/%s.json", folder.path, name);
    write_file(path, text, strlen(text));
}

static void a_damaged_one_hides_no_others(void **state)
{
    static const char *const bad[] = {"{\"steps\":", "", "[]", "{\"steps\":5}"};
    mli_json *root = NULL;
    mli_buf text;
    size_t damaged = 0, sound = 0;
    (void)state;
    expect_saved("z", "{\"steps\":[\"asr\"]}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "bad%zu", i);
        write_template(name, bad[i]);
    }
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_pipelines_write(lab, &text, err));
    ASSERT_OK(mli_json_parse(text.data, text.size, 100000, &root, err));
    for (size_t i = 0; i < mli_json_count(root); i++) {
        const mli_json *one = mli_json_at(root, i);
        bool is = mli_json_bool(mli_json_get(one, "damaged"), false);
        damaged += is;
        sound += !is;
        assert_true(is == (strncmp(mli_json_string(mli_json_get(one, "name"), ""), "bad", 3) == 0));
    }
    assert_int_equal(damaged, 4);
    assert_int_equal(sound, mli_pipeline_count() + 1);
    mli_json_free(root);
    mli_buf_dispose(&text);
    ASSERT_FAILS(MODELLAB_E_INVALID_JSON, mli_pipeline_write(lab, "bad3", &text, err));
}

static void no_more_are_kept_than_listed(void **state)
{
    mli_findings report;
    (void)state;
    expect_saved("a", "{\"steps\":[\"asr\"]}");
    for (int i = 2; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        write_template(name, "{\"steps\":[\"vad\"]}");
    }
    expect_saved("last", "{\"steps\":[\"asr\"]}");
    assert_int_equal(save("one_more", "{\"steps\":[\"asr\"]}", &report), MODELLAB_E_LIMIT);
    mli_findings_dispose(&report);
    expect_saved("a", "{\"steps\":[\"vad\"]}"); /* replaced */
    ASSERT_OK(mli_template_delete(lab, "t7", err));
    expect_saved("one_more", "{\"steps\":[\"asr\"]}");
}

static void read_request(const char *text, mli_request *request, mli_findings *report)
{
    const mli_request_defaults defaults = {.retry = {.max_attempts = 1, .base_ms = 1, .cap_ms = 1},
                                           .model = MLI_REQUEST_DEFAULT_MODEL,
                                           .lab = lab};
    mli_findings_begin(report, NULL);
    ASSERT_OK(mli_request_read(text, strlen(text), NULL, &defaults, request, report, err));
}

static void drop(mli_request *request, mli_findings *report)
{
    mli_request_dispose(request);
    mli_findings_dispose(report);
}

static void expect_json(const mli_request *request, const char *part, bool there)
{
    if ((strstr(mli_buf_text(&request->json), part) != NULL) != there) {
        fail_msg("%s in %s", part, mli_buf_text(&request->json));
    }
}

/* Options: the request's, then the template's, then the step's own. */
static void requests_name_them(void **state)
{
    mli_request request;
    mli_findings report;
    mli_buf again;
    (void)state;
    expect_saved("mine", "{\"steps\":[\"vad\",\"asr\"],\"config\":{\"vad\":{\"pad_ms\":7,"
                         "\"threshold\":0.25}}}");
    read_request("{\"pipeline\":\"mine\",\"config\":{\"vad\":{\"pad_ms\":9}}}", &request, &report);
    assert_string_equal(mli_buf_text(&request.steps), "ingest,vad,asr");
    assert_string_equal(request.pipeline, "mine");
    expect_json(&request, "\"threshold\":0.25", true);
    expect_json(&request, "\"pad_ms\":9", true);
    expect_json(&request, "\"min_speech_ms\":250", true);
    expect_json(&request, "\"requested_config\":{\"vad\":{\"pad_ms\":9}}", true);
    /* A run of it can be repeated when the template is gone or another one. */
    ASSERT_OK(mli_template_delete(lab, "mine", err));
    mli_buf_init(&again, NULL);
    ASSERT_OK(mli_rerun_request(mli_buf_text(&request.json), NULL, &again, err));
    drop(&request, &report);
    read_request(mli_buf_text(&again), &request, &report);
    assert_true(report.worst < MODELLAB_SEVERITY_ERROR);
    assert_string_equal(mli_buf_text(&request.steps), "ingest,vad,asr");
    expect_json(&request, "\"threshold\":0.25", true);
    drop(&request, &report);
    mli_buf_dispose(&again);
    read_request("{\"pipeline\":\"mine\"}", &request, &report);
    assert_true(has_finding(&report, "/pipeline"));
    drop(&request, &report);
}

/* The file may have been written by anybody. */
static void what_a_file_says_is_checked(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{\"steps\":[\"asr\",\"summary\"],\"config\":{\"summary\":{\"sentences\":-5}}}",
         "/config/summary/sentences"},
        {"{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"model\":\"\"}}}", "/config/asr/model"},
        {"{\"steps\":[\"asr\"],\"config\":{\"asr\":7}}", "/config/asr"},
        {"{\"steps\":[\"asr\"],\"config\":[]}", "/config"},
    };
    mli_request request;
    mli_findings report;
    (void)state;
    expect_saved("mine", "{\"steps\":[\"asr\"]}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_template("mine", rows[i].text);
        read_request("{\"pipeline\":\"mine\"}", &request, &report);
        assert_int_equal(report.worst, MODELLAB_SEVERITY_ERROR);
        assert_int_equal(request.json.size, 0);
        if (!has_finding(&report, rows[i].pointer) || !has_finding(&report, "/pipeline")) {
            fail_msg("%s", rows[i].text);
        }
        drop(&request, &report);
    }
}

/* Each preset is a request as it stands, and its own options are in force. */
static void presets_hold(void **state)
{
    mli_request request;
    mli_findings report;
    char text[100];
    (void)state;
    for (size_t i = 0; i < mli_pipeline_count(); i++) {
        bool speaks = strcmp(mli_pipeline_at(i)->name, "speak") == 0; /* must have a text */
        (void)snprintf(text, sizeof text, "{\"pipeline\":\"%s\"%s}", mli_pipeline_at(i)->name,
                       speaks ? ",\"config\":{\"tts\":{\"text\":\"Hello.\"}}" : "");
        read_request(text, &request, &report);
        if (report.worst >= MODELLAB_SEVERITY_WARNING) {
            fail_msg("%s: %s", text, mli_report_finding(report.report, 0)->text);
        }
        assert_string_equal(mli_buf_text(&request.steps), mli_pipeline_at(i)->steps);
        expect_json(&request, "requested_config", speaks);
        drop(&request, &report);
    }
    read_request("{\"pipeline\":\"quick_summary\"}", &request, &report);
    expect_json(&request, "\"sentences\":3", true);
    drop(&request, &report);
    read_request("{\"pipeline\":\"full_meeting\",\"config\":{\"asr\":{\"beam_size\":5}}}", &request,
                 &report);
    expect_json(&request, "\"beam_size\":5", true);
    expect_json(&request, "\"word_times\":true", true);
    drop(&request, &report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stored_listed_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_run_could_have_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_name_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_one_hides_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_are_kept_than_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_file_says_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(presets_hold, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
