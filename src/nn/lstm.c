/* LSTM on the kernels: the inputs of all steps in one product, then step after step. */
#include "nn/lstm.h"
#include "kernels/vector.h"
#include <string.h>

/* In place: 1 / (1 + exp(-factor x)). */
static void logistic(float *x, size_t n, float factor)
{
    mli_scale(x, -factor, n);
    mli_exp(x, x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = 1.0f / (1.0f + x[i]);
}

/* tanh(x) = 2 / (1 + exp(-2 x)) - 1: within 1e-7, infinities of exp give -1. */
static void hyperbolic(float *x, size_t n)
{
    logistic(x, n, 2.0f);
    for (size_t i = 0; i < n; i++)
        x[i] = 2.0f * x[i] - 1.0f;
}

/* State and output after a step whose gates are summed up. */
static void step(size_t hidden, float *gates, float *h, float *c, float *y)
{
    float *in = gates, *forget = in + hidden, *cell = forget + hidden, *out = cell + hidden;
    logistic(in, 2 * hidden, 1.0f); /* input and forget */
    hyperbolic(cell, hidden);
    logistic(out, hidden, 1.0f);
    for (size_t i = 0; i < hidden; i++) {
        c[i] = forget[i] * c[i] + in[i] * cell[i];
        h[i] = c[i];
    }
    hyperbolic(h, hidden);
    for (size_t i = 0; i < hidden; i++)
        h[i] *= out[i];
    if (y != NULL)
        memcpy(y, h, hidden * sizeof *y);
}

void mli_nn_lstm_run(mli_team *team, const mli_nn_lstm *lstm, size_t steps, const float *x,
                     float *h, float *c, float *y, float *gates)
{
    size_t width = 4 * lstm->hidden;
    mli_linear(team, &(mli_linear_args){.w = &lstm->ih,
                                        .bias = lstm->bias,
                                        .m = steps,
                                        .x = x,
                                        .x_stride = lstm->ih.cols,
                                        .y = gates,
                                        .y_stride = width});
    for (size_t t = 0; t < steps; t++) {
        float *g = gates + t * width;
        mli_linear(team, &(mli_linear_args){.w = &lstm->hh,
                                            .m = 1,
                                            .x = h,
                                            .x_stride = lstm->hidden,
                                            .y = g,
                                            .y_stride = width,
                                            .add = g,
                                            .add_stride = width});
        if (mli_team_is_first(team))
            step(lstm->hidden, g, h, c, y + t * lstm->hidden);
        mli_team_barrier(team);
    }
}

typedef struct rows_step {
    size_t hidden;
    float *gates, *h, *c, *y;
} rows_step;

static void step_row(void *ctx, size_t row, mli_team *team)
{
    const rows_step *s = ctx;
    (void)team;
    step(s->hidden, s->gates + row * 4 * s->hidden, s->h + row * s->hidden, s->c + row * s->hidden,
         s->y != NULL ? s->y + row * s->hidden : NULL);
}

void mli_nn_lstm_rows(mli_team *team, const mli_nn_lstm *lstm, size_t steps, size_t rows,
                      const float *x, float *h, float *c, float *y, float *gates)
{
    size_t hidden = lstm->hidden, width = 4 * hidden;
    if (mli_team_is_first(team)) {
        memset(h, 0, rows * hidden * sizeof *h);
        memset(c, 0, rows * hidden * sizeof *c);
    }
    mli_team_barrier(team);
    for (size_t t = 0; t < steps; t++) {
        mli_linear(team, &(mli_linear_args){.w = &lstm->ih,
                                            .bias = lstm->bias,
                                            .m = rows,
                                            .x = x + t * rows * lstm->ih.cols,
                                            .x_stride = lstm->ih.cols,
                                            .y = gates,
                                            .y_stride = width});
        mli_linear(team, &(mli_linear_args){.w = &lstm->hh,
                                            .m = rows,
                                            .x = h,
                                            .x_stride = hidden,
                                            .y = gates,
                                            .y_stride = width,
                                            .add = gates,
                                            .add_stride = width});
        rows_step s = {hidden, gates, h, c, y != NULL ? y + t * rows * hidden : NULL};
        mli_team_for(team, rows, step_row, &s);
    }
}
