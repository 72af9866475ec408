/* Layout and packing of a VITS network. The layout is walked twice: to count, then to place; small
 * arrays are written on the way, matrices become jobs for the pool. */
#include "speech/vits_net.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "kernels/pairs.h"
#include "nn/gather.h"
#include "os/memory.h"
#include <math.h>
#include <string.h>

enum { MAX_JOBS = 512, MAX_HOP = 4096 };

/* A matrix to be packed; with `pairs` for outputs in pairs. */
typedef struct job {
    float *dst;
    mli_nn_gather from;
    bool pairs, drop;
    const mli_cancel_word *cancel;
} job;

typedef struct builder {
    mli_vits_net *net;
    float *base;           /* NULL: counting */
    size_t used, matrices; /* floats of small arrays, and of matrices, which stand behind them */
    size_t small;          /* all small arrays: what is written first touches few pages */
    job *jobs;
    size_t job_count;
    uint32_t walk;
    bool bound; /* the block is full already: nothing is written */
} builder;

static float value_at(const unsigned char *src, size_t index)
{
    float v;
    memcpy(&v, src + index * sizeof v, sizeof v);
    return v;
}

static float *take(builder *b, size_t floats)
{
    float *at = b->base != NULL ? b->base + b->used : NULL;
    b->used += (floats + 15) / 16 * 16;
    b->walk = mli_crc32c(b->walk, &floats, sizeof floats);
    return at;
}

/* Whether there is something to be written to. */
static bool fills(const builder *b)
{
    return b->base != NULL && !b->bound;
}

/* A small array; `turned` from its end, `times` copies of it. */
static const float *copy(builder *b, const mli_weight *w, size_t count, float factor, bool turned,
                         size_t times)
{
    float *to = take(b, count * times);
    for (size_t i = 0; fills(b) && i < count * times; i++) {
        size_t k = i % count;
        float v = w->dtype != MLI_WEIGHT_NONE ? value_at(w->data, turned ? count - 1 - k : k) : 0;
        to[i] = v * factor;
    }
    return to;
}

static const float *plain(builder *b, const mli_weight *w, size_t count)
{
    return copy(b, w, count, 1.0f, false, 1);
}

static float *place(builder *b, size_t rows, size_t cols)
{
    float *at = b->base != NULL ? b->base + b->small + b->matrices : NULL;
    b->matrices += (rows + MLI_PACK_TILE - 1) / MLI_PACK_TILE * MLI_PACK_TILE * cols;
    const size_t shape[] = {rows, cols};
    b->walk = mli_crc32c(b->walk, shape, sizeof shape);
    return at;
}

/* The matrix of a convolution; rows or inputs may be turned round, and the sign. */
static void add_conv(builder *b, const mli_piper_conv *c, float *dst, bool turn_rows, bool turn_in,
                     float factor)
{
    ptrdiff_t taps = (ptrdiff_t)c->taps, in = (ptrdiff_t)c->in, out = (ptrdiff_t)c->out;
    if (!fills(b)) {
        return;
    }
    b->jobs[b->job_count++] = (job){.dst = dst,
                                    .from = {.src = c->weight.data,
                                             .rows = c->out,
                                             .taps = c->taps,
                                             .in = c->in,
                                             .group = c->out,
                                             .origin = (turn_rows ? (out - 1) * in * taps : 0) +
                                                       (turn_in ? (in - 1) * taps : 0),
                                             .row_step = turn_rows ? -in * taps : in * taps,
                                             .tap_step = 1,
                                             .in_step = turn_in ? -taps : taps,
                                             .factor = factor}};
}

static mli_packed matrix(builder *b, const mli_piper_conv *c)
{
    float *dst = place(b, c->out, c->taps * c->in);
    add_conv(b, c, dst, false, false, 1.0f);
    return (mli_packed){MLI_DTYPE_F32, c->out, c->taps * c->in, dst};
}

static mli_nn_linear linear(builder *b, const mli_piper_conv *c)
{
    mli_packed w = matrix(b, c);
    return (mli_nn_linear){w, plain(b, &c->bias, c->out)};
}

static mli_vits_cond cond(builder *b, const mli_piper_conv *c)
{
    return c->out != 0 ? linear(b, c) : (mli_vits_cond){.bias = NULL};
}

