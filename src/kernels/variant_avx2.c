/* The kernels for AVX2 with FMA and F16C. Accumulators are named variables: gcc spills arrays of
 * them. */
#if defined(__x86_64__)
#include "kernels/linear.h"
#include "kernels/table.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma GCC target("avx2,fma,f16c")

#include "kernels/lanes_avx2.h"

#include "kernels/body_vector.h"

#include "kernels/body_conv.h"

#define BODY_ROWS 6
#include "kernels/body_rows.h"

#define ROWS_1(F) F(0)
#define ROWS_2(F) ROWS_1(F) F(1)
#define ROWS_3(F) ROWS_2(F) F(2)
#define ROWS_4(F) ROWS_3(F) F(3)
#define ROWS_5(F) ROWS_4(F) F(4)
#define ROWS_6(F) ROWS_5(F) F(5)

/* Row i of a skinny product over one tile: two registers. A run of inputs is summed from zero, then
 * added. */
#define ROW_AT(i) const float *x##i = s->x + (size_t)(i)*s->x_stride;
#define ONE_ZERO(i) lanes a##i = lanes_set(0.0f);
#define ONE_STEP(i) a##i = lanes_fma(lanes_set(x##i[k]), w, a##i);
#define ONE_STORE(i) lanes_store(c + (i)*s->c_stride, a##i);
#define ONE_ADD(i) lanes_grow(c + (i)*s->c_stride, a##i);

#define SKINNY(rows, name, type, load)                                                             \
    static void name##_##rows(const mli_skinny *s, size_t tile)                                    \
    {                                                                                              \
        const type *p = (const type *)s->w + tile * s->tile_stride;                                \
        float *c = s->c + 16 * tile;                                                               \
        size_t k = 0;                                                                              \
        ROWS_##rows(ROW_AT);                                                                       \
        do {                                                                                       \
            size_t first = k, end = mli_sum_run_end(k, s->cols);                                   \
            ROWS_##rows(ONE_ZERO) for (; k < end; k++)                                             \
            {                                                                                      \
                lanes w = load(p + 16 * k);                                                        \
                ROWS_##rows(ONE_STEP)                                                              \
            }                                                                                      \
            if (first == 0) {                                                                      \
                ROWS_##rows(ONE_STORE)                                                             \
            } else {                                                                               \
                ROWS_##rows(ONE_ADD)                                                               \
            }                                                                                      \
        } while (k < s->cols);                                                                     \
    }

/* One row over four tiles: eight chains hide the latency of the multiply-add. */
#define SKINNY_FOUR(name, type, load)                                                              \
    static void name##_four(const mli_skinny *s)                                                   \
    {                                                                                              \
        const type *p0 = s->w, *p1 = p0 + s->tile_stride, *p2 = p1 + s->tile_stride,               \
                   *p3 = p2 + s->tile_stride;                                                      \
        size_t k = 0;                                                                              \
        do {                                                                                       \
            size_t first = k, end = mli_sum_run_end(k, s->cols);                                   \
            lanes a = lanes_set(0.0f), b = a, c = a, d = a;                                        \
            for (; k < end; k++) {                                                                 \
                lanes v = lanes_set(s->x[k]);                                                      \
                a = lanes_fma(v, load(p0 + 16 * k), a);                                            \
                b = lanes_fma(v, load(p1 + 16 * k), b);                                            \
                c = lanes_fma(v, load(p2 + 16 * k), c);                                            \
                d = lanes_fma(v, load(p3 + 16 * k), d);                                            \
            }                                                                                      \
            if (first != 0) {                                                                      \
                a = lanes_add(lanes_load(s->c), a);                                                \
                b = lanes_add(lanes_load(s->c + 16), b);                                           \
                c = lanes_add(lanes_load(s->c + 32), c);                                           \
                d = lanes_add(lanes_load(s->c + 48), d);                                           \
            }                                                                                      \
            lanes_store(s->c, a);                                                                  \
            lanes_store(s->c + 16, b);                                                             \
            lanes_store(s->c + 32, c);                                                             \
            lanes_store(s->c + 48, d);                                                             \
        } while (k < s->cols);                                                                     \
    }

#define SKINNY_ALL(name, type, load)                                                               \
    SKINNY(1, name, type, load)                                                                    \
    SKINNY(2, name, type, load)                                                                    \
    SKINNY(3, name, type, load)                                                                    \
    SKINNY(4, name, type, load)                                                                    \
    SKINNY(5, name, type, load)                                                                    \
    SKINNY(6, name, type, load)                                                                    \
    SKINNY_FOUR(name, type, load)                                                                  \
    static void name(const mli_skinny *s)                                                          \
    {                                                                                              \
        static void (*const single[])(const mli_skinny *, size_t) = {                              \
            name##_1, name##_2, name##_3, name##_4, name##_5, name##_6};                           \
        if (s->tiles == MLI_SKINNY_TILES && s->m == 1) {                                           \
            name##_four(s);                                                                        \
            return;                                                                                \
        }                                                                                          \
        for (size_t t = 0; t < s->tiles; t++)                                                      \
            single[s->m - 1](s, t);                                                                \
    }

SKINNY_ALL(skinny_f32, float, lanes_load)
SKINNY_ALL(skinny_f16, mli_f16, lanes_load_f16)

/* One row of a product in double precision over one tile. */
static void exact_one(const float *w, const float *x, size_t cols, float *c)
{
    __m256d s0 = _mm256_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t k = 0; k < cols; k++, w += 16) {
        __m256d v = _mm256_cvtps_pd(_mm_set1_ps(x[k]));
        s0 = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm_loadu_ps(w)), s0);
        s1 = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm_loadu_ps(w + 4)), s1);
        s2 = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm_loadu_ps(w + 8)), s2);
        s3 = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm_loadu_ps(w + 12)), s3);
    }
    _mm_storeu_ps(c, _mm256_cvtpd_ps(s0));
    _mm_storeu_ps(c + 4, _mm256_cvtpd_ps(s1));
    _mm_storeu_ps(c + 8, _mm256_cvtpd_ps(s2));
    _mm_storeu_ps(c + 12, _mm256_cvtpd_ps(s3));
}

