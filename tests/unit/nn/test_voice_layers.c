/* Layers of speech synthesis against plain loops in double precision: WaveNet, depth-separable
 * stacks, splines, signals that move along, random numbers. */
#include "unit/kernels/common.h"

#include "base/random.h"
#include "kernels/convolve.h"
#include "kernels/pairs.h"
#include "nn/noise.h"
#include "nn/separable.h"
#include "nn/signal.h"
#include "nn/spline.h"
#include "nn/wavenet.h"

enum { WIDTH = 48, ROWS = 62, TAPS = 5, PAD = 2 };

static mli_packed pack(const float *w, size_t out, size_t in, size_t taps)
{
    size_t bytes;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, out, in * taps, &bytes, NULL), MODELLAB_OK);
    void *packed = must(bytes);
    mli_pack_conv(MLI_DTYPE_F32, out, in, taps, w, MLI_DTYPE_F32, packed);
    return (mli_packed){MLI_DTYPE_F32, out, in * taps, packed};
}

typedef struct wave_work {
    mli_nn_wavenet layer;
    const float *x;
    float *next, *sum;
    bool first;
} wave_work;

static void wave(void *ctx, mli_team *team)
{
    wave_work *w = ctx;
    mli_nn_wavenet_run(team, &w->layer, ROWS, w->x, w->x + (size_t)PAD * WIDTH, w->next, w->sum,
                       w->first);
}

static void check_wavenet(bool last, bool first, bool pairs)
{
    numbers rng = {9};
    size_t out = last ? WIDTH : 2 * WIDTH;
    float *in = floats(&rng, (size_t)2 * WIDTH * WIDTH * TAPS), *bias = floats(&rng, 2 * WIDTH);
    float *skip = floats(&rng, out * WIDTH), *skip_bias = floats(&rng, out);
    float *x = floats(&rng, (size_t)(ROWS + 2 * PAD + MLI_CONVOLVE_SLACK) * WIDTH);
    float *next = must((size_t)ROWS * WIDTH * 4), *sum = floats(&rng, (size_t)ROWS * WIDTH);
    float *before = must((size_t)ROWS * WIDTH * 4);
    mli_pool *two = pool_of(2);
    memcpy(before, sum, (size_t)ROWS * WIDTH * 4);
    mli_scale(in, 0.1f, (size_t)2 * WIDTH * WIDTH * TAPS);
    wave_work w = {{pack(in, 2 * WIDTH, WIDTH, TAPS), bias, pack(skip, out, WIDTH, 1), skip_bias,
                    TAPS, 1, WIDTH, last, false},
                   x,
                   next,
                   sum,
                   first};
    float *paired = must(mli_pairs_cols(WIDTH, TAPS) * 2 * WIDTH * sizeof *paired);
    for (size_t row = 0; row < 2 * WIDTH; row += MLI_PACK_TILE)
        mli_pairs_pack(2 * WIDTH, WIDTH, TAPS, in, row, paired);
    void *plain_matrix = (void *)(uintptr_t)w.layer.in.data;
    if (pairs) {
        assert_true(mli_nn_wavenet_pairs(WIDTH, TAPS, 1));
        w.layer.pairs = true;
        w.layer.in = (mli_packed){MLI_DTYPE_F32, 2 * WIDTH, mli_pairs_cols(WIDTH, TAPS), paired};
    }
    mli_pool_region(two, NULL, wave, &w);
    for (size_t t = 0; t < ROWS; t++) {
        double gates[2 * WIDTH], acts[WIDTH];
        for (size_t o = 0; o < 2 * WIDTH; o++) {
            gates[o] = (double)bias[o];
            for (size_t k = 0; k < (size_t)WIDTH * TAPS; k++)
                gates[o] += (double)in[(o * WIDTH + k % WIDTH) * TAPS + k / WIDTH] *
                            (double)x[t * WIDTH + k];
        }
        for (size_t i = 0; i < WIDTH; i++)
            acts[i] = tanh(gates[i]) / (1 + exp(-gates[WIDTH + i]));
        for (size_t o = 0; o < out; o++) {
            double v = (double)skip_bias[o];
            size_t at = t * WIDTH + o % WIDTH;
            for (size_t i = 0; i < WIDTH; i++)
                v += (double)skip[o * WIDTH + i] * acts[i];
            if (!last && o < WIDTH)
                assert_near((double)next[at], v + (double)x[at + (size_t)PAD * WIDTH], 1e-5,
                            "residual", at);
            else
                assert_near((double)sum[at], v + (first ? 0 : (double)before[at]), 1e-5, "skip",
                            at);
        }
    }
    void *const all[] = {in,
                         bias,
                         skip,
                         skip_bias,
                         x,
                         next,
                         sum,
                         before,
                         plain_matrix,
                         paired,
                         (void *)(uintptr_t)w.layer.skip.data};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    mli_pool_destroy(two);
}

