/* TextTiling: where the words before a place have little in common with those after it, the subject
 * changes. Chapters are named by the terms that tell them from the others. */
#include "text/digest_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { ROUNDS_PER_LOOK = 64 };
enum { WINDOW = 120, STEP = 20 }; /* terms on each side of a place, and from place to place */
#define SHALLOW 0.3               /* what is not deeper than this part is chance */

typedef struct tiling {
    const mli_digest *d;
    const mli_cancel_word *cancel;
    double *left, *right;  /* counts of terms on both sides; zero between uses */
    double *alike, *depth; /* of each place */
    size_t places;
} tiling;

/* Cosine of the terms before and after this place of the sequence. */
static double cosine_at(tiling *t, size_t at)
{
    const mli_digest *d = t->d;
    size_t side = at < d->length - at ? at : d->length - at; /* alike on both sides */
    side = side < WINDOW ? side : WINDOW;
    size_t from = at - side, to = at + side;
    double both = 0, left = 0, right = 0;

    for (size_t i = from; i < at; i++) {
        t->left[d->sequence[i]] += 1;
    }
    for (size_t i = at; i < to; i++) {
        t->right[d->sequence[i]] += 1;
    }
    for (size_t i = from; i < to; i++) {
        uint32_t term = d->sequence[i];
        double a = t->left[term], b = t->right[term];

        both += a * b;
        left += a * a;
        right += b * b;
        t->left[term] = t->right[term] = 0; /* once is enough */
    }
    return left > 0 && right > 0 ? both / sqrt(left * right) : 0;
}

