/* The rule table of the verdict case by case, and what holds for any inputs: swapping the
 * candidates swaps the verdict, an open run is never decided on, the amount of text does not
 * matter. */
#include "base/alloc.h"
#include "base/random.h"
#include "score/verdict.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 };

typedef struct play {
    mli_verdict_input in[MOST];
    size_t count;
} play;

static void add(play *p, size_t times, mli_verdict_input in)
{
    for (size_t i = 0; i < times; i++)
        p->in[p->count++] = in;
}

static mli_verdict_run done(double errors, double size)
{
    mli_verdict_run r = {.state = MLI_VERDICT_COMPLETED,
                         .cost_micros = -1,
                         .work_seconds = 3.0,
                         .audio_seconds = 30.0};
    if (size >= 0.0)
        r.scores[MLI_VERDICT_WER] = (mli_verdict_score){true, errors, size};
    return r;
}

static mli_verdict_run costing(mli_verdict_run r, int64_t micros, double seconds)
{
    r.cost_micros = micros;
    r.work_seconds = seconds;
    return r;
}

static mli_verdict_run turns(mli_verdict_run r, double seconds)
{
    r.scores[MLI_VERDICT_DER] = (mli_verdict_score){true, seconds, 25.0};
    return r;
}

static const mli_verdict_run failed = {.state = MLI_VERDICT_FAILED, .cost_micros = -1};
static const mli_verdict_run open_run = {.state = MLI_VERDICT_OPEN, .cost_micros = -1};

static mli_verdict ask(const play *p)
{
    mli_verdict v;
    assert_int_equal(mli_verdict_decide(p->in, p->count, NULL, &v, NULL), MODELLAB_OK);
    assert_true(v.reason[0] != '\0');
    return v;
}

static play swapped(const play *p)
{
    play q = *p;
    for (size_t i = 0; i < q.count; i++) {
        q.in[i].a = p->in[i].b;
        q.in[i].b = p->in[i].a;
    }
    return q;
}

static mli_verdict_outcome mirror(mli_verdict_outcome o)
{
    if (o == MLI_VERDICT_A_BETTER || o == MLI_VERDICT_B_BETTER)
        return o == MLI_VERDICT_A_BETTER ? MLI_VERDICT_B_BETTER : MLI_VERDICT_A_BETTER;
    return o;
}

static void expect(const play *p, mli_verdict_outcome outcome, const char *by)
{
    const play other = swapped(p);
    const mli_verdict v = ask(p), w = ask(&other);
    assert_string_equal(v.decided_by, by);
    assert_int_equal(v.outcome, outcome);
    assert_string_equal(w.decided_by, by);
    assert_int_equal(w.outcome, mirror(outcome));
}

#define PLAY(...)                                                                                  \
    play p = {.count = 0};                                                                         \
    (void)state;                                                                                   \
    __VA_ARGS__

static void test_errors_decide_first(void **state)
{
    PLAY(add(&p, 8,
             (mli_verdict_input){costing(done(2, 100), 900, 9.0), costing(done(9, 100), 100, 1.0),
                                 false}));
    expect(&p, MLI_VERDICT_A_BETTER, "wer"); /* dearer and slower, but right */
}

static void test_few_inputs_decide_nothing(void **state)
{
    PLAY(add(&p, 5, (mli_verdict_input){done(2, 100), done(9, 100), false}));
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "wer"); /* five of five by chance: one in 16 */
}

static void test_even_errors_then_cost(void **state)
{
    PLAY(add(&p, 8,
             (mli_verdict_input){costing(done(30, 1000), 500, 3.0),
                                 costing(done(30, 1000), 400, 3.0), false}));
    expect(&p, MLI_VERDICT_B_BETTER, "cost");
    p.count = 4; /* four times by chance: one in eight */
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "cost");
    p.count = 8;
    for (size_t i = 0; i < p.count; i++)
        p.in[i].b.cost_micros = 490; /* within the tolerance */
    expect(&p, MLI_VERDICT_NEUTRAL, "all");
    for (size_t i = 0; i < p.count; i++)
        p.in[i].b.work_seconds = 2.0;
    expect(&p, MLI_VERDICT_B_BETTER, "real_time_factor");
    p.in[2].a.cost_micros = -1;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "cost");
}

/* Two equal candidates of which now this, now that run was cold. */
static void test_chance_decides_nothing(void **state)
{
    PLAY(add(&p, 8,
             (mli_verdict_input){costing(done(30, 1000), -1, 3.0), costing(done(30, 1000), -1, 3.1),
                                 false}));
    p.in[3].a.work_seconds = 30.0;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "real_time_factor");
    p.count = 0; /* three right words are not evidence */
    add(&p, 1,
        (mli_verdict_input){costing(done(0, 3), 100, 1.0), costing(done(0, 3), 900, 1.0), false});
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "wer");
}

