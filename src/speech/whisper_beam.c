/* Beam search as the reference runs it: every row offers its beam_size + 1 best tokens, the best of
 * all offers go on, those that end are collected until there are beam_size * patience of them. */
#include "speech/whisper_beam.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/whisper_math.h"
#include "speech/whisper_search.h"
#include <math.h>
#include <string.h>

enum { MOST_OFFERS = MLI_WHISPER_MAX_ROWS * (MLI_WHISPER_MAX_ROWS + 1) };

typedef struct offer {
    float score, logprob;
    int32_t token;
    uint32_t row;
} offer;

struct mli_whisper_beam {
    const modellab_allocator *alloc;
    size_t size, most, wanted; /* wanted: finished sequences */
    int32_t eot;
    size_t rows, finished;
    mli_whisper_sequence *now, *next; /* [size] each, swapped at each step */
    mli_whisper_sequence *done;       /* [wanted or size, whichever is more] */
    offer offers[MOST_OFFERS];
};

modellab_status mli_whisper_sequence_init(mli_whisper_sequence *s, const modellab_allocator *alloc,
                                          size_t capacity, bool margins, modellab_error *err)
{
    memset(s, 0, sizeof *s);
    s->capacity = capacity;
    s->tokens = mli_alloc_array(alloc, capacity, sizeof *s->tokens);
    s->logprobs = mli_alloc_array(alloc, capacity, sizeof *s->logprobs);
    if (margins)
        s->margins = mli_alloc_array(alloc, capacity, sizeof *s->margins);
    if (s->tokens != NULL && s->logprobs != NULL && (!margins || s->margins != NULL))
        return MODELLAB_OK;
    mli_whisper_sequence_dispose(s, alloc);
    return mli_no_memory(err);
}

void mli_whisper_sequence_dispose(mli_whisper_sequence *s, const modellab_allocator *alloc)
{
    mli_free(alloc, s->tokens);
    mli_free(alloc, s->logprobs);
    mli_free(alloc, s->margins);
    memset(s, 0, sizeof *s);
}

void mli_whisper_sequence_copy(mli_whisper_sequence *to, const mli_whisper_sequence *from)
{
    memcpy(to->tokens, from->tokens, from->count * sizeof *to->tokens);
    memcpy(to->logprobs, from->logprobs, from->count * sizeof *to->logprobs);
    to->count = from->count;
    to->sum = from->sum;
    to->done = from->done;
}

double mli_whisper_rank_score(float sum_logprob, size_t length, double length_penalty)
{
    double penalty = (double)length;
    if (length_penalty >= 0)
        penalty = pow((5.0 + (double)length) / 6.0, length_penalty);
    return (double)sum_logprob / penalty;
}