MODELLAB_MUST_CHECK static modellab_status measure(tiling *t, modellab_error *err)
{
    for (size_t i = 0; i < t->places; i++) {
        if (mli_cancelled(t->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        t->alike[i] = cosine_at(t, (i + 1) * STEP);
    }
    for (size_t i = 0; i < t->places; i++) { /* the mean of three, put into `depth` first */
        double before = t->alike[i > 0 ? i - 1 : i];
        double after = t->alike[i + 1 < t->places ? i + 1 : i];

        t->depth[i] = (before + t->alike[i] + after) / 3;
    }
    memcpy(t->alike, t->depth, t->places * sizeof *t->alike);
    return MODELLAB_OK;
}

/* How deep a place lies below the peaks on both sides of it, as a part of them. Near the ends there
 * is too little text to tell. */
MODELLAB_MUST_CHECK static modellab_status find_depths(tiling *t, modellab_error *err)
{
    for (size_t i = 0; i < t->places; i++) {
        if (i % ROUNDS_PER_LOOK == 0 && mli_cancelled(t->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        double left = t->alike[i], right = t->alike[i];

        for (size_t k = i; k > 0 && t->alike[k - 1] >= left; k--) {
            left = t->alike[k - 1];
        }
        for (size_t k = i + 1; k < t->places && t->alike[k] >= right; k++) {
            right = t->alike[k];
        }
        size_t at = (i + 1) * STEP;
        bool near = at < WINDOW / 2 || t->d->length - at < WINDOW / 2;

        t->depth[i] = near || left + right <= 0 ? 0 : 1 - 2 * t->alike[i] / (left + right);
    }
    return MODELLAB_OK;
}

static double cutoff(const tiling *t)
{
    double sum = 0, squares = 0, n = (double)t->places;

    for (size_t i = 0; i < t->places; i++) {
        sum += t->depth[i];
        squares += t->depth[i] * t->depth[i];
    }
    double mean = sum / n, variance = squares / n - mean * mean;
    return mean + sqrt(variance > 0 ? variance : 0) / 2;
}

/* The sentence whose begin is nearest to this place of the sequence. */
static size_t sentence_at(const mli_digest *d, size_t at)
{
    size_t low = 0, high = d->count;

    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;

        if (d->sentences[middle].first_term <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const mli_digest_sentence *s = &d->sentences[low];
    return at - s->first_term > s->term_count / 2 && low + 1 < d->count ? low + 1 : low;
}

/* Boundaries from the deepest to the shallowest, while chapters stay long enough; in order. */
MODELLAB_MUST_CHECK static modellab_status cut(tiling *t, double min_seconds,
                                               mli_digest_chapter *chapters, size_t most,
                                               size_t *out, modellab_error *err)
{
    const mli_digest *d = t->d;
    double least = t->places > 0 ? cutoff(t) : 0;
    double end = d->sentences[d->count - 1].end;
    size_t count = 1, round = 0;

    chapters[0].first = 0;
    while (count < most) {
        size_t best = t->places;

        if (round++ % ROUNDS_PER_LOOK == 0 && mli_cancelled(t->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }

        for (size_t i = 0; i < t->places; i++) {
            if (t->depth[i] > least && t->depth[i] > SHALLOW &&
                (best == t->places || t->depth[i] > t->depth[best])) {
                best = i;
            }
        }
        if (best == t->places) {
            break;
        }
        t->depth[best] = 0;
        size_t sentence = sentence_at(d, (best + 1) * STEP), at = count;
        double start = d->sentences[sentence].start;
        while (at > 0 && chapters[at - 1].first > sentence) {
            at--;
        }
        double next = at < count ? d->sentences[chapters[at].first].start : end;
        if (start - d->sentences[chapters[at - 1].first].start < min_seconds ||
            next - start < min_seconds) {
            continue;
        }
        memmove(&chapters[at + 1], &chapters[at], (count - at) * sizeof *chapters);
        chapters[at].first = sentence;
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        chapters[i].count = (i + 1 < count ? chapters[i + 1].first : d->count) - chapters[i].first;
    }
    *out = count;
    return MODELLAB_OK;
}

/* The terms that are frequent here, and rare elsewhere. */
static void name(tiling *t, mli_digest_chapter *c)
{
    const mli_digest *d = t->d;
    const mli_digest_sentence *last = &d->sentences[c->first + c->count - 1];
    size_t from = d->sentences[c->first].first_term, to = last->first_term + last->term_count;

    for (size_t i = from; i < to; i++) {
        t->left[d->sequence[i]] += 1;
    }
    for (size_t k = 0; k < MLI_DIGEST_KEYWORDS; k++) {
        double best = 0;
        uint32_t term = 0;

        for (size_t i = from; i < to; i++) {
            uint32_t one = d->sequence[i];
            double score = t->left[one] * t->left[one] / (double)d->terms[one].sentences;

            if (score > best) {
                best = score;
                term = one;
            }
        }
        c->keywords[k] = best > 0 ? d->names.data + d->terms[term].shown : NULL;
        t->left[term] = 0;
    }
    for (size_t i = from; i < to; i++) {
        t->left[d->sequence[i]] = 0;
    }
}

MODELLAB_MUST_CHECK static modellab_status tile(tiling *t, double min_seconds,
                                                mli_digest_chapter *chapters, size_t most,
                                                size_t *count, modellab_error *err)
{
    modellab_status status = measure(t, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = find_depths(t, err);
    if (status == MODELLAB_OK) {
        status = cut(t, min_seconds, chapters, most, count, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    for (size_t i = 0; i < *count; i++) {
        if (mli_cancelled(t->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        name(t, &chapters[i]);
    }
    return MODELLAB_OK;
}

modellab_status mli_digest_chapters(const mli_digest *digest, double min_seconds,
                                    const mli_cancel_word *cancel, mli_digest_chapter **out,
                                    size_t *count, modellab_error *err)
{
    const modellab_allocator *alloc = digest->alloc;
    size_t terms = digest->term_count > 0 ? digest->term_count : 1;
    size_t places = digest->length > STEP ? (digest->length - 1) / STEP : 0;
    size_t most = places + 1 < 256 ? places + 1 : 256;
    tiling t = {.d = digest,
                .cancel = cancel,
                .left = mli_alloc_array(alloc, terms, sizeof(double)),
                .right = mli_alloc_array(alloc, terms, sizeof(double)),
                .alike = mli_alloc_array(alloc, places + 1, sizeof(double)),
                .depth = mli_alloc_array(alloc, places + 1, sizeof(double)),
                .places = places};
    modellab_status status = MODELLAB_OK;

    *count = 0;
    *out = mli_alloc_array(alloc, most, sizeof **out);
    if (*out == NULL || t.left == NULL || t.right == NULL || t.alike == NULL || t.depth == NULL) {
        status = mli_no_memory(err);
    } else if (digest->count > 0) {
        status = tile(&t, min_seconds, *out, most, count, err);
    }
    if (status != MODELLAB_OK) {
        mli_free(alloc, *out);
        *out = NULL;
    }
    mli_free(alloc, t.depth);
    mli_free(alloc, t.alike);
    mli_free(alloc, t.right);
    mli_free(alloc, t.left);
    return status;
}
