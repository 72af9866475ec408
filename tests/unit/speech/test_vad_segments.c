/* Cutting probabilities into segments, by hand-made rows of probabilities: one character is a step
 * of 32 ms: '#' speech, '.' silence, '-' in between (below the threshold, above the lower one). */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "speech/vad_segments.h"

enum { STEP = 512 };

static void expect(const mli_vad_rules *rules, const char *row, int64_t samples,
                   const mli_vad_segment *segments, size_t count)
{
    mli_vad_cutter c;
    mli_vad_cutter_init(&c, NULL, rules);
    for (const char *p = row; *p != '\0'; p++) {
        float probability = *p == '#' ? 0.9f : *p == '-' ? 0.4f : 0.1f;
        assert_int_equal(mli_vad_cutter_push(&c, &probability, 1, NULL), MODELLAB_OK);
    }
    assert_int_equal(mli_vad_cutter_finish(&c, samples, NULL), MODELLAB_OK);
    assert_int_equal(c.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(c.segments[i].start, segments[i].start);
        assert_int_equal(c.segments[i].end, segments[i].end);
    }
    mli_vad_cutter_dispose(&c);
}

static mli_vad_rules unpadded(void)
{
    mli_vad_rules r;
    mli_vad_rules_init(&r);
    r.pad = 0;
    return r;
}

static void test_nothing(void **state)
{
    mli_vad_rules r = unpadded();
    (void)state;
    expect(&r, "", 0, NULL, 0);
    expect(&r, "..........", 10 * STEP, NULL, 0);
    expect(&r, "..---.....", 10 * STEP, NULL, 0);   /* never above the threshold */
    expect(&r, "..#####.....", 12 * STEP, NULL, 0); /* 160 ms are too short */
}

static void test_segments(void **state)
{
    mli_vad_rules r = unpadded();
    const mli_vad_segment one = {2 * STEP, 12 * STEP}, held = {1 * STEP, 16 * STEP},
                          open = {3 * STEP, 14 * STEP - 100};
    (void)state;
    expect(&r, "..##########......", 18 * STEP, &one, 1);
    expect(&r, ".#####---#######......", 22 * STEP, &held, 1); /* not below the lower threshold */
    expect(&r, ".########..#####......", 22 * STEP, &held, 1); /* 64 ms of silence are none */
    expect(&r, "...###########", 14 * STEP - 100, &open, 1);   /* speech until the end */
}

static void test_two_and_padding(void **state)
{
    mli_vad_rules r;
    const mli_vad_segment plain[] = {{1 * STEP, 11 * STEP}, {16 * STEP, 26 * STEP}};
    mli_vad_segment padded[] = {{STEP - 480, 11 * STEP + 480}, {16 * STEP - 480, 26 * STEP + 480}};
    static const char row[] = ".##########.....##########.....";
    (void)state;
    mli_vad_rules_init(&r);
    expect(&r, row, 31 * STEP, padded, 2);
    r.pad = 0;
    expect(&r, row, 31 * STEP, plain, 2);
    r.pad = 3 * STEP; /* neighbours share the silence; the ends stay within the audio */
    padded[0] = (mli_vad_segment){0, 11 * STEP + 5 * STEP / 2};
    padded[1] = (mli_vad_segment){16 * STEP - 5 * STEP / 2, 29 * STEP};
    expect(&r, row, 31 * STEP, padded, 2);
    padded[1].end = 26 * STEP - 10;
    expect(&r, ".##########.....##########", 26 * STEP - 10, padded, 2);
}

static void test_too_long(void **state)
{
    mli_vad_rules r = unpadded();
    /* the longest pause (6 steps) within the 31 that are allowed, not the last one */
    const mli_vad_segment at_pause[] = {{1 * STEP, 7 * STEP}, {13 * STEP, 40 * STEP}};
    const mli_vad_segment hard[] = {{0, 32 * STEP}, {33 * STEP, 60 * STEP}};
    char row[64];
    (void)state;
    r.max_speech = 32 * STEP;
    r.min_silence = 20 * STEP;
    r.min_pause = 3 * STEP;
    expect(&r, ".######......#######.....###########################", 40 * STEP, at_pause, 0 + 2);
    r.min_silence = 100 * 16;
    memset(row, '#', 60); /* no pause at all: cut where it becomes too long */
    row[60] = '\0';
    expect(&r, row, 60 * STEP, hard, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_two_and_padding),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
