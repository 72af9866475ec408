/* Speaker-attributed word errors: the words of each speaker in a row, and the pairing of speakers
 * that has the fewest errors (cpWER). */
#include "score/recordings.h"

#include "base/alloc.h"
#include "base/error.h"
#include "score/assign.h"
#include <string.h>

enum { MAX_SPEAKERS = 64 };
#define MOST_ERRORS ((int64_t)1 << 40) /* more than any pair can have */

typedef struct speaker {
    const char *name; /* borrowed */
    mli_buf text;
    mli_score_ids words; /* of the normalised text */
} speaker;

typedef struct cast {
    speaker speakers[MAX_SPEAKERS];
    size_t count;
} cast;

static void cast_dispose(cast *c)
{
    for (size_t i = 0; i < c->count; i++) {
        mli_free(c->speakers[i].text.alloc, c->speakers[i].words.ids);
        mli_buf_dispose(&c->speakers[i].text);
    }
    c->count = 0;
}

MODELLAB_MUST_CHECK static modellab_status say(const mli_scorer *s, cast *c, const char *name,
                                               const char *text, modellab_error *err)
{
    size_t i = 0;
    while (i < c->count && strcmp(c->speakers[i].name, name) != 0)
        i++;
    if (i == MAX_SPEAKERS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d speakers", (int)MAX_SPEAKERS);
    if (i == c->count) {
        c->speakers[c->count++].name = name;
        mli_buf_init(&c->speakers[i].text, s->o.alloc);
    }
    mli_buf_append_text(&c->speakers[i].text, text);
    mli_buf_append_char(&c->speakers[i].text, ' ');
    return mli_buf_status(&c->speakers[i].text, err);
}

/* In an empty file nothing was said, by nobody. */
static bool has_speakers(const mli_document *d)
{
    return d->transcript != NULL || d->format == MLI_DOCUMENT_STM ||
           (d->text != NULL && d->text[0] == '\0');
}

static const char *text_at(const mli_document *d, size_t position)
{
    return position < d->labels.count ? d->labels.items[position].text
                                      : d->transcript->segments[position - d->labels.count].text;
}

/* Who said what in a recording; `recording` NULL = in all. */
MODELLAB_MUST_CHECK static modellab_status collect(const mli_scorer *s, const mli_document *d,
                                                   const mli_recordings *turns,
                                                   const char *recording, cast *out,
                                                   modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const mli_recording range = mli_recordings_range(turns, recording);
    out->count = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < range.count; i++) {
        const mli_raw_turn *turn = &turns->items[range.from + i];
        status = say(s, out, turn->speaker, text_at(d, turn->position), err);
    }
    return status;
}

