/* Decoding: what libsndfile writes comes back, mixing and resampling are right, bad files are
 * refused with their reason, limits hold, and every failing allocation or read is reported. */
#include "audio/decode.h"
#include "fault/bad_audio.h"
#include "signal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static float samples[160000];

static mli_audio_source *decode(int format, int rate, int channels, size_t frames)
{
    size_t bytes = 0;
    unsigned char *data = bad_audio_encode(format, rate, channels, samples, frames, &bytes);
    mli_audio_source *source = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_non_null(data);
    if (mli_audio_decode_memory(data, bytes, NULL, &source, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    free(data);
    return source;
}

/* Worst distance of the source to test_signal(). */
static float distance(const mli_audio_source *source, size_t count)
{
    float worst = 0.0f, *got = malloc(count * sizeof *got);
    assert_non_null(got);
    OK(mli_audio_read(source, 0, count, got, NULL));
    for (size_t i = 0; i < count; i++)
        worst = fmaxf(worst, fabsf(got[i] - samples[i]));
    free(got);
    return worst;
}

static void test_formats(void **state)
{
    (void)state;
    const struct {
        int format;
        const char *container, *encoding;
        float error;
    } cases[] = {
        {SF_FORMAT_WAV | SF_FORMAT_PCM_16, "wav", "pcm_s16", 0.0f},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_24, "wav", "pcm_s24", 0.0f},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, "wav", "pcm_u8", 0.009f},
        {SF_FORMAT_WAV | SF_FORMAT_FLOAT, "wav", "float", 0.0f},
        {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, "wav", "double", 0.0f},
        {SF_FORMAT_WAV | SF_FORMAT_ULAW, "wav", "ulaw", 0.04f},
        {SF_FORMAT_RF64 | SF_FORMAT_PCM_16, "rf64", "pcm_s16", 0.0f},
        {SF_FORMAT_W64 | SF_FORMAT_PCM_16, "w64", "pcm_s16", 0.0f},
        {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, "aiff", "pcm_s16", 0.0f},
        {SF_FORMAT_CAF | SF_FORMAT_PCM_16, "caf", "pcm_s16", 0.0f},
        {SF_FORMAT_AU | SF_FORMAT_PCM_16, "au", "pcm_s16", 0.0f},
        {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, "flac", "pcm_s16", 0.0f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mli_audio_source *source = decode(cases[i].format, 16000, 1, 40000);
        const mli_audio_info *info = mli_audio_info_of(source);
        assert_string_equal(info->container, cases[i].container);
        assert_string_equal(info->encoding, cases[i].encoding);
        assert_int_equal(info->frames, 40000);
        assert_int_equal(mli_audio_samples(source), 40000);
        assert_int_equal(mli_audio_duration_ms(source), 2500);
        assert_true(distance(source, 40000) <=
                    cases[i].error + 1.0f / 32767.0f * (i != 0 && i != 3));
        mli_audio_unref(source);
    }
}

static void test_lossy_formats(void **state)
{
    (void)state;
    const int formats[] = {SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS,
                           SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III};
    const char *names[] = {"ogg", "ogg", "mp3"};
    for (size_t i = 0; i < 3; i++) {
        mli_audio_source *source = decode(formats[i], 16000, 1, 40000);
        float at[400], energy = 0.0f;
        assert_string_equal(mli_audio_info_of(source)->container, names[i]);
        assert_in_range(mli_audio_samples(source), 39000, 43000);
        OK(mli_audio_read(source, 20000, 400, at, NULL));
        for (int k = 0; k < 400; k++)
            energy += at[k] * at[k];
        assert_true(energy > 0.1f);
        mli_audio_unref(source);
    }
}

static void test_mix(void **state)
{
    (void)state;
    float stereo[2000], got[1000];
    mli_audio_source *source = NULL;
    for (int i = 0; i < 1000; i++) {
        stereo[2 * i] = 0.5f;
        stereo[2 * i + 1] = i < 500 ? -0.5f : 0.25f;
    }
    OK(mli_audio_from_samples(stereo, 1000, 2, 16000, NULL, &source, NULL));
    OK(mli_audio_read(source, 0, 1000, got, NULL));
    assert_true(got[0] == 0.0f && got[999] == 0.375f);
    assert_int_equal(mli_audio_info_of(source)->channels, 2);
    mli_audio_unref(source);
}

/* A tone keeps its place and height through every rate; what a lower rate cannot carry is gone. */
static void test_resample(void **state)
{
    (void)state;
    const int rates[] = {8000, 11025, 22050, 44100, 48000, 96000, 192000, 767999};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        const size_t frames = (size_t)rates[r] / 2;
        float *tone = malloc(frames * sizeof *tone), got[1600];
        mli_audio_source *source = NULL;
        assert_non_null(tone);
        for (size_t i = 0; i < frames; i++)
            tone[i] = 0.5f * sinf(6.2831853f * 440.0f * (float)i / (float)rates[r]);
        OK(mli_audio_from_samples(tone, frames, 1, rates[r], NULL, &source, NULL));
        assert_in_range(mli_audio_samples(source), 7999, 8001);
        OK(mli_audio_read(source, 3200, 1600, got, NULL));
        for (int i = 0; i < 1600; i++) {
            float want = 0.5f * sinf(6.2831853f * 440.0f * (float)(3200 + i) / 16000.0f);
            assert_true(fabsf(got[i] - want) < 2e-3f);
        }
        mli_audio_unref(source);
        free(tone);
    }
}

