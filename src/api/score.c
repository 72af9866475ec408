/* modellab_score: documents and scores under their public names. */
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "score/scorer.h"
#include <math.h>
#include <modellab/score.h>
#include <string.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_score_options, allocator),
    DIFFERENCE_FIRST = MLI_SIZE_UP_TO(modellab_score_difference, p_random)
};
#define MOST_COLLAR 3600.0

_Static_assert((int)MODELLAB_SCORE_WER == (int)MLI_SCORE_WER &&
                   (int)MODELLAB_SCORE_CPWER == (int)MLI_SCORE_CPWER &&
                   (int)MODELLAB_NORMALIZER_ENGLISH == (int)MLI_SCORE_ENGLISH,
               "the public numbers are those of the inner lists");

struct modellab_score_document {
    modellab_allocator alloc;
    mli_document inner;
};

struct modellab_score {
    modellab_allocator alloc;
    modellab_cancel *cancel; /* referenced; NULL = none */
    mli_scorer inner;
};

static const char *const metrics[] = {"", "wer", "cer", "der", "jer", "vad", "times", "cpwer"};
static const char *const normalizers[] = {"none", "simple", "basic", "english"};

MODELLAB_MUST_CHECK static modellab_status missing(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL", what);
}

void modellab_score_options_init(modellab_score_options *options, size_t size)
{
    const modellab_score_options init = MODELLAB_SCORE_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_score_metric modellab_score_metric_from_name(const char *name)
{
    for (int32_t i = 1; name != NULL && i <= MODELLAB_SCORE_CPWER; i++) {
        if (strcmp(metrics[i], name) == 0)
            return i;
    }
    return 0;
}

modellab_score_normalizer modellab_score_normalizer_from_name(const char *name)
{
    for (int32_t i = 0; name != NULL && i <= MODELLAB_NORMALIZER_ENGLISH; i++) {
        if (strcmp(normalizers[i], name) == 0)
            return i;
    }
    return -1;
}

modellab_status modellab_score_document_read(const char *name, const char *data, size_t bytes,
                                             const modellab_allocator *allocator,
                                             modellab_score_document **out, modellab_error *err)
{
    modellab_allocator alloc;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (data == NULL && bytes > 0)
        return missing("data", err);
    modellab_status status = mli_allocator_take(allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_score_document *d = mli_alloc_zero(&alloc, sizeof *d);
    if (d == NULL)
        return mli_no_memory(err);
    d->alloc = alloc;
    status = mli_document_read(name, data, bytes, &d->alloc, &d->inner, err);
    if (status == MODELLAB_OK)
        *out = d;
    else
        mli_free(&alloc, d);
    return status;
}

void modellab_score_document_destroy(modellab_score_document *document)
{
    if (document == NULL)
        return;
    const modellab_allocator alloc = document->alloc;
    mli_document_dispose(&document->inner);
    mli_free(&alloc, document);
}

const char *modellab_score_document_format(const modellab_score_document *document)
{
    return document != NULL ? mli_document_format_name(document->inner.format) : NULL;
}

const char *modellab_score_document_text(const modellab_score_document *document)
{
    return document != NULL ? document->inner.text : "";
}

MODELLAB_MUST_CHECK static modellab_status
take_options(const modellab_score_options *given, modellab_score_options *o, modellab_error *err)
{
    *o = (modellab_score_options)MODELLAB_SCORE_OPTIONS_INIT;
    modellab_status status = mli_sized_in(o, sizeof *o, OPTIONS_FIRST, given, err);
    if (status != MODELLAB_OK)
        return status;
    if (o->metric == 0)
        o->metric = MODELLAB_SCORE_WER;
    if (o->metric < MODELLAB_SCORE_WER || o->metric > MODELLAB_SCORE_CPWER)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d is not a metric", (int)o->metric);
    if (o->normalizer < MODELLAB_NORMALIZER_NONE || o->normalizer > MODELLAB_NORMALIZER_ENGLISH)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d is not a normalizer",
                        (int)o->normalizer);
    if (!(o->collar_seconds >= 0.0 && o->collar_seconds <= MOST_COLLAR))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "collar_seconds must lie between 0 and 3600");
    return MODELLAB_OK;
}

