/* The bad audio files through managed runs: those that the probe lets pass end FAILED with the
 * reason that says so, the good ones COMPLETED, and no worker takes more than 256 MiB. A step that
 * takes more shows that the looking finds something. `long`: ten hours of silence too.
 * test_bad_audio WORKER HOST [long] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "fault/bad_audio.h"

#define MIB ((int64_t)1 << 20)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MOST_BYTES (2048 * MIB) /* a sanitizer keeps what is freed */
#else
#define MOST_BYTES (256 * MIB)
#endif

static bool all_of_them;

/* false: refused, because of the audio. */
static bool submit(kit *k, const bad_audio *file, const unsigned char *data, size_t bytes,
                   char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = "{\"pipeline\":\"ingest\"}";
    options.input_data = data;
    options.input_bytes = bytes;
    options.input_name = file->name;
    modellab_status status = modellab_run_submit(k->lab, &options, id, NULL, &err);
    if (status != MODELLAB_OK) {
        assert_true(status == MODELLAB_E_INVALID_AUDIO || status == MODELLAB_E_UNSUPPORTED_FORMAT);
        assert_int_not_equal(file->status, MODELLAB_OK);
    }
    return status == MODELLAB_OK;
}

/* Its peak memory. */
static int64_t check_end(kit *k, const char *id, const bad_audio *file)
{
    bool good = file->status == MODELLAB_OK;
    (void)kit_wait_final(k, id);
    modellab_run *run = kit_load(k, id);
    modellab_run_info info = kit_info(run);
    print_message("%-26s %-9s %-14s %6.1f MiB\n", file->name, modellab_run_status_name(info.status),
                  modellab_reason_name(info.reason), (double)info.peak_memory_bytes / MIB);
    assert_int_equal(info.status, good ? MODELLAB_RUN_COMPLETED : MODELLAB_RUN_FAILED);
    assert_int_equal(info.reason, good ? MODELLAB_REASON_NONE : MODELLAB_REASON_INVALID_AUDIO);
    assert_int_equal(modellab_run_artifact_count(run), good ? 1 : 0);
    assert_true(info.peak_memory_bytes > MIB); /* it was measured */
    int64_t peak = info.peak_memory_bytes;
    modellab_run_unref(run);
    return peak;
}

static void each_ends_as_it_should(void **state)
{
    kit *k = *state;
    size_t refused = 0;
    pid_t host = kit_start_host(k, &(kit_host){0});
    for (size_t i = 0; i < bad_audio_count; i++) {
        const bad_audio *file = &bad_audio_files[i];
        char id[MODELLAB_RUN_ID_BYTES];
        size_t bytes = 0;
        unsigned char *data = file->make(&bytes);
        assert_non_null(data);
        if (!submit(k, file, data, bytes, id)) {
            print_message("%-26s refused\n", file->name);
            refused++;
        } else {
            assert_true(check_end(k, id, file) < MOST_BYTES);
        }
        free(data);
    }
    assert_true(refused > 0 && refused + 4 < bad_audio_count);
    kit_stop_host(k, host);
}

static void ten_hours_of_silence(void **state)
{
    kit *k = *state;
    const bad_audio file = {"silence_10h.flac", MODELLAB_OK, "", bad_audio_long_silence};
    char id[MODELLAB_RUN_ID_BYTES];
    size_t bytes = 0;
    if (!all_of_them) {
        print_message("skipped: takes minutes (the long tests do it)\n");
        return;
    }
    unsigned char *data = file.make(&bytes);
    assert_non_null(data);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_true(submit(k, &file, data, bytes, id));
    free(data);
    assert_true(check_end(k, id, &file) < MOST_BYTES);
    kit_stop_host(k, host);
}

/* The planted bug: a step that takes what it wants. */
static void too_much_is_seen(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char what[64];
    (void)snprintf(what, sizeof(what), "ingest:balloon=%d", (int)(MOST_BYTES / MIB));
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = what});
    kit_submit(k, "{\"pipeline\":\"ingest\",\"max_duration_seconds\":4}", 0.1, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_TIMEOUT);
    modellab_run *run = kit_load(k, id);
    assert_true(kit_info(run).peak_memory_bytes >= MOST_BYTES);
    modellab_run_unref(run);
    kit_stop_host(k, host);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(each_ends_as_it_should),
                                       KIT_TEST(ten_hours_of_silence), KIT_TEST(too_much_is_seen)};
    all_of_them = argc > 3 && strcmp(argv[3], "long") == 0;
    if (!kit_arguments(argc, argv, all_of_them ? 1 : 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
