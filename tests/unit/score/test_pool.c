/* Sums of scores that were written and read back give what the pairs themselves give: rates,
 * intervals, matched pairs. What is no such sum is refused, and changes nothing. */
#include "score/scorer.h"
#include "unit/unit.h"
#include <math.h>
#include <string.h>

#define LONG                                                                                       \
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "    \
    "sixteen seventeen eighteen nineteen twenty and one two three four five six seven eight nine " \
    "ten and one more at the end of it all and that was all that there was"

static const char *const pairs[][3] = {
    /* reference, A, B */
    {"the cat sat on the mat", "the cat sat on mat", "a cat sat on the mat mat"},
    {LONG, "one two three for five six seven eight nine ten eleven twelve thirteen", LONG},
    {"", "so much that was never said at all", ""},
    {"yes", "no a b c d e f g h i j k l", "yes"},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static mli_scorer_options options(mli_score_metric metric)
{
    return (mli_scorer_options){.metric = metric, .normalizer = MLI_SCORE_SIMPLE};
}

static void add(mli_scorer *s, int pair, int side)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *r = pairs[pair][0], *h = pairs[pair][side];
    assert_int_equal(MODELLAB_OK, mli_scorer_add_text(s, "x", r, strlen(r), h, strlen(h), &err));
}

