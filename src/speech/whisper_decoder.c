/* Whisper's decoder: prompts in one batch, then a token a row and step. Beams share the slots of
 * their common past; reordering them moves indices only. */
#include "speech/whisper_state_private.h"

#include "base/error.h"
#include "kernels/vector.h"
#include <math.h>
#include <string.h>

typedef struct pass {
    mli_whisper_state *s;
    size_t rows;
    const int32_t *table;          /* NULL: key t stands in slot t */
    const mli_whisper_head *heads; /* whose attention to keep; NULL = none */
    size_t head_count;
    float *attention;
    size_t logit_rows; /* rows of `picked` to make logits of */
    size_t least;      /* ids below it need none: a whole number of tiles */
    bool logits_only;
} pass;

static void wanted_heads(const pass *p, size_t layer, float *probs[], size_t heads)
{
    size_t plane = p->rows * p->s->net->dims.audio_ctx;
    for (size_t h = 0; h < heads; h++)
        probs[h] = NULL;
    for (size_t i = 0; i < p->head_count; i++)
        if ((size_t)p->heads[i].layer == layer)
            probs[p->heads[i].head] = p->attention + i * plane;
}

static void run_layers(mli_team *team, const pass *p)
{
    mli_whisper_state *s = p->s;
    const mli_whisper_net *net = s->net;
    float *probs[MLI_ATTENTION_MAX_KEYS / 16];
    for (size_t i = 0; i < net->dims.text_layers; i++) {
        const mli_whisper_block *block = &net->text[i];
        mli_nn_cached cached = {.cache = &s->caches[i],
                                .slots = s->row_slots,
                                .lens = s->lens,
                                .table = p->table,
                                .table_stride = net->dims.text_ctx};
        mli_nn_attention_cached(team, &block->attn, &cached, p->rows, s->text, s->scratch);
        if (p->heads != NULL)
            wanted_heads(p, i, probs, net->dims.text_heads);
        mli_nn_cross_run(team, &block->cross, &s->cross[i], p->rows, s->text,
                         p->heads != NULL ? probs : NULL, s->scratch);
        mli_nn_mlp_run(team, &block->mlp, p->rows, s->text, s->scratch);
        if (mli_team_cancelled(team))
            return;
    }
}

void mli_whisper_run_logits(mli_team *team, mli_whisper_state *s, size_t rows, size_t least)
{
    const mli_whisper_net *net = s->net;
    mli_packed wanted = mli_packed_from(&net->embedding, least);
    for (size_t r = 0; r < rows && mli_team_is_first(team); r++)
        for (size_t i = 0; i < least; i++)
            s->logits[r * net->dims.vocab + i] = -INFINITY;
    mli_nn_norm_run(team, &net->ln, rows, s->picked, s->picked);
    mli_linear_args args = {.w = &wanted,
                            .m = rows,
                            .x = s->picked,
                            .x_stride = net->dims.text_state,
                            .y = s->logits + least,
                            .y_stride = net->dims.vocab};
    mli_linear(team, &args);
}

static void pick_row(mli_whisper_state *s, size_t to, size_t from)
{
    size_t width = s->net->dims.text_state;
    memcpy(s->picked + to * width, s->text + from * width, width * sizeof(float));
}

void mli_whisper_pick_rows(mli_team *team, mli_whisper_state *s, size_t rows)
{
    if (mli_team_is_first(team))
        for (size_t i = 0; i < rows; i++)
            pick_row(s, i, i);
    mli_team_barrier(team);
}

static void run_step(void *user, mli_team *team)
{
    const pass *p = user;
    if (!p->logits_only)
        run_layers(team, p);
    if (!p->logits_only && p->logit_rows > 0)
        mli_whisper_pick_rows(team, p->s, p->logit_rows);
    if (p->logit_rows > 0)
        mli_whisper_run_logits(team, p->s, p->logit_rows, p->least);
}

MODELLAB_MUST_CHECK static modellab_status run(pass *p, const mli_cancel_word *cancel,
                                               modellab_error *err)
{
    mli_pool_region(p->s->pool, cancel, run_step, p);
    if (mli_cancelled(cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while decoding");
    return MODELLAB_OK;
}

modellab_status mli_whisper_embed(mli_whisper_state *s, size_t row, int32_t token, size_t position,
                                  modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    if (token < 0 || (size_t)token >= d->vocab)
        return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, token,
                           "a token is outside of the vocabulary");
    float *x = s->text + row * d->text_state;
    mli_packed_row(&s->net->embedding, (size_t)token, x);
    mli_add(x, s->net->text_positions + position * d->text_state, d->text_state);
    return MODELLAB_OK;
}

/* Tokens 0..count-1 into slots 0..count-1, each seeing those before it. */
MODELLAB_MUST_CHECK static modellab_status load_batch(mli_whisper_state *s, const int32_t *tokens,
                                                      size_t count, modellab_error *err)
{
    if (count < 1 || count > s->net->dims.text_ctx)
        return mli_fail(err, MODELLAB_E_LIMIT, "a prompt must have 1 to %zu tokens",
                        s->net->dims.text_ctx);
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        status = mli_whisper_embed(s, i, tokens[i], i, err);
        s->row_slots[i] = (int32_t)i;
        s->lens[i] = (int32_t)(i + 1);
    }
    s->prompt_length = s->length = 0;
    return status;
}

