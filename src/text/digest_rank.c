/* LexRank: a sentence counts as much as the sentences that are like it, which count as much as
 * those that are like them (a random walk over cosines of tf-idf). Long transcripts are ranked in
 * blocks first, whose best go into the last round. */
#include "text/digest_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 384, BEST_OF_BLOCK = 96, ROUNDS = 60, LEAST_TERMS = 4 };
#define DAMPING 0.85
#define SAME 0.6 /* cosine from which on a sentence says what another one says */
#define SETTLED 1e-7

typedef struct walk {
    const mli_digest *d;
    double *weights; /* of all terms, zero between uses */
    double *norms;   /* of the chosen sentences */
    float *alike;    /* BLOCK * BLOCK */
    double *score, *next;
} walk;

typedef struct candidate {
    size_t sentence;
    double score;
} candidate;

static void scatter(walk *w, size_t sentence, double sign)
{
    const mli_digest_sentence *s = &w->d->sentences[sentence];
    for (size_t i = 0; i < s->term_count; i++) {
        uint32_t term = w->d->sequence[s->first_term + i];
        w->weights[term] += sign * mli_digest_weight(w->d, term);
    }
}

static void clear(walk *w, size_t sentence)
{
    const mli_digest_sentence *s = &w->d->sentences[sentence];
    for (size_t i = 0; i < s->term_count; i++) {
        w->weights[w->d->sequence[s->first_term + i]] = 0;
    }
}

/* Of the sentence that is scattered with another one: each of its terms counts as often as it is
 * there. */
static double product(const walk *w, size_t sentence)
{
    const mli_digest_sentence *s = &w->d->sentences[sentence];
    double sum = 0;
    for (size_t i = 0; i < s->term_count; i++) {
        uint32_t term = w->d->sequence[s->first_term + i];
        sum += w->weights[term] * mli_digest_weight(w->d, term);
    }
    return sum;
}

MODELLAB_MUST_CHECK static modellab_status compare(walk *w, const candidate *list, size_t n,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        scatter(w, list[i].sentence, 1);
        w->norms[i] = sqrt(product(w, list[i].sentence));
        for (size_t j = 0; j < i; j++) {
            double norm = w->norms[i] * w->norms[j];
            float alike = norm > 0 ? (float)(product(w, list[j].sentence) / norm) : 0;
            w->alike[i * BLOCK + j] = w->alike[j * BLOCK + i] = alike;
        }
        w->alike[i * BLOCK + i] = 0; /* else a sentence that is like no other would keep its own */
        clear(w, list[i].sentence);
    }
    return MODELLAB_OK;
}

