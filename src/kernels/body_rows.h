/* Packing of activation rows for the block product: rows become columns of [k][BODY_ROWS]. Needs
 * SSE only. */
#ifndef MLI_KERNELS_BODY_ROWS_H
#define MLI_KERNELS_BODY_ROWS_H

#include <immintrin.h>
#include <stddef.h>

/* One row, or zeros for a missing one. */
static void body_pack_one(const float *x, size_t k, float factor, float *dst)
{
    for (size_t i = 0; i < k; i++)
        dst[i * BODY_ROWS] = x != NULL ? x[i] * factor : 0.0f;
}

/* `width` (4 or 2) whole rows, four values of each at a time. */
static inline void body_pack_some(const float *x, size_t stride, size_t width, size_t k,
                                  float factor, float *dst)
{
    const __m128 f = _mm_set1_ps(factor);
    const float *r0 = x, *r1 = x + stride;
    const float *r2 = width == 4 ? x + 2 * stride : r0, *r3 = width == 4 ? x + 3 * stride : r1;
    size_t i = 0;
    for (; i + 4 <= k; i += 4) {
        __m128 a = _mm_mul_ps(_mm_loadu_ps(r0 + i), f), b = _mm_mul_ps(_mm_loadu_ps(r1 + i), f);
        __m128 c = _mm_mul_ps(_mm_loadu_ps(r2 + i), f), d = _mm_mul_ps(_mm_loadu_ps(r3 + i), f);
        float *out = dst + i * BODY_ROWS;
        _MM_TRANSPOSE4_PS(a, b, c, d);
        if (width == 4) {
            _mm_storeu_ps(out, a);
            _mm_storeu_ps(out + BODY_ROWS, b);
            _mm_storeu_ps(out + 2 * BODY_ROWS, c);
            _mm_storeu_ps(out + 3 * BODY_ROWS, d);
        } else {
            _mm_storel_pi((__m64 *)(void *)out, a);
            _mm_storel_pi((__m64 *)(void *)(out + BODY_ROWS), b);
            _mm_storel_pi((__m64 *)(void *)(out + 2 * BODY_ROWS), c);
            _mm_storel_pi((__m64 *)(void *)(out + 3 * BODY_ROWS), d);
        }
    }
    for (size_t r = 0; r < width; r++) {
        for (size_t j = i; j < k; j++)
            dst[j * BODY_ROWS + r] = x[r * stride + j] * factor;
    }
}

static void body_pack_rows(const float *x, size_t stride, size_t rows, size_t k, float factor,
                           float *dst)
{
    size_t r = 0;
    while (r < BODY_ROWS) {
        size_t width = BODY_ROWS - r >= 4 ? 4 : 2;
        if (r + width <= rows) {
            body_pack_some(x + r * stride, stride, width, k, factor, dst + r);
            r += width;
        } else {
            body_pack_one(r < rows ? x + r * stride : NULL, k, factor, dst + r);
            r++;
        }
    }
}

#endif
