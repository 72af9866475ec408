/* Word times: the words that are right, and how far their borders are from the reference's. */
#include "score/scorer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

/* The normalised words of a transcript, each with the word that it came from. */
typedef struct timed {
    mli_buf text;
    uint32_t *from;
    size_t count, capacity;
    mli_score_ids ids;
} timed;

static size_t words_in(const char *text, size_t bytes)
{
    size_t words = 0;
    for (size_t i = 0; i < bytes; i++)
        words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    return words;
}

MODELLAB_MUST_CHECK static modellab_status spell(const mli_scorer *s, const mli_transcript *t,
                                                 timed *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const size_t count = t != NULL ? mli_transcript_word_count(t) : 0;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_transcript_segment *segment;
        const mli_transcript_word *word = mli_transcript_word_at(t, i, &segment);
        mli_buf one;
        mli_buf_init(&one, s->o.alloc);
        mli_score_normalize(word->text, strlen(word->text), s->o.normalizer, s->o.cancel, &one);
        const size_t words = words_in(mli_buf_text(&one), one.size);
        for (size_t k = 0; status == MODELLAB_OK && k < words; k++) {
            out->from = mli_scorer_room(s, out->from, out->count, &out->capacity, sizeof *out->from,
                                        &status, err);
            if (status == MODELLAB_OK)
                out->from[out->count++] = (uint32_t)i;
        }
        mli_buf_append(&out->text, mli_buf_text(&one), one.size);
        mli_buf_append_char(&out->text, ' ');
        if (status == MODELLAB_OK)
            status = mli_buf_status(&one, err);
        mli_buf_dispose(&one);
    }
    return status == MODELLAB_OK ? mli_buf_status(&out->text, err) : status;
}

static void dispose(const mli_scorer *s, timed *t)
{
    mli_buf_dispose(&t->text);
    mli_free(s->o.alloc, t->from);
    mli_free(s->o.alloc, t->ids.ids);
}

MODELLAB_MUST_CHECK static modellab_status note(mli_scorer *s, const mli_transcript_word *a,
                                                const mli_transcript_word *b, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    s->times = mli_scorer_room(s, s->times, s->time_count, &s->time_capacity, sizeof *s->times,
                               &status, err);
    if (status == MODELLAB_OK)
        s->times[s->time_count++] =
            (mli_word_error){fabs(a->start - b->start), fabs(a->end - b->end)};
    return status;
}

MODELLAB_MUST_CHECK static modellab_status compare(mli_scorer *s, const mli_transcript *reference,
                                                   const mli_transcript *hypothesis, const timed *a,
                                                   const timed *b, modellab_error *err)
{
    mli_edit_path path;
    size_t i = 0, k = 0;
    const mli_transcript_segment *segment;
    modellab_status status = mli_edit_align(a->ids.ids, a->ids.count, b->ids.ids, b->ids.count,
                                            s->o.alloc, s->o.cancel, &path, err);
    for (size_t at = 0; status == MODELLAB_OK && at < path.count; at++) {
        if (path.kinds[at] == MLI_EDIT_EQUAL)
            status = note(s, mli_transcript_word_at(reference, a->from[i], &segment),
                          mli_transcript_word_at(hypothesis, b->from[k], &segment), err);
        i += path.kinds[at] != MLI_EDIT_INSERT;
        k += path.kinds[at] != MLI_EDIT_DELETE;
    }
    mli_free(s->o.alloc, path.kinds);
    return status;
}

/* An empty file is a transcript without words. */
static bool has_times(const mli_document *d)
{
    return d->transcript != NULL ? mli_transcript_word_count(d->transcript) > 0
                                 : d->text != NULL && d->text[0] == '\0';
}

modellab_status mli_scorer_add_times(mli_scorer *s, const char *name, const mli_document *reference,
                                     const mli_document *hypothesis, modellab_error *err)
{
    timed a = {0}, b = {0};
    mli_score_vocabulary *v = NULL;
    const size_t from = s->time_count;
    if (!has_times(reference) || !has_times(hypothesis))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "word times are in CTM and in verbose JSON with words");
    mli_buf_init(&a.text, s->o.alloc);
    mli_buf_init(&b.text, s->o.alloc);
    modellab_status status = mli_score_vocabulary_create(s->o.alloc, &v, err);
    if (status == MODELLAB_OK)
        status = spell(s, reference->transcript, &a, err);
    if (status == MODELLAB_OK)
        status = spell(s, hypothesis->transcript, &b, err);
    if (status == MODELLAB_OK)
        status = mli_score_words(v, mli_buf_text(&a.text), a.text.size, &a.ids, err);
    if (status == MODELLAB_OK)
        status = mli_score_words(v, mli_buf_text(&b.text), b.text.size, &b.ids, err);
    if (status == MODELLAB_OK)
        status = compare(s, reference->transcript, hypothesis->transcript, &a, &b, err);
    double sum = 0.0;
    for (size_t i = from; i < s->time_count; i++)
        sum += s->times[i].start;
    if (status == MODELLAB_OK)
        status = mli_scorer_add_file(s, name, sum, (double)(s->time_count - from), err);
    mli_score_vocabulary_destroy(v);
    dispose(s, &a);
    dispose(s, &b);
    return status;
}