MODELLAB_MUST_CHECK static modellab_status
make_list(mli_whisper_sequence **out, mli_whisper_beam *b, size_t count, modellab_error *err)
{
    mli_whisper_sequence *list = mli_alloc_array(b->alloc, count, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    *out = list;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = mli_whisper_sequence_init(&list[i], b->alloc, b->most, false, err);
    return status;
}

static void free_list(mli_whisper_beam *b, mli_whisper_sequence *list, size_t count)
{
    for (size_t i = 0; list != NULL && i < count; i++)
        mli_whisper_sequence_dispose(&list[i], b->alloc);
    mli_free(b->alloc, list);
}

static size_t done_capacity(const mli_whisper_beam *b)
{
    return b->wanted > b->size ? b->wanted : b->size;
}

modellab_status mli_whisper_beam_create(mli_whisper_beam **out, const modellab_allocator *alloc,
                                        size_t beam_size, double patience, size_t most, int32_t eot,
                                        modellab_error *err)
{
    *out = NULL;
    if (beam_size < 1 || beam_size > MLI_WHISPER_MAX_ROWS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "beam size must be 1 to %d",
                        MLI_WHISPER_MAX_ROWS);
    if (!(patience >= 0.0) || patience > 16.0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "patience must be 0 to 16");
    mli_whisper_beam *b = mli_alloc_zero(alloc, sizeof *b);
    if (b == NULL)
        return mli_no_memory(err);
    double wanted = nearbyint((double)beam_size * (patience > 0 ? patience : 1.0));
    b->alloc = alloc;
    b->size = beam_size;
    b->most = most;
    b->eot = eot;
    b->wanted = wanted < 1 ? 1 : (size_t)wanted;
    b->rows = 1;
    modellab_status status = make_list(&b->now, b, b->size, err);
    if (status == MODELLAB_OK)
        status = make_list(&b->next, b, b->size, err);
    if (status == MODELLAB_OK)
        status = make_list(&b->done, b, done_capacity(b), err);
    if (status != MODELLAB_OK) {
        mli_whisper_beam_destroy(b);
        return status;
    }
    *out = b;
    return MODELLAB_OK;
}

void mli_whisper_beam_destroy(mli_whisper_beam *b)
{
    if (b == NULL)
        return;
    free_list(b, b->now, b->size);
    free_list(b, b->next, b->size);
    free_list(b, b->done, done_capacity(b));
    mli_free(b->alloc, b);
}

size_t mli_whisper_beam_rows(const mli_whisper_beam *b)
{
    return b->rows;
}

const mli_whisper_sequence *mli_whisper_beam_row(const mli_whisper_beam *b, size_t row)
{
    return &b->now[row];
}

/* Insertion keeps equal scores in the order of the offers, as a stable sort does. */
static void add_offer(mli_whisper_beam *b, size_t count, offer o)
{
    size_t at = count;
    while (at > 0 && b->offers[at - 1].score < o.score) {
        b->offers[at] = b->offers[at - 1];
        at--;
    }
    b->offers[at] = o;
}

static size_t collect_offers(mli_whisper_beam *b, float *const *logits, size_t vocab)
{
    size_t count = 0;
    for (size_t row = 0; row < b->rows; row++) {
        int32_t ids[MLI_WHISPER_MAX_ROWS + 1];
        float all = mli_whisper_logsumexp(logits[row], vocab);
        size_t top = mli_whisper_top(logits[row], vocab, b->size + 1, ids);
        for (size_t i = 0; i < top; i++) {
            float logprob = logits[row][ids[i]] - all;
            if (!(logprob > -INFINITY))
                continue;
            offer o = {b->now[row].sum + logprob, logprob, ids[i], (uint32_t)row};
            add_offer(b, count++, o);
        }
    }
    return count;
}

static void finish(mli_whisper_beam *b, const offer *o)
{
    if (b->finished >= b->wanted)
        return;
    mli_whisper_sequence *to = &b->done[b->finished++];
    mli_whisper_sequence_copy(to, &b->now[o->row]);
    to->sum = o->score;
    to->done = true;
}

bool mli_whisper_beam_step(mli_whisper_beam *b, float *const *logits, size_t vocab, int32_t *tokens,
                           int32_t *parents)
{
    size_t offers = collect_offers(b, logits, vocab), kept = 0;
    for (size_t i = 0; i < offers && kept < b->size; i++) {
        const offer *o = &b->offers[i];
        if (o->token == b->eot) {
            finish(b, o);
            continue;
        }
        mli_whisper_sequence *to = &b->next[kept];
        mli_whisper_sequence_copy(to, &b->now[o->row]);
        to->tokens[to->count] = o->token;
        to->logprobs[to->count++] = o->logprob;
        to->sum = o->score;
        tokens[kept] = o->token;
        parents[kept++] = (int32_t)o->row;
    }
    mli_whisper_sequence *old = b->now;
    b->now = b->next;
    b->next = old;
    b->rows = kept;
    return b->finished >= b->wanted || kept == 0;
}

/* When too few have ended, the best of those still going on count as well. */
static void fill_up(mli_whisper_beam *b)
{
    for (size_t i = 0; i < b->rows && b->finished < b->size; i++) {
        /* Rows stand in falling order of their sums: each step sorted them. */
        mli_whisper_sequence_copy(&b->done[b->finished++], &b->now[i]);
    }
}

const mli_whisper_sequence *mli_whisper_beam_best(mli_whisper_beam *b, double length_penalty)
{
    if (b->finished < b->size)
        fill_up(b);
    const mli_whisper_sequence *best = NULL;
    double best_score = 0;
    for (size_t i = 0; i < b->finished; i++) {
        double score = mli_whisper_rank_score(b->done[i].sum, b->done[i].count, length_penalty);
        if (best == NULL || score > best_score) {
            best = &b->done[i];
            best_score = score;
        }
    }
    return best;
}
