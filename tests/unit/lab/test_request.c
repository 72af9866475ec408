/* The request's contract: what is refused and where, what is resolved, and the accepted form. */
#include "lab/model_images.h"
#include "lab/pipeline.h"
#include "lab/request.h"
#include "unit/store/common.h"

typedef struct reading {
    mli_request request;
    mli_findings findings;
    modellab_status status;
} reading;

static void read_request(reading *r, const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;

    mli_findings_begin(&r->findings, NULL);
    static const mli_request_defaults defaults = {
        .max_duration_ms = 5000,
        .retry = {.max_attempts = 1, .base_ms = 1000, .cap_ms = 60000},
        .model = MLI_REQUEST_DEFAULT_MODEL};
    r->status =
        mli_request_read(text, strlen(text), NULL, &defaults, &r->request, &r->findings, &err);
}

static void drop(reading *r)
{
    mli_request_dispose(&r->request);
    mli_findings_dispose(&r->findings);
}

/* Index of the finding at this pointer, -1 when there is none. */
static int finding_at(const reading *r, const char *pointer, modellab_severity severity)
{
    for (size_t i = 0; i < mli_report_count(r->findings.report); i++) {
        const modellab_finding *f = mli_report_finding(r->findings.report, i);

        if (strcmp(f->pointer, pointer) == 0 && f->severity == severity) {
            return (int)i;
        }
    }
    return -1;
}

static void schema_loads_and_accepts_least(void **state)
{
    reading r;

    (void)state;
    read_request(&r, "{}");
    assert_int_equal(MODELLAB_OK, r.status);
    assert_int_equal(0, mli_report_count(r.findings.report));
    assert_string_equal("transcribe", r.request.pipeline);
    assert_string_equal("ingest,asr", mli_buf_text(&r.request.steps));
    assert_string_equal("whisper-tiny.en", r.request.model);
    assert_int_equal(10, r.request.priority);
    assert_int_equal(5000, r.request.max_duration_ms); /* the configured one */
    assert_true(r.request.needs_input);
    assert_string_equal(
        "{\"schema_version\":1,\"pipeline\":\"transcribe\",\"steps\":[\"ingest\",\"asr\"],"
        "\"user\":\"\",\"priority\":10,\"config\":{\"asr\":{\"model\":\"whisper-tiny.en\","
        "\"language\":\"auto\",\"task\":\"transcribe\",\"beam_size\":1,\"best_of\":5,"
        "\"temperatures\":[0.0,0.2,0.4,0.6,0.8,1.0],\"condition_on_previous\":true,"
        "\"word_times\":false,\"threads\":0,\"weights\":\"f16\",\"formats\":[]}},"
        "\"max_duration_seconds\":5.0,\"retry\":{\"max_attempts\":1,\"base_seconds\":1.0,"
        "\"cap_seconds\":60.0},\"admission\":\"expected\"}",
        mli_buf_text(&r.request.json));
    drop(&r);
}

/* A WAV file of two samples in base64, and what is no such thing. */
#define CLIP "UklGRigAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQQAAAAAAAAA"
#define KNOWN(name, clip) "{\"name\":\"" name "\",\"clip\":\"" clip "\"}"
#define WITH_KNOWN(list)                                                                           \
    "{\"steps\":[\"diarization\"],\"config\":{\"diarization\":{\"known\":[" list "]}}}"

