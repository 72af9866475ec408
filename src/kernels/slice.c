/* Products of rows that are read where they stand, tap by tap. */
#include "kernels/slice.h"

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
