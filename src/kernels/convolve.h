/* Convolutions over time as products with packed tiles: activations are [frames][channels], so the
 * inputs of a tap are rows of a matrix, and those of a kernel without dilation lie side by side.
 * Nothing is copied: rows are read where they stand. What follows a product (bias, residuals, leaky
 * ReLU) is done while its sums are in the cache. A row's result does not depend on the rows beside
 * it. */
#ifndef MLI_KERNELS_CONVOLVE_H
#define MLI_KERNELS_CONVOLVE_H

#include "kernels/pack.h"
#include "kernels/pool.h"

enum {
    MLI_CONVOLVE_SLACK = 12, /* rows of x that must be readable after the last one used */
    MLI_CONVOLVE_MOST = 8,   /* convolutions of one call */
    MLI_CONVOLVE_SLICE = 96  /* rows of a task with pairs; 2 pair is at most that */
};

/* v = scale * (sums + bias + add + more); y = v; leaky = v > 0 ? v : slope * v. Strides in floats;
 * pointers may be NULL; y may be add or more. */
typedef struct mli_store {
    const float *bias;
    const float *add, *more;
    size_t add_stride, more_stride;
    float scale; /* 0 = 1 */
    float *y, *leaky;
    size_t y_stride, leaky_stride;
    float slope;
} mli_store;

typedef struct mli_convolve_args {
    const mli_packed *w; /* f32, [out][taps * in], from mli_pack_conv */
    size_t taps;
    size_t tap_stride; /* floats of x from tap to tap: dilation times in, when x is dense */
    size_t m;          /* rows; 0 is allowed */
    const float *x;    /* first tap of the first row */
    size_t x_stride;
    /* 0, or the dilation in rows: outputs in pairs, w from mli_pairs_pack (kernels/pairs.h),
     * tap_stride = pair * x_stride, m a multiple of 2 pair (at most MLI_CONVOLVE_SLICE). Then a
     * row's bits depend on its place among the 2 pair rows, which stay together. */
    size_t pair;
    mli_store out;
} mli_convolve_args;

/* Whether pairs of this dilation fit the scratch of a thread. */
bool mli_convolve_pairs(size_t in, size_t taps, size_t dilation);

/* Collective: `count` convolutions at once. In order: one task does all of them for its rows, the
 * first one first (they have the same m), so that the later may read what the earlier wrote of the
 * same rows. Outputs must not overlap inputs. */
void mli_convolve(mli_team *team, const mli_convolve_args *args, size_t count, bool in_order);

#endif
