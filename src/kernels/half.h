/* IEEE binary16 in software: exact to float; from float to nearest even, overflow to infinity, NaN
 * kept. */
#ifndef MLI_KERNELS_HALF_H
#define MLI_KERNELS_HALF_H

#include "kernels/types.h"
#include <string.h>

static inline float mli_half_to_float(mli_f16 h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, mag = h & 0x7fffu, bits;
    if (mag >= 0x7c00u) {
        /* infinity, or a NaN made quiet as the instruction does */
        bits = 0x7f800000u | (mag & 0x3ffu) << 13 | (mag > 0x7c00u ? 0x400000u : 0u);
    } else if (mag >= 0x400u) {
        bits = (mag << 13) + (112u << 23);
    } else {
        /* subnormal: mag * 2^-24, exact */
        float value = (float)mag * 0x1p-24f;
        memcpy(&bits, &value, 4);
    }
    bits |= sign;
    float out;
    memcpy(&out, &bits, 4);
    return out;
}

static inline mli_f16 mli_half_from_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint32_t sign = bits >> 16 & 0x8000u, mag = bits & 0x7fffffffu, half;
    if (mag > 0x7f800000u) {
        half = 0x7e00u | (mag >> 13 & 0x3ffu);
    } else if (mag >= 0x477ff000u) {
        half = 0x7c00u; /* 65520 and more rounds to infinity */
    } else if (mag >= 0x38800000u) {
        uint32_t rounded = mag + 0xfffu + (mag >> 13 & 1u);
        half = (rounded - (112u << 23)) >> 13;
    } else {
        /* adding 0.5 leaves the subnormal's digits, rounded to nearest even, in the low bits */
        float value, sum;
        memcpy(&value, &mag, 4);
        sum = value + 0.5f;
        memcpy(&half, &sum, 4);
        half -= 0x3f000000u;
    }
    return (mli_f16)(sign | half);
}

#endif
