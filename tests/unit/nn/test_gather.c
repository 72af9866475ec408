/* Transposed convolutions and gathered matrices against plain loops in double precision, on every
 * instruction set and with one and two threads. */
#include "unit/kernels/common.h"

#include "nn/gather.h"

typedef struct shape {
    size_t in, out, taps, stride, frames;
} shape;

static void run(void *ctx, mli_team *team)
{
    mli_convolve(team, ctx, 1, false);
}

/* As a transposed convolution is defined: each input adds its kernel to the outputs; then what pads
 * at both ends is cut off. [frames * stride][out] */
static double *plain(const shape *s, const float *x, const float *w, const float *bias)
{
    const size_t pad = (s->taps - s->stride) / 2, length = s->frames * s->stride;
    double *y = must(length * s->out * sizeof *y);
    for (size_t i = 0; i < length * s->out; i++)
        y[i] = (double)bias[i % s->out];
    for (size_t t = 0; t < s->frames; t++)
        for (size_t k = 0; k < s->taps; k++) {
            const size_t at = t * s->stride + k;
            if (at < pad || at - pad >= length)
                continue;
            for (size_t o = 0; o < s->out; o++)
                for (size_t i = 0; i < s->in; i++)
                    y[(at - pad) * s->out + o] +=
                        (double)x[t * s->in + i] * (double)w[(i * s->out + o) * s->taps + k];
        }
    return y;
}

static void check(const shape *s, int threads, size_t piece)
{
    numbers rng = {s->taps * 31 + s->stride};
    const size_t reach = mli_nn_transposed_reach(s->taps, s->stride), block = s->stride * s->out;
    const size_t pad = (s->taps - s->stride) / 2, rows = s->frames + reach - 1;
    float *w = floats(&rng, s->in * s->out * s->taps), *bias = floats(&rng, s->out);
    /* zeros before and behind, as a signal has them */
    float *x = must((reach - 1 + rows + MLI_CONVOLVE_SLACK) * s->in * sizeof *x);
    float *biases = must(block * sizeof *biases), *y = must(rows * block * sizeof *y);
    float *leaky = must(rows * block * sizeof *leaky);
    size_t bytes;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, block, reach * s->in, &bytes, NULL),
                     MODELLAB_OK);
    float *packed = must(bytes), *first = x + (reach - 1) * s->in;
    memset(x, 0, (reach - 1 + rows + MLI_CONVOLVE_SLACK) * s->in * sizeof *x);
    for (size_t i = 0; i < s->frames * s->in; i++)
        first[i] = next_number(&rng);
    for (size_t i = 0; i < block; i++)
        biases[i] = bias[i % s->out];
    const mli_nn_gather g = mli_nn_transposed_matrix(w, s->in, s->out, s->taps, s->stride);
    mli_nn_gather_pack(&g, packed, NULL);
    const mli_packed matrix = {MLI_DTYPE_F32, block, reach * s->in, packed};
    mli_pool *pool = pool_of(threads);
    for (size_t at = 0; at < rows; at += piece) {
        mli_convolve_args a =
            mli_nn_transposed_args(&matrix, biases, reach, rows - at < piece ? rows - at : piece,
                                   first + at * s->in, s->in);
        a.out.y = y + at * block;
        a.out.leaky = leaky + at * block;
        a.out.y_stride = a.out.leaky_stride = block;
        a.out.slope = 0.1f;
        mli_pool_host(pool, NULL, run, &a);
    }
    double *want = plain(s, first, w, bias);
    for (size_t i = 0; i < s->frames * block; i++) {
        const double got = (double)y[pad * s->out + i];
        assert_near(got, want[i], 2e-5, "transposed", i);
        assert_near((double)leaky[pad * s->out + i], got > 0 ? got : got * (double)0.1f, 1e-6,
                    "leaky", i);
    }
    void *const all[] = {w, bias, x, biases, y, leaky, packed, want};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    mli_pool_destroy(pool);
}

static void test_transposed(void **state)
{
    /* those of the voices (narrower), kernels that are no multiple of the stride, single channels
     * and frames */
    static const shape shapes[] = {{32, 16, 16, 8, 13}, {24, 20, 8, 4, 9}, {8, 4, 4, 2, 31},
                                   {7, 5, 7, 3, 11},    {5, 3, 11, 5, 6},  {1, 1, 4, 2, 5},
                                   {3, 2, 3, 3, 7},     {16, 33, 16, 8, 1}};
    (void)state;
    EACH_ISA(isa)
    {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            check(&shapes[i], 1, 1000);
            check(&shapes[i], 2, 4);
        }
    }
}

/* Rows and inputs turned round, and the sign, as the flow of VITS wants them. */
static void test_turned(void **state)
{
    enum { OUT = 21, IN = 6, TAPS = 3 };
    numbers rng = {5};
    float *w = floats(&rng, (size_t)OUT * IN * TAPS);
    size_t bytes;
    (void)state;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, OUT, (size_t)IN * TAPS, &bytes, NULL),
                     MODELLAB_OK);
    float *packed = must(bytes);
    const mli_nn_gather g = {.src = (const unsigned char *)w,
                             .rows = OUT,
                             .taps = TAPS,
                             .in = IN,
                             .group = OUT,
                             .origin = (OUT - 1) * IN * TAPS + (IN - 1) * TAPS,
                             .row_step = -IN * TAPS,
                             .tap_step = 1,
                             .in_step = -TAPS,
                             .factor = -1.0f};
    mli_nn_gather_pack(&g, packed, NULL);
    for (size_t row = 0; row < 32; row++)
        for (size_t k = 0; k < TAPS; k++)
            for (size_t i = 0; i < IN; i++) {
                const float got = packed[row / 16 * 16 * TAPS * IN + (k * IN + i) * 16 + row % 16];
                const float want =
                    row < OUT ? -w[((OUT - 1 - row) * IN + (IN - 1 - i)) * TAPS + k] : 0.0f;
                assert_true(got == want);
            }
    free(w);
    free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transposed),
                                       cmocka_unit_test(test_turned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
