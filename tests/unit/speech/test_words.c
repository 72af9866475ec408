/* Words of a window: punctuation, repairs of long words, placing into segments, suspicion. */
#include "unit/unit.h"

#include "unit/speech/near.h"

#include "speech/whisper_words.h"
#include <string.h>

/* Makes timings of words given one after another; each has one token. */
static size_t make(mli_whisper_timing *out, char *text, const char *const *words, double length)
{
    size_t count = 0, at = 0;
    text[0] = '\0';
    for (; words[count] != NULL; count++) {
        size_t bytes = strlen(words[count]);
        memcpy(text + at, words[count], bytes + 1);
        out[count] = (mli_whisper_timing){.text = at,
                                          .text_bytes = bytes,
                                          .first = count,
                                          .count = 1,
                                          .start = (double)count * length,
                                          .end = (double)(count + 1) * length,
                                          .probability = 0.9};
        at += bytes;
    }
    return count;
}

static void expect(const char *text, const mli_whisper_timing *w, const char *word, size_t tokens)
{
    assert_int_equal(w->text_bytes, strlen(word));
    assert_memory_equal(text + w->text, word, w->text_bytes);
    assert_int_equal(w->count, tokens);
}

static void punctuation_joins_its_word(void **state)
{
    (void)state;
    static const char *const words[] = {" He", " said",     ",",   " \"", "Oh", "!",
                                        "\"",  " \xc2\xbf", "Que", "?",   NULL};
    mli_whisper_timing t[16];
    char text[128];
    size_t count = make(t, text, words, 0.2);
    mli_whisper_words_merge(t, count, text, mli_whisper_prepended, mli_whisper_appended);
    expect(text, &t[0], " He", 1);
    expect(text, &t[1], " said,", 2);
    expect(text, &t[2], "", 0);
    expect(text, &t[3], "", 0);
    expect(text, &t[4], " \"Oh!\"", 4);
    expect(text, &t[8], " \xc2\xbfQue?", 3);
    assert_near(t[4].start, 0.8, 1e-9); /* times are the word's own */
    assert_near(t[4].end, 1.0, 1e-9);
}

static void a_chain_before_a_word_is_one_word(void **state)
{
    (void)state;
    static const char *const words[] = {" (", " [", "a", "...", NULL};
    mli_whisper_timing t[8];
    char text[64];
    size_t count = make(t, text, words, 0.2);
    mli_whisper_words_merge(t, count, text, mli_whisper_prepended, mli_whisper_appended);
    expect(text, &t[2], " ( [a", 3);
    expect(text, &t[3], "...", 1); /* not in the list */
    mli_whisper_words_merge(t, 0, text, mli_whisper_prepended, mli_whisper_appended);
}

static void words_after_a_sentence_are_cut(void **state)
{
    (void)state;
    static const char *const words[] = {" a", " b", ".", " c", " d", NULL};
    mli_whisper_timing t[8];
    char text[64];
    size_t count = make(t, text, words, 0.2);
    t[3].start = 0.6;
    t[3].end = 3.0;
    t[4].start = 3.0;
    t[4].end = 3.2;
    double median = mli_whisper_words_trim(t, count, text);
    assert_near(median, 0.2, 1e-9);
    assert_near(t[3].start, 2.6, 1e-9); /* twice the median before its end */
    t[2].end = 5;
    t[2].start = 1;
    (void)mli_whisper_words_trim(t, count, text);
    assert_near(t[2].end, 1.4, 1e-9);
    for (size_t i = 0; i < count; i++)
        t[i].start = t[i].end = 1;
    assert_near(mli_whisper_words_trim(t, count, text), 0, 0);
    for (size_t i = 0; i < count; i++)
        t[i].end = 9;
    assert_near(mli_whisper_words_trim(t, count, text), 0.7, 1e-9);
}