static mli_nn_norm norm(builder *b, const mli_piper_norm *n)
{
    size_t width = n->gamma.dims[0];
    const float *gamma = plain(b, &n->gamma, width);
    return (mli_nn_norm){gamma, plain(b, &n->beta, width), width, 1e-5f};
}

static mli_nn_conv1d conv1d(builder *b, const mli_piper_conv *c)
{
    mli_packed w = matrix(b, c);
    return (mli_nn_conv1d){w, plain(b, &c->bias, c->out), c->in, c->taps, 1, false};
}

static mli_vits_conv conv(builder *b, const mli_piper_conv *c)
{
    mli_packed w = matrix(b, c);
    return (mli_vits_conv){w, plain(b, &c->bias, c->out), c->taps, c->dilation, 0};
}

/* For outputs in pairs. */
static mli_packed pairs(builder *b, const mli_piper_conv *c)
{
    size_t cols = mli_pairs_cols(c->in, c->taps);
    float *dst = place(b, c->out, cols);
    if (fills(b)) {
        b->jobs[b->job_count++] =
            (job){.dst = dst,
                  .from = {.src = c->weight.data, .rows = c->out, .taps = c->taps, .in = c->in},
                  .pairs = true};
    }
    return (mli_packed){MLI_DTYPE_F32, c->out, cols, dst};
}

/* Whether convolution i of all blocks can be made in pairs: the last ones run in order, over rows
 * that all of them share. */
static bool in_pairs(const mli_piper_stage *s, size_t i)
{
    size_t unit = 1;
    for (size_t k = 0; k < s->blocks; k++) {
        const mli_piper_conv *c = &s->block[k].conv[i];
        if (!mli_convolve_pairs(c->in, c->taps, c->dilation)) {
            return false;
        }
        unit = mli_pairs_common(unit, 2 * c->dilation);
        if (unit > MLI_CONVOLVE_SLICE) {
            return false;
        }
    }
    return true;
}

/* [width][taps] -> [taps][width] */
static const float *across(builder *b, const mli_weight *w, size_t width, size_t taps)
{
    float *to = take(b, width * taps);
    for (size_t i = 0; fills(b) && i < width * taps; i++) {
        to[i] = value_at(w->data, i % width * taps + i / width);
    }
    return to;
}

static void lay_text(builder *b, const mli_piper *m)
{
    mli_vits_net *n = b->net;
    n->embedding = copy(b, &m->embedding, m->ids * m->hidden, sqrtf((float)m->hidden), false, 1);
    for (size_t i = 0; i < m->layers; i++) {
        const mli_piper_layer *from = &m->layer[i];
        mli_vits_layer *to = &n->layer[i];
        /* query, key and value below each other: the width is a multiple of 16 */
        mli_packed q = matrix(b, &from->q);
        (void)matrix(b, &from->k);
        (void)matrix(b, &from->v);
        float *bias = take(b, 3 * m->hidden);
        const mli_weight *biases[] = {&from->q.bias, &from->k.bias, &from->v.bias};
        for (size_t k = 0; fills(b) && k < 3 * m->hidden; k++) {
            bias[k] = value_at(biases[k / m->hidden]->data, k % m->hidden);
        }
        q.rows = 3 * m->hidden;
        to->qkv = (mli_nn_linear){q, bias};
        to->out = linear(b, &from->o);
        to->near_k = plain(b, &from->rel_k, mli_weight_elements(&from->rel_k));
        to->near_v = plain(b, &from->rel_v, mli_weight_elements(&from->rel_v));
        to->norm1 = norm(b, &from->norm1);
        to->up = conv1d(b, &from->up);
        to->down = conv1d(b, &from->down);
        to->norm2 = norm(b, &from->norm2);
    }
    n->proj = linear(b, &m->proj);
}

static void lay_stack(builder *b, const mli_piper_stack *from, mli_nn_separable *to)
{
    for (size_t i = 0; i < from->layers; i++) {
        const mli_piper_conv *d = &from->layer[i].depth;
        to[i].depth = across(b, &d->weight, d->out, d->taps);
        to[i].depth_bias = plain(b, &d->bias, d->out);
        to[i].taps = d->taps;
        to[i].dilation = d->dilation;
        to[i].norm1 = norm(b, &from->layer[i].norm1);
        to[i].norm2 = norm(b, &from->layer[i].norm2);
        to[i].point = linear(b, &from->layer[i].point);
    }
}

