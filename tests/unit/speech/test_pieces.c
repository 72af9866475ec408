/* Cutting windows by timestamps, the silence guard, repetition. */
#include "unit/unit.h"

#include "unit/speech/near.h"

#include "speech/asr_private.h"
#include <math.h>
#include <string.h>

enum { EOT = 100, FIRST = 200 }; /* text below 100, timestamps from 200 on */

static mli_asr_cut cut(const int32_t *tokens, size_t count, int64_t seek, int64_t size,
                       mli_whisper_piece *pieces)
{
    return mli_asr_cut_pieces(tokens, count, FIRST, EOT, seek, size, pieces);
}

static void pairs_make_segments_and_the_rest_is_heard_again(void **state)
{
    (void)state;
    const int32_t tokens[] = {FIRST, 1,           2,           FIRST + 50, FIRST + 60,
                              3,     FIRST + 100, FIRST + 100, 4,          5};
    mli_whisper_piece p[8];
    mli_asr_cut c = cut(tokens, 10, 1000, 3000, p);
    assert_int_equal(c.piece_count, 2);
    assert_false(c.single_ending);
    assert_int_equal(c.advance, 200); /* 100 steps of 20 ms */
    assert_near(p[0].start, 10, 1e-9);
    assert_near(p[0].end, 11, 1e-9);
    assert_int_equal(p[0].count, 4);
    assert_int_equal(p[0].text_tokens, 2);
    assert_near(p[1].start, 11.2, 1e-9);
    assert_near(p[1].end, 12, 1e-9);
    assert_int_equal(p[1].first, 4);
    assert_int_equal(p[1].text_tokens, 1);
}

static void one_timestamp_at_the_end_ends_the_window(void **state)
{
    (void)state;
    const int32_t tokens[] = {FIRST, 1, FIRST + 50, FIRST + 50, 2, FIRST + 90};
    mli_whisper_piece p[8];
    mli_asr_cut c = cut(tokens, 6, 0, 2500, p);
    assert_int_equal(c.piece_count, 2);
    assert_true(c.single_ending);
    assert_int_equal(c.advance, 2500);
    assert_near(p[1].end, 1.8, 1e-9);
    assert_int_equal(p[1].count, 3);
}

static void without_pairs_the_window_is_one_segment(void **state)
{
    (void)state;
    const int32_t ended[] = {FIRST + 5, 1, 2, FIRST + 70};
    const int32_t open[] = {FIRST, 1, 2};
    const int32_t plain[] = {1, 2};
    mli_whisper_piece p[8];
    mli_asr_cut c = cut(ended, 4, 100, 800, p);
    assert_int_equal(c.piece_count, 1);
    assert_true(c.single_ending);
    assert_near(p[0].start, 1, 1e-9); /* as the reference: from the window's start */
    assert_near(p[0].end, 2.4, 1e-9);
    assert_int_equal(c.advance, 800);
    c = cut(open, 3, 100, 800, p);
    assert_near(p[0].end, 9, 1e-9);
    assert_false(c.single_ending);
    c = cut(plain, 2, 0, 800, p);
    assert_near(p[0].end, 8, 1e-9);
    assert_int_equal(p[0].text_tokens, 2);
    c = cut(plain, 0, 0, 800, p);
    assert_int_equal(c.piece_count, 1);
    assert_int_equal(p[0].text_tokens, 0);
}

/* A segment of one word that is improbable and long: suspicious. */
static const mli_whisper_timing strange = {
    .text = 0, .text_bytes = 2, .count = 1, .probability = 0.01};

static void invented_words_between_silence_are_cut(void **state)
{
    (void)state;
    mli_whisper_timing items[2] = {strange, strange};
    mli_asr_words words = {.items = items, .count = 2};
    mli_buf_init(&words.text, NULL);
    mli_buf_append_text(&words.text, " a");
    items[0].probability = 0.9;
    items[0].start = 0.5;
    items[0].end = 0.9;
    items[1].start = 20;
    items[1].end = 20.4;
    mli_whisper_piece pieces[2] = {{.start = 0.5, .end = 0.9, .word_count = 1},
                                   {.start = 20, .end = 20.4, .first_word = 1, .word_count = 1}};
    mli_asr_window_place at = {.seek = 0, .size = 3000, .content_frames = 9000, .threshold = 2};
    size_t count = 2;
    int64_t seek = 0;
    assert_false(mli_asr_guard_silence(&at, pieces, &count, &words, &seek));
    assert_int_equal(count, 1);
    assert_int_equal(seek, 2000);
    /* The same word, but probable, stays. */
    items[1].probability = 0.9;
    count = 2;
    assert_false(mli_asr_guard_silence(&at, pieces, &count, &words, &seek));
    assert_int_equal(count, 2);
    mli_buf_dispose(&words.text);
}

