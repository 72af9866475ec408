/* Convolutions whose outputs are made in pairs, so that fewer products are needed (Winograd 1980,
 * F(2,3) and F(2,2), whose rounding errors are about those of the plain sum). The outputs of a pair
 * stand a dilation apart. A kernel of 3, 5, 7 ... taps is one part of three taps and parts of two;
 * four sums make both outputs: y0 = s0 + s1 + s2, y1 = s1 - s2 + s3. With n parts that are 3 n + 1
 * products for two outputs instead of 4 n + 2: a third less for three taps. */
#ifndef MLI_KERNELS_PAIRS_H
#define MLI_KERNELS_PAIRS_H

#include "kernels/pack.h"

/* Parts of a kernel; 0 = none of this kind (even, or less than three taps). */
static inline size_t mli_pairs_parts(size_t taps)
{
    return taps >= 3 && taps % 2 == 1 ? (taps - 1) / 2 : 0;
}

/* Columns of the packed matrix: those of the four sums, one after the other. */
static inline size_t mli_pairs_cols(size_t in, size_t taps)
{
    return (3 * mli_pairs_parts(taps) + 1) * in;
}

/* Rows that hold whole pairs of both kinds: the least common multiple. */
static inline size_t mli_pairs_common(size_t a, size_t b)
{
    size_t x = a, y = b;

    while (y != 0) {
        size_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* Weights [out][in][taps] (f32, any byte alignment) -> four packed matrices below each other, of
 * together mli_pairs_cols columns: s0, s1, s2, s3. Rows [first, first + 16), of the whole `dst`. */
void mli_pairs_pack(size_t out, size_t in, size_t taps, const void *src, size_t first, float *dst);

#endif
