/* Tensors and layers against plain loops in double precision; decoding token by token gives the
 * bits of a whole prompt. */
#include "unit/kernels/common.h"

#include "nn/layers.h"
#include "nn/tensor.h"

enum { WIDTH = 64, HEADS = 2, DIM = WIDTH / HEADS, INNER = 96, ROWS = 21, MEMORY = 40 };

static mli_nn_linear linear_new(numbers *rng, size_t rows, size_t cols, float **plain)
{
    size_t bytes;
    *plain = floats(rng, rows * cols);
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, rows, cols, &bytes, NULL), MODELLAB_OK);
    void *packed = must(bytes);
    mli_pack(MLI_DTYPE_F32, rows, cols, *plain, MLI_DTYPE_F32, cols, packed);
    return (mli_nn_linear){{MLI_DTYPE_F32, rows, cols, packed}, floats(rng, rows)};
}

static void linear_free(mli_nn_linear *l, float *plain)
{
    free((void *)(uintptr_t)l->w.data);
    free((void *)(uintptr_t)l->bias);
    free(plain);
}

static mli_nn_norm norm_new(numbers *rng)
{
    return (mli_nn_norm){floats(rng, WIDTH), floats(rng, WIDTH), WIDTH, 1e-5f};
}

static void norm_free(mli_nn_norm *n)
{
    free((void *)(uintptr_t)n->gamma);
    free((void *)(uintptr_t)n->beta);
}

static void plain_norm(const mli_nn_norm *n, const float *x, double *y)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < n->width; i++)
        mean += (double)x[i] / (double)n->width;
    for (size_t i = 0; i < n->width; i++)
        var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n->width;
    for (size_t i = 0; i < n->width; i++)
        y[i] = ((double)x[i] - mean) / sqrt(var + 1e-5) * (double)n->gamma[i] + (double)n->beta[i];
}

static void plain_linear(const mli_nn_linear *l, const float *plain, const double *x, double *y)
{
    for (size_t r = 0; r < l->w.rows; r++) {
        y[r] = (double)l->bias[r];
        for (size_t c = 0; c < l->w.cols; c++)
            y[r] += x[c] * (double)plain[r * l->w.cols + c];
    }
}

/* One head's attention of q over len keys and values that lie `stride` apart. */
static void plain_head(const double *q, const double *k, const double *v, size_t stride, size_t len,
                       double *out)
{
    double p[ROWS + MEMORY], sum = 0;
    for (size_t t = 0; t < len; t++) {
        p[t] = 0;
        for (size_t d = 0; d < DIM; d++)
            p[t] += q[d] * k[t * stride + d] / sqrt((double)DIM);
        sum += p[t] = exp(p[t]);
    }
    for (size_t d = 0; d < DIM; d++) {
        out[d] = 0;
        for (size_t t = 0; t < len; t++)
            out[d] += p[t] / sum * v[t * stride + d];
    }
}

typedef struct mlp_run {
    mli_nn_mlp layer;
    float *x, *scratch;
} mlp_run;

static void mlp_region(void *ctx, mli_team *team)
{
    mlp_run *r = ctx;
    mli_nn_mlp_run(team, &r->layer, ROWS, r->x, r->scratch);
}

static void test_mlp(void **state)
{
    (void)state;
    numbers rng = {1};
    float *up, *down;
    mlp_run r = {.layer = {.norm = norm_new(&rng)}};
    r.layer.up = linear_new(&rng, INNER, WIDTH, &up);
    r.layer.down = linear_new(&rng, WIDTH, INNER, &down);
    float *x = floats(&rng, ROWS * WIDTH);
    r.x = must(ROWS * WIDTH * 4);
    r.scratch = must(ROWS * (WIDTH + INNER) * 4);
    EACH_ISA(isa)
    {
        mli_pool *pool = pool_of(2);
        memcpy(r.x, x, ROWS * WIDTH * 4);
        mli_pool_region(pool, NULL, mlp_region, &r);
        for (size_t i = 0; i < ROWS; i++) {
            double n[WIDTH], h[INNER], y[WIDTH];
            plain_norm(&r.layer.norm, x + i * WIDTH, n);
            plain_linear(&r.layer.up, up, n, h);
            for (size_t j = 0; j < INNER; j++)
                h[j] = 0.5 * h[j] * erfc(-h[j] / sqrt(2.0));
            plain_linear(&r.layer.down, down, h, y);
            for (size_t j = 0; j < WIDTH; j++)
                assert_near((double)r.x[i * WIDTH + j], y[j] + (double)x[i * WIDTH + j], 2e-5,
                            "mlp", j);
        }
        mli_pool_destroy(pool);
    }
    linear_free(&r.layer.up, up);
    linear_free(&r.layer.down, down);
    norm_free(&r.layer.norm);
    free(x);
    free(r.x);
    free(r.scratch);
}

