/* A WaveNet layer in one pass: a task takes some rows through both products. */
#include "nn/wavenet.h"
#include "kernels/pairs.h"
#include "kernels/slice.h"

enum { SLICE_ROWS = 24, BLOCK = 12 }; /* multiples of every variant's block_rows */

typedef struct wavenet_job {
    const mli_nn_wavenet *l;
    const mli_kernels *k;
    size_t m;
    const float *x, *h;
    float *next, *sum;
    bool first;
    size_t slice;
} wavenet_job;

/* The convolution of some rows, in pairs: panels of sums behind the matrices of the inputs. */
static void convolve_pairs(const wavenet_job *j, const mli_slice *s, float *gates, size_t wide,
                           float *scratch)
{
    size_t tiles = (s->w->rows + MLI_LANES - 1) / MLI_LANES;
    float *v = scratch + 4 * (size_t)SLICE_ROWS * MLI_MAX_BLOCK_TILES * MLI_LANES;

    mli_slice_pairs_in(j->k, s, j->l->dilation, v);
    for (size_t tile = 0; tile < tiles; tile += j->k->block_tiles)
        mli_slice_pairs_panel(j->k, s, j->l->dilation, v, tile, scratch, gates + tile * MLI_LANES,
                              wide);
}

static void slice_task(void *ctx, size_t task, mli_team *team)
{
    const wavenet_job *j = ctx;
    const mli_nn_wavenet *l = j->l;
    size_t n = l->width, row = task * j->slice;
    size_t rows = j->m - row < j->slice ? j->m - row : j->slice;
    size_t wide = mli_slice_width(j->k, &l->in), narrow = mli_slice_width(j->k, &l->skip);
    float *gates = mli_team_scratch(team), *acts = gates + SLICE_ROWS * wide;
    float *out = acts + SLICE_ROWS * n, *scratch = out + SLICE_ROWS * narrow;
    mli_slice in = {.w = &l->in,
                    .taps = l->taps,
                    .tap_stride = l->dilation * n,
                    .rows = rows,
                    .x = j->x + row * n,
                    .x_stride = n};

    if (l->pairs)
        convolve_pairs(j, &in, gates, wide, scratch);
    else
        mli_slice_product(j->k, &in, gates, wide);
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

bool mli_nn_wavenet_pairs(size_t width, size_t taps, size_t dilation)
{
    size_t room = MLI_TEAM_SCRATCH_BYTES / sizeof(float);

    return 2 * dilation <= SLICE_ROWS && width <= 4096 && mli_pairs_parts(taps) > 0 &&
           (size_t)SLICE_ROWS * (6 * width + 512) + 2 * BLOCK * mli_pairs_cols(width, taps) <= room;
}

/* As slice_task lays it out: two rows of sums, up to whole panels, and one of gated values. */
bool mli_nn_wavenet_fits(size_t width)
{
    size_t room = MLI_TEAM_SCRATCH_BYTES / sizeof(float) / SLICE_ROWS;

    return width <= room && 5 * width + 2 * MLI_MAX_BLOCK_TILES * MLI_LANES <= room;
}

void mli_nn_wavenet_run(mli_team *team, const mli_nn_wavenet *layer, size_t m, const float *x,
                        const float *h, float *next, float *sum, bool first)
{
    wavenet_job j = {layer, mli_kernels_current(), m, x, h, next, sum, first, SLICE_ROWS};

    if (layer->pairs)
        j.slice -= SLICE_ROWS % (2 * layer->dilation);
    mli_team_for(team, (m + j.slice - 1) / j.slice, slice_task, &j);
}
