/* Transcript formats: golden texts, and random transcripts that are written, read back and
 * compared. */
#include "text/format.h"
#include "text/format_time.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

/* --- small transcripts --- */
static mli_transcript *make(const mli_transcript_segment *segments, size_t count)
{
    mli_transcript *t = NULL;
    OK(mli_transcript_create(NULL, &t, NULL));
    OK(mli_transcript_set_info(t, "transcribe", "en", 0.75, 61.5, NULL));
    for (size_t i = 0; i < count; i++)
        OK(mli_transcript_add(t, &segments[i], NULL));
    OK(mli_transcript_finish(t, NULL));
    return t;
}

static mli_transcript *golden(void)
{
    static const mli_transcript_word words[] = {{0.0, 0.4, 0.9876543, " Hello", NULL, false},
                                                {0.4005, 1.0015, 1.0, " <b>&\tall.", NULL, false}};
    static const int32_t tokens[] = {50364, 2425, 50414};
    static const float probabilities[] = {0.5f, 0.25f, 1.0f};
    static const mli_transcript_segment segments[] = {
        {.id = 0,
         .end = 1.0025,
         .text = " Hello <b>&\tall.",
         .tokens = tokens,
         .token_probabilities = probabilities,
         .token_count = 3,
         .words = words,
         .word_count = 2,
         .avg_logprob = -0.25,
         .compression_ratio = 1.5,
         .no_speech_prob = 0.125},
        {.id = 1, .seek = 100, .start = 1.0, .end = 1.0, .text = "  "},
        {.id = 2,
         .seek = 100,
         .start = 0.5,
         .end = 3661.0009,
         .text = " a --> b\n\nc ",
         .speaker = "J&J"},
    };
    return make(segments, 3);
}

static void check_text(mli_text_format format, const mli_format_options *options, const char *want)
{
    mli_transcript *t = golden();
    mli_buf out;
    mli_buf_init(&out, NULL);
    OK(mli_format_write(t, format, options, &out, NULL));
    assert_string_equal(mli_buf_text(&out), want);
    mli_buf_dispose(&out);
    mli_transcript_unref(t);
}

static void test_golden(void **state)
{
    (void)state;
    const mli_format_options per_word = {.cue_per_word = true};
    const mli_format_options named = {.name = "some/folder/my talk.v2.wav"};
    check_text(MLI_TEXT_TXT, NULL, "Hello <b>& all.\nJ&J: a --> b c\n");
    check_text(MLI_TEXT_JSON, NULL, "{\"text\":\"Hello <b>&\\tall.   a --> b\\n\\nc\"}\n");
    check_text(MLI_TEXT_SRT, NULL,
               "1\n00:00:00,000 --> 00:00:01,002\nHello <b>& all.\n\n"
               "2\n00:00:00,500 --> 01:01:01,001\nJ&J: a -> b c\n\n");
    check_text(MLI_TEXT_SRT, &per_word,
               "1\n00:00:00,000 --> 00:00:00,400\nHello\n\n"
               "2\n00:00:00,400 --> 00:00:01,002\n<b>& all.\n\n");
    check_text(MLI_TEXT_VTT, NULL,
               "WEBVTT\n\n00:00:00.000 --> 00:00:01.002\nHello &lt;b&gt;&amp; all.\n\n"
               "00:00:00.500 --> 01:01:01.001\n<v J&amp;J>a --&gt; b c\n\n");
    check_text(MLI_TEXT_TSV, NULL,
               "start\tend\ttext\n0\t1002\tHello <b>& all.\n500\t3661001\ta --> b c\n");
    check_text(MLI_TEXT_CTM, &named,
               "my_talk.v2 1 0.000 0.400 Hello 0.988\nmy_talk.v2 1 0.400 0.602 <b>&_all. 1.000\n");
    check_text(MLI_TEXT_STM, &named,
               "my_talk.v2 1 unknown 0.000 1.002 <NA> Hello <b>& all.\n"
               "my_talk.v2 1 J&J 0.500 3661.001 <NA> a --> b c\n");
    check_text(
        MLI_TEXT_VERBOSE_JSON, NULL,
        "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":61.5,"
        "\"text\":\"Hello <b>&\\tall.   a --> b\\n\\nc\",\"segments\":["
        "{\"id\":0,\"seek\":0,\"start\":0.0,\"end\":1.002,\"text\":\" Hello <b>&\\tall.\","
        "\"tokens\":[50364,2425,50414],\"token_probabilities\":[0.5,0.25,1.0],"
        "\"temperature\":0.0,\"avg_logprob\":-0.25,\"compression_ratio\":1.5,"
        "\"no_speech_prob\":0.125},"
        "{\"id\":1,\"seek\":100,\"start\":1.0,\"end\":1.0,\"text\":\"  \",\"tokens\":[],"
        "\"temperature\":0.0,\"avg_logprob\":0.0,\"compression_ratio\":0.0,\"no_speech_prob\":0.0},"
        "{\"id\":2,\"seek\":100,\"start\":0.5,\"end\":3661.001,\"text\":\" a --> b\\n\\nc \","
        "\"speaker\":\"J&J\",\"tokens\":[],\"temperature\":0.0,\"avg_logprob\":0.0,"
        "\"compression_ratio\":0.0,\"no_speech_prob\":0.0}],"
        "\"words\":[{\"word\":\"Hello\",\"start\":0.0,\"end\":0.4,\"text\":\" Hello\","
        "\"probability\":0.987654,\"segment\":0},"
        "{\"word\":\"<b>&\\tall.\",\"start\":0.4,\"end\":1.002,\"text\":\" <b>&\\tall.\","
        "\"probability\":1.0,\"segment\":0}],"
        "\"language_code\":\"en\",\"language_probability\":0.75}\n");
}

