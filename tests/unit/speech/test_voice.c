/* A voice with a configuration or a network that is not as it should be: symbols without ids, a
 * flow too wide for the engine, weights of two convolutions, frames of a run that failed.
 * test_voice VOICE.onnx */
#include "speech/voice.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *file;
static size_t bytes;

static void test_no_ids(void **state)
{
    static const char json[] =
        "{\"audio\":{\"sample_rate\":22050},"
        "\"phoneme_id_map\":{\"^\":[1],\"a\":[],\"b\":[5,6],\" \":[],\"_\":[]}}";
    mli_voice v = {.alloc = MODELLAB_ALLOCATOR_INIT};
    mli_voice_ids ids;

    (void)state;
    assert_int_equal(mli_piper_config_read(&v.config, &v.alloc, json, sizeof json - 1, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_voice_ids_of(&ids, &v, "a b", 3, NULL), MODELLAB_OK);
    assert_int_equal(ids.count, 3);
    assert_int_equal(ids.skipped, 2);
    assert_int_equal(ids.word_count, 1);
    assert_int_equal(ids.words[0].first, 1);
    assert_int_equal(ids.words[0].count, 2);
    mli_voice_ids_dispose(&ids);
    /* more words without ids than there is room for */
    static char text[6 * MLI_VITS_MAX_IDS];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 == 0 ? 'a' : ' ';
    assert_int_equal(mli_voice_ids_of(&ids, &v, text, sizeof text, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    mli_piper_config_dispose(&v.config);
}

/* Packing drops the pages of what was packed: a second reader would see zeros. */
static void test_shared_weights(void **state)
{
    static mli_piper graph;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *one = "onnx::Const_1004", *other = "onnx::Const_1043"; /* alike in shape */
    const size_t length = strlen(one);
    (void)state;
    assert_int_equal(mli_piper_read(&graph, NULL, file, bytes, NULL, NULL), MODELLAB_OK);
    unsigned char *at = file; /* nodes stand before the tensors */
    while (at < file + bytes - length && memcmp(at, other, length) != 0)
        at++;
    assert_true(at < file + bytes - length);
    memcpy(at, one, length);
    modellab_status status = mli_piper_read(&graph, NULL, file, bytes, NULL, &err);
    memcpy(at, other, length);
    assert_int_equal(status, MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "belong to something else too"));
}

static void test_wide(void **state)
{
    static mli_piper m;
    mli_vits *model = NULL;

    (void)state;
    assert_int_equal(mli_piper_read(&m, NULL, file, bytes, NULL, NULL), MODELLAB_OK);
    for (size_t i = 0; i < m.couplings; i++)
        m.coupling[i].pre.out = 2176;
    assert_int_equal(mli_vits_create(&model, NULL, &m, false, NULL, NULL, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_null(model);
}

static modellab_status take(void *user, const float *samples, size_t count, modellab_error *err)
{
    (void)samples;
    (void)err;
    *(size_t *)user += count;
    return MODELLAB_OK;
}

static void test_failed_run(void **state)
{
    static mli_piper m;
    static const int32_t ids[] = {1, 0, 5, 0, 2};
    const mli_vits_options options = {.length = 1.0, .noise = 0.5, .noise_w = 0.5};
    mli_cancel_word cancel = 1;
    mli_pool *pool = NULL;
    mli_vits *model = NULL;
    mli_vits_session *session = NULL;
    size_t samples = 0, count = 0;

    (void)state;
    assert_int_equal(mli_piper_read(&m, NULL, file, bytes, NULL, NULL), MODELLAB_OK);
    assert_int_equal(mli_pool_create(1, NULL, &pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_vits_create(&model, NULL, &m, false, pool, NULL, NULL), MODELLAB_OK);
    assert_int_equal(mli_vits_session_create(&session, model, pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_vits_run(session, ids, 5, &options, take, &samples, NULL, NULL),
                     MODELLAB_OK);
    (void)mli_vits_frames(session, &count);
    assert_int_equal(count, 5);
    assert_true(samples > 0);
    /* what the first run counted is not what this one would have */
    assert_int_equal(mli_vits_run(session, ids, 4, &options, take, &samples, &cancel, NULL),
                     MODELLAB_E_CANCELLED);
    (void)mli_vits_frames(session, &count);
    assert_int_equal(count, 0);
    mli_vits_session_destroy(session);
    mli_vits_destroy(model);
    mli_pool_destroy(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_ids), cmocka_unit_test(test_shared_weights),
        cmocka_unit_test(test_wide), cmocka_unit_test(test_failed_run)};
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;

    if (f == NULL)
        return 2;
    file = malloc(1 << 20);
    bytes = file != NULL ? fread(file, 1, 1 << 20, f) : 0;
    int failed = fclose(f) + cmocka_run_group_tests(tests, NULL, NULL);
    free(file);
    return failed;
}
