/* From labels of cells to turns, and the names of enrolled voices. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "speech/diarize_steps.h"
#include <stdlib.h>
#include <string.h>

enum { WIDTH = MLI_VOICE_WIDTH, CELL = MLI_CELL_SAMPLES, NOBODY = 0xff, LOOK = 1 << 12 };

typedef struct writer {
    const mli_diarize_tools *t;
    const mli_diarize_options *o;
    const mli_vad_segment *segments;
    size_t segment_count;
    const mli_cells *cells;
    const uint8_t *labels;
    const float *voices;
    size_t speakers;
    uint8_t *second; /* [cells]: another speaker at the same time, NOBODY = none */
    float *scores;   /* [cells]: cosine with the voice of the label; second ones count the same */
    mli_diarization *out;
    size_t room;
} writer;

static float cosine(const mli_cells *c, const mli_cell *x, const float *voice)
{
    const float *w = c->windows + (size_t)x->window * WIDTH;
    float value = x->left * mli_dot(w, voice, WIDTH);
    return x->right != 0.0f ? value + x->right * mli_dot(w + WIDTH, voice, WIDTH) : value;
}

MODELLAB_MUST_CHECK static modellab_status score_cells(writer *w, modellab_error *err)
{
    for (size_t i = 0; i < w->cells->count; i++) {
        const mli_cell *x = &w->cells->items[i];
        float best = cosine(w->cells, x, w->voices + (size_t)w->labels[i] * WIDTH), next = -2.0f;
        if (i % LOOK == 0 && mli_cancelled(w->t->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        w->scores[i] = best;
        w->second[i] = NOBODY;
        for (size_t s = 0; w->o->overlapping && s < w->speakers; s++) {
            float value = s == w->labels[i] ? -2.0f : cosine(w->cells, x, w->voices + s * WIDTH);
            if (value > next && value >= best - w->o->second_margin) {
                next = value;
                w->second[i] = (uint8_t)s;
            }
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status add_turn(writer *w, const mli_turn *turn,
                                                    modellab_error *err)
{
    mli_diarization *d = w->out;
    mli_speaker *s = &d->speakers[turn->speaker];
    if (d->turn_count == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        mli_turn *more = mli_realloc_array(w->t->alloc, d->turns, room, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        d->turns = more;
        w->room = room;
    }
    d->turns[d->turn_count++] = *turn;
    s->speech += turn->end - turn->start;
    return MODELLAB_OK;
}

static bool speaks(const writer *w, size_t cell, size_t speaker)
{
    return w->labels[cell] == speaker || w->second[cell] == speaker;
}

/* Turns of one speaker: runs of cells inside a segment; the ends of a segment are exact. */
MODELLAB_MUST_CHECK static modellab_status add_speaker(writer *w, size_t speaker,
                                                       modellab_error *err)
{
    const mli_cell *items = w->cells->items;
    modellab_status status = MODELLAB_OK;
    size_t cell = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < w->segment_count; i++) {
        const mli_vad_segment *s = &w->segments[i];
        size_t first = cell, end;
        while (cell < w->cells->count && (int64_t)items[cell].at * CELL + CELL / 2 < s->end)
            cell++;
        for (size_t k = first; status == MODELLAB_OK && k < cell; k = end) {
            float sum = 0.0f;
            for (end = k; end < cell && speaks(w, end, speaker); end++)
                sum += w->scores[end];
            if (end == k) {
                end++;
                continue;
            }
            mli_turn turn = {.start = k == first ? s->start : (int64_t)items[k].at * CELL,
                             .end = end == cell ? s->end : (int64_t)items[end].at * CELL,
                             .speaker = (int32_t)speaker,
                             .score = sum / (float)(end - k)};
            status = add_turn(w, &turn, err);
        }
    }
    return status;
}

static int by_start(const void *a, const void *b)
{
    const mli_turn *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->speaker < y->speaker ? -1 : x->speaker > y->speaker;
}

modellab_status mli_diarize_turns(const mli_diarize_tools *t, const mli_diarize_options *o,
                                  const mli_vad_segment *segments, size_t segment_count,
                                  const mli_cells *cells, const uint8_t *labels,
                                  const float *voices, int32_t speakers, mli_diarization *out,
                                  modellab_error *err)
{
    writer w = {.t = t,
                .o = o,
                .segments = segments,
                .segment_count = segment_count,
                .cells = cells,
                .labels = labels,
                .voices = voices,
                .speakers = (size_t)speakers,
                .out = out};
    out->speakers = mli_alloc_array(t->alloc, (size_t)speakers, sizeof *out->speakers);
    w.second = mli_alloc_array(t->alloc, cells->count, sizeof *w.second);
    w.scores = mli_alloc_array(t->alloc, cells->count, sizeof *w.scores);
    modellab_status status = out->speakers != NULL && w.second != NULL && w.scores != NULL
                                 ? score_cells(&w, err)
                                 : mli_no_memory(err);
    if (status == MODELLAB_OK)
        out->speaker_count = (size_t)speakers;
    for (size_t s = 0; status == MODELLAB_OK && s < (size_t)speakers; s++) {
        out->speakers[s].known = -1;
        memcpy(out->speakers[s].voice, voices + s * WIDTH, WIDTH * sizeof *voices);
        status = add_speaker(&w, s, err);
    }
    if (status == MODELLAB_OK && out->turn_count > 1)
        qsort(out->turns, out->turn_count, sizeof *out->turns, by_start);
    mli_free(t->alloc, w.second);
    mli_free(t->alloc, w.scores);
    return status;
}

/* The nearest free pair first; a speaker keeps the score of its best voice even when unknown. */
void mli_diarize_recognise(const mli_diarize_options *o, mli_diarization *d)
{
    for (size_t s = 0; s < d->speaker_count; s++) {
        d->speakers[s].known = -1;
        for (size_t k = 0; k < o->known_count; k++) {
            float value = mli_dot(d->speakers[s].voice, o->known + k * WIDTH, WIDTH);
            if (k == 0 || value > d->speakers[s].known_score)
                d->speakers[s].known_score = value;
        }
    }
    for (;;) {
        size_t speaker = 0, voice = 0;
        float best = -2.0f;
        for (size_t s = 0; s < d->speaker_count; s++) {
            for (size_t k = 0; d->speakers[s].known < 0 && k < o->known_count; k++) {
                bool taken = false;
                for (size_t x = 0; x < d->speaker_count; x++)
                    taken = taken || d->speakers[x].known == (int32_t)k;
                float value = mli_dot(d->speakers[s].voice, o->known + k * WIDTH, WIDTH);
                if (!taken && value > best) {
                    best = value;
                    speaker = s;
                    voice = k;
                }
            }
        }
        if (best < o->known_least)
            return;
        d->speakers[speaker].known = (int32_t)voice;
        d->speakers[speaker].known_score = best;
    }
}
