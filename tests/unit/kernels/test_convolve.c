/* Convolutions and what goes with them against plain loops in double precision, in every variant;
 * one and two threads, and any cut of the rows, give the same bits. */
#include "unit/kernels/common.h"

#include "kernels/attention.h"
#include "kernels/convolve.h"
#include "kernels/pairs.h"

typedef struct shape {
    size_t in, out, taps, dilation, m;
} shape;

static const shape shapes[] = {{32, 32, 3, 1, 100},  {32, 32, 7, 12, 131}, {64, 64, 5, 6, 49},
                               {192, 96, 1, 1, 13},  {17, 33, 3, 2, 50},   {96, 192, 1, 1, 5},
                               {192, 256, 7, 1, 48}, {8, 5, 11, 3, 1}};

static const shape pair_shapes[] = {{32, 32, 3, 1, 100}, {32, 32, 7, 12, 240}, {64, 64, 5, 6, 48},
                                    {17, 33, 5, 2, 52},  {192, 96, 11, 5, 30}, {8, 5, 3, 3, 6}};

typedef struct work {
    const mli_convolve_args *args;
    size_t count;
    bool in_order;
} work;

static void convolve(void *ctx, mli_team *team)
{
    const work *w = ctx;
    mli_convolve(team, w->args, w->count, w->in_order);
}

static mli_packed pack(const float *w, const shape *s)
{
    size_t bytes;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, s->out, s->in * s->taps, &bytes, NULL),
                     MODELLAB_OK);
    void *packed = must(bytes);
    mli_pack_conv(MLI_DTYPE_F32, s->out, s->in, s->taps, w, MLI_DTYPE_F32, packed);
    return (mli_packed){MLI_DTYPE_F32, s->out, s->in * s->taps, packed};
}

/* v = (sum + bias + add + more) * scale */
static double plain(const shape *s, const float *w, const float *x, size_t t, size_t o)
{
    double sum = 0;
    for (size_t tap = 0; tap < s->taps; tap++) {
        for (size_t i = 0; i < s->in; i++)
            sum += (double)x[(t + tap * s->dilation) * s->in + i] *
                   (double)w[(o * s->in + i) * s->taps + tap];
    }
    return sum;
}

static void check_shape(const shape *s, mli_pool *one, mli_pool *two)
{
    numbers rng = {7};
    size_t frames = s->m + (s->taps - 1) * s->dilation + MLI_CONVOLVE_SLACK, n = s->m * s->out;
    float *w = floats(&rng, s->out * s->in * s->taps), *x = floats(&rng, frames * s->in);
    float *bias = floats(&rng, s->out), *add = floats(&rng, n), *more = floats(&rng, n);
    float *y = must(n * 4), *leaky = must(n * 4), *again = must(n * 4), *other = must(n * 4);
    mli_packed packed = pack(w, s);
    mli_convolve_args a = {
        .w = &packed,
        .taps = s->taps,
        .tap_stride = s->dilation * s->in,
        .m = s->m,
        .x = x,
        .x_stride = s->in,
        .out = {bias, add, more, s->out, s->out, 0.5f, y, leaky, s->out, s->out, 0.1f}};
    mli_pool_region(one, NULL, convolve, &(work){&a, 1, false});
    for (size_t t = 0; t < s->m; t++) {
        for (size_t o = 0; o < s->out; o++) {
            size_t at = t * s->out + o;
            double want =
                0.5 * (plain(s, w, x, t, o) + (double)bias[o] + (double)add[at] + (double)more[at]);
            assert_near((double)y[at], want, 1e-5, "convolution", at);
            assert_near((double)leaky[at], (double)(y[at] < 0 ? 0.1f * y[at] : y[at]), 1e-7,
                        "leaky", at);
        }
    }
    /* two threads, and each row by itself */
    a.out.y = again;
    a.out.leaky = other;
    mli_pool_region(two, NULL, convolve, &(work){&a, 1, false});
    assert_memory_equal(y, again, n * 4);
    assert_memory_equal(leaky, other, n * 4);
    for (size_t t = 0; t < s->m; t++) {
        mli_convolve_args row = a;
        row.m = 1;
        row.x += t * s->in;
        row.out.add += t * s->out;
        row.out.more += t * s->out;
        row.out.y = again + t * s->out;
        row.out.leaky = NULL;
        mli_pool_region(one, NULL, convolve, &(work){&row, 1, true});
    }
    assert_memory_equal(y, again, n * 4);
    /* in place: the residual is what is written */
    memcpy(again, add, n * 4);
    a.out.add = again;
    a.out.y = again;
    a.out.leaky = NULL;
    mli_pool_region(two, NULL, convolve, &(work){&a, 1, false});
    assert_memory_equal(y, again, n * 4);
    void *const all[] = {w, x,     bias,  add,   more,
                         y, leaky, again, other, (void *)(uintptr_t)packed.data};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void test_shapes(void **state)
{
    mli_pool *one = pool_of(1), *two = pool_of(2);
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_shape(&shapes[i], one, two);
    }
    mli_pool_destroy(one);
    mli_pool_destroy(two);
}

