/* What holds for every operator: lengths, finite values, silence stays silence, the same bits for
 * blocks of any sizes, bad samples refused, cancel seen; and what each one is for. */
#include "enhance_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define OK(h, call)                                                                                \
    do {                                                                                           \
        if ((call) != MODELLAB_OK)                                                                 \
            fail_msg("%s", (h).err.message);                                                       \
    } while (0)

enum { MOST = 400000 };
static float samples[MOST];

static const char *const every[] = {
    "denoise",
    "denoise(amount=0)",
    "extract_channel",
    "high_pass",
    "high_pass(cutoff_hz=400,order=7)",
    "normalize_loudness",
    "normalize_volume",
    "normalize_volume(mode=rms,target_db=-30)",
    "resample(rate_hz=11025)",
    "resample",
    "speed",
    "speed(factor=1.37)",
    "speed(factor=0.25)",
    "speed(factor=4)",
    "trim_silence",
    "trim_silence(where=all,min_silence_ms=100,threshold_db=-30)",
    "extract_channel high_pass denoise speed(factor=1.2) trim_silence normalize_loudness "
    "resample(rate_hz=12000) normalize_volume",
};
enum { EVERY = sizeof every / sizeof *every };

static float noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state / 2147483648.0f;
}

/* Bursts of a tone with noise, silence between them; channels differ. */
static void make_bursts(size_t frames, int channels, int rate)
{
    unsigned state = 7;
    for (size_t i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++) {
            double t = (double)i / rate;
            bool loud = fmod(t, 1.4) > 0.7;
            samples[i * (size_t)channels + (size_t)c] =
                0.0005f * noise(&state) +
                (loud ? 0.3f / (float)(c + 1) * (float)sin(2.0 * M_PI * (220.0 + 110.0 * c) * t)
                      : 0.0f);
        }
}

static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        int channels, rate;
    } formats[] = {{1, 16000}, {2, 44100}, {3, 8000}};
    for (size_t f = 0; f < 3; f++) {
        size_t frames = (size_t)formats[f].rate * 2 + 12345;
        make_bursts(frames, formats[f].channels, formats[f].rate);
        for (size_t i = 0; i < EVERY; i++) {
            heard whole = {0}, ragged = {.ragged = 1000}, small = {.ragged = 7};
            OK(whole,
               hear(&whole, every[i], samples, frames, formats[f].channels, formats[f].rate));
            OK(ragged,
               hear(&ragged, every[i], samples, frames, formats[f].channels, formats[f].rate));
            OK(small,
               hear(&small, every[i], samples, frames, formats[f].channels, formats[f].rate));
            size_t bytes = whole.frames * (size_t)whole.format.channels * sizeof(float);
            if (ragged.frames != whole.frames || small.frames != whole.frames ||
                memcmp(whole.samples, ragged.samples, bytes) != 0 ||
                memcmp(whole.samples, small.samples, bytes) != 0)
                fail_msg("%s depends on the sizes of blocks", every[i]);
            for (size_t k = 0; k < whole.frames * (size_t)whole.format.channels; k++)
                if (!(fabsf(whole.samples[k]) < 4.0f))
                    fail_msg("%s: sample %zu is %g", every[i], k, (double)whole.samples[k]);
            heard_drop(&whole);
            heard_drop(&ragged);
            heard_drop(&small);
        }
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 2, 159, 160, 161, 513, 6400, 16000, 99999};
    make_bursts(100000, 1, 16000);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const size_t n = lengths[l];
        static const char *const same[] = {"denoise", "extract_channel", "high_pass",
                                           "normalize_loudness", "normalize_volume"};
        heard h = {0};
        for (size_t i = 0; i < 5; i++) {
            OK(h, hear(&h, same[i], samples, n, 1, 16000));
            assert_int_equal(h.frames, n);
            assert_false(h.map.moved);
            heard_drop(&h);
        }
        static const double factors[] = {0.25, 0.8, 1.0, 1.3, 4.0};
        for (size_t i = 0; i < 5; i++) {
            char op[40];
            snprintf(op, sizeof op, "speed(factor=%g)", factors[i]);
            OK(h, hear(&h, op, samples, n, 1, 16000));
            long long expected = llrint((double)n / factors[i]);
            assert_int_equal(h.frames, expected == 0 && n > 0 ? 1 : expected);
            heard_drop(&h);
        }
        OK(h, hear(&h, "resample(rate_hz=44100)", samples, n, 1, 16000));
        assert_true(fabs((double)h.frames - (double)n * 44100.0 / 16000.0) <= 1.5);
        heard_drop(&h);
        for (size_t i = 0; i < EVERY; i++) {
            OK(h, hear(&h, every[i], samples, n, 1, 16000));
            assert_true(n == 0 ? h.frames == 0 : h.frames > 0 || n < 16);
            heard_drop(&h);
        }
    }
}