/* Normalises and numbers the words of each speaker, once. */
MODELLAB_MUST_CHECK static modellab_status number(const mli_scorer *s, mli_score_vocabulary *v,
                                                  cast *c, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < c->count; i++) {
        speaker *one = &c->speakers[i];
        mli_buf words;
        mli_buf_init(&words, s->o.alloc);
        mli_score_normalize(mli_buf_text(&one->text), one->text.size, s->o.normalizer, s->o.cancel,
                            &words);
        status = mli_buf_status(&words, err);
        if (status == MODELLAB_OK)
            status = mli_score_words(v, mli_buf_text(&words), words.size, &one->words, err);
        mli_buf_dispose(&words);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status number_both(const mli_scorer *s, cast *casts,
                                                       modellab_error *err)
{
    mli_score_vocabulary *v = NULL;
    modellab_status status = mli_score_vocabulary_create(s->o.alloc, &v, err);
    if (status != MODELLAB_OK)
        return status;
    status = number(s, v, &casts[0], err);
    if (status == MODELLAB_OK)
        status = number(s, v, &casts[1], err);
    mli_score_vocabulary_destroy(v);
    return status;
}

/* A speaker without partner is compared with nothing. */
MODELLAB_MUST_CHECK static modellab_status compare(const mli_scorer *s, const cast *r,
                                                   const cast *h, size_t i, size_t k,
                                                   mli_edit_counts *out, modellab_error *err)
{
    static const mli_score_ids nothing = {NULL, 0};
    const mli_score_ids *a = i < r->count ? &r->speakers[i].words : &nothing;
    const mli_score_ids *b = k < h->count ? &h->speakers[k].words : &nothing;
    mli_edit_path path;
    modellab_status status =
        mli_edit_align(a->ids, a->count, b->ids, b->count, s->o.alloc, s->o.cancel, &path, err);
    *out = path.counts;
    mli_free(s->o.alloc, path.kinds);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status best(const mli_scorer *s, cast *r, cast *h, size_t n,
                                                mli_edit_counts *pairs, int64_t *gains,
                                                mli_edit_counts *out, modellab_error *err)
{
    int32_t of[MAX_SPEAKERS];
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < n * n; i++) {
        mli_edit_counts *c = &pairs[i];
        status = compare(s, r, h, i / n, i % n, c, err);
        gains[i] = MOST_ERRORS - c->substitutions - c->deletions - c->insertions;
    }
    if (status == MODELLAB_OK)
        status = mli_assign(gains, n, n, s->o.alloc, s->o.cancel, of, err);
    for (size_t i = 0; status == MODELLAB_OK && i < n; i++)
        mli_edit_counts_add(out, &pairs[i * n + (size_t)of[i]]);
    return status;
}

/* A file to compare and its turns. */
typedef struct side {
    const mli_document *document;
    mli_recordings turns;
} side;

MODELLAB_MUST_CHECK static modellab_status score_casts(mli_scorer *s, const char *name, cast *casts,
                                                       modellab_error *err)
{
    mli_edit_counts sum = {0, 0, 0, 0};
    const size_t n = casts[0].count > casts[1].count ? casts[0].count : casts[1].count;
    mli_edit_counts *pairs = mli_alloc_array(s->o.alloc, n * n + 1, sizeof *pairs);
    int64_t *gains = mli_alloc_array(s->o.alloc, n * n + 1, sizeof *gains);
    modellab_status status = pairs == NULL || gains == NULL
                                 ? mli_no_memory(err)
                                 : best(s, &casts[0], &casts[1], n, pairs, gains, &sum, err);
    if (status == MODELLAB_OK)
        status = mli_scorer_add_file(s, name,
                                     (double)(sum.substitutions + sum.deletions + sum.insertions),
                                     (double)(sum.hits + sum.substitutions + sum.deletions), err);
    if (status == MODELLAB_OK)
        mli_edit_counts_add(&s->counts, &sum);
    mli_free(s->o.alloc, pairs);
    mli_free(s->o.alloc, gains);
    return status;
}

/* `recording` NULL = the one that each file has. */
MODELLAB_MUST_CHECK static modellab_status score_recording(mli_scorer *s, const char *name,
                                                           const side sides[2],
                                                           const char *recording,
                                                           modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (mli_cancelled(s->o.cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
    cast *casts = mli_alloc_zero(s->o.alloc, 2 * sizeof *casts);
    if (casts == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < 2; i++)
        status = collect(s, sides[i].document, &sides[i].turns, recording, &casts[i], err);
    if (status == MODELLAB_OK)
        status = number_both(s, casts, err);
    if (status == MODELLAB_OK)
        status = score_casts(s, recording != NULL && recording[0] != '\0' ? recording : name, casts,
                             err);
    cast_dispose(&casts[0]);
    cast_dispose(&casts[1]);
    mli_free(s->o.alloc, casts);
    return status;
}

/* Recording by recording; those that only the hypothesis has come last. */
MODELLAB_MUST_CHECK static modellab_status score_all(mli_scorer *s, const char *name,
                                                     const side sides[2], modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const mli_recordings *r = &sides[0].turns, *h = &sides[1].turns;
    if (r->group_count <= 1 && h->group_count <= 1)
        return score_recording(s, name, sides, NULL, err);
    for (size_t i = 0; status == MODELLAB_OK && i < r->group_count; i++)
        status = score_recording(s, name, sides, r->appear[i].recording, err);
    for (size_t i = 0; status == MODELLAB_OK && i < h->group_count; i++) {
        if (mli_recordings_range(r, h->appear[i].recording).count == 0)
            status = score_recording(s, name, sides, h->appear[i].recording, err);
    }
    return status;
}

modellab_status mli_scorer_add_speakers(mli_scorer *s, const char *name,
                                        const mli_document *reference,
                                        const mli_document *hypothesis, modellab_error *err)
{
    side sides[2] = {{.document = reference}, {.document = hypothesis}};
    modellab_status status = MODELLAB_OK;
    if (!has_speakers(reference) || !has_speakers(hypothesis))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "words with speakers are in STM, verbose JSON and VTT files");
    for (size_t i = 0; status == MODELLAB_OK && i < 2; i++)
        status = mli_recordings_read(s, sides[i].document, &sides[i].turns, err);
    if (status == MODELLAB_OK)
        status = score_all(s, name, sides, err);
    mli_recordings_dispose(s, &sides[0].turns);
    mli_recordings_dispose(s, &sides[1].turns);
    return status;
}
