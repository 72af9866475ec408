/* Attention over a cache of keys and values that grows by a row per token. */
#include "kernels/attention.h"
#include "kernels/table.h"

#include <string.h>

void mli_cache_put(const mli_cache *cache, size_t slot, const float *k, const float *v)
{
    size_t width = cache->heads * cache->dim, at = slot * width;
    if (cache->type == MLI_DTYPE_F16) {
        const mli_kernels *t = mli_kernels_current();
        t->f32_to_f16((mli_f16 *)cache->k + at, k, width);
        t->f32_to_f16((mli_f16 *)cache->v + at, v, width);
    } else {
        memcpy((float *)cache->k + at, k, width * sizeof(float));
        memcpy((float *)cache->v + at, v, width * sizeof(float));
    }
}

typedef struct cached_job {
    const mli_cached_args *a;
    const mli_kernels *k;
    size_t heads_a_task;
} cached_job;

static mli_cache_rows rows_of(const mli_cached_args *a, const void *block, size_t row, size_t head)
{
    const mli_cache *c = a->cache;
    return (mli_cache_rows){.base = (const char *)block + head * c->dim * mli_dtype_size(c->type),
                            .stride = c->heads * c->dim,
                            .type = c->type,
                            .table = a->table != NULL ? a->table + row * a->table_stride : NULL,
                            .len = (size_t)a->lens[row],
                            .dim = c->dim};
}

static void one_head(const cached_job *j, size_t row, size_t head, float *scratch)
{
    const mli_cached_args *a = j->a;
    size_t dim = a->cache->dim;
    float *q = scratch, *scores = scratch + dim;
    mli_cache_rows keys = rows_of(a, a->cache->k, row, head);
    mli_cache_rows values = rows_of(a, a->cache->v, row, head);
    for (size_t d = 0; d < dim; d++)
        q[d] = a->q[row * a->q_stride + head * dim + d] * a->scale;
    j->k->cache_scores(&keys, q, scores);
    j->k->softmax(scores, keys.len);
    j->k->cache_mix(&values, scores, a->out + row * a->out_stride + head * dim);
}

static void cached_task(void *ctx, size_t task, mli_team *team)
{
    const cached_job *j = ctx;
    size_t cuts = j->a->cache->heads / j->heads_a_task, row = task / cuts;
    size_t head = task % cuts * j->heads_a_task;
    for (size_t i = 0; i < j->heads_a_task; i++)
        one_head(j, row, head + i, mli_team_scratch(team));
}

void mli_attention_cached(mli_team *team, const mli_cached_args *args)
{
    /* Many rows (a prompt): a row is a task; few: a head is. */
    size_t heads = args->m >= 16 ? args->cache->heads : 1;
    cached_job j = {args, mli_kernels_current(), heads};
    mli_team_for(team, args->m * (args->cache->heads / heads), cached_task, &j);
}