static void known_voices_are_checked(void **state)
{
    static const struct {
        const char *request, *pointer; /* NULL = it is accepted */
    } cases[] = {
        {WITH_KNOWN(KNOWN("Ann", CLIP)), NULL},
        {WITH_KNOWN(KNOWN("Ann", "data:audio/wav;base64," CLIP)), NULL},
        {WITH_KNOWN(KNOWN("Ann", CLIP) "," KNOWN("Ann", CLIP)), "/config/diarization/known/1/name"},
        {WITH_KNOWN(KNOWN("Ann Li", CLIP) "," KNOWN("Ann_Li", CLIP)), /* one in RTTM */
         "/config/diarization/known/1/name"},
        {WITH_KNOWN(KNOWN("Ann Li", CLIP) "," KNOWN("Ann_L", CLIP)), NULL},
        {WITH_KNOWN(KNOWN("  ", CLIP)), "/config/diarization/known/0/name"},
        {WITH_KNOWN(KNOWN("speaker 2", CLIP)), "/config/diarization/known/0/name"},
        {WITH_KNOWN(KNOWN("speaker_2", CLIP)), "/config/diarization/known/0/name"},
        {WITH_KNOWN(KNOWN("A\\nB", CLIP)), "/config/diarization/known/0/name"},
        {WITH_KNOWN(KNOWN("", CLIP)), "/config/diarization/known/0/name"},
        {WITH_KNOWN(KNOWN("Ann", "data:audio/wav," CLIP)), "/config/diarization/known/0/clip"},
        {WITH_KNOWN(KNOWN("Ann", "A" CLIP)), "/config/diarization/known/0/clip"},
        {WITH_KNOWN(KNOWN("Ann", CLIP "=")), "/config/diarization/known/0/clip"},
        {WITH_KNOWN(KNOWN("Ann", "aGVsbG8=")), "/config/diarization/known/0/clip"}, /* "hello" */
        {WITH_KNOWN("{\"name\":\"Ann\"}"), "/config/diarization/known/0"},
        /* declares 70 s of 8 bit at 1 kHz, and has them not: a claim is enough to refuse it */
        {WITH_KNOWN(KNOWN("Ann", "UklGRpQRAQBXQVZFZm10IBAAAAABAAEA6AMAAOgDAAABAAgAZGF0YXARAQA=")),
         "/config/diarization/known/0/clip"},
    };
    reading r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_request(&r, cases[i].request);
        assert_int_equal(r.status, MODELLAB_OK);
        bool refused = r.findings.worst >= MODELLAB_SEVERITY_ERROR;
        if (refused != (cases[i].pointer != NULL) ||
            (refused && finding_at(&r, cases[i].pointer, MODELLAB_SEVERITY_ERROR) < 0)) {
            fail_msg("case %zu: %s", i,
                     mli_report_count(r.findings.report) > 0
                         ? mli_report_finding(r.findings.report, 0)->text
                         : "nothing was found");
        }
        drop(&r);
    }
}

static void accepted_form_is_accepted_again(void **state)
{
    reading r, again;
    char *accepted;

    (void)state;
    read_request(&r, "{\"steps\":[\"asr\"],\"user\":\"ann\",\"priority\":\"urgent\","
                     "\"max_duration_seconds\":1.5,\"labels\":{\"b\":\"2\",\"a\":\"1\"},"
                     "\"caps\":{\"cpu_seconds\":2.5,\"cost_micros\":7},"
                     "\"config\":{\"asr\":{\"beam_size\":5,\"temperatures\":[0],"
                     "\"initial_prompt\":\"x\",\"formats\":[\"srt\"]}}}");
    assert_int_equal(MODELLAB_OK, r.status);
    assert_string_equal("custom", r.request.pipeline);
    assert_string_equal("ingest,asr", mli_buf_text(&r.request.steps));
    assert_true(finding_at(&r, "/steps", MODELLAB_SEVERITY_INFO) >= 0); /* ingest was added */
    assert_int_equal(30, r.request.priority);
    assert_int_equal(1500, r.request.max_duration_ms);
    assert_true(r.request.caps.cpu_ns == 2500000000 && r.request.caps.cost_micros == 7);
    assert_string_equal("{\"a\":\"1\",\"b\":\"2\"}", mli_buf_text(&r.request.labels));
    accepted = strstr(r.request.json.data, "\"steps\""); /* without the made-up pipeline's name */
    assert_non_null(accepted);
    accepted[-1] = '{';
    read_request(&again, accepted - 1);
    assert_int_equal(MODELLAB_OK, again.status);
    assert_string_equal(accepted, strstr(again.request.json.data, "\"steps\""));
    drop(&again);
    drop(&r);
}