/* Power iteration over rows that add up to 1; one that is like no other leads everywhere. */
MODELLAB_MUST_CHECK static modellab_status settle(walk *w, size_t n, const mli_cancel_word *cancel,
                                                  modellab_error *err)
{
    double *sums = w->norms; /* no longer needed as lengths */
    for (size_t i = 0; i < n; i++) {
        sums[i] = 0;
        w->score[i] = 1.0 / (double)n;
        for (size_t j = 0; j < n; j++) {
            sums[i] += (double)w->alike[i * BLOCK + j];
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        double moved = 0, lost = 0;
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        for (size_t j = 0; j < n; j++) {
            lost += sums[j] > 0 ? 0 : w->score[j];
            w->score[j] = sums[j] > 0 ? w->score[j] / sums[j] : 0;
        }
        for (size_t i = 0; i < n; i++) {
            double got = lost / (double)n;
            for (size_t j = 0; j < n; j++) { /* the matrix is its own mirror: row i is in order */
                got += (double)w->alike[i * BLOCK + j] * w->score[j];
            }
            w->next[i] = (1 - DAMPING) / (double)n + DAMPING * got;
            moved += fabs(w->next[i] - w->score[i] * sums[i]);
        }
        memcpy(w->score, w->next, n * sizeof *w->score);
        if (moved < SETTLED) {
            break;
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
rank_block(walk *w, candidate *list, size_t n, const mli_cancel_word *cancel, modellab_error *err)
{
    modellab_status status = compare(w, list, n, cancel, err);
    if (status == MODELLAB_OK) {
        status = settle(w, n, cancel, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < n; i++) {
        list[i].score = w->score[i];
    }
    return status;
}

/* The better one first; of equals the earlier one. */
static int by_score(const void *a, const void *b)
{
    const candidate *one = a, *other = b;
    if (one->score != other->score) {
        return one->score > other->score ? -1 : 1;
    }
    return one->sentence < other->sentence ? -1 : one->sentence > other->sentence;
}

static int by_time(const void *a, const void *b)
{
    const candidate *one = a, *other = b;
    return one->sentence < other->sentence ? -1 : one->sentence > other->sentence;
}

/* Down to one block, by rounds in which the best of each block stay. */
MODELLAB_MUST_CHECK static modellab_status
narrow(walk *w, candidate *list, size_t *n, const mli_cancel_word *cancel, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && *n > BLOCK) {
        size_t kept = 0;
        for (size_t at = 0; status == MODELLAB_OK && at < *n; at += BLOCK) {
            size_t count = *n - at < BLOCK ? *n - at : BLOCK;
            size_t best = count < BEST_OF_BLOCK ? count : BEST_OF_BLOCK;
            status = rank_block(w, list + at, count, cancel, err);
            qsort(list + at, count, sizeof *list, by_score);
            memmove(list + kept, list + at, best * sizeof *list);
            kept += best;
        }
        *n = kept;
        qsort(list, *n, sizeof *list, by_time);
    }
    return status;
}

/* Sentences that are long enough to say something; shorter ones when there are not `most` of them.
 */
static size_t choose(const mli_digest *d, size_t least, size_t most, candidate *list)
{
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (d->sentences[i].term_count >= least) {
            list[n++] = (candidate){.sentence = i};
        }
    }
    return n < most && least > 1 ? choose(d, least / 2, most, list) : n;
}

static bool says_the_same(walk *w, size_t sentence, const mli_digest_pick *picks, size_t count)
{
    bool same = false;
    scatter(w, sentence, 1);
    double norm = product(w, sentence);
    clear(w, sentence);
    for (size_t i = 0; !same && i < count; i++) {
        scatter(w, picks[i].sentence, 1);
        double other = product(w, picks[i].sentence), both = product(w, sentence);
        clear(w, picks[i].sentence);
        same = norm > 0 && other > 0 && both > SAME * sqrt(norm * other);
    }
    return same;
}

static int by_sentence(const void *a, const void *b)
{
    const mli_digest_pick *one = a, *other = b;
    return one->sentence < other->sentence ? -1 : one->sentence > other->sentence;
}

MODELLAB_MUST_CHECK static modellab_status pick(walk *w, candidate *list, size_t n, size_t most,
                                                const mli_cancel_word *cancel,
                                                mli_digest_pick *picks, size_t *count,
                                                modellab_error *err)
{
    modellab_status status = narrow(w, list, &n, cancel, err);
    if (status == MODELLAB_OK && n > 0) {
        status = rank_block(w, list, n, cancel, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    qsort(list, n, sizeof *list, by_score);
    for (size_t i = 0; i < n && *count < most; i++) {
        if (!says_the_same(w, list[i].sentence, picks, *count)) {
            picks[(*count)++] = (mli_digest_pick){
                list[i].sentence, list[0].score > 0 ? list[i].score / list[0].score : 0};
        }
    }
    qsort(picks, *count, sizeof *picks, by_sentence);
    return MODELLAB_OK;
}

modellab_status mli_digest_rank(const mli_digest *digest, size_t most,
                                const mli_cancel_word *cancel, mli_digest_pick *picks,
                                size_t *count, modellab_error *err)
{
    const modellab_allocator *alloc = digest->alloc;
    size_t terms = digest->term_count > 0 ? digest->term_count : 1;
    walk w = {.d = digest,
              .weights = mli_alloc_array(alloc, terms, sizeof(double)),
              .norms = mli_alloc_array(alloc, BLOCK, sizeof(double)),
              .alike = mli_alloc_array(alloc, (size_t)BLOCK * BLOCK, sizeof(float)),
              .score = mli_alloc_array(alloc, BLOCK, sizeof(double)),
              .next = mli_alloc_array(alloc, BLOCK, sizeof(double))};
    candidate *list = mli_alloc_array(alloc, digest->count > 0 ? digest->count : 1, sizeof *list);
    modellab_status status = MODELLAB_OK;
    *count = 0;
    if (w.weights == NULL || w.norms == NULL || w.alike == NULL || w.score == NULL ||
        w.next == NULL || list == NULL) {
        status = mli_no_memory(err);
    } else {
        status = pick(&w, list, choose(digest, LEAST_TERMS, most, list), most, cancel, picks, count,
                      err);
    }
    mli_free(alloc, list);
    mli_free(alloc, w.next);
    mli_free(alloc, w.score);
    mli_free(alloc, w.alike);
    mli_free(alloc, w.norms);
    mli_free(alloc, w.weights);
    return status;
}
