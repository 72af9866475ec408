/* Vector functions against the C library in double precision, with tails, infinities and NaN. */
#include "common.h"

#include "kernels/half.h"

static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 33, 64, 100, 1500};
#define EACH_SIZE(n)                                                                               \
    for (size_t at_ = 0, n; at_ < sizeof sizes / sizeof *sizes && (n = sizes[at_], 1); at_++)

static void test_exp(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        float worst = 0.0f, y;
        for (float x = -87.3f; x < 88.72f; x += 0.0137f) {
            mli_exp(&y, &x, 1);
            double want = exp((double)x);
            float error = (float)(fabs((double)y - want) / want * 0x1p24);
            worst = error > worst ? error : worst;
        }
        assert_true(worst < 4.0f); /* 2 units in the last place */
        const float edge[] = {0.0f, -0.0f, -88.0f, -1e30f, -INFINITY, 88.73f, 1e30f, INFINITY, NAN};
        const float want[] = {1, 1, 0, 0, 0, INFINITY, INFINITY, INFINITY, NAN};
        float got[9];
        mli_exp(got, edge, 9);
        for (size_t i = 0; i < 9; i++)
            assert_near((double)got[i], (double)want[i], 0.0, "exp", i);
    }
}

static void test_gelu(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        for (double x = -14.0; x < 14.0; x += 0.00137) {
            float y = (float)x;
            mli_gelu(&y, 1);
            double want = 0.5 * (double)(float)x * erfc(-(double)(float)x / sqrt(2.0));
            assert_true(fabs((double)y - want) <= 1e-6 * fabs((double)(float)x));
            if (fabs(x) < 4.0)
                assert_true(fabs((double)y - want) <= 1.5e-6 * fabs(want));
        }
        float edge[] = {0.0f, INFINITY, -INFINITY, NAN, 1e20f, -1e20f};
        mli_gelu(edge, 6);
        const double want[] = {0.0, INFINITY, 0.0, NAN, 1e20f, 0.0};
        for (size_t i = 0; i < 6; i++)
            assert_near((double)edge[i], want[i], 0.0, "gelu", i);
    }
}

/* All 65,536 halves, and the values next to the middle between neighbours. */
static void test_half(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        for (uint32_t h = 0; h < 65536; h++) {
            mli_f16 half = (mli_f16)h, back;
            float f, plain = mli_half_to_float(half);
            mli_f16_to_f32(&f, &half, 1);
            assert_memory_equal(&f, &plain, 4);
            mli_f32_to_f16(&back, &f, 1);
            if (!isnan(f))
                assert_int_equal(back, h);
            else
                assert_true((back & 0x7fff) > 0x7c00);
            assert_int_equal(back, mli_half_from_float(f));
            if (isnan(f) || isinf(f))
                continue;
            float up = mli_half_to_float((mli_f16)(h + 1));
            float between[3] = {nextafterf((f + up) / 2, f), (f + up) / 2,
                                nextafterf((f + up) / 2, up)};
            mli_f16 got[3];
            mli_f32_to_f16(got, between, 3);
            for (int i = 0; i < 3 && isfinite(up); i++)
                assert_int_equal(got[i], mli_half_from_float(between[i]));
            if (isfinite(up)) {
                assert_int_equal(got[0], h);
                assert_int_equal(got[1], h + (h & 1)); /* to even */
                assert_int_equal(got[2], h + 1);
            }
        }
        const float edge[] = {65519.9f, 65520.0f, -1e10f, INFINITY, 0x1p-25f, 0x1.8p-25f, 1e-30f};
        const mli_f16 want[] = {0x7bff, 0x7c00, 0xfc00, 0x7c00, 0, 1, 0};
        mli_f16 got[7];
        mli_f32_to_f16(got, edge, 7);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void test_sums(void **state)
{
    (void)state;
    numbers rng = {1};
    EACH_SIZE(n)
    {
        float *a = floats(&rng, n), *b = floats(&rng, n), *c = must(n * 4 + 4);
        double sum = 0, dot = 0, top = -INFINITY, exps = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)a[i];
            dot += (double)a[i] * (double)b[i];
            exps += exp((double)a[i]);
            top = (double)a[i] > top ? (double)a[i] : top;
        }
        EACH_ISA(isa)
        {
            assert_near((double)mli_sum(a, n), sum, 1e-5, "sum", n);
            assert_near((double)mli_dot(a, b, n), dot, 1e-5, "dot", n);
            assert_near((double)mli_max(a, n), top, 0.0, "max", n);
            assert_near((double)mli_log_sum_exp(a, n), n ? log(exps) : -INFINITY, 1e-6, "lse", n);
            memcpy(c, a, n * 4);
            c[n] = 77.0f;
            mli_add(c, b, n);
            mli_scale(c, 3.0f, n);
            for (size_t i = 0; i < n; i++)
                assert_true(c[i] == (a[i] + b[i]) * 3.0f);
            assert_true(c[n] == 77.0f);
        }
        free(a);
        free(b);
        free(c);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    numbers rng = {2};
    EACH_SIZE(n)
    {
        float *x = floats(&rng, n), *y = must(n * 4 + 4), *l = must(n * 4 + 4);
        for (size_t i = 0; i < n; i++)
            x[i] = i % 5 == 3 ? -INFINITY : x[i] * 40.0f;
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += exp((double)x[i]);
        EACH_ISA(isa)
        {
            memcpy(y, x, n * 4);
            y[n] = l[n] = 77.0f;
            mli_softmax(y, n);
            mli_log_softmax(l, x, n);
            for (size_t i = 0; i < n; i++) {
                assert_near((double)y[i], exp((double)x[i]) / sum, 2e-6, "softmax", i);
                assert_near((double)l[i], (double)x[i] - log(sum), 2e-6, "log softmax", i);
            }
            assert_true(y[n] == 77.0f && l[n] == 77.0f);
        }
        free(x);
        free(y);
        free(l);
    }
}