static void the_end_is_that_of_the_last_word(void **state)
{
    (void)state;
    mli_whisper_timing items[2] = {{.end = 1.5}, {.end = 2.5}};
    mli_asr_words words = {.items = items, .count = 2};
    const mli_whisper_piece pieces[3] = {
        {.end = 2, .word_count = 1}, {.end = 3, .first_word = 1, .word_count = 1}, {.end = 4}};
    double end = -1;
    assert_false(mli_asr_end_of(pieces, 0, &words, &end));
    assert_near(end, -1, 0);
    assert_true(mli_asr_end_of(pieces, 1, &words, &end));
    assert_near(end, 1.5, 0);
    assert_true(mli_asr_end_of(pieces, 3, &words, &end)); /* the last segment has no words */
    assert_near(end, 2.5, 0);
    assert_true(mli_asr_end_of(pieces + 2, 1, &words, &end));
    assert_near(end, 4, 0);
}

static void leading_silence_is_skipped(void **state)
{
    (void)state;
    mli_whisper_timing item = strange;
    mli_asr_words words = {.items = &item, .count = 1};
    mli_buf_init(&words.text, NULL);
    mli_buf_append_text(&words.text, " a");
    item.start = 15;
    item.end = 15.3;
    mli_whisper_piece piece = {.start = 15, .end = 15.3, .word_count = 1};
    mli_asr_window_place at = {.seek = 1000, .size = 3000, .content_frames = 9000, .threshold = 2};
    size_t count = 1;
    int64_t seek = 0;
    assert_true(mli_asr_guard_silence(&at, &piece, &count, &words, &seek));
    assert_int_equal(seek, 1500);
    at.threshold = 6;
    assert_false(mli_asr_guard_silence(&at, &piece, &count, &words, &seek));
    mli_buf_dispose(&words.text);
}

static double ratio(const char *text, size_t bytes)
{
    double out = -1;
    assert_int_equal(mli_asr_compression_ratio(NULL, text, bytes, &out, NULL), MODELLAB_OK);
    return out;
}

static void repetition_compresses(void **state)
{
    (void)state;
    char text[600] = {0};
    assert_near(ratio("", 0), 0, 0);
    /* zlib.compress() of the reference's language: 8 bytes around nothing, 25 bytes for these 17.
     */
    assert_near(ratio("Hello, how are ya", 17), 17.0 / 25.0, 1e-9);
    for (int i = 0; i < 50; i++)
        memcpy(text + 12 * i, "I am so sad ", 12);
    assert_true(ratio(text, sizeof text) > 2.4);
    assert_true(ratio("The quick brown fox jumps over the lazy dog and runs away", 57) < 2.4);
}

static void white_space_is_stripped(void **state)
{
    (void)state;
    size_t first = 9, size = 9;
    mli_asr_strip(" \t a b\n", 7, &first, &size);
    assert_int_equal(first, 3);
    assert_int_equal(size, 3);
    mli_asr_strip("   ", 3, &first, &size);
    assert_int_equal(size, 0);
}

/* However much silence is kept around speech, no word is taken for it. */
static void a_rest_is_at_most_a_second(void **state)
{
    (void)state;
    mli_asr_options o;
    mli_asr_options_init(&o);
    const int64_t pads[] = {0, 400, 640, 5000}, want[] = {50, 50, 80, 100}; /* ms, frames */
    for (size_t i = 0; i < 4; i++) {
        o.vad_rules.pad = pads[i] * 16;
        assert_int_equal(mli_asr_rest_frames(&o), want[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_make_segments_and_the_rest_is_heard_again),
        cmocka_unit_test(one_timestamp_at_the_end_ends_the_window),
        cmocka_unit_test(without_pairs_the_window_is_one_segment),
        cmocka_unit_test(invented_words_between_silence_are_cut),
        cmocka_unit_test(the_end_is_that_of_the_last_word),
        cmocka_unit_test(leading_silence_is_skipped),
        cmocka_unit_test(repetition_compresses),
        cmocka_unit_test(white_space_is_stripped),
        cmocka_unit_test(a_rest_is_at_most_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
