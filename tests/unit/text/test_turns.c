/* Turns as text and joined with words: the rules one by one, then properties over made-up talks
 * against a plain search. */
#include "text/format.h"
#include "text/labels.h"
#include "text/turns.h"
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
enum { TURNS = 40, WORDS = 60 };

static uint32_t seed = 1;

static uint32_t next_random(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* A transcript of one segment with these words (text "w0", "w1" ...). */
static mli_transcript *transcript_of(const double (*times)[2], size_t count)
{
    static mli_transcript_word words[WORDS];
    static char texts[WORDS][8], whole[WORDS * 8];
    static const int32_t tokens[] = {1, 2};
    mli_transcript *t = NULL;
    whole[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], " w%zu", i);
        (void)strcat(whole, texts[i]);
        words[i] = (mli_transcript_word){times[i][0], times[i][1], 0.5, texts[i], NULL, false};
    }
    const mli_transcript_segment s = {.start = times[0][0],
                                      .end = times[count - 1][1] + 0.1,
                                      .text = whole,
                                      .tokens = tokens,
                                      .token_count = 2,
                                      .words = words,
                                      .word_count = count};
    OK(mli_transcript_create(NULL, &t, NULL));
    OK(mli_transcript_set_info(t, "transcribe", "en", 1, 100, NULL));
    OK(mli_transcript_add(t, &s, NULL));
    OK(mli_transcript_finish(t, NULL));
    return t;
}

static const mli_transcript_word *word_of(const mli_transcript *t, size_t index)
{
    const mli_transcript_segment *segment = NULL;
    return mli_transcript_word_at(t, index, &segment);
}

static void test_rules(void **state)
{
    static const mli_text_turn turns[] = {
        {1, 3, "A"}, {2, 4, "B"}, {6, 7, "A"}, {7, 7.5, "B"}, {7.5, 8, "A"}};
    static const double times[][2] = {{0.2, 0.4}, {1, 2},     {2.6, 4}, {4.4, 4.6},
                                      {5.4, 5.6}, {6.5, 7.5}, {6.9, 8}, {8.5, 9.0}};
    static const char *const want[] = {"A", "A", "B", "B", "A", "A", "A", "A"};
    static const bool nearest[] = {true, false, false, true, true, false, false, true};
    mli_transcript *t = transcript_of(times, 8), *out = NULL;
    (void)state;
    OK(mli_who_said_what(t, turns, 5, NULL, &out, NULL));
    for (size_t i = 0; i < 8; i++) {
        const mli_transcript_word *w = word_of(out, i);
        if (strcmp(w->speaker, want[i]) != 0 || w->speaker_nearest != nearest[i])
            fail_msg("word %zu: %s%s", i, w->speaker, w->speaker_nearest ? " (nearest)" : "");
    }
    assert_int_equal(out->segment_count, 3); /* A, B, A */
    assert_string_equal(out->segments[1].text, " w2 w3");
    assert_int_equal(out->segments[1].token_count, 0);
    assert_true(out->segments[0].start < 0.21 && out->segments[2].end > 9.09);
    assert_string_equal(out->text, t->text);
    mli_transcript_unref(out);
    OK(mli_who_said_what(t, NULL, 0, NULL, &out, NULL)); /* nobody: as it was */
    assert_int_equal(out->segment_count, 1);
    assert_int_equal(out->segments[0].token_count, 2);
    assert_null(out->segments[0].speaker);
    mli_transcript_unref(out);
    mli_transcript_unref(t);
}

/* The speaker of a word by trying all turns. */
static const char *plain(const mli_text_turn *turns, size_t count, double start, double end,
                         bool *is_nearest)
{
    const char *best = NULL;
    double most = 0, least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t k = 0; k < count; k++) {
            double shared = fmin(end, turns[k].end) - fmax(start, turns[k].start);
            if (shared > 0 && strcmp(turns[k].speaker, turns[i].speaker) == 0)
                sum += shared;
        }
        bool now = fmin(end, turns[i].end) > fmax(start, turns[i].start);
        if (now && sum > most + 1e-9) {
            most = sum;
            best = turns[i].speaker;
        }
    }
    *is_nearest = best == NULL;
    for (size_t i = 0; i < count && *is_nearest; i++) {
        double away = fmax(fmax(turns[i].start - end, start - turns[i].end), 0);
        if (away < least - 1e-9) {
            least = away;
            best = turns[i].speaker;
        }
    }
    return best;
}

