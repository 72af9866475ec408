/* TextGrid: what is written, in tiers without gaps; both forms and three encodings read; write,
 * read, equal. */
#include "base/random.h"
#include "text/format.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static mli_transcript *make(const mli_transcript_segment *segments, size_t count, double duration)
{
    mli_transcript *t = NULL;
    OK(mli_transcript_create(NULL, &t, NULL));
    OK(mli_transcript_set_info(t, "transcribe", "en", 1, duration, NULL));
    for (size_t i = 0; i < count; i++)
        OK(mli_transcript_add(t, &segments[i], NULL));
    OK(mli_transcript_finish(t, NULL));
    return t;
}

static mli_transcript *read(const char *text, size_t bytes)
{
    mli_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_format_read(MLI_TEXT_TEXTGRID, text, bytes, NULL, &t, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    return t;
}

static void tiers_have_no_gaps(void **state)
{
    (void)state;
    static const mli_transcript_word words[] = {{.start = 0.5, .end = 0.5, .text = " at"},
                                                {.start = 0.5, .end = 0.9, .text = " \"once\""}};
    static const mli_transcript_segment segment = {
        .start = 0.5, .end = 0.9, .text = " at \"once\"", .words = words, .word_count = 2};
    mli_transcript *t = make(&segment, 1, 1.0);
    mli_buf out;
    mli_buf_init(&out, NULL);
    OK(mli_format_write(t, MLI_TEXT_TEXTGRID, NULL, &out, NULL));
    OK(mli_buf_status(&out, NULL));
    assert_string_equal(
        mli_buf_text(&out),
        "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0.000\nxmax = 1.000\n"
        "tiers? <exists>\nsize = 2\nitem []:\n    item [1]:\n        class = \"IntervalTier\"\n"
        "        name = \"segments\"\n        xmin = 0.000\n        xmax = 1.000\n"
        "        intervals: size = 3\n        intervals [1]:\n            xmin = 0.000\n"
        "            xmax = 0.500\n            text = \"\"\n        intervals [2]:\n"
        "            xmin = 0.500\n            xmax = 0.900\n"
        "            text = \"at \"\"once\"\"\"\n        intervals [3]:\n"
        "            xmin = 0.900\n            xmax = 1.000\n            text = \"\"\n"
        "    item [2]:\n        class = \"IntervalTier\"\n        name = \"words\"\n"
        "        xmin = 0.000\n        xmax = 1.000\n        intervals: size = 4\n"
        "        intervals [1]:\n            xmin = 0.000\n            xmax = 0.500\n"
        "            text = \"\"\n        intervals [2]:\n            xmin = 0.500\n"
        "            xmax = 0.501\n            text = \"at\"\n        intervals [3]:\n"
        "            xmin = 0.501\n            xmax = 0.900\n            text = \"\"\"once\"\"\"\n"
        "        intervals [4]:\n            xmin = 0.900\n            xmax = 1.000\n"
        "            text = \"\"\n");
    mli_buf_dispose(&out);
    mli_transcript_unref(t);
}

static const char short_form[] =
    "\"ooTextFile\"\n\"TextGrid\"\n0\n2.5\n<exists>\n3\n! points come first\n\"TextTier\" "
    "\"bell\"\n"
    "0 2.5 1\n1.25 \"ding\"\n\"IntervalTier\"\n\"ann\"\n0\n2.5\n2\n0\n1.0\n\"\"\n1.0\n2.5\n\"a "
    "\"\"b\"\""
    " \xc3\xa4\"\n\"IntervalTier\"\n\"words\"\n0\n2.5\n2\n1.0\n1.5\n\"a\"\n1.5\n2."
    "5\n\"\"\"b\"\"\"\n";

static void expect_short(const mli_transcript *t)
{
    assert_int_equal(t->segment_count, 1);
    assert_string_equal(t->segments[0].text, "a \"b\" \xc3\xa4");
    assert_true(t->segments[0].start == 1.0 && t->segments[0].end == 2.5 && t->duration == 2.5);
    assert_int_equal(t->segments[0].word_count, 2);
    assert_string_equal(t->segments[0].words[1].text, " \"b\"");
    assert_true(t->segments[0].words[1].start == 1.5 && t->segments[0].words[1].end == 2.5);
}

static void forms_and_encodings_are_read(void **state)
{
    (void)state;
    char wide[4 * sizeof short_form] = {0};
    mli_transcript *t = read(short_form, sizeof short_form - 1);
    expect_short(t);
    mli_transcript_unref(t);
    for (size_t big = 0; big < 2; big++) {
        size_t bytes = 0;
        wide[bytes++] = big ? '\xfe' : '\xff';
        wide[bytes++] = big ? '\xff' : '\xfe';
        for (const char *c = short_form; *c != '\0'; c++) {
            char low = *c == '\xc3' ? '\xe4' : *c; /* the one letter beyond ASCII */
            c += *c == '\xc3';
            wide[bytes + (big ? 1 : 0)] = low;
            wide[bytes + (big ? 0 : 1)] = 0;
            bytes += 2;
        }
        t = read(wide, bytes);
        expect_short(t);
        mli_transcript_unref(t);
    }
    static const char marked[] = "\xef\xbb\xbf\"ooTextFile\"\n\"TextGrid\"\n0\n1\n<absent>\n";
    t = read(marked, sizeof marked - 1);
    assert_int_equal(t->segment_count, 0);
    mli_transcript_unref(t);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x",
        "\"ooTextFile\"\n\"Sound\"\n0\n1\n",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n1\n<exists>\n99999999999\n",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n1\n<exists>"
        "\n1\n\"IntervalTier\"\n\"a\"\n0\n1\n1\n1\n0\n\"x\"",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n1\n<exists>\n1\n\"Other\"\n\"a\"\n0\n1\n0\n",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n1\n<exists>"
        "\n1\n\"IntervalTier\"\n\"a\"\n0\n1\n1\n0\n1\n\"x",
        "\"ooTextFile\"\n\"TextGrid\"\n0\n1e\n<exists>\n0\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mli_transcript *t = NULL;
        modellab_status status =
            mli_format_read(MLI_TEXT_TEXTGRID, texts[i], strlen(texts[i]), NULL, &t, NULL);
        if (status != MODELLAB_E_SCHEMA)
            fail_msg("%zu: %d", i, (int)status);
        assert_null(t);
    }
}

