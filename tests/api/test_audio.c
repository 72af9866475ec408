/* Audio through the public headers: decoding, samples, limits, callbacks, the probe, and refusals.
 */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

/* Memory that is counted. */
typedef struct meter {
    size_t now, most;
} meter;

static void *meter_alloc(void *user, size_t bytes)
{
    meter *m = user;
    size_t *block = malloc(bytes + 64);
    if (block == NULL)
        return NULL;
    *block = bytes;
    m->now += bytes;
    m->most = m->now > m->most ? m->now : m->most;
    return (char *)block + 64;
}

static void meter_free(void *user, void *block)
{
    if (block != NULL) {
        size_t *head = (size_t *)(void *)((char *)block - 64);
        ((meter *)user)->now -= *head;
        free(head);
    }
}

static void *meter_realloc(void *user, void *block, size_t bytes)
{
    void *more = meter_alloc(user, bytes);
    if (more != NULL && block != NULL) {
        size_t old = *(size_t *)(void *)((char *)block - 64);
        memcpy(more, block, old < bytes ? old : bytes);
        meter_free(user, block);
    }
    return more;
}

/* What is longer than ten minutes does not stay in memory, and reads back the same. */
static void test_long_audio(void **state)
{
    enum { SECONDS = 1500, RATE = 16000 };
    static unsigned char wav[44 + 2 * SECONDS * RATE];
    (void)state;
    meter m = {0, 0};
    const modellab_allocator alloc = {sizeof alloc, &m, meter_alloc, meter_realloc, meter_free};
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_audio *audio = NULL;
    uint32_t size = sizeof wav - 8, data = sizeof wav - 44;
    float part[100];
    memcpy(wav, "RIFF....WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data", 40);
    for (int i = 0; i < 4; i++) {
        wav[4 + i] = (unsigned char)(size >> 8 * i);
        wav[40 + i] = (unsigned char)(data >> 8 * i);
    }
    for (size_t i = 0; i < (size_t)SECONDS * RATE; i++) {
        wav[44 + 2 * i] = (unsigned char)(i * 7);
        wav[45 + 2 * i] = (unsigned char)(i / 9000 % 64);
    }
    options.allocator = &alloc;
    OK(modellab_audio_decode_memory(wav, sizeof wav, &options, &audio, NULL));
    for (int64_t at = 50; at < (int64_t)SECONDS * RATE; at += 9599 * 1000 + 17) {
        OK(modellab_audio_read(audio, at, 100, part, NULL));
        for (size_t k = 0; k < 100; k++) {
            size_t i = 44 + 2 * ((size_t)at + k);
            assert_true(part[k] == (float)(wav[i] | wav[i + 1] << 8) / 32768.0f);
        }
    }
    modellab_audio_unref(audio);
    assert_int_equal(m.now, 0);
    assert_true(m.most > 600 * RATE * sizeof(float));
    if (m.most > 640 * RATE * sizeof(float))
        fail_msg("%zu MB of memory", m.most >> 20);
}

int main(void)
{
    make_tone();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_audio), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_arguments),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