/* Times on a grid of 10 ms with offsets that leave no two distances alike. */
static size_t make_turns(mli_text_turn *turns)
{
    static const char *const names[] = {"speaker_1", "speaker_2", "Ann"};
    size_t count = 1 + next_random(TURNS - 1);
    double at = 0;
    for (size_t i = 0; i < count; i++) {
        at += next_random(300) / 100.0 + 0.00013;
        turns[i] =
            (mli_text_turn){at, at + next_random(400) / 100.0 + 0.00317, names[next_random(3)]};
    }
    return count;
}

static void test_properties(void **state)
{
    mli_text_turn turns[TURNS];
    double times[WORDS][2];
    (void)state;
    for (int round = 0; round < 2000; round++) {
        mli_transcript *out = NULL;
        size_t count = make_turns(turns), words = 1 + next_random(WORDS - 1), seen = 0;
        double at = 0;
        for (size_t i = 0; i < words; i++) {
            at += next_random(100) / 100.0 + 0.0007;
            times[i][0] = at;
            at += next_random(80) / 100.0 + 0.01;
            times[i][1] = at;
        }
        mli_transcript *t = transcript_of((const double(*)[2])times, words);
        OK(mli_who_said_what(t, turns, count, NULL, &out, NULL));
        assert_int_equal(mli_transcript_word_count(out), words);
        assert_string_equal(out->text, t->text);
        for (size_t i = 0; i < out->segment_count; i++) {
            const mli_transcript_segment *s = &out->segments[i];
            assert_int_equal(s->id, i);
            assert_true(i == 0 || strcmp(s->speaker, out->segments[i - 1].speaker) != 0);
            assert_true(i == 0 || s->start >= out->segments[i - 1].end);
            for (size_t k = 0; k < s->word_count; k++, seen++) {
                bool is_nearest = false;
                const mli_transcript_word *w = &s->words[k];
                const char *want = plain(turns, count, w->start, w->end, &is_nearest);
                assert_true(w->start == times[seen][0] && w->end == times[seen][1]);
                assert_string_equal(w->speaker, s->speaker);
                if (strcmp(w->speaker, want) != 0 || w->speaker_nearest != is_nearest)
                    fail_msg("round %d, word %zu: %s instead of %s", round, seen, w->speaker, want);
            }
        }
        assert_int_equal(seen, words);
        mli_transcript_unref(out);
        mli_transcript_unref(t);
    }
}

/* What is written as RTTM is read back; fields stay fields. */
static void test_rttm(void **state)
{
    mli_text_turn turns[TURNS];
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t count = make_turns(turns);
        mli_buf text;
        mli_labels labels;
        mli_buf_init(&text, NULL);
        turns[0].speaker = "a b\tc";
        mli_turns_rttm(turns, count, "folder/my talk.wav", &text);
        OK(mli_labels_read(MLI_LABELS_RTTM, text.data, text.size, NULL, &labels, NULL));
        assert_int_equal(labels.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(labels.items[i].file, "my_talk");
            assert_string_equal(labels.items[i].speaker, i == 0 ? "a_b_c" : turns[i].speaker);
            assert_true(fabs((double)labels.items[i].start_ms - turns[i].start * 1000) <= 0.5001);
            assert_true(fabs((double)labels.items[i].end_ms - turns[i].end * 1000) <= 0.5001);
        }
        mli_labels_dispose(&labels);
        mli_buf_dispose(&text);
    }
}

