/* Diarization scores of cases that can be done by hand, the assignment against all permutations,
 * spans, limits, cancel and faults. The comparison with pyannote.metrics is turns_oracle.py. */
#include "base/alloc.h"
#include "score/assign.h"
#include "score/der.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <math.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
#define S 1000000

static const mli_turn reference_turns[] = {{0, 10 * S, 0}, {8 * S, 20 * S, 1}};
static const mli_turns reference = {reference_turns, 2, 2};
/* Other names; 1 s lost at the end, 2 s given to the wrong one, 1 s behind everything. */
static const mli_turn hypothesis_turns[] = {
    {0, 12 * S, 1}, {12 * S, 19 * S, 0}, {20 * S, 21 * S, 1}, {5, 5, 2}};
static const mli_turns hypothesis = {hypothesis_turns, 4, 3};

static void test_by_hand(void **state)
{
    (void)state;
    mli_der d;
    int32_t of[3];
    OK(mli_der_score(&reference, &hypothesis, NULL, &d, of, NULL));
    assert_int_equal(d.total, 22 * S);
    assert_int_equal(d.correct, 17 * S);
    assert_int_equal(d.confusion, 2 * S); /* 10..12 */
    assert_int_equal(d.miss, 3 * S);      /* 8..10 overlap, 19..20 */
    assert_int_equal(d.false_alarm, S);
    assert_int_equal(d.speech, 20 * S);
    assert_int_equal(d.speech_miss, S);
    assert_int_equal(d.speech_false_alarm, S);
    assert_int_equal(d.scored, 21 * S);
    assert_int_equal(of[0], 1);
    assert_int_equal(of[1], 0);
    assert_int_equal(of[2], MLI_ASSIGN_NONE);
    const mli_der_rates r = mli_der_rates_of(&d);
    assert_true(fabs(r.der - 6.0 / 22.0) < 1e-12);
    /* speaker 0: common 10 of 13; speaker 1: common 7 of 12 */
    assert_true(fabs(r.jer - (3.0 / 13.0 + 5.0 / 12.0) / 2.0) < 1e-12);
    assert_true(fabs(r.purity - 17.0 / 20.0) < 1e-12);
    assert_true(fabs(r.coverage - 17.0 / 22.0) < 1e-12);
    assert_true(fabs(r.detection - 2.0 / 20.0) < 1e-12);
    mli_der sum = d;
    mli_der_add(&sum, &d);
    assert_true(fabs(mli_der_rates_of(&sum).der - r.der) < 1e-12);
    assert_true(fabs(mli_der_rates_of(&sum).jer - r.jer) < 1e-12);
}

static void test_options(void **state)
{
    (void)state;
    mli_der d;
    /* 1 s around 0, 8, 10 and 20 s is out: half of it on each side */
    mli_der_options o = {.collar = S};
    OK(mli_der_score(&reference, &hypothesis, &o, &d, NULL, NULL));
    assert_int_equal(d.scored, 21 * S - S / 2 - S - S - S);
    assert_int_equal(d.confusion, 3 * S / 2);
    o = (mli_der_options){.skip_overlap = true};
    OK(mli_der_score(&reference, &hypothesis, &o, &d, NULL, NULL));
    assert_int_equal(d.scored, 19 * S);
    assert_int_equal(d.miss, S);
    assert_int_equal(d.total, 18 * S);
    const mli_span uem[] = {{9 * S, 11 * S}, {10 * S, 12 * S}, {13 * S, 13 * S}};
    o = (mli_der_options){.uem = uem, .uem_count = 3};
    OK(mli_der_score(&reference, &hypothesis, &o, &d, NULL, NULL));
    assert_int_equal(d.scored, 3 * S);
    assert_int_equal(d.total, 4 * S);
    o.uem_count = 0; /* nothing is scored */
    OK(mli_der_score(&reference, &hypothesis, &o, &d, NULL, NULL));
    assert_int_equal(d.scored, 0);
}

