/* Sixteen lanes in plain C: the oracle, and the code for CPUs without AVX2. Included by one variant
 * only. */
#ifndef MLI_KERNELS_LANES_SCALAR_H
#define MLI_KERNELS_LANES_SCALAR_H

#include "kernels/half.h"
#include <string.h>

#define LANES_FN static inline

typedef struct lanes {
    float v[16];
} lanes;

#define LANES_EACH(i) for (int i = 0; i < 16; i++)

static inline lanes lanes_set(float x)
{
    lanes r;
    LANES_EACH(i) r.v[i] = x;
    return r;
}
static inline lanes lanes_load(const float *p)
{
    lanes r;
    memcpy(r.v, p, sizeof r.v);
    return r;
}
static inline void lanes_store(float *p, lanes a)
{
    memcpy(p, a.v, sizeof a.v);
}
static inline lanes lanes_load_f16(const mli_f16 *p)
{
    lanes r;
    LANES_EACH(i) r.v[i] = mli_half_to_float(p[i]);
    return r;
}
static inline void lanes_store_f16(mli_f16 *p, lanes a)
{
    LANES_EACH(i) p[i] = mli_half_from_float(a.v[i]);
}
static inline lanes lanes_add(lanes a, lanes b)
{
    LANES_EACH(i) a.v[i] += b.v[i];
    return a;
}
static inline lanes lanes_sub(lanes a, lanes b)
{
    LANES_EACH(i) a.v[i] -= b.v[i];
    return a;
}
static inline lanes lanes_mul(lanes a, lanes b)
{
    LANES_EACH(i) a.v[i] *= b.v[i];
    return a;
}
static inline lanes lanes_div(lanes a, lanes b)
{
    LANES_EACH(i) a.v[i] /= b.v[i];
    return a;
}
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    LANES_EACH(i) c.v[i] = a.v[i] * b.v[i] + c.v[i];
    return c;
}
/* b where the comparison with NaN is false, as the instructions do. */
static inline lanes lanes_min(lanes a, lanes b)
{
    LANES_EACH(i) b.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
    return b;
}
static inline lanes lanes_max(lanes a, lanes b)
{
    LANES_EACH(i) b.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return b;
}
static inline lanes lanes_abs(lanes a)
{
    LANES_EACH(i) a.v[i] = __builtin_fabsf(a.v[i]);
    return a;
}
/* x < limit ? a : b, lane by lane. */
static inline lanes lanes_if_less(lanes x, lanes limit, lanes a, lanes b)
{
    LANES_EACH(i) b.v[i] = x.v[i] < limit.v[i] ? a.v[i] : b.v[i];
    return b;
}
/* 2^n for whole n in -126 .. 127, given in a as n + 127 + 1.5 * 2^23. */
static inline lanes lanes_pow2(lanes a)
{
    LANES_EACH(i)
    {
        uint32_t bits;
        memcpy(&bits, &a.v[i], 4);
        bits <<= 23;
        memcpy(&a.v[i], &bits, 4);
    }
    return a;
}
static inline lanes lanes_load_some(const float *p, size_t n, float pad)
{
    lanes r = lanes_set(pad);
    memcpy(r.v, p, n * sizeof(float));
    return r;
}
static inline void lanes_store_some(float *p, size_t n, lanes a)
{
    memcpy(p, a.v, n * sizeof(float));
}
/* Sums and maxima fold 16 -> 8 -> 4 -> 2 -> 1, in all variants alike. */
static inline float lanes_total(lanes a)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            a.v[i] += a.v[i + half];
    }
    return a.v[0];
}
static inline float lanes_top(lanes a)
{
    float top = a.v[0];
    for (int i = 1; i < 16; i++)
        top = a.v[i] > top ? a.v[i] : top;
    return top;
}

#endif