static void test_wavenet(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        check_wavenet(false, true, false);
        check_wavenet(false, true, true);
        check_wavenet(false, false, true);
        check_wavenet(true, false, false);
        check_wavenet(true, false, true);
    }
}

typedef struct stack_work {
    mli_nn_separable layer;
    float *x, *scratch;
} stack_work;

static void stack(void *ctx, mli_team *team)
{
    stack_work *w = ctx;
    mli_nn_separable_run(team, &w->layer, ROWS, w->x, w->scratch);
}

/* In place: gelu(norm(x)), x doubles. */
static void plain_norm(double *x, const mli_nn_norm *norm)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < WIDTH; i++)
        mean += x[i] / WIDTH;
    for (size_t i = 0; i < WIDTH; i++)
        variance += (x[i] - mean) * (x[i] - mean) / WIDTH;
    for (size_t i = 0; i < WIDTH; i++) {
        double v =
            (x[i] - mean) / sqrt(variance + 1e-5) * (double)norm->gamma[i] + (double)norm->beta[i];
        x[i] = 0.5 * v * (1 + erf(v / sqrt(2.0)));
    }
}

static void test_separable(void **state)
{
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t dilation = 1; dilation <= 9; dilation *= 3) {
            numbers rng = {dilation};
            float *depth = floats(&rng, 3 * WIDTH), *point = floats(&rng, (size_t)WIDTH * WIDTH);
            float *small = floats(&rng, 6 * WIDTH), *x = floats(&rng, (size_t)ROWS * WIDTH);
            float *before = must((size_t)ROWS * WIDTH * 4);
            mli_pool *two = pool_of(2);
            stack_work w = {{depth,
                             small,
                             3,
                             dilation,
                             {small + WIDTH, small + 2 * WIDTH, WIDTH, 1e-5f},
                             {small + 3 * WIDTH, small + 4 * WIDTH, WIDTH, 1e-5f},
                             {pack(point, WIDTH, WIDTH, 1), small + 5 * WIDTH}},
                            x,
                            must((size_t)2 * ROWS * WIDTH * 4)};
            memcpy(before, x, (size_t)ROWS * WIDTH * 4);
            mli_pool_region(two, NULL, stack, &w);
            for (size_t t = 0; t < ROWS; t++) {
                double y[WIDTH], z[WIDTH];
                for (size_t i = 0; i < WIDTH; i++) {
                    y[i] = (double)small[i];
                    for (size_t tap = 0; tap < 3; tap++) {
                        size_t at = t + tap * dilation;
                        if (at >= dilation && at - dilation < ROWS)
                            y[i] += (double)before[(at - dilation) * WIDTH + i] *
                                    (double)depth[tap * WIDTH + i];
                    }
                }
                plain_norm(y, &w.layer.norm1);
                for (size_t o = 0; o < WIDTH; o++) {
                    z[o] = (double)small[5 * WIDTH + o];
                    for (size_t i = 0; i < WIDTH; i++)
                        z[o] += (double)point[o * WIDTH + i] * y[i];
                }
                plain_norm(z, &w.layer.norm2);
                for (size_t i = 0; i < WIDTH; i++)
                    assert_near((double)x[t * WIDTH + i], (double)before[t * WIDTH + i] + z[i],
                                2e-5, "separable", t);
            }
            void *const all[] = {
                depth, point, small, x, before, w.scratch, (void *)(uintptr_t)w.layer.point.w.data};
            for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
                free(all[i]);
            mli_pool_destroy(two);
        }
    }
}

