/* Real weights and a real recording for the crash tests that need them. */
#include "crash/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/file.h"

char kit_sample[512];
static char cache[64];

static bool is_there(const char *root, const char *below, char *path, size_t capacity)
{
    struct stat facts;
    return snprintf(path, capacity, "%s/%s", root, below) < (int)capacity &&
           stat(path, &facts) == 0;
}

bool kit_find_models(void)
{
    const char *models = getenv("MODEL_LAB_TEST_MODELS");
    return models != NULL &&
           is_there(models, "whisper-tiny.en/model.json", kit_sample, sizeof(kit_sample)) &&
           is_there(models, "sample-conversation/sample.wav", kit_sample, sizeof(kit_sample)) &&
           setenv("MODEL_LAB_MODELS_ROOT", models, 1) == 0;
}

bool kit_make_cache(void)
{
    (void)snprintf(cache, sizeof(cache), "/tmp/mli-crash-cache-XXXXXX");
    return mkdtemp(cache) != NULL && setenv("MODEL_LAB_CACHE_ROOT", cache, 1) == 0;
}

bool kit_remove_cache(void)
{
    return mli_os_remove_tree(&mli_os_system_files, cache) == 0;
}

bool kit_begin_with_models(int argc, char **argv, const char *const *more_models, int *code)
{
    char path[512], below[128];
    *code = 2;
    if (!kit_arguments(argc, argv, 0)) {
        return false;
    }
    *code = 0;
    if (!kit_find_models()) {
        (void)printf("skipped: " KIT_NO_MODELS "\n");
        return false;
    }
    for (size_t i = 0; more_models != NULL && more_models[i] != NULL; i++) {
        (void)snprintf(below, sizeof(below), "%s/model.json", more_models[i]);
        if (!is_there(getenv("MODEL_LAB_TEST_MODELS"), below, path, sizeof(path))) {
            (void)printf("skipped: MODEL_LAB_TEST_MODELS has no %s\n", more_models[i]);
            return false;
        }
    }
    *code = 1;
    return kit_make_cache();
}

int kit_end_with_models(int failed)
{
    return kit_remove_cache() ? failed : 1;
}

/* Offset of the samples: behind the head of the chunk "data". */
static size_t data_offset(const unsigned char *wav, size_t bytes)
{
    for (size_t i = 12; i + 8 < bytes && i < 1024; i++) {
        if (memcmp(wav + i, "data", 4) == 0) {
            return i + 8;
        }
    }
    fail_msg("the sample has no data");
    return 0;
}

/* The sample, of `bytes`, with room for `capacity`. */
static unsigned char *read_sample(size_t *bytes, size_t times)
{
    FILE *file = fopen(kit_sample, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 1024);
    rewind(file);
    *bytes = (size_t)size;
    unsigned char *wav = malloc(*bytes * times);
    assert_non_null(wav);
    assert_int_equal(fread(wav, 1, *bytes, file), *bytes);
    assert_int_equal(fclose(file), 0);
    return wav;
}

static void set_length(unsigned char *wav, size_t offset, size_t data)
{
    uint32_t riff = (uint32_t)(offset + data - 8);
    uint32_t chunk = (uint32_t)data;
    memcpy(wav + 4, &riff, 4);
    memcpy(wav + offset - 4, &chunk, 4);
}

static void submit_wav(kit *k, const char *request, const unsigned char *wav, size_t bytes,
                       char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = request;
    options.input_data = wav;
    options.input_bytes = bytes;
    options.input_name = "conversation.wav";
    if (modellab_run_submit(k->lab, &options, id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

void kit_submit_sample(kit *k, const char *request, size_t times, char id[MODELLAB_RUN_ID_BYTES])
{
    size_t size = 0;
    unsigned char *wav = read_sample(&size, times);
    size_t offset = data_offset(wav, size);
    size_t data = size - offset;
    for (size_t i = 1; i < times; i++) {
        memcpy(wav + offset + i * data, wav + offset, data);
    }
    set_length(wav, offset, data * times);
    submit_wav(k, request, wav, offset + data * times, id);
    free(wav);
}

void kit_submit_start(kit *k, const char *request, double seconds, char id[MODELLAB_RUN_ID_BYTES])
{
    uint32_t rate = 0;
    uint16_t frame = 0;
    size_t size = 0;
    unsigned char *wav = read_sample(&size, 1);
    size_t offset = data_offset(wav, size);
    memcpy(&rate, wav + 24, 4);
    memcpy(&frame, wav + 32, 2);
    size_t data = (size_t)(seconds * rate) * frame;
    assert_true(offset + data <= size);
    set_length(wav, offset, data);
    submit_wav(k, request, wav, offset + data, id);
    free(wav);
}