typedef struct attention_run {
    mli_nn_attention layer;
    mli_nn_cached cached;
    mli_nn_cross cross;
    mli_kv kv;
    size_t m;
    float *x, *scratch;
    void *block;
    float *probs[HEADS];
} attention_run;

static void whole_region(void *ctx, mli_team *team)
{
    attention_run *r = ctx;
    mli_nn_attention_run(team, &r->layer, r->m, r->x, r->scratch, r->block);
}

static void cached_region(void *ctx, mli_team *team)
{
    attention_run *r = ctx;
    mli_nn_attention_cached(team, &r->layer, &r->cached, r->m, r->x, r->scratch);
}

static void cross_region(void *ctx, mli_team *team)
{
    attention_run *r = ctx;
    mli_nn_cross_run(team, &r->cross, &r->kv, r->m, r->x, r->probs, r->scratch);
}

/* x + out(attention(qkv(norm(x)))), over all rows or (causal) those up to each. */
static void plain_attention(const attention_run *r, const float *qkv_w, const float *out_w,
                            const float *x, bool causal, double *y)
{
    double *qkv = must(ROWS * 3 * WIDTH * sizeof *qkv), n[WIDTH], mixed[WIDTH];
    for (size_t i = 0; i < ROWS; i++) {
        plain_norm(&r->layer.norm, x + i * WIDTH, n);
        plain_linear(&r->layer.qkv, qkv_w, n, qkv + i * 3 * WIDTH);
    }
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t h = 0; h < HEADS; h++)
            plain_head(qkv + i * 3 * WIDTH + h * DIM, qkv + WIDTH + h * DIM,
                       qkv + 2 * WIDTH + h * DIM, 3 * WIDTH, causal ? i + 1 : ROWS,
                       mixed + h * DIM);
        plain_linear(&r->layer.out, out_w, mixed, y + i * WIDTH);
        for (size_t j = 0; j < WIDTH; j++)
            y[i * WIDTH + j] += (double)x[i * WIDTH + j];
    }
    free(qkv);
}

static void compare(const float *got, const double *want, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        assert_near((double)got[i], want[i], 5e-5, what, i);
}

/* The prompt at once, and the same rows one after the other: equal bits. */
static void check_cached(attention_run *r, mli_pool *pool, const float *x, const double *want)
{
    float k[ROWS * WIDTH], v[ROWS * WIDTH], whole[ROWS * WIDTH];
    int32_t slots[ROWS], lens[ROWS], table[ROWS];
    mli_cache cache = {MLI_DTYPE_F32, HEADS, DIM, ROWS, k, v};
    for (int i = 0; i < ROWS; i++) {
        lens[i] = i + 1;
        slots[i] = table[i] = ROWS - 1 - i;
    }
    for (int backwards = 0; backwards < 2; backwards++) {
        int32_t forward[ROWS];
        for (int i = 0; i < ROWS; i++)
            forward[i] = i;
        r->cached =
            (mli_nn_cached){&cache, backwards ? slots : forward, lens, backwards ? table : NULL, 0};
        r->m = ROWS;
        memcpy(r->x, x, sizeof whole);
        mli_pool_region(pool, NULL, cached_region, r);
        memcpy(whole, r->x, sizeof whole);
        compare(whole, want, ROWS * WIDTH, "cached");
        float *all = r->x;
        memcpy(all, x, sizeof whole);
        memset(k, 0xff, sizeof k);
        memset(v, 0xff, sizeof v);
        for (int i = 0; i < ROWS; i++) {
            r->m = 1;
            r->x = all + i * WIDTH;
            mli_nn_cached c = r->cached;
            r->cached.slots += i;
            r->cached.lens += i;
            mli_pool_region(pool, NULL, cached_region, r);
            r->cached = c;
        }
        r->x = all;
        assert_memory_equal(whole, r->x, sizeof whole);
    }
}

