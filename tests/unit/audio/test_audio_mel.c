/* The log-mel spectrogram against float64 numpy, its bands, its windows, and its independence of
 * threads. */
#include "audio/decode.h"
#include "audio/fft400.h"
#include "audio/mel.h"
#include "kernels/pool.h"
#include "mel_golden.h"
#include "signal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static mli_audio_source *golden_source(void)
{
    static float samples[GOLDEN_SAMPLES];
    mli_audio_source *source = NULL;
    test_signal(samples, GOLDEN_SAMPLES);
    OK(mli_audio_from_samples(samples, GOLDEN_SAMPLES, 1, MLI_AUDIO_RATE, NULL, &source, NULL));
    return source;
}

static double worst(const float *mel, const float *golden, int bands)
{
    double most = 0.0;
    for (int f = 0; f < GOLDEN_FRAMES; f++)
        for (int b = 0; b < bands; b++) {
            double d = fabs((double)mel[(size_t)b * 3000 + (size_t)golden_frames[f]] -
                            (double)golden[f * bands + b]);
            most = d > most ? d : most;
        }
    return most;
}

static void check_golden(int bands, const float *golden, float golden_max)
{
    mli_audio_source *source = golden_source();
    mli_mel_bank *bank = NULL;
    float max = 0.0f;
    float *mel = calloc((size_t)bands * 3000, sizeof *mel);
    assert_non_null(mel);
    OK(mli_mel_bank_create(NULL, bands, NULL, &bank, NULL));
    assert_int_equal(mli_mel_bands(bank), bands);
    OK(mli_mel_max(bank, source, NULL, NULL, &max, NULL));
    assert_true(fabsf(max - golden_max) < 1e-5f);
    OK(mli_mel_window(bank, source, NULL, NULL, max, 0, 3000, mel, 3000, 1, NULL));
    assert_true(worst(mel, golden, bands) < 2e-5);
    /* the control: another frame is far away */
    assert_true(worst(mel + 1, golden, bands) > 1e-2);
    free(mel);
    mli_mel_bank_destroy(bank);
    mli_audio_unref(source);
}

static void test_golden_80(void **state)
{
    (void)state;
    check_golden(80, &golden_mel_80[0][0], golden_max_80);
}

static void test_golden_128(void **state)
{
    (void)state;
    check_golden(128, &golden_mel_128[0][0], golden_max_128);
}