static void lay_durations(builder *b, const mli_piper *m)
{
    mli_vits_net *n = b->net;
    n->durations.pre = linear(b, &m->durations.pre);
    n->durations.cond = cond(b, &m->durations.cond);
    lay_stack(b, &m->durations.stack, n->durations.stack);
    n->durations.proj = linear(b, &m->durations.proj);
    for (size_t i = 0; i < m->durations.splines; i++) {
        const mli_piper_spline *s = &m->durations.spline[i];
        n->durations.spline[i].pre = plain(b, &s->pre.weight, n->durations.width);
        n->durations.spline[i].pre_bias = plain(b, &s->pre.bias, n->durations.width);
        lay_stack(b, &s->stack, n->durations.spline[i].stack);
        n->durations.spline[i].proj = linear(b, &s->proj);
    }
}

/* Between couplings the channels are turned round: instead, the weights of every other one are. */
static void lay_flow(builder *b, const mli_piper *m)
{
    mli_vits_net *n = b->net;
    for (size_t i = 0; i < m->couplings; i++) {
        const mli_piper_coupling *from = &m->coupling[i];
        bool turned = i % 2 == 0;
        size_t half = from->pre.in, width = n->flow.width;
        float *pre = place(b, width, half);
        add_conv(b, &from->pre, pre, false, turned, 1.0f);
        n->flow.coupling[i].turned = turned;
        n->flow.coupling[i].pre =
            (mli_nn_linear){{MLI_DTYPE_F32, width, half, pre}, plain(b, &from->pre.bias, width)};
        for (size_t k = 0; k < from->layers; k++) {
            const mli_piper_conv *first = &from->layer[k].in;
            bool paired = mli_nn_wavenet_pairs(width, first->taps, first->dilation);
            mli_packed in = paired ? pairs(b, first) : matrix(b, first);
            const float *in_bias = plain(b, &from->layer[k].in.bias, 2 * width);
            mli_packed skip = matrix(b, &from->layer[k].skip);
            n->flow.coupling[i].layer[k] =
                (mli_nn_wavenet){in,
                                 in_bias,
                                 skip,
                                 plain(b, &from->layer[k].skip.bias, from->layer[k].skip.out),
                                 from->layer[k].in.taps,
                                 from->layer[k].in.dilation,
                                 width,
                                 k + 1 == from->layers,
                                 paired};
        }
        float *post = place(b, half, width);
        add_conv(b, &from->post, post, turned, false, -1.0f);
        n->flow.coupling[i].post = (mli_nn_linear){
            {MLI_DTYPE_F32, half, width, post}, copy(b, &from->post.bias, half, -1.0f, turned, 1)};
        n->flow.coupling[i].cond = cond(b, &from->cond);
    }
}

static void lay_up(builder *b, const mli_piper_conv *c, mli_vits_stage *to)
{
    size_t reach = mli_nn_transposed_reach(c->taps, c->stride), rows = c->stride * c->out;
    float *dst = place(b, rows, reach * c->in);
    to->up = (mli_packed){MLI_DTYPE_F32, rows, reach * c->in, dst};
    to->up_bias = copy(b, &c->bias, c->out, 1.0f, false, c->stride);
    to->stride = c->stride;
    to->reach = reach;
    to->pad = c->pad;
    to->width = c->out;
    if (fills(b)) {
        b->jobs[b->job_count++] = (job){
            .dst = dst,
            .from = mli_nn_transposed_matrix(c->weight.data, c->in, c->out, c->taps, c->stride)};
    }
}

