/* Products of activations with packed tiles, in the two forms that linear layers and attention are
 * made of. Both sum every output over the same runs of inputs in order (MLI_SUM_RUN), so that they
 * give the same bits. */
#ifndef MLI_KERNELS_PRODUCT_H
#define MLI_KERNELS_PRODUCT_H

#include "kernels/table.h"

enum {
    MLI_PRODUCT_SKINNY = 16, /* up to this many rows the skinny form is used */
    MLI_PRODUCT_DEPTH = 512, /* inputs that a panel is widened for at a time */
    MLI_PRODUCT_WIDENED = MLI_MAX_BLOCK_TILES * MLI_PRODUCT_DEPTH * MLI_LANES /* floats */
};
_Static_assert((int)MLI_PRODUCT_DEPTH % MLI_SUM_RUN == 0, "a panel ends with a run");

typedef struct mli_tiles {
    mli_dtype type;
    const void *data; /* tile 0 */
    size_t count;     /* tiles */
    size_t cols;      /* inputs; a tile is cols * 16 elements */
    bool exact;       /* f32 only, skinny only: summed in double precision */
} mli_tiles;

/* Tiles [first, first + 1 .. 4) for any m: c[i * c_stride + 16 t + lane]. */
void mli_product_skinny(const mli_kernels *k, const mli_tiles *w, size_t first, size_t tiles,
                        const float *x, size_t x_stride, size_t m, float *c, size_t c_stride);

/* The rows of a product: packed blocks of [cols][block_rows] (stride 0), or row-major, readable up
 * to a whole number of blocks. */
typedef struct mli_block_rows {
    const float *data;
    size_t stride, blocks;
} mli_block_rows;

/* Tiles of one panel (block_tiles of them, fewer at the end) for all blocks of rows; rows of c are
 * c_stride apart and written 16 block_tiles wide. `widened`: MLI_PRODUCT_WIDENED floats, used for
 * f16. */
void mli_product_panel(const mli_kernels *k, const mli_tiles *w, size_t first,
                       const mli_block_rows *a, float *widened, float *c, size_t c_stride);

#endif
