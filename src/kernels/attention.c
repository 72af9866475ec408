/* Attention over packed keys and values. A task is one head and a tile of queries: scores, softmax
 * and mix stay in the scratch of the thread. */
#include "kernels/attention.h"
#include "kernels/product.h"
#include "kernels/vector.h"

#include "base/checked.h"
#include "base/error.h"
#include <string.h>

enum { QUERY_ROWS = 48 }; /* most rows of a task; a multiple of every variant's block_rows */

static size_t tiles_of(size_t n)
{
    return (n + MLI_LANES - 1) / MLI_LANES;
}

/* Bytes of all packed keys; the values follow. */
static size_t key_bytes(const mli_kv *kv)
{
    size_t bytes = kv->heads * tiles_of(kv->len) * MLI_LANES * kv->dim * mli_dtype_size(kv->type);
    return (bytes + 63) & ~(size_t)63;
}

modellab_status mli_kv_bytes(mli_dtype type, size_t heads, size_t dim, size_t len, size_t *bytes,
                             modellab_error *err)
{
    *bytes = 0;
    if (dim == 0 || dim % MLI_LANES != 0 || dim > MLI_ATTENTION_MAX_DIM)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "attention heads of %zu values", dim);
    if (len > MLI_ATTENTION_MAX_KEYS || heads > 4096)
        return mli_fail(err, MODELLAB_E_LIMIT, "attention of %zu heads over %zu keys", heads, len);
    mli_kv kv = {type, heads, dim, len, NULL, NULL};
    *bytes = (key_bytes(&kv) + heads * dim * len * mli_dtype_size(type) + 63) & ~(size_t)63;
    return MODELLAB_OK;
}

mli_kv mli_kv_view(mli_dtype type, size_t heads, size_t dim, size_t len, void *block)
{
    mli_kv kv = {type, heads, dim, len, block, NULL};
    kv.v = (char *)block + key_bytes(&kv);
    return kv;
}

static mli_tiles head_keys(const mli_kv *kv, size_t head)
{
    size_t tiles = tiles_of(kv->len), at = head * tiles * MLI_LANES * kv->dim;
    return (mli_tiles){kv->type, (const char *)kv->k + at * mli_dtype_size(kv->type), tiles,
                       kv->dim, false};
}

static mli_tiles head_values(const mli_kv *kv, size_t head)
{
    size_t at = head * kv->dim * kv->len;
    return (mli_tiles){kv->type, (const char *)kv->v + at * mli_dtype_size(kv->type),
                       kv->dim / MLI_LANES, kv->len, false};
}

typedef struct pack_job {
    const mli_kernels *k;
    const mli_kv *kv;
    char *keys, *values;
    const float *k_rows, *v_rows;
    size_t k_stride, v_stride;
} pack_job;

static void put(const pack_job *j, char *block, size_t at, const float *src, size_t n)
{
    char *dst = block + at * mli_dtype_size(j->kv->type);
    if (j->kv->type == MLI_DTYPE_F16)
        j->k->f32_to_f16((mli_f16 *)(void *)dst, src, n);
    else
        memcpy(dst, src, n * sizeof(float));
}

/* The mean of some keys of a head. What is common to all keys adds the same number to all scores of
 * a query and does not change its softmax: without it scores are smaller and round less. Halves
 * round more than that: theirs stay as they are. */
static void centre_of(const pack_job *j, size_t head, float *centre)
{
    size_t dim = j->kv->dim, step = tiles_of(j->kv->len), count = 0;
    memset(centre, 0, dim * sizeof *centre);
    if (j->kv->type != MLI_DTYPE_F32)
        return;
    for (size_t t = 0; t < j->kv->len; t += step, count++)
        j->k->add(centre, j->k_rows + t * j->k_stride + head * dim, dim);
    j->k->scale(centre, 1.0f / (float)count, dim);
}