/* A diarization that failed is held against whose it was. */
static void test_missing_scores(void **state)
{
    PLAY(add(&p, 10,
             (mli_verdict_input){turns(costing(done(30, 1000), 900, 9.0), 2.0),
                                 costing(done(30, 1000), 100, 1.0), false}));
    p.in[9].b = turns(p.in[9].b, 2.0);
    expect(&p, MLI_VERDICT_A_BETTER, "failures");
    for (size_t i = 0; i < 10; i++) {
        if (i >= 2)
            p.in[i].b = turns(p.in[i].b, 2.0);
        p.in[i].a.scores[MLI_VERDICT_DER].size = p.in[i].b.scores[MLI_VERDICT_DER].size = 250.0;
        p.in[i].b.scores[MLI_VERDICT_DER].known = i >= 2;
    }
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "completed");
}

static void test_no_reference(void **state)
{
    PLAY(add(
        &p, 9,
        (mli_verdict_input){costing(done(0, -1), 100, 1.0), costing(done(0, -1), 900, 9.0), true}));
    expect(&p, MLI_VERDICT_A_BETTER, "cost"); /* the same came out */
    p.in[4].same_output = false;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "reference");
    for (size_t i = 5; i < 9; i++) /* references of the others do not tell */
        p.in[i].a = costing(done(30, 1000), 100, 1.0),
        p.in[i].b = costing(done(30, 1000), 900, 9.0);
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "reference");
}

static void test_open_and_failed(void **state)
{
    PLAY(add(&p, 20, (mli_verdict_input){done(2, 100), done(9, 100), false}));
    add(&p, 1, (mli_verdict_input){done(2, 100), open_run, false});
    expect(&p, MLI_VERDICT_PENDING, "open");
    p.in[20] = (mli_verdict_input){failed, done(9, 100), false};
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "completed"); /* better, but failed once */
    p.in[20] = (mli_verdict_input){done(2, 100), failed, false};
    expect(&p, MLI_VERDICT_A_BETTER, "wer");
    p.count = 0;
    add(&p, 9, (mli_verdict_input){failed, done(0, 100), false});
    expect(&p, MLI_VERDICT_B_BETTER, "failures");
    p.count = 3;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "completed");
    p.count = 0;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "inputs");
}

static void test_words_against_speakers(void **state)
{
    PLAY(
        add(&p, 8, (mli_verdict_input){turns(done(2, 100), 9.0), turns(done(9, 100), 2.0), false}));
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "conflict");
    for (size_t i = 0; i < p.count; i++)
        p.in[i].b.scores[MLI_VERDICT_WER].errors = 2.0;
    expect(&p, MLI_VERDICT_B_BETTER, "der");
    for (size_t i = 0; i < p.count; i++)
        p.in[i].b.scores[MLI_VERDICT_DER].size = 40.0; /* another reference */
    expect(&p, MLI_VERDICT_NEUTRAL, "all");
}

static void test_characters_where_there_are_no_words(void **state)
{
    PLAY(add(&p, 8, (mli_verdict_input){done(0, -1), done(0, -1), false}));
    for (size_t i = 0; i < p.count; i++) {
        p.in[i].a.scores[MLI_VERDICT_CER] = (mli_verdict_score){true, 9.0, 200.0};
        p.in[i].b.scores[MLI_VERDICT_CER] = (mli_verdict_score){true, 2.0, 200.0};
    }
    expect(&p, MLI_VERDICT_B_BETTER, "cer");
    for (size_t i = 0; i < p.count; i++) /* words come first */
        p.in[i].a.scores[MLI_VERDICT_WER] = p.in[i].b.scores[MLI_VERDICT_WER] =
            (mli_verdict_score){true, 5.0, 1000.0};
    expect(&p, MLI_VERDICT_NEUTRAL, "all");
}

static void test_empty_references(void **state)
{
    PLAY(add(&p, 8, (mli_verdict_input){done(0, 0), done(3, 0), false})); /* words over silence */
    expect(&p, MLI_VERDICT_A_BETTER, "wer");
    for (size_t i = 0; i < p.count; i++)
        p.in[i].b.scores[MLI_VERDICT_WER].errors = 0.0;
    expect(&p, MLI_VERDICT_NEUTRAL, "all");
}

/* By the pieces of one text two candidates can be told apart, by its sum they cannot. */
static void test_pieces(void **state)
{
    PLAY(add(&p, 1, (mli_verdict_input){done(40, 1000), done(90, 1000), false}));
    int64_t a[60], b[60];
    for (int i = 0; i < 60; i++) {
        a[i] = i < 40;
        b[i] = i >= 10 ? 2 - (i < 20) : 0;
    }
    mli_matched_pairs pairs;
    mli_verdict_options o = {.words = &pairs};
    mli_verdict v;
    expect(&p, MLI_VERDICT_INCONCLUSIVE, "wer");
    assert_int_equal(mli_score_matched_pairs(a, b, 60, 0, 1000, NULL, &pairs, NULL), MODELLAB_OK);
    assert_int_equal(mli_verdict_decide(p.in, p.count, &o, &v, NULL), MODELLAB_OK);
    assert_int_equal(v.outcome, MLI_VERDICT_A_BETTER);
}

