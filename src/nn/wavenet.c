/* A WaveNet layer in one pass: a task takes some rows through both products. */
#include "nn/wavenet.h"
#include "kernels/slice.h"

enum { SLICE_ROWS = 24 }; /* a multiple of every variant's block_rows */

typedef struct wavenet_job {
    const mli_nn_wavenet *l;
    const mli_kernels *k;
    size_t m;
    const float *x, *h;
    float *next, *sum;
    bool first;
} wavenet_job;

static void slice_task(void *ctx, size_t task, mli_team *team)
{
    const wavenet_job *j = ctx;
    const mli_nn_wavenet *l = j->l;
    size_t n = l->width, row = task * SLICE_ROWS;
    size_t rows = j->m - row < SLICE_ROWS ? j->m - row : SLICE_ROWS;
    size_t wide = mli_slice_width(j->k, &l->in), narrow = mli_slice_width(j->k, &l->skip);
    float *gates = mli_team_scratch(team), *acts = gates + SLICE_ROWS * wide;
    float *out = acts + SLICE_ROWS * n;

    mli_slice_product(j->k,
                      &(mli_slice){.w = &l->in,
                                   .taps = l->taps,
                                   .tap_stride = l->dilation * n,
                                   .rows = rows,
                                   .x = j->x + row * n,
                                   .x_stride = n},
                      gates, wide);
    for (size_t i = 0; i < rows; i++)
        j->k->gate(acts + i * n, gates + i * wide, l->in_bias, n);
    mli_slice_product(
        j->k,
        &(mli_slice){
            .w = &l->skip, .taps = 1, .tap_stride = n, .rows = rows, .x = acts, .x_stride = n},
        out, narrow);
    if (!l->last)
        mli_slice_store(
            j->k,
            &(mli_store){
                .bias = l->skip_bias, .add = j->h, .add_stride = n, .y = j->next, .y_stride = n},
            row, rows, 0, n, out, narrow);
    size_t at = l->last ? 0 : n;
    mli_slice_store(j->k,
                    &(mli_store){.bias = l->skip_bias + at,
                                 .add = j->first ? NULL : j->sum,
                                 .add_stride = n,
                                 .y = j->sum,
                                 .y_stride = n},
                    row, rows, 0, n, out + at, narrow);
}

void mli_nn_wavenet_run(mli_team *team, const mli_nn_wavenet *layer, size_t m, const float *x,
                        const float *h, float *next, float *sum, bool first)
{
    wavenet_job j = {layer, mli_kernels_current(), m, x, h, next, sum, first};

    mli_team_for(team, (m + SLICE_ROWS - 1) / SLICE_ROWS, slice_task, &j);
}
