/* modellab_tts_speak_text on a small voice with made-up weights: places and times of words, streams
 * and files with the same samples, foreign pronunciations, IPA, refusals. test_api_tts_text
 * VOICE.onnx WORDS.dict */
#include "unit/unit.h"
#include <modellab/modellab.h>

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char *voice_path, *words_path;
static modellab_model *voice, *words;

static int set_up(void **state)
{
    modellab_model_options o = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    o.cache_root = "";
    if (modellab_model_open(voice_path, &o, &voice, &err) != MODELLAB_OK ||
        modellab_model_open(words_path, &o, &words, &err) != MODELLAB_OK) {
        printf("%s\n", err.message);
        return 1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    modellab_model_unref(words);
    modellab_model_unref(voice);
    return 0;
}

typedef struct sink {
    float *samples;
    size_t count, room, stop_after;
    modellab_tts_session *again; /* spoken with from inside */
} sink;

static int32_t take(void *user, const float *samples, size_t count)
{
    sink *s = user;
    if (s->again != NULL) {
        modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
        t.lexicon = words;
        assert_int_equal(modellab_tts_speak_text(s->again, "a", 1, &t, NULL, NULL),
                         MODELLAB_E_BUSY);
    }
    assert_true(s->count + count <= s->room);
    memcpy(s->samples + s->count, samples, count * sizeof *samples);
    s->count += count;
    return s->stop_after > 0 && s->count >= s->stop_after;
}

static modellab_tts_session *session_with(modellab_tts_options *o)
{
    modellab_tts_session *s = NULL;
    o->threads = 1;
    o->seed = 3;
    OK(modellab_tts_session_create(voice, o, &s, NULL));
    return s;
}

static modellab_tts_result *speak(const char *text, const modellab_tts_text_options *t)
{
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_session *s = session_with(&o);
    modellab_tts_result *r = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_tts_speak_text(s, text, strlen(text), t, &r, &err);
    if (status != MODELLAB_OK)
        print_error("%s\n", err.message);
    OK(status);
    modellab_tts_session_destroy(s);
    return r;
}

static void test_dictionary(void **state)
{
    modellab_model_info info = {.size = sizeof info};
    (void)state;
    OK(modellab_model_get_info(words, &info, NULL));
    assert_string_equal(info.architecture, "cmudict");
    assert_string_equal(info.format, "dictionary");
    assert_string_equal(info.name, "tiny.dict");
    assert_string_equal(info.languages, "en");
}

static const char text[] = "A cat, 5 cats?\n\nTea \xe2\x9c\x93 zig.";

static void test_times(void **state)
{
    static const struct {
        const char *word;
    } want[] = {{"A"}, {"cat"}, {"5"}, {"cats"}, {"Tea"}, {"zig"}};
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_tts_text_word w = {.size = sizeof w};
    modellab_tts_symbol y = {.size = sizeof y};
    size_t count = 0;
    double at = 0, before = 0;
    (void)state;
    t.lexicon = words;
    t.paragraph_pause_ms = 1000;
    modellab_tts_result *r = speak(text, &t);
    OK(modellab_tts_result_get_info(r, &info, NULL));
    assert_int_equal(info.utterances, 2);
    assert_int_equal(info.words, 6);
    assert_int_equal(info.unsaid, 1);
    assert_int_equal(info.from_lexicon, 4);
    assert_int_equal(info.from_parts, 1);
    assert_int_equal(info.from_letters, 1);
    assert_non_null(modellab_tts_result_samples(r, &count));
    assert_true(fabs(info.duration * info.rate_hz - (double)count) < 1.5);
    for (size_t i = 0; i < 6; i++) {
        OK(modellab_tts_result_text_word_at(r, i, &w, NULL));
        assert_int_equal(w.bytes, strlen(want[i].word));
        assert_memory_equal(text + w.from, want[i].word, w.bytes);
        assert_true(w.start >= at && w.end >= w.start && w.end <= info.duration);
        if (i == 4)
            assert_true(w.start - before >= 1.0); /* the pause between paragraphs */
        at = w.start;
        before = w.end;
    }
    /* symbols that this small voice lacks are left out, and counted */
    assert_string_equal(modellab_tts_result_ipa(r), " kˈt, fˈav kˈts?\ntˈi zˈ.");
    assert_int_equal(info.skipped, 7);
    at = 0;
    assert_int_equal(modellab_tts_result_symbol_count(r), 23);
    for (size_t i = 0; i < modellab_tts_result_symbol_count(r); i++) {
        OK(modellab_tts_result_symbol_at(r, i, &y, NULL));
        assert_true(y.start >= at && y.end >= y.start && y.end <= info.duration);
        assert_true(y.at + y.bytes <= strlen(modellab_tts_result_ipa(r)));
        at = y.end;
    }
    assert_int_equal(modellab_tts_result_text_word_at(r, 6, &w, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(modellab_tts_result_symbol_at(r, 23, &y, NULL), MODELLAB_E_NOT_FOUND);
    modellab_tts_result_unref(r);
}

/* The stream and the file have the samples of the whole. */
static void test_stream_and_file(void **state)
{
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    size_t count = 0;
    (void)state;
    t.lexicon = words;
    modellab_tts_result *r = speak(text, &t), *none = NULL;
    const float *whole = modellab_tts_result_samples(r, &count);
    sink s = {.room = count};
    s.samples = malloc(count * sizeof(float));
    assert_non_null(s.samples);
    o.chunk = take;
    o.user = &s;
    modellab_tts_session *session = session_with(&o);
    s.again = session;
    t.output_path = "test_tts_text.wav";
    OK(modellab_tts_speak_text(session, text, strlen(text), &t, &none, NULL));
    assert_int_equal(s.count, count);
    assert_memory_equal(s.samples, whole, count * sizeof(float));
    assert_null(modellab_tts_result_samples(none, NULL));
    modellab_tts_result_unref(none);
    FILE *f = fopen("test_tts_text.wav", "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    assert_int_equal(ftell(f), 44 + 2 * (long)count);
    fclose(f);
    assert_int_equal(remove("test_tts_text.wav"), 0);

    /* the callback ends the work: nothing is left of the file */
    s.count = 0;
    s.again = NULL;
    s.stop_after = 1;
    assert_int_equal(modellab_tts_speak_text(session, text, strlen(text), &t, &none, NULL),
                     MODELLAB_E_CALLBACK);
    assert_null(none);
    f = fopen("test_tts_text.wav", "rb");
    assert_null(f);
    modellab_tts_session_destroy(session);
    modellab_tts_result_unref(r);
    free(s.samples);
}

typedef struct host {
    const char *ipa;
    char asked[256];
    int calls;
    int32_t fails;
} host;

static int32_t pronounce(void *user, const char *clauses, char *ipa, size_t capacity,
                         size_t *needed)
{
    host *h = user;
    h->calls++;
    snprintf(h->asked, sizeof h->asked, "%s", clauses);
    *needed = strlen(h->ipa) + 1;
    if (*needed <= capacity)
        memcpy(ipa, h->ipa, *needed);
    return h->fails;
}

static void test_host(void **state)
{
    static char many[20000];
    host h = {.ipa = "ə kat\nti\n"};
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    (void)state;
    t.g2p = pronounce;
    t.g2p_user = &h;
    modellab_tts_result *r = speak("A cat. Tea!", &t);
    assert_string_equal(h.asked, "a cat\ntea\n");
    assert_string_equal(modellab_tts_result_ipa(r), "ə kat.\nti!");
    assert_int_equal(h.calls, 1);
    modellab_tts_result_unref(r);
    /* more than there was room for: asked again */
    memset(many, ' ', sizeof many - 1);
    memcpy(many, "kat", 3);
    h.ipa = many;
    h.calls = 0;
    r = speak("Cat", &t);
    assert_string_equal(modellab_tts_result_ipa(r), "kat.");
    assert_int_equal(h.calls, 2);
    modellab_tts_result_unref(r);
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_session *s = session_with(&o);
    h.fails = 1;
    assert_int_equal(modellab_tts_speak_text(s, "cat", 3, &t, &r, NULL), MODELLAB_E_CALLBACK);
    assert_null(r);
    h.fails = 0;
    h.ipa = "";
    assert_int_equal(modellab_tts_speak_text(s, "cat", 3, &t, &r, NULL), MODELLAB_E_CALLBACK);
    modellab_tts_session_destroy(s);
}

enum { LONG_LINE = 1 << 20 };

/* Words of one sound, and at the end a symbol that no voice has: who reads so far says so. */
static const char *long_line(void)
{
    static char line[LONG_LINE];
    for (size_t i = 0; i < LONG_LINE; i++)
        line[i] = i % 2 == 0 ? 'a' : ' ';
    line[LONG_LINE - 1] = '\x01';
    return line;
}

static void test_refused(void **state)
{
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT, u = t;
    modellab_tts_session *s = session_with(&o);
    modellab_tts_result *r = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.lexicon = words;
    t.is_ipa = 1;
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.is_ipa = 0;
    t.is_ids = 1;
    assert_int_equal(modellab_tts_speak_text(s, "1", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.is_ids = 0;
    t.g2p_program = "";
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.g2p_program = NULL;
    t.lexicon = voice;
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    t.lexicon = words;
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, NULL, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_text(s, "", 0, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_tts_speak_text(s, "\xff ...", 5, &t, &r, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    o.normalize = 1; /* of single utterances only */
    modellab_tts_session *loud = session_with(&o);
    assert_int_equal(modellab_tts_speak_text(loud, "a", 1, &t, &r, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    modellab_tts_session_destroy(loud);
    /* a line of more symbols than an utterance takes is not read to its end */
    u.is_ipa = 1;
    assert_int_equal(modellab_tts_speak_text(s, long_line(), LONG_LINE, &u, &r, &err),
                     MODELLAB_E_LIMIT);
    t.output_path = "x.doc";
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    t.output_path = NULL;
    t.sentence_pause_ms = 10001;
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_INVALID_ARGUMENT);
    char *big = calloc(1, (1 << 20) + 1);
    assert_non_null(big);
    t.sentence_pause_ms = 0;
    assert_int_equal(modellab_tts_speak_text(s, big, (1 << 20) + 1, &t, &r, NULL),
                     MODELLAB_E_LIMIT);
    free(big);
    u.is_ipa = 1;
    assert_int_equal(modellab_tts_speak_text(s, "kat\nk\xcf\x87", 7, &u, &r, &err),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(err.detail, 5);
    assert_null(r);
    OK(modellab_tts_speak_text(s, "kat", 3, &u, &r, NULL)); /* the session is still good */
    assert_string_equal(modellab_tts_result_ipa(r), "kat");
    modellab_tts_result_unref(r);
    modellab_tts_session_destroy(s);
}

static void test_cancel(void **state)
{
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_result *r = NULL;
    (void)state;
    OK(modellab_cancel_create(NULL, &o.cancel, NULL));
    modellab_tts_session *s = session_with(&o);
    t.lexicon = words;
    modellab_cancel_set(o.cancel);
    assert_int_equal(modellab_tts_speak_text(s, "a", 1, &t, &r, NULL), MODELLAB_E_CANCELLED);
    modellab_tts_session_destroy(s);
    modellab_cancel_unref(o.cancel);
}

/* Memory that is in use, and the most of it. */
typedef struct counted {
    size_t now, most;
} counted;

static void *counted_alloc(void *user, size_t bytes)
{
    counted *c = user;
    void *block = malloc(bytes);
    c->now += malloc_usable_size(block);
    c->most = c->now > c->most ? c->now : c->most;
    return block;
}

static void *counted_realloc(void *user, void *block, size_t bytes)
{
    counted *c = user;
    c->now -= malloc_usable_size(block);
    void *more = realloc(block, bytes);
    c->now += malloc_usable_size(more != NULL ? more : block);
    c->most = c->now > c->most ? c->now : c->most;
    return more;
}

static void counted_free(void *user, void *block)
{
    ((counted *)user)->now -= malloc_usable_size(block);
    free(block);
}

static int32_t drop(void *user, const float *samples, size_t count)
{
    (void)user;
    (void)samples;
    (void)count;
    return 0;
}

/* Without a result a text a hundred times as long takes no more memory. */
static void test_memory(void **state)
{
    counted c = {0, 0};
    modellab_allocator alloc = {sizeof alloc, &c, counted_alloc, counted_realloc, counted_free};
    modellab_model_options mo = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_tts_options o = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options t = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_model *model = NULL;
    modellab_tts_session *s = NULL;
    static char many[20000];
    size_t few = 0;
    (void)state;
    mo.allocator = &alloc;
    mo.cache_root = "";
    OK(modellab_model_open(voice_path, &mo, &model, NULL));
    o.threads = 1;
    o.chunk = drop;
    OK(modellab_tts_session_create(model, &o, &s, NULL));
    t.lexicon = words;
    for (size_t i = 0; i + 7 < sizeof many; i += 7)
        memcpy(many + i, "A cat. ", 7);
    for (int round = 0; round < 2; round++) {
        c.most = c.now;
        OK(modellab_tts_speak_text(s, many, round == 0 ? 140 : 14000, &t, NULL, NULL));
        if (round == 0)
            few = c.most;
    }
    assert_true(c.most <= few + 4096);
    modellab_tts_session_destroy(s);
    modellab_model_unref(model);
    assert_int_equal(c.now, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dictionary),      cmocka_unit_test(test_times),
        cmocka_unit_test(test_stream_and_file), cmocka_unit_test(test_host),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_memory)};
    if (argc != 3)
        return 2;
    voice_path = argv[1];
    words_path = argv[2];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
