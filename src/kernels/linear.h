/* y[m][rows] = act(x[m][cols] * W^T + bias) + add, with packed W of any type; m = 1 (a token), a
 * few (beams) or many (prompt, encoder). Every output is a sum, in order, of chains of fused
 * multiply-adds over 64 inputs each, whatever m, slice, thread or SIMD width: a row's result does
 * not depend on the rows beside it, and AVX2 and AVX-512 give the same bits (scalar does not fuse:
 * its last bits differ). */
#ifndef MLI_KERNELS_LINEAR_H
#define MLI_KERNELS_LINEAR_H

#include "kernels/pack.h"
#include "kernels/pool.h"

typedef enum mli_activation {
    MLI_ACT_NONE = 0,
    MLI_ACT_GELU = 1, /* exact, by erf */
    MLI_ACT_RELU = 2
} mli_activation;

typedef struct mli_linear_args {
    const mli_packed *w;
    const float *bias; /* [rows] or NULL */
    size_t m;          /* rows of x; 0 is allowed */
    const float *x;
    size_t x_stride; /* in elements; x rows may overlap (convolutions) */
    float *y;
    size_t y_stride;
    mli_activation act;
    const float *add; /* [m][rows] or NULL; may be y itself (residual) */
    size_t add_stride;
    bool exact; /* f32 weights: summed in double precision at half the speed, rounded once */
} mli_linear_args;

/* Collective. y must not overlap x. */
void mli_linear(mli_team *team, const mli_linear_args *args);

#endif