static void lay_decoder(builder *b, const mli_piper *m)
{
    mli_vits_net *n = b->net;
    n->decoder.pre = conv(b, &m->decoder.pre);
    n->decoder.cond = cond(b, &m->decoder.cond);
    for (size_t i = 0; i < m->decoder.stages; i++) {
        const mli_piper_stage *from = &m->decoder.stage[i];
        mli_vits_stage *to = &n->decoder.stage[i];
        lay_up(b, &from->up, to);
        to->blocks = from->blocks;
        to->convs = from->block[0].convs;
        for (size_t k = 0; k < to->blocks * to->convs; k++) {
            const mli_piper_conv *c = &from->block[k / to->convs].conv[k % to->convs];
            mli_vits_conv *placed = &to->conv[k / to->convs][k % to->convs];
            if (in_pairs(from, k % to->convs)) {
                mli_packed w = pairs(b, c);
                *placed = (mli_vits_conv){w, plain(b, &c->bias, c->out), c->taps, c->dilation,
                                          c->dilation};
            } else {
                *placed = conv(b, c);
            }
        }
    }
    const mli_piper_conv *post = &m->decoder.post;
    n->decoder.post = across(b, &post->weight, post->in, post->taps);
    n->decoder.post_taps = post->taps;
    n->decoder.post_bias =
        post->bias.dtype != MLI_WEIGHT_NONE ? value_at(post->bias.data, 0) : 0.0f;
}

static void lay_all(builder *b, const mli_piper *m)
{
    lay_text(b, m);
    lay_durations(b, m);
    lay_flow(b, m);
    lay_decoder(b, m);
    if (m->speakers.dtype != MLI_WEIGHT_NONE) {
        b->net->speaker = plain(b, &m->speakers, b->net->speakers * b->net->speaker_width);
    }
}

/* Sizes, and what the engine takes for granted. */
MODELLAB_MUST_CHECK static modellab_status size_up(mli_vits_net *n, const mli_piper *m,
                                                   modellab_error *err)
{
    bool fits = m->durations.stack.layers > 0 && m->layers > 0 && m->couplings > 0;
    n->ids = m->ids;
    n->hidden = m->hidden;
    n->heads = m->heads;
    n->window = m->window;
    n->layers = m->layers;
    n->filter = m->layer[0].up.out;
    n->channels = m->proj.out / 2;
    n->speakers = m->speakers.dtype != MLI_WEIGHT_NONE ? m->speakers.dims[0] : 1;
    n->speaker_width = m->speakers.dtype != MLI_WEIGHT_NONE ? m->speakers.dims[1] : 0;
    n->durations.width = m->durations.pre.out;
    n->durations.stack_layers = m->durations.stack.layers;
    n->durations.splines = m->durations.splines;
    n->durations.spline_layers = m->durations.spline[0].stack.layers;
    memcpy(n->durations.mean, m->durations.mean, sizeof n->durations.mean);
    memcpy(n->durations.factor, m->durations.factor, sizeof n->durations.factor);
    n->flow.couplings = m->couplings;
    n->flow.width = m->coupling[0].pre.out;
    n->flow.layers = m->coupling[0].layers;
    n->decoder.stages = m->decoder.stages;
    n->decoder.paired = m->decoder.paired;
    n->decoder.slope = m->decoder.slope;
    n->decoder.last_slope = m->decoder.last_slope;
    n->hop = 1;
    for (size_t i = 0; i < m->layers; i++) {
        fits =
            fits && m->layer[i].up.out == n->filter && m->layer[i].up.taps == m->layer[0].up.taps;
    }
    for (size_t i = 0; i < m->durations.splines; i++) {
        const mli_piper_stack *s = &m->durations.spline[i].stack;
        fits = fits && s->layers == n->durations.spline_layers;
        for (size_t k = 0; k < s->layers; k++) {
            fits = fits && s->layer[k].depth.taps <= MLI_NN_SEPARABLE_TAPS;
        }
    }
    for (size_t k = 0; k < m->durations.stack.layers; k++) {
        fits = fits && m->durations.stack.layer[k].depth.taps <= MLI_NN_SEPARABLE_TAPS;
    }
    for (size_t i = 0; i < m->couplings; i++) {
        fits = fits && m->coupling[i].pre.out == n->flow.width &&
               m->coupling[i].layers == n->flow.layers;
    }
    for (size_t i = 0; i < m->decoder.stages; i++) {
        const mli_piper_stage *s = &m->decoder.stage[i];
        fits = fits && s->block[0].convs % (m->decoder.paired ? 2 : 1) == 0 &&
               n->hop <= MAX_HOP / s->up.stride;
        n->hop *= fits ? s->up.stride : 1;
        for (size_t k = 0; k < s->blocks; k++) {
            fits = fits && s->block[k].convs == s->block[0].convs;
        }
    }
    fits = fits && mli_nn_wavenet_fits(n->flow.width);
    return fits ? MODELLAB_OK
                : mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                           "a voice with layers of differing shapes, or too wide ones");
}