/* Outputs in pairs: the plain sum within rounding, the same bits for two threads and for any cut
 * between pairs. */
static void check_pairs(const shape *s, mli_pool *one, mli_pool *two)
{
    numbers rng = {13};
    size_t n = s->m * s->out, unit = 2 * s->dilation;
    size_t frames = s->m + (s->taps - 1) * s->dilation + MLI_CONVOLVE_SLACK, bytes;
    float *w = floats(&rng, s->out * s->in * s->taps), *x = floats(&rng, frames * s->in);
    float *bias = floats(&rng, s->out), *y = must(n * 4), *again = must(n * 4);
    size_t cols = mli_pairs_cols(s->in, s->taps);
    assert_true(mli_convolve_pairs(s->in, s->taps, s->dilation));
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, s->out, cols, &bytes, NULL), MODELLAB_OK);
    float *pack = must(bytes);
    for (size_t row = 0; row < s->out; row += MLI_PACK_TILE)
        mli_pairs_pack(s->out, s->in, s->taps, w, row, pack);
    mli_packed packed = {MLI_DTYPE_F32, s->out, cols, pack};
    mli_convolve_args a = {.w = &packed,
                           .taps = s->taps,
                           .tap_stride = s->dilation * s->in,
                           .m = s->m,
                           .x = x,
                           .x_stride = s->in,
                           .pair = s->dilation,
                           .out = {.bias = bias, .y = y, .y_stride = s->out}};
    mli_pool_region(one, NULL, convolve, &(work){&a, 1, false});
    for (size_t i = 0; i < n; i++)
        assert_near((double)y[i], plain(s, w, x, i / s->out, i % s->out) + (double)bias[i % s->out],
                    2e-5, "pairs", i);
    a.out.y = again;
    mli_pool_region(two, NULL, convolve, &(work){&a, 1, false});
    assert_memory_equal(y, again, n * 4);
    for (size_t t = 0; t < s->m; t += unit) {
        mli_convolve_args part = a;
        part.m = unit;
        part.x += t * s->in;
        part.out.y = again + t * s->out;
        mli_pool_region(one, NULL, convolve, &(work){&part, 1, true});
    }
    assert_memory_equal(y, again, n * 4);
    void *const all[] = {w, x, bias, y, again, pack};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static void test_pairs(void **state)
{
    mli_pool *one = pool_of(1), *two = pool_of(2);
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t i = 0; i < sizeof pair_shapes / sizeof pair_shapes[0]; i++)
            check_pairs(&pair_shapes[i], one, two);
    }
    mli_pool_destroy(one);
    mli_pool_destroy(two);
    assert_false(mli_convolve_pairs(32, 4, 1));    /* an even kernel */
    assert_false(mli_convolve_pairs(32, 3, 49));   /* wider than a slice */
    assert_false(mli_convolve_pairs(65536, 3, 1)); /* more than the scratch holds */
}

