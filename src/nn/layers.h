/* Layers of a transformer, free of any model: views of packed weights and the collective functions
 * that run them (see kernels/pool.h). Activations are f32 [rows][width]; the memory belongs to the
 * caller. */
#ifndef MLI_NN_LAYERS_H
#define MLI_NN_LAYERS_H

#include "kernels/attention.h"
#include "kernels/linear.h"

typedef struct mli_nn_linear {
    mli_packed w;
    const float *bias; /* [w.rows] or NULL */
} mli_nn_linear;

typedef struct mli_nn_norm {
    const float *gamma, *beta;
    size_t width;
    float eps;
} mli_nn_norm;

/* y[m][w.rows] = act(x W^T + bias), dense rows. */
void mli_nn_linear_run(mli_team *team, const mli_nn_linear *l, size_t m, const float *x,
                       mli_activation act, float *y);
/* y += x W^T + bias. */
void mli_nn_linear_add(mli_team *team, const mli_nn_linear *l, size_t m, const float *x, float *y);
void mli_nn_norm_run(mli_team *team, const mli_nn_norm *norm, size_t m, const float *x, float *y);

/* Same-padded convolution over time, kernel k (odd), stride s, time-major. `x` points at the first
 * frame of a buffer that has (k - 1) / 2 readable frames of zeros before it and after its last one;
 * weights from mli_pack_conv. y[t_out][out] with t_out = (frames + s - 1) / s, rows y_stride apart.
 */
typedef struct mli_nn_conv1d {
    mli_packed w; /* [out][k * in] */
    const float *bias;
    size_t in, k, stride;
    bool exact; /* see mli_linear_args */
} mli_nn_conv1d;
size_t mli_nn_conv1d_frames(const mli_nn_conv1d *conv, size_t frames);
void mli_nn_conv1d_run(mli_team *team, const mli_nn_conv1d *conv, size_t frames, const float *x,
                       mli_activation act, float *y, size_t y_stride);

/* x += down(gelu(up(norm(x)))). scratch: m * (width + up.w.rows) floats. */
typedef struct mli_nn_mlp {
    mli_nn_norm norm;
    mli_nn_linear up, down;
} mli_nn_mlp;
void mli_nn_mlp_run(mli_team *team, const mli_nn_mlp *mlp, size_t m, float *x, float *scratch);

/* x += out(attention(qkv(norm(x)))) over all m rows (encoder). qkv packs query, key, value below
 * each other (3 width rows). scratch: m * 4 * width floats; kv_block: mli_kv_bytes(F32, heads,
 * width / heads, m). */
typedef struct mli_nn_attention {
    mli_nn_norm norm;
    mli_nn_linear qkv, out;
    size_t heads;
} mli_nn_attention;
void mli_nn_attention_run(mli_team *team, const mli_nn_attention *a, size_t m, float *x,
                          float *scratch, void *kv_block);

/* The same for the decoder: appends the m rows' keys and values to the cache at slots[m], then
 * attends through lens and table (see mli_cached_args; a row's own key counts). scratch as above.
 */
typedef struct mli_nn_cached {
    const mli_cache *cache;
    const int32_t *slots; /* [m] where the new keys and values go */
    const int32_t *lens;
    const int32_t *table;
    size_t table_stride;
} mli_nn_cached;
void mli_nn_attention_cached(mli_team *team, const mli_nn_attention *a, const mli_nn_cached *c,
                             size_t m, float *x, float *scratch);

/* x += out(attention(query(norm(x)), kv)). scratch: m * 2 * width floats. probs as in
 * mli_attention_args. */
typedef struct mli_nn_cross {
    mli_nn_norm norm;
    mli_nn_linear query, out;
} mli_nn_cross;
void mli_nn_cross_run(mli_team *team, const mli_nn_cross *c, const mli_kv *kv, size_t m, float *x,
                      float *const *probs, float *scratch);
/* The same where row i attends over kvs[i], all of the same sizes. */
void mli_nn_cross_each(mli_team *team, const mli_nn_cross *c, const mli_kv *const *kvs, size_t m,
                       float *x, float *scratch);

#endif
