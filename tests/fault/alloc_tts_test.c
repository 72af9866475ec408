/* Every allocation of speech synthesis fails once, and from then on: opening a voice, ids, IPA, a
 * stream, another rate. alloc_tts_test VOICE.onnx WORDS.dict */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *voice, *dictionary;

static int32_t take(void *user, const float *samples, size_t count)
{
    (void)samples;
    *(size_t *)user += count;
    return 0;
}

static modellab_status open_session(const modellab_allocator *alloc, modellab_tts_options *options,
                                    modellab_model **model, modellab_tts_session **session)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options o = MODELLAB_MODEL_OPTIONS_INIT;
    o.allocator = alloc;
    o.cache_root = "";
    options->threads = 1;
    options->seed = 1;
    modellab_status status = modellab_model_open(voice, &o, model, &err);
    if (status == MODELLAB_OK)
        status = modellab_tts_session_create(*model, options, session, &err);
    return status;
}

static modellab_status whole(const modellab_allocator *alloc, void *arg)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_tts_time time = {.size = sizeof time};
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    modellab_model *model = NULL;
    (void)arg;
    options.normalize = 1;
    modellab_status status = open_session(alloc, &options, &model, &session);
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_ipa(session, "ab c.", &result, NULL);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_get_info(result, &info, NULL);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_word_at(result, 1, &time, NULL);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_phoneme_at(result, 1, &time, NULL);
    if (status == MODELLAB_OK && info.words != 2)
        status = MODELLAB_E_INTERNAL;
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(model);
    return status;
}

static modellab_status stream(const modellab_allocator *alloc, void *arg)
{
    static const int32_t ids[] = {1, 0, 5, 0, 2};
    const modellab_tts_span word = {2, 1};
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    modellab_model *model = NULL;
    size_t samples = 0;
    (void)arg;
    options.chunk = take;
    options.user = &samples;
    options.output_rate_hz = 8000;
    modellab_status status = open_session(alloc, &options, &model, &session);
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_ids(session, ids, 5, &word, 1, &result, NULL);
    if (status == MODELLAB_OK && samples == 0)
        status = MODELLAB_E_INTERNAL;
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(model);
    return status;
}

/* A text of two sentences, one word of which the dictionary lacks, into memory and as a file. */
static modellab_status speak_text(const modellab_allocator *alloc, void *arg)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options text = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_text_word word = {.size = sizeof word};
    modellab_tts_symbol symbol = {.size = sizeof symbol};
    modellab_model_options o = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    modellab_model *model = NULL, *words = NULL;
    o.allocator = alloc;
    text.output_path = arg;
    modellab_status status = open_session(alloc, &options, &model, &session);
    if (status == MODELLAB_OK)
        status = modellab_model_open(dictionary, &o, &words, NULL);
    modellab_tts_text_options_init(&text, sizeof text);
    text.output_path = arg;
    text.lexicon = words;
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_text(session, "A cat. Zig!", 11, &text, &result, NULL);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_text_word_at(result, 2, &word, NULL);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_symbol_at(result, 1, &symbol, NULL);
    /* all samples of its duration are there */
    modellab_tts_result_info info = {.size = sizeof info};
    size_t count = 0;
    (void)modellab_tts_result_samples(result, &count);
    if (status == MODELLAB_OK)
        status = modellab_tts_result_get_info(result, &info, NULL);
    if (status == MODELLAB_OK && arg == NULL &&
        (double)count + 1.0 < info.duration * (double)info.rate_hz)
        status = MODELLAB_E_INTERNAL;
    if (status == MODELLAB_OK && (modellab_tts_result_symbol_count(result) == 0 ||
                                  modellab_tts_result_ipa(result)[0] == '\0'))
        status = MODELLAB_E_INTERNAL;
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(words);
    modellab_model_unref(model);
    return status;
}

/* Words by a program of the user's (a script), and ids from the caller. */
static modellab_status foreign(const modellab_allocator *alloc, void *arg)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options text = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    modellab_model *model = NULL;
    text.g2p_program = arg;
    modellab_status status = open_session(alloc, &options, &model, &session);
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_text(session, "A cat.", 6, &text, &result, NULL);
    if (status == MODELLAB_OK && strcmp(modellab_tts_result_ipa(result), "a k.") != 0)
        status = MODELLAB_E_INTERNAL;
    modellab_tts_result_unref(result);
    text.g2p_program = NULL;
    text.is_ids = 1;
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_text(session, "1 0 5 0 2", 9, &text, &result, NULL);
    if (status == MODELLAB_OK)
        modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(model);
    return status;
}

static void test_foreign(void **state)
{
    static char path[] = "./fault_tts_espeak";
    long allocations = 0;
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("#!/bin/sh\necho a k\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(faulty_run(foreign, path, &allocations), FAULTY_FINE);
    assert_true(allocations > 30);
    assert_int_equal(remove(path), 0);
}

static void test_text(void **state)
{
    static char path[] = "fault_tts.flac";
    long allocations = 0;
    (void)state;
    assert_int_equal(faulty_run(speak_text, NULL, &allocations), FAULTY_FINE);
    assert_true(allocations > 50);
    assert_int_equal(faulty_run(speak_text, path, &allocations), FAULTY_FINE);
    assert_int_equal(remove(path), 0);
}

static void test_whole(void **state)
{
    long allocations = 0;
    (void)state;
    assert_int_equal(faulty_run(whole, NULL, &allocations), FAULTY_FINE);
    assert_true(allocations > 30);
}

static void test_stream(void **state)
{
    long allocations = 0;
    (void)state;
    assert_int_equal(faulty_run(stream, NULL, &allocations), FAULTY_FINE);
    assert_true(allocations > 30);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_stream),
                                       cmocka_unit_test(test_text), cmocka_unit_test(test_foreign)};
    if (argc != 3)
        return 2;
    voice = argv[1];
    dictionary = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
