/* Running a chain: one reading of the source for each operator that measures first, and a last one
 * that gives the result. */
#include "speech/enhance.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

enum { BLOCK = 16384 /* samples that a stage gets at once: cancel is looked at before each */ };

#define LOUDEST 1e6f /* squares of greater ones would not be finite any more */

/* Between two stages, and behind the last one. */
typedef struct link {
    struct mli_enhancer *enhancer;
    size_t to; /* the stage that takes; count = the sink */
} link;

struct mli_enhancer {
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    mli_pcm_format format;
    size_t count;
    mli_effect *effects[MLI_ENHANCE_MAX_OPS];
    link links[MLI_ENHANCE_MAX_OPS + 1];
    size_t measured; /* stage that this pass ends in, to measure; count = the last pass */
    mli_pcm_sink sink;
    int64_t frames_in, frames_out;
    float *block;
    bool used;
};

/* Hands blocks of bounded size to stage `to`. */
MODELLAB_MUST_CHECK static modellab_status hand_on(void *user, const float *samples, size_t frames,
                                                   modellab_error *err)
{
    const link *l = user;
    mli_enhancer *e = l->enhancer;
    mli_effect *effect = l->to < e->count ? e->effects[l->to] : NULL;
    const size_t channels = (size_t)(effect != NULL ? effect->in : mli_enhancer_format(e)).channels;
    const size_t most = channels < BLOCK ? BLOCK / channels : 1;
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && frames > 0) {
        size_t part = frames < most ? frames : most;
        if (mli_cancelled(e->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        if (effect == NULL) {
            status = e->sink.take(e->sink.user, samples, part, err);
            e->frames_out += (int64_t)part;
        } else {
            status = l->to == e->measured ? effect->methods->measure(effect, samples, part, err)
                                          : effect->methods->push(effect, samples, part, err);
            effect->taken += (int64_t)part;
        }
        samples += part * channels;
        frames -= part;
    }
    return status;
}

modellab_status mli_enhancer_create(const mli_enhance_chain *chain, mli_pcm_format format,
                                    const modellab_allocator *alloc, const mli_cancel_word *cancel,
                                    mli_enhancer **out, modellab_error *err)
{
    mli_enhancer *e = mli_alloc_zero(alloc, sizeof *e);
    modellab_status status = MODELLAB_OK;

    *out = NULL;
    if (e == NULL)
        return mli_no_memory(err);
    e->alloc = alloc;
    e->cancel = cancel;
    e->format = format;
    e->block = mli_alloc_array(alloc, BLOCK, sizeof *e->block);
    if (e->block == NULL)
        status = mli_no_memory(err);
    while (status == MODELLAB_OK && e->count < chain->count) {
        status = mli_effect_create(&chain->ops[e->count], mli_enhancer_format(e), alloc, cancel,
                                   &e->effects[e->count], err);
        if (status == MODELLAB_OK)
            e->count++;
    }
    for (size_t i = 0; i <= e->count; i++) {
        e->links[i] = (link){e, i};
        if (i > 0)
            e->effects[i - 1]->sink = (mli_pcm_sink){hand_on, &e->links[i]};
    }
    if (status == MODELLAB_OK)
        *out = e;
    else
        mli_enhancer_destroy(e);
    return status;
}

void mli_enhancer_destroy(mli_enhancer *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->count; i++)
        mli_effect_destroy(e->effects[i]);
    mli_free(e->alloc, e->block);
    mli_free(e->alloc, e);
}

mli_pcm_format mli_enhancer_format(const mli_enhancer *e)
{
    return e->count > 0 ? e->effects[e->count - 1]->out : e->format;
}

size_t mli_enhancer_passes(const mli_enhancer *e)
{
    size_t passes = 1;
    for (size_t i = 0; i < e->count; i++)
        passes += e->effects[i]->methods->measure != NULL;
    return passes;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_enhancer *e, size_t frames, int64_t at,
                                                 modellab_error *err)
{
    const size_t channels = (size_t)e->format.channels;

    for (size_t i = 0; i < frames * channels; i++)
        if (!(fabsf(e->block[i]) <= LOUDEST))
            return mli_fail_at(err, MODELLAB_E_INVALID_AUDIO, at + (int64_t)(i / channels),
                               "sample %lld of channel %zu is not a number, or beyond a million",
                               (long long)(at + (int64_t)(i / channels)), i % channels);
    return MODELLAB_OK;
}

