/* Turns of label files and transcripts, sorted once so that each recording is a range. */
#include "score/recordings.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDINGS = 10000 };

static int64_t microseconds(double seconds)
{
    return (int64_t)llrint(seconds * 1e6);
}

static int by_recording(const void *a, const void *b)
{
    const mli_raw_turn *x = a, *y = b;
    const int order = strcmp(x->recording, y->recording);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static int by_position(const void *a, const void *b)
{
    const mli_recording *x = a, *y = b;
    return (x->position > y->position) - (x->position < y->position);
}

static bool in_order(const mli_recordings *t)
{
    size_t i = 1;
    while (i < t->count && by_recording(&t->items[i - 1], &t->items[i]) < 0)
        i++;
    return i >= t->count;
}

/* Sorts the turns once, so that each recording is a range. */
MODELLAB_MUST_CHECK static modellab_status group_turns(const mli_scorer *s, mli_recordings *t,
                                                       modellab_error *err)
{
    size_t capacity = 0;
    modellab_status status = MODELLAB_OK;
    if (!in_order(t))
        qsort(t->items, t->count, sizeof *t->items, by_recording);
    for (size_t i = 0; i < t->count; i++) {
        const mli_raw_turn *one = &t->items[i];
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
        t->groups[t->group_count++] = (mli_recording){one->recording, i, 1, one->position};
    }
    t->appear = mli_alloc_array(s->o.alloc, t->group_count + 1, sizeof *t->appear);
    if (t->appear == NULL)
        return mli_no_memory(err);
    if (t->group_count > 0)
        memcpy(t->appear, t->groups, t->group_count * sizeof *t->appear);
    qsort(t->appear, t->group_count, sizeof *t->appear, by_position);
    return MODELLAB_OK;
}

mli_recording mli_recordings_range(const mli_recordings *t, const char *recording)
{
    size_t low = 0, high = t->group_count;
    if (recording == NULL)
        return (mli_recording){NULL, 0, t->count, 0};
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
    return (mli_recording){recording, 0, 0, 0};
}

void mli_recordings_dispose(const mli_scorer *s, mli_recordings *t)
{
    mli_free(s->o.alloc, t->items);
    mli_free(s->o.alloc, t->groups);
    mli_free(s->o.alloc, t->appear);
}

modellab_status mli_recordings_read(const mli_scorer *s, const mli_document *d, mli_recordings *out,
                                    modellab_error *err)
{
    const size_t segments = d->transcript != NULL ? d->transcript->segment_count : 0;
    const size_t most = d->labels.count + segments;
    *out = (mli_recordings){0};
    out->items = mli_alloc_array(s->o.alloc, most + 1, sizeof *out->items);
    if (out->items == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < d->labels.count; i++) {
        const mli_label *l = &d->labels.items[i];
        out->items[out->count] =
            (mli_raw_turn){l->file, l->speaker, l->start_ms * 1000, l->end_ms * 1000, out->count};
        out->count++;
    }
    for (size_t i = 0; i < segments; i++) {
        const mli_transcript_segment *g = &d->transcript->segments[i];
        out->items[out->count] =
            (mli_raw_turn){"", g->speaker != NULL ? g->speaker : "", microseconds(g->start),
                           microseconds(g->end), out->count};
        out->count++;
    }
    return group_turns(s, out, err);
}
