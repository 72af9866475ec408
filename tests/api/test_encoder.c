/* Encoders through the public header: each format is decoded again, comes in pieces before the end,
 * never goes back, and ends with its callback. */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

enum { RATE = 16000, SAMPLES = 2 * RATE, PIECE = 1000 };

static float tone[SAMPLES];

typedef struct bytes {
    unsigned char *data;
    size_t size, most; /* refuses more than `most`; 0 = any */
    int refused;
} bytes;

static int32_t take(void *user, const void *data, size_t size)
{
    bytes *b = user;
    if (b->most > 0 && b->size + size > b->most) {
        b->refused++;
        return 1;
    }
    b->data = realloc(b->data, b->size + size + 1);
    assert_non_null(b->data);
    memcpy(b->data + b->size, data, size);
    b->size += size;
    return 0;
}

static modellab_encoder *begin(const char *format, bytes *to)
{
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    modellab_encoder *encoder = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    options.format = format;
    options.rate_hz = RATE;
    options.write = take;
    options.user = to;
    if (modellab_encoder_create(&options, &encoder, &err) != MODELLAB_OK)
        fail_msg("%s: %s", format, err.message);
    return encoder;
}

/* Returns how many bytes there were before the end. */
static size_t encode(const char *format, bytes *to)
{
    modellab_encoder *encoder = begin(format, to);
    for (size_t at = 0; at < SAMPLES; at += PIECE)
        OK(modellab_encoder_write(encoder, tone + at, PIECE, NULL));
    size_t early = to->size;
    OK(modellab_encoder_finish(encoder, NULL));
    assert_int_equal(modellab_encoder_finish(encoder, NULL), MODELLAB_E_STATE);
    assert_int_equal(modellab_encoder_write(encoder, tone, 1, NULL), MODELLAB_E_STATE);
    modellab_encoder_destroy(encoder);
    return early;
}

/* Greatest likeness (cosine) of what was decoded to the tone, moved by up to 2,048 samples. */
static double likeness(const float *got, size_t count)
{
    double best = 0;
    for (size_t shift = 0; shift < 2048 && shift + RATE < count; shift++) {
        double product = 0, one = 0, two = 0;
        for (size_t i = 0; i < RATE; i++) {
            product += (double)got[i + shift] * (double)tone[i];
            one += (double)got[i + shift] * (double)got[i + shift];
            two += (double)tone[i] * (double)tone[i];
        }
        double like = one > 0 ? product / sqrt(one * two) : 0;
        best = like > best ? like : best;
    }
    return best;
}

static void each_format_is_decoded_again(void **state)
{
    static const struct {
        const char *format, *media_type;
        double least;   /* likeness; 2 = the very samples, as 16 bits */
        size_t smaller; /* than so many bytes */
    } cases[] = {
        {"wav", "audio/wav", 2, 2 * SAMPLES + 100}, {"wav_f32", "audio/wav", 2, 4 * SAMPLES + 100},
        {"flac", "audio/flac", 2, 2 * SAMPLES},     {"ogg", "audio/ogg", 0.99, SAMPLES},
        {"opus", "audio/ogg", 0.98, SAMPLES},       {"mp3", "audio/mpeg", 0.99, SAMPLES + 8}};
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        static float got[4 * SAMPLES];
        modellab_audio *audio = NULL;
        modellab_audio_info info = {.size = sizeof info};
        modellab_error err = MODELLAB_ERROR_INIT;
        bytes b = {0};
        size_t early = encode(cases[k].format, &b);
        assert_string_equal(modellab_encoder_media_type(cases[k].format), cases[k].media_type);
        assert_true(early > b.size / 4);
        assert_true(b.size < cases[k].smaller);
        if (modellab_audio_decode_memory(b.data, b.size, NULL, &audio, &err) != MODELLAB_OK)
            fail_msg("%s: %s", cases[k].format, err.message);
        OK(modellab_audio_get_info(audio, &info, NULL));
        assert_true(info.samples >= SAMPLES && info.samples < SAMPLES + 4096);
        OK(modellab_audio_read(audio, 0, (size_t)info.samples, got, NULL));
        if (cases[k].least > 1) {
            assert_int_equal(info.samples, SAMPLES);
            for (size_t i = 0; i < SAMPLES; i++)
                assert_true(fabsf(got[i] - tone[i]) <= 1.0f / 32768.0f);
        } else {
            assert_true(likeness(got, (size_t)info.samples) > cases[k].least);
        }
        modellab_audio_unref(audio);
        free(b.data);
    }
}

static void pcm_is_wav_without_its_head(void **state)
{
    bytes wav = {0}, pcm = {0};
    (void)state;
    assert_true(encode("wav", &wav) > 0);
    assert_true(encode("pcm", &pcm) > 0);
    assert_int_equal(wav.size, pcm.size + 44);
    assert_int_equal(pcm.size, 2 * SAMPLES);
    assert_memory_equal(wav.data + 44, pcm.data, pcm.size);
    free(wav.data);
    free(pcm.data);
}

static void the_callback_ends_it(void **state)
{
    static const char *const formats[] = {"wav", "flac", "mp3", "ogg"};
    (void)state;
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
        bytes b = {.most = 5000};
        modellab_encoder *encoder = begin(formats[k], &b);
        modellab_status status = MODELLAB_OK;
        for (int round = 0; round < 40 && status == MODELLAB_OK; round++)
            status = modellab_encoder_write(encoder, tone, SAMPLES, NULL);
        assert_int_equal(status, MODELLAB_E_CALLBACK);
        assert_int_equal(modellab_encoder_write(encoder, tone, PIECE, NULL), MODELLAB_E_CALLBACK);
        assert_int_equal(modellab_encoder_finish(encoder, NULL), MODELLAB_E_CALLBACK);
        modellab_encoder_destroy(encoder);
        assert_int_equal(b.refused, 1); /* it is not asked again */
        free(b.data);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    modellab_encoder *encoder = NULL;
    bytes b = {0};
    (void)state;
    options.write = take;
    options.user = &b;
    options.rate_hz = 22050;
    options.format = "opus";
    assert_int_equal(modellab_encoder_create(&options, &encoder, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    options.format = "aac";
    assert_int_equal(modellab_encoder_create(&options, &encoder, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    options.format = "wav";
    options.rate_hz = 0;
    assert_int_equal(modellab_encoder_create(&options, &encoder, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_null(encoder);
    assert_null(modellab_encoder_media_type("aac"));
    assert_int_equal(b.size, 0);
    encoder = begin("flac", &b);
    modellab_encoder_destroy(encoder); /* not finished */
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_format_is_decoded_again),
                                       cmocka_unit_test(pcm_is_wav_without_its_head),
                                       cmocka_unit_test(the_callback_ends_it),
                                       cmocka_unit_test(what_makes_no_sense_is_refused)};
    for (int i = 0; i < SAMPLES; i++) /* a sweep: a shift of it is found */
        tone[i] = 0.4f * sinf(6.2831853f * (200.0f + 0.02f * (float)i) * (float)i / RATE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
