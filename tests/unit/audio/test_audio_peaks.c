/* Waveforms: the extremes of each stretch, what was written is read back, fewer points keep the
 * extremes, damaged ones are refused, long audio stays bounded. */
#include "audio/peaks.h"
#include "unit/unit.h"
#include <math.h>
#include <string.h>

static modellab_error err;

static mli_audio_source *source_of(const float *samples, size_t count)
{
    mli_audio_store *store = NULL;
    mli_audio_source *source = NULL;
    const mli_audio_info info = {.container = "samples", .channels = 1, .rate_hz = 16000};
    assert_int_equal(MODELLAB_OK, mli_audio_store_create(NULL, &mli_os_system_files, -1, 1 << 24,
                                                         1 << 24, &store, &err));
    assert_int_equal(MODELLAB_OK, mli_audio_store_append(store, samples, count, &err));
    assert_int_equal(MODELLAB_OK, mli_audio_store_finish(store, &info, &source, &err));
    return source;
}

static void extremes(void **state)
{
    enum { COUNT = 16000 * 3 + 77 };
    static float samples[COUNT];
    mli_peaks made, again;
    mli_buf text;
    (void)state;
    for (int i = 0; i < COUNT; i++)
        samples[i] = 0.25f * (float)((i * 7919) % 2001 - 1000) / 1000.0f;
    samples[0] = -1.0f; /* at borders of points and blocks */
    samples[159] = 1.0f;
    samples[160] = 0.5f;
    samples[16000] = -0.75f;
    samples[COUNT - 1] = 0.9f;
    mli_audio_source *source = source_of(samples, COUNT);
    assert_int_equal(MODELLAB_OK, mli_peaks_make(source, NULL, NULL, &made, &err));
    assert_int_equal(COUNT / 160 + 1, made.count);
    for (size_t p = 0; p < made.count; p++) {
        float low = 2, high = -2;
        for (size_t i = p * 160; i < (p + 1) * 160 && i < COUNT; i++) {
            low = samples[i] < low ? samples[i] : low;
            high = samples[i] > high ? samples[i] : high;
        }
        assert_int_equal((int)floor((double)low * 127), made.low[p] < 0 ? made.low[p] : -99);
        assert_int_equal((int)ceil((double)high * 127), made.high[p]);
    }
    assert_int_equal(-127, made.low[0]);
    assert_int_equal(127, made.high[0]);
    assert_int_equal(64, made.high[1]);
    mli_buf_init(&text, NULL);
    assert_int_equal(MODELLAB_OK, mli_peaks_write(&made, NULL, &text, &err));
    assert_int_equal(MODELLAB_OK, mli_peaks_read(text.data, text.size, NULL, &again, &err));
    assert_int_equal(made.count, again.count);
    assert_int_equal(made.samples, again.samples);
    assert_memory_equal(made.low, again.low, made.count);
    assert_memory_equal(made.high, again.high, made.count);
    /* one point has the extremes of all; more than there are is what there is */
    mli_buf drawn;
    mli_buf_init(&drawn, NULL);
    assert_int_equal(MODELLAB_OK, mli_peaks_draw(&again, 1, &drawn, &err));
    assert_non_null(strstr(drawn.data, "\"points\":1,"));
    assert_non_null(strstr(drawn.data, "\"min\":[-1.0],\"max\":[1.0]"));
    mli_buf_clear(&drawn);
    assert_int_equal(MODELLAB_OK, mli_peaks_draw(&again, 100000, &drawn, &err));
    assert_non_null(strstr(drawn.data, "\"points\":301,"));
    mli_buf_dispose(&drawn);
    /* every cut of it is refused, but for its last newline */
    mli_peaks_dispose(&again);
    for (size_t bytes = 0; bytes + 1 < text.size; bytes += 1 + bytes / 50) {
        assert_int_not_equal(MODELLAB_OK, mli_peaks_read(text.data, bytes, NULL, &again, &err));
        mli_peaks_dispose(&again);
    }
    mli_cancel_word cancel = 1;
    mli_buf_clear(&text);
    assert_int_equal(MODELLAB_E_CANCELLED, mli_peaks_write(&made, &cancel, &text, &err));
    mli_peaks_dispose(&made);
    assert_int_equal(MODELLAB_E_CANCELLED, mli_peaks_make(source, NULL, &cancel, &made, &err));
    mli_peaks_dispose(&made);
    mli_buf_dispose(&text);
    mli_audio_unref(source);
}

static void strange_ones(void **state)
{
#define HEAD                                                                                       \
    "{\"version\":2,\"channels\":1,\"sample_rate\":16000,\"samples_per_pixel\":160,\"bits\":8,"
    static const char *const bad[] = {
        "",
        "{}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[]}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[1,0]}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[-129,0]}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[0,128]}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[0,1,2]}",
        HEAD "\"length\":1,\"duration_seconds\":1,\"data\":[0,1],\"more\":1}",
        HEAD "\"length\":999999999,\"duration_seconds\":1,\"data\":[0,1]}",
        HEAD "\"length\":-1,\"duration_seconds\":1,\"data\":[]}",
        HEAD "\"length\":0,\"duration_seconds\":1e300,\"data\":[]}",
    };
    mli_peaks peaks;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(MODELLAB_OK,
                             mli_peaks_read(bad[i], strlen(bad[i]), NULL, &peaks, &err));
        mli_peaks_dispose(&peaks);
    }
    static const char none[] = HEAD "\"length\":0,\"duration_seconds\":0.0,\"data\":[]}";
    mli_buf drawn;
    mli_buf_init(&drawn, NULL);
    assert_int_equal(MODELLAB_OK, mli_peaks_read(none, strlen(none), NULL, &peaks, &err));
    assert_int_equal(MODELLAB_OK, mli_peaks_draw(&peaks, 10, &drawn, &err));
    assert_non_null(strstr(drawn.data, "\"points\":0,"));
    mli_buf_dispose(&drawn);
    mli_peaks_dispose(&peaks);
}

static void long_audio_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(160, mli_peaks_step(0));
    assert_int_equal(160, mli_peaks_step((int64_t)3600 * 16000));
    assert_int_equal(320, mli_peaks_step((int64_t)3600 * 16000 + 1));
    assert_int_equal(1600, mli_peaks_step((int64_t)36000 * 16000)); /* ten hours: 10 a second */
    for (int64_t hours = 1; hours <= 24; hours++) {
        int64_t samples = hours * 3600 * 16000 - 1, step = mli_peaks_step(samples);
        assert_true((samples + step - 1) / step <= MLI_PEAKS_MOST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(extremes), cmocka_unit_test(strange_ones),
                                       cmocka_unit_test(long_audio_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
