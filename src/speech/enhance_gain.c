/* normalize_volume and normalize_loudness: measured in a first pass, then one gain for all. */
#include "speech/enhance_effect.h"

#include "audio/loudness.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

#define MOST_GAIN 1000.0

typedef struct gained {
    mli_effect base;
    mli_loudness *meter; /* of normalize_loudness */
    double peak, squares;
    int64_t samples;
    float gain;
    float *block; /* MLI_PCM_BLOCK frames */
} gained;

static double to_db(double ratio)
{
    return 20.0 * log10(ratio);
}

static double from_db(double db)
{
    return pow(10.0, db / 20.0);
}

static void destroy(mli_effect *effect)
{
    gained *g = (gained *)effect;
    mli_loudness_destroy(g->meter);
    mli_free(effect->alloc, g->block);
    mli_free(effect->alloc, g);
}

/* Sets the gain, but not beyond what takes the peak to its limit, and not beyond 60 dB: what is
 * that quiet is no signal. */
static void set_gain(gained *g, double gain, double peak, double limit)
{
    if (peak > 0.0 && gain * peak > limit)
        gain = limit / peak;
    if (gain > MOST_GAIN)
        gain = MOST_GAIN;
    g->gain = (float)gain;
    g->base.notes[0] = (mli_enhance_note){"gain_db", to_db(gain)};
}

MODELLAB_MUST_CHECK static modellab_status measure_volume(mli_effect *effect, const float *in,
                                                          size_t frames, modellab_error *err)
{
    gained *g = (gained *)effect;
    size_t count = frames * (size_t)effect->in.channels;
    (void)err;

    for (size_t i = 0; i < count; i++) {
        double x = fabs((double)in[i]);
        g->peak = x > g->peak ? x : g->peak;
        g->squares += x * x;
    }
    g->samples += (int64_t)count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status measured_volume(mli_effect *effect, modellab_error *err)
{
    gained *g = (gained *)effect;
    bool rms = effect->op.values[1] == 1.0;
    double level = g->peak, target = from_db(effect->op.values[0]);
    (void)err;

    if (rms)
        level = g->samples > 0 ? sqrt(g->squares / (double)g->samples) : 0.0;
    set_gain(g, level > 0.0 ? target / level : 1.0, g->peak, rms ? 1.0 : target);
    effect->notes[1] = (mli_enhance_note){rms ? "rms_db" : "peak_db", to_db(level)};
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status measure_loudness(mli_effect *effect, const float *in,
                                                            size_t frames, modellab_error *err)
{
    return mli_loudness_push(((gained *)effect)->meter, in, frames, err);
}

MODELLAB_MUST_CHECK static modellab_status measured_loudness(mli_effect *effect,
                                                             modellab_error *err)
{
    gained *g = (gained *)effect;
    double lufs = mli_loudness_integrated(g->meter), peak = mli_loudness_true_peak(g->meter);
    (void)err;

    /* nothing above the gates: it stays as it is */
    if (isfinite(lufs))
        set_gain(g, from_db(effect->op.values[0] - lufs), peak, from_db(effect->op.values[1]));
    else
        set_gain(g, 1.0, 0.0, 1.0);
    effect->notes[1] = (mli_enhance_note){"lufs", lufs};
    effect->notes[2] = (mli_enhance_note){"true_peak_db", to_db(peak)};
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status push(mli_effect *effect, const float *in, size_t frames,
                                                modellab_error *err)
{
    gained *g = (gained *)effect;
    const size_t channels = (size_t)effect->in.channels;

    while (frames > 0) {
        size_t part = frames < MLI_PCM_BLOCK ? frames : MLI_PCM_BLOCK;
        for (size_t i = 0; i < part * channels; i++)
            g->block[i] = in[i] * g->gain;
        modellab_status status = effect->sink.take(effect->sink.user, g->block, part, err);
        if (status != MODELLAB_OK)
            return status;
        in += part * channels;
        frames -= part;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
make(const mli_effect *base, const mli_effect_methods *methods, gained **out, modellab_error *err)
{
    gained *g = mli_alloc_zero(base->alloc, sizeof *g);

    *out = NULL;
    if (g == NULL)
        return mli_no_memory(err);
    g->base = *base;
    g->base.methods = methods;
    g->gain = 1.0f;
    g->block =
        mli_alloc_array(base->alloc, MLI_PCM_BLOCK * (size_t)base->in.channels, sizeof *g->block);
    if (g->block == NULL) {
        destroy(&g->base);
        return mli_no_memory(err);
    }
    *out = g;
    return MODELLAB_OK;
}

modellab_status mli_effect_volume(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {
        .measure = measure_volume, .measured = measured_volume, .push = push, .destroy = destroy};
    gained *g = NULL;
    modellab_status status = make(base, &methods, &g, err);
    *out = status == MODELLAB_OK ? &g->base : NULL;
    return status;
}

modellab_status mli_effect_loudness(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {.measure = measure_loudness,
                                               .measured = measured_loudness,
                                               .push = push,
                                               .destroy = destroy};
    gained *g = NULL;
    modellab_status status = make(base, &methods, &g, err);

    *out = NULL;
    if (status == MODELLAB_OK)
        status = mli_loudness_create(base->alloc, base->in, &g->meter, err);
    if (status == MODELLAB_OK)
        *out = &g->base;
    else if (g != NULL)
        destroy(&g->base);
    return status;
}
