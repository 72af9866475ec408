/* Turns of speakers from label files and transcripts, recording by recording. */
#include "score/scorer.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDINGS = 10000 };

/* One turn as a document has it; strings are borrowed from there. */
typedef struct raw_turn {
    const char *recording, *speaker;
    int64_t start, end;
    size_t position; /* in the document */
} raw_turn;

/* The turns of one recording: a range of the sorted ones. */
typedef struct group {
    const char *recording;
    size_t from, count;
    size_t position; /* of the first */
} group;

/* Turns by recording and position; groups in that order too, and in that of appearance. */
typedef struct raw_turns {
    raw_turn *items;
    size_t count;
    group *groups, *appear;
    size_t group_count;
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

static int by_recording(const void *a, const void *b)
{
    const raw_turn *x = a, *y = b;
    const int order = strcmp(x->recording, y->recording);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static int by_position(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

/* Sorts the turns once, so that each recording is a range. */
MODELLAB_MUST_CHECK static modellab_status group_turns(const mli_scorer *s, raw_turns *t,
                                                       modellab_error *err)
{
    size_t capacity = 0;
    modellab_status status = MODELLAB_OK;
    qsort(t->items, t->count, sizeof *t->items, by_recording);
    for (size_t i = 0; i < t->count; i++) {
        const raw_turn *one = &t->items[i];
        if (i > 0 && strcmp(one->recording, one[-1].recording) == 0) {
            t->groups[t->group_count - 1].count++;
            continue;
        }
        if (t->group_count == MAX_RECORDINGS)
            return mli_fail(err, MODELLAB_E_LIMIT, "more than %d recordings in one file",
                            (int)MAX_RECORDINGS);
        t->groups = mli_scorer_room(s, t->groups, t->group_count, &capacity, sizeof *t->groups,
                                    &status, err);
        if (status != MODELLAB_OK)
            return status;
        t->groups[t->group_count++] = (group){one->recording, i, 1, one->position};
    }
    t->appear = mli_alloc_array(s->o.alloc, t->group_count + 1, sizeof *t->appear);
    if (t->appear == NULL)
        return mli_no_memory(err);
    if (t->group_count > 0)
        memcpy(t->appear, t->groups, t->group_count * sizeof *t->appear);
    qsort(t->appear, t->group_count, sizeof *t->appear, by_position);
    return MODELLAB_OK;
}

/* The range of a recording, empty when there is none; `recording` NULL = all. */
static group range_of(const raw_turns *t, const char *recording)
{
    size_t low = 0, high = t->group_count;
    if (recording == NULL)
        return (group){NULL, 0, t->count, 0};
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(t->groups[middle].recording, recording);
        if (order == 0)
            return t->groups[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (group){recording, 0, 0, 0};
}

static void raw_dispose(const mli_scorer *s, raw_turns *t)
{
    mli_free(s->o.alloc, t->items);
    mli_free(s->o.alloc, t->groups);
    mli_free(s->o.alloc, t->appear);
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
        out->items[out->count] =
            (raw_turn){l->file, l->speaker, l->start_ms * 1000, l->end_ms * 1000, out->count};
        out->count++;
    }
    for (size_t i = 0; i < segments; i++) {
        const mli_transcript_segment *g = &d->transcript->segments[i];
        out->items[out->count] =
            (raw_turn){"", g->speaker != NULL ? g->speaker : "", microseconds(g->start),
                       microseconds(g->end), out->count};
        out->count++;
    }
    return group_turns(s, out, err);
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
    const group range = range_of(turns, recording);
    *out = (side){0};
    out->items = mli_alloc_array(s->o.alloc, range.count + 1, sizeof *out->items);
    out->names = mli_alloc_array(s->o.alloc, MLI_DER_MAX_SPEAKERS, sizeof *out->names);
    if (out->items == NULL || out->names == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < range.count; i++) {
        const raw_turn *t = &turns->items[range.from + i];
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
MODELLAB_MUST_CHECK static modellab_status read_uem(const raw_turns *uem, const char *recording,
                                                    mli_spans *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const group range = range_of(uem, uem->group_count <= 1 ? NULL : recording);
    for (size_t i = 0; status == MODELLAB_OK && i < range.count; i++) {
        const raw_turn *l = &uem->items[range.from + i];
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
score_recording(mli_scorer *s, const char *name, const raw_turns *reference,
                const raw_turns *hypothesis, const raw_turns *uem, const char *recording,
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
                                                     const raw_turns *r, const raw_turns *h,
                                                     const raw_turns *uem, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (r->group_count <= 1 && h->group_count <= 1)
        return score_recording(s, name, r, h, uem, NULL, err);
    for (size_t i = 0; status == MODELLAB_OK && i < r->group_count; i++)
        status = score_recording(s, name, r, h, uem, r->appear[i].recording, err);
    for (size_t i = 0; status == MODELLAB_OK && i < h->group_count; i++) {
        if (range_of(r, h->appear[i].recording).count == 0)
            status = score_recording(s, name, r, h, uem, h->appear[i].recording, err);
    }
    return status;
}

modellab_status mli_scorer_add_turns(mli_scorer *s, const char *name, const mli_document *reference,
                                     const mli_document *hypothesis, const mli_document *uem,
                                     modellab_error *err)
{
    raw_turns r = {0}, h = {0}, u = {0};
    if (uem != NULL && uem->format != MLI_DOCUMENT_UEM)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "what is scored is told by a UEM file");
    modellab_status status = collect(s, reference, &r, err);
    if (status == MODELLAB_OK)
        status = collect(s, hypothesis, &h, err);
    if (status == MODELLAB_OK && uem != NULL)
        status = collect(s, uem, &u, err);
    if (status == MODELLAB_OK)
        status = score_all(s, name, &r, &h, uem != NULL ? &u : NULL, err);
    raw_dispose(s, &r);
    raw_dispose(s, &h);
    raw_dispose(s, &u);
    return status;
}
