/* Linear layers: every variant, weight type, path and thread count against sums in double
 * precision; a row's bits do not depend on the rows beside it. */
#include "common.h"

#include "kernels/half.h"
#include "kernels/linear.h"

typedef struct problem {
    size_t m, n, k;
    mli_dtype type;
    mli_activation act;
    bool bias, add;
    float *x, *w, *b, *r; /* w holds values that the weight type can represent */
    void *packed;
    mli_packed view;
} problem;

static problem problem_new(size_t m, size_t n, size_t k, mli_dtype type, int kind)
{
    numbers rng = {m * 1000003 + n * 1009 + k};
    problem p = {.m = m, .n = n, .k = k, .type = type};
    p.act = (mli_activation)(kind % 3);
    p.bias = kind % 2 == 0;
    p.add = kind % 4 < 2;
    p.x = floats(&rng, m * k);
    p.w = floats(&rng, n * k);
    p.b = floats(&rng, n);
    p.r = floats(&rng, m * n);
    for (size_t i = 0; type == MLI_DTYPE_F16 && i < n * k; i++)
        p.w[i] = mli_half_to_float(mli_half_from_float(p.w[i]));
    size_t bytes;
    assert_int_equal(mli_pack_bytes(type, n, k, &bytes, NULL), MODELLAB_OK);
    p.packed = must(bytes);
    mli_pack(type, n, k, p.w, MLI_DTYPE_F32, k, p.packed);
    p.view = (mli_packed){type, n, k, p.packed};
    return p;
}

static void problem_free(problem *p)
{
    free(p->x);
    free(p->w);
    free(p->b);
    free(p->r);
    free(p->packed);
}

static double expected(const problem *p, size_t i, size_t j)
{
    double sum = 0.0;
    for (size_t c = 0; c < p->k; c++)
        sum += (double)p->x[i * p->k + c] * (double)p->w[j * p->k + c];
    if (p->bias)
        sum += (double)p->b[j];
    if (p->act == MLI_ACT_GELU)
        sum = 0.5 * sum * erfc(-sum / sqrt(2.0));
    if (p->act == MLI_ACT_RELU)
        sum = sum > 0.0 ? sum : 0.0;
    return p->add ? sum + (double)p->r[i * p->n + j] : sum;
}

static void linear_region(void *ctx, mli_team *team)
{
    mli_linear(team, ctx);
}

static mli_linear_args args_of(const problem *p, float *y)
{
    return (mli_linear_args){.w = &p->view,
                             .bias = p->bias ? p->b : NULL,
                             .m = p->m,
                             .x = p->x,
                             .x_stride = p->k,
                             .y = y,
                             .y_stride = p->n,
                             .act = p->act,
                             .add = p->add ? p->r : NULL,
                             .add_stride = p->n};
}

static void run(mli_pool *pool, const problem *p, float *y)
{
    mli_linear_args args = args_of(p, y);
    mli_pool_region(pool, NULL, linear_region, &args);
}

static const size_t shapes[][3] = {{1, 1, 1},    {1, 16, 8},   {1, 51, 33},   {1, 200, 384},
                                   {2, 65, 17},  {3, 130, 64}, {4, 64, 100},  {5, 333, 80},
                                   {6, 96, 50},  {7, 48, 48},  {16, 40, 31},  {17, 40, 31},
                                   {23, 70, 90}, {96, 33, 64}, {97, 64, 300}, {200, 48, 600}};

static void test_against_double(void **state)
{
    (void)state;
    mli_pool *pools[2] = {pool_of(1), pool_of(2)};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int kind = 0; kind < 4; kind++) {
            problem p =
                problem_new(shapes[s][0], shapes[s][1], shapes[s][2],
                            kind % 2 == 1 ? MLI_DTYPE_F16 : MLI_DTYPE_F32, kind + (int)s % 3);
            float *y = must(p.m * p.n * sizeof *y), *two = must(p.m * p.n * sizeof *y);
            EACH_ISA(isa)
            {
                run(pools[0], &p, y);
                run(pools[1], &p, two);
                assert_memory_equal(y, two, p.m * p.n * sizeof *y);
                for (size_t i = 0; i < p.m * p.n; i++)
                    assert_near((double)y[i], expected(&p, i / p.n, i % p.n), 2e-5, "y", i);
            }
            free(y);
            free(two);
            problem_free(&p);
        }
    }
    mli_pool_destroy(pools[0]);
    mli_pool_destroy(pools[1]);
}