static void test_attention(void **state)
{
    (void)state;
    numbers rng = {2};
    float *qkv_w, *out_w, *x = floats(&rng, ROWS * WIDTH);
    double *want = must(ROWS * WIDTH * sizeof *want);
    size_t bytes;
    attention_run r = {.layer = {.norm = norm_new(&rng), .heads = HEADS}};
    r.layer.qkv = linear_new(&rng, 3 * WIDTH, WIDTH, &qkv_w);
    r.layer.out = linear_new(&rng, WIDTH, WIDTH, &out_w);
    r.x = must(ROWS * WIDTH * 4);
    r.scratch = must(ROWS * 4 * WIDTH * 4);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, HEADS, DIM, ROWS, &bytes, NULL), MODELLAB_OK);
    r.block = must(bytes);
    mli_pool *pool = pool_of(2);
    EACH_ISA(isa)
    {
        plain_attention(&r, qkv_w, out_w, x, false, want);
        r.m = ROWS;
        memcpy(r.x, x, ROWS * WIDTH * 4);
        mli_pool_region(pool, NULL, whole_region, &r);
        compare(r.x, want, ROWS * WIDTH, "attention");
        plain_attention(&r, qkv_w, out_w, x, true, want);
        check_cached(&r, pool, x, want);
    }
    mli_pool_destroy(pool);
    linear_free(&r.layer.qkv, qkv_w);
    linear_free(&r.layer.out, out_w);
    norm_free(&r.layer.norm);
    free(r.block);
    free(r.scratch);
    free(r.x);
    free(want);
    free(x);
}

typedef struct fill {
    const mli_kv *kv;
    void *block;
    const float *k, *v;
} fill;

static void fill_region(void *ctx, mli_team *team)
{
    fill *f = ctx;
    mli_kv_pack(team, f->kv, f->block, f->k, WIDTH, f->v, WIDTH);
}

static void test_cross(void **state)
{
    (void)state;
    numbers rng = {3};
    float *query_w, *out_w, *x = floats(&rng, ROWS * WIDTH);
    float *k = floats(&rng, MEMORY * WIDTH), *v = floats(&rng, MEMORY * WIDTH);
    double kd[MEMORY * WIDTH], vd[MEMORY * WIDTH];
    size_t bytes;
    attention_run r = {.cross = {.norm = norm_new(&rng)}};
    r.cross.query = linear_new(&rng, WIDTH, WIDTH, &query_w);
    r.cross.out = linear_new(&rng, WIDTH, WIDTH, &out_w);
    r.x = must(ROWS * WIDTH * 4);
    r.scratch = must(ROWS * 2 * WIDTH * 4);
    r.probs[1] = must(ROWS * MEMORY * 4);
    assert_int_equal(mli_kv_bytes(MLI_DTYPE_F32, HEADS, DIM, MEMORY, &bytes, NULL), MODELLAB_OK);
    r.block = must(bytes);
    r.kv = mli_kv_view(MLI_DTYPE_F32, HEADS, DIM, MEMORY, r.block);
    for (size_t i = 0; i < MEMORY * WIDTH; i++) {
        kd[i] = (double)k[i];
        vd[i] = (double)v[i];
    }
    mli_pool *pool = pool_of(2);
    EACH_ISA(isa)
    {
        fill f = {&r.kv, r.block, k, v};
        mli_pool_region(pool, NULL, fill_region, &f);
        for (r.m = 1; r.m <= ROWS; r.m += 10) {
            memcpy(r.x, x, r.m * WIDTH * 4);
            mli_pool_region(pool, NULL, cross_region, &r);
            for (size_t i = 0; i < r.m; i++) {
                double n[WIDTH], q[WIDTH], mixed[WIDTH], y[WIDTH];
                plain_norm(&r.cross.norm, x + i * WIDTH, n);
                plain_linear(&r.cross.query, query_w, n, q);
                for (size_t h = 0; h < HEADS; h++)
                    plain_head(q + h * DIM, kd + h * DIM, vd + h * DIM, WIDTH, MEMORY,
                               mixed + h * DIM);
                plain_linear(&r.cross.out, out_w, mixed, y);
                for (size_t j = 0; j < WIDTH; j++)
                    y[j] += (double)x[i * WIDTH + j];
                compare(r.x + i * WIDTH, y, WIDTH, "cross");
                float sum = mli_sum(r.probs[1] + i * MEMORY, MEMORY);
                assert_near((double)sum, 1.0, 1e-5, "sum of probabilities", i);
            }
        }
    }
    mli_pool_destroy(pool);
    linear_free(&r.cross.query, query_w);
    linear_free(&r.cross.out, out_w);
    norm_free(&r.cross.norm);
    free(r.probs[1]);
    free(r.block);
    free(r.scratch);
    free(r.x);
    free(x);
    free(k);
    free(v);
}

