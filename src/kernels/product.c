/* The skinny and the block form of a product with packed tiles. */
#include "kernels/product.h"

static const void *tile_at(const mli_tiles *w, size_t tile, size_t col)
{
    size_t at = (tile * w->cols + col) * MLI_LANES;
    return w->type == MLI_DTYPE_F16 ? (const void *)((const mli_f16 *)w->data + at)
                                    : (const void *)((const float *)w->data + at);
}

void mli_product_skinny(const mli_kernels *k, const mli_tiles *w, size_t first, size_t tiles,
                        const float *x, size_t x_stride, size_t m, float *c, size_t c_stride)
{
    void (*run)(const mli_skinny *) = w->exact                   ? k->exact_f32
                                      : w->type == MLI_DTYPE_F16 ? k->skinny_f16
                                                                 : k->skinny_f32;
    mli_skinny s = {.w = tile_at(w, first, 0),
                    .tile_stride = w->cols * MLI_LANES,
                    .cols = w->cols,
                    .tiles = tiles,
                    .x_stride = x_stride,
                    .c_stride = c_stride};
    for (size_t i = 0; i < m; i += s.m) {
        s.m = m - i < MLI_SKINNY_ROWS ? m - i : MLI_SKINNY_ROWS;
        s.x = x + i * x_stride;
        s.c = c + i * c_stride;
        run(&s);
    }
}

void mli_product_panel(const mli_kernels *k, const mli_tiles *w, size_t first,
                       const mli_block_rows *a, float *widened, float *c, size_t c_stride)
{
    size_t tiles = w->count - first < k->block_tiles ? w->count - first : k->block_tiles;
    for (size_t col = 0; col == 0 || col < w->cols; col += MLI_PRODUCT_DEPTH) {
        size_t depth = w->cols - col < MLI_PRODUCT_DEPTH ? w->cols - col : MLI_PRODUCT_DEPTH;
        const float *b = tile_at(w, first, col);
        size_t stride = w->cols * MLI_LANES;
        if (w->type == MLI_DTYPE_F16) {
            stride = depth * MLI_LANES;
            for (size_t t = 0; t < tiles; t++)
                k->f16_to_f32(widened + t * stride, tile_at(w, first + t, col), stride);
            b = widened;
        }
        if (tiles < k->block_tiles)
            stride = 0; /* the missing tile repeats the first; nobody reads its sums */
        for (size_t i = 0; i < a->blocks; i++) {
            size_t row = i * k->block_rows;
            const float *rows = a->data + (a->stride != 0 ? row * a->stride + col
                                                          : row * w->cols + col * k->block_rows);
            k->block(depth, rows, a->stride, b, stride, c + row * c_stride, c_stride, col != 0);
        }
    }
}
