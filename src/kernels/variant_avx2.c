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

#define BODY_ROWS 6
#include "kernels/body_rows.h"

#define ROWS_1(F) F(0)
#define ROWS_2(F) ROWS_1(F) F(1)
#define ROWS_3(F) ROWS_2(F) F(2)
#define ROWS_4(F) ROWS_3(F) F(3)
#define ROWS_5(F) ROWS_4(F) F(4)
#define ROWS_6(F) ROWS_5(F) F(5)

/* Row i of a skinny product over one tile: two registers. */
#define ONE_ZERO(i)                                                                                \
    const float *x##i = s->x + (size_t)(i)*s->x_stride;                                            \
    lanes a##i = lanes_set(0.0f);
#define ONE_STEP(i) a##i = lanes_fma(lanes_set(x##i[k]), w, a##i);
#define ONE_STORE(i) lanes_store(c + (i)*s->c_stride, a##i);

#define SKINNY(rows, name, type, load)                                                             \
    static void name##_##rows(const mli_skinny *s, size_t tile)                                    \
    {                                                                                              \
        const type *p = (const type *)s->w + tile * s->tile_stride;                                \
        float *c = s->c + 16 * tile;                                                               \
        ROWS_##rows(ONE_ZERO) for (size_t k = 0; k < s->cols; k++)                                 \
        {                                                                                          \
            lanes w = load(p + 16 * k);                                                            \
            ROWS_##rows(ONE_STEP)                                                                  \
        }                                                                                          \
        ROWS_##rows(ONE_STORE)                                                                     \
    }

/* One row over four tiles: eight chains hide the latency of the multiply-add. */
#define SKINNY_FOUR(name, type, load)                                                              \
    static void name##_four(const mli_skinny *s)                                                   \
    {                                                                                              \
        const type *p0 = s->w, *p1 = p0 + s->tile_stride, *p2 = p1 + s->tile_stride,               \
                   *p3 = p2 + s->tile_stride;                                                      \
        lanes a = lanes_set(0.0f), b = a, c = a, d = a;                                            \
        for (size_t k = 0; k < s->cols; k++) {                                                     \
            lanes v = lanes_set(s->x[k]);                                                          \
            a = lanes_fma(v, load(p0 + 16 * k), a);                                                \
            b = lanes_fma(v, load(p1 + 16 * k), b);                                                \
            c = lanes_fma(v, load(p2 + 16 * k), c);                                                \
            d = lanes_fma(v, load(p3 + 16 * k), d);                                                \
        }                                                                                          \
        lanes_store(s->c, a);                                                                      \
        lanes_store(s->c + 16, b);                                                                 \
        lanes_store(s->c + 32, c);                                                                 \
        lanes_store(s->c + 48, d);                                                                 \
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

#define BLOCK_LOAD(i) lanes s##i = more ? lanes_load(c + (i)*c_stride) : lanes_set(0.0f);
#define BLOCK_PACKED(i) s##i = lanes_fma(lanes_set(a[i]), w, s##i);
#define BLOCK_ROW(i) const float *r##i = a + (i)*a_stride;
#define BLOCK_MAJOR(i) s##i = lanes_fma(lanes_set(r##i[at]), w, s##i);
#define BLOCK_STORE(i) lanes_store(c + (i)*c_stride, s##i);

static void block(size_t k, const float *a, size_t a_stride, const float *b, size_t tile_stride,
                  float *c, size_t c_stride, bool more)
{
    (void)tile_stride;
    ROWS_6(BLOCK_LOAD)
    if (a_stride == 0) {
        for (size_t at = 0; at < k; at++, a += BODY_ROWS) {
            lanes w = lanes_load(b + 16 * at);
            ROWS_6(BLOCK_PACKED)
        }
    } else {
        ROWS_6(BLOCK_ROW)
        for (size_t at = 0; at < k; at++) {
            lanes w = lanes_load(b + 16 * at);
            ROWS_6(BLOCK_MAJOR)
        }
    }
    ROWS_6(BLOCK_STORE)
}

const mli_kernels mli_kernels_avx2 = {.isa = MLI_ISA_AVX2,
                                      .block_rows = BODY_ROWS,
                                      .block_tiles = 1,
                                      .skinny_f32 = skinny_f32,
                                      .skinny_f16 = skinny_f16,
                                      .block = block,
                                      .pack_rows = body_pack_rows,
                                      BODY_VECTOR_TABLE};
#endif
