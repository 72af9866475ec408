/* Speech synthesis through the public headers, with a small voice of made-up weights (and with
 * piper-en_US-joe-medium below MODEL_LAB_TEST_MODELS, when it is there). test_tts VOICE.onnx */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
#define TEXT "the quick brown fox, jumps over the lazy dog."
enum { RATE = 16000, HOP = 8 };

static const char *voice_file;
static modellab_model *model;

static int open_model(void **state)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    options.cache_root = "";
    if (modellab_model_open(voice_file, &options, &model, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    modellab_model_unref(model);
    return 0;
}

typedef struct stream {
    float *samples;
    size_t count, calls, stop_after;
    modellab_tts_session *session;
    modellab_cancel *cancel;
    double done, total;
} stream;

static int32_t take(void *user, const float *samples, size_t count)
{
    stream *s = user;
    modellab_tts_result *result = NULL;
    s->samples = realloc(s->samples, (s->count + count) * sizeof *samples);
    assert_non_null(s->samples);
    memcpy(s->samples + s->count, samples, count * sizeof *samples);
    s->count += count;
    if (s->session != NULL)
        assert_int_equal(modellab_tts_speak_ipa(s->session, "a", &result, NULL), MODELLAB_E_BUSY);
    if (s->cancel != NULL)
        modellab_cancel_set(s->cancel);
    return ++s->calls == s->stop_after ? 1 : 0;
}

static int32_t look(void *user, double done, double total)
{
    stream *s = user;
    assert_true(done >= s->done && done <= total + 1e-9);
    s->done = done;
    s->total = total;
    return 0;
}

static modellab_tts_session *session_of(const modellab_tts_options *options)
{
    modellab_tts_session *session = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_tts_session_create(model, options, &session, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return session;
}

static modellab_tts_result *spoken(const modellab_tts_options *options)
{
    modellab_tts_session *session = session_of(options);
    modellab_tts_result *result = NULL;
    OK(modellab_tts_speak_ipa(session, TEXT, &result, NULL));
    modellab_tts_session_destroy(session);
    return result;
}

static void test_model(void **state)
{
    modellab_model_info info = {.size = sizeof info};
    modellab_vad_session *vad = NULL;
    (void)state;
    OK(modellab_model_get_info(model, &info, NULL));
    assert_string_equal(info.architecture, "piper-vits");
    assert_string_equal(info.format, "onnx");
    assert_string_equal(info.languages, "en");
    assert_int_equal(info.weights, MODELLAB_WEIGHTS_F32);
    assert_true(info.parameters > 10000 && info.bytes >= 4 * info.parameters / 2);
    assert_int_equal(modellab_vad_session_create(model, NULL, &vad, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
}

static void test_times(void **state)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_tts_time t = {.size = sizeof t};
    double at = 0;
    size_t count = 0;
    (void)state;
    modellab_tts_result *result = spoken(&options);
    OK(modellab_tts_result_get_info(result, &info, NULL));
    (void)modellab_tts_result_samples(result, &count);
    assert_int_equal(info.rate_hz, RATE);
    assert_int_equal(info.words, 9);
    assert_int_equal(info.skipped, 0);
    /* begin and pad, each symbol and a pad, end */
    assert_int_equal(info.phonemes, 2 + 2 * strlen(TEXT) + 1);
    for (int32_t i = 0; i < info.phonemes; i++) {
        OK(modellab_tts_result_phoneme_at(result, (size_t)i, &t, NULL));
        assert_true(t.start == at && t.end >= t.start);
        at = t.end;
    }
    assert_true(fabs(at - info.duration) < 1e-9);
    assert_true(fabs(info.duration * RATE - (double)count) < 1e-6);
    assert_int_equal(count % HOP, 0);
    at = 0;
    for (int32_t i = 0; i < info.words; i++) {
        OK(modellab_tts_result_word_at(result, (size_t)i, &t, NULL));
        assert_true(t.start >= at && t.end > t.start && t.end <= info.duration);
        at = t.end;
    }
    assert_int_equal(modellab_tts_result_word_at(result, 9, &t, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_tts_result_phoneme_at(result, (size_t)info.phonemes, &t, NULL),
                     MODELLAB_E_NOT_FOUND);
    modellab_tts_result_unref(result);
}

/* The stream gives the bytes of the whole; seeds and utterances give others. */
static void test_bytes(void **state)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    stream s = {.samples = NULL};
    size_t count = 0, other = 0;
    (void)state;
    options.seed = 11;
    options.threads = 1;
    modellab_tts_result *whole = spoken(&options);
    const float *samples = modellab_tts_result_samples(whole, &count);
    options.chunk = take;
    options.progress = look;
    options.user = &s;
    options.threads = 2;
    modellab_tts_session *session = session_of(&options);
    s.session = session;
    OK(modellab_tts_speak_ipa(session, TEXT, NULL, NULL));
    s.session = NULL;
    assert_true(s.calls > 1);
    assert_int_equal(s.count, count);
    assert_memory_equal(s.samples, samples, count * sizeof *samples);
    assert_true(fabs(s.done - s.total) < 1e-9);
    /* the second utterance of a session is another draw */
    modellab_tts_result *times = NULL;
    s.count = 0;
    s.done = 0;
    OK(modellab_tts_speak_ipa(session, TEXT, &times, NULL));
    assert_null(modellab_tts_result_samples(times, &other));
    assert_true(s.count != count || memcmp(s.samples, samples, count * sizeof *samples) != 0);
    modellab_tts_session_destroy(session);
    modellab_tts_result_unref(times);
    modellab_tts_result_unref(whole);
    free(s.samples);
}

static void test_options(void **state)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_result_info one = {.size = sizeof one}, two = one;
    size_t count = 0;
    float top = 0;
    (void)state;
    options.noise = options.noise_w = -1;
    options.normalize = 1;
    modellab_tts_result *plain = spoken(&options);
    const float *samples = modellab_tts_result_samples(plain, &count);
    for (size_t i = 0; i < count; i++)
        top = fmaxf(top, fabsf(samples[i]));
    assert_true(top == 1.0f);
    options.speed = 2;
    options.output_rate_hz = 48000;
    modellab_tts_result *fast = spoken(&options);
    OK(modellab_tts_result_get_info(plain, &one, NULL));
    OK(modellab_tts_result_get_info(fast, &two, NULL));
    assert_true(two.duration < 0.8 * one.duration && two.duration > 0.3 * one.duration);
    (void)modellab_tts_result_samples(fast, &count);
    assert_true(fabs((double)count - two.duration * 48000) <= 2);
    assert_int_equal(two.rate_hz, 48000);
    modellab_tts_result_unref(plain);
    modellab_tts_result_unref(fast);
}

static void test_ids(void **state)
{
    static const int32_t ids[] = {1, 0, 5, 0, 6, 0, 2}, bad[] = {1, 40}, negative[] = {-1};
    const modellab_tts_span words[] = {{2, 3}}, wrong[] = {{6, 2}}, empty[] = {{1, 0}};
    modellab_tts_result *result = NULL;
    modellab_tts_time t = {.size = sizeof t};
    modellab_error err = MODELLAB_ERROR_INIT;
    int32_t *many = calloc(4097, sizeof *many);
    (void)state;
    assert_non_null(many);
    modellab_tts_session *session = session_of(NULL);
    OK(modellab_tts_speak_ids(session, ids, 7, words, 1, &result, NULL));
    OK(modellab_tts_result_word_at(result, 0, &t, NULL));
    assert_int_equal(t.id, 5);
    modellab_tts_result_unref(result);
    assert_int_equal(modellab_tts_speak_ids(session, bad, 2, NULL, 0, &result, &err),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(err.detail, 1);
    assert_null(result);
    assert_int_equal(modellab_tts_speak_ids(session, negative, 1, NULL, 0, &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_ids(session, ids, 0, NULL, 0, &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_ids(session, many, 4097, NULL, 0, &result, NULL),
                     MODELLAB_E_LIMIT);
    assert_int_equal(modellab_tts_speak_ids(session, ids, 7, wrong, 1, &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_ids(session, ids, 7, empty, 1, &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    OK(modellab_tts_speak_ids(session, many, 4096, NULL, 0, &result, NULL));
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    free(many);
}

static void test_ipa(void **state)
{
    modellab_tts_result *result = NULL;
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_tts_session *session = session_of(NULL);
    (void)state;
    OK(modellab_tts_speak_ipa(session, "a\xc9\x99Q b", &result, NULL)); /* Q is not known */
    OK(modellab_tts_result_get_info(result, &info, NULL));
    assert_int_equal(info.skipped, 1);
    assert_int_equal(info.words, 2);
    assert_int_equal(info.phonemes, 2 + 2 * 4 + 1);
    modellab_tts_result_unref(result);
    assert_int_equal(modellab_tts_speak_ipa(session, "QQ", &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_ipa(session, "", &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_ipa(session, "a\xc9", &result, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    modellab_tts_session_destroy(session);
}

static void test_refusals(void **state)
{
    static const struct {
        double speed, noise;
        int32_t speaker, threads, rate, normalize;
    } wrong[] = {{0.01, 0, 0, 0, 0, 0}, {11, 0, 0, 0, 0, 0}, {NAN, 0, 0, 0, 0, 0},
                 {0, NAN, 0, 0, 0, 0},  {0, 11, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0},
                 {0, 0, -1, 0, 0, 0},   {0, 0, 0, -1, 0, 0}, {0, 0, 0, 0, 100, 0},
                 {0, 0, 0, 0, 0, 2}};
    modellab_tts_session *session = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
        o.speed = wrong[i].speed;
        o.noise = wrong[i].noise;
        o.speaker = wrong[i].speaker;
        o.threads = wrong[i].threads;
        o.output_rate_hz = wrong[i].rate;
        o.normalize = wrong[i].normalize;
        assert_int_equal(modellab_tts_session_create(model, &o, &session, NULL),
                         MODELLAB_E_INVALID_ARGUMENT);
        assert_null(session);
    }
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    o.normalize = 1;
    o.chunk = take;
    assert_int_equal(modellab_tts_session_create(model, &o, &session, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
}

/* A callback that ends the work, a cancel in the middle; the session speaks on after. */
static void test_ends(void **state)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_result *result = NULL;
    modellab_cancel *cancel = NULL;
    stream s = {.stop_after = 2};
    size_t whole;
    (void)state;
    options.chunk = take;
    options.user = &s;
    modellab_tts_session *session = session_of(&options);
    assert_int_equal(modellab_tts_speak_ipa(session, TEXT, &result, NULL), MODELLAB_E_CALLBACK);
    assert_null(result);
    assert_int_equal(s.calls, 2);
    s.stop_after = 0;
    s.count = 0;
    OK(modellab_tts_speak_ipa(session, TEXT, &result, NULL));
    modellab_tts_result_unref(result);
    whole = s.count;
    modellab_tts_session_destroy(session);

    OK(modellab_cancel_create(NULL, &cancel, NULL));
    s.cancel = options.cancel = cancel;
    s.count = 0;
    session = session_of(&options);
    assert_int_equal(modellab_tts_speak_ipa(session, TEXT, &result, NULL), MODELLAB_E_CANCELLED);
    assert_true(s.count > 0 && s.count < whole);
    modellab_tts_session_destroy(session);
    modellab_cancel_unref(cancel);
    free(s.samples);
}

static void test_joe(void **state)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_model_info info = {.size = sizeof info};
    modellab_model *joe = NULL;
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    (void)state;
    options.models_root = root;
    if (root == NULL || modellab_model_open("piper-en_US-joe-medium", &options, &joe, NULL) ==
                            MODELLAB_E_NOT_FOUND) {
        print_message("skipped: MODEL_LAB_TEST_MODELS has no piper-en_US-joe-medium\n");
        return;
    }
    assert_non_null(joe);
    OK(modellab_model_get_info(joe, &info, NULL));
    assert_string_equal(info.architecture, "piper-vits");
    assert_string_equal(info.languages, "en");
    assert_true(info.parameters > 15600000 && info.parameters < 15700000);
    modellab_model_unref(joe);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),    cmocka_unit_test(test_times), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_options),  cmocka_unit_test(test_ids),   cmocka_unit_test(test_ipa),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_ends),  cmocka_unit_test(test_joe),
    };
    if (argc != 2)
        return 2;
    voice_file = argv[1];
    return cmocka_run_group_tests(tests, open_model, close_model);
}
