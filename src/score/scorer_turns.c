/* Turns of speakers from label files and transcripts, recording by recording. */
#include "score/recordings.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The turns of one recording, with numbered speakers. */
typedef struct side {
    mli_turn *items;
    const char **names;
    mli_turns turns;
} side;

MODELLAB_MUST_CHECK static modellab_status collect(const mli_scorer *s, const mli_document *d,
                                                   mli_recordings *out, modellab_error *err)
{
    *out = (mli_recordings){0};
    if (d->format == MLI_DOCUMENT_TXT ||
        (d->format == MLI_DOCUMENT_JSON &&
         (d->transcript == NULL || d->transcript->segment_count == 0)))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "a text without times has no turns");
    return mli_recordings_read(s, d, out, err);
}

/* Number of a speaker, a new one if need be; the names are few. */
MODELLAB_MUST_CHECK static modellab_status number_of(side *out, const char *speaker,
                                                     uint32_t *number, modellab_error *err)
{
    for (*number = 0; *number < out->turns.speakers; (*number)++) {
        if (strcmp(out->names[*number], speaker) == 0)
            return MODELLAB_OK;
    }
    if (*number == MLI_DER_MAX_SPEAKERS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d speakers", (int)MLI_DER_MAX_SPEAKERS);
    out->names[out->turns.speakers++] = speaker;
    return MODELLAB_OK;
}

/* `recording` NULL = all. */
MODELLAB_MUST_CHECK static modellab_status take(const mli_scorer *s, const mli_recordings *turns,
                                                const char *recording, side *out,
                                                modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const mli_recording range = mli_recordings_range(turns, recording);
    *out = (side){0};
    out->items = mli_alloc_array(s->o.alloc, range.count + 1, sizeof *out->items);
    out->names = mli_alloc_array(s->o.alloc, MLI_DER_MAX_SPEAKERS, sizeof *out->names);
    if (out->items == NULL || out->names == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < range.count; i++) {
        const mli_raw_turn *t = &turns->items[range.from + i];
        uint32_t number = 0;
        status = number_of(out, t->speaker, &number, err);
        out->items[out->turns.count++] = (mli_turn){t->start, t->end, number};
    }
    out->turns.items = out->items;
    return status;
}

static void dispose(const mli_scorer *s, side *of)
{
    mli_free(s->o.alloc, of->items);
    mli_free(s->o.alloc, of->names);
}

/* Lines of a UEM file for a recording; all lines when it names one recording only. */
MODELLAB_MUST_CHECK static modellab_status
read_uem(const mli_recordings *uem, const char *recording, mli_spans *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const mli_recording range = mli_recordings_range(uem, uem->group_count <= 1 ? NULL : recording);
    for (size_t i = 0; status == MODELLAB_OK && i < range.count; i++) {
        const mli_raw_turn *l = &uem->items[range.from + i];
        status = mli_spans_add(out, l->start, l->end, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_result(mli_scorer *s, const char *name,
                                                      const mli_der *d, modellab_error *err)
{
    double errors = (double)(d->confusion + d->miss + d->false_alarm) / 1e6;
    double size = (double)d->total / 1e6;
    if (s->o.metric == MLI_SCORE_JER) {
        errors = d->jaccard_errors;
        size = (double)d->jaccard_speakers;
    } else if (s->o.metric == MLI_SCORE_VAD) {
        errors = (double)(d->speech_miss + d->speech_false_alarm) / 1e6;
        size = (double)d->speech / 1e6;
    }
    modellab_status status = mli_scorer_add_file(s, name, errors, size, err);
    if (status == MODELLAB_OK)
        mli_der_add(&s->der, d);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
score_recording(mli_scorer *s, const char *name, const mli_recordings *reference,
                const mli_recordings *hypothesis, const mli_recordings *uem, const char *recording,
                modellab_error *err)
{
    side r = {0}, h = {0};
    mli_spans spans;
    static const mli_span nothing = {0, 0};
    mli_der d;
    if (mli_cancelled(s->o.cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    mli_spans_init(&spans, s->o.alloc);
    modellab_status status = take(s, reference, recording, &r, err);
    if (status == MODELLAB_OK)
        status = take(s, hypothesis, recording, &h, err);
    if (status == MODELLAB_OK && uem != NULL)
        status = read_uem(uem, recording, &spans, err);
    if (status == MODELLAB_OK) {
        const mli_der_options o = {.collar = s->o.collar,
                                   .skip_overlap = s->o.skip_overlap,
                                   .uem = uem == NULL       ? NULL
                                          : spans.count > 0 ? spans.items
                                                            : &nothing,
                                   .uem_count = spans.count,
                                   .alloc = s->o.alloc,
                                   .cancel = s->o.cancel};
        status = mli_der_score(&r.turns, &h.turns, &o, &d, NULL, err);
    }
    if (status == MODELLAB_OK)
        status =
            add_result(s, recording != NULL && recording[0] != '\0' ? recording : name, &d, err);
    dispose(s, &r);
    dispose(s, &h);
    mli_spans_dispose(&spans);
    return status;
}

/* Recording by recording; those that only the hypothesis has come last, as false alarm. */
MODELLAB_MUST_CHECK static modellab_status score_all(mli_scorer *s, const char *name,
                                                     const mli_recordings *r,
                                                     const mli_recordings *h,
                                                     const mli_recordings *uem, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (r->group_count <= 1 && h->group_count <= 1)
        return score_recording(s, name, r, h, uem, NULL, err);
    for (size_t i = 0; status == MODELLAB_OK && i < r->group_count; i++)
        status = score_recording(s, name, r, h, uem, r->appear[i].recording, err);
    for (size_t i = 0; status == MODELLAB_OK && i < h->group_count; i++) {
        if (mli_recordings_range(r, h->appear[i].recording).count == 0)
            status = score_recording(s, name, r, h, uem, h->appear[i].recording, err);
    }
    return status;
}

modellab_status mli_scorer_add_turns(mli_scorer *s, const char *name, const mli_document *reference,
                                     const mli_document *hypothesis, const mli_document *uem,
                                     modellab_error *err)
{
    mli_recordings r = {0}, h = {0}, u = {0};
    if (uem != NULL && uem->format != MLI_DOCUMENT_UEM)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "what is scored is told by a UEM file");
    modellab_status status = collect(s, reference, &r, err);
    if (status == MODELLAB_OK)
        status = collect(s, hypothesis, &h, err);
    if (status == MODELLAB_OK && uem != NULL)
        status = collect(s, uem, &u, err);
    if (status == MODELLAB_OK)
        status = score_all(s, name, &r, &h, uem != NULL ? &u : NULL, err);
    mli_recordings_dispose(s, &r);
    mli_recordings_dispose(s, &h);
    mli_recordings_dispose(s, &u);
    return status;
}