/* Three at once, apart and in order, where the third adds up what the others left. */
static void test_several(void **state)
{
    const shape s = {32, 32, 3, 1, 200};
    numbers rng = {3};
    size_t n = s.m * s.out;
    float *x = floats(&rng, (s.m + 2 + MLI_CONVOLVE_SLACK) * s.in), *w[3];
    float *sum = must(n * 4), *mean = must(n * 4);
    mli_packed packed[3];
    mli_convolve_args a[3];
    mli_pool *two = pool_of(2);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        w[i] = floats(&rng, s.out * s.in * s.taps);
        packed[i] = pack(w[i], &s);
        a[i] = (mli_convolve_args){.w = &packed[i],
                                   .taps = 3,
                                   .tap_stride = s.in,
                                   .m = s.m,
                                   .x = x,
                                   .x_stride = s.in,
                                   .out = {.more = i > 0 ? sum : NULL,
                                           .more_stride = s.out,
                                           .scale = i == 2 ? 1.0f / 3.0f : 0.0f,
                                           .y = i == 2 ? mean : sum,
                                           .y_stride = s.out}};
    }
    mli_pool_region(two, NULL, convolve, &(work){a, 3, true});
    for (size_t at = 0; at < n; at++) {
        double want = 0;
        for (size_t i = 0; i < 3; i++)
            want += plain(&s, w[i], x, at / s.out, at % s.out) / 3;
        assert_near((double)mean[at], want, 1e-5, "mean", at);
    }
    float *apart[3];
    for (size_t i = 0; i < 3; i++) {
        apart[i] = must(n * 4);
        a[i].out = (mli_store){.y = apart[i], .y_stride = s.out};
    }
    mli_pool_region(two, NULL, convolve, &(work){a, 3, false});
    for (size_t at = 0; at < n; at++)
        assert_near((double)(apart[0][at] + apart[1][at] + apart[2][at]) / 3, (double)mean[at],
                    1e-6, "sum", at);
    for (size_t i = 0; i < 3; i++) {
        free(w[i]);
        free(apart[i]);
        free((void *)(uintptr_t)packed[i].data);
    }
    free(x);
    free(sum);
    free(mean);
    mli_pool_destroy(two);
}

static void test_vectors(void **state)
{
    numbers rng = {11};
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t n = 1; n < 70; n += 3) {
            float *a = floats(&rng, 2 * n), *bias = floats(&rng, 2 * n), *y = must(n * 4);
            float *rows[3] = {floats(&rng, n), NULL, floats(&rng, n)}, *w = floats(&rng, 3 * n);
            for (size_t i = 0; i < 2 * n; i++)
                a[i] *= i % 7 == 0 ? 100.0f : 6.0f;
            mli_gate(y, a, bias, n);
            for (size_t i = 0; i < n; i++)
                assert_near((double)y[i],
                            tanh((double)a[i] + (double)bias[i]) /
                                (1 + exp(-(double)a[n + i] - (double)bias[n + i])),
                            3e-7, "gate", i);
            mli_depthwise(y, (const float *const *)rows, 3, w, bias, n);
            for (size_t i = 0; i < n; i++)
                assert_near((double)y[i],
                            (double)bias[i] + (double)rows[0][i] * (double)w[i] +
                                (double)rows[2][i] * (double)w[2 * n + i],
                            1e-6, "depthwise", i);
            memcpy(y, a, n * 4);
            mli_tanh(y, n);
            for (size_t i = 0; i < n; i++)
                assert_near((double)y[i], tanh((double)a[i]), 2e-7, "tanh", i);
            mli_windows(y, a, 1, w, n, 0.25f, n < 9 ? n : 9);
            for (size_t i = 0; i < n && i < 9; i++) {
                double want = 0.25;
                for (size_t k = 0; k < n; k++)
                    want += (double)a[i + k] * (double)w[k];
                assert_near((double)y[i], want, 2e-5, "windows", i);
            }
            free(a);
            free(bias);
            free(y);
            free(rows[0]);
            free(rows[2]);
            free(w);
        }
    }
}

