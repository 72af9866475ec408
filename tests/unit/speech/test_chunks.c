/* Segments of speech joined to chunks, and times mapped back. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/random.h"
#include "speech/asr_align_keep.h"
#include "speech/asr_align_speech.h"
#include "speech/asr_chunks.h"
#include "unit/failing_alloc.h"
#include <math.h>
#include <string.h>

enum { RATE = 16000 };

static mli_asr_chunks make(const mli_vad_segment *segments, size_t count)
{
    mli_asr_chunks c;
    assert_int_equal(mli_asr_chunks_make(NULL, segments, count, &c, NULL), MODELLAB_OK);
    return c;
}

static void segments_are_joined_while_they_fit(void **state)
{
    (void)state;
    const mli_vad_segment s[] = {{RATE, 11 * RATE},
                                 {20 * RATE, 40 * RATE},      /* 30 s: fits exactly */
                                 {50 * RATE, 50 * RATE + 1},  /* a new one */
                                 {60 * RATE, 120 * RATE + 5}, /* longer than a chunk */
                                 {121 * RATE, 122 * RATE}};
    mli_asr_chunks c = make(s, 5);
    assert_int_equal(c.count, 5);
    const int64_t lengths[] = {30 * RATE, 1, 30 * RATE, 30 * RATE, 5 + RATE};
    const size_t counts[] = {2, 1, 1, 1, 2};
    const int64_t marks[] = {4000, 5001, 9000, 12000, 12200};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(c.items[i].samples, lengths[i]);
        assert_int_equal(c.items[i].count, counts[i]);
        assert_int_equal(c.items[i].mark, marks[i]);
    }
    mli_asr_chunks_dispose(&c);
    c = make(NULL, 0);
    assert_int_equal(c.count, 0);
    mli_asr_chunks_dispose(&c);
}

static void times_go_back_to_where_they_were(void **state)
{
    (void)state;
    const mli_vad_segment s[] = {{2 * RATE, 5 * RATE}, {10 * RATE, 14 * RATE}};
    mli_asr_chunks c = make(s, 2);
    assert_int_equal(c.count, 1);
#define TIME(at, is_end, want) assert_true(mli_asr_chunk_time(&c, 0, at, is_end) == (want))
    TIME(0.0, false, 2.0);
    TIME(1.5, false, 3.5);
    TIME(3.0, true, 5.0);   /* the end of the first */
    TIME(3.0, false, 10.0); /* the beginning of the second */
    TIME(4.25, true, 11.25);
    TIME(7.0, true, 14.0);
    TIME(30.0, true, 14.0); /* what lies behind it: not beyond speech */
    TIME(-1.0, false, 2.0);
#undef TIME
    mli_asr_chunks_dispose(&c);
}

static void no_word_bridges_a_silence(void **state)
{
    (void)state;
    const mli_vad_segment s[] = {{2 * RATE, 5 * RATE}, {10 * RATE, 14 * RATE}};
    mli_asr_chunks c = make(s, 2);
    const mli_transcript_word said[] = {{0.5, 1.0, 1, " a", NULL, false},
                                        {2.5, 3.2, 1, " b", NULL, false},
                                        {2.9, 3.4, 1, " c", NULL, false},
                                        {3.2, 3.6, 1, " d", NULL, false},
                                        {3.6, 9.0, 1, " e", NULL, false}};
    mli_transcript_word placed[5];
    mli_transcript_segment segment = {.start = 0.5, .end = 8, .words = said, .word_count = 5};
    mli_asr_chunk_place(&c, 0, 2.75, &segment, placed);
    const double want[][2] = {{2.75, 3.0}, {4.5, 5.0}, {10.0, 10.4}, {10.4, 10.6}, {10.6, 14.0}};
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(placed[i].start - want[i][0]) < 1e-9);
        assert_true(fabs(placed[i].end - want[i][1]) < 1e-9);
    }
    assert_true(segment.words == placed && segment.start == 2.75 && segment.end == 14.0);
    mli_asr_chunks_dispose(&c);
}

