/* Entry of the search, the greedy and sampling decoders (one row, or best-of candidates), and the
 * loop around beam search. */
#include "speech/whisper_search.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "speech/whisper_beam.h"
#include "speech/whisper_math.h"
#include <math.h>
#include <string.h>

typedef struct search {
    const modellab_allocator *alloc;
    const mli_whisper_lm *lm;
    const mli_whisper_rules *rules;
    const mli_whisper_search_options *options;
    const mli_cancel_word *cancel;
    size_t rows, vocab;
    mli_whisper_sequence *all; /* one a candidate */
    float *logits;             /* first step: a row a candidate */
    float *weights;            /* sampling: one row */
} search;

MODELLAB_MUST_CHECK static modellab_status cancelled(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while decoding");
}

/* Draws from softmax(logits / temperature). */
static int32_t draw(search *s, size_t candidate, size_t step, const float *logits)
{
    memcpy(s->weights, logits, s->vocab * sizeof(float));
    mli_whisper_exp_scaled(s->weights, s->vocab, s->options->temperature);
    double total = 0, sum = 0;
    for (size_t i = 0; i < s->vocab; i++)
        total += (double)s->weights[i];
    uint32_t counter[4] = {(uint32_t)step, (uint32_t)candidate, s->options->stream[0],
                           s->options->stream[1]};
    uint32_t random[4];
    mli_philox(s->options->seed, counter, random);
    double target = mli_philox_uniform(random[0], random[1]) * total;
    size_t last = 0;
    for (size_t i = 0; i < s->vocab && sum <= target; i++) {
        if (s->weights[i] <= 0)
            continue;
        last = i;
        sum += (double)s->weights[i];
    }
    return (int32_t)last;
}

static float second_best_distance(const float *logits, size_t vocab, float weighed)
{
    int32_t two[2];
    if (mli_whisper_top(logits, vocab, 2, two) < 2)
        return weighed;
    float margin = logits[two[0]] - logits[two[1]];
    return weighed < margin ? weighed : margin;
}

/* Adds the token that was chosen from a row of logits to which the rules were applied. */
static void say_token(const mli_whisper_rules *rules, mli_whisper_sequence *q, int32_t id,
                      float weighed, const float *logits)
{
    size_t vocab = (size_t)rules->n_vocab;
    float logprob = logits[id] - mli_whisper_logsumexp(logits, vocab);
    q->sum += logprob;
    if (q->margins != NULL)
        q->margins[q->count] = second_best_distance(logits, vocab, weighed);
    if (id == rules->eot) {
        q->done = true;
        return;
    }
    q->tokens[q->count] = id;
    q->logprobs[q->count++] = logprob;
}

void mli_whisper_say_best(const mli_whisper_rules *rules, mli_whisper_sequence *said, float *logits)
{
    float weighed = mli_whisper_rules_apply(rules, said->tokens, said->count, logits);
    size_t best = mli_whisper_argmax(logits, (size_t)rules->n_vocab);
    say_token(rules, said, (int32_t)best, weighed, logits);
}

/* Says one more token in a candidate from its row of logits. */
static void extend(search *s, size_t candidate, size_t step, float *logits)
{
    mli_whisper_sequence *q = &s->all[candidate];
    if (s->options->temperature <= 0) {
        mli_whisper_say_best(s->rules, q, logits);
        return;
    }
    float weighed = mli_whisper_rules_apply(s->rules, q->tokens, q->count, logits);
    say_token(s->rules, q, draw(s, candidate, step, logits), weighed, logits);
}

static int32_t lesser(const mli_whisper_rules *rules, const mli_whisper_sequence *said,
                      int32_t least)
{
    int32_t own = mli_whisper_rules_least(rules, said->tokens, said->count);
    return own < least ? own : least;
}

/* Candidates that have ended leave the batch: the others are packed to the front. */
static size_t pack_rows(search *s, const size_t *row_of, size_t rows, size_t *next_row_of,
                        int32_t *tokens, int32_t *parents)
{
    size_t kept = 0;
    for (size_t r = 0; r < rows; r++) {
        const mli_whisper_sequence *q = &s->all[row_of[r]];
        if (q->done)
            continue;
        next_row_of[kept] = row_of[r];
        tokens[kept] = q->tokens[q->count - 1];
        parents[kept++] = (int32_t)r;
    }
    return kept;
}