enum { HEADS = 2, DIM = 32, WINDOW = 4 };

typedef struct near_work {
    mli_attention_args args;
    mli_kv kv;
    void *block;
    const float *k, *v;
} near_work;

static void attend(void *ctx, mli_team *team)
{
    near_work *w = ctx;
    mli_kv_pack(team, &w->kv, w->block, w->k, (size_t)HEADS * DIM, w->v, (size_t)HEADS * DIM);
    mli_attention(team, &w->args);
}

/* Row `i` of head `h` with relative positions, in double precision. */
static void plain_row(const near_work *w, size_t h, size_t i, double *out)
{
    size_t n = w->kv.len, wide = (size_t)HEADS * DIM;
    double *p = calloc(n, sizeof *p), total = 0;
    assert_non_null(p);
    for (size_t t = 0; t < n; t++) {
        bool near = t + WINDOW >= i && t <= i + WINDOW;
        for (size_t d = 0; d < DIM; d++) {
            double k = (double)w->k[t * wide + h * DIM + d];
            k += near ? (double)w->args.near_k[(t + WINDOW - i) * DIM + d] : 0;
            p[t] += (double)w->args.scale * (double)w->args.q[i * wide + h * DIM + d] * k;
        }
        p[t] = exp(p[t]);
        total += p[t];
    }
    for (size_t d = 0; d < DIM; d++) {
        out[d] = 0;
        for (size_t t = 0; t < n; t++) {
            bool near = t + WINDOW >= i && t <= i + WINDOW;
            double v = (double)w->v[t * wide + h * DIM + d];
            v += near ? (double)w->args.near_v[(t + WINDOW - i) * DIM + d] : 0;
            out[d] += p[t] / total * v;
        }
    }
    free(p);
}

static void test_near(void **state)
{
    static const size_t lengths[] = {1, 3, 7, 16, 17, 61};
    numbers rng = {5};
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
            size_t n = lengths[l], wide = (size_t)HEADS * DIM, bytes;
            mli_pool *two = pool_of(2);
            float *q = floats(&rng, n * wide), *k = floats(&rng, n * wide);
            float *v = floats(&rng, n * wide), *out = must(n * wide * 4);
            float *near_k = floats(&rng, (2 * WINDOW + 1) * DIM);
            float *near_v = floats(&rng, (2 * WINDOW + 1) * DIM);
            assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, HEADS, DIM, n, &bytes, NULL), MODELLAB_OK);
            near_work w = {.block = must(bytes), .k = k, .v = v};
            w.kv = mli_kv_view(MLI_DTYPE_F32, HEADS, DIM, n, w.block);
            w.args = (mli_attention_args){.kv = &w.kv,
                                          .m = n,
                                          .q = q,
                                          .q_stride = wide,
                                          .scale = 0.3f,
                                          .out = out,
                                          .out_stride = wide,
                                          .near_k = near_k,
                                          .near_v = near_v,
                                          .window = WINDOW};
            mli_pool_region(two, NULL, attend, &w);
            for (size_t i = 0; i < n * HEADS; i++) {
                double want[DIM];
                plain_row(&w, i % HEADS, i / HEADS, want);
                for (size_t d = 0; d < DIM; d++)
                    assert_near((double)out[i / HEADS * wide + i % HEADS * DIM + d], want[d], 1e-5,
                                "attention", i);
            }
            void *const all[] = {q, k, v, out, near_k, near_v, w.block};
            for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
                free(all[i]);
            mli_pool_destroy(two);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_several), cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
