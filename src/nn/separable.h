/* Dilated, depth-separable convolutions with normalisation over channels and exact GELU, as the
 * duration predictor of VITS stacks them. */
#ifndef MLI_NN_SEPARABLE_H
#define MLI_NN_SEPARABLE_H

#include "nn/layers.h"

enum { MLI_NN_SEPARABLE_TAPS = 15 };

typedef struct mli_nn_separable {
    const float *depth;      /* [taps][width] */
    const float *depth_bias; /* [width] */
    size_t taps, dilation;   /* taps odd, at most MLI_NN_SEPARABLE_TAPS; zeros beyond the ends */
    mli_nn_norm norm1, norm2;
    mli_nn_linear point; /* [width][width] */
} mli_nn_separable;

/* Collective: x += gelu(norm2(point(gelu(norm1(depth(x)))))), m rows. scratch: 2 m width. */
void mli_nn_separable_run(mli_team *team, const mli_nn_separable *layer, size_t m, float *x,
                          float *scratch);

#endif
