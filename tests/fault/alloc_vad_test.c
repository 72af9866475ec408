/* Every allocation of voice activity fails once, and from then on: opening the detector, a stream,
 * a whole file. Needs silero-vad-v6 below MODEL_LAB_TEST_MODELS, else skipped (77). */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *models_root;

static modellab_status stream(const modellab_allocator *alloc, void *arg)
{
    static float second[16000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_speech_segment segment = {.size = sizeof segment};
    modellab_vad_session *session = NULL;
    modellab_vad_result *result = NULL;
    modellab_model *model = NULL;
    (void)arg;
    options.allocator = alloc;
    options.models_root = models_root;
    options.cache_root = "";
    modellab_status status = modellab_model_open("silero-vad-v6", &options, &model, &err);
    if (status == MODELLAB_OK)
        status = modellab_vad_session_create(model, NULL, &session, &err);
    if (status == MODELLAB_OK)
        status = modellab_vad_feed(session, second, 16000, &err);
    if (status == MODELLAB_OK)
        status = modellab_vad_finish(session, &result, &err);
    if (status == MODELLAB_OK &&
        modellab_vad_result_at(result, 0, &segment, NULL) != MODELLAB_E_NOT_FOUND)
        status = MODELLAB_E_INTERNAL; /* there is no speech in silence */
    modellab_vad_result_unref(result);
    modellab_vad_session_destroy(session);
    modellab_model_unref(model);
    return status;
}

static modellab_status file(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_vad_result *result = NULL;
    modellab_model *model = NULL;
    options.allocator = alloc;
    options.models_root = models_root;
    options.cache_root = "";
    modellab_status status = modellab_model_open("silero-vad-v6", &options, &model, &err);
    if (status == MODELLAB_OK)
        status = modellab_vad_detect_file(model, arg, NULL, &result, &err);
    if (status == MODELLAB_OK && modellab_vad_result_count(result) == 0)
        status = MODELLAB_E_INTERNAL; /* the recording has speech */
    modellab_vad_result_unref(result);
    modellab_model_unref(model);
    return status;
}

static modellab_status inspection(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_buffer *json = NULL;
    options.allocator = alloc;
    modellab_status status = modellab_model_inspect(arg, &options, &json, &err);
    modellab_buffer_destroy(json);
    return status;
}

static void test_inspection(void **state)
{
    char path[4096];
    long allocations = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/silero-vad-v6/silero_vad_16k_op15.onnx", models_root);
    assert_int_equal(faulty_run(inspection, path, &allocations), FAULTY_FINE);
    assert_true(allocations > 20);
}

static void test_stream(void **state)
{
    long allocations = 0;
    (void)state;
    assert_int_equal(faulty_run(stream, NULL, &allocations), FAULTY_FINE);
    assert_true(allocations > 30);
}

/* With speech in it: segments are made, too. */
static void test_file(void **state)
{
    char path[4096];
    long allocations = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/sample-conversation/sample.wav", models_root);
    assert_int_equal(faulty_run(file, path, &allocations), FAULTY_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stream), cmocka_unit_test(test_file),
                                       cmocka_unit_test(test_inspection)};
    char path[4096];
    models_root = getenv("MODEL_LAB_TEST_MODELS");
    (void)snprintf(path, sizeof path, "%s/silero-vad-v6/model.json",
                   models_root != NULL ? models_root : "");
    FILE *f = models_root != NULL ? fopen(path, "rb") : NULL;
    if (f == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS has no silero-vad-v6 (modellab models pull)");
        return 77;
    }
    (void)fclose(f);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