typedef struct conv_run {
    mli_nn_conv1d layer;
    size_t frames;
    const float *x;
    float *y;
} conv_run;

static void conv_region(void *ctx, mli_team *team)
{
    conv_run *r = ctx;
    mli_nn_conv1d_run(team, &r->layer, r->frames, r->x, MLI_ACT_RELU, r->y, 20);
}

static void check_conv(mli_pool *pool, size_t frames, size_t stride, mli_dtype type)
{
    enum { IN = 5, OUT = 18, TAPS = 3 };
    numbers rng = {frames * 3 + stride};
    float *w = floats(&rng, OUT * IN * TAPS), *bias = floats(&rng, OUT);
    float *padded = floats(&rng, (frames + 2) * IN);
    memset(padded, 0, IN * 4);
    memset(padded + (frames + 1) * IN, 0, IN * 4);
    size_t bytes;
    assert_int_equal(mli_pack_bytes(type, OUT, IN * TAPS, &bytes, NULL), MODELLAB_OK);
    conv_run r = {.frames = frames, .x = padded + IN, .y = must((frames + 1) * 20 * 4)};
    void *packed = must(bytes);
    mli_pack_conv(type, OUT, IN, TAPS, w, MLI_DTYPE_F32, packed);
    r.layer = (mli_nn_conv1d){{type, OUT, IN * TAPS, packed}, bias, IN, TAPS, stride, false};
    mli_pool_region(pool, NULL, conv_region, &r);
    size_t count = mli_nn_conv1d_frames(&r.layer, frames);
    assert_int_equal(count, (frames + stride - 1) / stride);
    for (size_t t = 0; t < count; t++) {
        for (size_t o = 0; o < OUT; o++) {
            double sum = (double)bias[o];
            for (size_t i = 0; i < IN; i++) {
                for (size_t tap = 0; tap < TAPS; tap++)
                    sum += (double)w[(o * IN + i) * TAPS + tap] *
                           (double)padded[(t * stride + tap) * IN + i];
            }
            assert_near((double)r.y[t * 20 + o], sum > 0 ? sum : 0,
                        type == MLI_DTYPE_F16 ? 3e-3 : 1e-5, "conv", t);
        }
    }
    free(w);
    free(bias);
    free(padded);
    free(packed);
    free(r.y);
}

static void test_conv(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    EACH_ISA(isa)
    {
        for (size_t frames = 1; frames < 60; frames += 11) {
            check_conv(pool, frames, 1, MLI_DTYPE_F32);
            check_conv(pool, frames, 2, MLI_DTYPE_F32);
            check_conv(pool, frames, 2, MLI_DTYPE_F16);
        }
    }
    mli_pool_destroy(pool);
}

static void test_tensor(void **state)
{
    (void)state;
    size_t count;
    mli_tensor t = {NULL, MLI_DTYPE_F16, 3, {2, 3, 4}};
    assert_int_equal(mli_tensor_count(&t, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, 24);
    assert_true(mli_tensor_is(&t, 3, 2, 3, 4));
    assert_false(mli_tensor_is(&t, 3, 2, 3, 5));
    assert_false(mli_tensor_is(&t, 2, 2, 3, 0));
    t.dims[0] = SIZE_MAX / 2;
    assert_int_equal(mli_tensor_count(&t, &count, NULL), MODELLAB_E_LIMIT);
    t.rank = 5;
    assert_int_equal(mli_tensor_count(&t, &count, NULL), MODELLAB_E_INVALID_ARGUMENT);
    unsigned char raw[2 * 300 + 1];
    for (size_t i = 0; i < 300; i++) {
        raw[1 + 2 * i] = 0;
        raw[2 + 2 * i] = 0x3c; /* 1.0 */
    }
    float out[300];
    mli_tensor odd = {raw + 1, MLI_DTYPE_F16, 1, {300}};
    mli_tensor_to_f32(&odd, 300, out);
    assert_true(mli_sum(out, 300) == 300.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mlp), cmocka_unit_test(test_attention),
                                       cmocka_unit_test(test_cross), cmocka_unit_test(test_conv),
                                       cmocka_unit_test(test_tensor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