/* Whatever the segments and times are: inside speech, in order. */
static void any_times_stay_in_order_and_inside(void **state)
{
    (void)state;
    uint32_t random[4];
    for (uint32_t trial = 0; trial < 500; trial++) {
        mli_vad_segment s[20];
        int64_t at = 0;
        for (uint32_t i = 0; i < 20; i++) {
            mli_philox(3, (uint32_t[4]){trial, i, 0, 0}, random);
            s[i].start = at + random[0] % 80000;
            s[i].end = at = s[i].start + 1 + random[1] % 200000;
        }
        mli_asr_chunks c = make(s, 20);
        double floor = 0, last = 0;
        for (size_t k = 0; k < c.count; k++) {
            mli_transcript_word words[6], placed[6];
            double length = (double)c.items[k].samples / RATE, from = 0;
            memset(words, 0, sizeof words);
            for (uint32_t i = 0; i < 6; i++) {
                mli_philox(4, (uint32_t[4]){trial, (uint32_t)k, i, 0}, random);
                words[i].start = from;
                words[i].end = from += length / 5 * mli_philox_uniform(random[0], random[1]);
            }
            mli_transcript_segment segment = {
                .start = 0, .end = length, .words = words, .word_count = 6};
            mli_asr_chunk_place(&c, k, floor, &segment, placed);
            assert_true(segment.start >= floor && segment.end >= segment.start);
            for (size_t i = 0; i < 6; i++) {
                assert_true(placed[i].start >= last && placed[i].end >= placed[i].start);
                last = placed[i].end;
            }
            assert_true(segment.end >= last && segment.end <= (double)s[19].end / RATE);
            assert_true(k == 0 || c.items[k].mark > c.items[k - 1].mark);
            assert_true(c.items[k].samples <= MLI_ASR_CHUNK_SAMPLES);
            floor = segment.end;
        }
        mli_asr_chunks_dispose(&c);
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    const mli_vad_segment s[] = {{0, 10}};
    for (long at = 0; at < 2; at++) {
        failing_alloc f = {.fail_at = at};
        modellab_allocator table = failing_alloc_table(&f);
        mli_asr_chunks c;
        assert_int_equal(mli_asr_chunks_make(&table, s, 1, &c, NULL), MODELLAB_E_NO_MEMORY);
        mli_asr_chunks_dispose(&c);
        assert_int_equal(f.live, 0);
    }
}

/* Silence stays with its speech, in halves or as a segment; what is longer than a chunk does not.
 */
static void all_of_a_recording_is_covered(void **state)
{
    (void)state;
    const mli_vad_segment speech[] = {{2 * RATE, 3 * RATE},
                                      {3 * RATE + 8000, 5 * RATE}, /* after half a second */
                                      {10 * RATE, 28 * RATE},
                                      {60 * RATE, 61 * RATE}}; /* after 32 s */
    const mli_vad_segment want[] = {
        {0, 2 * RATE},         {2 * RATE, 3 * RATE + 4000}, {3 * RATE + 4000, 5 * RATE},
        {5 * RATE, 10 * RATE}, {10 * RATE, 28 * RATE},      {60 * RATE, 62 * RATE}};
    mli_asr_chunks c;
    assert_int_equal(mli_asr_chunks_cover(NULL, speech, 4, 62 * RATE, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.segment_count, 6);
    assert_memory_equal(c.segments, want, sizeof want);
    assert_int_equal(c.count, 1); /* 28 s and 2 s */
    assert_int_equal(c.items[0].samples, 30 * RATE);
    mli_asr_chunks_dispose(&c);
}

/* Neither speech becomes longer than a chunk by the silence between, which would cut it again. */
static void speech_as_long_as_a_chunk_stays_whole(void **state)
{
    (void)state;
    const mli_vad_segment speech[] = {{RATE, 5 * RATE},
                                      {6 * RATE, 36 * RATE - 1600}, /* 29.9 s */
                                      {37 * RATE, 66 * RATE + 8000}};
    mli_asr_chunks c;
    assert_int_equal(mli_asr_chunks_cover(NULL, speech, 3, 67 * RATE, &c, NULL), MODELLAB_OK);
    bool whole = false, last = false;
    for (size_t i = 0; i < c.segment_count; i++) {
        whole = whole || memcmp(&c.segments[i], &speech[1], sizeof speech[1]) == 0;
        last = last || memcmp(&c.segments[i], &speech[2], sizeof speech[2]) == 0 ||
               c.segments[i].end - c.segments[i].start == 30 * RATE;
        assert_true(i == 0 || c.segments[i].start == c.segments[i - 1].end);
    }
    assert_true(whole && last);
    assert_int_equal(c.segments[c.segment_count - 1].end, 67 * RATE);
    mli_asr_chunks_dispose(&c);
}

/* Of speech that goes on through several chunks each has its part. */
static void each_chunk_has_its_part_of_the_speech(void **state)
{
    (void)state;
    const mli_vad_segment speech[] = {{0, 90 * RATE}, {91 * RATE, 92 * RATE}};
    double seconds[5];
    mli_asr_chunks c;
    assert_int_equal(mli_asr_chunks_cover(NULL, speech, 2, 100 * RATE, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.count, 4);
    mli_asr_chunks_seconds(&c, speech, 2, seconds);
    assert_true(seconds[0] == 30 && seconds[1] == 30 && seconds[2] == 30 && seconds[3] == 1);
    mli_asr_chunks_dispose(&c);
}

/* What no chunk can hold is cut where the detector found pauses; the rest stays as it was given. */
static void long_speech_is_cut_at_pauses(void **state)
{
    (void)state;
    const mli_vad_segment items[] = {
        {RATE, 2 * RATE}, {10 * RATE, 100 * RATE}, {101 * RATE, 140 * RATE}};
    const mli_vad_segment found[] = {{0, 3 * RATE},           {9 * RATE, 37 * RATE},
                                     {38 * RATE, 60 * RATE},  {60 * RATE, 89 * RATE},
                                     {90 * RATE, 110 * RATE}, {150 * RATE, 151 * RATE}};
    const mli_vad_segment want[] = {{RATE - 800, 2 * RATE + 800},  {10 * RATE - 800, 37 * RATE},
                                    {38 * RATE, 60 * RATE},        {60 * RATE, 89 * RATE},
                                    {90 * RATE, 100 * RATE + 800}, {101 * RATE - 800, 110 * RATE}};
    mli_align_given g = {items, 3, 800, 200 * RATE};
    mli_vad_segment *out = NULL;
    size_t count = 0;
    assert_true(mli_align_speech_is_long(&g));
    assert_int_equal(mli_align_speech_take(NULL, &g, found, 6, &out, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, 6);
    assert_memory_equal(out, want, sizeof want);
    mli_free(NULL, out);
    assert_int_equal(mli_align_speech_take(NULL, &g, NULL, 0, &out, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, 3); /* nothing was found: as given */
    mli_free(NULL, out);
    g.count = 1;
    assert_false(mli_align_speech_is_long(&g));
}

static mli_transcript *heard_words(const double (*times)[2], size_t count)
{
    mli_transcript *t = NULL;
    mli_transcript_word words[8];
    for (size_t i = 0; i < count; i++)
        words[i] = (mli_transcript_word){.text = " a", .start = times[i][0], .end = times[i][1]};
    mli_transcript_segment s = {.start = times[0][0],
                                .end = times[count - 1][1],
                                .text = " a",
                                .words = words,
                                .word_count = count};
    assert_int_equal(mli_transcript_create(NULL, &t, NULL), MODELLAB_OK);
    t->has_words = true;
    assert_int_equal(mli_transcript_add(t, &s, NULL), MODELLAB_OK);
    return t;
}

/* The detector's speech, what was heard outside of it, and a chunk without either as it was. */
static void words_outside_of_speech_are_kept(void **state)
{
    (void)state;
    const mli_vad_segment speech[] = {{2 * RATE, 4 * RATE}, {20 * RATE, 22 * RATE}};
    const double times[][2] = {{2.5, 3.0}, {3.75, 4.125}, {10, 11}, {20.5, 21}};
    const mli_vad_segment want[] = {
        {2 * RATE, 4 * RATE}, {10 * RATE - 8000, 11 * RATE + 8000}, {20 * RATE, 22 * RATE}};
    mli_asr_chunks c, kept;
    mli_transcript *t = heard_words(times, 4);
    assert_int_equal(mli_asr_chunks_cover(NULL, speech, 2, 50 * RATE, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.count, 2);
    assert_int_equal(mli_align_keep(NULL, &c, speech, 2, t, &kept, NULL), MODELLAB_OK);
    assert_int_equal(kept.count, 2);
    assert_int_equal(kept.items[0].count, 3);
    assert_int_equal(kept.items[0].samples, 6 * RATE);
    assert_memory_equal(kept.segments, want, sizeof want);
    assert_int_equal(kept.items[1].samples, c.items[1].samples); /* silence */
    mli_asr_chunks_dispose(&kept);
    mli_asr_chunks_dispose(&c);
    mli_transcript_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_joined_while_they_fit),
        cmocka_unit_test(all_of_a_recording_is_covered),
        cmocka_unit_test(speech_as_long_as_a_chunk_stays_whole),
        cmocka_unit_test(each_chunk_has_its_part_of_the_speech),
        cmocka_unit_test(long_speech_is_cut_at_pauses),
        cmocka_unit_test(words_outside_of_speech_are_kept),
        cmocka_unit_test(times_go_back_to_where_they_were),
        cmocka_unit_test(no_word_bridges_a_silence),
        cmocka_unit_test(any_times_stay_in_order_and_inside),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
