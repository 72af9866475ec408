/* Convolutions: how the work is cut. A task is a slice of rows and a range of tiles; any cut gives
 * the same bits. */
#include "kernels/convolve.h"
#include "kernels/pairs.h"
#include "kernels/slice.h"

enum {
    SLICE_ROWS = 48,    /* a multiple of every variant's block_rows */
    TASKS_A_THREAD = 4, /* so that threads end together */
    LEAST_TILES = 2
};

typedef struct convolve_job {
    const mli_convolve_args *args;
    const mli_kernels *k;
    size_t count;
    size_t first_task[MLI_CONVOLVE_MOST + 1]; /* of each convolution */
    size_t slices[MLI_CONVOLVE_MOST];
    size_t tiles_a_task[MLI_CONVOLVE_MOST];
    size_t rows_a_slice[MLI_CONVOLVE_MOST];
} convolve_job;

static size_t tiles_of(const mli_packed *w)
{
    return (w->rows + MLI_LANES - 1) / MLI_LANES;
}

static void run_slice(const convolve_job *j, size_t index, size_t slice, size_t tile, size_t tiles,
                      mli_team *team)
{
    const mli_convolve_args *a = &j->args[index];
    const mli_kernels *k = j->k;
    size_t row = slice * j->rows_a_slice[index];
    size_t rows = a->m - row < j->rows_a_slice[index] ? a->m - row : j->rows_a_slice[index];
    size_t width = k->block_tiles * MLI_LANES, end = tile + tiles;
    float *c = mli_team_scratch(team),
          *sums = c + (MLI_CONVOLVE_SLICE + MLI_CONVOLVE_SLACK) * width;
    float *v = sums + 2 * (MLI_CONVOLVE_SLICE + 2 * MLI_CONVOLVE_SLACK) * width;
    mli_slice s = {.w = a->w,
                   .taps = a->taps,
                   .tap_stride = a->tap_stride,
                   .rows = rows,
                   .x = a->x + row * a->x_stride,
                   .x_stride = a->x_stride};

    if (end > tiles_of(a->w))
        end = tiles_of(a->w);
    if (a->pair != 0)
        mli_slice_pairs_in(k, &s, a->pair, v);
    for (; tile < end; tile += k->block_tiles) {
        size_t n = (end - tile) * MLI_LANES;

        if (a->pair != 0)
            mli_slice_pairs_panel(k, &s, a->pair, v, tile, sums, c, width);
        else
            mli_slice_panel(k, &s, tile, c, width);
        n = n < width ? n : width;
        if (n > a->w->rows - tile * MLI_LANES)
            n = a->w->rows - tile * MLI_LANES;
        mli_slice_store(k, &a->out, row, rows, tile * MLI_LANES, n, c, width);
    }
}

bool mli_convolve_pairs(size_t in, size_t taps, size_t dilation)
{
    size_t rows = MLI_CONVOLVE_SLICE / 2 + MLI_CONVOLVE_SLACK;
    size_t room =
        MLI_TEAM_SCRATCH_BYTES / sizeof(float) - 4 * (MLI_CONVOLVE_SLICE + 2 * MLI_CONVOLVE_SLACK) *
                                                     (size_t)(MLI_MAX_BLOCK_TILES * MLI_LANES);

    return mli_pairs_parts(taps) > 0 && 2 * dilation <= MLI_CONVOLVE_SLICE && in <= 65536 &&
           rows * mli_pairs_cols(in, taps) <= room;
}

static void apart_task(void *ctx, size_t task, mli_team *team)
{
    const convolve_job *j = ctx;
    size_t i = 0;

    while (task >= j->first_task[i + 1])
        i++;
    task -= j->first_task[i];
    run_slice(j, i, task % j->slices[i], task / j->slices[i] * j->tiles_a_task[i],
              j->tiles_a_task[i], team);
}

static void ordered_task(void *ctx, size_t task, mli_team *team)
{
    const convolve_job *j = ctx;

    for (size_t i = 0; i < j->count; i++)
        run_slice(j, i, task, 0, tiles_of(j->args[i].w), team);
}

/* Pairs stay together; what runs in order has the same slices. */
static void cut_rows(convolve_job *j, bool in_order)
{
    size_t unit = 1;
    bool pairs = false;

    for (size_t i = 0; i < j->count; i++) {
        size_t own = j->args[i].pair != 0 ? 2 * j->args[i].pair : 1;

        unit = mli_pairs_common(unit, own);
        pairs = pairs || own > 1;
        j->rows_a_slice[i] = own > 1 ? MLI_CONVOLVE_SLICE - MLI_CONVOLVE_SLICE % own : SLICE_ROWS;
    }
    for (size_t i = 0; in_order && pairs && i < j->count; i++)
        j->rows_a_slice[i] = MLI_CONVOLVE_SLICE - MLI_CONVOLVE_SLICE % unit;
    for (size_t i = 0; i < j->count; i++)
        j->slices[i] = (j->args[i].m + j->rows_a_slice[i] - 1) / j->rows_a_slice[i];
}

void mli_convolve(mli_team *team, const mli_convolve_args *args, size_t count, bool in_order)
{
    convolve_job j = {.args = args, .k = mli_kernels_current(), .count = count};
    size_t wanted = TASKS_A_THREAD * (size_t)mli_team_threads(team), slices = 0;

    cut_rows(&j, in_order);
    for (size_t i = 0; i < count; i++)
        slices += j.slices[i];
    if (in_order) {
        mli_team_for(team, j.slices[0], ordered_task, &j);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t tiles = tiles_of(args[i].w);
        size_t cuts = slices == 0 ? 1 : (wanted + slices - 1) / slices;
        size_t some = ((tiles + cuts - 1) / cuts + 1) & ~(size_t)1;

        j.tiles_a_task[i] = some < LEAST_TILES ? LEAST_TILES : some;
        j.first_task[i + 1] =
            j.first_task[i] + j.slices[i] * ((tiles + j.tiles_a_task[i] - 1) / j.tiles_a_task[i]);
    }
    mli_team_for(team, j.first_task[count], apart_task, &j);
}
