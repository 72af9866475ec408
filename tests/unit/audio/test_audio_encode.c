/* The WAV writer, read back by the decoder; headers, clipping, rounding and refusals. */
#include "audio/decode.h"
#include "audio/encode.h"
#include "base/buf.h"
#include "base/error.h"
#include "signal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static float samples[5000];

static modellab_status to_buf(void *user, const void *data, size_t bytes, modellab_error *err)
{
    mli_buf_append(user, data, bytes);
    return mli_buf_status(user, err);
}

static void round_trip(mli_wav_format format, int64_t declared)
{
    mli_buf out;
    mli_wav_writer writer;
    mli_audio_source *source = NULL;
    float back[5000];
    mli_buf_init(&out, NULL);
    OK(mli_wav_begin(&writer, to_buf, &out, format, 1, 16000, declared, NULL));
    OK(mli_wav_write(&writer, samples, 4000, NULL));
    OK(mli_wav_write(&writer, samples + 4000, 1000, NULL));
    OK(mli_wav_end(&writer, NULL));
    assert_int_equal(out.size,
                     (format == MLI_WAV_S16 ? 44 : 58) + 5000 * (format == MLI_WAV_S16 ? 2 : 4));
    OK(mli_audio_decode_memory(out.data, out.size, NULL, &source, NULL));
    assert_int_equal(mli_audio_samples(source), 5000);
    OK(mli_audio_read(source, 0, 5000, back, NULL));
    assert_memory_equal(back, samples, sizeof back);
    mli_audio_unref(source);
    mli_buf_dispose(&out);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip(MLI_WAV_S16, 5000);
    round_trip(MLI_WAV_F32, 5000);
    round_trip(MLI_WAV_S16, -1);
    round_trip(MLI_WAV_F32, -1);
}

static void test_conversion(void **state)
{
    (void)state;
    const float in[] = {1.0f, -1.0f, 2.0f, -2.0f, NAN, 0.5f / 32768.0f, 1.5f / 32768.0f, -0.25f};
    const int16_t want[] = {32767, -32768, 32767, -32768, 0, 0, 2, -8192};
    mli_buf out;
    mli_wav_writer writer;
    mli_buf_init(&out, NULL);
    OK(mli_wav_begin(&writer, to_buf, &out, MLI_WAV_S16, 2, 48000, 4, NULL));
    OK(mli_wav_write(&writer, in, 4, NULL));
    OK(mli_wav_end(&writer, NULL));
    assert_memory_equal(
        out.data,
        "RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0\x80\xbb\0\0\0\xee\2\0\4\0\x10\0data\x10\0\0\0",
        44);
    for (int i = 0; i < 8; i++) {
        int16_t got;
        memcpy(&got, out.data + 44 + 2 * i, 2);
        assert_int_equal(got, want[i]);
    }
    mli_buf_dispose(&out);
}

static modellab_status refuse(void *user, const void *data, size_t bytes, modellab_error *err)
{
    (void)data;
    (void)bytes;
    int *left = user;
    return (*left)-- > 0 ? MODELLAB_OK : mli_fail(err, MODELLAB_E_NO_SPACE, "full");
}

static void test_refusals(void **state)
{
    (void)state;
    mli_wav_writer writer;
    int left = 0;
    assert_int_equal(mli_wav_begin(&writer, refuse, &left, MLI_WAV_S16, 1, 16000, 5, NULL),
                     MODELLAB_E_NO_SPACE);
    left = 1;
    OK(mli_wav_begin(&writer, refuse, &left, MLI_WAV_S16, 1, 16000, 5, NULL));
    assert_int_equal(mli_wav_write(&writer, samples, 5, NULL), MODELLAB_E_NO_SPACE);
    assert_int_equal(mli_wav_write(&writer, samples, 6, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_wav_end(&writer, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_wav_begin(&writer, refuse, &left, MLI_WAV_S16, 0, 16000, 5, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(
        mli_wav_begin(&writer, refuse, &left, MLI_WAV_S16, 1, 16000, INT64_C(1) << 32, NULL),
        MODELLAB_E_LIMIT);
}

int main(void)
{
    test_signal(samples, 5000);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