modellab_status mli_whisper_state_prompt(mli_whisper_state *s, const int32_t *tokens, size_t count,
                                         size_t sot_index, const mli_cancel_word *cancel,
                                         const float **at_sot, const float **last,
                                         modellab_error *err)
{
    pass layers = {.s = s, .rows = count};
    pass logits = {.s = s, .logit_rows = 2, .logits_only = true};
    modellab_status status = load_batch(s, tokens, count, err);
    if (status == MODELLAB_OK && sot_index >= count)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the start token is not in the prompt");
    if (status == MODELLAB_OK)
        status = run(&layers, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    pick_row(s, 0, sot_index);
    pick_row(s, 1, count - 1);
    status = run(&logits, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    s->prompt_length = count;
    mli_whisper_state_rewind(s);
    if (at_sot != NULL)
        *at_sot = s->logits;
    *last = s->logits + s->net->dims.vocab;
    return MODELLAB_OK;
}

void mli_whisper_state_rewind(mli_whisper_state *s)
{
    s->length = s->used_slots = s->prompt_length;
    for (size_t r = 0; r < s->most_rows; r++)
        for (size_t t = 0; t < s->prompt_length; t++)
            s->table[r * s->net->dims.text_ctx + t] = (int32_t)t;
}

/* Each row goes on from its parent's past with a slot of its own. */
MODELLAB_MUST_CHECK static modellab_status extend_rows(mli_whisper_state *s, const int32_t *tokens,
                                                       const int32_t *parents, size_t rows,
                                                       modellab_error *err)
{
    size_t context = s->net->dims.text_ctx;
    for (size_t r = 0; r < rows; r++) {
        if (parents[r] < 0 || (size_t)parents[r] >= s->most_rows)
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a row has no parent");
        int32_t *to = s->next_table + r * context;
        memcpy(to, s->table + (size_t)parents[r] * context, s->length * sizeof *to);
        s->row_slots[r] = to[s->length] = (int32_t)s->used_slots++;
        s->lens[r] = (int32_t)(s->length + 1);
        modellab_status status = mli_whisper_embed(s, r, tokens[r], s->length, err);
        if (status != MODELLAB_OK)
            return status;
    }
    int32_t *old = s->table;
    s->table = s->next_table;
    s->next_table = old;
    return MODELLAB_OK;
}

modellab_status mli_whisper_state_step(mli_whisper_state *s, const int32_t *tokens,
                                       const int32_t *parents, size_t rows, int32_t least,
                                       const mli_cancel_word *cancel, float **logits,
                                       modellab_error *err)
{
    if (rows < 1 || rows > s->most_rows || s->length == 0 || least < 0 ||
        (size_t)least >= s->net->dims.vocab)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a step needs a prompt and 1 to %zu rows",
                        s->most_rows);
    if (s->length >= s->net->dims.text_ctx || s->used_slots + rows > s->slots)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text context is full");
    modellab_status status = extend_rows(s, tokens, parents, rows, err);
    if (status != MODELLAB_OK)
        return status;
    pass p = {.s = s,
              .rows = rows,
              .table = s->table,
              .logit_rows = rows,
              .least = (size_t)least / MLI_PACK_TILE * MLI_PACK_TILE};
    status = run(&p, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    s->length++;
    *logits = s->logits;
    return MODELLAB_OK;
}

/* Probabilities of the tokens after rows [at, at + rows) of the batch. */
MODELLAB_MUST_CHECK static modellab_status
score_rows(mli_whisper_state *s, const int32_t *tokens, size_t at, size_t rows, int32_t below,
           float *probabilities, const mli_cancel_word *cancel, modellab_error *err)
{
    pass p = {.s = s, .logit_rows = rows, .logits_only = true};
    for (size_t i = 0; i < rows; i++)
        pick_row(s, i, at + i);
    modellab_status status = run(&p, cancel, err);
    for (size_t i = 0; status == MODELLAB_OK && i < rows; i++) {
        const float *row = s->logits + i * s->net->dims.vocab;
        int32_t next = tokens[at + i + 1];
        float all = mli_log_sum_exp(row, (size_t)below);
        probabilities[at + i] = next < below ? expf(row[next] - all) : 0.0f;
    }
    return status;
}

modellab_status mli_whisper_state_attend(mli_whisper_state *s, const int32_t *tokens, size_t count,
                                         const mli_whisper_head *heads, size_t head_count,
                                         float *attention, size_t first, int32_t below,
                                         float *probabilities, const mli_cancel_word *cancel,
                                         modellab_error *err)
{
    const mli_whisper_dims *d = &s->net->dims;
    for (size_t i = 0; i < head_count; i++)
        if (heads[i].layer < 0 || (size_t)heads[i].layer >= d->text_layers || heads[i].head < 0 ||
            (size_t)heads[i].head >= d->text_heads)
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "an alignment head does not exist");
    if (below < 1 || (size_t)below > d->vocab)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no text tokens");
    modellab_status status = load_batch(s, tokens, count, err);
    pass p = {
        .s = s, .rows = count, .heads = heads, .head_count = head_count, .attention = attention};
    if (status == MODELLAB_OK)
        status = run(&p, cancel, err);
    for (size_t at = first; status == MODELLAB_OK && at + 1 < count;) {
        size_t rows = count - 1 - at;
        if (rows > MLI_WHISPER_LOGIT_ROWS)
            rows = MLI_WHISPER_LOGIT_ROWS;
        status = score_rows(s, tokens, at, rows, below, probabilities, cancel, err);
        at += rows;
    }
    return status;
}
