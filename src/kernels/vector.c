/* Vector functions for callers outside of the kernels: each goes through the table in use. */
#include "kernels/vector.h"
#include "kernels/table.h"

#include <math.h>

void mli_f16_to_f32(float *dst, const mli_f16 *src, size_t n)
{
    mli_kernels_current()->f16_to_f32(dst, src, n);
}

void mli_f32_to_f16(mli_f16 *dst, const float *src, size_t n)
{
    mli_kernels_current()->f32_to_f16(dst, src, n);
}

void mli_add(float *y, const float *x, size_t n)
{
    mli_kernels_current()->add(y, x, n);
}

void mli_scale(float *y, float factor, size_t n)
{
    mli_kernels_current()->scale(y, factor, n);
}

void mli_gelu(float *x, size_t n)
{
    mli_kernels_current()->gelu(x, n);
}

void mli_exp(float *dst, const float *src, size_t n)
{
    mli_kernels_current()->exp(dst, src, n);
}

void mli_tanh(float *x, size_t n)
{
    mli_kernels_current()->tanh(x, n);
}

void mli_gate(float *y, const float *a, const float *bias, size_t n)
{
    mli_kernels_current()->gate(y, a, bias, n);
}

void mli_depthwise(float *y, const float *const *rows, size_t taps, const float *w,
                   const float *bias, size_t n)
{
    mli_kernels_current()->depthwise(y, rows, taps, w, bias, n);
}

void mli_windows(float *y, const float *x, size_t stride, const float *w, size_t k, float bias,
                 size_t count)
{
    mli_kernels_current()->windows(y, x, stride, w, k, bias, count);
}

float mli_dot(const float *a, const float *b, size_t n)
{
    return mli_kernels_current()->dot(a, b, n);
}

float mli_sum(const float *x, size_t n)
{
    return mli_kernels_current()->sum(x, n);
}

float mli_max(const float *x, size_t n)
{
    return mli_kernels_current()->max(x, n);
}

size_t mli_argmax(const float *x, size_t n, float *value)
{
    float top = mli_max(x, n);
    size_t at = 0;
    while (at < n && !(x[at] == top))
        at++;
    if (value != NULL)
        *value = top;
    return at < n ? at : 0;
}

float mli_log_sum_exp(const float *x, size_t n)
{
    float top = mli_max(x, n);
    float centre = isinf(top) && top < 0.0f ? 0.0f : top; /* all masked, or NaN, which stays one */
    return centre + logf(mli_kernels_current()->sum_exp(x, centre, n));
}

void mli_softmax(float *x, size_t n)
{
    mli_kernels_current()->softmax(x, n);
}

void mli_log_softmax(float *dst, const float *src, size_t n)
{
    float total = mli_log_sum_exp(src, n);
    if (isinf(total) && total < 0.0f)
        total = 0.0f; /* all masked: they stay -inf */
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] - total;
}

void mli_layernorm(float *y, const float *x, const float *gamma, const float *beta, float eps,
                   size_t n)
{
    mli_kernels_current()->layernorm(y, x, gamma, beta, eps, n);
}

typedef struct norm_job {
    size_t m, n, rows_a_task;
    const float *x;
    size_t x_stride;
    const float *gamma, *beta;
    float eps;
    float *y;
    size_t y_stride;
} norm_job;

static void norm_task(void *ctx, size_t task, mli_team *team)
{
    const norm_job *j = ctx;
    (void)team;
    size_t row = task * j->rows_a_task;
    size_t end = j->m - row < j->rows_a_task ? j->m : row + j->rows_a_task;
    for (; row < end; row++)
        mli_layernorm(j->y + row * j->y_stride, j->x + row * j->x_stride, j->gamma, j->beta, j->eps,
                      j->n);
}

void mli_layernorm_rows(mli_team *team, size_t m, size_t n, const float *x, size_t x_stride,
                        const float *gamma, const float *beta, float eps, float *y, size_t y_stride)
{
    norm_job job = {m, n, m > 256 ? 32 : 4, x, x_stride, gamma, beta, eps, y, y_stride};
    mli_team_for(team, (m + job.rows_a_task - 1) / job.rows_a_task, norm_task, &job);
}