MODELLAB_MUST_CHECK static modellab_status say(search *s, const float *prompt_logits,
                                               modellab_error *err)
{
    size_t row_of[MLI_WHISPER_MAX_ROWS], next[MLI_WHISPER_MAX_ROWS], rows = s->rows;
    int32_t tokens[MLI_WHISPER_MAX_ROWS], parents[MLI_WHISPER_MAX_ROWS];
    for (size_t r = 0; r < rows; r++) {
        row_of[r] = r;
        memcpy(s->logits, prompt_logits, s->vocab * sizeof(float));
        extend(s, r, 0, s->logits);
    }
    for (size_t step = 1; step < s->options->max_tokens; step++) {
        rows = pack_rows(s, row_of, rows, next, tokens, parents);
        if (rows == 0)
            break;
        if (mli_cancelled(s->cancel))
            return cancelled(err);
        memcpy(row_of, next, sizeof row_of);
        if (step == 1)
            memset(parents, 0, sizeof parents); /* all go on from the prompt */
        float *logits = NULL;
        int32_t least = s->rules->n_vocab;
        for (size_t r = 0; r < rows; r++)
            least = lesser(s->rules, &s->all[row_of[r]], least);
        modellab_status status =
            s->lm->step(s->lm->user, tokens, parents, rows, least, &logits, err);
        if (status != MODELLAB_OK)
            return status;
        for (size_t r = 0; r < rows; r++)
            extend(s, row_of[r], step, logits + r * s->vocab);
    }
    return MODELLAB_OK;
}

