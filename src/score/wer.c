/* Normalise both texts, number their words, count the edits. */
#include "score/wer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

MODELLAB_MUST_CHECK static modellab_status align_words(const mli_buf *reference,
                                                       const mli_buf *hypothesis,
                                                       const mli_wer_options *o, mli_edit_path *out,
                                                       modellab_error *err)
{
    mli_score_vocabulary *v = NULL;
    mli_score_ids a = {NULL, 0}, b = {NULL, 0};
    *out = (mli_edit_path){0};
    modellab_status status = mli_score_vocabulary_create(o->alloc, &v, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_score_words(v, mli_buf_text(reference), reference->size, &a, err);
    if (status == MODELLAB_OK)
        status = mli_score_words(v, mli_buf_text(hypothesis), hypothesis->size, &b, err);
    if (status == MODELLAB_OK)
        status = mli_edit_align(a.ids, a.count, b.ids, b.count, o->alloc, o->cancel, out, err);
    mli_free(o->alloc, a.ids);
    mli_free(o->alloc, b.ids);
    mli_score_vocabulary_destroy(v);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status count_words(const mli_buf *reference,
                                                       const mli_buf *hypothesis,
                                                       const mli_wer_options *o,
                                                       mli_edit_counts *out, modellab_error *err)
{
    mli_edit_path path;
    modellab_status status = align_words(reference, hypothesis, o, &path, err);
    *out = path.counts;
    mli_free(o->alloc, path.kinds);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
count_characters(const mli_buf *reference, const mli_buf *hypothesis, const mli_wer_options *o,
                 mli_edit_counts *out, modellab_error *err)
{
    mli_score_ids a = {NULL, 0}, b = {NULL, 0};
    modellab_status status =
        mli_score_characters(o->alloc, mli_buf_text(reference), reference->size, &a, err);
    if (status == MODELLAB_OK)
        status =
            mli_score_characters(o->alloc, mli_buf_text(hypothesis), hypothesis->size, &b, err);
    if (status == MODELLAB_OK)
        status = mli_edit_count(a.ids, a.count, b.ids, b.count, o->alloc, o->cancel, out, err);
    mli_free(o->alloc, a.ids);
    mli_free(o->alloc, b.ids);
    return status;
}

modellab_status mli_wer_count(const char *reference, size_t reference_bytes, const char *hypothesis,
                              size_t hypothesis_bytes, const mli_wer_options *options,
                              mli_edit_counts *words, mli_edit_counts *characters,
                              modellab_error *err)
{
    const mli_wer_options o = options != NULL ? *options : (mli_wer_options){0};
    mli_buf a, b;
    mli_buf_init(&a, o.alloc);
    mli_buf_init(&b, o.alloc);
    mli_score_normalize(reference, reference_bytes, o.normalizer, o.cancel, &a);
    mli_score_normalize(hypothesis, hypothesis_bytes, o.normalizer, o.cancel, &b);
    modellab_status status = mli_buf_status(&a, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&b, err);
    if (status == MODELLAB_OK && words != NULL)
        status = count_words(&a, &b, &o, words, err);
    if (status == MODELLAB_OK && characters != NULL)
        status = count_characters(&a, &b, &o, characters, err);
    mli_buf_dispose(&a);
    mli_buf_dispose(&b);
    return status;
}

modellab_status mli_wer_align(const char *reference, size_t reference_bytes, const char *hypothesis,
                              size_t hypothesis_bytes, const mli_wer_options *options,
                              mli_wer_alignment *out, modellab_error *err)
{
    const mli_wer_options o = options != NULL ? *options : (mli_wer_options){0};
    *out = (mli_wer_alignment){0};
    mli_buf_init(&out->reference, o.alloc);
    mli_buf_init(&out->hypothesis, o.alloc);
    mli_score_normalize(reference, reference_bytes, o.normalizer, o.cancel, &out->reference);
    mli_score_normalize(hypothesis, hypothesis_bytes, o.normalizer, o.cancel, &out->hypothesis);
    modellab_status status = mli_buf_status(&out->reference, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&out->hypothesis, err);
    if (status == MODELLAB_OK)
        status = align_words(&out->reference, &out->hypothesis, &o, &out->path, err);
    return status;
}

void mli_wer_alignment_dispose(mli_wer_alignment *alignment)
{
    mli_free(alignment->reference.alloc, alignment->path.kinds);
    mli_buf_dispose(&alignment->reference);
    mli_buf_dispose(&alignment->hypothesis);
    alignment->path = (mli_edit_path){0};
}

/* The word at `at`, and `at` behind the space after it. */
static void take_word(const mli_buf *words, size_t *at, const char **word, size_t *bytes)
{
    size_t end = *at;
    while (end < words->size && words->data[end] != ' ')
        end++;
    *word = mli_buf_text(words) + *at;
    *bytes = end - *at;
    *at = end + 1;
}

bool mli_wer_next(const mli_wer_alignment *alignment, mli_wer_cursor *c, mli_wer_step *out)
{
    if (c->at >= alignment->path.count)
        return false;
    *out = (mli_wer_step){.kind = (mli_edit_kind)alignment->path.kinds[c->at++],
                          .reference_index = -1,
                          .hypothesis_index = -1};
    if (out->kind != MLI_EDIT_INSERT) {
        take_word(&alignment->reference, &c->reference_at, &out->reference, &out->reference_bytes);
        out->reference_index = c->reference_words++;
    }
    if (out->kind != MLI_EDIT_DELETE) {
        take_word(&alignment->hypothesis, &c->hypothesis_at, &out->hypothesis,
                  &out->hypothesis_bytes);
        out->hypothesis_index = c->hypothesis_words++;
    }
    return true;
}

void mli_edit_counts_add(mli_edit_counts *sum, const mli_edit_counts *counts)
{
    sum->hits += counts->hits;
    sum->substitutions += counts->substitutions;
    sum->deletions += counts->deletions;
    sum->insertions += counts->insertions;
}

double mli_edit_rate(const mli_edit_counts *counts)
{
    const int64_t reference = counts->hits + counts->substitutions + counts->deletions;
    const int64_t errors = counts->substitutions + counts->deletions + counts->insertions;
    if (reference == 0)
        return errors == 0 ? 0.0 : (double)NAN;
    return (double)errors / (double)reference;
}

mli_wer_rates mli_wer_rates_of(const mli_edit_counts *c)
{
    const double h = (double)c->hits, insertions = (double)c->insertions;
    const double errors = (double)(c->substitutions + c->deletions + c->insertions);
    const double reference = (double)(c->hits + c->substitutions + c->deletions);
    const double hypothesis = (double)(c->hits + c->substitutions + c->insertions);
    mli_wer_rates r = {insertions, hypothesis > 0.0 ? 1.0 : 0.0, 0.0, hypothesis > 0.0 ? 0.0 : 1.0};
    if (reference > 0.0) {
        r.wer = errors / reference;
        r.mer = errors / (reference + insertions);
        r.wip = hypothesis > 0.0 ? h / reference * (h / hypothesis) : 0.0;
    }
    r.wil = 1.0 - r.wip;
    return r;
}