/* Row i of a batch equals, bit for bit, the same row alone: beams and prompts cannot change a
 * token. */
static void test_rows_are_independent(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    for (int type = 0; type < 2; type++) {
        for (size_t m = 2; m <= 120; m += m < 8 ? 1 : 37) {
            problem p = problem_new(m, 133, 530, (mli_dtype)type, 1);
            float *all = must(m * p.n * sizeof *all), *one = must(p.n * sizeof *one);
            EACH_ISA(isa)
            {
                run(pool, &p, all);
                for (size_t i = 0; i < m; i++) {
                    mli_linear_args args = args_of(&p, one);
                    args.m = 1;
                    args.x = p.x + i * p.k;
                    if (args.add != NULL)
                        args.add = p.r + i * p.n;
                    mli_pool_region(pool, NULL, linear_region, &args);
                    assert_memory_equal(one, all + i * p.n, p.n * sizeof *one);
                }
            }
            free(all);
            free(one);
            problem_free(&p);
        }
    }
    mli_pool_destroy(pool);
}

/* The variants that fuse give the same bits as each other. */
static void test_variants_agree(void **state)
{
    (void)state;
    if (!mli_isa_available(MLI_ISA_AVX2) || !mli_isa_available(MLI_ISA_AVX512)) {
        print_message("this CPU lacks AVX2 or AVX-512: nothing to compare\n");
        skip();
    }
    mli_pool *pool = pool_of(1);
    for (size_t m = 1; m <= 40; m += 13) {
        problem p = problem_new(m, 75, 300, MLI_DTYPE_F16, 1);
        float *a = must(m * p.n * sizeof *a), *b = must(m * p.n * sizeof *b);
        assert_true(mli_kernels_use(MLI_ISA_AVX2));
        run(pool, &p, a);
        assert_true(mli_kernels_use(MLI_ISA_AVX512));
        run(pool, &p, b);
        assert_memory_equal(a, b, m * p.n * sizeof *a);
        free(a);
        free(b);
        problem_free(&p);
    }
    mli_pool_destroy(pool);
}

static void test_in_place_residual(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    EACH_ISA(isa)
    {
        for (size_t m = 3; m < 60; m += 40) {
            problem p = problem_new(m, 50, 600, MLI_DTYPE_F16, 0);
            float *y = must(m * p.n * sizeof *y), *apart = must(m * p.n * sizeof *y);
            run(pool, &p, apart);
            memcpy(y, p.r, m * p.n * sizeof *y);
            mli_linear_args args = args_of(&p, y);
            args.add = y;
            mli_pool_region(pool, NULL, linear_region, &args);
            assert_memory_equal(y, apart, m * p.n * sizeof *y);
            free(y);
            free(apart);
            problem_free(&p);
        }
    }
    mli_pool_destroy(pool);
}

/* NaN reaches its own row only; nothing is written outside of y. */
static void test_nan_and_bounds(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    EACH_ISA(isa)
    {
        for (size_t m = 5; m < 50; m += 25) {
            problem p = problem_new(m, 37, 40, MLI_DTYPE_F32, 0);
            p.x[2 * p.k + 7] = NAN;
            size_t stride = p.n + 3;
            float *y = must(m * stride * sizeof *y);
            for (size_t i = 0; i < m * stride; i++)
                y[i] = 12345.0f;
            mli_linear_args args = args_of(&p, y);
            args.y_stride = stride;
            args.act = MLI_ACT_NONE;
            mli_pool_region(pool, NULL, linear_region, &args);
            for (size_t i = 0; i < m; i++) {
                for (size_t j = 0; j < p.n; j++)
                    assert_int_equal(isnan(y[i * stride + j]) != 0, i == 2);
                for (size_t j = p.n; j < stride; j++)
                    assert_true(y[i * stride + j] == 12345.0f);
            }
            free(y);
            problem_free(&p);
        }
    }
    mli_pool_destroy(pool);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    problem p = problem_new(4, 8, 8, MLI_DTYPE_F32, 3);
    EACH_ISA(isa)
    {
        float y[32];
        memset(y, 0x55, sizeof y);
        float before[32];
        memcpy(before, y, sizeof y);
        mli_linear_args args = args_of(&p, y);
        args.m = 0;
        mli_pool_region(pool, NULL, linear_region, &args);
        assert_memory_equal(y, before, sizeof y);
        mli_cancel_word stop = 1;
        args.m = 4;
        mli_pool_region(pool, &stop, linear_region, &args);
        assert_memory_equal(y, before, sizeof y);
    }
    problem_free(&p);
    /* no inputs: the sum is empty */
    problem z = problem_new(3, 20, 0, MLI_DTYPE_F16, 2);
    EACH_ISA(isa)
    {
        for (size_t m = 3; m <= 30; m += 27) {
            float *y = must(m * z.n * sizeof *y);
            mli_linear_args args = args_of(&z, y);
            args.m = m;
            args.add = NULL;
            args.act = MLI_ACT_NONE;
            mli_pool_region(pool, NULL, linear_region, &args);
            for (size_t i = 0; i < m * z.n; i++)
                assert_true(y[i] == (z.bias ? z.b[i % z.n] : 0.0f));
            free(y);
        }
    }
    problem_free(&z);
    mli_pool_destroy(pool);
}

