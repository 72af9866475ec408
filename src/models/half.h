/* f16 and bf16 bits to f32 and back, exact and portable. */
#ifndef MLI_MODELS_HALF_H
#define MLI_MODELS_HALF_H

#include <stdint.h>
#include <string.h>

static inline float mli_f32_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t mli_bits_of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float mli_f32_of_f16(uint16_t half)
{
    uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
    /* The product moves the exponent and normalises subnormal values exactly. */
    uint32_t bits = mli_bits_of_f32(mli_f32_of_bits(magnitude) * 0x1p112f);
    if ((half & 0x7c00) == 0x7c00) {
        bits = magnitude | 0x7f800000u;
    }
    return mli_f32_of_bits(bits | (uint32_t)(half & 0x8000) << 16);
}

static inline float mli_f32_of_bf16(uint16_t half)
{
    return mli_f32_of_bits((uint32_t)half << 16);
}

/* Rounds to nearest even; beyond 65504 + half a step becomes infinity. */
static inline uint16_t mli_f16_of_f32(float value)
{
    uint32_t bits = mli_bits_of_f32(value);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t a = bits & 0x7fffffffu;
    if (a > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu));
    }
    if (a >= 0x477ff000u) {
        return (uint16_t)(sign | 0x7c00u);
    }
    if (a >= 0x38800000u) {
        a += 0xfffu + (a >> 13 & 1u);
        return (uint16_t)(sign | (a - 0x38000000u) >> 13);
    }
    if (a < 0x33000000u) {
        return (uint16_t)sign;
    }
    uint32_t mantissa = (a & 0x7fffffu) | 0x800000u;
    uint32_t shift = 126u - (a >> 23);
    uint32_t half = 1u << (shift - 1);
    uint32_t result = mantissa >> shift;
    uint32_t rest = mantissa & ((1u << shift) - 1u);
    if (rest > half || (rest == half && (result & 1u) != 0)) {
        result++;
    }
    return (uint16_t)(sign | result);
}

#endif