static void test_rounding(void **state)
{
    (void)state;
    assert_int_equal(mli_format_ms(0.0005), 0);
    assert_int_equal(mli_format_ms(0.0015), 2);
    assert_int_equal(mli_format_ms(0.0025), 2);
    assert_int_equal(mli_format_ms(1.2344999), 1234);
    assert_int_equal(mli_format_ms(-1.0), 0);
    assert_int_equal(mli_format_ms(NAN), 0);
    assert_int_equal(mli_format_ms(INFINITY), INT64_C(36000000000));
    mli_format_clock clock = {0};
    int64_t start, end;
    mli_format_cue(&clock, 2.0, 1.0, 1, &start, &end);
    assert_true(start == 2000 && end == 2001);
    mli_format_cue(&clock, 1.0, 3.0, 0, &start, &end);
    assert_true(start == 2000 && end == 3000);
}

static void test_names(void **state)
{
    (void)state;
    for (int f = MLI_TEXT_TXT; f <= MLI_TEXT_LAST; f++)
        assert_int_equal(mli_format_from_name(mli_format_name((mli_text_format)f)), f);
    assert_int_equal(mli_format_from_name("doc"), 0);
    assert_int_equal(mli_format_from_name(NULL), 0);
    assert_null(mli_format_name((mli_text_format)0));
    assert_null(mli_format_name((mli_text_format)99));
}

