/* Sixteen lanes as two AVX registers. Included under the target options of its variant. */
#ifndef MLI_KERNELS_LANES_AVX2_H
#define MLI_KERNELS_LANES_AVX2_H

#include <immintrin.h>
#include <string.h>

#define LANES_FN static inline __attribute__((always_inline))

typedef struct lanes {
    __m256 lo, hi;
} lanes;

#define LANES_BOTH(name, op)                                                                       \
    LANES_FN lanes name(lanes a, lanes b)                                                          \
    {                                                                                              \
        return (lanes){op(a.lo, b.lo), op(a.hi, b.hi)};                                            \
    }
LANES_BOTH(lanes_add, _mm256_add_ps)
LANES_BOTH(lanes_sub, _mm256_sub_ps)
LANES_BOTH(lanes_mul, _mm256_mul_ps)
LANES_BOTH(lanes_div, _mm256_div_ps)
LANES_BOTH(lanes_min, _mm256_min_ps)
LANES_BOTH(lanes_max, _mm256_max_ps)

LANES_FN lanes lanes_set(float x)
{
    return (lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
LANES_FN lanes lanes_load(const float *p)
{
    return (lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
LANES_FN void lanes_store(float *p, lanes a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
/* *p += a. */
LANES_FN void lanes_grow(float *p, lanes a)
{
    lanes_store(p, lanes_add(lanes_load(p), a));
}
LANES_FN lanes lanes_load_f16(const mli_f16 *p)
{
    return (lanes){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)),
                   _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + 8)))};
}
LANES_FN void lanes_store_f16(mli_f16 *p, lanes a)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(a.lo, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(void *)(p + 8), _mm256_cvtps_ph(a.hi, _MM_FROUND_TO_NEAREST_INT));
}
LANES_FN lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return (lanes){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
LANES_FN lanes lanes_abs(lanes a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (lanes){_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
LANES_FN lanes lanes_if_less(lanes x, lanes limit, lanes a, lanes b)
{
    return (lanes){_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(x.lo, limit.lo, _CMP_LT_OQ)),
                   _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(x.hi, limit.hi, _CMP_LT_OQ))};
}
LANES_FN lanes lanes_pow2(lanes a)
{
    return (lanes){_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.lo), 23)),
                   _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.hi), 23))};
}
LANES_FN lanes lanes_load_some(const float *p, size_t n, float pad)
{
    float all[16];
    for (int i = 0; i < 16; i++)
        all[i] = pad;
    memcpy(all, p, n * sizeof(float));
    return lanes_load(all);
}
LANES_FN void lanes_store_some(float *p, size_t n, lanes a)
{
    float all[16];
    lanes_store(all, a);
    memcpy(p, all, n * sizeof(float));
}
LANES_FN float lanes_total(lanes a)
{
    __m256 eight = _mm256_add_ps(a.lo, a.hi);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
LANES_FN float lanes_top(lanes a)
{
    __m256 eight = _mm256_max_ps(a.lo, a.hi);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#endif
