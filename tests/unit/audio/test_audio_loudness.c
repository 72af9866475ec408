/* Loudness and true peak: the cases of EBU Tech 3341 (made here, not read), their tolerances of 0.1
 * LU and +0.2/-0.4 dB, at several rates; gates, short audio, silence. And the high pass. */
#include "audio/biquad.h"
#include "audio/loudness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PI 3.14159265358979323846

typedef struct part {
    double db[6], seconds; /* peak level of each channel, relative to full scale */
} part;

/* A sine of 1 kHz in all channels, parts one behind the other. */
static double loudness(int32_t rate, int32_t channels, const part *parts, size_t count)
{
    mli_loudness *m = NULL;
    int64_t at = 0;
    float frame[6];

    assert_int_equal(mli_loudness_create(NULL, (mli_pcm_format){channels, rate}, &m, NULL),
                     MODELLAB_OK);
    for (size_t p = 0; p < count; p++)
        for (int64_t i = 0; i < llrint(parts[p].seconds * rate); i++, at++) {
            double x = sin(2.0 * PI * 1000.0 * (double)at / rate);
            for (int32_t c = 0; c < channels; c++)
                frame[c] = (float)(x * pow(10.0, parts[p].db[c] / 20.0));
            assert_int_equal(mli_loudness_push(m, frame, 1, NULL), MODELLAB_OK);
        }
    double lufs = mli_loudness_integrated(m);
    mli_loudness_destroy(m);
    return lufs;
}

#define IS(expected, channels, ...)                                                                \
    do {                                                                                           \
        const part parts[] = {__VA_ARGS__};                                                        \
        double got = loudness(rate, channels, parts, sizeof parts / sizeof *parts);                \
        if (!(fabs(got - (expected)) <= 0.1))                                                      \
            fail_msg("%d Hz: %.3f LUFS, not %.1f", (int)rate, got, (double)(expected));            \
    } while (0)
#define BOTH(db, seconds)                                                                          \
    {                                                                                              \
        {db, db}, seconds                                                                          \
    }

static void test_tech_3341(void **state)
{
    (void)state;
    static const int32_t rates[] = {8000, 16000, 44100, 48000};
    for (size_t r = 0; r < 4; r++) {
        int32_t rate = rates[r];
        IS(-23.0, 2, BOTH(-23.0, 20.0));
        IS(-33.0, 2, BOTH(-33.0, 20.0));
        IS(-23.0, 2, BOTH(-36.0, 10.0), BOTH(-23.0, 60.0), BOTH(-36.0, 10.0));
        IS(-23.0, 2, BOTH(-72.0, 10.0), BOTH(-36.0, 10.0), BOTH(-23.0, 60.0), BOTH(-36.0, 10.0),
           BOTH(-72.0, 10.0));
        IS(-23.0, 2, BOTH(-26.0, 20.0), BOTH(-20.0, 20.1), BOTH(-26.0, 20.0));
    }
    int32_t rate = 48000;
    IS(-23.0, 5, {{-28.0, -28.0, -24.0, -30.0, -30.0}, 20.0});
    IS(-23.0, 6, {{-28.0, -28.0, -24.0, 0.0, -30.0, -30.0}, 20.0}); /* bass channel: not heard */
    IS(-26.0, 1, {{-23.0}, 20.0});
}

static void test_nothing(void **state)
{
    (void)state;
    int32_t rate = 16000;
    const part quiet[] = {BOTH(-75.0, 2.0)}, brief[] = {BOTH(-20.0, 0.399)};
    assert_true(isinf(loudness(rate, 2, quiet, 1)));
    assert_true(isinf(loudness(rate, 2, brief, 1)));
    IS(-20.0, 2, BOTH(-20.0, 0.41));
    mli_loudness *m = NULL;
    assert_int_equal(mli_loudness_create(NULL, (mli_pcm_format){1, 7999}, &m, NULL),
                     MODELLAB_E_UNSUPPORTED);
}

/* Cases 15 to 19: the peaks lie between the samples. */
static void test_true_peak(void **state)
{
    (void)state;
    const struct {
        double part_of_rate, degrees, amplitude, db;
    } cases[] = {{0.25, 0.0, 0.5, -6.0},
                 {0.25, 45.0, 0.5, -6.0},
                 {1.0 / 6.0, 60.0, 0.5, -6.0},
                 {0.125, 67.5, 0.5, -6.0},
                 {0.25, 45.0, 1.41, 3.0}};
    for (size_t i = 0; i < 5; i++) {
        mli_loudness *m = NULL;
        assert_int_equal(mli_loudness_create(NULL, (mli_pcm_format){1, 48000}, &m, NULL),
                         MODELLAB_OK);
        for (int k = 0; k < 48000; k++) {
            double fade = fmin(1.0, fmin(k, 48000 - k) / 1000.0);
            float x =
                (float)(fade * cases[i].amplitude *
                        sin(2.0 * PI * cases[i].part_of_rate * k + cases[i].degrees * PI / 180.0));
            assert_int_equal(mli_loudness_push(m, &x, 1, NULL), MODELLAB_OK);
        }
        double db = 20.0 * log10(mli_loudness_true_peak(m));
        if (db > cases[i].db + 0.2 || db < cases[i].db - 0.4)
            fail_msg("case %zu: %.2f dB, not %.1f", i, db, cases[i].db);
        mli_loudness_destroy(m);
    }
}

/* Level of a filtered sine in dB, measured on its second half. */
static double through(const mli_biquad *sections, size_t count, double hz)
{
    mli_biquad_state states[MLI_BUTTERWORTH_MAX] = {{0.0, 0.0}};
    double squares = 0.0;
    for (int i = 0; i < 160000; i++) {
        double x = sin(2.0 * PI * hz * i / 16000.0);
        for (size_t s = 0; s < count; s++)
            x = mli_biquad_step(&sections[s], &states[s], x);
        squares += i >= 80000 ? x * x : 0.0;
    }
    return 10.0 * log10(squares / 40000.0);
}

static void test_butterworth(void **state)
{
    (void)state;
    for (int order = 1; order <= 8; order++) {
        mli_biquad sections[MLI_BUTTERWORTH_MAX];
        size_t count = mli_butterworth_high_pass(200.0, 16000.0, order, sections);
        assert_int_equal(count, (order + 1) / 2);
        for (double hz = 100.0; hz <= 1600.0; hz *= 2.0) {
            /* |H|^2 = 1 / (1 + (wc / w)^2n) of the warped frequencies */
            double ratio = tan(PI * 200.0 / 16000.0) / tan(PI * hz / 16000.0);
            double expected = -10.0 * log10(1.0 + pow(ratio, 2.0 * order));
            double got = through(sections, count, hz);
            if (fabs(got - expected) > 0.02)
                fail_msg("order %d, %.0f Hz: %.3f dB, not %.3f", order, hz, got, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tech_3341),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_true_peak),
        cmocka_unit_test(test_butterworth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