/* Two rows: eight chains, and each weight is widened once for both. */
static void exact_two(const float *w, const float *x, const float *y, size_t cols, float *c,
                      float *d)
{
    __m256d s0 = _mm256_setzero_pd(), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
    for (size_t k = 0; k < cols; k++, w += 16) {
        __m256d v = _mm256_cvtps_pd(_mm_set1_ps(x[k])), u = _mm256_cvtps_pd(_mm_set1_ps(y[k]));
        __m256d w0 = _mm256_cvtps_pd(_mm_loadu_ps(w)), w1 = _mm256_cvtps_pd(_mm_loadu_ps(w + 4));
        s0 = _mm256_fmadd_pd(v, w0, s0);
        t0 = _mm256_fmadd_pd(u, w0, t0);
        s1 = _mm256_fmadd_pd(v, w1, s1);
        t1 = _mm256_fmadd_pd(u, w1, t1);
        w0 = _mm256_cvtps_pd(_mm_loadu_ps(w + 8)), w1 = _mm256_cvtps_pd(_mm_loadu_ps(w + 12));
        s2 = _mm256_fmadd_pd(v, w0, s2);
        t2 = _mm256_fmadd_pd(u, w0, t2);
        s3 = _mm256_fmadd_pd(v, w1, s3);
        t3 = _mm256_fmadd_pd(u, w1, t3);
    }
    _mm_storeu_ps(c, _mm256_cvtpd_ps(s0));
    _mm_storeu_ps(c + 4, _mm256_cvtpd_ps(s1));
    _mm_storeu_ps(c + 8, _mm256_cvtpd_ps(s2));
    _mm_storeu_ps(c + 12, _mm256_cvtpd_ps(s3));
    _mm_storeu_ps(d, _mm256_cvtpd_ps(t0));
    _mm_storeu_ps(d + 4, _mm256_cvtpd_ps(t1));
    _mm_storeu_ps(d + 8, _mm256_cvtpd_ps(t2));
    _mm_storeu_ps(d + 12, _mm256_cvtpd_ps(t3));
}

static void exact_f32(const mli_skinny *s)
{
    for (size_t t = 0; t < s->tiles; t++) {
        const float *w = (const float *)s->w + t * s->tile_stride;
        size_t i = 0;
        for (; i + 2 <= s->m; i += 2)
            exact_two(w, s->x + i * s->x_stride, s->x + (i + 1) * s->x_stride, s->cols,
                      s->c + i * s->c_stride + 16 * t, s->c + (i + 1) * s->c_stride + 16 * t);
        if (i < s->m)
            exact_one(w, s->x + i * s->x_stride, s->cols, s->c + i * s->c_stride + 16 * t);
    }
}

#define BLOCK_ZERO(i) lanes s##i = lanes_set(0.0f);
#define BLOCK_PACKED(i) s##i = lanes_fma(lanes_set(a[i]), w, s##i);
#define BLOCK_ROW(i) const float *r##i = a + (i)*a_stride;
#define BLOCK_MAJOR(i) s##i = lanes_fma(lanes_set(r##i[at]), w, s##i);
#define BLOCK_STORE(i) lanes_store(c + (i)*c_stride, s##i);
#define BLOCK_ADD(i) lanes_grow(c + (i)*c_stride, s##i);

static void block(size_t k, const float *a, size_t a_stride, const float *b, size_t tile_stride,
                  float *c, size_t c_stride, bool more)
{
    (void)tile_stride;
    size_t done = 0;
    do {
        size_t at = done, end = mli_sum_run_end(done, k);
        ROWS_6(BLOCK_ZERO)
        if (a_stride == 0) {
            for (; at < end; at++, a += BODY_ROWS) {
                lanes w = lanes_load(b + 16 * at);
                ROWS_6(BLOCK_PACKED)
            }
        } else {
            ROWS_6(BLOCK_ROW)
            for (; at < end; at++) {
                lanes w = lanes_load(b + 16 * at);
                ROWS_6(BLOCK_MAJOR)
            }
        }
        if (more || done != 0) {
            ROWS_6(BLOCK_ADD)
        } else {
            ROWS_6(BLOCK_STORE)
        }
        done = end;
    } while (done < k);
}

const mli_kernels mli_kernels_avx2 = {.isa = MLI_ISA_AVX2,
                                      .block_rows = BODY_ROWS,
                                      .block_tiles = 1,
                                      .skinny_f32 = skinny_f32,
                                      .skinny_f16 = skinny_f16,
                                      .exact_f32 = exact_f32,
                                      .block = block,
                                      .pack_rows = body_pack_rows,
                                      BODY_VECTOR_TABLE,
                                      BODY_CONV_TABLE};
#endif
