/* Normalise both texts, number their words, count the edits. */
#include "score/wer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

MODELLAB_MUST_CHECK static modellab_status count_words(const mli_buf *reference,
                                                       const mli_buf *hypothesis,
                                                       const mli_wer_options *o,
                                                       mli_edit_counts *out, modellab_error *err)
{
    mli_score_vocabulary *v = NULL;
    mli_score_ids a = {NULL, 0}, b = {NULL, 0};
    modellab_status status = mli_score_vocabulary_create(o->alloc, &v, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_score_words(v, mli_buf_text(reference), reference->size, &a, err);
    if (status == MODELLAB_OK)
        status = mli_score_words(v, mli_buf_text(hypothesis), hypothesis->size, &b, err);
    if (status == MODELLAB_OK)
        status = mli_edit_count(a.ids, a.count, b.ids, b.count, o->alloc, o->cancel, out, err);
    mli_free(o->alloc, a.ids);
    mli_free(o->alloc, b.ids);
    mli_score_vocabulary_destroy(v);
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
    mli_score_normalize(reference, reference_bytes, o.normalizer, &a);
    mli_score_normalize(hypothesis, hypothesis_bytes, o.normalizer, &b);
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
