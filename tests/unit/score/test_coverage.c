/* The parts of a ledger tile the input, whatever is given; each millisecond has the label that a
 * plain look at the sets gives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "score/coverage.h"

static uint64_t state_of_chance = 1;

static int64_t chance(int64_t most)
{
    state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((state_of_chance >> 33) % (uint64_t)(most + 1));
}

static bool holds(const mli_spans *spans, int64_t at)
{
    for (size_t i = 0; spans != NULL && i < spans->count; i++) {
        if (spans->items[i].start <= at && at < spans->items[i].end) {
            return true;
        }
    }
    return false;
}

/* By definition, a millisecond at a time. */
static mli_coverage_label plain(const mli_coverage_view *v, int64_t at)
{
    if (holds(v->text, at)) {
        return MLI_COVERAGE_TRANSCRIBED;
    }
    if (v->recognised && at >= v->reached) {
        return v->given_up ? MLI_COVERAGE_DROPPED : MLI_COVERAGE_FAILED;
    }
    if (v->speech != NULL) {
        return holds(v->speech, at) ? MLI_COVERAGE_DROPPED : MLI_COVERAGE_NON_SPEECH;
    }
    return MLI_COVERAGE_DROPPED;
}

static void some_spans(mli_spans *spans, int64_t duration)
{
    mli_spans_init(spans, NULL);
    for (int64_t n = chance(8); n > 0; n--) {
        int64_t start = chance(duration + 20) - 10; /* also before 0 and behind the end */
        assert_int_equal(mli_spans_add(spans, start, start + chance(duration / 3 + 2), NULL),
                         MODELLAB_OK);
    }
}

static void parts_tile_the_input(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        mli_spans text, speech;
        mli_coverage c;
        mli_coverage_view v = {.duration = chance(90)};
        some_spans(&text, v.duration);
        some_spans(&speech, v.duration);
        v.text = chance(3) > 0 ? &text : NULL;
        v.speech = chance(1) > 0 ? &speech : NULL;
        v.recognised = chance(2) > 0;
        v.given_up = chance(1) > 0;
        v.end = v.given_up ? "cancelled" : "worker_died";
        v.detector = "by_vad";
        v.reached = chance(1) > 0 ? v.duration : chance(v.duration + 4) - 2;
        assert_int_equal(mli_coverage_make(&v, NULL, &c, NULL), MODELLAB_OK);
        int64_t at = 0, sum = 0;
        for (size_t p = 0; p < c.count; p++) {
            assert_int_equal(c.parts[p].start, at);
            assert_true(c.parts[p].end > at);
            assert_true(p == 0 || c.parts[p].label != c.parts[p - 1].label ||
                        strcmp(c.parts[p].reason, c.parts[p - 1].reason) != 0);
            for (; at < c.parts[p].end; at++) {
                assert_int_equal(c.parts[p].label, plain(&v, at));
            }
        }
        assert_int_equal(at, v.duration);
        for (int l = 0; l < MLI_COVERAGE_LABELS; l++) {
            sum += c.sums[l];
        }
        assert_int_equal(sum, v.duration);
        mli_coverage_dispose(&c);
        mli_spans_dispose(&text);
        mli_spans_dispose(&speech);
    }
}

static void reasons(void **state)
{
    mli_spans speech;
    mli_coverage c;
    mli_coverage_view v = {.duration = 10, .reached = 6, .recognised = true};
    (void)state;
    mli_spans_init(&speech, NULL);
    assert_int_equal(mli_spans_add(&speech, 2, 4, NULL), MODELLAB_OK);
    v.speech = &speech;
    v.detector = "by_vad";
    v.end = "worker_died";
    assert_int_equal(mli_coverage_make(&v, NULL, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.count, 4);
    assert_string_equal(c.parts[0].reason, "by_vad");
    assert_string_equal(c.parts[1].reason, "no_text");
    assert_int_equal(c.parts[3].label, MLI_COVERAGE_FAILED);
    assert_string_equal(c.parts[3].reason, "worker_died");
    mli_coverage_dispose(&c);
    v.given_up = true;
    v.end = "cancelled";
    assert_int_equal(mli_coverage_make(&v, NULL, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.parts[3].label, MLI_COVERAGE_DROPPED);
    assert_string_equal(c.parts[3].reason, "cancelled");
    mli_coverage_dispose(&c);
    /* A recogniser's silence alone is no silence of the speakers. */
    v.speech = NULL;
    assert_int_equal(mli_coverage_make(&v, NULL, &c, NULL), MODELLAB_OK);
    assert_int_equal(c.count, 2);
    assert_int_equal(c.parts[0].label, MLI_COVERAGE_DROPPED);
    assert_string_equal(c.parts[0].reason, "no_text_no_detector");
    assert_int_equal(c.sums[MLI_COVERAGE_NON_SPEECH], 0);
    mli_coverage_dispose(&c);
    v.speech = &speech;
    v.recognised = false;
    assert_int_equal(mli_coverage_make(&v, NULL, &c, NULL), MODELLAB_OK);
    assert_string_equal(c.parts[1].reason, "not_asked_for");
    assert_string_equal(mli_coverage_name(c.parts[1].label), "dropped");
    mli_coverage_dispose(&c);
    mli_spans_dispose(&speech);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_tile_the_input),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