static void test_clip_and_shape(void **state)
{
    (void)state;
    float loud[] = {0.0f, 2.0f, -3.0f, 1e38f}, got[4];
    mli_audio_source *source = NULL;
    OK(mli_audio_from_samples(loud, 4, 1, 16000, NULL, &source, NULL));
    OK(mli_audio_read(source, 0, 4, got, NULL));
    assert_true(got[0] == 0.0f && got[1] == 1.0f && got[2] == -1.0f && got[3] == 1.0f);
    mli_audio_unref(source);
    const int32_t shapes[][2] = {{0, 16000}, {65, 16000}, {1, 999}, {1, 768001}, {-1, -1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        source = (mli_audio_source *)&shapes;
        assert_int_equal(
            mli_audio_from_samples(loud, 4, shapes[i][0], shapes[i][1], NULL, &source, NULL),
            MODELLAB_E_INVALID_AUDIO);
        assert_null(source);
    }
}

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < bad_audio_count; i++) {
        const bad_audio *bad = &bad_audio_files[i];
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_audio_source *source = NULL;
        size_t bytes = 0;
        unsigned char *data = bad->make(&bytes);
        assert_non_null(data);
        modellab_status status = mli_audio_decode_memory(data, bytes, NULL, &source, &err);
        if (status != bad->status || strstr(err.message, bad->says) == NULL)
            fail_msg("%s: %d %s", bad->name, (int)status, err.message);
        assert_true((source != NULL) == (status == MODELLAB_OK));
        mli_audio_unref(source);
        free(data);
    }
}