static void test_formats(void **state)
{
    static const mli_text_turn turns[] = {
        {0, 1, "speaker_2"}, {1, 2, "Ann"}, {2, 3, "speaker_1"}, {3, 4, "speaker_2"}};
    static const double times[][2] = {{0.1, 0.9}, {1.1, 1.9}, {2.1, 2.9}, {3.1, 3.9}, {4.5, 5}};
    static const mli_text_speaker speakers[] = {{"speaker_1", false, 0.71234}, {"Ann", true, 0.95}};
    mli_transcript *t = transcript_of(times, 5), *out = NULL, *back = NULL;
    mli_buf text;
    (void)state;
    mli_buf_init(&text, NULL);
    assert_int_equal(mli_format_write(t, MLI_TEXT_DIARIZED_JSON, NULL, &text, NULL),
                     MODELLAB_E_STATE);
    mli_cancel_word stop = 1;
    assert_int_equal(mli_who_said_what(t, turns, 4, &stop, &out, NULL), MODELLAB_E_CANCELLED);
    assert_null(out);
    OK(mli_who_said_what(t, turns, 4, NULL, &out, NULL));
    mli_buf_clear(&text);
    OK(mli_format_write(out, MLI_TEXT_DIARIZED_JSON, NULL, &text, NULL));
    assert_string_equal(
        mli_buf_text(&text),
        "{\"task\":\"transcribe\",\"duration\":100.0,\"text\":\"w0 w1 w2 w3 w4\",\"segments\":["
        "{\"type\":\"transcript.text.segment\",\"id\":\"seg_0\",\"start\":0.1,\"end\":0.9,"
        "\"speaker\":\"A\",\"text\":\" w0\"},"
        "{\"type\":\"transcript.text.segment\",\"id\":\"seg_1\",\"start\":1.1,\"end\":1.9,"
        "\"speaker\":\"Ann\",\"text\":\" w1\"},"
        "{\"type\":\"transcript.text.segment\",\"id\":\"seg_2\",\"start\":2.1,\"end\":2.9,"
        "\"speaker\":\"B\",\"text\":\" w2\"},"
        "{\"type\":\"transcript.text.segment\",\"id\":\"seg_3\",\"start\":3.1,\"end\":5.1,"
        "\"speaker\":\"A\",\"text\":\" w3 w4\"}]}\n");
    mli_buf_clear(&text);
    OK(mli_format_write(out, MLI_TEXT_VTT, NULL, &text, NULL));
    assert_non_null(strstr(mli_buf_text(&text), "<v Ann>"));
    mli_buf_clear(&text);
    OK(mli_format_write(out, MLI_TEXT_SRT, NULL, &text, NULL));
    assert_non_null(strstr(mli_buf_text(&text), "Ann: w1"));
    mli_buf_clear(&text);
    OK(mli_format_write(out, MLI_TEXT_VERBOSE_JSON, NULL, &text, NULL)); /* and the flag back */
    OK(mli_format_read(MLI_TEXT_VERBOSE_JSON, text.data, text.size, NULL, &back, NULL));
    assert_true(word_of(back, 4)->speaker_nearest);
    assert_false(word_of(back, 3)->speaker_nearest);
    mli_buf_clear(&text);
    mli_turns_json(turns + 1, 2, speakers, 2, false, 4.0, &text);
    assert_string_equal(mli_buf_text(&text),
                        "{\"duration\":4.0,\"speakers\":[{\"name\":\"speaker_1\",\"seconds\":1.0},"
                        "{\"name\":\"Ann\",\"seconds\":1.0}],\"turns\":[{\"start\":1.0,\"end\":2.0,"
                        "\"speaker\":\"Ann\"},{\"start\":2.0,\"end\":3.0,\"speaker\":"
                        "\"speaker_1\"}]}");
    mli_buf_clear(&text);
    mli_turns_json(turns + 1, 0, speakers, 2, true, 4.0, &text);
    assert_string_equal(mli_buf_text(&text),
                        "{\"duration\":4.0,\"speakers\":[{\"name\":\"speaker_1\",\"seconds\":0.0,"
                        "\"known\":false,\"score\":0.7123},{\"name\":\"Ann\",\"seconds\":0.0,"
                        "\"known\":true,\"score\":0.95}],\"turns\":[]}");
    mli_transcript_unref(back);
    mli_transcript_unref(out);
    mli_transcript_unref(t);
    mli_buf_dispose(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_rttm),
        cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
