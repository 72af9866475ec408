/* Functions of plain arrays by the current instruction set; not collective, any thread. Sums run
 * over 16 lanes in one fixed order. n = 0 does nothing. Arrays need no alignment. */
#ifndef MLI_KERNELS_VECTOR_H
#define MLI_KERNELS_VECTOR_H

#include "kernels/pool.h"
#include "kernels/types.h"

void mli_f16_to_f32(float *dst, const mli_f16 *src, size_t n);
void mli_f32_to_f16(mli_f16 *dst, const float *src,
                    size_t n);                    /* nearest even; overflow to infinity */
void mli_add(float *y, const float *x, size_t n); /* y += x */
void mli_scale(float *y, float factor, size_t n);
void mli_gelu(float *x, size_t n); /* 0.5 x (1 + erf(x / sqrt 2)), within 1e-6 */
void mli_exp(float *dst, const float *src,
             size_t n);            /* within 2 ulp; 0 below -87.3, inf above 88.7 */
void mli_tanh(float *x, size_t n); /* within 1e-7 */
float mli_dot(const float *a, const float *b, size_t n);
float mli_sum(const float *x, size_t n);
/* Greatest value and its first index; NaN never wins. All NaN or n = 0: index 0, value -inf. */
size_t mli_argmax(const float *x, size_t n, float *value);
float mli_max(const float *x, size_t n);
/* log(sum(exp(x))), computed around the maximum; -inf when all are -inf. */
float mli_log_sum_exp(const float *x, size_t n);
/* In place. -inf is a masked entry (probability 0); all masked gives zeros. NaN spreads to all. */
void mli_softmax(float *x, size_t n);
/* dst may be src. Masked entries stay -inf. */
void mli_log_softmax(float *dst, const float *src, size_t n);
/* y = (x - mean) / sqrt(var + eps) * gamma + beta; y may be x. */
void mli_layernorm(float *y, const float *x, const float *gamma, const float *beta, float eps,
                   size_t n);
/* y[i] = tanh(a[i] + bias[i]) * logistic(a[i + n] + bias[i + n]). */
void mli_gate(float *y, const float *a, const float *bias, size_t n);
/* y[c] = bias[c] + sum over taps of rows[tap][c] * w[tap * n + c]; a row that is NULL counts as
 * zeros. */
void mli_depthwise(float *y, const float *const *rows, size_t taps, const float *w,
                   const float *bias, size_t n);
/* y[i] = bias + sum over j < k of x[i * stride + j] * w[j]: a convolution with one output. */
void mli_windows(float *y, const float *x, size_t stride, const float *w, size_t k, float bias,
                 size_t count);

/* Collective: layer norm of m rows of n. y may be x. */
void mli_layernorm_rows(mli_team *team, size_t m, size_t n, const float *x, size_t x_stride,
                        const float *gamma, const float *beta, float eps, float *y,
                        size_t y_stride);

#endif
