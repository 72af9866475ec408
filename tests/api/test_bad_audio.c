/* The bad audio files through the public functions: what the probe says before a file is accepted,
 * and what decoding says of those that it lets through. Nothing that decodes is refused by the
 * probe. */
#include "fault/bad_audio.h"
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static modellab_severity probe(const unsigned char *data, size_t bytes)
{
    modellab_audio_probe_info info = {.size = sizeof info};
    modellab_report *report = NULL;
    const size_t head = bytes < 65536 ? bytes : 65536;
    assert_int_equal(modellab_audio_probe(data, head, (int64_t)bytes, NULL, &info, &report, NULL),
                     MODELLAB_OK);
    modellab_severity worst = modellab_report_worst(report);
    modellab_report_unref(report);
    return worst;
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void test_each_file(void **state)
{
    (void)state;
    /* What only decoding can find, or what the decoder decides: the probe does not refuse these. */
    static const char *const decoder_only[] = {"truncated.flac",   "claims_68_gigaframes.flac",
                                               "claims_34_gb.wav", "cut.wav",
                                               "nan.wav",          "infinity.wav",
                                               "one_ms.wav",       "size_unknown.wav"};
    for (size_t i = 0; i < bad_audio_count; i++) {
        const bad_audio *bad = &bad_audio_files[i];
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_audio *audio = NULL;
        size_t bytes = 0;
        unsigned char *data = bad->make(&bytes);
        assert_non_null(data);
        modellab_severity worst = probe(data, bytes);
        modellab_status status = modellab_audio_decode_memory(data, bytes, NULL, &audio, &err);
        print_message("%-26s probe %-7s decode %s: %s\n", bad->name, modellab_severity_name(worst),
                      modellab_status_name(status), err.message);
        assert_int_equal(status, bad->status);
        assert_int_equal(
            worst < MODELLAB_SEVERITY_ERROR,
            listed(decoder_only, sizeof decoder_only / sizeof *decoder_only, bad->name));
        modellab_audio_unref(audio);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