modellab_status mli_whisper_found_make(const modellab_allocator *alloc,
                                       const mli_whisper_sequence *best, mli_whisper_found *out,
                                       modellab_error *err)
{
    mli_whisper_sequence copy;
    modellab_status status =
        mli_whisper_sequence_init(&copy, alloc, best->count + 1, best->margins != NULL, err);
    if (status != MODELLAB_OK)
        return status;
    mli_whisper_sequence_copy(&copy, best);
    if (best->margins != NULL)
        memcpy(copy.margins, best->margins, (best->count + 1) * sizeof *copy.margins);
    *out = (mli_whisper_found){.tokens = copy.tokens,
                               .logprobs = copy.logprobs,
                               .margins = copy.margins,
                               .count = copy.count,
                               .sum_logprob = copy.sum,
                               .avg_logprob = (double)copy.sum / (double)(copy.count + 1)};
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
run_candidates(search *s, const float *prompt_logits, mli_whisper_found *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    bool margins = s->options->temperature <= 0;
    s->rows = margins ? 1 : (size_t)s->options->best_of;
    s->all = mli_alloc_array(s->alloc, s->rows, sizeof *s->all);
    s->logits = mli_alloc_array(s->alloc, s->vocab, sizeof(float));
    s->weights = mli_alloc_array(s->alloc, margins ? 1 : s->vocab, sizeof(float));
    if (s->all == NULL || s->logits == NULL || s->weights == NULL)
        status = mli_no_memory(err);
    for (size_t r = 0; status == MODELLAB_OK && r < s->rows; r++)
        status = mli_whisper_sequence_init(&s->all[r], s->alloc, s->options->max_tokens + 1,
                                           margins, err);
    if (status == MODELLAB_OK)
        status = say(s, prompt_logits, err);
    size_t best = 0;
    double best_score = -INFINITY;
    for (size_t r = 0; status == MODELLAB_OK && r < s->rows; r++) {
        const mli_whisper_sequence *q = &s->all[r];
        double score = mli_whisper_rank_score(q->sum, q->count, s->options->length_penalty);
        if (score > best_score) {
            best = r;
            best_score = score;
        }
    }
    if (status == MODELLAB_OK)
        status = mli_whisper_found_make(s->alloc, &s->all[best], out, err);
    for (size_t r = 0; s->all != NULL && r < s->rows; r++)
        mli_whisper_sequence_dispose(&s->all[r], s->alloc);
    mli_free(s->alloc, s->all);
    mli_free(s->alloc, s->logits);
    mli_free(s->alloc, s->weights);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status beam_loop(search *s, mli_whisper_beam *beam,
                                                     float *first, modellab_error *err)
{
    int32_t tokens[MLI_WHISPER_MAX_ROWS], parents[MLI_WHISPER_MAX_ROWS];
    float *rows[MLI_WHISPER_MAX_ROWS] = {first};
    for (size_t step = 0; step < s->options->max_tokens; step++) {
        size_t count = mli_whisper_beam_rows(beam);
        if (mli_cancelled(s->cancel))
            return cancelled(err);
        if (step > 0) {
            float *logits = NULL;
            int32_t least = s->rules->n_vocab;
            for (size_t r = 0; r < count; r++)
                least = lesser(s->rules, mli_whisper_beam_row(beam, r), least);
            modellab_status status =
                s->lm->step(s->lm->user, tokens, parents, count, least, &logits, err);
            if (status != MODELLAB_OK)
                return status;
            for (size_t r = 0; r < count; r++)
                rows[r] = logits + r * s->vocab;
        }
        for (size_t r = 0; r < count; r++) {
            const mli_whisper_sequence *q = mli_whisper_beam_row(beam, r);
            (void)mli_whisper_rules_apply(s->rules, q->tokens, q->count, rows[r]);
        }
        if (mli_whisper_beam_step(beam, rows, s->vocab, tokens, parents))
            break;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status run_beam(search *s, const float *prompt_logits,
                                                    mli_whisper_found *out, modellab_error *err)
{
    mli_whisper_beam *beam = NULL;
    float *first = mli_alloc_array(s->alloc, s->vocab, sizeof(float));
    if (first == NULL)
        return mli_no_memory(err);
    memcpy(first, prompt_logits, s->vocab * sizeof(float));
    modellab_status status = mli_whisper_beam_create(
        &beam, s->alloc, (size_t)s->options->beam_size, s->options->patience,
        s->options->max_tokens + 1, s->rules->eot, err);
    if (status == MODELLAB_OK)
        status = beam_loop(s, beam, first, err);
    if (status == MODELLAB_OK) {
        const mli_whisper_sequence *best = mli_whisper_beam_best(beam, s->options->length_penalty);
        status = best != NULL ? mli_whisper_found_make(s->alloc, best, out, err)
                              : mli_fail(err, MODELLAB_E_INTERNAL, "no token could be said");
    }
    mli_whisper_beam_destroy(beam);
    mli_free(s->alloc, first);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_whisper_search_options *o,
                                                 modellab_error *err)
{
    if (!(o->temperature >= 0) || !(o->temperature <= 16))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "temperature must be 0 to 16");
    if (o->temperature > 0 && (o->best_of < 1 || o->best_of > MLI_WHISPER_MAX_ROWS))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "best-of must be 1 to %d",
                        MLI_WHISPER_MAX_ROWS);
    if (o->max_tokens < 1 || o->max_tokens > 65536)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no room for tokens after the prompt");
    return MODELLAB_OK;
}

modellab_status mli_whisper_search(const modellab_allocator *alloc, const mli_whisper_lm *lm,
                                   const mli_whisper_rules *rules,
                                   const mli_whisper_search_options *options,
                                   const float *prompt_logits, const mli_cancel_word *cancel,
                                   mli_whisper_found *out, modellab_error *err)
{
    memset(out, 0, sizeof *out);
    modellab_status status = check(options, err);
    if (status != MODELLAB_OK)
        return status;
    search s = {.alloc = alloc,
                .lm = lm,
                .rules = rules,
                .options = options,
                .cancel = cancel,
                .vocab = (size_t)rules->n_vocab};
    if (options->temperature <= 0 && options->beam_size > 0)
        return run_beam(&s, prompt_logits, out, err);
    return run_candidates(&s, prompt_logits, out, err);
}

void mli_whisper_found_dispose(const modellab_allocator *alloc, mli_whisper_found *found)
{
    mli_free(alloc, found->tokens);
    mli_free(alloc, found->logprobs);
    mli_free(alloc, found->margins);
    memset(found, 0, sizeof *found);
}