static void refusals_have_their_place(void **state)
{
    static const struct {
        const char *text, *pointer, *says;
    } cases[] = {
        {"{\"pipline\":\"transcribe\"}", "", "pipeline"},
        {"{\"pipeline\":\"transcrib\"}", "/pipeline", "transcribe"},
        {"{\"steps\":[\"ars\"]}", "/steps", "asr"},
        {"{\"steps\":[]}", "/steps", ""},
        {"{\"steps\":[\"asr\"],\"pipeline\":\"transcribe\"}", "/steps", "not both"},
        {"{\"priority\":31}", "/priority", ""},
        {"{\"priority\":\"hihg\"}", "/priority", ""},
        {"{\"config\":{\"asr\":{\"beam_size\":17}}}", "/config/asr/beam_size", ""},
        {"{\"config\":{\"asr\":{\"beamsize\":5}}}", "/config/asr", "beam_size"},
        {"{\"config\":{\"asr\":{\"formats\":[\"doc\"]}}}", "/config/asr/formats/0", ""},
        {"{\"config\":{\"asr\":{\"model\":\"../x\"}}}", "/config/asr/model", "import"},
        {"{\"caps\":{\"cost_micros\":0}}", "/caps/cost_micros", ""},
        {"{\"caps\":{\"cpu_seconds\":0}}", "/caps/cpu_seconds", ""},
        {"{\"max_duration_seconds\":-1}", "/max_duration_seconds", ""},
        {"{\"labels\":{\"a\":1}}", "/labels/a", ""},
        {"{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"pad\":1}}}", "/config/vad", "pad_ms"},
        {"{\"steps\":[\"vad\"],\"config\":{\"vda\":{}}}", "/config", "vad"},
        {"{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"model\":\"./x\"}}}", "/config/vad/model",
         "import"},
        {"[]", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reading r;
        int at;

        read_request(&r, cases[i].text);
        at = finding_at(&r, cases[i].pointer, MODELLAB_SEVERITY_ERROR);
        if (r.status != MODELLAB_OK || at < 0) {
            fail_msg("%s: status %d, no finding at %s", cases[i].text, (int)r.status,
                     cases[i].pointer);
        }
        if (strstr(mli_report_finding(r.findings.report, (size_t)at)->text, cases[i].says) ==
            NULL) {
            fail_msg("%s: %s", cases[i].text,
                     mli_report_finding(r.findings.report, (size_t)at)->text);
        }
        assert_int_equal(0, r.request.json.size); /* no accepted form */
        drop(&r);
    }
}

/* Models of all steps, and all options with their defaults; what a rerun was made of stays. */
static void options_of_steps_are_resolved(void **state)
{
    reading r;

    (void)state;
    read_request(&r, "{\"steps\":[\"vad\",\"asr\"],\"config\":{\"vad\":{\"threshold\":0.25},"
                     "\"noop_text\":{\"text\":\"x\"}}}");
    assert_int_equal(MODELLAB_OK, r.status);
    assert_int_equal(2, r.request.model_count);
    assert_string_equal("vad", r.request.models[0].task);
    assert_string_equal("silero-vad-v6", r.request.models[0].name);
    assert_string_equal("whisper-tiny.en", r.request.models[1].name);
    assert_string_equal("whisper-tiny.en", r.request.model); /* the run's */
    assert_int_equal(-1, r.request.text_chars);
    assert_true(finding_at(&r, "/config/noop_text", MODELLAB_SEVERITY_WARNING) >= 0);
    assert_non_null(strstr(mli_buf_text(&r.request.json),
                           "\"config\":{\"vad\":{\"model\":\"silero-vad-v6\",\"threshold\":0.25,"
                           "\"min_speech_ms\":250,\"min_silence_ms\":100,\"pad_ms\":30,"
                           "\"max_speech_seconds\":0},\"asr\":{"));
    assert_non_null(strstr(mli_buf_text(&r.request.json),
                           "\"requested_config\":{\"noop_text\":{\"text\":\"x\"},\"vad\":{"
                           "\"threshold\":0.25}}"));
    drop(&r);
    read_request(&r, "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"pad_ms\":7}},"
                     "\"requested_config\":{\"vad\":{}}}");
    assert_string_equal("silero-vad-v6", r.request.model);
    assert_non_null(strstr(mli_buf_text(&r.request.json), "\"requested_config\":{\"vad\":{}}"));
    drop(&r);
    /* Both models of one step: the run's is the one that recognises. */
    read_request(&r, "{\"steps\":[\"asr\"],\"config\":{\"asr\":{\"vad\":true}}}");
    assert_int_equal(2, r.request.model_count);
    assert_string_equal("whisper-tiny.en", r.request.model);
    assert_non_null(
        strstr(mli_buf_text(&r.request.json), "\"asr\":{\"model\":\"whisper-tiny.en\""));
    drop(&r);
}

/* Characters, not bytes; without one it is refused where it belongs. */
static void operators_bring_their_step(void **state)
{
    static const char *const asked[] = {
        "{\"preprocessing\":[\"speed( factor=1.5 )\",{\"op\":\"denoise\"}]}",
        "{\"config\":{\"enhance\":{\"operators\":[\"speed(factor=1.5)\",\"denoise\"]}}}",
        "{\"steps\":[\"asr\"],\"preprocessing\":[\"speed(factor=1.5)\",\"denoise\"],"
        "\"config\":{\"enhance\":{\"operators\":[\"high_pass\"]}}}"};
    reading r;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        read_request(&r, asked[i]);
        assert_int_equal(MODELLAB_OK, r.status);
        assert_true(r.findings.worst < MODELLAB_SEVERITY_WARNING);
        assert_string_equal("ingest,enhance,asr", mli_buf_text(&r.request.steps));
        assert_non_null(strstr(mli_buf_text(&r.request.json),
                               "\"enhance\":{\"operators\":[{\"op\":\"speed\",\"factor\":1.5},"
                               "{\"op\":\"denoise\",\"amount\":0.5}],\"keep_audio\":false}"));
        drop(&r);
    }
    read_request(&r, "{\"preprocessing\":[\"denoise\",\"spede\"]}");
    assert_true(finding_at(&r, "/preprocessing/1", MODELLAB_SEVERITY_ERROR) >= 0);
    drop(&r);
    read_request(&r, "{\"steps\":[\"enhance\"]}");
    assert_true(finding_at(&r, "/config/enhance/operators", MODELLAB_SEVERITY_ERROR) >= 0);
    drop(&r);
    read_request(&r, "{\"preprocessing\":[]}");
    assert_string_equal("ingest,asr", mli_buf_text(&r.request.steps));
    drop(&r);
}

