/* The product of some rows with packed tiles inside of one task, and what follows it: the parts
 * that convolutions and layers made of them (WaveNet) are built from. Not collective. */
#ifndef MLI_KERNELS_SLICE_H
#define MLI_KERNELS_SLICE_H

#include "kernels/convolve.h"
#include "kernels/table.h"

typedef struct mli_slice {
    const mli_packed *w; /* f32, [out][taps * in], or four matrices for pairs */
    size_t taps, tap_stride;
    size_t rows;    /* x is readable up to a whole number of blocks */
    const float *x; /* first tap of the first row */
    size_t x_stride;
} mli_slice;

/* Tiles [tile, tile + block_tiles) of all rows, to c[rows up to whole blocks][c_stride]. */
void mli_slice_panel(const mli_kernels *k, const mli_slice *s, size_t tile, float *c,
                     size_t c_stride);
/* All tiles: c_stride is mli_slice_width() at least. */
void mli_slice_product(const mli_kernels *k, const mli_slice *s, float *c, size_t c_stride);
/* Floats of a row of sums: all tiles, up to whole panels. */
size_t mli_slice_width(const mli_kernels *k, const mli_packed *w);
/* Outputs [col, col + n) of rows [row, row + rows): sums at c, the rest at its place in `out`. */
void mli_slice_store(const mli_kernels *k, const mli_store *out, size_t row, size_t rows,
                     size_t col, size_t n, const float *c, size_t c_stride);

/* The same for outputs in pairs a dilation apart (w from mli_pairs_pack): the inputs of all pairs
 * of the rows become matrices in `v` (mli_pairs_cols times pairs, up to whole blocks); then a panel
 * at a time. rows is a multiple of 2 pair. */
void mli_slice_pairs_in(const mli_kernels *k, const mli_slice *s, size_t pair, float *v);
/* `sums`: 4 panels of rows / 2, up to whole blocks. */
void mli_slice_pairs_panel(const mli_kernels *k, const mli_slice *s, size_t pair, const float *v,
                           size_t tile, float *sums, float *c, size_t c_stride);

#endif
