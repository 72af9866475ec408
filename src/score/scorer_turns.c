/* Turns of speakers from label files and transcripts, recording by recording. */
#include "score/scorer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { MAX_RECORDINGS = 10000 };

/* One turn as a document has it; strings are borrowed from there. */
typedef struct raw_turn {
    const char *recording, *speaker;
    int64_t start, end;
} raw_turn;

typedef struct raw_turns {
    raw_turn *items;
    size_t count;
} raw_turns;

/* The turns of one recording, with numbered speakers. */
typedef struct side {
    mli_turn *items;
    const char **names;
    mli_turns turns;
} side;

static int64_t microseconds(double seconds)
{
    return (int64_t)llrint(seconds * 1e6);
}

MODELLAB_MUST_CHECK static modellab_status collect(const mli_scorer *s, const mli_document *d,
                                                   raw_turns *out, modellab_error *err)
{
    const size_t segments = d->transcript != NULL ? d->transcript->segment_count : 0;
    const size_t most = d->labels.count + segments;
    *out = (raw_turns){0};
    if (d->format == MLI_DOCUMENT_TXT || (d->format == MLI_DOCUMENT_JSON && segments == 0))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "a text without times has no turns");
    out->items = mli_alloc_array(s->o.alloc, most + 1, sizeof *out->items);
    if (out->items == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < d->labels.count; i++) {
        const mli_label *l = &d->labels.items[i];
        out->items[out->count++] =
            (raw_turn){l->file, l->speaker, l->start_ms * 1000, l->end_ms * 1000};
    }
    for (size_t i = 0; i < segments; i++) {
        const mli_transcript_segment *g = &d->transcript->segments[i];
        out->items[out->count++] = (raw_turn){"", g->speaker != NULL ? g->speaker : "",
                                              microseconds(g->start), microseconds(g->end)};
    }
    return MODELLAB_OK;
}

/* The first turn of the recording that follows turn `from`'s, in the order of appearance. */
static bool is_first_of_recording(const raw_turns *turns, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(turns->items[i].recording, turns->items[index].recording) == 0)
            return false;
    }
    return true;
}

MODELLAB_MUST_CHECK static modellab_status recordings(const mli_scorer *s, const raw_turns *turns,
                                                      const char ***out, size_t *count,
                                                      modellab_error *err)
{
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < turns->count; i++) {
        const bool same =
            i > 0 && strcmp(turns->items[i].recording, turns->items[i - 1].recording) == 0;
        if (same || !is_first_of_recording(turns, i))
            continue;
        if (*count == MAX_RECORDINGS)
            return mli_fail(err, MODELLAB_E_LIMIT, "more than %d recordings in one file",
                            (int)MAX_RECORDINGS);
        modellab_status status = MODELLAB_OK;
        *out = mli_scorer_room(s, *out, *count, &capacity, sizeof **out, &status, err);
        if (status != MODELLAB_OK)
            return status;
        (*out)[(*count)++] = turns->items[i].recording;
    }
    return MODELLAB_OK;
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
MODELLAB_MUST_CHECK static modellab_status take(const mli_scorer *s, const raw_turns *turns,
                                                const char *recording, side *out,
                                                modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    *out = (side){0};
    out->items = mli_alloc_array(s->o.alloc, turns->count + 1, sizeof *out->items);
    out->names = mli_alloc_array(s->o.alloc, MLI_DER_MAX_SPEAKERS, sizeof *out->names);
    if (out->items == NULL || out->names == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < turns->count; i++) {
        const raw_turn *t = &turns->items[i];
        uint32_t number = 0;
        if (recording != NULL && strcmp(t->recording, recording) != 0)
            continue;
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
MODELLAB_MUST_CHECK static modellab_status read_uem(const mli_document *uem, const char *recording,
                                                    mli_spans *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    bool one = true;
    for (size_t i = 1; i < uem->labels.count; i++)
        one = one && strcmp(uem->labels.items[i].file, uem->labels.items[0].file) == 0;
    for (size_t i = 0; status == MODELLAB_OK && i < uem->labels.count; i++) {
        const mli_label *l = &uem->labels.items[i];
        if (one || recording == NULL || strcmp(l->file, recording) == 0)
            status = mli_spans_add(out, l->start_ms * 1000, l->end_ms * 1000, err);
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
score_recording(mli_scorer *s, const char *name, const raw_turns *reference,
                const raw_turns *hypothesis, const mli_document *uem, const char *recording,
                modellab_error *err)
{
    side r = {0}, h = {0};
    mli_spans spans;
    static const mli_span nothing = {0, 0};
    mli_der d;
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

modellab_status mli_scorer_add_turns(mli_scorer *s, const char *name, const mli_document *reference,
                                     const mli_document *hypothesis, const mli_document *uem,
                                     modellab_error *err)
{
    raw_turns r = {0}, h = {0};
    const char **of_r = NULL, **of_h = NULL;
    size_t count_r = 0, count_h = 0;
    if (uem != NULL && uem->format != MLI_DOCUMENT_UEM)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "what is scored is told by a UEM file");
    modellab_status status = collect(s, reference, &r, err);
    if (status == MODELLAB_OK)
        status = collect(s, hypothesis, &h, err);
    if (status == MODELLAB_OK)
        status = recordings(s, &r, &of_r, &count_r, err);
    if (status == MODELLAB_OK)
        status = recordings(s, &h, &of_h, &count_h, err);
    if (status == MODELLAB_OK && count_r <= 1 && count_h <= 1) {
        status = score_recording(s, name, &r, &h, uem, NULL, err);
    } else {
        for (size_t i = 0; status == MODELLAB_OK && i < count_r; i++)
            status = score_recording(s, name, &r, &h, uem, of_r[i], err);
    }
    mli_free(s->o.alloc, r.items);
    mli_free(s->o.alloc, h.items);
    mli_free(s->o.alloc, (void *)of_r);
    mli_free(s->o.alloc, (void *)of_h);
    return status;
}
