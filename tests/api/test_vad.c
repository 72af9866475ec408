/* Voice activity through the public headers. With silero-vad-v6 and sample-conversation below
 * MODEL_LAB_TEST_MODELS (else skipped, 77): probabilities and segments are those of the reference.
 * test_vad FILE_OF_REFERENCE_PROBABILITIES */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
enum { STEPS = 938, RATE = 16000 };

static const char *models_root, *reference_file;
static modellab_model *model;
static char sample[4096];

static int open_model(void **state)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    (void)state;
    options.models_root = models_root;
    (void)snprintf(sample, sizeof sample, "%s/sample-conversation/sample.wav", models_root);
    OK(modellab_model_open("silero-vad-v6", &options, &model, NULL));
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    modellab_model_unref(model);
    return 0;
}

static void test_model(void **state)
{
    modellab_model_info info = {.size = sizeof info};
    modellab_asr_session *asr = NULL;
    (void)state;
    OK(modellab_model_get_info(model, &info, NULL));
    assert_string_equal(info.architecture, "silero-vad");
    assert_string_equal(info.format, "onnx");
    assert_int_equal(info.parameters, 309633);
    assert_int_equal(info.weights, MODELLAB_WEIGHTS_F32);
    assert_int_equal(strlen(info.sha256), 64);
    assert_int_equal(modellab_asr_session_create(model, 1, &asr, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_null(asr);
}

static void read_reference(float out[STEPS])
{
    char line[512];
    size_t count = 0;
    FILE *f = fopen(reference_file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char *at = line, *end;
        while (line[0] != '#' && count < STEPS) {
            float value = strtof(at, &end);
            if (end == at)
                break;
            out[count++] = value;
            at = end;
        }
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(count, STEPS);
}

static void test_probabilities(void **state)
{
    static float want[STEPS];
    modellab_vad_result *result = NULL;
    size_t count = 0;
    (void)state;
    read_reference(want);
    OK(modellab_vad_detect_file(model, sample, NULL, &result, NULL));
    const float *p = modellab_vad_result_probabilities(result, &count);
    assert_int_equal(count, STEPS);
    for (size_t i = 0; i < STEPS; i++) {
        if (fabs((double)p[i] - (double)want[i]) > 1e-4)
            fail_msg("step %zu: %f, the reference has %f", i, (double)p[i], (double)want[i]);
    }
    assert_true(modellab_vad_result_duration(result) == 30.0);
    modellab_vad_result_unref(result);
}

static void expect_segments(const modellab_vad_options *options, const int32_t want[][2],
                            size_t count)
{
    modellab_vad_result *result = NULL;
    OK(modellab_vad_detect_file(model, sample, options, &result, NULL));
    assert_int_equal(modellab_vad_result_count(result), count);
    for (size_t i = 0; i < count; i++) {
        modellab_speech_segment s = {.size = sizeof s};
        OK(modellab_vad_result_at(result, i, &s, NULL));
        assert_int_equal(lround(s.start * RATE), want[i][0]);
        assert_int_equal(lround(s.end * RATE), want[i][1]);
    }
    modellab_speech_segment s = {.size = sizeof s};
    assert_int_equal(modellab_vad_result_at(result, count, &s, NULL), MODELLAB_E_NOT_FOUND);
    modellab_vad_result_unref(result);
}

/* What the reference's own function makes of its probabilities. */
static void test_segments(void **state)
{
    static const int32_t plain[][2] = {
        {108064, 115680}, {121888, 286688}, {288800, 345568}, {348704, 480000}};
    static const int32_t bounded[][2] = {
        {108064, 115680}, {121888, 249600}, {249600, 345568}, {348704, 476640}};
    modellab_vad_options options = MODELLAB_VAD_OPTIONS_INIT;
    (void)state;
    expect_segments(NULL, plain, 4);
    options.min_silence_ms = 500;
    options.max_speech_seconds = 8.0;
    expect_segments(&options, bounded, 4);
}

/* A stream in pieces of odd sizes, with two threads, twice, gives the bits of the whole. */
static void test_stream(void **state)
{
    static float samples[30 * RATE];
    modellab_vad_options options = MODELLAB_VAD_OPTIONS_INIT;
    modellab_vad_session *session = NULL;
    modellab_audio *audio = NULL;
    modellab_vad_result *whole = NULL;
    size_t count = 0;
    (void)state;
    OK(modellab_audio_decode_file(sample, NULL, &audio, NULL));
    OK(modellab_audio_read(audio, 0, 30 * RATE, samples, NULL));
    modellab_audio_unref(audio);
    OK(modellab_vad_detect_file(model, sample, NULL, &whole, NULL));
    const float *p = modellab_vad_result_probabilities(whole, &count);
    options.threads = 2;
    OK(modellab_vad_session_create(model, &options, &session, NULL));
    assert_true(modellab_vad_latest(session) == -1.0);
    for (size_t round = 0; round < 2; round++) {
        modellab_vad_result *pieces = NULL;
        size_t at = 0, size = 1, steps = 0;
        while (at < 30 * RATE) {
            size_t left = 30 * RATE - at;
            OK(modellab_vad_feed(session, samples + at, size < left ? size : left, NULL));
            at += size < left ? size : left;
            size = size * 7 % 3001 + 1;
        }
        assert_true(modellab_vad_latest(session) == (double)p[STEPS - 2]);
        OK(modellab_vad_finish(session, &pieces, NULL));
        const float *q = modellab_vad_result_probabilities(pieces, &steps);
        assert_int_equal(steps, count);
        assert_memory_equal(q, p, count * sizeof *p);
        assert_int_equal(modellab_vad_result_count(pieces), modellab_vad_result_count(whole));
        modellab_vad_result_unref(pieces);
    }
    modellab_vad_session_destroy(session);
    modellab_vad_result_unref(whole);
}

static int32_t stop_at_ten(void *user, double done, double total)
{
    *(double *)user = done;
    return done < 10.0 && total == 30.0 ? 0 : 1;
}

static void test_bad_input_and_stops(void **state)
{
    modellab_vad_options options = MODELLAB_VAD_OPTIONS_INIT;
    modellab_vad_session *session = NULL;
    modellab_vad_result *result = NULL;
    double done = 0;
    float bad[3] = {0, NAN, 0};
    (void)state;
    OK(modellab_vad_session_create(model, NULL, &session, NULL));
    assert_int_equal(modellab_vad_feed(session, bad, 3, NULL), MODELLAB_E_INVALID_AUDIO);
    OK(modellab_vad_finish(session, &result, NULL)); /* an empty stream */
    assert_int_equal(modellab_vad_result_count(result), 0);
    assert_true(modellab_vad_result_duration(result) == 0.0);
    modellab_vad_result_unref(result);
    modellab_vad_session_destroy(session);
    options.progress = stop_at_ten;
    options.user = &done;
    assert_int_equal(modellab_vad_detect_file(model, sample, &options, &result, NULL),
                     MODELLAB_E_CALLBACK);
    assert_null(result);
    assert_true(done >= 10.0 && done < 13.0);
    options.progress = NULL;
    OK(modellab_cancel_create(NULL, &options.cancel, NULL));
    modellab_cancel_set(options.cancel);
    assert_int_equal(modellab_vad_detect_file(model, sample, &options, &result, NULL),
                     MODELLAB_E_CANCELLED);
    modellab_cancel_unref(options.cancel);
    options.cancel = NULL;
    options.threshold = 1.5;
    assert_int_equal(modellab_vad_session_create(model, &options, &session, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    options.threshold = 0.3;
    options.neg_threshold = 0.4;
    assert_int_equal(modellab_vad_session_create(model, &options, &session, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
}

/* A detector in the options of recognition: what is none is refused. */
static void test_of_recognition(void **state)
{
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_asr_options o = MODELLAB_ASR_OPTIONS_INIT;
    modellab_vad_options v = MODELLAB_VAD_OPTIONS_INIT;
    modellab_transcript_info info = {.size = sizeof info};
    modellab_transcript *text = NULL;
    modellab_asr_session *session = NULL;
    modellab_model *asr = NULL;
    (void)state;
    model_options.models_root = models_root;
    if (modellab_model_open("whisper-tiny.en", &model_options, &asr, NULL) != MODELLAB_OK) {
        puts("whisper-tiny.en is not installed: this case is left out");
        return;
    }
    static float silence[16000 * 35];
    OK(modellab_asr_session_create(asr, 1, &session, NULL));
    o.vad = asr;
    assert_int_equal(modellab_asr_transcribe(session, silence, RATE, &o, &text, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    o.vad = model;
    o.batch_size = 17;
    assert_int_equal(modellab_asr_transcribe(session, silence, RATE, &o, &text, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    o.batch_size = 0;
    o.vad_options = &v;
    v.threshold = 2;
    assert_int_equal(modellab_asr_transcribe(session, silence, RATE, &o, &text, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    v.threshold = 0.6;
    OK(modellab_asr_transcribe(session, silence, 35 * RATE, &o, &text, NULL));
    OK(modellab_transcript_get_info(text, &info, NULL));
    assert_int_equal(info.segment_count, 0);
    assert_int_equal(info.is_partial, 0);
    modellab_transcript_unref(text);
    modellab_asr_session_destroy(session);
    modellab_model_unref(asr);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_bad_input_and_stops),
        cmocka_unit_test(test_of_recognition),
    };
    char path[4096];
    models_root = getenv("MODEL_LAB_TEST_MODELS");
    if (argc != 2)
        return 2;
    reference_file = argv[1];
    (void)snprintf(path, sizeof path, "%s/silero-vad-v6/silero_vad_16k_op15.onnx",
                   models_root != NULL ? models_root : "");
    FILE *f = models_root != NULL ? fopen(path, "rb") : NULL;
    if (f == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS has no silero-vad-v6 (modellab models pull)");
        return 77;
    }
    (void)fclose(f);
    return cmocka_run_group_tests(tests, open_model, close_model);
}