/* The spline forwards, as the paper has it. */
static double plain_spline(const float *params, double scale, double x)
{
    enum { BINS = MLI_NN_SPLINE_BINS };
    double knots[2][BINS + 1], slopes[BINS + 1];
    for (int which = 0; which < 2; which++) {
        double sum = 0, total = 0;
        for (int i = 0; i < BINS; i++)
            sum += exp((double)params[which * BINS + i] / scale);
        knots[which][0] = -5;
        for (int i = 0; i < BINS; i++) {
            total += 1e-3 + (1 - 1e-3 * BINS) * exp((double)params[which * BINS + i] / scale) / sum;
            knots[which][i + 1] = 10 * total - 5;
        }
    }
    slopes[0] = slopes[BINS] = 1;
    for (int i = 1; i < BINS; i++)
        slopes[i] = 1e-3 + log(1 + exp((double)params[2 * BINS + i - 1]));
    int b = 0;
    while (b < BINS - 1 && x >= knots[0][b + 1])
        b++;
    double w = knots[0][b + 1] - knots[0][b], h = knots[1][b + 1] - knots[1][b], s = h / w;
    double p = (x - knots[0][b]) / w;
    return knots[1][b] + h * (s * p * p + slopes[b] * p * (1 - p)) /
                             (s + (slopes[b] + slopes[b + 1] - 2 * s) * p * (1 - p));
}

static void test_spline(void **state)
{
    numbers rng = {21};
    (void)state;
    for (int round = 0; round < 200; round++) {
        float params[29];
        for (int i = 0; i < 29; i++)
            params[i] = next_number(&rng) * (i < 20 ? 40.0f : 6.0f);
        for (float y = -4.99f; y < 5.0f; y += 0.37f) {
            float x = mli_nn_spline_inverse(params, 13.85f, y);
            /* where the spline is steep a rounding error of x is a great one of y */
            assert_true(plain_spline(params, (double)13.85f, (double)x - 1e-6) <= (double)y);
            assert_true(plain_spline(params, (double)13.85f, (double)x + 1e-6) >= (double)y);
        }
        assert_true(mli_nn_spline_inverse(params, 13.85f, 5.5f) == 5.5f);
        assert_true(mli_nn_spline_inverse(params, 13.85f, -7.0f) == -7.0f);
        assert_near((double)mli_nn_spline_inverse(params, 13.85f, 5.0f), 5.0, 1e-6, "end", 0);
        assert_near((double)mli_nn_spline_inverse(params, 13.85f, -5.0f), -5.0, 1e-6, "end", 1);
    }
}

static void test_signal(void **state)
{
    float data[20 * 3];
    mli_nn_signal s = {data, 3, 20, 0, 0};
    (void)state;
    memset(data, 0x55, sizeof data);
    mli_nn_signal_begin(&s, 4);
    assert_int_equal(s.first, -4);
    for (int i = 0; i < 12; i++)
        assert_true(data[i] == 0.0f);
    s.end = 10;
    for (int f = 0; f < 10; f++)
        mli_nn_signal_at(&s, f)[1] = (float)f;
    mli_nn_signal_keep(&s, 7);
    assert_true(mli_nn_signal_at(&s, 7)[1] == 7.0f && mli_nn_signal_at(&s, 9)[1] == 9.0f);
    mli_nn_signal_keep(&s, 3); /* already gone: nothing moves */
    assert_int_equal(s.first, 7);
    mli_nn_signal_zero(&s, 8);
    assert_true(mli_nn_signal_at(&s, 7)[1] == 7.0f && mli_nn_signal_at(&s, 8)[1] == 0.0f);
}

static void test_noise(void **state)
{
    /* known answers of Random123 for Philox 4x32-10 */
    static const struct {
        uint64_t key;
        uint32_t counter[4], out[4];
    } known[] = {
        {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX,
         {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    /* quantiles of the normal distribution */
    static const double table[][2] = {{0.5, 0},
                                      {0.975, 1.959963984540054},
                                      {0.025, -1.959963984540054},
                                      {0.9999, 3.719016485455709},
                                      {1e-9, -5.9978070150076865},
                                      {1e-15, -7.941345326170997}};
    double sum = 0, squares = 0;
    float values[192], again[8];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        mli_philox(known[i].key, known[i].counter, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_near(mli_nn_normal_inverse(table[i][0]), table[i][1], 1e-14, "quantile", i);
    for (uint32_t frame = 0; frame < 1000; frame++) {
        mli_nn_noise(42, 1, 0, frame, values, 192);
        for (size_t i = 0; i < 192; i++) {
            sum += (double)values[i];
            squares += (double)values[i] * (double)values[i];
        }
    }
    assert_true(fabs(sum / 192000) < 0.01 && fabs(squares / 192000 - 1) < 0.02);
    mli_nn_noise(42, 1, 0, 999, again, 8); /* fewer channels: the same numbers */
    assert_memory_equal(values, again, sizeof again);
    mli_nn_noise(42, 0, 0, 999, again, 8);
    assert_true(values[0] != again[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wavenet), cmocka_unit_test(test_separable),
        cmocka_unit_test(test_spline),  cmocka_unit_test(test_signal),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