/* A long sum of equal terms, where one chain would be off by 2e-5 of it. */
static void test_long_sums(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(1);
    problem p = problem_new(20, 17, 4096, MLI_DTYPE_F32, 1);
    for (size_t i = 0; i < p.m * p.k; i++)
        p.x[i] = 0.1f;
    for (size_t i = 0; i < p.n * p.k; i++)
        p.w[i] = 1.0f;
    mli_pack(p.type, p.n, p.k, p.w, MLI_DTYPE_F32, p.k, p.packed);
    p.act = MLI_ACT_NONE;
    p.add = false;
    float *y = must(p.m * p.n * sizeof *y);
    EACH_ISA(isa)
    {
        for (size_t m = 1; m <= p.m; m += 19) {
            mli_linear_args args = args_of(&p, y);
            args.m = m;
            mli_pool_region(pool, NULL, linear_region, &args);
            for (size_t i = 0; i < m * p.n; i++)
                assert_near((double)y[i], expected(&p, i / p.n, i % p.n), 2e-6, "y", i);
        }
    }
    free(y);
    problem_free(&p);
    mli_pool_destroy(pool);
}

/* Sums in double precision: rounded once, the same bits in every variant. */
static void test_exact(void **state)
{
    (void)state;
    mli_pool *pools[2] = {pool_of(1), pool_of(2)};
    static const size_t sizes[][3] = {{1, 70, 33}, {5, 200, 240}, {97, 33, 700}, {250, 16, 90}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        problem p = problem_new(sizes[s][0], sizes[s][1], sizes[s][2], MLI_DTYPE_F32, 1);
        size_t bytes = p.m * p.n * sizeof(float);
        float *y = must(bytes), *scalar = must(bytes);
        p.act = MLI_ACT_NONE;
        p.add = p.bias = false;
        mli_linear_args args = args_of(&p, y);
        args.exact = true;
        EACH_ISA(isa)
        {
            mli_pool_region(pools[isa % 2], NULL, linear_region, &args);
            for (size_t i = 0; i < p.m * p.n; i++)
                assert_true(y[i] == (float)expected(&p, i / p.n, i % p.n));
            if (isa == MLI_ISA_SCALAR)
                memcpy(scalar, y, bytes);
            assert_memory_equal(y, scalar, bytes);
        }
        free(y);
        free(scalar);
        problem_free(&p);
    }
    mli_pool_destroy(pools[0]);
    mli_pool_destroy(pools[1]);
}

/* Too many columns for the scratch: the row-by-row path takes over. */
static void test_very_wide(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    problem p = problem_new(18, 17, 70000, MLI_DTYPE_F16, 3);
    float *y = must(p.m * p.n * sizeof *y);
    EACH_ISA(isa)
    {
        run(pool, &p, y);
        for (size_t i = 0; i < p.m * p.n; i++)
            assert_near((double)y[i], expected(&p, i / p.n, i % p.n), 1e-3, "y", i);
    }
    free(y);
    problem_free(&p);
    mli_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double), cmocka_unit_test(test_rows_are_independent),
        cmocka_unit_test(test_variants_agree), cmocka_unit_test(test_in_place_residual),
        cmocka_unit_test(test_nan_and_bounds), cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_very_wide),      cmocka_unit_test(test_long_sums),
        cmocka_unit_test(test_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
