/* Attention blocks with their normalisation, projections and residual. */
#include "nn/layers.h"

#include <math.h>

void mli_nn_attention_run(mli_team *team, const mli_nn_attention *a, size_t m, float *x,
                          float *scratch, void *kv_block)
{
    size_t width = a->norm.width, dim = width / a->heads;
    float *normed = scratch, *qkv = scratch + m * width;
    mli_kv kv = mli_kv_view(MLI_DTYPE_F32, a->heads, dim, m, kv_block);
    mli_nn_norm_run(team, &a->norm, m, x, normed);
    mli_nn_linear_run(team, &a->qkv, m, normed, MLI_ACT_NONE, qkv);
    mli_kv_pack(team, &kv, kv_block, qkv + width, 3 * width, qkv + 2 * width, 3 * width);
    mli_attention(team, &(mli_attention_args){.kv = &kv,
                                              .m = m,
                                              .q = qkv,
                                              .q_stride = 3 * width,
                                              .scale = 1.0f / sqrtf((float)dim),
                                              .out = normed,
                                              .out_stride = width});
    mli_nn_linear_add(team, &a->out, m, normed, x);
}

void mli_nn_attention_cached(mli_team *team, const mli_nn_attention *a, const mli_nn_cached *c,
                             size_t m, float *x, float *scratch)
{
    size_t width = a->norm.width, dim = width / a->heads;
    float *normed = scratch, *qkv = scratch + m * width;
    mli_nn_norm_run(team, &a->norm, m, x, normed);
    mli_nn_linear_run(team, &a->qkv, m, normed, MLI_ACT_NONE, qkv);
    for (size_t i = (size_t)mli_team_thread(team); i < m; i += (size_t)mli_team_threads(team)) {
        const float *row = qkv + i * 3 * width;
        mli_cache_put(c->cache, (size_t)c->slots[i], row + width, row + 2 * width);
    }
    mli_team_barrier(team);
    mli_attention_cached(team, &(mli_cached_args){.cache = c->cache,
                                                  .m = m,
                                                  .q = qkv,
                                                  .q_stride = 3 * width,
                                                  .scale = 1.0f / sqrtf((float)dim),
                                                  .lens = c->lens,
                                                  .table = c->table,
                                                  .table_stride = c->table_stride,
                                                  .out = normed,
                                                  .out_stride = width});
    mli_nn_linear_add(team, &a->out, m, normed, x);
}

void mli_nn_cross_run(mli_team *team, const mli_nn_cross *c, const mli_kv *kv, size_t m, float *x,
                      float *const *probs, float *scratch)
{
    size_t width = c->norm.width;
    float *normed = scratch, *q = scratch + m * width;
    mli_nn_norm_run(team, &c->norm, m, x, normed);
    mli_nn_linear_run(team, &c->query, m, normed, MLI_ACT_NONE, q);
    mli_attention(team, &(mli_attention_args){.kv = kv,
                                              .m = m,
                                              .q = q,
                                              .q_stride = width,
                                              .scale = 1.0f / sqrtf((float)kv->dim),
                                              .out = normed,
                                              .out_stride = width,
                                              .probs = probs});
    mli_nn_linear_add(team, &c->out, m, normed, x);
}

void mli_nn_cross_each(mli_team *team, const mli_nn_cross *c, const mli_kv *const *kvs, size_t m,
                       float *x, float *scratch)
{
    size_t width = c->norm.width;
    float *normed = scratch, *q = scratch + m * width;
    if (m == 0)
        return;
    mli_nn_norm_run(team, &c->norm, m, x, normed);
    mli_nn_linear_run(team, &c->query, m, normed, MLI_ACT_NONE, q);
    mli_attention_each(team, &(mli_attention_each_args){.kvs = kvs,
                                                        .m = m,
                                                        .q = q,
                                                        .q_stride = width,
                                                        .scale = 1.0f / sqrtf((float)kvs[0]->dim),
                                                        .out = normed,
                                                        .out_stride = width});
    mli_nn_linear_add(team, &c->out, m, normed, x);
}
