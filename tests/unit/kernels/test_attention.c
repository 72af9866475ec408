/* Attention against sums in double precision: packed keys (encoder, cross) and caches (decoder),
 * every variant, type, path and thread count. */
#include "common.h"

#include "kernels/attention.h"
#include "kernels/half.h"

typedef struct problem {
    size_t m, heads, dim, len, width;
    mli_dtype type;
    float *q, *k, *v, *out, *two;
    float *probs[8];
} problem;

static float rounded(float x, mli_dtype type)
{
    return type == MLI_DTYPE_F16 ? mli_half_to_float(mli_half_from_float(x)) : x;
}

static problem problem_new(size_t m, size_t heads, size_t dim, size_t len, mli_dtype type)
{
    numbers rng = {m * 31 + heads * 7 + dim + len * 1000};
    problem p = {
        .m = m, .heads = heads, .dim = dim, .len = len, .width = heads * dim, .type = type};
    p.q = floats(&rng, m * p.width);
    p.k = floats(&rng, len * p.width);
    p.v = floats(&rng, len * p.width);
    p.out = must(m * p.width * sizeof(float));
    p.two = must(m * p.width * sizeof(float));
    for (size_t i = 0; i < m * p.width; i++)
        p.q[i] *= 4.0f;
    for (size_t i = 0; i < len * p.width; i++) {
        p.k[i] = rounded(p.k[i], type);
        p.v[i] = rounded(p.v[i], type);
    }
    return p;
}

static void problem_free(problem *p)
{
    free(p->q);
    free(p->k);
    free(p->v);
    free(p->out);
    free(p->two);
}

/* Softmax of one query over keys table[0 .. len), into p. */
static void expected_probs(const problem *a, size_t i, size_t head, size_t len,
                           const int32_t *table, double *p)
{
    double top = -INFINITY, sum = 0.0;
    for (size_t t = 0; t < len; t++) {
        size_t row = table != NULL ? (size_t)table[t] : t;
        p[t] = 0.0;
        for (size_t d = head * a->dim; d < (head + 1) * a->dim; d++)
            p[t] += (double)a->q[i * a->width + d] * (double)a->k[row * a->width + d];
        p[t] *= 0.125;
        top = p[t] > top ? p[t] : top;
    }
    for (size_t t = 0; t < len; t++)
        sum += p[t] = exp(p[t] - top);
    for (size_t t = 0; t < len; t++)
        p[t] /= sum;
}

static void check_row(const problem *a, size_t i, size_t len, const int32_t *table)
{
    double *p = must(len * sizeof *p);
    for (size_t h = 0; h < a->heads; h++) {
        expected_probs(a, i, h, len, table, p);
        if (a->probs[h] != NULL) {
            for (size_t t = 0; t < len; t++)
                assert_near((double)a->probs[h][i * len + t], p[t], 1e-5, "prob", t);
        }
        for (size_t d = h * a->dim; d < (h + 1) * a->dim; d++) {
            double want = 0.0;
            for (size_t t = 0; t < len; t++)
                want += p[t] * (double)a->v[(table != NULL ? (size_t)table[t] : t) * a->width + d];
            assert_near((double)a->out[i * a->width + d], want, 1e-5, "out", i * a->width + d);
        }
    }
    free(p);
}

typedef struct packed_run {
    const problem *p;
    mli_kv kv;
    void *block;
    mli_attention_args args;
} packed_run;

static void packed_region(void *ctx, mli_team *team)
{
    packed_run *r = ctx;
    mli_kv_pack(team, &r->kv, r->block, r->p->k, r->p->width, r->p->v, r->p->width);
    mli_attention(team, &r->args);
}

static packed_run packed_new(const problem *p)
{
    packed_run r = {.p = p};
    size_t bytes;
    assert_int_equal(mli_kv_bytes(p->type, p->heads, p->dim, p->len, &bytes, NULL), MODELLAB_OK);
    r.block = must(bytes);
    r.kv = mli_kv_view(p->type, p->heads, p->dim, p->len, r.block);
    r.args = (mli_attention_args){.m = p->m,
                                  .q = p->q,
                                  .q_stride = p->width,
                                  .scale = 0.125f,
                                  .out = p->out,
                                  .out_stride = p->width,
                                  .probs = p->probs};
    return r;
}

static const size_t shapes[][4] = {{1, 1, 64, 1},   {1, 6, 64, 150},  {5, 2, 64, 33},
                                   {7, 3, 32, 100}, {16, 2, 16, 47},  {17, 2, 48, 47},
                                   {50, 2, 64, 50}, {100, 3, 64, 271}};

static void test_packed(void **state)
{
    (void)state;
    mli_pool *one = pool_of(1), *two = pool_of(2);
    for (size_t s = 0; s < 2 * sizeof shapes / sizeof *shapes; s++) {
        const size_t *g = shapes[s / 2];
        problem p = problem_new(g[0], g[1], g[2], g[3], s % 2 == 0 ? MLI_DTYPE_F32 : MLI_DTYPE_F16);
        for (size_t h = 0; h < p.heads; h += 2)
            p.probs[h] = must(p.m * p.len * sizeof(float));
        packed_run r = packed_new(&p);
        r.args.kv = &r.kv;
        EACH_ISA(isa)
        {
            r.args.out = p.two;
            mli_pool_region(two, NULL, packed_region, &r);
            r.args.out = p.out;
            mli_pool_region(one, NULL, packed_region, &r);
            assert_memory_equal(p.out, p.two, p.m * p.width * sizeof(float));
            for (size_t i = 0; i < p.m; i++)
                check_row(&p, i, p.len, NULL);
        }
        for (size_t h = 0; h < p.heads; h++)
            free(p.probs[h]);
        free(r.block);
        problem_free(&p);
    }
    mli_pool_destroy(one);
    mli_pool_destroy(two);
}