static void a_text_is_measured(void **state)
{
    reading r;

    (void)state;
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    read_request(&r, "{\"steps\":[\"noop_text\"],\"config\":{\"noop_text\":{\"text\":"
                     "\"gr\\u00fcn\"}}}");
    assert_int_equal(MODELLAB_OK, r.status);
    assert_int_equal(4, r.request.text_chars);
    assert_false(r.request.needs_input);
    drop(&r);
    read_request(&r, "{\"steps\":[\"noop_text\"]}");
    assert_true(finding_at(&r, "/config/noop_text/text", MODELLAB_SEVERITY_ERROR) >= 0);
    drop(&r);
    assert_int_equal(0, unsetenv("MODEL_LAB_TESTING"));
}

static void no_json_no_report(void **state)
{
    reading r;

    (void)state;
    read_request(&r, "{\"a\":1,\"a\":2}");
    assert_int_equal(MODELLAB_E_INVALID_JSON, r.status);
    drop(&r);
    read_request(&r, "");
    assert_int_equal(MODELLAB_E_INVALID_JSON, r.status);
    drop(&r);
}

/* One image is handed over, of one model: no other step of the run may take it for its own. */
static void an_image_is_of_one_step(void **state)
{
    (void)state;
    assert_string_equal(mli_model_image_step("ingest,asr,tts"), "asr");
    assert_string_equal(mli_model_image_step("tts"), "tts");
    assert_null(mli_model_image_step("ingest,vad"));
}

static void pipelines_resolve(void **state)
{
    mli_findings findings;
    mli_buf steps;

    (void)state;
    for (size_t i = 0; i < mli_pipeline_count(); i++) {
        const mli_pipeline *p = mli_pipeline_at(i);

        /* what the table says is what resolving its steps gives, and the order of names is total */
        mli_findings_begin(&findings, NULL);
        mli_buf_init(&steps, NULL);
        mli_steps_resolve(p->steps, "", &steps, &findings);
        assert_string_equal(p->steps, mli_buf_text(&steps));
        assert_int_equal(0, mli_report_count(findings.report));
        assert_true(i == 0 || strcmp(mli_pipeline_at(i - 1)->name, p->name) < 0);
        mli_buf_dispose(&steps);
        mli_findings_dispose(&findings);
    }
    assert_null(mli_pipeline_at(mli_pipeline_count()));
    assert_true(mli_steps_contain("ingest, asr", "asr"));
    assert_false(mli_steps_contain("ingest,asr", "as"));
    assert_false(mli_steps_need_input(""));
}

static void steps_of_tests_are_for_tests_alone(void **state)
{
    static const char noop[] = "{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"5\"}}";
    reading r;

    (void)state;
    assert_int_equal(0, unsetenv("MODEL_LAB_TESTING"));
    read_request(&r, noop);
    assert_true(finding_at(&r, "/steps", MODELLAB_SEVERITY_ERROR) >= 0);
    assert_null(strstr(mli_report_finding(r.findings.report, 0)->text, "did you mean"));
    drop(&r);
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    read_request(&r, noop);
    assert_int_equal(MODELLAB_OK, r.status);
    assert_string_equal("noop", mli_buf_text(&r.request.steps));
    assert_false(r.request.needs_input);
    drop(&r);
    assert_int_equal(0, unsetenv("MODEL_LAB_TESTING"));
}

