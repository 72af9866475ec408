/* Multi-head attention: softmax(scale * q k^T) v per head.
 *
 *   mli_kv + mli_attention          keys and values known as a whole and packed: encoder
 * self-attention, decoder cross-attention. One pass per tile of queries; scores stay in cache.
 *   mli_cache + mli_attention_cached  keys and values appended token by token: decoder
 * self-attention. Each query row has its own length (causal) and may reach its keys through a table
 *                                   of slots, so that beams are reordered by moving indices, not
 * values.
 *
 * Head h of q, k, v and out is columns [h * dim, (h + 1) * dim) of a row. A query row's result does
 * not depend on the rows beside it. */
#ifndef MLI_KERNELS_ATTENTION_H
#define MLI_KERNELS_ATTENTION_H

#include "kernels/pool.h"
#include "kernels/types.h"

enum { MLI_ATTENTION_MAX_KEYS = 8192, MLI_ATTENTION_MAX_DIM = 256 };

typedef struct mli_kv {
    mli_dtype type;
    size_t heads, dim, len;
    const void *k, *v; /* packed; borrowed from the block given to mli_kv_view */
} mli_kv;

/* Bytes of packed keys and values (64-byte aligned block). E_LIMIT when too large; dim is a
 * multiple of 16. */
MODELLAB_MUST_CHECK modellab_status mli_kv_bytes(mli_dtype type, size_t heads, size_t dim,
                                                 size_t len, size_t *bytes, modellab_error *err);
mli_kv mli_kv_view(mli_dtype type, size_t heads, size_t dim, size_t len, void *block);
/* Collective: fills the block of `kv` from f32 rows k[t], v[t] (t < len). A vector common to all
 * f32 keys of a head is taken off them, which no softmax shows. */
void mli_kv_pack(mli_team *team, const mli_kv *kv, void *block, const float *k, size_t k_stride,
                 const float *v, size_t v_stride);

typedef struct mli_attention_args {
    const mli_kv *kv;
    size_t m; /* query rows */
    const float *q;
    size_t q_stride;
    float scale; /* on the scores, usually 1 / sqrt(dim) */
    float *out;
    size_t out_stride;
    float *const *probs; /* NULL, or [heads]: NULL or where the softmax goes, [m][len] */
    /* Relative positions (Shaw et al. 2018), when row i stands at key i: keys and values
     * [2 window + 1][dim], common to all heads, for keys up to `window` before and after; NULL =
     * none. */
    const float *near_k, *near_v;
    size_t window;
} mli_attention_args;

/* Collective. */
void mli_attention(mli_team *team, const mli_attention_args *args);

/* A query row each with keys and values of its own, all of the same sizes: the decoder's steps of
 * several recordings at once. The bits are those of mli_attention. */
typedef struct mli_attention_each_args {
    const mli_kv *const *kvs; /* [m] */
    size_t m;
    const float *q;
    size_t q_stride;
    float scale;
    float *out;
    size_t out_stride;
} mli_attention_each_args;

/* Collective. */
void mli_attention_each(mli_team *team, const mli_attention_each_args *args);

typedef struct mli_cache {
    mli_dtype type;
    size_t heads, dim, slots;
    void *k, *v; /* [slots][heads * dim], row-major, caller's, 64-byte aligned */
} mli_cache;

/* Writes one row of keys and values (heads * dim values each) to a slot. Any thread. */
void mli_cache_put(const mli_cache *cache, size_t slot, const float *k, const float *v);

typedef struct mli_cached_args {
    const mli_cache *cache;
    size_t m;
    const float *q;
    size_t q_stride;
    float scale;
    const int32_t *lens;  /* [m] keys of each query row, 1 .. MLI_ATTENTION_MAX_KEYS */
    const int32_t *table; /* table[i * table_stride + t]: slot of key t of row i; NULL: slot t */
    size_t table_stride;
    float *out;
    size_t out_stride;
} mli_cached_args;

/* Collective. */
void mli_attention_cached(mli_team *team, const mli_cached_args *args);

#endif
