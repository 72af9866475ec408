/* trim_silence: the first pass looks for what is loud, 10 ms at a time; the second gives the spans
 * that are kept. */
#include "speech/enhance_effect.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

typedef struct span {
    int64_t start, end; /* frames */
} span;

typedef struct trim {
    mli_effect base;
    bool all;
    int64_t window, least, pad; /* frames */
    double threshold;           /* mean square */
    double *squares;            /* of the window so far, by channel */
    int64_t in_window, frames;
    span *spans; /* loud ones; after the first pass those that are kept */
    size_t count, capacity;
    size_t at; /* span that the second pass is in */
} trim;

static void destroy(mli_effect *effect)
{
    trim *t = (trim *)effect;
    mli_free(effect->alloc, t->squares);
    mli_free(effect->alloc, t->spans);
    mli_free(effect->alloc, t);
}

MODELLAB_MUST_CHECK static modellab_status add(trim *t, span s, modellab_error *err)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
        span *more = mli_realloc_array(t->base.alloc, t->spans, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        t->spans = more;
        t->capacity = capacity;
    }
    t->spans[t->count++] = s;
    return MODELLAB_OK;
}

/* The window ends before frame `end`: the loudest channel decides. */
MODELLAB_MUST_CHECK static modellab_status end_window(trim *t, int64_t end, modellab_error *err)
{
    double loudest = 0.0;
    int64_t start = end - t->in_window;

    for (int32_t c = 0; c < t->base.in.channels; c++) {
        loudest = t->squares[c] > loudest ? t->squares[c] : loudest;
        t->squares[c] = 0.0;
    }
    bool loud = loudest > 0.0 && loudest / (double)t->in_window >= t->threshold;
    t->in_window = 0;
    if (!loud)
        return MODELLAB_OK;
    span *last = t->count > 0 ? &t->spans[t->count - 1] : NULL;
    if (last != NULL && (!t->all || start - last->end < t->least)) {
        last->end = end;
        return MODELLAB_OK;
    }
    return add(t, (span){start, end}, err);
}

MODELLAB_MUST_CHECK static modellab_status measure(mli_effect *effect, const float *in,
                                                   size_t frames, modellab_error *err)
{
    trim *t = (trim *)effect;
    const size_t channels = (size_t)effect->in.channels;

    for (size_t i = 0; i < frames; i++) {
        for (size_t c = 0; c < channels; c++) {
            double x = (double)in[i * channels + c];
            t->squares[c] += x * x;
        }
        t->frames++;
        if (++t->in_window == t->window) {
            modellab_status status = end_window(t, t->frames, err);
            if (status != MODELLAB_OK)
                return status;
        }
    }
    return MODELLAB_OK;
}

/* What is kept around what is loud. All silence: its beginning. */
static void widen(trim *t)
{
    span *first = &t->spans[0], *last = &t->spans[t->count - 1];

    first->start = first->start >= t->least ? first->start - t->pad : 0;
    last->end = t->frames - last->end >= t->least ? last->end + t->pad : t->frames;
    for (size_t i = 0; i + 1 < t->count; i++) {
        t->spans[i].end += t->least / 2;
        t->spans[i + 1].start -= t->least - t->least / 2;
    }
}

MODELLAB_MUST_CHECK static modellab_status measured(mli_effect *effect, modellab_error *err)
{
    trim *t = (trim *)effect;
    modellab_status status = MODELLAB_OK;
    int64_t kept = 0;

    if (t->in_window > 0)
        status = end_window(t, t->frames, err);
    if (status == MODELLAB_OK && t->count > 0)
        widen(t);
    else if (status == MODELLAB_OK && t->frames > 0)
        status = add(t, (span){0, t->frames < t->least ? t->frames : t->least}, err);
    for (size_t i = 0; i < t->count; i++)
        kept += t->spans[i].end - t->spans[i].start;
    effect->notes[0] =
        (mli_enhance_note){"removed_seconds", (double)(t->frames - kept) / effect->in.rate_hz};
    effect->notes[1] = (mli_enhance_note){"spans", (double)t->count};
    return status;
}

MODELLAB_MUST_CHECK static modellab_status begin(mli_effect *effect, modellab_error *err)
{
    (void)err;
    ((trim *)effect)->at = 0;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status push(mli_effect *effect, const float *in, size_t frames,
                                                modellab_error *err)
{
    trim *t = (trim *)effect;
    const int64_t start = effect->taken, end = start + (int64_t)frames;

    while (t->at < t->count && t->spans[t->at].start < end) {
        const span *s = &t->spans[t->at];
        int64_t from = s->start > start ? s->start : start, to = s->end < end ? s->end : end;
        if (from < to) {
            modellab_status status =
                effect->sink.take(effect->sink.user, in + (from - start) * effect->in.channels,
                                  (size_t)(to - from), err);
            if (status != MODELLAB_OK)
                return status;
        }
        if (s->end > end)
            break;
        t->at++;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status map(const mli_effect *effect, mli_time_map *map,
                                               modellab_error *err)
{
    const trim *t = (const trim *)effect;
    const double rate = effect->in.rate_hz;
    mli_time_span *spans = mli_alloc_array(effect->alloc, t->count, sizeof *spans);

    if (spans == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < t->count; i++)
        spans[i] =
            (mli_time_span){(double)t->spans[i].start / rate, (double)t->spans[i].end / rate};
    modellab_status status = MODELLAB_OK;
    if (t->count != 1 || t->spans[0].start > 0 || t->spans[0].end < t->frames)
        status = mli_time_map_keep(map, spans, t->count, err);
    mli_free(effect->alloc, spans);
    return status;
}

modellab_status mli_effect_trim(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {.measure = measure,
                                               .measured = measured,
                                               .begin = begin,
                                               .push = push,
                                               .map = map,
                                               .destroy = destroy};
    const int64_t rate = base->in.rate_hz;
    trim *t = mli_alloc_zero(base->alloc, sizeof *t);

    *out = NULL;
    if (t == NULL)
        return mli_no_memory(err);
    t->base = *base;
    t->base.methods = &methods;
    t->window = rate / 100;
    t->least = (int64_t)base->op.values[0] * rate / 1000;
    t->pad = t->least < rate / 10 ? t->least : rate / 10;
    t->threshold = pow(10.0, base->op.values[1] / 10.0);
    t->all = base->op.values[2] == 1.0;
    t->squares = mli_alloc_array(base->alloc, (size_t)base->in.channels, sizeof *t->squares);
    if (t->squares == NULL) {
        destroy(&t->base);
        return mli_no_memory(err);
    }
    *out = &t->base;
    return MODELLAB_OK;
}