/* With allow_truncated the first part of a cut file is kept. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < bad_audio_count; i++) {
        const char *name = bad_audio_files[i].name;
        if (strcmp(name, "truncated.flac") != 0 && strcmp(name, "cut.wav") != 0)
            continue;
        mli_audio_options options;
        mli_audio_source *source = NULL;
        size_t bytes = 0;
        unsigned char *data = bad_audio_files[i].make(&bytes);
        assert_non_null(data);
        mli_audio_options_init(&options);
        options.allow_truncated = true;
        OK(mli_audio_decode_memory(data, bytes, &options, &source, NULL));
        assert_in_range(mli_audio_samples(source), 16000, 30000);
        mli_audio_unref(source);
        free(data);
    }
}

static void test_detail_of_nan(void **state)
{
    (void)state;
    float values[6] = {0, 0, 0, 0, 0, NAN};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_audio_source *source = NULL;
    assert_int_equal(mli_audio_from_samples(values, 3, 2, 16000, NULL, &source, &err),
                     MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(err.detail, 2);
    assert_non_null(strstr(err.message, "channel 1"));
}

static void test_limits(void **state)
{
    (void)state;
    mli_audio_options options;
    mli_audio_source *source = NULL;
    size_t bytes = 0;
    unsigned char *data =
        bad_audio_encode(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, samples, 40000, &bytes);
    assert_non_null(data);
    mli_audio_options_init(&options);
    options.max_samples = 39999;
    assert_int_equal(mli_audio_decode_memory(data, bytes, &options, &source, NULL),
                     MODELLAB_E_LIMIT);
    options.max_samples = 40000;
    options.max_input_bytes = (int64_t)bytes - 1;
    assert_int_equal(mli_audio_decode_memory(data, bytes, &options, &source, NULL),
                     MODELLAB_E_LIMIT);
    options.max_input_bytes = (int64_t)bytes;
    OK(mli_audio_decode_memory(data, bytes, &options, &source, NULL));
    mli_audio_unref(source);
    mli_cancel_word cancel = 1;
    options.cancel = &cancel;
    assert_int_equal(mli_audio_decode_memory(data, bytes, &options, &source, NULL),
                     MODELLAB_E_CANCELLED);
    assert_int_equal(mli_audio_decode_memory(NULL, 0, NULL, &source, NULL),
                     MODELLAB_E_INVALID_AUDIO);
    free(data);
}

static int spool_file(void)
{
    char name[] = "/tmp/modellab-test-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    return fd;
}

/* What goes to the spool file reads back the same, across the border and beyond both ends. */
static void test_spool(void **state)
{
    (void)state;
    mli_audio_options options;
    mli_audio_source *source = NULL;
    mli_audio_options_init(&options);
    options.spool_fd = spool_file();
    options.memory_samples = 50001;
    OK(mli_audio_from_samples(samples, 160000, 1, 16000, &options, &source, NULL));
    assert_true(distance(source, 160000) == 0.0f);
    float part[64];
    OK(mli_audio_read(source, 49990, 64, part, NULL));
    assert_memory_equal(part, samples + 49990, sizeof part);
    OK(mli_audio_read(source, 159980, 64, part, NULL));
    assert_memory_equal(part, samples + 159980, 20 * sizeof *part);
    assert_true(part[20] == 0.0f && part[63] == 0.0f);
    OK(mli_audio_read(source, -32, 64, part, NULL));
    assert_true(part[31] == 0.0f && part[33] == samples[1]);
    OK(mli_audio_read(source, INT64_MAX - 3, 64, part, NULL));
    assert_true(part[0] == 0.0f);
    mli_audio_source *again = mli_audio_ref(source);
    mli_audio_unref(source);
    assert_int_equal(mli_audio_samples(again), 160000);
    mli_audio_unref(again);
    mli_audio_unref(NULL);
}

/* --- paths --- */
static modellab_status decode_path(const char *path)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_audio_source *source = NULL;
    modellab_status status = mli_audio_decode_path(path, NULL, &source, &err);
    assert_null(strchr(err.message, '/'));
    mli_audio_unref(source);
    return status;
}

static int refused_open(void *user, const char *path, int flags, uint32_t mode)
{
    (void)user;
    (void)path;
    (void)flags;
    (void)mode;
    return -EACCES;
}

/* As root every file can be read, so the refusal comes from the table. */
static void test_unreadable(void **state)
{
    (void)state;
    mli_os_files files = mli_os_system_files;
    mli_audio_options options;
    mli_audio_source *source = NULL;
    files.open = refused_open;
    mli_audio_options_init(&options);
    options.files = &files;
    assert_int_equal(mli_audio_decode_path("a.wav", &options, &source, NULL),
                     MODELLAB_E_PERMISSION);
}

static void test_paths(void **state)
{
    (void)state;
    char folder[] = "/tmp/modellab-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(decode_path(folder), MODELLAB_E_INVALID_ARGUMENT);
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(decode_path(path), MODELLAB_E_INVALID_ARGUMENT); /* and does not hang */
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/gone.wav", folder);
    assert_int_equal(decode_path(path), MODELLAB_E_NOT_FOUND);
    size_t bytes = 0;
    unsigned char *data =
        bad_audio_encode(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, samples, 40000, &bytes);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && data != NULL && write(fd, data, bytes) == (ssize_t)bytes);
    assert_int_equal(close(fd), 0);
    OK(decode_path(path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    free(data);
}

/* --- faults --- */
static int countdown; /* call number that fails; from then on all do */

static void *failing_alloc(void *user, size_t bytes)
{
    (void)user;
    return --countdown < 0 ? NULL : malloc(bytes);
}

static void *failing_realloc(void *user, void *block, size_t bytes)
{
    (void)user;
    return --countdown < 0 ? NULL : realloc(block, bytes);
}

static void plain_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void test_memory_faults(void **state)
{
    (void)state;
    const modellab_allocator failing = {sizeof failing, NULL, failing_alloc, failing_realloc,
                                        plain_free};
    size_t bytes = 0;
    unsigned char *data =
        bad_audio_encode(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, samples, 70000, &bytes);
    mli_audio_options options;
    mli_audio_source *source = NULL;
    modellab_status status = MODELLAB_E_NO_MEMORY;
    int n = 0;
    assert_non_null(data);
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        mli_audio_options_init(&options);
        options.alloc = &failing;
        options.spool_fd = spool_file();
        countdown = n;
        status = mli_audio_decode_memory(data, bytes, &options, &source, NULL);
        assert_true((source == NULL) == (status != MODELLAB_OK));
        assert_true(fcntl(options.spool_fd, F_GETFD) == -1 || status == MODELLAB_OK); /* closed */
    }
    OK(status);
    assert_true(n > 6);
    mli_audio_unref(source);
    free(data);
}

