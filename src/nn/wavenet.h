/* A layer of WaveNet without conditioning over time (van den Oord et al. 2016): convolution, gate
 * tanh * logistic, and a product that gives the residual and the skip part. */
#ifndef MLI_NN_WAVENET_H
#define MLI_NN_WAVENET_H

#include "kernels/pack.h"
#include "kernels/pool.h"

typedef struct mli_nn_wavenet {
    mli_packed in;        /* [2 width][taps * width], from mli_pack_conv (or see `pairs`) */
    const float *in_bias; /* [2 width] */
    mli_packed skip;      /* [2 width][width]: residual, then skip; the last layer has skip only */
    const float *skip_bias;
    size_t taps, dilation, width;
    bool last;
    bool
        pairs; /* `in` is from mli_pairs_pack, for mli_convolve_pairs: m a multiple of 2 dilation */
} mli_nn_wavenet;

/* Whether `pairs` is possible. */
bool mli_nn_wavenet_pairs(size_t width, size_t taps, size_t dilation);

/* Whether a layer of this width fits the scratch memory of a thread: others must not be run. */
bool mli_nn_wavenet_fits(size_t width);

/* Collective. Rows are dense ([width]); x is the first tap of the first row, readable
 * MLI_CONVOLVE_SLACK rows beyond its end. next = h + residual (not for the last layer), sum += skip
 * or, for the first layer, = skip. */
void mli_nn_wavenet_run(mli_team *team, const mli_nn_wavenet *layer, size_t m, const float *x,
                        const float *h, float *next, float *sum, bool first);

#endif