static void test_empty(void **state)
{
    (void)state;
    const mli_turns none = {NULL, 0, 0};
    mli_der d;
    OK(mli_der_score(&none, &none, NULL, &d, NULL, NULL));
    mli_der_rates r = mli_der_rates_of(&d);
    assert_true(r.der == 0.0 && r.jer == 1.0 && r.purity == 1.0 && r.detection == 0.0);
    OK(mli_der_score(&none, &hypothesis, NULL, &d, NULL, NULL));
    r = mli_der_rates_of(&d);
    assert_true(r.der == 1.0 && r.jer == 1.0 && r.purity == 0.0 && r.detection == 1.0);
    OK(mli_der_score(&reference, &none, NULL, &d, NULL, NULL));
    r = mli_der_rates_of(&d);
    assert_true(r.der == 1.0 && r.jer == 1.0 && r.coverage == 0.0 && r.detection == 1.0);
}

/* The best sum by trying all. */
static int64_t best(const int64_t *gains, size_t rows, size_t columns, size_t row, uint32_t taken)
{
    int64_t most = 0;
    if (row == rows)
        return 0;
    most = best(gains, rows, columns, row + 1, taken);
    for (size_t c = 0; c < columns; c++) {
        if ((taken >> c & 1) == 0) {
            const int64_t sum = gains[row * columns + c] +
                                best(gains, rows, columns, row + 1, taken | UINT32_C(1) << c);
            most = sum > most ? sum : most;
        }
    }
    return most;
}

static void test_assign(void **state)
{
    (void)state;
    uint32_t seed = 9;
    for (int round = 0; round < 300; round++) {
        const size_t rows = 1 + (size_t)round % 5, columns = 1 + (size_t)round / 5 % 6;
        int64_t gains[30], sum = 0;
        int32_t column_of[5];
        uint32_t taken = 0;
        for (size_t i = 0; i < rows * columns; i++) {
            seed = seed * 1664525u + 1013904223u;
            gains[i] = (seed >> 20) % (round % 2 == 0 ? 5 : 4000);
        }
        OK(mli_assign(gains, rows, columns, NULL, NULL, column_of, NULL));
        for (size_t r = 0; r < rows; r++) {
            if (column_of[r] == MLI_ASSIGN_NONE)
                continue;
            assert_int_equal(taken >> column_of[r] & 1, 0);
            taken |= UINT32_C(1) << column_of[r];
            assert_true(gains[r * columns + (size_t)column_of[r]] > 0);
            sum += gains[r * columns + (size_t)column_of[r]];
        }
        assert_int_equal(sum, best(gains, rows, columns, 0, 0));
    }
}

static void test_limits(void **state)
{
    (void)state;
    static mli_turn copies[MLI_DER_MAX_COPIES + 1];
    mli_der d;
    mli_turns many = {copies, MLI_DER_MAX_COPIES + 1, 1};
    for (size_t i = 0; i < many.count; i++)
        copies[i] = (mli_turn){0, S, 0};
    assert_int_equal(mli_der_score(&many, &hypothesis, NULL, &d, NULL, NULL), MODELLAB_E_LIMIT);
    many.count--;
    OK(mli_der_score(&many, &hypothesis, NULL, &d, NULL, NULL));
    assert_int_equal(d.total, MLI_DER_MAX_COPIES * (int64_t)S);
    many.speakers = MLI_DER_MAX_SPEAKERS + 1;
    assert_int_equal(mli_der_score(&many, &hypothesis, NULL, &d, NULL, NULL), MODELLAB_E_LIMIT);
    mli_cancel_word cancel = 1;
    const mli_der_options cancelled = {.cancel = &cancel};
    assert_int_equal(mli_der_score(&reference, &hypothesis, &cancelled, &d, NULL, NULL),
                     MODELLAB_E_CANCELLED);
    assert_int_equal(d.total, 0);
}

static void test_faults(void **state)
{
    (void)state;
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    for (; status == MODELLAB_E_NO_MEMORY; n++) {
        failing_alloc failing = {.fail_at = n};
        const modellab_allocator alloc = failing_alloc_table(&failing);
        const mli_der_options o = {.collar = S / 4, .skip_overlap = true, .alloc = &alloc};
        mli_der d;
        status = mli_der_score(&reference, &hypothesis, &o, &d, NULL, NULL);
        assert_int_equal(failing.live, 0);
        assert_true(status == MODELLAB_OK || d.total == 0);
    }
    OK(status);
    assert_true(n > 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_options),
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_assign),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