/* Random segments and words on whole milliseconds. */
static void what_was_written_is_read(void **state)
{
    (void)state;
    for (uint32_t trial = 0; trial < 200; trial++) {
        mli_transcript_segment segments[5];
        mli_transcript_word words[5][4];
        int64_t at = 0;
        uint32_t random[4];
        memset(segments, 0, sizeof segments);
        memset(words, 0, sizeof words);
        for (uint32_t s = 0; s < 5; s++) {
            for (uint32_t w = 0; w < 4; w++) {
                mli_philox(11, (uint32_t[4]){trial, s, w, 0}, random);
                at += random[0] % 3 * (random[1] % 500);
                words[s][w].start = (double)at / 1000;
                at += 1 + random[2] % 700;
                words[s][w].end = (double)at / 1000;
                words[s][w].text = w % 2 == 0 ? " a\"b" : " \xe6\x97\xa5!";
            }
            segments[s] = (mli_transcript_segment){.start = words[s][0].start,
                                                   .end = words[s][3].end,
                                                   .text = " four \"words\" \xe2\x80\x93 here",
                                                   .words = words[s],
                                                   .word_count = 4};
        }
        mli_transcript *t = make(segments, 5, (double)at / 1000 + 0.25);
        mli_buf out;
        mli_buf_init(&out, NULL);
        OK(mli_format_write(t, MLI_TEXT_TEXTGRID, NULL, &out, NULL));
        mli_transcript *back = read(out.data, out.size);
        assert_int_equal(back->segment_count, 5);
        assert_true(fabs(back->duration - t->duration) < 1e-9);
        for (size_t s = 0; s < 5; s++) {
            const mli_transcript_segment *a = &t->segments[s], *b = &back->segments[s];
            assert_string_equal(a->text + 1, b->text);
            assert_true(a->start == b->start && a->end == b->end);
            assert_int_equal(b->word_count, 4);
            for (size_t w = 0; w < 4; w++) {
                assert_string_equal(a->words[w].text, b->words[w].text);
                assert_true(a->words[w].start == b->words[w].start &&
                            a->words[w].end == b->words[w].end);
            }
        }
        mli_buf_dispose(&out);
        mli_transcript_unref(t);
        mli_transcript_unref(back);
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    for (long at = 0;; at++) {
        failing_alloc f = {.fail_at = at};
        modellab_allocator table = failing_alloc_table(&f);
        mli_transcript *t = NULL;
        modellab_status status =
            mli_format_read(MLI_TEXT_TEXTGRID, short_form, sizeof short_form - 1, &table, &t, NULL);
        bool failed = f.calls > at;
        assert_int_equal(status, failed ? MODELLAB_E_NO_MEMORY : MODELLAB_OK);
        mli_transcript_unref(t);
        assert_int_equal(f.live, 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers_have_no_gaps),      cmocka_unit_test(forms_and_encodings_are_read),
        cmocka_unit_test(what_is_none_is_refused), cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
