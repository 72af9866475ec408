/* The makers of stages by kind, and the stages that are a few lines: one channel, high pass,
 * another rate. */
#include "speech/enhance_effect.h"

#include "audio/biquad.h"
#include "audio/rate.h"
#include "base/alloc.h"
#include "base/error.h"
#include <string.h>

static const mli_effect_maker makers[MLI_ENHANCE_KINDS] = {
    [MLI_ENHANCE_DENOISE] = mli_effect_denoise,
    [MLI_ENHANCE_EXTRACT_CHANNEL] = mli_effect_channel,
    [MLI_ENHANCE_HIGH_PASS] = mli_effect_high_pass,
    [MLI_ENHANCE_NORMALIZE_LOUDNESS] = mli_effect_loudness,
    [MLI_ENHANCE_NORMALIZE_VOLUME] = mli_effect_volume,
    [MLI_ENHANCE_RESAMPLE] = mli_effect_resample,
    [MLI_ENHANCE_SPEED] = mli_effect_speed,
    [MLI_ENHANCE_TRIM_SILENCE] = mli_effect_trim,
};

modellab_status mli_effect_create(const mli_enhance_op *op, mli_pcm_format in,
                                  const modellab_allocator *alloc, const mli_cancel_word *cancel,
                                  mli_effect **out, modellab_error *err)
{
    const mli_effect base = {.alloc = alloc, .cancel = cancel, .op = *op, .in = in, .out = in};
    return makers[op->kind](&base, out, err);
}

void mli_effect_destroy(mli_effect *effect)
{
    if (effect != NULL)
        effect->methods->destroy(effect);
}

/* --- one channel, filtered: both give at once what they take --- */
typedef struct direct {
    mli_effect base;
    size_t channel; /* of extract_channel */
    mli_biquad sections[MLI_BUTTERWORTH_MAX];
    size_t section_count;
    mli_biquad_state *states; /* [channel][section] */
    float *block;             /* MLI_PCM_BLOCK frames of the outgoing format */
} direct;

static void destroy_direct(mli_effect *effect)
{
    direct *d = (direct *)effect;
    const modellab_allocator *alloc = effect->alloc;
    mli_free(alloc, d->states);
    mli_free(alloc, d->block);
    mli_free(alloc, d);
}

MODELLAB_MUST_CHECK static modellab_status make_direct(const mli_effect *base, int32_t channels,
                                                       const mli_effect_methods *methods,
                                                       direct **out, modellab_error *err)
{
    direct *d = mli_alloc_zero(base->alloc, sizeof *d);

    *out = NULL;
    if (d == NULL)
        return mli_no_memory(err);
    d->base = *base;
    d->base.methods = methods;
    d->base.out.channels = channels;
    d->states = mli_alloc_array(base->alloc, (size_t)base->in.channels * MLI_BUTTERWORTH_MAX,
                                sizeof *d->states);
    d->block = mli_alloc_array(base->alloc, MLI_PCM_BLOCK * (size_t)channels, sizeof *d->block);
    if (d->states == NULL || d->block == NULL) {
        destroy_direct(&d->base);
        return mli_no_memory(err);
    }
    *out = d;
    return MODELLAB_OK;
}

/* Runs `fill` over blocks of at most MLI_PCM_BLOCK frames. */
MODELLAB_MUST_CHECK static modellab_status
push_direct(direct *d, const float *in, size_t frames,
            void (*fill)(direct *d, const float *in, size_t frames), modellab_error *err)
{
    const mli_pcm_sink *sink = &d->base.sink;

    while (frames > 0) {
        size_t part = frames < MLI_PCM_BLOCK ? frames : MLI_PCM_BLOCK;
        fill(d, in, part);
        modellab_status status = sink->take(sink->user, d->block, part, err);
        if (status != MODELLAB_OK)
            return status;
        in += part * (size_t)d->base.in.channels;
        frames -= part;
    }
    return MODELLAB_OK;
}

static void take_channel(direct *d, const float *in, size_t frames)
{
    for (size_t i = 0; i < frames; i++)
        d->block[i] = in[i * (size_t)d->base.in.channels + d->channel];
}

MODELLAB_MUST_CHECK static modellab_status push_channel(mli_effect *effect, const float *in,
                                                        size_t frames, modellab_error *err)
{
    return push_direct((direct *)effect, in, frames, take_channel, err);
}

