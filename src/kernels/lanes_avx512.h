/* Sixteen lanes as one AVX-512 register. Included under the target options of its variant. */
#ifndef MLI_KERNELS_LANES_AVX512_H
#define MLI_KERNELS_LANES_AVX512_H

#include <immintrin.h>

#define LANES_FN static inline __attribute__((always_inline))

typedef __m512 lanes;

#define lanes_add _mm512_add_ps
#define lanes_sub _mm512_sub_ps
#define lanes_mul _mm512_mul_ps
#define lanes_div _mm512_div_ps
#define lanes_min _mm512_min_ps
#define lanes_max _mm512_max_ps
#define lanes_fma _mm512_fmadd_ps
#define lanes_set _mm512_set1_ps
#define lanes_abs _mm512_abs_ps

LANES_FN lanes lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
LANES_FN void lanes_store(float *p, lanes a)
{
    _mm512_storeu_ps(p, a);
}
/* *p += a. */
LANES_FN void lanes_grow(float *p, lanes a)
{
    lanes_store(p, lanes_add(lanes_load(p), a));
}
LANES_FN lanes lanes_load_f16(const mli_f16 *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
/* Without optimisation the intrinsic is a macro of the compiler's header that converts -1 to a
 * mask. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
LANES_FN void lanes_store_f16(mli_f16 *p, lanes a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
#pragma GCC diagnostic pop
LANES_FN lanes lanes_if_less(lanes x, lanes limit, lanes a, lanes b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), b, a);
}
LANES_FN lanes lanes_pow2(lanes a)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
LANES_FN __mmask16 lanes_first(size_t n)
{
    return (__mmask16)((1u << n) - 1u);
}
LANES_FN lanes lanes_load_some(const float *p, size_t n, float pad)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(pad), lanes_first(n), p);
}
LANES_FN void lanes_store_some(float *p, size_t n, lanes a)
{
    _mm512_mask_storeu_ps(p, lanes_first(n), a);
}
LANES_FN __m256 lanes_high(lanes a)
{
    return _mm512_extractf32x8_ps(a, 1);
}
LANES_FN float lanes_total(lanes a)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), lanes_high(a));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
LANES_FN float lanes_top(lanes a)
{
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), lanes_high(a));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#endif
