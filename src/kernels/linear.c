/* Linear layers: how the work is cut, and what is done to the sums. Few rows: tasks are groups of
 * tiles. Many rows: tasks are slices of rows (and ranges of tiles when the slices are few), packed
 * once per task. */
#include "kernels/linear.h"
#include "kernels/product.h"

enum {
    SLICE_ROWS = 192,   /* a multiple of every variant's block_rows */
    TASKS_A_THREAD = 4, /* so that threads end together; any cut gives the same bits */
    LEAST_TILES = 8,    /* of a task of many rows */
    SKINNY_TASKS = 32,  /* about, for matrices with more tiles than that */
    SKINNY_MOST = 32,   /* tiles a task, so that a cancel is seen soon */
    EXACT_ROWS = 96     /* rows of a task in double precision */
};

typedef struct linear_job {
    const mli_linear_args *a;
    const mli_kernels *k;
    mli_tiles w;
    size_t tiles_a_task, rows_a_slice, tile_tasks;
} linear_job;

static void finish_rows(const linear_job *j, size_t row, size_t rows, size_t tile, size_t tiles,
                        const float *c, size_t c_stride)
{
    const mli_linear_args *a = j->a;
    size_t col = tile * MLI_LANES, n = tiles * MLI_LANES;
    if (col + n > a->w->rows)
        n = a->w->rows - col;
    j->k->finish(&(mli_finish){.rows = rows,
                               .n = n,
                               .c = c,
                               .c_stride = c_stride,
                               .bias = a->bias != NULL ? a->bias + col : NULL,
                               .act = (int)a->act,
                               .add = a->add != NULL ? a->add + row * a->add_stride + col : NULL,
                               .add_stride = a->add_stride,
                               .y = a->y + row * a->y_stride + col,
                               .y_stride = a->y_stride});
}

static void skinny_task(void *ctx, size_t task, mli_team *team)
{
    const linear_job *j = ctx;
    const mli_linear_args *a = j->a;
    float *c = mli_team_scratch(team);
    size_t tile = task % j->tile_tasks * j->tiles_a_task, end = tile + j->tiles_a_task;
    size_t first = task / j->tile_tasks * j->rows_a_slice;
    size_t last = a->m - first < j->rows_a_slice ? a->m : first + j->rows_a_slice;
    if (end > j->w.count)
        end = j->w.count;
    while (tile < end) {
        size_t tiles = end - tile < MLI_SKINNY_TILES ? end - tile : MLI_SKINNY_TILES;
        for (size_t row = first; row < last; row += MLI_SKINNY_ROWS) {
            size_t rows = last - row < MLI_SKINNY_ROWS ? last - row : MLI_SKINNY_ROWS;
            mli_product_skinny(j->k, &j->w, tile, tiles, a->x + row * a->x_stride, a->x_stride,
                               rows, c, MLI_SKINNY_TILES * MLI_LANES);
            finish_rows(j, row, rows, tile, tiles, c, MLI_SKINNY_TILES * MLI_LANES);
        }
        tile += tiles;
    }
}

static void block_task(void *ctx, size_t task, mli_team *team)
{
    const linear_job *j = ctx;
    const mli_linear_args *a = j->a;
    const mli_kernels *k = j->k;
    size_t row = task / j->tile_tasks * j->rows_a_slice;
    size_t tile = task % j->tile_tasks * j->tiles_a_task, end = tile + j->tiles_a_task;
    size_t rows = a->m - row < j->rows_a_slice ? a->m - row : j->rows_a_slice;
    size_t blocks = (rows + k->block_rows - 1) / k->block_rows;
    if (end > j->w.count)
        end = j->w.count;
    float *widened = mli_team_scratch(team), *c = widened + MLI_PRODUCT_WIDENED;
    size_t width = k->block_tiles * MLI_LANES;
    float *packed = c + blocks * k->block_rows * width;
    for (size_t i = 0; i < blocks; i++) {
        size_t at = i * k->block_rows, left = rows - at;
        k->pack_rows(a->x + (row + at) * a->x_stride, a->x_stride,
                     left < k->block_rows ? left : k->block_rows, a->w->cols, 1.0f,
                     packed + at * a->w->cols);
    }
    for (; tile < end; tile += k->block_tiles) {
        size_t tiles = end - tile < k->block_tiles ? end - tile : k->block_tiles;
        mli_product_panel(k, &j->w, tile, &(mli_block_rows){packed, 0, blocks}, widened, c, width);
        finish_rows(j, row, rows, tile, tiles, c, width);
    }
}

/* Rows of a slice that fit the scratch together with their sums and a widened panel; 0: too many
 * columns. */
static size_t slice_rows(const mli_kernels *k, size_t m, size_t cols)
{
    size_t room = MLI_TEAM_SCRATCH_BYTES / sizeof(float) - MLI_PRODUCT_WIDENED;
    size_t rows = room / (cols + k->block_tiles * MLI_LANES);
    if (rows > SLICE_ROWS)
        rows = SLICE_ROWS;
    rows -= rows % k->block_rows;
    if (rows == 0)
        return 0;
    size_t slices = (m + rows - 1) / rows, even = (m + slices - 1) / slices;
    return (even + k->block_rows - 1) / k->block_rows * k->block_rows;
}

/* All rows are one slice, but for products in double precision. */
static void run_skinny(mli_team *team, linear_job *j)
{
    size_t m = j->a->m, tiles = j->w.count / SKINNY_TASKS / MLI_SKINNY_TILES * MLI_SKINNY_TILES;
    j->tiles_a_task = tiles < MLI_SKINNY_TILES ? MLI_SKINNY_TILES
                      : tiles > SKINNY_MOST    ? SKINNY_MOST
                                               : tiles;
    j->tile_tasks = (j->w.count + j->tiles_a_task - 1) / j->tiles_a_task;
    j->rows_a_slice = j->w.exact && m > EXACT_ROWS ? EXACT_ROWS : m;
    size_t slices = (m + j->rows_a_slice - 1) / j->rows_a_slice;
    mli_team_for(team, slices * j->tile_tasks, skinny_task, j);
}

void mli_linear(mli_team *team, const mli_linear_args *args)
{
    const mli_packed *w = args->w;
    linear_job j = {.a = args, .k = mli_kernels_current()};
    j.w = (mli_tiles){w->type, w->data, (w->rows + MLI_LANES - 1) / MLI_LANES, w->cols,
                      args->exact && w->type == MLI_DTYPE_F32};
    if (args->m == 0 || w->rows == 0) {
        mli_team_for(team, 0, skinny_task, &j);
        return;
    }
    j.rows_a_slice =
        args->m > MLI_PRODUCT_SKINNY && !j.w.exact ? slice_rows(j.k, args->m, w->cols) : 0;
    if (j.rows_a_slice == 0) {
        run_skinny(team, &j);
        return;
    }
    size_t slices = (args->m + j.rows_a_slice - 1) / j.rows_a_slice;
    size_t wanted = TASKS_A_THREAD * (size_t)mli_team_threads(team);
    size_t cuts = (wanted + slices - 1) / slices;
    j.tiles_a_task = ((j.w.count + cuts - 1) / cuts + 1) & ~(size_t)1;
    if (j.tiles_a_task < LEAST_TILES)
        j.tiles_a_task = LEAST_TILES;
    j.tile_tasks = (j.w.count + j.tiles_a_task - 1) / j.tiles_a_task;
    mli_team_for(team, slices * j.tile_tasks, block_task, &j);
}
