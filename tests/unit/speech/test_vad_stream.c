/* Segments given out while a stream goes on are those of its end, each as early as it may be: over
 * random streams and rules, against mli_vad_cutter_finish(). */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "speech/vad_stream.h"

enum { STEP = 512, STEPS = 400, ROUNDS = 3000, MOST = 400 };

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static void draw_rules(mli_vad_rules *r)
{
    static const int64_t speech[] = {0, 250 * 16, 1000}, silence[] = {1600, 160 * 16, 500 * 16},
                         pads[] = {0, 480, 30 * 16, 400 * 16, 3000},
                         longest[] = {INT64_MAX, 16000 * 15, 16000 * 2};

    mli_vad_rules_init(r);
    r->min_speech = speech[draw(3)];
    r->min_silence = silence[draw(3)];
    r->pad = pads[draw(5)];
    r->max_speech = longest[draw(3)];
}

/* Speech and silence of random lengths; some of it between the thresholds. */
static void draw_row(float row[STEPS])
{
    static const float kinds[] = {0.9f, 0.1f, 0.4f};
    size_t at = 0;

    while (at < STEPS) {
        size_t length = 1 + draw(draw(4) == 0 ? 90 : 8);
        float p = kinds[draw(7) * 3 / 7];

        while (length-- > 0 && at < STEPS)
            row[at++] = p;
    }
}

typedef struct taken {
    mli_vad_segment segments[MOST];
    int64_t opened[MOST]; /* what mli_vad_stream_open() said of this one; -1 = nothing */
    size_t count;
    int64_t needed;
} taken;

static void take(mli_vad_stream *s, taken *t)
{
    mli_vad_segment next;
    int64_t start, needed = mli_vad_stream_needed(s);

    assert_true(needed >= t->needed);
    t->needed = needed;
    if (mli_vad_stream_open(s, &start)) {
        size_t which = t->count + s->cutter.count;

        assert_true(t->opened[which] == -1 || t->opened[which] == start);
        t->opened[which] = start;
    }
    while (mli_vad_stream_next(s, &next)) {
        assert_true(t->count < MOST);
        assert_true(next.start >= t->needed);
        t->segments[t->count++] = next;
        t->needed = mli_vad_stream_needed(s);
    }
}

static void compare(const taken *t, const mli_vad_cutter *whole)
{
    assert_int_equal(t->count, whole->count);
    for (size_t i = 0; i < t->count; i++) {
        assert_int_equal(t->segments[i].start, whole->segments[i].start);
        assert_int_equal(t->segments[i].end, whole->segments[i].end);
        assert_true(t->opened[i] == -1 || t->opened[i] == t->segments[i].start);
    }
    assert_true(t->opened[t->count] == -1); /* what was certain came */
}

static void random_streams(void **state)
{
    static taken t;
    float row[STEPS];
    size_t given_early = 0, opened = 0;

    (void)state;
    for (seed = 1; seed <= ROUNDS; seed++) {
        uint32_t keep = seed;
        size_t steps = draw(STEPS) + 1;
        int64_t samples = (int64_t)steps * STEP - draw(STEP);
        mli_vad_rules rules;
        mli_vad_cutter whole;
        mli_vad_stream s;

        draw_rules(&rules);
        draw_row(row);
        mli_vad_cutter_init(&whole, NULL, &rules);
        mli_vad_stream_init(&s, NULL, &rules);
        memset(&t, 0, sizeof t);
        for (size_t i = 0; i < MOST; i++)
            t.opened[i] = -1;
        for (size_t i = 0; i < steps; i++) {
            assert_int_equal(mli_vad_cutter_push(&whole, &row[i], 1, NULL), MODELLAB_OK);
            assert_int_equal(mli_vad_stream_push(&s, row[i], NULL), MODELLAB_OK);
            if (i + 1 < steps) {
                take(&s, &t);
                /* nothing that lies far enough behind is held back */
                assert_true(s.cutter.count == 0 || s.cutter.in_speech ||
                            s.cutter.at - s.cutter.segments[0].end < 2 * rules.pad);
            }
        }
        given_early += t.count;
        assert_int_equal(mli_vad_cutter_finish(&whole, samples, NULL), MODELLAB_OK);
        assert_int_equal(mli_vad_stream_finish(&s, samples, NULL), MODELLAB_OK);
        take(&s, &t);
        compare(&t, &whole);
        for (size_t i = 0; i < t.count; i++)
            opened += t.opened[i] >= 0;
        mli_vad_cutter_dispose(&whole);
        mli_vad_stream_dispose(&s);
        seed = keep;
    }
    assert_true(given_early > ROUNDS && opened > ROUNDS);
}

/* The bound of memory: what was given out is not kept. */
static void a_long_stream_is_not_kept(void **state)
{
    mli_vad_rules rules;
    mli_vad_stream s;
    mli_vad_segment out;
    size_t count = 0;

    (void)state;
    mli_vad_rules_init(&rules);
    mli_vad_stream_init(&s, NULL, &rules);
    for (size_t i = 0; i < 200000; i++) {
        assert_int_equal(mli_vad_stream_push(&s, i % 40 < 20 ? 0.9f : 0.1f, NULL), MODELLAB_OK);
        while (mli_vad_stream_next(&s, &out))
            count++;
    }
    assert_int_equal(count, 5000);
    assert_true(s.cutter.capacity <= 64);
    mli_vad_stream_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_streams),
        cmocka_unit_test(a_long_stream_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