static void test_filters(void **state)
{
    (void)state;
    mli_mel_bank *bank = NULL, *copy = NULL;
    OK(mli_mel_bank_create(NULL, 80, NULL, &bank, NULL));
    for (size_t i = 0; i < sizeof golden_filters / sizeof *golden_filters; i++) {
        float weight = mli_mel_filter(bank, golden_filters[i].band, golden_filters[i].bin);
        assert_true(fabsf(weight * 1000.0f - golden_filters[i].weight) < 1e-5f);
    }
    float *given = calloc(80 * MLI_MEL_BINS, sizeof *given);
    assert_non_null(given);
    for (int b = 0; b < 80; b++)
        for (int k = 0; k < MLI_MEL_BINS; k++)
            given[b * MLI_MEL_BINS + k] = mli_mel_filter(bank, b, k);
    OK(mli_mel_bank_create(NULL, 80, given, &copy, NULL));
    assert_true(mli_mel_filter(copy, 7, 9) == mli_mel_filter(bank, 7, 9));
    mli_mel_bank_destroy(copy);
    given[300] = NAN;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_mel_bank_create(NULL, 80, given, &copy, &err), MODELLAB_E_INVALID_MODEL);
    assert_int_equal(err.detail, 300);
    assert_int_equal(mli_mel_bank_create(NULL, 0, NULL, &copy, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_mel_bank_create(NULL, 257, NULL, &copy, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    free(given);
    mli_mel_bank_destroy(bank);
}

/* Any window, stride and thread count gives the same bits. */
static void test_same_bits(void **state)
{
    (void)state;
    mli_audio_source *source = golden_source();
    mli_mel_bank *bank = NULL;
    mli_pool *pool = NULL;
    static float whole[80 * 400], part[37 * 80];
    float one = 0.0f, two = 1.0f;
    OK(mli_mel_bank_create(NULL, 80, NULL, &bank, NULL));
    OK(mli_pool_create(2, NULL, &pool, NULL));
    OK(mli_mel_max(bank, source, NULL, NULL, &one, NULL));
    OK(mli_mel_max(bank, source, pool, NULL, &two, NULL));
    assert_true(one == two);
    OK(mli_mel_log10(bank, source, NULL, NULL, 0, 400, whole, 400, 1, NULL));
    OK(mli_mel_log10(bank, source, pool, NULL, 111, 37, part, 1, 80, NULL));
    for (int b = 0; b < 80; b++)
        for (int t = 0; t < 37; t++)
            assert_true(part[t * 80 + b] == whole[b * 400 + 111 + t]);
    mli_pool_destroy(pool);
    mli_mel_bank_destroy(bank);
    mli_audio_unref(source);
}

/* 1 ms of audio is shorter than the mirrored part; frames after the end are silence. */
static void test_short_audio(void **state)
{
    (void)state;
    float samples[16], mel[80 * 20], max = 0.0f;
    mli_audio_source *source = NULL;
    mli_mel_bank *bank = NULL;
    test_signal(samples, 16);
    OK(mli_audio_from_samples(samples, 16, 1, MLI_AUDIO_RATE, NULL, &source, NULL));
    OK(mli_mel_bank_create(NULL, 80, NULL, &bank, NULL));
    assert_int_equal(mli_mel_content_frames(source), 0);
    OK(mli_mel_max(bank, source, NULL, NULL, &max, NULL));
    OK(mli_mel_log10(bank, source, NULL, NULL, 0, 20, mel, 20, 1, NULL));
    assert_true(max > -10.0f);
    for (int b = 0; b < 80; b++) {
        assert_true(isfinite(mel[b * 20]));
        for (int t = 2; t < 20; t++)
            assert_true(mel[b * 20 + t] == -10.0f);
    }
    assert_int_equal(mli_mel_log10(bank, source, NULL, NULL, -1, 1, mel, 20, 1, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    mli_mel_bank_destroy(bank);
    mli_audio_unref(source);
}

/* Power of one frame by its definition, with zeros beside the audio. */
static double plain_band(const mli_mel_bank *bank, const float *x, int64_t frame, int band)
{
    const double tau = 6.283185307179586476925286766559;
    double sum = 0;
    for (int bin = 0; bin < MLI_MEL_BINS; bin++) {
        double re = 0, im = 0;
        for (int i = 0; i < MLI_MEL_FFT; i++) {
            int64_t at = frame * MLI_MEL_HOP - MLI_MEL_FFT / 2 + i;
            double v = at < 0 || at >= GOLDEN_SAMPLES ? 0 : (double)x[at];
            v *= 0.5 - 0.5 * cos(tau * i / MLI_MEL_FFT);
            re += v * cos(tau * bin * i / MLI_MEL_FFT);
            im -= v * sin(tau * bin * i / MLI_MEL_FFT);
        }
        sum += (double)mli_mel_filter(bank, band, bin) * (re * re + im * im);
    }
    return sum;
}

static void test_power(void **state)
{
    static float samples[GOLDEN_SAMPLES], got[40];
    const int64_t last = GOLDEN_SAMPLES / MLI_MEL_HOP, frames[] = {0, 1, 2, 17, last, last + 1};
    mli_audio_source *source = golden_source();
    mli_mel_bank *bank = NULL;
    (void)state;
    test_signal(samples, GOLDEN_SAMPLES);
    OK(mli_mel_bank_create(NULL, 40, NULL, &bank, NULL));
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        OK(mli_mel_power(bank, source, NULL, NULL, frames[i], 1, got, 1, 40, NULL));
        for (int b = 0; b < 40; b += 3) {
            double want = plain_band(bank, samples, frames[i], b);
            if (fabs((double)got[b] - want) > 1e-4 * want + 1e-7)
                fail_msg("frame %d, band %d: %g instead of %g", (int)frames[i], b, (double)got[b],
                         want);
        }
    }
    mli_mel_bank_destroy(bank);
    mli_audio_unref(source);
}

static void test_cancel(void **state)
{
    (void)state;
    mli_audio_source *source = golden_source();
    mli_mel_bank *bank = NULL;
    mli_cancel_word cancel = 1;
    float max = 0.0f;
    OK(mli_mel_bank_create(NULL, 80, NULL, &bank, NULL));
    assert_int_equal(mli_mel_max(bank, source, NULL, &cancel, &max, NULL), MODELLAB_E_CANCELLED);
    mli_mel_bank_destroy(bank);
    mli_audio_unref(source);
}

/* The transform alone against the definition, in double. */
static void test_fft(void **state)
{
    (void)state;
    static mli_fft_tables tables;
    static mli_fft_work work;
    static float x[MLI_FFT_LANES][400];
    mli_fft_tables_init(&tables);
    for (int l = 0; l < MLI_FFT_LANES; l++) {
        for (int i = 0; i < 400; i++)
            x[l][i] = (float)((i * 7919 + l * 104729) % 1009) / 1009.0f - 0.5f;
        for (int i = 0; i < 200; i++) {
            work.re[i][l] = x[l][2 * i];
            work.im[i][l] = x[l][2 * i + 1];
        }
    }
    mli_fft400_power(&tables, &work);
    for (int l = 0; l < MLI_FFT_LANES; l += 5)
        for (int k = 0; k <= 200; k++) {
            double re = 0.0, im = 0.0;
            for (int i = 0; i < 400; i++) {
                double angle = 6.283185307179586 * ((i * k) % 400) / 400;
                re += (double)x[l][i] * cos(angle);
                im -= (double)x[l][i] * sin(angle);
            }
            double want = re * re + im * im;
            assert_true(fabs((double)work.power[k][l] - want) < 1e-4 * (want + 1.0));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fft),       cmocka_unit_test(test_filters),
        cmocka_unit_test(test_golden_80), cmocka_unit_test(test_golden_128),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_short_audio),
        cmocka_unit_test(test_power),     cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