/* `from` through JSON into `to`. */
static void pool(const mli_scorer *from, mli_scorer *to)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    mli_buf text;
    mli_jw w;
    mli_buf_init(&text, NULL);
    mli_jw_init(&w, &text);
    mli_scorer_write_pool(from, &w);
    assert_int_equal(MODELLAB_OK, mli_json_parse(text.data, text.size, 1 << 20, &root, &err));
    if (mli_scorer_add_pool(to, "x", root, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    mli_json_free(root);
    mli_buf_dispose(&text);
}

static void expect_same(const mli_scorer *a, const mli_scorer *b)
{
    mli_score_value of_a[MLI_SCORE_MAX_VALUES], of_b[MLI_SCORE_MAX_VALUES];
    mli_score_interval in_a, in_b;
    size_t units_a, units_b;
    const size_t count = mli_scorer_values(a, of_a);
    assert_int_equal(a->piece_count, b->piece_count);
    for (size_t i = 0; i < a->piece_count; i++)
        assert_true(a->pieces[i].errors == b->pieces[i].errors &&
                    a->pieces[i].size == b->pieces[i].size);
    assert_int_equal(count, mli_scorer_values(b, of_b));
    for (size_t i = 0; i < count; i++)
        assert_true(of_a[i].value == of_b[i].value ||
                    (isnan(of_a[i].value) && isnan(of_b[i].value)));
    assert_int_equal(MODELLAB_OK, mli_scorer_interval(a, &in_a, &units_a, NULL));
    assert_int_equal(MODELLAB_OK, mli_scorer_interval(b, &in_b, &units_b, NULL));
    assert_int_equal(units_a, units_b);
    assert_true(in_a.low == in_b.low || (isnan(in_a.low) && isnan(in_b.low)));
    assert_true(in_a.high == in_b.high || (isnan(in_a.high) && isnan(in_b.high)));
}

static void texts(void **state)
{
    static const mli_score_metric metrics[] = {MLI_SCORE_WER, MLI_SCORE_CER};
    (void)state;
    for (size_t m = 0; m < 2; m++) {
        const mli_scorer_options o = options(metrics[m]);
        mli_scorer whole[2], pooled[2];
        for (int side = 0; side < 2; side++) {
            mli_scorer_init(&whole[side], &o);
            mli_scorer_init(&pooled[side], &o);
            for (int i = 0; i < PAIRS; i++) {
                mli_scorer one;
                add(&whole[side], i, side + 1);
                mli_scorer_init(&one, &o);
                add(&one, i, side + 1);
                pool(&one, &pooled[side]);
                mli_scorer_dispose(&one);
            }
            expect_same(&whole[side], &pooled[side]);
        }
        if (metrics[m] == MLI_SCORE_WER) {
            mli_matched_pairs direct, kept;
            assert_int_equal(MODELLAB_OK, mli_scorer_matched(&whole[0], &whole[1], &direct, NULL));
            assert_int_equal(MODELLAB_OK, mli_scorer_matched(&pooled[0], &pooled[1], &kept, NULL));
            assert_int_equal(direct.segments, kept.segments);
            assert_true(direct.segments > 2 && direct.difference == kept.difference);
            assert_true(direct.p_random == kept.p_random);
        }
        for (int side = 0; side < 2; side++) {
            mli_scorer_dispose(&whole[side]);
            mli_scorer_dispose(&pooled[side]);
        }
    }
}

static void turns(void **state)
{
    static const char reference[] = "SPEAKER a 1 0.0 5.0 <NA> <NA> x <NA> <NA>\n"
                                    "SPEAKER a 1 4.0 3.0 <NA> <NA> y <NA> <NA>\n";
    static const char hypothesis[] = "SPEAKER a 1 0.5 4.0 <NA> <NA> 0 <NA> <NA>\n"
                                     "SPEAKER a 1 4.5 3.25 <NA> <NA> 1 <NA> <NA>\n";
    const mli_scorer_options o = options(MLI_SCORE_DER);
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_document a, b;
    mli_scorer whole, pooled;
    (void)state;
    assert_int_equal(MODELLAB_OK,
                     mli_document_read("a.rttm", reference, sizeof reference - 1, NULL, &a, &err));
    assert_int_equal(MODELLAB_OK, mli_document_read("b.rttm", hypothesis, sizeof hypothesis - 1,
                                                    NULL, &b, &err));
    mli_scorer_init(&whole, &o);
    mli_scorer_init(&pooled, &o);
    assert_int_equal(MODELLAB_OK, mli_scorer_add(&whole, "a", &a, &b, NULL, &err));
    pool(&whole, &pooled);
    assert_true(whole.der.miss > 0);
    expect_same(&whole, &pooled);
    mli_scorer_dispose(&whole);
    mli_scorer_dispose(&pooled);
    mli_document_dispose(&a);
    mli_document_dispose(&b);
}

static void what_is_no_sum_is_refused(void **state)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "{\"files\":[1],\"sums\":[0,0,0,0],\"pieces\":[],\"words\":\"\"}",
        "{\"files\":[1,-1],\"sums\":[0,0,0,0],\"pieces\":[],\"words\":\"\"}",
        "{\"files\":[1,1e300],\"sums\":[0,0,0,0],\"pieces\":[],\"words\":\"\"}",
        "{\"files\":[1,\"2\"],\"sums\":[0,0,0,0],\"pieces\":[],\"words\":\"\"}",
        "{\"files\":[1,2],\"sums\":[2,0,0],\"pieces\":[],\"words\":\"01\"}",
        "{\"files\":[1,2],\"sums\":[1,0,0,0],\"pieces\":[],\"words\":\"01\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[1,null],\"words\":\"01\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"012\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0x\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0(\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0()\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0(12\"}",
        "{\"files\":[1,2],\"sums\":[1,1,0,0],\"pieces\":[],\"words\":\"0(999999999999)\"}",
    };
    const mli_scorer_options o = options(MLI_SCORE_WER);
    mli_scorer s;
    (void)state;
    mli_scorer_init(&s, &o);
    add(&s, 0, 1);
    const mli_scorer before = s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_json *root = NULL;
        assert_int_equal(MODELLAB_OK,
                         mli_json_parse(cases[i], strlen(cases[i]), 4096, &root, &err));
        if (mli_scorer_add_pool(&s, "x", root, &err) != MODELLAB_E_INVALID_JSON)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(before.file_count, s.file_count);
        assert_int_equal(before.piece_count, s.piece_count);
        assert_int_equal(before.word_count, s.word_count);
        assert_int_equal(before.counts.hits, s.counts.hits);
        mli_json_free(root);
    }
    mli_scorer_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(turns),
        cmocka_unit_test(what_is_no_sum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
