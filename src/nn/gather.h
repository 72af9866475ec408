/* Matrices packed from weights that lie in any order, and the transposed convolution as one: each
 * input gives a block of `stride` outputs, made of it and the inputs before it. */
#ifndef MLI_NN_GATHER_H
#define MLI_NN_GATHER_H

#include "base/cancel.h"
#include "kernels/convolve.h"

/* Element (row, tap, in) stands at origin + (row % group) * row_step + (row / group) * phase_step +
 * tap * tap_step + in * in_step (f32, unaligned). With `phases` (the taps of a transposed kernel;
 * else 0) an element whose tap of the kernel, row / group + (taps - 1 - tap) * reach, is none of
 * them is 0. */
typedef struct mli_nn_gather {
    const unsigned char *src;
    size_t rows, taps, in, group;
    ptrdiff_t origin, row_step, phase_step, tap_step, in_step;
    size_t phases, reach;
    float factor;
} mli_nn_gather;

/* Writes [rows][taps * in], packed, tile after tile; `cancel` set leaves the rest unwritten. */
void mli_nn_gather_pack(const mli_nn_gather *g, float *dst, const mli_cancel_word *cancel);

/* Inputs that an output is made of. */
size_t mli_nn_transposed_reach(size_t taps, size_t stride);
/* The matrix of a transposed convolution with weights [in][out][taps]: [stride * out][reach * in].
 * Outputs of input u are those of phases 0 .. stride - 1: of tap phase + j * stride for input
 * u - j. */
mli_nn_gather mli_nn_transposed_matrix(const void *weights, size_t in, size_t out, size_t taps,
                                       size_t stride);
/* Inputs [from, from + m) of which `x` is the first, each as a row of [stride * out] outputs; bias
 * [stride * out]. The reach - 1 rows before x are read as well. Where to store is the caller's. */
mli_convolve_args mli_nn_transposed_args(const mli_packed *w, const float *bias, size_t reach,
                                         size_t m, const float *x, size_t x_stride);

#endif