static void words_are_placed_into_their_segments(void **state)
{
    (void)state;
    static const char *const words[] = {" a", " b", ",", " c", " d", NULL};
    mli_whisper_timing t[8];
    char text[64];
    size_t count = make(t, text, words, 0.2);
    mli_whisper_piece pieces[3] = {{.start = 30, .end = 30.7, .text_tokens = 3},
                                   {.start = 31, .end = 31, .text_tokens = 0},
                                   {.start = 30.7, .end = 31, .text_tokens = 2}};
    double last = 29.9;
    mli_whisper_words_merge(t, count, text, mli_whisper_prepended, mli_whisper_appended);
    count = mli_whisper_words_place(t, count, pieces, 3, 30, 0.2, &last);
    assert_int_equal(count, 4);
    assert_int_equal(pieces[0].first_word, 0);
    assert_int_equal(pieces[0].word_count, 2);
    assert_int_equal(pieces[1].word_count, 0);
    assert_int_equal(pieces[2].first_word, 2);
    assert_int_equal(pieces[2].word_count, 2);
    expect(text, &t[1], " b,", 2);
    assert_near(t[0].start, 30.0, 1e-9);
    assert_near(pieces[0].end, 30.4, 1e-9); /* the segment ends with its last word */
    assert_near(pieces[2].start, 30.6, 1e-9);
    assert_near(last, 31.0, 1e-9);
}

static void the_first_word_after_a_pause_is_cut(void **state)
{
    (void)state;
    static const char *const words[] = {" a", " b", NULL};
    mli_whisper_timing t[2];
    char text[16];
    size_t count = make(t, text, words, 0.2);
    mli_whisper_piece piece = {.start = 0, .end = 4.2, .text_tokens = 2};
    double last = 0;
    t[0].end = t[1].start = 4;
    t[1].end = 4.2;
    (void)mli_whisper_words_place(t, count, &piece, 1, 0, 0.2, &last);
    assert_near(t[0].start, 3.6, 1e-9);
    assert_near(piece.start, 3.6, 1e-9);
    /* Without a pause before it the same word stays as it is. */
    count = make(t, text, words, 0.2);
    piece = (mli_whisper_piece){.start = 0, .end = 4.2, .text_tokens = 2};
    t[0].end = t[1].start = 4;
    t[1].end = 4.2;
    last = 3.9;
    (void)mli_whisper_words_place(t, count, &piece, 1, 0, 0.2, &last);
    assert_near(t[0].start, 0, 1e-9);
}

static void the_segment_wins_over_a_far_word(void **state)
{
    (void)state;
    static const char *const words[] = {" a", " b", NULL};
    mli_whisper_timing t[2];
    char text[16];
    size_t count = make(t, text, words, 1.0);
    mli_whisper_piece piece = {.start = 0.7, .end = 1.2, .text_tokens = 2};
    double last = 0.9;
    (void)mli_whisper_words_place(t, count, &piece, 1, 0, 0.4, &last);
    assert_near(t[0].start, 0.6, 1e-9); /* its end less the median */
    assert_near(piece.start, 0.7, 1e-9);
    assert_near(t[1].end, 1.4, 1e-9); /* its start plus the median */
    assert_near(piece.end, 1.2, 1e-9);
}

static void strange_words_make_a_segment_suspicious(void **state)
{
    (void)state;
    static const char *const words[] = {" a", " b", " c", " d", ".", NULL};
    mli_whisper_timing t[8];
    char text[64];
    size_t count = make(t, text, words, 0.2);
    assert_false(mli_whisper_words_suspicious(t, count, text));
    assert_false(mli_whisper_words_suspicious(t, 0, text));
    for (int i = 0; i < 3; i++)
        t[i].probability = 0.1;
    assert_true(mli_whisper_words_suspicious(t, count, text));
    t[2].probability = 0.9;
    assert_false(mli_whisper_words_suspicious(t, count, text));
    t[0].end = t[0].start + 4; /* long and improbable */
    assert_true(mli_whisper_words_suspicious(t, count, text));
    assert_true(mli_whisper_words_suspicious(t + 4, 1, text)); /* nothing but punctuation */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(punctuation_joins_its_word),
        cmocka_unit_test(a_chain_before_a_word_is_one_word),
        cmocka_unit_test(words_after_a_sentence_are_cut),
        cmocka_unit_test(words_are_placed_into_their_segments),
        cmocka_unit_test(the_first_word_after_a_pause_is_cut),
        cmocka_unit_test(the_segment_wins_over_a_far_word),
        cmocka_unit_test(strange_words_make_a_segment_suspicious),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
