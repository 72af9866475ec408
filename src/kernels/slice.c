/* Products of rows that are read where they stand, tap by tap. */
#include "kernels/slice.h"
#include "kernels/pairs.h"

void mli_slice_panel(const mli_kernels *k, const mli_slice *s, size_t tile, float *c,
                     size_t c_stride)
{
    size_t tiles = (s->w->rows + MLI_LANES - 1) / MLI_LANES, depth = s->w->cols / s->taps;
    size_t taps = s->taps, tile_stride = s->w->cols * MLI_LANES;
    const float *w = (const float *)s->w->data + tile * tile_stride;

    if (s->tap_stride == depth) { /* the taps lie side by side */
        depth *= taps;
        taps = 1;
    }
    if (tiles - tile < k->block_tiles)
        tile_stride = 0; /* the missing tile repeats the first; nobody reads its sums */
    for (size_t row = 0; row < s->rows; row += k->block_rows) {
        for (size_t tap = 0; tap < taps; tap++)
            k->block(depth, s->x + row * s->x_stride + tap * s->tap_stride, s->x_stride,
                     w + tap * depth * MLI_LANES, tile_stride, c + row * c_stride, c_stride,
                     tap != 0);
    }
}

size_t mli_slice_width(const mli_kernels *k, const mli_packed *w)
{
    size_t panel = k->block_tiles * MLI_LANES;

    return (w->rows + panel - 1) / panel * panel;
}

void mli_slice_product(const mli_kernels *k, const mli_slice *s, float *c, size_t c_stride)
{
    size_t tiles = (s->w->rows + MLI_LANES - 1) / MLI_LANES;

    for (size_t tile = 0; tile < tiles; tile += k->block_tiles)
        mli_slice_panel(k, s, tile, c + tile * MLI_LANES, c_stride);
}

/* Pairs up to whole blocks. */
static size_t pairs_up(const mli_kernels *k, size_t rows)
{
    return (rows / 2 + k->block_rows - 1) / k->block_rows * k->block_rows;
}

/* Floats of a row of sum `s`. */
static size_t pair_width(size_t in, size_t parts, size_t s)
{
    return s == 2 ? in : parts * in;
}

void mli_slice_pairs_in(const mli_kernels *k, const mli_slice *s, size_t pair, float *v)
{
    size_t parts = mli_pairs_parts(s->taps), in = s->w->cols / (3 * parts + 1);
    size_t all = pairs_up(k, s->rows);
    float *row[4];

    for (size_t i = 0; i < 4; i++) {
        row[i] = v;
        v += all * pair_width(in, parts, i);
    }
    for (size_t p = 0; p < s->rows / 2; p++) {
        size_t at = p / pair * 2 * pair + p % pair;

        k->pair_in(row, s->x + at * s->x_stride, s->tap_stride, parts, in);
        for (size_t i = 0; i < 4; i++)
            row[i] += pair_width(in, parts, i);
    }
}

void mli_slice_pairs_panel(const mli_kernels *k, const mli_slice *s, size_t pair, const float *v,
                           size_t tile, float *sums, float *c, size_t c_stride)
{
    size_t parts = mli_pairs_parts(s->taps), in = s->w->cols / (3 * parts + 1);
    size_t all = pairs_up(k, s->rows), tiles = (s->w->rows + MLI_LANES - 1) / MLI_LANES;
    size_t width = k->block_tiles * MLI_LANES;
    const float *w = s->w->data;

    for (size_t i = 0; i < 4; i++) {
        size_t depth = pair_width(in, parts, i), stride = depth * MLI_LANES;
        const float *from = w + tile * stride;

        if (tiles - tile < k->block_tiles)
            stride = 0; /* as above */
        for (size_t p = 0; p < s->rows / 2; p += k->block_rows)
            k->block(depth, v + p * depth, depth, from, stride, sums + (i * all + p) * width, width,
                     false);
        v += all * depth;
        w += tiles * MLI_LANES * depth;
    }
    for (size_t p = 0; p < s->rows / 2; p++) {
        size_t at = p / pair * 2 * pair + p % pair;
        const float *const four[4] = {sums + p * width, sums + (all + p) * width,
                                      sums + (2 * all + p) * width, sums + (3 * all + p) * width};

        k->pair_out(four, c + at * c_stride, c + (at + pair) * c_stride, width);
    }
}

static const float *at(const float *p, size_t row, size_t stride, size_t col)
{
    return p != NULL ? p + row * stride + col : NULL;
}

void mli_slice_store(const mli_kernels *k, const mli_store *out, size_t row, size_t rows,
                     size_t col, size_t n, const float *c, size_t c_stride)
{
    mli_store s = *out;

    s.bias = at(s.bias, 0, 0, col);
    s.add = at(s.add, row, s.add_stride, col);
    s.more = at(s.more, row, s.more_stride, col);
    s.y = s.y != NULL ? s.y + row * s.y_stride + col : NULL;
    s.leaky = s.leaky != NULL ? s.leaky + row * s.leaky_stride + col : NULL;
    k->store(&s, rows, n, c, c_stride);
}