/* Sixteen keys and values of all heads. */
static void pack_task(void *ctx, size_t task, mli_team *team)
{
    const pack_job *j = ctx;
    const mli_kv *kv = j->kv;
    float *tile = mli_team_scratch(team), *centre = tile + kv->dim * MLI_LANES;
    size_t first = task * MLI_LANES, tiles = tiles_of(kv->len);
    size_t rows = kv->len - first < MLI_LANES ? kv->len - first : MLI_LANES;
    for (size_t h = 0; h < kv->heads; h++) {
        memset(tile, 0, kv->dim * MLI_LANES * sizeof *tile);
        centre_of(j, h, centre);
        for (size_t r = 0; r < rows; r++) {
            const float *key = j->k_rows + (first + r) * j->k_stride + h * kv->dim;
            const float *value = j->v_rows + (first + r) * j->v_stride + h * kv->dim;
            for (size_t d = 0; d < kv->dim; d++)
                tile[d * MLI_LANES + r] = key[d] - centre[d];
            for (size_t t = 0; t < kv->dim / MLI_LANES; t++)
                put(j, j->values, ((h * kv->dim / MLI_LANES + t) * kv->len + first + r) * MLI_LANES,
                    value + t * MLI_LANES, MLI_LANES);
        }
        put(j, j->keys, (h * tiles + task) * MLI_LANES * kv->dim, tile, kv->dim * MLI_LANES);
    }
}

void mli_kv_pack(mli_team *team, const mli_kv *kv, void *block, const float *k, size_t k_stride,
                 const float *v, size_t v_stride)
{
    pack_job j = {.k = mli_kernels_current(),
                  .kv = kv,
                  .keys = block,
                  .values = (char *)block + key_bytes(kv),
                  .k_rows = k,
                  .v_rows = v,
                  .k_stride = k_stride,
                  .v_stride = v_stride};
    mli_team_for(team, tiles_of(kv->len), pack_task, &j);
}

typedef struct attention_job {
    const mli_attention_args *a;
    const mli_kernels *k;
    size_t query_rows, query_tasks; /* rows of a task; tasks of a head */
} attention_job;

/* Scores become exp(score - maximum); what makes them probabilities goes to factors[rows], for the
 * mixed rows, which are shorter. */
static void soften(const attention_job *j, size_t head, size_t row, size_t rows, float *scores,
                   size_t stride, float *factors)
{
    const mli_attention_args *a = j->a;
    for (size_t i = 0; i < rows; i++) {
        float *s = scores + i * stride;
        factors[i] = j->k->soften(s, a->kv->len);
        if (a->probs != NULL && a->probs[head] != NULL) {
            float *probs = a->probs[head] + (row + i) * a->kv->len;
            memcpy(probs, s, a->kv->len * sizeof *s);
            j->k->scale(probs, factors[i], a->kv->len);
        }
    }
}

/* Keys [*from, *to) within the window of row i; `*at` is the place of the first one in it. */
static void window_of(const mli_attention_args *a, size_t i, size_t *from, size_t *to, size_t *at)
{
    *from = i > a->window ? i - a->window : 0;
    *to = i + a->window + 1 < a->kv->len ? i + a->window + 1 : a->kv->len;
    *at = *from + a->window - i;
}

/* What relative positions add to the scores of some rows. */
static void add_near_keys(const attention_job *j, size_t head, size_t row, size_t rows,
                          float *scores, size_t stride)
{
    const mli_attention_args *a = j->a;
    size_t dim = a->kv->dim, from, to, at;
    for (size_t i = 0; a->near_k != NULL && i < rows; i++) {
        const float *q = a->q + (row + i) * a->q_stride + head * dim;
        window_of(a, row + i, &from, &to, &at);
        for (size_t t = from; t < to; t++)
            scores[i * stride + t] +=
                a->scale * j->k->dot(q, a->near_k + (at + t - from) * dim, dim);
    }
}