/* One reading of the source through the stages up to the one that measures. */
MODELLAB_MUST_CHECK static modellab_status pump(mli_enhancer *e, const mli_enhance_source *source,
                                                size_t pass, mli_enhance_progress progress,
                                                void *progress_user, modellab_error *err)
{
    const size_t channels = (size_t)e->format.channels;
    int64_t frames = 0;

    for (;;) {
        size_t got = 0;
        if (mli_cancelled(e->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        modellab_status status = source->read(source->user, e->block,
                                              channels < BLOCK ? BLOCK / channels : 1, &got, err);
        if (status == MODELLAB_OK)
            status = check(e, got, frames, err);
        if (status != MODELLAB_OK)
            return status;
        if (got == 0)
            break;
        status = hand_on(&e->links[0], e->block, got, err);
        if (status != MODELLAB_OK)
            return status;
        frames += (int64_t)got;
        if (progress != NULL && progress(progress_user, pass, frames) != 0)
            return mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    }
    if (pass > 0 && frames != e->frames_in)
        return mli_fail(err, MODELLAB_E_IO, "the audio changed while it was read");
    e->frames_in = frames;
    return MODELLAB_OK;
}

/* What the stages still hold goes on, in order. */
MODELLAB_MUST_CHECK static modellab_status flush(mli_enhancer *e, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < e->measured; i++)
        if (e->effects[i]->methods->finish != NULL)
            status = e->effects[i]->methods->finish(e->effects[i], err);
    if (status == MODELLAB_OK && e->measured < e->count)
        status = e->effects[e->measured]->methods->measured(e->effects[e->measured], err);
    return status;
}

modellab_status mli_enhancer_run(mli_enhancer *e, const mli_enhance_source *source,
                                 mli_pcm_sink sink, mli_enhance_progress progress,
                                 void *progress_user, modellab_error *err)
{
    size_t pass = 0, from = 0;
    bool last = false;

    if (e->used || source->format.channels != e->format.channels ||
        source->format.rate_hz != e->format.rate_hz)
        return mli_fail(err, MODELLAB_E_STATE, "a chain is run once, over audio of its format");
    e->used = true;
    e->sink = sink;
    while (!last) {
        e->measured = from;
        while (e->measured < e->count && e->effects[e->measured]->methods->measure == NULL)
            e->measured++;
        from = e->measured + 1;
        last = e->measured == e->count;
        modellab_status status = source->rewind(source->user, err);
        for (size_t i = 0; status == MODELLAB_OK && i < e->count; i++) {
            e->effects[i]->taken = 0;
            if (e->effects[i]->methods->begin != NULL)
                status = e->effects[i]->methods->begin(e->effects[i], err);
        }
        if (status == MODELLAB_OK)
            status = pump(e, source, pass++, progress, progress_user, err);
        if (status == MODELLAB_OK)
            status = flush(e, err);
        if (status != MODELLAB_OK)
            return status;
    }
    return MODELLAB_OK;
}

int64_t mli_enhancer_frames_in(const mli_enhancer *e)
{
    return e->frames_in;
}

int64_t mli_enhancer_frames_out(const mli_enhancer *e)
{
    return e->frames_out;
}

const mli_enhance_note *mli_enhancer_notes(const mli_enhancer *e, size_t index)
{
    return e->effects[index]->notes;
}

modellab_status mli_enhancer_map(const mli_enhancer *e, mli_time_map *out, modellab_error *err)
{
    modellab_status status = mli_time_map_init(out, e->alloc, err);

    for (size_t i = 0; status == MODELLAB_OK && i < e->count; i++)
        if (e->effects[i]->methods->map != NULL)
            status = e->effects[i]->methods->map(e->effects[i], out, err);
    if (status != MODELLAB_OK)
        mli_time_map_dispose(out);
    return status;
}
