/* Memory of a Whisper state. */
#include "speech/whisper_state_private.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "speech/whisper_search.h"
#include <string.h>

_Static_assert((int)MLI_WHISPER_LOGIT_ROWS >= (int)MLI_WHISPER_MAX_ROWS, "a row of logits a beam");

/* Not zeroed: what is never used is never resident. */
static float *floats(mli_whisper_state *s, size_t count, modellab_status *status,
                     modellab_error *err)
{
    size_t bytes = 0;
    void *block = NULL;
    if (*status != MODELLAB_OK)
        return NULL;
    if (!mli_mul_overflow(count, sizeof(float), &bytes))
        block = mli_alloc_aligned(s->alloc, bytes, MLI_PACK_ALIGN);
    if (block == NULL)
        *status = mli_no_memory(err);
    return block;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

MODELLAB_MUST_CHECK static modellab_status make_scratch(mli_whisper_state *s, modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    size_t kv_bytes = 0, attention = d->audio_ctx * 4 * d->audio_state;
    modellab_status status =
        mli_kv_bytes(MLI_DTYPE_F32, d->audio_heads, d->audio_state / d->audio_heads, d->audio_ctx,
                     &kv_bytes, err);
    /* Feed-forward needs 5 widths a row, the projection for cross-attention 2. */
    size_t values = attention + kv_bytes / sizeof(float);
    values = most(values, d->audio_ctx * 5 * d->audio_state);
    values = most(values, d->audio_ctx * 2 * d->text_state);
    values = most(values, d->text_ctx * 5 * d->text_state);
    values = most(values, (2 * d->audio_ctx + 2) * d->audio_state);
    if (status != MODELLAB_OK)
        return status;
    size_t bytes = 0;
    if (!mli_mul_overflow(values, sizeof(float), &bytes))
        s->scratch = mli_alloc_large(s->alloc, bytes);
    if (s->scratch == NULL)
        return mli_no_memory(err);
    s->kv_block = s->scratch + attention; /* a multiple of 64 bytes: widths are multiples of 16 */
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_encoder(mli_whisper_state *s, modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    size_t frames = 2 * d->audio_ctx + 2;
    modellab_status status = make_scratch(s, err);
    s->mel = floats(s, frames * d->mels, &status, err);
    s->audio = floats(s, d->audio_ctx * d->audio_state, &status, err);
    if (status == MODELLAB_OK)
        memset(s->mel, 0, frames * d->mels * sizeof(float));
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make_cross(mli_whisper_state *s, modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    size_t bytes = 0, dim = d->text_state / d->text_heads;
    modellab_status status =
        mli_kv_bytes(s->net->type, d->text_heads, dim, d->audio_ctx, &bytes, err);
    for (size_t i = 0; status == MODELLAB_OK && i < d->text_layers; i++) {
        s->cross_blocks[i] = mli_alloc_large(s->alloc, bytes);
        if (s->cross_blocks[i] == NULL)
            return mli_no_memory(err);
        s->cross[i] =
            mli_kv_view(s->net->type, d->text_heads, dim, d->audio_ctx, s->cross_blocks[i]);
    }
    return status;
}

/* Slots: the prompt's, and one a row and token after it. */
MODELLAB_MUST_CHECK static modellab_status make_caches(mli_whisper_state *s, modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    s->slots = d->text_ctx + s->most_rows * d->text_ctx;
    size_t bytes = s->slots * d->text_state * mli_dtype_size(s->net->type);
    for (size_t i = 0; i < d->text_layers; i++) {
        mli_cache *c = &s->caches[i];
        *c = (mli_cache){.type = s->net->type,
                         .heads = d->text_heads,
                         .dim = d->text_state / d->text_heads,
                         .slots = s->slots};
        c->k = mli_alloc_aligned(s->alloc, bytes, MLI_PACK_ALIGN);
        c->v = mli_alloc_aligned(s->alloc, bytes, MLI_PACK_ALIGN);
        if (c->k == NULL || c->v == NULL)
            return mli_no_memory(err);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_decoder(mli_whisper_state *s, modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    modellab_status status = MODELLAB_OK;
    s->text = floats(s, d->text_ctx * d->text_state, &status, err);
    s->picked = floats(s, MLI_WHISPER_LOGIT_ROWS * d->text_state, &status, err);
    s->logits = floats(s, MLI_WHISPER_LOGIT_ROWS * d->vocab, &status, err);
    if (status != MODELLAB_OK)
        return status;
    size_t rows = most(s->most_rows, d->text_ctx);
    s->table = mli_alloc_array(s->alloc, s->most_rows * d->text_ctx, sizeof(int32_t));
    s->next_table = mli_alloc_array(s->alloc, s->most_rows * d->text_ctx, sizeof(int32_t));
    s->lens = mli_alloc_array(s->alloc, rows, sizeof(int32_t));
    s->row_slots = mli_alloc_array(s->alloc, rows, sizeof(int32_t));
    if (s->table == NULL || s->next_table == NULL || s->lens == NULL || s->row_slots == NULL)
        return mli_no_memory(err);
    return make_caches(s, err);
}

modellab_status mli_whisper_state_create(mli_whisper_state **out, const modellab_allocator *alloc,
                                         const mli_whisper_net *net, mli_pool *pool, size_t rows,
                                         modellab_error *err)
{
    *out = NULL;
    if (rows < 1 || rows > MLI_WHISPER_MAX_ROWS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "rows must be 1 to %d",
                        MLI_WHISPER_MAX_ROWS);
    mli_whisper_state *s = mli_alloc_zero(alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    s->alloc = alloc;
    s->net = net;
    s->pool = pool;
    s->most_rows = rows;
    modellab_status status = make_encoder(s, err);
    if (status == MODELLAB_OK)
        status = make_cross(s, err);
    if (status == MODELLAB_OK)
        status = make_decoder(s, err);
    if (status != MODELLAB_OK) {
        mli_whisper_state_destroy(s);
        return status;
    }
    *out = s;
    return MODELLAB_OK;
}

void mli_whisper_state_destroy(mli_whisper_state *s)
{
    if (s == NULL)
        return;
    mli_free_aligned(s->alloc, s->mel);
    mli_free_aligned(s->alloc, s->audio);
    for (size_t i = 0; i < MLI_WHISPER_MAX_LAYERS; i++) {
        mli_free_aligned(s->alloc, s->cross_blocks[i]);
        mli_free_aligned(s->alloc, s->caches[i].k);
        mli_free_aligned(s->alloc, s->caches[i].v);
    }
    mli_free(s->alloc, s->table);
    mli_free(s->alloc, s->next_table);
    mli_free(s->alloc, s->lens);
    mli_free(s->alloc, s->row_slots);
    mli_free_aligned(s->alloc, s->text);
    mli_free_aligned(s->alloc, s->picked);
    mli_free_aligned(s->alloc, s->logits);
    mli_free_aligned(s->alloc, s->scratch);
    mli_free(s->alloc, s);
}

float *mli_whisper_state_mel(mli_whisper_state *s, size_t *frames, size_t *bands)
{
    *frames = 2 * s->net->dims.audio_ctx;
    *bands = s->net->dims.mels;
    return s->mel + s->net->dims.mels;
}

const float *mli_whisper_state_audio(const mli_whisper_state *s)
{
    return s->audio;
}
