/* Lanes: windows that are decoded side by side, on the scratch of one state. */
#include "speech/whisper_lanes.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/whisper_search.h"
#include "speech/whisper_state_private.h"
#include <string.h>

struct mli_whisper_lanes {
    const modellab_allocator *alloc;
    mli_whisper_state *s;
    size_t count, layers, context;
    void **blocks;                            /* [count][layers] cross-attention */
    mli_kv *cross;                            /* [count][layers] */
    mli_cache caches[MLI_WHISPER_MAX_LAYERS]; /* lane l has the slots from l * context on */
    size_t length[MLI_WHISPER_MAX_ROWS];      /* tokens behind each lane */
    int32_t *table;                           /* [count][context] of the rows of a step */
};

MODELLAB_MUST_CHECK static modellab_status make_cross(mli_whisper_lanes *l, modellab_error *err)
{
    const mli_whisper_dims *d = &l->s->net->dims;
    size_t bytes = 0, dim = d->text_state / d->text_heads, all = l->count * l->layers;
    modellab_status status =
        mli_kv_bytes(l->s->net->type, d->text_heads, dim, d->audio_ctx, &bytes, err);
    if (status != MODELLAB_OK)
        return status;
    l->blocks = mli_alloc_array(l->alloc, all, sizeof *l->blocks);
    l->cross = mli_alloc_array(l->alloc, all, sizeof *l->cross);
    if (l->blocks == NULL || l->cross == NULL)
        return mli_no_memory(err);
    memset(l->blocks, 0, all * sizeof *l->blocks);
    for (size_t i = 0; i < all; i++) {
        l->blocks[i] = mli_alloc_large(l->alloc, bytes);
        if (l->blocks[i] == NULL)
            return mli_no_memory(err);
        l->cross[i] = mli_kv_view(l->s->net->type, d->text_heads, dim, d->audio_ctx, l->blocks[i]);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_caches(mli_whisper_lanes *l, modellab_error *err)
{
    const mli_whisper_dims *d = &l->s->net->dims;
    size_t slots = l->count * l->context;
    size_t bytes = slots * d->text_state * mli_dtype_size(l->s->net->type);
    l->table = mli_alloc_array(l->alloc, slots, sizeof *l->table);
    if (l->table == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < l->layers; i++) {
        mli_cache *c = &l->caches[i];
        *c = (mli_cache){.type = l->s->net->type,
                         .heads = d->text_heads,
                         .dim = d->text_state / d->text_heads,
                         .slots = slots};
        c->k = mli_alloc_aligned(l->alloc, bytes, MLI_PACK_ALIGN);
        c->v = mli_alloc_aligned(l->alloc, bytes, MLI_PACK_ALIGN);
        if (c->k == NULL || c->v == NULL)
            return mli_no_memory(err);
    }
    return MODELLAB_OK;
}

modellab_status mli_whisper_lanes_create(mli_whisper_lanes **out, const modellab_allocator *alloc,
                                         mli_whisper_state *state, size_t count,
                                         modellab_error *err)
{
    *out = NULL;
    if (count < 1 || count > MLI_WHISPER_MAX_ROWS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lanes must be 1 to %d",
                        MLI_WHISPER_MAX_ROWS);
    mli_whisper_lanes *l = mli_alloc_zero(alloc, sizeof *l);
    if (l == NULL)
        return mli_no_memory(err);
    l->alloc = alloc;
    l->s = state;
    l->count = count;
    l->layers = state->net->dims.text_layers;
    l->context = state->net->dims.text_ctx;
    modellab_status status = make_cross(l, err);
    if (status == MODELLAB_OK)
        status = make_caches(l, err);
    if (status != MODELLAB_OK) {
        mli_whisper_lanes_destroy(l);
        return status;
    }
    *out = l;
    return MODELLAB_OK;
}

void mli_whisper_lanes_destroy(mli_whisper_lanes *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; l->blocks != NULL && i < l->count * l->layers; i++)
        mli_free_aligned(l->alloc, l->blocks[i]);
    for (size_t i = 0; i < l->layers; i++) {
        mli_free_aligned(l->alloc, l->caches[i].k);
        mli_free_aligned(l->alloc, l->caches[i].v);
    }
    mli_free(l->alloc, l->blocks);
    mli_free(l->alloc, l->cross);
    mli_free(l->alloc, l->table);
    mli_free(l->alloc, l);
}

/* State and lane change their cross-attention. */
static void swap_cross(mli_whisper_lanes *l, size_t lane)
{
    for (size_t i = 0; i < l->layers; i++) {
        size_t at = lane * l->layers + i;
        void *block = l->blocks[at];
        mli_kv kv = l->cross[at];
        l->blocks[at] = l->s->cross_blocks[i];
        l->cross[at] = l->s->cross[i];
        l->s->cross_blocks[i] = block;
        l->s->cross[i] = kv;
    }
}

void mli_whisper_lanes_put(mli_whisper_lanes *l, size_t lane)
{
    mli_whisper_state *s = l->s;
    size_t row = s->net->dims.text_state * mli_dtype_size(s->net->type);
    size_t bytes = s->prompt_length * row, at = lane * l->context * row;
    swap_cross(l, lane);
    for (size_t i = 0; i < l->layers; i++) {
        memcpy((char *)l->caches[i].k + at, s->caches[i].k, bytes);
        memcpy((char *)l->caches[i].v + at, s->caches[i].v, bytes);
    }
    l->length[lane] = s->prompt_length;
    s->prompt_length = s->length = 0;
}

void mli_whisper_lanes_take(mli_whisper_lanes *l, size_t lane)
{
    swap_cross(l, lane);
    l->length[lane] = 0;
    l->s->prompt_length = l->s->length = 0;
}

typedef struct pass {
    const mli_whisper_lanes *l;
    const size_t *which;
    size_t rows, least;
} pass;

static void run_step(void *user, mli_team *team)
{
    const pass *p = user;
    const mli_whisper_lanes *l = p->l;
    mli_whisper_state *s = l->s;
    const mli_kv *kvs[MLI_WHISPER_MAX_ROWS];
    for (size_t i = 0; i < l->layers; i++) {
        const mli_whisper_block *block = &s->net->text[i];
        mli_nn_cached cached = {.cache = &l->caches[i],
                                .slots = s->row_slots,
                                .lens = s->lens,
                                .table = l->table,
                                .table_stride = l->context};
        for (size_t r = 0; r < p->rows; r++)
            kvs[r] = &l->cross[p->which[r] * l->layers + i];
        mli_nn_attention_cached(team, &block->attn, &cached, p->rows, s->text, s->scratch);
        mli_nn_cross_each(team, &block->cross, kvs, p->rows, s->text, s->scratch);
        mli_nn_mlp_run(team, &block->mlp, p->rows, s->text, s->scratch);
        if (mli_team_cancelled(team))
            return;
    }
    mli_whisper_pick_rows(team, s, p->rows);
    mli_whisper_run_logits(team, s, p->rows, p->least);
}

/* Row r of the step: a token into the next slot of its lane. */
MODELLAB_MUST_CHECK static modellab_status extend(mli_whisper_lanes *l, size_t row, size_t lane,
                                                  int32_t token, modellab_error *err)
{
    size_t length = lane < l->count ? l->length[lane] : 0;
    if (length == 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is nothing in the lane");
    if (length >= l->context)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text context is full");
    for (size_t t = 0; t <= length; t++)
        l->table[row * l->context + t] = (int32_t)(lane * l->context + t);
    l->s->row_slots[row] = (int32_t)(lane * l->context + length);
    l->s->lens[row] = (int32_t)(length + 1);
    return mli_whisper_embed(l->s, row, token, length, err);
}

modellab_status mli_whisper_lanes_step(mli_whisper_lanes *l, const size_t *which,
                                       const int32_t *tokens, size_t rows, int32_t least,
                                       const mli_cancel_word *cancel, float **logits,
                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (rows < 1 || rows > l->count || least < 0 || (size_t)least >= l->s->net->dims.vocab)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a step has 1 to %zu rows", l->count);
    for (size_t r = 0; status == MODELLAB_OK && r < rows; r++)
        status = extend(l, r, which[r], tokens[r], err);
    if (status != MODELLAB_OK)
        return status;
    pass p = {.l = l,
              .which = which,
              .rows = rows,
              .least = (size_t)least / MLI_PACK_TILE * MLI_PACK_TILE};
    mli_pool_region(l->s->pool, cancel, run_step, &p);
    if (mli_cancelled(cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while decoding");
    for (size_t r = 0; r < rows; r++)
        l->length[which[r]]++;
    *logits = l->s->logits;
    return MODELLAB_OK;
}
