/* LSTM against plain loops in double precision; in pieces and with more threads the same bits. */
#include "unit/kernels/common.h"

#include "nn/lstm.h"

enum { STEPS = 23 };

typedef struct cell {
    size_t inputs, hidden;
    float *w_ih, *w_hh, *bias; /* plain; bias may be NULL */
    mli_nn_lstm lstm;
} cell;

static mli_packed pack(const float *plain, size_t rows, size_t cols)
{
    size_t bytes;
    assert_int_equal(mli_pack_bytes(MLI_DTYPE_F32, rows, cols, &bytes, NULL), MODELLAB_OK);
    void *packed = must(bytes);
    mli_pack(MLI_DTYPE_F32, rows, cols, plain, MLI_DTYPE_F32, cols, packed);
    return (mli_packed){MLI_DTYPE_F32, rows, cols, packed};
}

static cell cell_new(numbers *rng, size_t inputs, size_t hidden, bool with_bias)
{
    cell c = {.inputs = inputs, .hidden = hidden};
    c.w_ih = floats(rng, 4 * hidden * inputs);
    c.w_hh = floats(rng, 4 * hidden * hidden);
    mli_scale(c.w_ih, 2.0f / sqrtf((float)inputs), 4 * hidden * inputs);
    mli_scale(c.w_hh, 2.0f / sqrtf((float)hidden), 4 * hidden * hidden);
    c.bias = with_bias ? floats(rng, 4 * hidden) : NULL;
    c.lstm = (mli_nn_lstm){pack(c.w_ih, 4 * hidden, inputs), pack(c.w_hh, 4 * hidden, hidden),
                           c.bias, hidden};
    return c;
}

static void cell_free(cell *c)
{
    free((void *)(uintptr_t)c->lstm.ih.data);
    free((void *)(uintptr_t)c->lstm.hh.data);
    free(c->w_ih);
    free(c->w_hh);
    free(c->bias);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void plain_run(const cell *c, const float *x, double *y)
{
    size_t n = c->hidden;
    double *h = calloc(n, sizeof *h), *s = calloc(n, sizeof *s), *g = calloc(4 * n, sizeof *g);
    assert_true(h != NULL && s != NULL && g != NULL);
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t r = 0; r < 4 * n; r++) {
            g[r] = c->bias != NULL ? (double)c->bias[r] : 0;
            for (size_t i = 0; i < c->inputs; i++)
                g[r] += (double)c->w_ih[r * c->inputs + i] * (double)x[t * c->inputs + i];
            for (size_t i = 0; i < n; i++)
                g[r] += (double)c->w_hh[r * n + i] * h[i];
        }
        for (size_t i = 0; i < n; i++) {
            s[i] = sigmoid(g[n + i]) * s[i] + sigmoid(g[i]) * tanh(g[2 * n + i]);
            h[i] = sigmoid(g[3 * n + i]) * tanh(s[i]);
            y[t * n + i] = h[i];
        }
    }
    free(h);
    free(s);
    free(g);
}

typedef struct work {
    const cell *c;
    const float *x;
    float *h, *s, *y, *gates;
    size_t piece;
} work;

static void run_pieces(void *ctx, mli_team *team)
{
    const work *w = ctx;
    for (size_t t = 0; t < STEPS; t += w->piece) {
        size_t steps = STEPS - t < w->piece ? STEPS - t : w->piece;
        mli_nn_lstm_run(team, &w->c->lstm, steps, w->x + t * w->c->inputs, w->h, w->s,
                        w->y + t * w->c->hidden, w->gates);
    }
}

/* A new sequence, `piece` steps a call. */
static void run(const cell *c, const float *x, int threads, size_t piece, float *y)
{
    mli_pool *pool = pool_of(threads);
    work w = {.c = c, .x = x, .y = y, .piece = piece};
    w.h = calloc(c->hidden, sizeof *w.h);
    w.s = calloc(c->hidden, sizeof *w.s);
    w.gates = must(STEPS * 4 * c->hidden * sizeof *w.gates);
    mli_pool_region(pool, NULL, run_pieces, &w);
    free(w.h);
    free(w.s);
    free(w.gates);
    mli_pool_destroy(pool);
}

static void check(size_t inputs, size_t hidden, bool with_bias)
{
    numbers rng = {inputs * 1000 + hidden};
    cell c = cell_new(&rng, inputs, hidden, with_bias);
    float *x = floats(&rng, STEPS * inputs);
    float *whole = must(STEPS * hidden * sizeof *whole), *y = must(STEPS * hidden * sizeof *y);
    double *want = calloc(STEPS * hidden, sizeof *want);
    assert_non_null(want);
    plain_run(&c, x, want);
    EACH_ISA(isa)
    {
        run(&c, x, 1, STEPS, whole);
        for (size_t i = 0; i < STEPS * hidden; i++)
            assert_near((double)whole[i], want[i], 2e-5, "hidden", i);
        run(&c, x, 1, 1, y);
        assert_memory_equal(y, whole, STEPS * hidden * sizeof *y);
        run(&c, x, 2, 5, y);
        assert_memory_equal(y, whole, STEPS * hidden * sizeof *y);
    }
    cell_free(&c);
    free(x);
    free(whole);
    free(y);
    free(want);
}

static void test_shapes(void **state)
{
    (void)state;
    check(128, 128, true);
    check(40, 256, true); /* of the speaker encoder */
    check(7, 5, false);   /* no multiple of anything */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
