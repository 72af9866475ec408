/* The kernels in plain C, for CPUs without AVX2 and as the oracle of the other variants. Products
 * and sums do not fuse here. */
#include "kernels/lanes_scalar.h"

#include "kernels/body_vector.h"

#include "kernels/body_conv.h"

enum { SCALAR_ROWS = 4 };

static void scalar_skinny(const mli_skinny *s, bool f16)
{
    for (size_t t = 0; t < s->tiles; t++) {
        for (size_t i = 0; i < s->m; i++) {
            lanes sum = lanes_set(0.0f);
            const float *x = s->x + i * s->x_stride;
            size_t at = t * s->tile_stride;
            for (size_t k = 0; k < s->cols;) {
                lanes part = lanes_set(0.0f);
                for (size_t end = mli_sum_run_end(k, s->cols); k < end; k++, at += 16) {
                    lanes w = f16 ? lanes_load_f16((const mli_f16 *)s->w + at)
                                  : lanes_load((const float *)s->w + at);
                    part = lanes_fma(lanes_set(x[k]), w, part);
                }
                sum = lanes_add(sum, part);
            }
            lanes_store(s->c + i * s->c_stride + 16 * t, sum);
        }
    }
}

static void scalar_skinny_f32(const mli_skinny *s)
{
    scalar_skinny(s, false);
}

static void scalar_skinny_f16(const mli_skinny *s)
{
    scalar_skinny(s, true);
}

static void scalar_exact_f32(const mli_skinny *s)
{
    for (size_t t = 0; t < s->tiles; t++) {
        const float *w = (const float *)s->w + t * s->tile_stride;
        for (size_t i = 0; i < s->m; i++) {
            const float *x = s->x + i * s->x_stride;
            double sum[16] = {0};
            for (size_t k = 0; k < s->cols; k++)
                LANES_EACH(l) sum[l] += (double)x[k] * (double)w[16 * k + (size_t)l];
            LANES_EACH(l) s->c[i * s->c_stride + 16 * t + (size_t)l] = (float)sum[l];
        }
    }
}

static void scalar_block(size_t k, const float *a, size_t a_stride, const float *b,
                         size_t tile_stride, float *c, size_t c_stride, bool more)
{
    (void)tile_stride;
    size_t row = a_stride != 0 ? a_stride : 1, step = a_stride != 0 ? 1 : SCALAR_ROWS;
    for (size_t r = 0; r < SCALAR_ROWS; r++) {
        lanes sum = more ? lanes_load(c + r * c_stride) : lanes_set(0.0f);
        for (size_t i = 0; i < k;) {
            lanes part = lanes_set(0.0f);
            for (size_t end = mli_sum_run_end(i, k); i < end; i++)
                part = lanes_fma(lanes_set(a[r * row + i * step]), lanes_load(b + 16 * i), part);
            sum = lanes_add(sum, part);
        }
        lanes_store(c + r * c_stride, sum);
    }
}

static void scalar_pack_rows(const float *x, size_t stride, size_t rows, size_t k, float factor,
                             float *dst)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t r = 0; r < SCALAR_ROWS; r++)
            dst[i * SCALAR_ROWS + r] = r < rows ? x[r * stride + i] * factor : 0.0f;
    }
}

const mli_kernels mli_kernels_scalar = {.isa = MLI_ISA_SCALAR,
                                        .block_rows = SCALAR_ROWS,
                                        .block_tiles = 1,
                                        .skinny_f32 = scalar_skinny_f32,
                                        .skinny_f16 = scalar_skinny_f16,
                                        .exact_f32 = scalar_exact_f32,
                                        .block = scalar_block,
                                        .pack_rows = scalar_pack_rows,
                                        BODY_VECTOR_TABLE,
                                        BODY_CONV_TABLE};
