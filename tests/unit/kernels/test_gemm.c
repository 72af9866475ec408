/* Products through BLAS, and serial BLAS calls from several threads at once. */
#include "common.h"

#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "kernels/half.h"
#include <pthread.h>

static void gemm_region(void *ctx, mli_team *team)
{
    mli_gemm(team, ctx);
}

static void check(mli_pool *one, mli_pool *two, size_t m, size_t n, size_t k, mli_dtype type)
{
    numbers rng = {m + 100 * n + 10000 * k};
    size_t lda = k + 1, ldb = k + 2, ldc = n + 3;
    float *a = floats(&rng, m * lda), *b = floats(&rng, n * ldb), *bias = floats(&rng, n);
    float *c = must(m * ldc * 4), *d = must(m * ldc * 4);
    mli_f16 *half = must(n * ldb * 2);
    for (size_t i = 0; i < n * ldb; i++) {
        half[i] = mli_half_from_float(b[i]);
        b[i] = type == MLI_DTYPE_F16 ? mli_half_to_float(half[i]) : b[i];
    }
    mli_gemm_args args = {m,    n,   k, a,   lda, type == MLI_DTYPE_F16 ? (void *)half : b,
                          type, ldb, c, ldc, NULL};
    args.bias = n % 2 == 0 ? bias : NULL;
    memset(c, 0x55, m * ldc * 4);
    memset(d, 0x55, m * ldc * 4);
    assert_int_equal(mli_gemm_check(&args, NULL), MODELLAB_OK);
    mli_pool_region(one, NULL, gemm_region, &args);
    args.c = d;
    mli_pool_region(two, NULL, gemm_region, &args);
    assert_memory_equal(c, d, m * ldc * 4);
    for (size_t i = 0; i < m * n; i++) {
        double sum = args.bias != NULL ? (double)bias[i % n] : 0.0;
        for (size_t j = 0; j < k; j++)
            sum += (double)a[i / n * lda + j] * (double)b[i % n * ldb + j];
        assert_near((double)c[i / n * ldc + i % n], sum, 2e-5, "c", i);
    }
    free(a);
    free(b);
    free(c);
    free(d);
    free(bias);
    free(half);
}

static void test_products(void **state)
{
    (void)state;
    const size_t shapes[][3] = {{1, 1, 1},     {3, 5, 7},     {16, 16, 16},
                                {100, 33, 65}, {300, 12, 50}, {17, 700, 400},
                                {4, 6, 0},     {0, 5, 5},     {5, 0, 5}};
    mli_pool *one = pool_of(1), *two = pool_of(2);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(one, two, shapes[i][0], shapes[i][1], shapes[i][2], MLI_DTYPE_F32);
        check(one, two, shapes[i][0], shapes[i][1], shapes[i][2], MLI_DTYPE_F16);
    }
    mli_pool_destroy(one);
    mli_pool_destroy(two);
}

static void test_refusals(void **state)
{
    (void)state;
    float x[4];
    mli_gemm_args good = {2, 2, 2, x, 2, x, MLI_DTYPE_F32, 2, x, 2, NULL}, bad = good;
    assert_int_equal(mli_gemm_check(&good, NULL), MODELLAB_OK);
    bad.m = (size_t)1 << 31;
    assert_int_equal(mli_gemm_check(&bad, NULL), MODELLAB_E_LIMIT);
    bad = good;
    bad.lda = 1;
    assert_int_equal(mli_gemm_check(&bad, NULL), MODELLAB_E_INVALID_ARGUMENT);
    bad = good;
    bad.ldc = 1;
    assert_int_equal(mli_gemm_check(&bad, NULL), MODELLAB_E_INVALID_ARGUMENT);
    bad = good;
    bad.b_type = MLI_DTYPE_F16;
    bad.k = bad.lda = bad.ldb = 1 << 20;
    assert_int_equal(mli_gemm_check(&bad, NULL), MODELLAB_E_LIMIT);
}

typedef struct shared {
    mli_gemm_args args;
    const float *want;
    int wrong;
} shared;

/* Own pool of one each: serial BLAS calls really overlap. */
static void *compute_often(void *arg)
{
    shared *s = arg;
    mli_gemm_args args = s->args;
    size_t bytes = args.m * args.n * sizeof(float);
    mli_pool *pool = NULL;
    args.c = malloc(bytes);
    s->wrong = args.c == NULL || mli_pool_create(1, NULL, &pool, NULL) != MODELLAB_OK;
    for (int i = 0; i < 30 && s->wrong == 0; i++) {
        memset(args.c, 0, bytes);
        mli_pool_region(pool, NULL, gemm_region, &args);
        s->wrong = memcmp(args.c, s->want, bytes) != 0;
    }
    mli_pool_destroy(pool);
    free(args.c);
    return NULL;
}

static void test_concurrent_serial_calls(void **state)
{
    (void)state;
    numbers rng = {9};
    enum { M = 150, N = 130, K = 110, CALLERS = 4 };
    float *a = floats(&rng, M * K), *b = floats(&rng, N * K), *c = must(M * N * 4);
    mli_gemm_args args = {M, N, K, a, K, b, MLI_DTYPE_F32, K, c, N, NULL};
    mli_pool *pool = pool_of(1);
    mli_pool_region(pool, NULL, gemm_region, &args);
    shared s[CALLERS];
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        s[i] = (shared){args, c, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, compute_often, &s[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(s[i].wrong, 0);
    }
    /* the comparison can fail: one changed value is seen */
    c[M * N / 2] += 1.0f;
    compute_often(&s[0]);
    assert_int_equal(s[0].wrong, 1);
    free(a);
    free(b);
    free(c);
    mli_pool_destroy(pool);
}

int main(void)
{
    mli_blas_use_single_thread();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_concurrent_serial_calls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