/* The same for the mixed rows, whose weights are still to be scaled. */
static void add_near_values(const attention_job *j, size_t head, size_t row, size_t rows,
                            const float *scores, size_t stride)
{
    const mli_attention_args *a = j->a;
    size_t dim = a->kv->dim, from, to, at;
    for (size_t i = 0; a->near_v != NULL && i < rows; i++) {
        float *out = a->out + (row + i) * a->out_stride + head * dim;
        window_of(a, row + i, &from, &to, &at);
        for (size_t t = from; t < to; t++) {
            const float *v = a->near_v + (at + t - from) * dim;
            for (size_t d = 0; d < dim; d++)
                out[d] += scores[i * stride + t] * v[d];
        }
    }
}

static void scale_rows(const attention_job *j, size_t head, size_t row, size_t rows,
                       const float *factors)
{
    const mli_attention_args *a = j->a;
    for (size_t i = 0; i < rows; i++)
        j->k->scale(a->out + (row + i) * a->out_stride + head * a->kv->dim, factors[i], a->kv->dim);
}

/* A few query rows: tiles of keys, then of values, straight from memory. */
static void few_task(void *ctx, size_t head, mli_team *team)
{
    const attention_job *j = ctx;
    const mli_attention_args *a = j->a;
    size_t dim = a->kv->dim;
    mli_tiles keys = head_keys(a->kv, head), values = head_values(a->kv, head);
    size_t stride = keys.count * MLI_LANES;
    float *q = mli_team_scratch(team), *scores = q + a->m * dim;
    float factors[MLI_PRODUCT_SKINNY];
    for (size_t i = 0; i < a->m; i++) {
        for (size_t d = 0; d < dim; d++)
            q[i * dim + d] = a->q[i * a->q_stride + head * dim + d] * a->scale;
    }
    for (size_t t = 0; t < keys.count; t += MLI_SKINNY_TILES) {
        size_t tiles = keys.count - t < MLI_SKINNY_TILES ? keys.count - t : MLI_SKINNY_TILES;
        mli_product_skinny(j->k, &keys, t, tiles, q, dim, a->m, scores + t * MLI_LANES, stride);
    }
    add_near_keys(j, head, 0, a->m, scores, stride);
    soften(j, head, 0, a->m, scores, stride, factors);
    for (size_t t = 0; t < values.count; t += MLI_SKINNY_TILES) {
        size_t tiles = values.count - t < MLI_SKINNY_TILES ? values.count - t : MLI_SKINNY_TILES;
        mli_product_skinny(j->k, &values, t, tiles, scores, stride, a->m,
                           a->out + head * dim + t * MLI_LANES, a->out_stride);
    }
    add_near_values(j, head, 0, a->m, scores, stride);
    scale_rows(j, head, 0, a->m, factors);
}

/* Lanes of so many tiles, rounded up to whole panels. */
static size_t panel_width(const mli_kernels *k, size_t tiles)
{
    return (tiles + k->block_tiles - 1) / k->block_tiles * k->block_tiles * MLI_LANES;
}

/* Packs `rows` rows of x into blocks. */
static void pack_blocks(const mli_kernels *k, const float *x, size_t stride, size_t rows,
                        size_t cols, float factor, float *packed)
{
    for (size_t at = 0; at < rows; at += k->block_rows)
        k->pack_rows(x + at * stride, stride, rows - at < k->block_rows ? rows - at : k->block_rows,
                     cols, factor, packed + at * cols);
}

/* scores[rows][..] = packed queries times all keys, in place: rows end with room for a whole panel.
 */
static void score_rows(const mli_kernels *k, const mli_tiles *keys, const float *packed,
                       size_t rows, float *widened, float *scores, size_t stride)
{
    size_t blocks = (rows + k->block_rows - 1) / k->block_rows;
    for (size_t t = 0; t < keys->count; t += k->block_tiles)
        mli_product_panel(k, keys, t, &(mli_block_rows){packed, 0, blocks}, widened,
                          scores + t * MLI_LANES, stride);
}

/* out[rows][dim] = exponentials times all values, through c: there are no rows after the last of
 * out. */