static void test_silence(void **state)
{
    (void)state;
    memset(samples, 0, sizeof samples);
    for (size_t i = 0; i < EVERY; i++) {
        heard h = {0};
        OK(h, hear(&h, every[i], samples, 50000, 2, 16000));
        assert_true(h.frames > 0);
        for (size_t k = 0; k < h.frames * (size_t)h.format.channels; k++)
            if (h.samples[k] != 0.0f)
                fail_msg("%s makes %g of silence", every[i], (double)h.samples[k]);
        heard_drop(&h);
    }
}

static void test_bad_samples(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1.5e6f};
    make_bursts(40000, 2, 16000);
    for (size_t i = 0; i < EVERY; i++) {
        heard h = {0};
        float kept = samples[2 * 33333 + 1];
        samples[2 * 33333 + 1] = bad[i % 4];
        assert_int_equal(hear(&h, every[i], samples, 40000, 2, 16000), MODELLAB_E_INVALID_AUDIO);
        assert_int_equal(h.err.detail, 33333);
        assert_non_null(strstr(h.err.message, "channel 1"));
        samples[2 * 33333 + 1] = kept;
        heard_drop(&h);
    }
}

static void test_cancel(void **state)
{
    (void)state;
    mli_cancel_word word = 1;
    make_bursts(40000, 1, 16000);
    for (size_t i = 0; i < EVERY; i++) {
        heard h = {.cancel = &word};
        assert_int_equal(hear(&h, every[i], samples, 40000, 1, 16000), MODELLAB_E_CANCELLED);
        assert_int_equal(h.frames, 0);
        heard_drop(&h);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *op, *text;
        int channels, rate;
        modellab_status status;
    } cases[] = {
        {"extract_channel(channel=2)", "the audio has 2 channels", 2, 16000,
         MODELLAB_E_INVALID_ARGUMENT},
        {"extract_channel extract_channel(channel=1)", "has 1 channel,", 2, 16000,
         MODELLAB_E_INVALID_ARGUMENT},
        {"high_pass(cutoff_hz=7201)", "at most 7200 Hz", 1, 16000, MODELLAB_E_INVALID_ARGUMENT},
        {"resample(rate_hz=4000) normalize_loudness", "8000 Hz and above", 1, 16000,
         MODELLAB_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < 4; i++) {
        heard h = {0};
        assert_int_equal(hear(&h, cases[i].op, samples, 100, cases[i].channels, cases[i].rate),
                         cases[i].status);
        assert_non_null(strstr(h.err.message, cases[i].text));
    }
}

static void test_channel(void **state)
{
    (void)state;
    heard h = {0};
    make_bursts(20000, 3, 16000);
    OK(h, hear(&h, "extract_channel(channel=2)", samples, 20000, 3, 16000));
    assert_int_equal(h.format.channels, 1);
    for (size_t i = 0; i < h.frames; i++)
        assert_true(h.samples[i] == samples[i * 3 + 2]);
    heard_drop(&h);
}

static double peak_of(const heard *h)
{
    double peak = 0.0;
    for (size_t i = 0; i < h->frames * (size_t)h->format.channels; i++)
        peak = fmax(peak, fabs((double)h->samples[i]));
    return 20.0 * log10(peak);
}

static double rms_of(const float *x, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return 10.0 * log10(sum / (double)count);
}

static void test_volume(void **state)
{
    (void)state;
    heard h = {0};
    make_bursts(60000, 2, 16000);
    OK(h, hear(&h, "normalize_volume", samples, 60000, 2, 16000));
    assert_true(fabs(peak_of(&h) + 3.0) < 1e-4);
    assert_int_equal(h.passes, 2);
    assert_string_equal(h.notes[0][0].name, "gain_db");
    heard_drop(&h);
    OK(h, hear(&h, "normalize_volume(mode=rms,target_db=-25)", samples, 60000, 2, 16000));
    assert_true(fabs(rms_of(h.samples, 120000) + 25.0) < 1e-3);
    heard_drop(&h);
    /* no peak gets beyond full scale */
    OK(h, hear(&h, "normalize_volume(mode=rms,target_db=0)", samples, 60000, 2, 16000));
    assert_true(fabs(peak_of(&h)) < 1e-4);
    heard_drop(&h);
}

static void test_loudness(void **state)
{
    (void)state;
    heard h = {0};
    make_bursts(100000, 2, 16000);
    OK(h, hear(&h, "normalize_loudness normalize_loudness", samples, 100000, 2, 16000));
    assert_int_equal(h.passes, 3);
    assert_true(fabs(h.notes[1][1].value + 23.0) < 0.01); /* what the second one found */
    assert_true(fabs(h.notes[1][0].value) < 0.01);
    heard_drop(&h);
    OK(h, hear(&h, "normalize_loudness(target_lufs=0,max_peak_db=-2)", samples, 100000, 2, 16000));
    assert_true(peak_of(&h) <= -2.0 && peak_of(&h) > -2.3);
    heard_drop(&h);
}

static void test_trim(void **state)
{
    (void)state;
    heard h = {0};
    /* 2 s silence, 1 s tone, 1 s silence, 1 s tone, 0.3 s silence */
    for (size_t i = 0; i < 84800; i++) {
        double t = (double)i / 16000.0;
        bool loud = (t >= 2.0 && t < 3.0) || (t >= 4.0 && t < 5.0);
        samples[i] = loud ? 0.5f * (float)sin(2.0 * M_PI * 440.0 * t) : 0.0f;
    }
    OK(h, hear(&h, "trim_silence", samples, 84800, 1, 16000));
    assert_int_equal(h.frames, 84800 - 32000 + 1600); /* 100 ms before; the short end stays */
    assert_memory_equal(h.samples, samples + 32000 - 1600, h.frames * sizeof(float));
    assert_true(fabs(mli_time_map_back(&h.map, 0.1, false) - 2.0) < 1e-9);
    assert_true(fabs(mli_time_map_back(&h.map, 2.5, false) - 4.4) < 1e-9);
    heard_drop(&h);
    OK(h, hear(&h, "trim_silence(where=all)", samples, 84800, 1, 16000));
    assert_int_equal(h.frames, 84800 - 32000 + 1600 - 8000);
    assert_true(fabs(mli_time_map_back(&h.map, 1.0, false) - 2.9) < 1e-9);
    assert_true(fabs(mli_time_map_back(&h.map, 1.35, true) - 3.25) < 1e-9);  /* before the cut */
    assert_true(fabs(mli_time_map_back(&h.map, 1.35, false) - 3.75) < 1e-9); /* and behind it */
    assert_true(fabs(mli_time_map_back(&h.map, 2.0, false) - 4.4) < 1e-9);
    heard_drop(&h);
    OK(h,
       hear(&h, "trim_silence(where=all) speed(factor=2) trim_silence", samples, 84800, 1, 16000));
    assert_true(fabs(mli_time_map_back(&h.map, 0.5, false) - 2.9) < 1e-9);
    assert_true(fabs(mli_time_map_back(&h.map, 1.0, false) - 4.4) < 1e-9);
    heard_drop(&h);
    OK(h, hear(&h, "trim_silence(threshold_db=0)", samples, 84800, 1, 16000)); /* all is silent */
    assert_int_equal(h.frames, 8000);
    heard_drop(&h);
}

/* Frequency of a clean tone by its zero crossings. */
static double pitch_of(const float *x, size_t count, double rate)
{
    size_t crossings = 0;
    double first = 0.0, last = 0.0;
    for (size_t i = 1; i < count; i++)
        if (x[i - 1] < 0.0f && x[i] >= 0.0f) {
            last = (double)i - (double)x[i] / (double)(x[i] - x[i - 1]);
            if (crossings++ == 0)
                first = last;
        }
    return (double)(crossings - 1) * rate / (last - first);
}

static void test_speed_of_tone(void **state)
{
    (void)state;
    static const double factors[] = {0.5, 0.8, 1.25, 2.0, 3.0};
    for (size_t f = 0; f < 5; f++)
        for (double hz = 110.0; hz < 2000.0; hz *= 1.7) {
            heard h = {0};
            char op[40];
            for (size_t i = 0; i < 96000; i++)
                samples[i] = 0.5f * (float)sin(2.0 * M_PI * hz * (double)i / 16000.0);
            snprintf(op, sizeof op, "speed(factor=%g)", factors[f]);
            OK(h, hear(&h, op, samples, 96000, 1, 16000));
            size_t skip = h.frames / 8;
            double got = pitch_of(h.samples + skip, h.frames - 2 * skip, 16000.0);
            double level = rms_of(h.samples + skip, h.frames - 2 * skip);
            if (fabs(got - hz) > 0.005 * hz || fabs(level + 9.03) > 0.5)
                fail_msg("%s of %.1f Hz gives %.1f Hz at %.2f dB", op, hz, got, level);
            heard_drop(&h);
        }
}

/* White noise of -30 dB under bursts of a tone of -16 dB. */
static void test_denoise(void **state)
{
    (void)state;
    const size_t n = 160000;
    static float clean[160000];
    unsigned seed = 99;
    for (size_t i = 0; i < n; i++) {
        double t = (double)i / 16000.0;
        bool loud = fmod(t, 2.0) > 1.0;
        clean[i] = loud ? 0.22f * (float)sin(2.0 * M_PI * 500.0 * t) : 0.0f;
        samples[i] = clean[i] + 0.055f * noise(&seed);
    }
    for (int a = 1; a <= 2; a++) {
        heard h = {0};
        char op[40];
        snprintf(op, sizeof op, "denoise(amount=%g)", a / 2.0);
        OK(h, hear(&h, op, samples, n, 1, 16000));
        double before = rms_of(samples + 32000 + 3200, 12800);
        double after = rms_of(h.samples + 32000 + 3200, 12800);
        double tone = rms_of(h.samples + 48000 + 1600, 12800);
        double first = rms_of(h.samples, 12800), end = rms_of(h.samples + 128000, 12800);
        print_message(
            "amount %g: noise %.1f -> %.1f dB (first second %.1f, ninth %.1f), tone %.2f\n",
            a / 2.0, before, after, first, end, tone);
        /* the deeper it goes the more is left of the rule's own ripple */
        assert_true(before - after > 10.0 * a - 1.0 && before - after < 12.0 * a + 0.5);
        assert_true(before - first > 7.0 * a && before - end > 9.0 * a);
        assert_true(fabs(tone + 16.16) < 0.3);
        heard_drop(&h);
    }
}

/* Every allocation of a chain of all kinds fails once. */
static long calls, live, fail_at;

static void *count_alloc(void *user, size_t bytes)
{
    (void)user;
    void *block = ++calls == fail_at ? NULL : malloc(bytes);
    live += block != NULL;
    return block;
}

static void *count_realloc(void *user, void *old, size_t bytes)
{
    (void)user;
    void *block = ++calls == fail_at ? NULL : realloc(old, bytes);
    live += block != NULL && old == NULL;
    return block;
}

static void count_free(void *user, void *block)
{
    (void)user;
    live -= block != NULL;
    free(block);
}

static void test_memory(void **state)
{
    (void)state;
    const modellab_allocator alloc = {sizeof alloc, NULL, count_alloc, count_realloc, count_free};
    modellab_status status = MODELLAB_E_NO_MEMORY;
    make_bursts(20000, 2, 16000);
    for (fail_at = 1; status != MODELLAB_OK; fail_at++) {
        heard h = {.alloc = &alloc};
        calls = 0;
        status = hear(&h, every[EVERY - 1], samples, 20000, 2, 16000);
        assert_int_equal(status, calls < fail_at ? MODELLAB_OK : MODELLAB_E_NO_MEMORY);
        heard_drop(&h);
        assert_int_equal(live, 0);
    }
    assert_true(fail_at > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_silence),       cmocka_unit_test(test_bad_samples),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_channel),       cmocka_unit_test(test_volume),
        cmocka_unit_test(test_loudness),      cmocka_unit_test(test_trim),
        cmocka_unit_test(test_speed_of_tone), cmocka_unit_test(test_denoise),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