static void test_no_words(void **state)
{
    (void)state;
    const mli_transcript_segment segment = {.end = 1.0, .text = " x"};
    const mli_format_options per_word = {.cue_per_word = true};
    mli_transcript *t = make(&segment, 1), *empty = make(NULL, 0);
    mli_buf out;
    mli_buf_init(&out, NULL);
    assert_int_equal(mli_format_write(t, MLI_TEXT_CTM, NULL, &out, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_format_write(t, MLI_TEXT_VTT, &per_word, &out, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_format_write(t, (mli_text_format)99, NULL, &out, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    OK(mli_format_write(empty, MLI_TEXT_CTM, NULL, &out, NULL));
    OK(mli_format_write(empty, MLI_TEXT_VTT, NULL, &out, NULL));
    assert_string_equal(mli_buf_text(&out), "WEBVTT\n\n");
    mli_buf_dispose(&out);
    mli_transcript_unref(t);
    mli_transcript_unref(empty);
}

/* --- random transcripts --- */
static uint32_t random_state;

static uint32_t next_random(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(random_state >> 4) * limit >> 28);
}

/* Pieces that formats could stumble over. No outer spaces, no tabs or line breaks: those are not
 * kept. */
static void random_text(char *out, size_t words, bool arrows)
{
    static const char *const pieces[] = {
        "the",          "<i>",   "&amp;", "42",  "\xc3\xa9t\xc3\xa9",
        "a&b",          "\"q\"", "NOTE",  "\\n", "WEBVTT",
        "x:y",          "1,5",   ";;",    "{}",  "'",
        "\xe6\x97\xa5", "<v",    "-->"};
    out[0] = '\0';
    for (size_t i = 0; i < words; i++) {
        if (i > 0)
            strcat(out, " ");
        strcat(out, pieces[next_random(arrows ? 18 : 17)]);
    }
}

enum { MAX_SEGMENTS = 6, MAX_WORDS = 5, TEXT = 160 };

typedef struct sample {
    mli_transcript_segment segments[MAX_SEGMENTS];
    mli_transcript_word words[MAX_SEGMENTS][MAX_WORDS];
    char texts[MAX_SEGMENTS][TEXT], word_texts[MAX_SEGMENTS][MAX_WORDS][TEXT];
    int32_t tokens[MAX_SEGMENTS][4];
    float probabilities[MAX_SEGMENTS][4];
    size_t count;
} sample;

/* Times are whole milliseconds, so that reading gives the same doubles. */
static void random_sample(sample *s, bool with_words, bool speakers, bool arrows)
{
    int64_t at = 0;
    memset(s, 0, sizeof *s);
    s->count = next_random(MAX_SEGMENTS + 1);
    for (size_t i = 0; i < s->count; i++) {
        mli_transcript_segment *g = &s->segments[i];
        at += next_random(4000000);
        g->start = (double)at / 1000.0;
        random_text(s->texts[i], 1 + next_random(8), arrows);
        g->id = (int64_t)i;
        g->text = s->texts[i];
        g->speaker = speakers && next_random(2) == 0 ? "A <1> & B" : NULL;
        for (size_t k = 0; with_words && k < 1 + next_random(MAX_WORDS - 1); k++) {
            mli_transcript_word *w = &s->words[i][k];
            s->word_texts[i][k][0] = ' ';
            random_text(s->word_texts[i][k] + 1, 1, arrows);
            int64_t length = next_random(900);
            *w = (mli_transcript_word){(double)at / 1000.0,
                                       (double)(at + length) / 1000.0,
                                       (double)next_random(1001) / 1000.0,
                                       s->word_texts[i][k],
                                       NULL,
                                       false};
            at += length + next_random(100);
            g->words = s->words[i];
            g->word_count++;
        }
        at += 1 + next_random(5000);
        g->end = (double)at / 1000.0;
        g->token_count = next_random(5);
        for (size_t k = 0; k < g->token_count; k++) {
            s->tokens[i][k] = (int32_t)next_random(51865);
            s->probabilities[i][k] = (float)next_random(1000001) / 1e6f;
        }
        g->tokens = s->tokens[i];
        g->token_probabilities = s->probabilities[i];
        g->avg_logprob = -(double)next_random(1000000) / 3e5;
        g->temperature = (double)next_random(6) / 5.0;
        g->compression_ratio = (double)next_random(100000) / 7e4;
        g->no_speech_prob = (double)next_random(100000) / 1e5;
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_cues(const mli_transcript *a, const mli_transcript *b, bool speakers)
{
    if (a->segment_count != b->segment_count)
        return false;
    for (size_t i = 0; i < a->segment_count; i++) {
        const mli_transcript_segment *x = &a->segments[i], *y = &b->segments[i];
        if (x->start != y->start || x->end != y->end || !same_text(x->text, y->text) ||
            (speakers && !same_text(x->speaker, y->speaker)))
            return false;
    }
    return true;
}

static bool same_words(const mli_transcript_segment *x, const mli_transcript_segment *y)
{
    if (x->word_count != y->word_count)
        return false;
    for (size_t k = 0; k < x->word_count; k++)
        if (x->words[k].start != y->words[k].start || x->words[k].end != y->words[k].end ||
            x->words[k].probability != y->words[k].probability ||
            !same_text(x->words[k].text, y->words[k].text))
            return false;
    return true;
}

static bool same_all(const mli_transcript *a, const mli_transcript *b)
{
    if (!same_cues(a, b, true) || !same_text(a->text, b->text) || !same_text(a->task, b->task) ||
        !same_text(a->language, b->language) || a->duration != b->duration ||
        a->language_probability != b->language_probability || a->partial != b->partial)
        return false;
    for (size_t i = 0; i < a->segment_count; i++) {
        const mli_transcript_segment *x = &a->segments[i], *y = &b->segments[i];
        if (!same_words(x, y) || x->token_count != y->token_count || x->id != y->id ||
            x->seek != y->seek || x->avg_logprob != y->avg_logprob ||
            x->temperature != y->temperature || x->compression_ratio != y->compression_ratio ||
            x->no_speech_prob != y->no_speech_prob)
            return false;
        for (size_t k = 0; k < x->token_count; k++)
            if (x->tokens[k] != y->tokens[k] ||
                fabsf(x->token_probabilities[k] - y->token_probabilities[k]) > 1e-6f)
                return false;
    }
    return true;
}

static mli_transcript *round_trip(const mli_transcript *t, mli_text_format format)
{
    mli_transcript *back = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf out;
    mli_buf_init(&out, NULL);
    OK(mli_format_write(t, format, NULL, &out, &err));
    if (mli_format_read(format, out.data, out.size, NULL, &back, &err) != MODELLAB_OK)
        fail_msg("%s: %s in\n%s", mli_format_name(format), err.message, out.data);
    mli_buf_dispose(&out);
    return back;
}

static void test_random_cues(void **state)
{
    (void)state;
    static sample s;
    const mli_text_format formats[] = {MLI_TEXT_SRT, MLI_TEXT_VTT, MLI_TEXT_TSV};
    for (random_state = 1; random_state < 400; random_state++) {
        uint32_t seed = random_state;
        for (size_t f = 0; f < 3; f++) {
            mli_text_format format = formats[f];
            random_state = seed;
            random_sample(&s, false, format == MLI_TEXT_VTT, format != MLI_TEXT_SRT);
            mli_transcript *t = make(s.segments, s.count);
            if (format == MLI_TEXT_SRT && s.count == 0) {
                mli_transcript_unref(t);
                continue; /* an empty SRT file has nothing to read */
            }
            mli_transcript *back = round_trip(t, format);
            if (!same_cues(t, back, format == MLI_TEXT_VTT))
                fail_msg("seed %u, %s", seed, mli_format_name(format));
            mli_transcript_unref(back);
            mli_transcript_unref(t);
        }
        random_state = seed;
    }
}

static void test_random_json(void **state)
{
    (void)state;
    static sample s;
    for (uint32_t seed = 1; seed < 400; seed++) {
        random_state = seed;
        random_sample(&s, seed % 2 == 0, true, true);
        mli_transcript *t = make(s.segments, s.count);
        if (seed % 3 == 0)
            mli_transcript_set_partial(t);
        mli_transcript *back = round_trip(t, MLI_TEXT_VERBOSE_JSON);
        if (!same_all(t, back))
            fail_msg("seed %u", seed);
        mli_transcript_unref(back);
        mli_transcript_unref(t);
    }
}

static void test_random_ctm(void **state)
{
    (void)state;
    static sample s;
    for (uint32_t seed = 1; seed < 400; seed++) {
        random_state = seed;
        random_sample(&s, true, false, true);
        if (s.count == 0)
            continue;
        mli_transcript *t = make(s.segments, s.count), *back = round_trip(t, MLI_TEXT_CTM);
        size_t at = 0;
        assert_int_equal(back->segment_count, 1);
        for (size_t i = 0; i < t->segment_count; i++)
            for (size_t k = 0; k < t->segments[i].word_count; k++, at++) {
                const mli_transcript_word *x = &t->segments[i].words[k];
                const mli_transcript_word *y = &back->segments[0].words[at];
                double end = x->end > x->start ? x->end : x->start + 0.01;
                assert_true(x->start == y->start && fabs(end - y->end) < 1e-9);
                assert_true(x->probability == y->probability && same_text(x->text, y->text));
            }
        assert_int_equal(at, back->segments[0].word_count);
        mli_transcript_unref(back);
        mli_transcript_unref(t);
    }
}

/* --- files of others --- */
static mli_transcript *read_text(mli_text_format format, const char *text)
{
    mli_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_format_read(format, text, strlen(text), NULL, &t, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return t;
}

static void test_foreign(void **state)
{
    (void)state;
    mli_transcript *t =
        read_text(MLI_TEXT_VTT, "\xef\xbb\xbfWEBVTT - a title\r\nKind: captions\r\n\r\n"
                                "STYLE\r\n::cue { color: red }\r\n\r\nNOTE\r\nhidden\r\n\r\n"
                                "intro\r\n00:01.500 --> 00:02.000 align:start\r\n"
                                "<v.loud Jo>Hi <c.x>there</c> &amp; co&unknown;\r\nline two\r\n");
    assert_int_equal(t->segment_count, 1);
    assert_string_equal(t->segments[0].text, "Hi there & co&unknown;\nline two");
    assert_string_equal(t->segments[0].speaker, "Jo");
    assert_true(t->segments[0].start == 1.5 && t->duration == 2.0);
    mli_transcript_unref(t);
    t = read_text(
        MLI_TEXT_VERBOSE_JSON,
        "{\"task\":\"translate\",\"language\":\"german\",\"duration\":2,\"text\":\"x\","
        "\"segments\":["
        "{\"start\":0,\"end\":1,\"text\":\"a "
        "b\"},{\"start\":1,\"end\":2.0,\"text\":\"c\"}],\"words\":["
        "{\"word\":\"a\",\"start\":0,\"end\":0.5},{\"word\":\"b\",\"start\":0.5,\"end\":1.1},"
        "{\"word\":\"c\",\"start\":1.2,\"end\":2.5}]}");
    assert_string_equal(t->language, "de");
    assert_int_equal(t->segments[0].word_count, 2);
    assert_int_equal(t->segments[1].word_count, 1);
    mli_transcript_unref(t);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        mli_text_format format;
        const char *text;
        modellab_status status;
        int64_t detail;
    } cases[] = {
        {MLI_TEXT_SRT, "1\n00:00:01,000 --> 00:00:00,000\nx\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_SRT, "1\n00:00:01.00 --> 00:00:02,000\nx\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_SRT, "1\nx\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_SRT, "1\n", MODELLAB_E_SCHEMA, 1},
        {MLI_TEXT_SRT, "", MODELLAB_E_SCHEMA, -1},
        {MLI_TEXT_SRT, "\xff", MODELLAB_E_SCHEMA, -1},
        {MLI_TEXT_VTT, "WEBVTTX\n", MODELLAB_E_SCHEMA, 1},
        {MLI_TEXT_VTT, "WEBVTT\n\n00:61.000 --> 00:62.000\nx\n", MODELLAB_E_SCHEMA, 3},
        {MLI_TEXT_TSV, "a\tb\tc\n", MODELLAB_E_SCHEMA, 1},
        {MLI_TEXT_TSV, "start\tend\ttext\n5\t4\tx\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_TSV, "start\tend\ttext\n5\t123456789012\tx\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_CTM, ";; note\na 1 0.1 x word\n", MODELLAB_E_SCHEMA, 2},
        {MLI_TEXT_CTM, "a 1 0.1 0.1 word 1.5\n", MODELLAB_E_SCHEMA, 1},
        {MLI_TEXT_VERBOSE_JSON, "{}", MODELLAB_E_SCHEMA, -1},
        {MLI_TEXT_VERBOSE_JSON, "{\"segments\":[", MODELLAB_E_INVALID_JSON, -2},
        {MLI_TEXT_VERBOSE_JSON, "{\"segments\":[{\"start\":1,\"end\":0,\"text\":\"\"}]}",
         MODELLAB_E_SCHEMA, 0},
        {MLI_TEXT_VERBOSE_JSON, "{\"segments\":[],\"words\":[{}]}", MODELLAB_E_SCHEMA, 0},
        {MLI_TEXT_TXT, "x", MODELLAB_E_UNSUPPORTED, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_transcript *t = NULL;
        modellab_status status =
            mli_format_read(cases[i].format, cases[i].text, strlen(cases[i].text), NULL, &t, &err);
        if (status != cases[i].status || (cases[i].detail != -2 && err.detail != cases[i].detail))
            fail_msg("case %zu: %d %s", i, (int)status, err.message);
        assert_null(t);
    }
}

/* Every allocation fails once; nothing leaks and the reason is memory. */
static void test_memory_faults(void **state)
{
    (void)state;
    const mli_text_format formats[] = {MLI_TEXT_SRT, MLI_TEXT_VTT, MLI_TEXT_TSV, MLI_TEXT_CTM,
                                       MLI_TEXT_VERBOSE_JSON};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        mli_transcript *t = golden();
        mli_buf text;
        mli_buf_init(&text, NULL);
        OK(mli_format_write(t, formats[f], NULL, &text, NULL));
        modellab_status status = MODELLAB_E_NO_MEMORY;
        long n = 0;
        for (; status == MODELLAB_E_NO_MEMORY; n++) {
            failing_alloc failing = {.fail_at = n};
            const modellab_allocator alloc = failing_alloc_table(&failing);
            mli_transcript *back = NULL;
            status = mli_format_read(formats[f], text.data, text.size, &alloc, &back, NULL);
            mli_transcript_unref(back);
            assert_int_equal(failing.live, 0);
        }
        OK(status);
        assert_true(n > 5);
        status = MODELLAB_E_NO_MEMORY;
        for (n = 0; status == MODELLAB_E_NO_MEMORY; n++) {
            failing_alloc failing = {.fail_at = n};
            const modellab_allocator alloc = failing_alloc_table(&failing);
            mli_buf out;
            mli_buf_init(&out, &alloc);
            status = mli_format_write(t, formats[f], NULL, &out, NULL);
            mli_buf_dispose(&out);
            assert_int_equal(failing.live, 0);
        }
        OK(status);
        mli_buf_dispose(&text);
        mli_transcript_unref(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),      cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_no_words),
        cmocka_unit_test(test_random_cues), cmocka_unit_test(test_random_json),
        cmocka_unit_test(test_random_ctm),  cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_memory_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