static void mix_rows(const mli_kernels *k, const mli_tiles *values, const float *scores,
                     size_t stride, size_t rows, float *widened, float *c, float *out,
                     size_t out_stride)
{
    size_t blocks = (rows + k->block_rows - 1) / k->block_rows, width = k->block_tiles * MLI_LANES;
    for (size_t t = 0; t < values->count; t += k->block_tiles) {
        size_t tiles = values->count - t < k->block_tiles ? values->count - t : k->block_tiles;
        mli_product_panel(k, values, t, &(mli_block_rows){scores, stride, blocks}, widened, c,
                          width);
        for (size_t i = 0; i < rows; i++)
            memcpy(out + i * out_stride + t * MLI_LANES, c + i * width,
                   tiles * MLI_LANES * sizeof *out);
    }
}

static void many_task(void *ctx, size_t task, mli_team *team)
{
    const attention_job *j = ctx;
    const mli_attention_args *a = j->a;
    const mli_kernels *k = j->k;
    size_t head = task / j->query_tasks, row = task % j->query_tasks * j->query_rows;
    size_t rows = a->m - row < j->query_rows ? a->m - row : j->query_rows, dim = a->kv->dim;
    mli_tiles keys = head_keys(a->kv, head), values = head_values(a->kv, head);
    size_t stride = panel_width(k, keys.count);
    float *widened = mli_team_scratch(team), *c = widened + MLI_PRODUCT_WIDENED;
    float factors[QUERY_ROWS];
    float *scores = c + j->query_rows * k->block_tiles * MLI_LANES;
    float *packed = scores + j->query_rows * stride;
    pack_blocks(k, a->q + row * a->q_stride + head * dim, a->q_stride, rows, dim, a->scale, packed);
    score_rows(k, &keys, packed, rows, widened, scores, stride);
    add_near_keys(j, head, row, rows, scores, stride);
    soften(j, head, row, rows, scores, stride, factors);
    mix_rows(k, &values, scores, stride, rows, widened, c,
             a->out + row * a->out_stride + head * dim, a->out_stride);
    add_near_values(j, head, row, rows, scores, stride);
    scale_rows(j, head, row, rows, factors);
}

/* Rows of a task whose scores fit the scratch: at least one block up to
 * MLI_ATTENTION_MAX_KEYS. */
static size_t query_rows(const mli_kernels *k, const mli_kv *kv)
{
    size_t room = MLI_TEAM_SCRATCH_BYTES / sizeof(float) - MLI_PRODUCT_WIDENED;
    size_t keys = panel_width(k, tiles_of(kv->len));
    size_t rows = room / (keys + kv->dim + k->block_tiles * MLI_LANES);
    rows = rows > QUERY_ROWS ? QUERY_ROWS : rows;
    return rows - rows % k->block_rows;
}

void mli_attention(mli_team *team, const mli_attention_args *args)
{
    attention_job j = {.a = args, .k = mli_kernels_current()};
    if (args->m <= MLI_PRODUCT_SKINNY) {
        mli_team_for(team, args->m == 0 ? 0 : args->kv->heads, few_task, &j);
        return;
    }
    j.query_rows = query_rows(j.k, args->kv);
    j.query_tasks = (args->m + j.query_rows - 1) / j.query_rows;
    mli_team_for(team, args->kv->heads * j.query_tasks, many_task, &j);
}

/* A row and a head of it. */
static void each_task(void *ctx, size_t task, mli_team *team)
{
    const mli_attention_each_args *e = ctx;
    size_t heads = e->kvs[0]->heads, row = task / heads;
    mli_attention_args one = {.kv = e->kvs[row],
                              .m = 1,
                              .q = e->q + row * e->q_stride,
                              .q_stride = e->q_stride,
                              .scale = e->scale,
                              .out = e->out + row * e->out_stride,
                              .out_stride = e->out_stride};
    attention_job j = {.a = &one, .k = mli_kernels_current()};
    few_task(&j, task % heads, team);
}

void mli_attention_each(mli_team *team, const mli_attention_each_args *args)
{
    mli_attention_each_args copy = *args;
    mli_team_for(team, args->m == 0 ? 0 : args->m * args->kvs[0]->heads, each_task, &copy);
}
