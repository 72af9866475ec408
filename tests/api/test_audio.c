/* Audio through the public headers: decoding, samples, limits, callbacks, the probe, and refusals.
 */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static float tone[48000];

static void make_tone(void)
{
    for (int i = 0; i < 48000; i++)
        tone[i] = 0.5f * sinf(6.2831853f * 440.0f * (float)i / 48000.0f);
}

static void test_samples(void **state)
{
    (void)state;
    modellab_audio *audio = NULL, *again;
    modellab_audio_info info = {.size = sizeof info};
    float part[4];
    OK(modellab_audio_from_samples(tone, 48000, 1, 48000, NULL, &audio, NULL));
    OK(modellab_audio_get_info(audio, &info, NULL));
    assert_string_equal(info.container, "samples");
    assert_int_equal(info.rate_hz, 48000);
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.frames, 48000);
    assert_int_equal(info.samples, 16000);
    assert_true(info.duration == 1.0);
    again = modellab_audio_ref(audio);
    modellab_audio_unref(audio);
    OK(modellab_audio_read(again, 8000, 4, part, NULL));
    assert_true(fabsf(part[1] - 0.5f * sinf(6.2831853f * 440.0f * 8001.0f / 16000.0f)) < 2e-3f);
    OK(modellab_audio_read(again, 15998, 4, part, NULL));
    assert_true(part[2] == 0.0f && part[3] == 0.0f);
    OK(modellab_audio_read(again, 0, 0, NULL, NULL));
    modellab_audio_unref(again);
    modellab_audio_unref(NULL);
    assert_null(modellab_audio_ref(NULL));
}

static void test_arguments(void **state)
{
    (void)state;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio *audio = NULL;
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    float part[4];
    assert_int_equal(modellab_audio_decode_file(NULL, NULL, &audio, &err),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(err.code, MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_audio_decode_file("x", NULL, NULL, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_audio_decode_file("no-such-file.wav", NULL, &audio, &err),
                     MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_audio_decode_memory(NULL, 4, NULL, &audio, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_audio_decode_memory("RIFF", 0, NULL, &audio, NULL),
                     MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(modellab_audio_decode_memory("a letter", 8, NULL, &audio, NULL),
                     MODELLAB_E_UNSUPPORTED_FORMAT);
    assert_int_equal(modellab_audio_from_samples(NULL, 1, 1, 16000, NULL, &audio, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_audio_read(NULL, 0, 1, part, NULL), MODELLAB_E_INVALID_ARGUMENT);
    options.max_seconds = NAN;
    assert_int_equal(modellab_audio_from_samples(tone, 9, 1, 16000, &options, &audio, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    options.max_seconds = 0.0;
    options.size = 8;
    assert_int_equal(modellab_audio_from_samples(tone, 9, 1, 16000, &options, &audio, NULL),
                     MODELLAB_E_ABI_TOO_SMALL);
    assert_null(audio);
}

static int32_t stop(void *user, double seconds, double fraction)
{
    int *calls = user;
    assert_true(seconds >= 0.0 && fraction > 0.0 && fraction <= 1.0);
    return ++*calls == 2;
}

static void test_limits(void **state)
{
    (void)state;
    static float long_audio[300000];
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_audio *audio = NULL;
    int calls = 0;
    options.max_seconds = 0.5;
    assert_int_equal(modellab_audio_from_samples(tone, 48000, 1, 48000, &options, &audio, NULL),
                     MODELLAB_E_LIMIT);
    options.max_seconds = 0.0;
    options.progress = stop;
    options.user = &calls;
    assert_int_equal(
        modellab_audio_from_samples(long_audio, 300000, 1, 16000, &options, &audio, NULL),
        MODELLAB_E_CALLBACK);
    assert_int_equal(calls, 2);
    options.progress = NULL;
    OK(modellab_cancel_create(NULL, &options.cancel, NULL));
    modellab_cancel_set(options.cancel);
    assert_int_equal(modellab_audio_from_samples(tone, 48000, 1, 48000, &options, &audio, NULL),
                     MODELLAB_E_CANCELLED);
    modellab_cancel_unref(options.cancel);
    tone[17] = INFINITY;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(modellab_audio_from_samples(tone, 48000, 1, 48000, NULL, &audio, &err),
                     MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(err.detail, 17);
    make_tone();
    assert_null(audio);
}

static void test_probe(void **state)
{
    (void)state;
    static const unsigned char wav[48] = {'R',  'I',  'F', 'F', 40, 0,    0, 0, 'W', 'A', 'V', 'E',
                                          'f',  'm',  't', ' ', 16, 0,    0, 0, 1,   0,   1,   0,
                                          0x80, 0x3e, 0,   0,   0,  0x7d, 0, 0, 2,   0,   16,  0,
                                          'd',  'a',  't', 'a', 4,  0,    0, 0, 1,   0,   2,   0};
    modellab_audio_probe_info info = {.size = sizeof info};
    modellab_report *report = NULL;
    OK(modellab_audio_probe(wav, sizeof wav, sizeof wav, NULL, &info, &report, NULL));
    assert_string_equal(info.container, "wav");
    assert_int_equal(info.rate_hz, 16000);
    assert_int_equal(info.frames, 2);
    assert_int_equal(modellab_report_count(report), 0);
    modellab_report_unref(report);
    OK(modellab_audio_probe("a letter", 8, 8, NULL, &info, &report, NULL));
    assert_string_equal(info.container, "");
    assert_int_equal(modellab_report_worst(report), MODELLAB_SEVERITY_ERROR);
    modellab_report_unref(report);
    OK(modellab_audio_probe(NULL, 0, 0, NULL, &info, NULL, NULL));
    assert_int_equal(modellab_audio_probe(wav, 48, 47, NULL, &info, &report, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_audio_probe(wav, 48, 48, NULL, NULL, &report, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    info.size = 8;
    assert_int_equal(modellab_audio_probe(wav, 48, 48, NULL, &info, &report, NULL),
                     MODELLAB_E_ABI_TOO_SMALL);
    assert_null(report);
}

int main(void)
{
    make_tone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