static void pack(void *ctx, size_t index, int thread)
{
    const job *j = &((const job *)ctx)[index];
    const mli_nn_gather *g = &j->from;
    (void)thread;
    for (size_t row = 0; j->pairs && row < g->rows && !mli_cancelled(j->cancel);
         row += MLI_PACK_TILE) {
        mli_pairs_pack(g->rows, g->in, g->taps, g->src, row, j->dst);
    }
    if (!j->pairs) {
        mli_nn_gather_pack(g, j->dst, j->cancel);
    }
    if (j->drop) {
        size_t elements = g->phases != 0 ? g->group * g->phases * g->in : g->rows * g->taps * g->in;
        mli_os_pages_drop((void *)(uintptr_t)g->src, elements * sizeof(float));
    }
}

/* Counts: how large the block is, and in which order it is laid out. */
static builder measure(mli_vits_net *out, const mli_piper *voice)
{
    builder b = {.net = out};
    lay_all(&b, voice);
    out->bytes = (b.used + b.matrices) * sizeof(float);
    out->walk = b.walk;
    b.small = b.used;
    b.used = b.matrices = 0;
    return b;
}

/* `block` gets the weights. */
MODELLAB_MUST_CHECK static modellab_status fill(builder *b, const mli_piper *voice, float *block,
                                                bool drop, mli_pool *pool,
                                                const mli_cancel_word *cancel, modellab_error *err)
{
    b->jobs = mli_alloc_array(&b->net->alloc, MAX_JOBS, sizeof *b->jobs);
    if (b->jobs == NULL) {
        return mli_no_memory(err);
    }
    b->base = block;
    lay_all(b, voice);
    for (size_t i = 0; i < b->job_count; i++) {
        b->jobs[i].drop = drop;
        b->jobs[i].cancel = cancel;
    }
    mli_pool_run(pool, b->job_count, pack, b->jobs);
    mli_free(&b->net->alloc, b->jobs);
    return mli_cancelled(cancel) ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled") : MODELLAB_OK;
}

modellab_status mli_vits_net_create(mli_vits_net *out, const modellab_allocator *alloc,
                                    const mli_piper *voice, bool drop, mli_pool *pool,
                                    const mli_cancel_word *cancel, modellab_error *err)
{
    memset(out, 0, sizeof *out);
    out->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
    modellab_status status = size_up(out, voice, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    builder b = measure(out, voice);
    float *block = mli_alloc_large(alloc, out->bytes);
    out->block = block;
    status = block != NULL ? fill(&b, voice, block, drop, pool, cancel, err) : mli_no_memory(err);
    if (status != MODELLAB_OK) {
        mli_vits_net_dispose(out);
    }
    return status;
}

modellab_status mli_vits_net_bind(mli_vits_net *out, const modellab_allocator *alloc,
                                  const mli_piper *voice, const float *block, size_t bytes,
                                  uint32_t walk, modellab_error *err)
{
    memset(out, 0, sizeof *out);
    out->alloc = alloc != NULL ? *alloc : (modellab_allocator)MODELLAB_ALLOCATOR_INIT;
    modellab_status status = size_up(out, voice, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    builder b = measure(out, voice);
    if (out->bytes != bytes || out->walk != walk) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the packed voice is laid out otherwise");
    }
    out->block = block;
    out->borrowed = true;
    b.base = (float *)(uintptr_t)block; /* only pointers are made of it */
    b.bound = true;
    lay_all(&b, voice);
    return MODELLAB_OK;
}

void mli_vits_net_dispose(mli_vits_net *net)
{
    modellab_allocator alloc = net->alloc;
    if (!net->borrowed) {
        mli_free_aligned(&alloc, (void *)(uintptr_t)net->block);
    }
    memset(net, 0, sizeof *net);
}
