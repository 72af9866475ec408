/* Where there is sound that could be speech: noise, syllables loud and far below, what nobody
 * hears; no memory, a cancel. */
#include "base/alloc.h"
#include "speech/sound.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>

static mli_audio_source *made(double seconds, float (*level)(int64_t at))
{
    mli_audio_store *store = NULL;
    mli_audio_source *source = NULL;
    const mli_audio_info info = {.container = "samples", .channels = 1, .rate_hz = MLI_AUDIO_RATE};
    assert_int_equal(mli_audio_store_create(NULL, NULL, -1, MLI_AUDIO_MAX_SAMPLES,
                                            MLI_AUDIO_MAX_SAMPLES, &store, NULL),
                     MODELLAB_OK);
    uint32_t seed = 3;
    for (int64_t i = 0; i < (int64_t)(seconds * MLI_AUDIO_RATE); i++) {
        seed = seed * 1664525u + 1013904223u;
        const float x = level(i) * ((float)(seed >> 8) / 8388608.0f - 1.0f);
        assert_int_equal(mli_audio_store_append(store, &x, 1, NULL), MODELLAB_OK);
    }
    assert_int_equal(mli_audio_store_finish(store, &info, &source, NULL), MODELLAB_OK);
    return source;
}

static float steady_noise(int64_t at)
{
    (void)at;
    return 0.2f;
}

/* Syllables from second 10 to 20, over a floor 40 dB below. */
static float syllables(int64_t at)
{
    const int64_t in_second = at % MLI_AUDIO_RATE;
    const bool on = at >= 10 * MLI_AUDIO_RATE && at < 20 * MLI_AUDIO_RATE;
    return on && in_second % 4000 < 2400 ? 0.3f : 0.003f;
}

/* Syllables 25 dB over a floor that nobody hears. */
static float inaudible(int64_t at)
{
    return 0.0033f * syllables(at);
}

/* Loud ones, and behind them such that are `far` below. */
static float far_below(int64_t at, float far)
{
    const bool loud = at < 10 * MLI_AUDIO_RATE;
    return at % 4000 < 2400 ? loud ? 0.9f : 0.9f * far : 1e-6f;
}

static float near_40(int64_t at)
{
    return far_below(at, 0.01f);
}

static float near_50(int64_t at)
{
    return far_below(at, 0.003f);
}

static double total(mli_audio_source *source, double *from, double *to)
{
    mli_vad_segment *list;
    size_t count;
    double sum = 0.0;
    assert_int_equal(mli_sound_find(source, NULL, NULL, &list, &count, NULL), MODELLAB_OK);
    for (size_t i = 0; i < count; i++)
        sum += (double)(list[i].end - list[i].start) / MLI_AUDIO_RATE;
    *from = count > 0 ? (double)list[0].start / MLI_AUDIO_RATE : -1.0;
    *to = count > 0 ? (double)list[count - 1].end / MLI_AUDIO_RATE : -1.0;
    mli_free(NULL, list);
    mli_audio_unref(source);
    return sum;
}

static void test_sound(void **state)
{
    double from, to;
    (void)state;
    assert_true(total(made(20.0, steady_noise), &from, &to) == 0.0);
    assert_true(total(made(30.0, syllables), &from, &to) > 5.0);
    assert_true(from > 7.5 && from <= 10.05 && to >= 19.5 && to < 22.5);
    assert_true(total(made(30.0, inaudible), &from, &to) == 0.0);
    (void)total(made(30.0, near_40), &from, &to);
    assert_true(from == 0.0 && to > 29.0);
    (void)total(made(30.0, near_50), &from, &to);
    assert_true(from == 0.0 && to > 9.0 && to < 10.5);
    (void)total(made(15.03, syllables), &from, &to);
    assert_true(fabs(to - 15.03) < 1e-9);
    failing_alloc f = {.fail_at = 0};
    const modellab_allocator alloc = failing_alloc_table(&f);
    mli_vad_segment *list;
    size_t count;
    mli_audio_source *source = made(1.0, syllables);
    for (f.fail_at = 0; f.fail_at < 3; f.fail_at++) {
        f.calls = 0;
        assert_int_equal(mli_sound_find(source, &alloc, NULL, &list, &count, NULL),
                         MODELLAB_E_NO_MEMORY);
        assert_int_equal(f.live, 0);
    }
    const mli_cancel_word stop = 1;
    assert_int_equal(mli_sound_find(source, NULL, &stop, &list, &count, NULL),
                     MODELLAB_E_CANCELLED);
    assert_null(list);
    mli_audio_unref(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
