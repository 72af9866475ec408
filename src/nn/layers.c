/* Linear, normalisation, convolution and feed-forward layers on the kernels. */
#include "nn/layers.h"

#include "kernels/vector.h"

void mli_nn_linear_run(mli_team *team, const mli_nn_linear *l, size_t m, const float *x,
                       mli_activation act, float *y)
{
    mli_linear(team, &(mli_linear_args){.w = &l->w,
                                        .bias = l->bias,
                                        .m = m,
                                        .x = x,
                                        .x_stride = l->w.cols,
                                        .y = y,
                                        .y_stride = l->w.rows,
                                        .act = act});
}

void mli_nn_linear_add(mli_team *team, const mli_nn_linear *l, size_t m, const float *x, float *y)
{
    mli_linear(team, &(mli_linear_args){.w = &l->w,
                                        .bias = l->bias,
                                        .m = m,
                                        .x = x,
                                        .x_stride = l->w.cols,
                                        .y = y,
                                        .y_stride = l->w.rows,
                                        .add = y,
                                        .add_stride = l->w.rows});
}

void mli_nn_norm_run(mli_team *team, const mli_nn_norm *norm, size_t m, const float *x, float *y)
{
    mli_layernorm_rows(team, m, norm->width, x, norm->width, norm->gamma, norm->beta, norm->eps, y,
                       norm->width);
}

size_t mli_nn_conv1d_frames(const mli_nn_conv1d *conv, size_t frames)
{
    return frames / conv->stride + (frames % conv->stride != 0);
}

void mli_nn_conv1d_run(mli_team *team, const mli_nn_conv1d *conv, size_t frames, const float *x,
                       mli_activation act, float *y, size_t y_stride)
{
    /* The inputs of output t are the frames t * stride - pad .. + k, contiguous in time-major
     * order: rows of a matrix that overlap. */
    size_t pad = (conv->k - 1) / 2;
    mli_linear(team, &(mli_linear_args){.w = &conv->w,
                                        .bias = conv->bias,
                                        .m = mli_nn_conv1d_frames(conv, frames),
                                        .x = x - pad * conv->in,
                                        .x_stride = conv->stride * conv->in,
                                        .y = y,
                                        .y_stride = y_stride,
                                        .act = act,
                                        .exact = conv->exact});
}

void mli_nn_mlp_run(mli_team *team, const mli_nn_mlp *mlp, size_t m, float *x, float *scratch)
{
    float *inner = scratch + m * mlp->norm.width;
    mli_nn_norm_run(team, &mlp->norm, m, x, scratch);
    mli_nn_linear_run(team, &mlp->up, m, scratch, MLI_ACT_GELU, inner);
    mli_nn_linear_add(team, &mlp->down, m, inner, x);
}