static int reads_left;

static int64_t failing_pread(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    (void)user;
    if (--reads_left < 0)
        return -EIO;
    return mli_os_system_files.pread(mli_os_system_files.user, fd, out, bytes, offset);
}

static void test_read_faults(void **state)
{
    (void)state;
    mli_os_files files = mli_os_system_files;
    mli_audio_options options;
    mli_audio_source *source = NULL;
    size_t bytes = 0;
    unsigned char *data =
        bad_audio_encode(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, samples, 40000, &bytes);
    int fd = spool_file(), n = 0;
    assert_true(data != NULL && write(fd, data, bytes) == (ssize_t)bytes);
    mli_audio_options_init(&options);
    files.pread = failing_pread;
    options.files = &files;
    modellab_status status;
    do {
        reads_left = n++;
        status = mli_audio_decode_fd(fd, &options, &source, NULL);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_IO);
        assert_true((source == NULL) == (status != MODELLAB_OK));
    } while (status != MODELLAB_OK);
    assert_true(n > 3);
    mli_audio_unref(source);
    assert_int_equal(close(fd), 0);
    free(data);
}

static int64_t failing_write(void *user, int fd, const void *out, size_t bytes, int64_t offset)
{
    (void)offset;
    (void)user;
    (void)fd;
    (void)out;
    (void)bytes;
    return -ENOSPC;
}

static void test_full_disk(void **state)
{
    (void)state;
    mli_os_files files = mli_os_system_files;
    mli_audio_options options;
    mli_audio_source *source = NULL;
    mli_audio_options_init(&options);
    files.pwrite = failing_write;
    options.files = &files;
    options.memory_samples = 1000;
    options.spool_fd = spool_file();
    assert_int_equal(mli_audio_from_samples(samples, 16000, 1, 16000, &options, &source, NULL),
                     MODELLAB_E_NO_SPACE);
    assert_null(source);
}

/* The file of one source serves the next one, from its start. */
static void test_spool_again(void **state)
{
    (void)state;
    mli_audio_options options;
    mli_audio_source *source = NULL, *shared;
    static float got[30000];
    mli_audio_options_init(&options);
    options.memory_samples = 1000;
    options.spool_fd = spool_file();
    int fd = options.spool_fd;
    OK(mli_audio_from_samples(samples + 7777, 60000, 1, 16000, &options, &source, NULL));
    assert_int_equal(mli_audio_reclaim_spool(source), fd);
    options.spool_fd = fd;
    OK(mli_audio_from_samples(samples, 30000, 1, 16000, &options, &source, NULL));
    OK(mli_audio_read(source, 0, 30000, got, NULL));
    assert_memory_equal(got, samples, sizeof got);
    shared = mli_audio_ref(source); /* somebody else reads it: the file stays */
    assert_int_equal(mli_audio_reclaim_spool(source), -1);
    OK(mli_audio_read(shared, 20000, 10000, got, NULL));
    assert_memory_equal(got, samples + 20000, 10000 * sizeof *got);
    mli_audio_unref(shared);
}

int main(void)
{
    test_signal(samples, sizeof samples / sizeof *samples);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_lossy_formats),
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_resample),
        cmocka_unit_test(test_clip_and_shape),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_detail_of_nan),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_spool),
        cmocka_unit_test(test_spool_again),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_memory_faults),
        cmocka_unit_test(test_read_faults),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
