/* The kernels for AVX-512 F, VL, BW, DQ. Accumulators are named variables: gcc spills arrays of
 * them. */
#if defined(__x86_64__)
#include "kernels/linear.h"
#include "kernels/table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,f16c")

#include "kernels/lanes_avx512.h"

#include "kernels/body_vector.h"

#include "kernels/body_conv.h"

#define BODY_ROWS 12
#include "kernels/body_rows.h"

#define ROWS_1(F) F(0)
#define ROWS_2(F) ROWS_1(F) F(1)
#define ROWS_3(F) ROWS_2(F) F(2)
#define ROWS_4(F) ROWS_3(F) F(3)
#define ROWS_5(F) ROWS_4(F) F(4)
#define ROWS_6(F) ROWS_5(F) F(5)
#define ROWS_12(F) ROWS_6(F) F(6) F(7) F(8) F(9) F(10) F(11)

/* Row i of a skinny product over four tiles. A run of inputs is summed from zero, then added. */
#define ROW_AT(i) const float *x##i = s->x + (size_t)(i)*s->x_stride;
#define FOUR_ZERO(i) __m512 a##i = _mm512_setzero_ps(), b##i = a##i, c##i = a##i, d##i = a##i;
#define FOUR_STEP(i)                                                                               \
    {                                                                                              \
        __m512 v = _mm512_set1_ps(x##i[k]);                                                        \
        a##i = _mm512_fmadd_ps(v, w0, a##i);                                                       \
        b##i = _mm512_fmadd_ps(v, w1, b##i);                                                       \
        c##i = _mm512_fmadd_ps(v, w2, c##i);                                                       \
        d##i = _mm512_fmadd_ps(v, w3, d##i);                                                       \
    }
#define FOUR_STORE(i)                                                                              \
    lanes_store(s->c + (i)*s->c_stride, a##i);                                                     \
    lanes_store(s->c + (i)*s->c_stride + 16, b##i);                                                \
    lanes_store(s->c + (i)*s->c_stride + 32, c##i);                                                \
    lanes_store(s->c + (i)*s->c_stride + 48, d##i);
#define FOUR_ADD(i)                                                                                \
    lanes_grow(s->c + (i)*s->c_stride, a##i);                                                      \
    lanes_grow(s->c + (i)*s->c_stride + 16, b##i);                                                 \
    lanes_grow(s->c + (i)*s->c_stride + 32, c##i);                                                 \
    lanes_grow(s->c + (i)*s->c_stride + 48, d##i);
#define ONE_ZERO(i) __m512 a##i = _mm512_setzero_ps();
#define ONE_STEP(i) a##i = _mm512_fmadd_ps(_mm512_set1_ps(x##i[k]), w0, a##i);
#define ONE_STORE(i) lanes_store(c + (i)*s->c_stride, a##i);
#define ONE_ADD(i) lanes_grow(c + (i)*s->c_stride, a##i);

/* Four tiles are four sequential streams, which the hardware follows; fetching ahead in software
 * was slower. */
#define SKINNY(rows, name, type, load)                                                             \
    static void name##_##rows(const mli_skinny *s)                                                 \
    {                                                                                              \
        const type *p0 = s->w, *p1 = p0 + s->tile_stride, *p2 = p1 + s->tile_stride,               \
                   *p3 = p2 + s->tile_stride;                                                      \
        size_t k = 0;                                                                              \
        ROWS_##rows(ROW_AT);                                                                       \
        do {                                                                                       \
            size_t first = k, end = mli_sum_run_end(k, s->cols);                                   \
            ROWS_##rows(FOUR_ZERO) for (; k < end; k++)                                            \
            {                                                                                      \
                __m512 w0 = load(p0 + 16 * k), w1 = load(p1 + 16 * k);                             \
                __m512 w2 = load(p2 + 16 * k), w3 = load(p3 + 16 * k);                             \
                ROWS_##rows(FOUR_STEP)                                                             \
            }                                                                                      \
            if (first == 0) {                                                                      \
                ROWS_##rows(FOUR_STORE)                                                            \
            } else {                                                                               \
                ROWS_##rows(FOUR_ADD)                                                              \
            }                                                                                      \
        } while (k < s->cols);                                                                     \
    }                                                                                              \
    static void name##_single_##rows(const mli_skinny *s, size_t tile)                             \
    {                                                                                              \
        const type *p0 = (const type *)s->w + tile * s->tile_stride;                               \
        float *c = s->c + 16 * tile;                                                               \
        size_t k = 0;                                                                              \
        ROWS_##rows(ROW_AT);                                                                       \
        do {                                                                                       \
            size_t first = k, end = mli_sum_run_end(k, s->cols);                                   \
            ROWS_##rows(ONE_ZERO) for (; k < end; k++)                                             \
            {                                                                                      \
                __m512 w0 = load(p0 + 16 * k);                                                     \
                ROWS_##rows(ONE_STEP)                                                              \
            }                                                                                      \
            if (first == 0) {                                                                      \
                ROWS_##rows(ONE_STORE)                                                             \
            } else {                                                                               \
                ROWS_##rows(ONE_ADD)                                                               \
            }                                                                                      \
        } while (k < s->cols);                                                                     \
    }

#define SKINNY_ALL(name, type, load)                                                               \
    SKINNY(1, name, type, load)                                                                    \
    SKINNY(2, name, type, load)                                                                    \
    SKINNY(3, name, type, load)                                                                    \
    SKINNY(4, name, type, load)                                                                    \
    SKINNY(5, name, type, load)                                                                    \
    SKINNY(6, name, type, load)                                                                    \
    static void name(const mli_skinny *s)                                                          \
    {                                                                                              \
        static void (*const four[])(const mli_skinny *) = {name##_1, name##_2, name##_3,           \
                                                           name##_4, name##_5, name##_6};          \
        static void (*const single[])(const mli_skinny *, size_t) = {                              \
            name##_single_1, name##_single_2, name##_single_3,                                     \
            name##_single_4, name##_single_5, name##_single_6};                                    \
        if (s->tiles == MLI_SKINNY_TILES) {                                                        \
            four[s->m - 1](s);                                                                     \
            return;                                                                                \
        }                                                                                          \
        for (size_t t = 0; t < s->tiles; t++)                                                      \
            single[s->m - 1](s, t);                                                                \
    }

SKINNY_ALL(skinny_f32, float, lanes_load)
SKINNY_ALL(skinny_f16, mli_f16, lanes_load_f16)

/* Row i of a product in double precision over one tile. */
#define EXACT_ZERO(i) __m512d l##i = _mm512_setzero_pd(), h##i = l##i;
#define EXACT_STEP(i)                                                                              \
    {                                                                                              \
        __m512d v = _mm512_cvtps_pd(_mm256_set1_ps(x##i[k]));                                      \
        l##i = _mm512_fmadd_pd(v, w0, l##i);                                                       \
        h##i = _mm512_fmadd_pd(v, w1, h##i);                                                       \
    }
#define EXACT_STORE(i)                                                                             \
    _mm256_storeu_ps(c + (i)*s->c_stride, _mm512_cvtpd_ps(l##i));                                  \
    _mm256_storeu_ps(c + (i)*s->c_stride + 8, _mm512_cvtpd_ps(h##i));
#define EXACT(rows)                                                                                \
    static void exact_##rows(const mli_skinny *s, size_t tile)                                     \
    {                                                                                              \
        const float *p = (const float *)s->w + tile * s->tile_stride;                              \
        float *c = s->c + 16 * tile;                                                               \
        ROWS_##rows(ROW_AT);                                                                       \
        ROWS_##rows(EXACT_ZERO) for (size_t k = 0; k < s->cols; k++)                               \
        {                                                                                          \
            __m512d w0 = _mm512_cvtps_pd(_mm256_loadu_ps(p + 16 * k));                             \
            __m512d w1 = _mm512_cvtps_pd(_mm256_loadu_ps(p + 16 * k + 8));                         \
            ROWS_##rows(EXACT_STEP)                                                                \
        }                                                                                          \
        ROWS_##rows(EXACT_STORE)                                                                   \
    }
EXACT(1)
EXACT(2)
EXACT(3)
EXACT(4)
EXACT(5)
EXACT(6)

static void exact_f32(const mli_skinny *s)
{
    static void (*const run[])(const mli_skinny *, size_t) = {exact_1, exact_2, exact_3,
                                                              exact_4, exact_5, exact_6};
    for (size_t t = 0; t < s->tiles; t++)
        run[s->m - 1](s, t);
}

#define BLOCK_ZERO(i) __m512 l##i = _mm512_setzero_ps(), h##i = l##i;
#define BLOCK_STEP(i, value)                                                                       \
    {                                                                                              \
        __m512 v = _mm512_set1_ps(value);                                                          \
        l##i = _mm512_fmadd_ps(v, w0, l##i);                                                       \
        h##i = _mm512_fmadd_ps(v, w1, h##i);                                                       \
    }
#define BLOCK_PACKED(i) BLOCK_STEP(i, a[i])
#define BLOCK_ROW(i) const float *r##i = a + (i)*a_stride;
#define BLOCK_MAJOR(i) BLOCK_STEP(i, r##i[at])
/* One pointer walks over the rows: twelve of them would not fit the registers. */
#define BLOCK_STORE(i)                                                                             \
    lanes_store(row, l##i);                                                                        \
    lanes_store(row + 16, h##i);                                                                   \
    row += c_stride;
#define BLOCK_ADD(i)                                                                               \
    lanes_grow(row, l##i);                                                                         \
    lanes_grow(row + 16, h##i);                                                                    \
    row += c_stride;
#define BLOCK(name, ROWS_AT, STEP, AFTER_STEP)                                                     \
    static void name(size_t k, const float *a, size_t a_stride, const float *b,                    \
                     size_t tile_stride, float *c, size_t c_stride, bool more)                     \
    {                                                                                              \
        const float *b1 = b + tile_stride;                                                         \
        size_t at = 0;                                                                             \
        (void)a_stride;                                                                            \
        ROWS_AT;                                                                                   \
        do {                                                                                       \
            size_t end = mli_sum_run_end(at, k);                                                   \
            float *row = c;                                                                        \
            ROWS_12(BLOCK_ZERO)                                                                    \
            for (; at < end; at++) {                                                               \
                __m512 w0 = _mm512_loadu_ps(b + 16 * at), w1 = _mm512_loadu_ps(b1 + 16 * at);      \
                ROWS_12(STEP)                                                                      \
                AFTER_STEP;                                                                        \
            }                                                                                      \
            if (more) {                                                                            \
                ROWS_12(BLOCK_ADD)                                                                 \
            } else {                                                                               \
                ROWS_12(BLOCK_STORE)                                                               \
            }                                                                                      \
            more = true;                                                                           \
        } while (at < k);                                                                          \
    }

BLOCK(block_packed, (void)0, BLOCK_PACKED, a += BODY_ROWS)
BLOCK(block_major, ROWS_12(BLOCK_ROW), BLOCK_MAJOR, (void)0)

static void block(size_t k, const float *a, size_t a_stride, const float *b, size_t tile_stride,
                  float *c, size_t c_stride, bool more)
{
    if (a_stride == 0)
        block_packed(k, a, a_stride, b, tile_stride, c, c_stride, more);
    else
        block_major(k, a, a_stride, b, tile_stride, c, c_stride, more);
}

const mli_kernels mli_kernels_avx512 = {.isa = MLI_ISA_AVX512,
                                        .block_rows = BODY_ROWS,
                                        .block_tiles = 2,
                                        .skinny_f32 = skinny_f32,
                                        .skinny_f16 = skinny_f16,
                                        .exact_f32 = exact_f32,
                                        .block = block,
                                        .pack_rows = body_pack_rows,
                                        BODY_VECTOR_TABLE,
                                        BODY_CONV_TABLE};
#endif
