/* Transcripts through the public headers: reading, looking, writing, and refusals. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char json[] =
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":4.5,\"text\":\"One two. "
    "Three.\","
    "\"segments\":["
    "{\"id\":0,\"seek\":0,\"start\":0.5,\"end\":2.0,\"text\":\" One two.\",\"tokens\":[7,8]},"
    "{\"id\":1,\"seek\":0,\"start\":2.0,\"end\":2.5,\"text\":\" \"},"
    "{\"id\":2,\"seek\":0,\"start\":2.5,\"end\":4.0,\"text\":\" Three.\",\"avg_logprob\":-0.5}],"
    "\"words\":[{\"word\":\"One\",\"start\":0.5,\"end\":1.0,\"segment\":0},"
    "{\"word\":\"two.\",\"start\":1.0,\"end\":2.0,\"text\":\" two.\",\"segment\":0},"
    "{\"word\":\"Three.\",\"start\":2.5,\"end\":4.0,\"probability\":0.5,\"segment\":2}],"
    "\"language_code\":\"en\",\"language_probability\":1}";

static modellab_transcript *read_json(const char *text)
{
    modellab_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_transcript_read_json(text, strlen(text), NULL, &t, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return t;
}

static void test_look(void **state)
{
    (void)state;
    modellab_transcript *t = read_json(json);
    modellab_transcript_info info = {.size = sizeof info};
    modellab_segment segment = {.size = sizeof segment};
    modellab_word word = {.size = sizeof word};
    OK(modellab_transcript_get_info(t, &info, NULL));
    assert_string_equal(info.language, "en");
    assert_string_equal(info.task, "transcribe");
    assert_int_equal(info.segment_count, 3);
    assert_int_equal(info.word_count, 3);
    assert_int_equal(info.has_word_times, 1);
    assert_int_equal(info.is_partial, 0);
    assert_true(info.duration == 4.5);
    assert_string_equal(modellab_transcript_text(t), "One two.  Three.");
    OK(modellab_transcript_segment_at(t, 0, &segment, NULL));
    assert_true(segment.first_word == 0 && segment.word_count == 2 && segment.token_count == 2);
    assert_int_equal(segment.tokens[1], 8);
    OK(modellab_transcript_segment_at(t, 1, &segment, NULL));
    assert_true(segment.first_word == -1 && segment.word_count == 0);
    OK(modellab_transcript_segment_at(t, 2, &segment, NULL));
    assert_true(segment.first_word == 2 && segment.avg_logprob == -0.5);
    OK(modellab_transcript_word_at(t, 1, &word, NULL));
    assert_string_equal(word.text, " two.");
    OK(modellab_transcript_word_at(t, 2, &word, NULL));
    assert_true(word.start == 2.5 && word.probability == 0.5);
    modellab_transcript *again = modellab_transcript_ref(t);
    modellab_transcript_unref(t);
    assert_string_equal(modellab_transcript_text(again), "One two.  Three.");
    modellab_transcript_unref(again);
    modellab_transcript_unref(NULL);
    assert_string_equal(modellab_transcript_text(NULL), "");
}

static void test_refusals(void **state)
{
    (void)state;
    modellab_transcript *t = read_json(json), *none = NULL;
    modellab_transcript_info info = {.size = sizeof info};
    modellab_segment segment = {.size = sizeof segment};
    modellab_word word = {.size = sizeof word};
    modellab_buffer *buffer = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(modellab_transcript_segment_at(t, 3, &segment, &err), MODELLAB_E_NOT_FOUND);
    assert_int_equal(err.detail, 3);
    assert_int_equal(modellab_transcript_segment_at(t, -1, &segment, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_transcript_word_at(t, 3, &word, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_transcript_word_at(t, -1, &word, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_transcript_word_at(t, INT64_MAX, &word, NULL), MODELLAB_E_NOT_FOUND);
    segment.size = word.size = info.size = 4;
    assert_int_equal(modellab_transcript_segment_at(t, 0, &segment, NULL),
                     MODELLAB_E_ABI_TOO_SMALL);
    assert_int_equal(modellab_transcript_word_at(t, 0, &word, NULL), MODELLAB_E_ABI_TOO_SMALL);
    assert_int_equal(modellab_transcript_get_info(t, &info, NULL), MODELLAB_E_ABI_TOO_SMALL);
    assert_int_equal(modellab_transcript_get_info(NULL, &info, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_transcript_write(t, 0, NULL, &buffer, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_transcript_write(t, 99, NULL, &buffer, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_transcript_read_json("{}", 2, NULL, &none, NULL), MODELLAB_E_SCHEMA);
    assert_int_equal(modellab_transcript_read_json("{", 1, NULL, &none, NULL),
                     MODELLAB_E_INVALID_JSON);
    assert_int_equal(modellab_transcript_read_json(NULL, 0, NULL, &none, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_null(none);
    assert_null(buffer);
    modellab_transcript_unref(t);
}

static void test_write(void **state)
{
    (void)state;
    modellab_transcript *t = read_json(json), *wordless;
    modellab_buffer *one = NULL, *two = NULL;
    for (modellab_transcript_format f = MODELLAB_FORMAT_TXT; f <= MODELLAB_FORMAT_VTT_WORDS; f++) {
        const char *name = modellab_transcript_format_name(f);
        assert_int_equal(modellab_transcript_format_from_name(name), f);
        OK(modellab_transcript_write(t, f, "a/talk.wav", &one, NULL));
        assert_non_null(strstr(modellab_buffer_data(one), "Three."));
        assert_int_equal(strlen(modellab_buffer_data(one)), modellab_buffer_size(one));
        modellab_buffer_destroy(one);
    }
    OK(modellab_transcript_write(t, MODELLAB_FORMAT_CTM, "a/talk.wav", &one, NULL));
    assert_string_equal(modellab_buffer_data(one), "talk 1 0.500 0.500 One 0.000\n"
                                                   "talk 1 1.000 1.000 two. 0.000\n"
                                                   "talk 1 2.500 1.500 Three. 0.500\n");
    modellab_buffer_destroy(one);
    OK(modellab_transcript_write(t, MODELLAB_FORMAT_VERBOSE_JSON, NULL, &one, NULL));
    modellab_transcript *back = read_json(modellab_buffer_data(one));
    OK(modellab_transcript_write(back, MODELLAB_FORMAT_VERBOSE_JSON, NULL, &two, NULL));
    assert_string_equal(modellab_buffer_data(one), modellab_buffer_data(two));
    modellab_buffer_destroy(one);
    modellab_buffer_destroy(two);
    modellab_transcript_unref(back);
    modellab_transcript_unref(t);
    wordless =
        read_json("{\"segments\":[{\"start\":0,\"end\":1,\"text\":\"x\"}],\"partial\":true}");
    modellab_transcript_info info = {.size = sizeof info};
    OK(modellab_transcript_get_info(wordless, &info, NULL));
    assert_int_equal(info.is_partial, 1);
    assert_int_equal(modellab_transcript_write(wordless, MODELLAB_FORMAT_CTM, NULL, &one, NULL),
                     MODELLAB_E_STATE);
    modellab_transcript_unref(wordless);
    assert_null(modellab_transcript_format_name(0));
    assert_int_equal(modellab_transcript_format_from_name("doc"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