static mli_verdict_run drawn(uint64_t seed, uint32_t *at)
{
    uint32_t r[4];
    const uint32_t counter[4] = {(*at)++, 0, 0, 0};
    mli_philox(seed, counter, r);
    if (r[0] % 16 == 0)
        return r[0] % 3 == 0 ? open_run : failed;
    mli_verdict_run run = done(r[1] % 6, seed % 4 == 0 && r[1] % 5 == 0 ? -1.0 : 60.0);
    run.cost_micros = seed % 3 == 0 ? -1 : (int64_t)(r[2] % 1000) - (r[2] % 50 == 0 ? 1000 : 0);
    run.work_seconds = (double)(r[3] % 100) / 10.0;
    if (seed % 5 == 0)
        run = turns(run, (double)(r[3] % 70) / 10.0);
    return run;
}

static void check_properties(play *p)
{
    const play other = swapped(p);
    const mli_verdict v = ask(p), w = ask(&other);
    assert_int_equal(w.outcome, mirror(v.outcome));
    assert_string_equal(w.decided_by, v.decided_by);
    assert_int_equal(v.open_a + v.open_b > 0, v.outcome == MLI_VERDICT_PENDING);
    if (v.outcome == MLI_VERDICT_A_BETTER)
        assert_true(v.failed_a <= v.failed_b);
    if (v.outcome == MLI_VERDICT_A_BETTER && v.measures[MLI_VERDICT_WORDS].better != 0)
        assert_true(v.measures[MLI_VERDICT_WORDS].errors_a <
                    v.measures[MLI_VERDICT_WORDS].errors_b);
    play more = *p;
    add(&more, 1, (mli_verdict_input){done(0, 60), open_run, true});
    assert_int_equal(ask(&more).outcome, MLI_VERDICT_PENDING);
    for (size_t i = 0; i < p->count; i++) /* against itself nobody is better */
        more.in[i].b = more.in[i].a, more.in[i].same_output = true;
    more.count = p->count;
    const mli_verdict_outcome same = ask(&more).outcome;
    assert_true(same != MLI_VERDICT_A_BETTER && same != MLI_VERDICT_B_BETTER);
}

static void test_properties(void **state)
{
    int64_t seen[MLI_VERDICT_INCONCLUSIVE + 1] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < 600; seed++) {
        PLAY();
        uint32_t at = 0;
        const size_t count = seed % 13 + (seed % 7 == 0 ? 30 : 0);
        for (size_t i = 0; i < count; i++) {
            mli_verdict_input in = {drawn(seed, &at), drawn(seed, &at), at % 3 == 0};
            if (seed % 2 == 0) /* so that some are finished, and some have a winner */
                in.a.state = in.b.state = MLI_VERDICT_COMPLETED;
            if (seed % 4 == 2)
                (seed % 8 == 2 ? &in.a : &in.b)->scores[MLI_VERDICT_WER].errors += 4.0;
            add(&p, 1, in);
        }
        check_properties(&p);
        seen[ask(&p).outcome]++;
    }
    for (int i = MLI_VERDICT_PENDING; i <= MLI_VERDICT_INCONCLUSIVE; i++)
        assert_true(seen[i] > 0 || i == MLI_VERDICT_NEUTRAL);
}

static void test_memory(void **state)
{
    PLAY(add(&p, 9, (mli_verdict_input){done(2, 100), done(9, 100), false}));
    failing_alloc f = {.fail_at = 0};
    modellab_allocator a = failing_alloc_table(&f);
    mli_verdict v;
    const mli_verdict_options o = {.alloc = &a};
    assert_int_equal(mli_verdict_decide(p.in, p.count, &o, &v, NULL), MODELLAB_E_NO_MEMORY);
}

static void test_written(void **state)
{
    PLAY(add(&p, 8, (mli_verdict_input){done(2, 100), done(9, 100), false}));
    const mli_verdict v = ask(&p);
    mli_json *json = NULL;
    mli_buf out;
    mli_jw w;
    mli_buf_init(&out, NULL);
    mli_jw_init(&w, &out);
    mli_verdict_write(&v, &w);
    assert_int_equal(mli_json_parse(out.data, out.size, 65536, &json, NULL), MODELLAB_OK);
    assert_string_equal(mli_json_string(mli_json_get(json, "verdict"), ""), "A_BETTER");
    const mli_json *words = mli_json_at(mli_json_get(json, "measures"), 1);
    assert_string_equal(mli_json_string(mli_json_get(words, "name"), ""), "wer");
    assert_true(fabs(mli_json_number(mli_json_get(words, "rate_b"), 0.0) - 0.09) < 1e-12);
    mli_json_free(json);
    mli_buf_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_decide_first),
        cmocka_unit_test(test_few_inputs_decide_nothing),
        cmocka_unit_test(test_even_errors_then_cost),
        cmocka_unit_test(test_chance_decides_nothing),
        cmocka_unit_test(test_missing_scores),
        cmocka_unit_test(test_no_reference),
        cmocka_unit_test(test_open_and_failed),
        cmocka_unit_test(test_words_against_speakers),
        cmocka_unit_test(test_characters_where_there_are_no_words),
        cmocka_unit_test(test_empty_references),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