/* What is kept for the record does not have large texts once more. */
static void long_values_are_stored_once(void **state)
{
    static char text[5000];
    reading r, again;
    char *accepted;

    (void)state;
    (void)snprintf(text, sizeof text,
                   "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"%04000d\",\"seed\":3}}}",
                   7);
    read_request(&r, text);
    assert_true(r.findings.worst < MODELLAB_SEVERITY_ERROR);
    assert_in_range(r.request.json.size, 4000, 5000);
    assert_non_null(strstr(mli_buf_text(&r.request.json), "0007\""));
    assert_non_null(
        strstr(mli_buf_text(&r.request.json),
               "\"requested_config\":{\"tts\":{\"seed\":3,\"text\":{\"bytes\":4002,\"sha256\":\""));
    accepted = strdup(mli_buf_text(&r.request.json));
    read_request(&again, accepted); /* as who repeats the run does, but for the pipeline */
    drop(&again);
    char *pipeline = strstr(accepted, "\"pipeline\":\"custom\",");
    assert_non_null(pipeline);
    memset(pipeline, ' ', strlen("\"pipeline\":\"custom\","));
    read_request(&again, accepted);
    assert_string_equal(mli_buf_text(&again.request.json), mli_buf_text(&r.request.json));
    drop(&again);
    drop(&r);
    free(accepted);
}

/* All who read an accepted request again can read it. */
static void the_accepted_form_has_a_limit(void **state)
{
    const size_t most = MLI_REQUEST_MAX_BYTES;
    char *text = malloc(most + 1);
    bool seen[2] = {false, false};

    (void)state;
    assert_non_null(text);
    for (size_t spare = 0; spare < 2000; spare += 100) { /* defaults come to it */
        reading r;
        int n = snprintf(text, most,
                         "{\"pipeline\":\"ingest\",\"caps\":{\"cpu_seconds\":2},"
                         "\"requested_config\":{\"");
        assert_true(n > 0);
        memset(text + n, 'k', most - spare - (size_t)n - 5);
        memcpy(text + most - spare - 5, "\":1}}", 6);
        read_request(&r, text);
        assert_int_equal(MODELLAB_OK, r.status);
        bool fits = r.request.json.size <= most;
        seen[fits] = true;
        assert_int_equal(finding_at(&r, "", MODELLAB_SEVERITY_ERROR) >= 0, !fits);
        if (!fits) {
            assert_string_equal(mli_report_finding(r.findings.report, 0)->id, "request.too_large");
        }
        drop(&r);
    }
    assert_true(seen[0] && seen[1]);
    free(text);
}

/* With letters or IPA of another origin no dictionary is needed. */
static void a_dictionary_is_needed_for_words_only(void **state)
{
    static const struct {
        const char *options;
        size_t models;
    } rows[] = {
        {"", 2}, {",\"g2p\":\"lexicon\"", 2}, {",\"g2p\":\"ipa\"", 1}, {",\"g2p\":\"espeak\"", 1}};
    char text[200];
    reading r;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"a\"%s}}}",
                       rows[i].options);
        read_request(&r, text);
        assert_int_equal(MODELLAB_OK, r.status);
        assert_int_equal(rows[i].models, r.request.model_count);
        drop(&r);
    }
}

/* What is longer than a run's speech can be is not begun. */
static void a_text_that_cannot_be_said_is_refused(void **state)
{
    static char text[151000];
    reading r;

    (void)state;
    for (int more = 0; more < 2; more++) {
        (void)snprintf(text, sizeof text,
                       "{\"steps\":[\"tts\"],\"config\":{\"tts\":{\"text\":\"%0*d\"}}}",
                       150000 + more, 1);
        read_request(&r, text);
        assert_int_equal(finding_at(&r, "/config/tts/text", MODELLAB_SEVERITY_ERROR) >= 0, more);
        drop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_loads_and_accepts_least),
        cmocka_unit_test(known_voices_are_checked),
        cmocka_unit_test(accepted_form_is_accepted_again),
        cmocka_unit_test(refusals_have_their_place),
        cmocka_unit_test(options_of_steps_are_resolved),
        cmocka_unit_test(operators_bring_their_step),
        cmocka_unit_test(a_text_is_measured),
        cmocka_unit_test(long_values_are_stored_once),
        cmocka_unit_test(the_accepted_form_has_a_limit),
        cmocka_unit_test(a_dictionary_is_needed_for_words_only),
        cmocka_unit_test(a_text_that_cannot_be_said_is_refused),
        cmocka_unit_test(no_json_no_report),
        cmocka_unit_test(pipelines_resolve),
        cmocka_unit_test(an_image_is_of_one_step),
        cmocka_unit_test(steps_of_tests_are_for_tests_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