static void test_masked_and_nan(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t n = 1; n < 40; n += 13) {
            float x[40], top;
            for (size_t i = 0; i < n; i++)
                x[i] = -INFINITY;
            assert_int_equal(mli_argmax(x, n, &top), 0);
            assert_true(isinf(mli_log_sum_exp(x, n)) && mli_log_sum_exp(x, n) < 0);
            mli_log_softmax(x, x, n);
            assert_true(isinf(x[n - 1]) && x[n - 1] < 0);
            mli_softmax(x, n);
            for (size_t i = 0; i < n; i++)
                assert_true(x[i] == 0.0f);
            x[n / 2] = NAN;
            assert_true(isnan(mli_log_sum_exp(x, n)));
            assert_int_equal(mli_argmax(x, n, &top), n == 1 ? 0 : 0);
            mli_softmax(x, n);
            for (size_t i = 0; i < n; i++)
                assert_true(isnan(x[i]));
            assert_int_equal(mli_argmax(x, n, &top), 0);
            assert_true(isinf(top) && top < 0);
        }
        float y[] = {3.0f, NAN, 5.0f, 5.0f, -1.0f};
        float top;
        assert_int_equal(mli_argmax(y, 5, &top), 2);
        assert_true(top == 5.0f);
        assert_int_equal(mli_argmax(y, 0, &top), 0);
    }
}

static void test_layernorm(void **state)
{
    (void)state;
    numbers rng = {3};
    EACH_SIZE(n)
    {
        float *x = floats(&rng, n), *g = floats(&rng, n), *b = floats(&rng, n),
              *y = must(n * 4 + 4);
        double mean = 0, var = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
        EACH_ISA(isa)
        {
            y[n] = 77.0f;
            mli_layernorm(y, x, g, b, 1e-5f, n);
            for (size_t i = 0; i < n; i++)
                assert_near((double)y[i],
                            ((double)x[i] - mean) / sqrt(var + 1e-5) * (double)g[i] + (double)b[i],
                            2e-5, "norm", i);
            assert_true(y[n] == 77.0f);
        }
        free(x);
        free(g);
        free(b);
        free(y);
    }
}

/* AVX2 and AVX-512 run the same operations in the same order. */
static void test_variants_agree(void **state)
{
    (void)state;
    if (!mli_isa_available(MLI_ISA_AVX2) || !mli_isa_available(MLI_ISA_AVX512)) {
        print_message("this CPU lacks AVX2 or AVX-512: nothing to compare\n");
        skip();
    }
    numbers rng = {4};
    float *x = floats(&rng, 1003), *g = floats(&rng, 1003), y[2][4][1003];
    for (int i = 0; i < 2; i++) {
        assert_true(mli_kernels_use(i == 0 ? MLI_ISA_AVX2 : MLI_ISA_AVX512));
        mli_layernorm(y[i][0], x, g, g, 1e-5f, 1003);
        memcpy(y[i][1], x, sizeof y[i][1]);
        mli_softmax(y[i][1], 1003);
        memcpy(y[i][2], x, sizeof y[i][2]);
        mli_gelu(y[i][2], 1003);
        mli_log_softmax(y[i][3], x, 1003);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    free(x);
    free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),       cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_half),      cmocka_unit_test(test_sums),
        cmocka_unit_test(test_softmax),   cmocka_unit_test(test_masked_and_nan),
        cmocka_unit_test(test_layernorm), cmocka_unit_test(test_variants_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