modellab_status modellab_score_create(const modellab_score_options *options, modellab_score **out,
                                      modellab_error *err)
{
    modellab_score_options o;
    modellab_allocator alloc;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    modellab_status status = take_options(options, &o, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_score *s = mli_alloc_zero(&alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    s->alloc = alloc;
    s->cancel = modellab_cancel_ref(o.cancel);
    const mli_scorer_options inner = {.metric = (mli_score_metric)o.metric,
                                      .normalizer = (mli_score_normalizer)o.normalizer,
                                      .collar = (int64_t)llrint(o.collar_seconds * 1e6),
                                      .skip_overlap = o.skip_overlap != 0,
                                      .alignment = o.alignment != 0,
                                      .seed = o.seed,
                                      .alloc = &s->alloc,
                                      .cancel = mli_cancel_word_of(s->cancel)};
    mli_scorer_init(&s->inner, &inner);
    *out = s;
    return MODELLAB_OK;
}

void modellab_score_destroy(modellab_score *score)
{
    if (score == NULL)
        return;
    const modellab_allocator alloc = score->alloc;
    mli_scorer_dispose(&score->inner);
    modellab_cancel_unref(score->cancel);
    mli_free(&alloc, score);
}

modellab_status modellab_score_add(modellab_score *score, const char *name,
                                   const modellab_score_document *reference,
                                   const modellab_score_document *hypothesis,
                                   const modellab_score_document *uem, modellab_error *err)
{
    if (score == NULL || reference == NULL || hypothesis == NULL)
        return missing(score == NULL       ? "score"
                       : reference == NULL ? "reference"
                                           : "hypothesis",
                       err);
    return mli_scorer_add(&score->inner, name, &reference->inner, &hypothesis->inner,
                          uem != NULL ? &uem->inner : NULL, err);
}

modellab_status modellab_score_add_text(modellab_score *score, const char *name,
                                        const char *reference, const char *hypothesis,
                                        modellab_error *err)
{
    if (score == NULL || reference == NULL || hypothesis == NULL)
        return missing(score == NULL       ? "score"
                       : reference == NULL ? "reference"
                                           : "hypothesis",
                       err);
    return mli_scorer_add_text(&score->inner, name, reference, strlen(reference), hypothesis,
                               strlen(hypothesis), err);
}

modellab_status modellab_score_value(const modellab_score *score, const char *name, double *out,
                                     modellab_error *err)
{
    mli_score_value values[MLI_SCORE_MAX_VALUES];
    if (out == NULL)
        return missing("out", err);
    *out = 0.0;
    if (score == NULL || name == NULL)
        return missing(score == NULL ? "score" : "name", err);
    const size_t count = mli_scorer_values(&score->inner, values);
    for (size_t i = 0; i < count; i++) {
        if (name[0] == '\0' || strcmp(values[i].name, name) == 0) {
            *out = values[i].value;
            return MODELLAB_OK;
        }
    }
    return mli_fail(err, MODELLAB_E_NOT_FOUND, "this score has no such value");
}

modellab_status modellab_score_to_json(const modellab_score *score, modellab_buffer **out,
                                       modellab_error *err)
{
    mli_buf text;
    mli_jw w;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (score == NULL)
        return missing("score", err);
    mli_buf_init(&text, &score->alloc);
    mli_jw_init(&w, &text);
    modellab_status status = mli_scorer_write(&score->inner, &w, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}

modellab_status modellab_score_compare(const modellab_score *a, const modellab_score *b,
                                       modellab_score_difference *out, modellab_error *err)
{
    mli_matched_pairs pairs;
    if (a == NULL || b == NULL || out == NULL)
        return missing(a == NULL ? "a" : b == NULL ? "b" : "out", err);
    modellab_status status = mli_scorer_matched(&a->inner, &b->inner, &pairs, err);
    if (status != MODELLAB_OK)
        return status;
    const modellab_score_difference d = {.size = sizeof d,
                                         .segments = pairs.segments,
                                         .difference = pairs.difference,
                                         .z = pairs.z,
                                         .p = pairs.p,
                                         .p_random = pairs.p_random};
    return mli_sized_out(out, &d, sizeof d, DIFFERENCE_FIRST, err);
}