/* A query row alone gives the bits it has among others. */
static void test_rows_are_independent(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    problem p = problem_new(60, 2, 64, 300, MLI_DTYPE_F16);
    packed_run r = packed_new(&p);
    r.args.kv = &r.kv;
    EACH_ISA(isa)
    {
        r.args.m = p.m;
        r.args.q = p.q;
        r.args.out = p.out;
        mli_pool_region(pool, NULL, packed_region, &r);
        for (size_t i = 0; i < p.m; i += 7) {
            r.args.m = 1;
            r.args.q = p.q + i * p.width;
            r.args.out = p.two;
            mli_pool_region(pool, NULL, packed_region, &r);
            assert_memory_equal(p.two, p.out + i * p.width, p.width * sizeof(float));
        }
    }
    free(r.block);
    problem_free(&p);
    mli_pool_destroy(pool);
}

static void test_longest(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    problem p = problem_new(20, 1, 16, MLI_ATTENTION_MAX_KEYS, MLI_DTYPE_F32);
    packed_run r = packed_new(&p);
    r.args.kv = &r.kv;
    EACH_ISA(isa)
    {
        mli_pool_region(pool, NULL, packed_region, &r);
        for (size_t i = 0; i < p.m; i += 19)
            check_row(&p, i, p.len, NULL);
    }
    free(r.block);
    problem_free(&p);
    mli_pool_destroy(pool);
}

typedef struct cached_run {
    const problem *p;
    mli_cache cache;
    mli_cached_args args;
} cached_run;

static void cached_region(void *ctx, mli_team *team)
{
    mli_attention_cached(team, &((cached_run *)ctx)->args);
}

/* Causal rows (a prompt) and beams whose keys are spread over the slots. */
static void cached_case(mli_pool *one, mli_pool *two, size_t m, mli_dtype type, bool beams)
{
    problem p = problem_new(m, 3, 64, 90, type);
    cached_run r = {.p = &p};
    int32_t *lens = must(m * sizeof *lens), *table = must(m * p.len * sizeof *table);
    r.cache = (mli_cache){
        type, p.heads, p.dim, p.len, must(p.len * p.width * 4), must(p.len * p.width * 4)};
    for (size_t t = 0; t < p.len; t++)
        mli_cache_put(&r.cache, t, p.k + t * p.width, p.v + t * p.width);
    for (size_t i = 0; i < m; i++) {
        lens[i] = beams ? 37 : (int32_t)(i + 1);
        for (size_t t = 0; t < p.len; t++)
            table[i * p.len + t] = (int32_t)((t * 7 + i * 13) % p.len);
    }
    r.args = (mli_cached_args){.cache = &r.cache,
                               .m = m,
                               .q = p.q,
                               .q_stride = p.width,
                               .scale = 0.125f,
                               .lens = lens,
                               .table = beams ? table : NULL,
                               .table_stride = p.len,
                               .out = p.two,
                               .out_stride = p.width};
    mli_pool_region(two, NULL, cached_region, &r);
    r.args.out = p.out;
    mli_pool_region(one, NULL, cached_region, &r);
    assert_memory_equal(p.out, p.two, m * p.width * sizeof(float));
    for (size_t i = 0; i < m; i++)
        check_row(&p, i, (size_t)lens[i], beams ? table + i * p.len : NULL);
    free(r.cache.k);
    free(r.cache.v);
    free(lens);
    free(table);
    problem_free(&p);
}

static void test_cached(void **state)
{
    (void)state;
    mli_pool *one = pool_of(1), *two = pool_of(2);
    EACH_ISA(isa)
    {
        for (int type = 0; type < 2; type++) {
            cached_case(one, two, 1, (mli_dtype)type, false);
            cached_case(one, two, 40, (mli_dtype)type, false);
            cached_case(one, two, 5, (mli_dtype)type, true);
            cached_case(one, two, 17, (mli_dtype)type, true);
        }
    }
    mli_pool_destroy(one);
    mli_pool_destroy(two);
}

static void test_limits(void **state)
{
    (void)state;
    size_t bytes;
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, 8, 60, 10, &bytes, NULL), MODELLAB_E_UNSUPPORTED);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, 8, 0, 10, &bytes, NULL), MODELLAB_E_UNSUPPORTED);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, 8, SIZE_MAX - 15, 1, &bytes, NULL),
                     MODELLAB_E_UNSUPPORTED);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, 8, 64, MLI_ATTENTION_MAX_KEYS + 1, &bytes, NULL),
                     MODELLAB_E_LIMIT);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, SIZE_MAX / 2, 64, 8, &bytes, NULL),
                     MODELLAB_E_LIMIT);
    /* 150 tiles and 1500 rows of 64 values */
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F16, 1, 64, 1500, &bytes, NULL), MODELLAB_OK);
    assert_int_equal(bytes, (1504 + 1500) * 64 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed), cmocka_unit_test(test_rows_are_independent),
        cmocka_unit_test(test_longest), cmocka_unit_test(test_cached),
        cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