modellab_status mli_effect_channel(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {.push = push_channel, .destroy = destroy_direct};
    int32_t channel = (int32_t)base->op.values[0];
    direct *d = NULL;

    *out = NULL;
    if (channel >= base->in.channels)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "extract_channel(channel=%d): the audio has %d channel%s, counted from 0",
                        (int)channel, (int)base->in.channels, base->in.channels == 1 ? "" : "s");
    modellab_status status = make_direct(base, 1, &methods, &d, err);
    if (status == MODELLAB_OK) {
        d->channel = (size_t)channel;
        *out = &d->base;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status begin_filter(mli_effect *effect, modellab_error *err)
{
    direct *d = (direct *)effect;
    (void)err;
    memset(d->states, 0, (size_t)effect->in.channels * MLI_BUTTERWORTH_MAX * sizeof *d->states);
    return MODELLAB_OK;
}

static void filter(direct *d, const float *in, size_t frames)
{
    const size_t channels = (size_t)d->base.in.channels;

    for (size_t c = 0; c < channels; c++) {
        mli_biquad_state *states = d->states + c * MLI_BUTTERWORTH_MAX;
        for (size_t i = 0; i < frames; i++) {
            double x = (double)in[i * channels + c];
            for (size_t s = 0; s < d->section_count; s++)
                x = mli_biquad_step(&d->sections[s], &states[s], x);
            d->block[i * channels + c] = (float)x;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status push_filter(mli_effect *effect, const float *in,
                                                       size_t frames, modellab_error *err)
{
    return push_direct((direct *)effect, in, frames, filter, err);
}

modellab_status mli_effect_high_pass(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {
        .begin = begin_filter, .push = push_filter, .destroy = destroy_direct};
    const double cutoff = base->op.values[0], rate = base->in.rate_hz;
    direct *d = NULL;

    *out = NULL;
    if (cutoff > 0.45 * rate)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "high_pass: at %.0f Hz the cutoff is at most %.0f Hz", rate, 0.45 * rate);
    modellab_status status = make_direct(base, base->in.channels, &methods, &d, err);
    if (status == MODELLAB_OK) {
        d->section_count =
            mli_butterworth_high_pass(cutoff, rate, (int)base->op.values[1], d->sections);
        *out = &d->base;
    }
    return status;
}

/* --- another rate --- */
typedef struct rated {
    mli_effect base;
    mli_rate *rate; /* NULL: the rate is the same */
} rated;

MODELLAB_MUST_CHECK static modellab_status give(void *user, const float *samples, size_t frames,
                                                modellab_error *err)
{
    const mli_effect *effect = user;
    return effect->sink.take(effect->sink.user, samples, frames, err);
}

static void destroy_rated(mli_effect *effect)
{
    mli_rate_destroy(((rated *)effect)->rate);
    mli_free(effect->alloc, effect);
}

MODELLAB_MUST_CHECK static modellab_status begin_rated(mli_effect *effect, modellab_error *err)
{
    rated *r = (rated *)effect;
    return r->rate != NULL ? mli_rate_reset(r->rate, err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status push_rated(mli_effect *effect, const float *in,
                                                      size_t frames, modellab_error *err)
{
    rated *r = (rated *)effect;
    return r->rate != NULL ? mli_rate_push(r->rate, in, frames, err)
                           : give(effect, in, frames, err);
}

MODELLAB_MUST_CHECK static modellab_status finish_rated(mli_effect *effect, modellab_error *err)
{
    rated *r = (rated *)effect;
    return r->rate != NULL ? mli_rate_finish(r->rate, err) : MODELLAB_OK;
}

modellab_status mli_effect_resample(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {
        .begin = begin_rated, .push = push_rated, .finish = finish_rated, .destroy = destroy_rated};
    int32_t rate_hz = (int32_t)base->op.values[0];
    rated *r = mli_alloc_zero(base->alloc, sizeof *r);
    modellab_status status = MODELLAB_OK;

    *out = NULL;
    if (r == NULL)
        return mli_no_memory(err);
    r->base = *base;
    r->base.methods = &methods;
    r->base.out.rate_hz = rate_hz;
    if (rate_hz != base->in.rate_hz)
        status = mli_rate_create(base->alloc, base->in, rate_hz, (mli_pcm_sink){give, &r->base},
                                 &r->rate, err);
    if (status == MODELLAB_OK)
        *out = &r->base;
    else
        destroy_rated(&r->base);
    return status;
}
