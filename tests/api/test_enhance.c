/* modellab_enhance_*: files in all formats, whole or not at all; what is found; times that lead
 * back; and what is refused. */
#include <modellab/modellab.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { RATE = 16000, SECONDS = 4, FRAMES = RATE * SECONDS };
static float stereo[2 * FRAMES];
static char folder[64];

static void make_audio(void)
{
    for (size_t i = 0; i < FRAMES; i++) {
        bool loud = i > RATE && i < 3 * RATE;
        stereo[2 * i] = loud ? 0.25f * (float)sin(0.1 * (double)i) : 0.0f;
        stereo[2 * i + 1] = 0.5f * stereo[2 * i];
    }
}

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static modellab_status enhance(const char *op, const char *output, modellab_enhancement **out,
                               modellab_error *err)
{
    modellab_enhance_options options = MODELLAB_ENHANCE_OPTIONS_INIT;
    const char *ops[] = {op};
    options.output_path = output;
    return modellab_enhance_samples(stereo, FRAMES, 2, RATE, ops, op != NULL, &options, out, err);
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double error;
    } cases[] = {{"a.wav", 1.0 / 32768},
                 {"a.FLAC", 1.0 / 32768},
                 {"a.ogg", 0.08},
                 {"a.opus", 0.12},
                 {"a.mp3", 0.1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_enhancement *made = NULL, *again = NULL;
        modellab_enhancement_info info = {.size = sizeof info};
        modellab_audio *audio = NULL;
        const char *path = in_folder(cases[i].name);
        static float mono[FRAMES];
        if (enhance(NULL, path, &made, &err) != MODELLAB_OK)
            fail_msg("%s: %s", cases[i].name, err.message);
        modellab_enhancement_unref(made);
        assert_int_equal(modellab_audio_decode_file(path, NULL, &audio, &err), MODELLAB_OK);
        assert_int_equal(modellab_audio_read(audio, 0, FRAMES, mono, NULL), MODELLAB_OK);
        double worst = 0.0;
        for (size_t k = 0; k < FRAMES; k++)
            worst = fmax(worst, fabs((double)mono[k] - 0.75 * (double)stereo[2 * k]));
        if (worst > cases[i].error)
            fail_msg("%s: off by %g", cases[i].name, worst);
        modellab_audio_unref(audio);
        /* and read again at its own rate and channels, twice */
        const char *ops[] = {"normalize_volume"};
        assert_int_equal(modellab_enhance_file(path, ops, 1, NULL, &again, &err), MODELLAB_OK);
        assert_int_equal(modellab_enhancement_get_info(again, &info, NULL), MODELLAB_OK);
        assert_int_equal(info.channels_out, 2);
        assert_int_equal(info.passes, 2);
        assert_true(info.frames_in >= FRAMES && info.frames_in < FRAMES + 4000);
        modellab_enhancement_unref(again);
    }
}

static int32_t stop(void *user, double fraction)
{
    (void)user;
    return fraction > 0.5;
}

/* What fails leaves the old file, and nothing beside it. */
static void test_whole_or_not(void **state)
{
    (void)state;
    modellab_enhance_options options = MODELLAB_ENHANCE_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_enhancement *made = (void *)1;
    const char *path = in_folder("kept.wav");
    struct stat st;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("old", f);
    fclose(f);
    options.output_path = path;
    options.progress = stop;
    assert_int_equal(
        modellab_enhance_samples(stereo, FRAMES, 2, RATE, NULL, 0, &options, &made, &err),
        MODELLAB_E_CALLBACK);
    assert_null(made);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    options.progress = NULL;
    stereo[2 * 60000] = NAN;
    assert_int_equal(
        modellab_enhance_samples(stereo, FRAMES, 2, RATE, NULL, 0, &options, &made, &err),
        MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(err.detail, 60000);
    stereo[2 * 60000] = 0.0f;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(
        modellab_enhance_samples(stereo, FRAMES, 2, RATE, NULL, 0, &options, &made, &err),
        MODELLAB_OK);
    modellab_enhancement_unref(made);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > FRAMES * 4);
    char command[128];
    snprintf(command, sizeof command, "test -z \"$(ls %s | grep tmp)\"", folder);
    assert_int_equal(system(command), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *op, *output, *text;
    } cases[] = {
        {"spede", NULL, "is 'speed' meant?"},
        {"extract_channel(channel=5)", NULL, "has 2 channels"},
        {NULL, "out.xyz", "format is not known"},
        {NULL, "out", "format is not known"},
        {NULL, "/dev/null.d/x.wav", "could not be made"},
        {"resample(rate_hz=44100)", "out.opus", "opus cannot hold"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_enhancement *made = NULL;
        const char *output = cases[i].output;
        if (output != NULL && output[0] != '/')
            output = in_folder(output);
        assert_int_not_equal(enhance(cases[i].op, output, &made, &err), MODELLAB_OK);
        assert_null(made);
        if (strstr(err.message, cases[i].text) == NULL || strstr(err.message, folder) != NULL)
            fail_msg("case %zu: %s", i, err.message);
    }
    assert_int_equal(access(in_folder("out.opus"), F_OK), -1);
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_enhancement *made = NULL;
    assert_int_equal(modellab_enhance_samples(stereo, 0, 2, RATE, NULL, 0, NULL, &made, &err),
                     MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(modellab_enhance_samples(stereo, 9, 65, RATE, NULL, 0, NULL, &made, &err),
                     MODELLAB_E_INVALID_AUDIO);
    assert_int_equal(modellab_enhance_samples(stereo, 9, 0, RATE, NULL, 0, NULL, &made, &err),
                     MODELLAB_E_INVALID_AUDIO);
}

static void test_found(void **state)
{
    (void)state;
    modellab_enhancement *made = NULL;
    modellab_enhancement_step step = {.size = sizeof step};
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(enhance("trim_silence(threshold_db=-50)", NULL, &made, &err), MODELLAB_OK);
    assert_int_equal(modellab_enhancement_count(made), 1);
    assert_int_equal(modellab_enhancement_step_at(made, 0, &step, NULL), MODELLAB_OK);
    assert_int_equal(modellab_enhancement_step_at(made, 1, &step, NULL), MODELLAB_E_NOT_FOUND);
    assert_string_equal(step.text, "trim_silence(min_silence_ms=500,threshold_db=-50,where=ends)");
    assert_non_null(strstr(step.json, "\"found\":{\"removed_seconds\":1.8,"));
    assert_true(fabs(modellab_enhancement_original_time(made, 0.1, 0) - 1.0) < 0.011);
    modellab_enhancement_unref(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_whole_or_not),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_found),
    };
    make_audio();
    snprintf(folder, sizeof folder, "enhance-test-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0 ? 1 : failed;
}
