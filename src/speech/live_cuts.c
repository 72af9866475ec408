/* The detector's steps over a sliding window of the stream. */
#include "speech/live_cuts.h"
#include "audio/source.h"
#include "base/alloc.h"
#include "base/error.h"
#include "speech/vad_stream.h"
#include <math.h>
#include <string.h>

enum { STEP = MLI_SILERO_CHUNK, RATE_MS = MLI_AUDIO_RATE / 1000 };
#define LOUDEST 1e6f /* squares of greater ones would not be finite any more */

struct mli_live_cuts {
    const modellab_allocator *alloc;
    mli_silero_session *session;
    mli_vad_stream stream;
    float *audio; /* samples from `base` on */
    size_t count, capacity;
    int64_t base, total;
    int64_t pieces; /* given out */
    bool ended, finished;
};

void mli_live_rules_init(mli_vad_rules *rules)
{
    mli_vad_rules_init(rules);
    rules->min_silence = 500 * RATE_MS;
    rules->pad = 200 * RATE_MS;
    rules->max_speech = (int64_t)15 * MLI_AUDIO_RATE;
}

modellab_status mli_live_cuts_create(mli_live_cuts **out, const modellab_allocator *alloc,
                                     const mli_silero *model, mli_pool *pool,
                                     const mli_vad_rules *rules, modellab_error *err)
{
    mli_live_cuts *c = mli_alloc_zero(alloc, sizeof *c);

    *out = NULL;
    if (c == NULL)
        return mli_no_memory(err);
    c->alloc = alloc;
    mli_vad_stream_init(&c->stream, alloc, rules);
    modellab_status status = mli_silero_session_create(&c->session, model, pool, err);
    if (status != MODELLAB_OK) {
        mli_live_cuts_destroy(c);
        return status;
    }
    *out = c;
    return MODELLAB_OK;
}

void mli_live_cuts_destroy(mli_live_cuts *cuts)
{
    if (cuts != NULL) {
        mli_silero_session_destroy(cuts->session);
        mli_vad_stream_dispose(&cuts->stream);
        mli_free(cuts->alloc, cuts->audio);
        mli_free(cuts->alloc, cuts);
    }
}

/* Forgets what no piece can need any more, once that is most of what is kept. */
static void forget(mli_live_cuts *c)
{
    size_t old = (size_t)(mli_vad_stream_needed(&c->stream) - c->base);

    if (old > c->count / 2) {
        memmove(c->audio, c->audio + old, (c->count - old) * sizeof *c->audio);
        c->count -= old;
        c->base += (int64_t)old;
    }
}

MODELLAB_MUST_CHECK static modellab_status make_room(mli_live_cuts *c, size_t more,
                                                     modellab_error *err)
{
    size_t capacity = c->capacity == 0 ? 4 * MLI_AUDIO_RATE : c->capacity;

    while (capacity < c->count + more)
        capacity *= 2;
    if (capacity != c->capacity) {
        float *grown = mli_realloc_array(c->alloc, c->audio, capacity, sizeof *grown);

        if (grown == NULL)
            return mli_no_memory(err);
        c->audio = grown;
        c->capacity = capacity;
    }
    return MODELLAB_OK;
}

modellab_status mli_live_cuts_push(mli_live_cuts *cuts, const float *samples, size_t count,
                                   modellab_error *err)
{
    if (count > (size_t)(MLI_AUDIO_MAX_SAMPLES - cuts->total))
        return mli_fail(err, MODELLAB_E_LIMIT, "a stream is at most a day long");
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(samples[i]) <= LOUDEST))
            return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, cuts->total + (int64_t)i,
                               "a sample is not a number, or beyond a million");
    }
    forget(cuts);
    /* one step more: the last one is filled up in place */
    modellab_status status = make_room(cuts, count + STEP, err);
    if (status == MODELLAB_OK && count > 0) {
        memcpy(cuts->audio + cuts->count, samples, count * sizeof *samples);
        cuts->count += count;
        cuts->total += (int64_t)count;
    }
    return status;
}

void mli_live_cuts_end(mli_live_cuts *cuts)
{
    cuts->ended = true;
}

/* One step of the detector, when there is one. */
MODELLAB_MUST_CHECK static modellab_status step(mli_live_cuts *c, const mli_cancel_word *cancel,
                                                bool *moved, modellab_error *err)
{
    int64_t at = c->stream.cutter.at;
    bool whole = c->total - at >= STEP, rest = c->ended && !whole && c->total > at;
    modellab_status status = MODELLAB_OK;
    float probability;

    *moved = whole || rest || (c->ended && !c->finished);
    if (rest) /* push() has left room for it */
        memset(c->audio + c->count, 0, (size_t)(at + STEP - c->total) * sizeof *c->audio);
    if (whole || rest) {
        status =
            mli_silero_run(c->session, c->audio + (at - c->base), 1, &probability, cancel, err);
        if (status == MODELLAB_OK)
            status = mli_vad_stream_push(&c->stream, probability, err);
    }
    if (status == MODELLAB_OK && c->ended && !whole && !c->finished) {
        status = mli_vad_stream_finish(&c->stream, c->total, err);
        c->finished = true;
    }
    return status;
}

modellab_status mli_live_cuts_next(mli_live_cuts *cuts, const mli_cancel_word *cancel, bool *found,
                                   mli_live_piece *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_vad_segment segment;
    bool moved = true;

    *found = false;
    while (status == MODELLAB_OK && !*found && moved) {
        *found = mli_vad_stream_next(&cuts->stream, &segment);
        if (!*found)
            status = step(cuts, cancel, &moved, err);
    }
    if (*found) {
        out->index = cuts->pieces++;
        out->start = segment.start;
        out->end = segment.end;
        out->samples = cuts->audio + (segment.start - cuts->base);
    }
    return status;
}

bool mli_live_cuts_open(const mli_live_cuts *cuts, mli_live_piece *out)
{
    if (cuts->finished || cuts->stream.cutter.count > 0 ||
        !mli_vad_stream_open(&cuts->stream, &out->start))
        return false;
    out->index = cuts->pieces;
    out->end = cuts->stream.cutter.at;
    out->samples = cuts->audio + (out->start - cuts->base);
    return true;
}

int64_t mli_live_cuts_heard(const mli_live_cuts *cuts)
{
    int64_t at = cuts->stream.cutter.at;

    return at < cuts->total ? at : cuts->total;
}
