/* speed and denoise: stages around the stretcher and the gate of the audio room. What changes
 * nothing (factor 1, amount 0) hands on what it takes. */
#include "speech/enhance_effect.h"

#include "audio/denoise.h"
#include "audio/wsola.h"
#include "base/alloc.h"
#include "base/error.h"

typedef struct stage {
    mli_effect base;
    mli_wsola *stretch; /* NULL with a factor of 1 */
    mli_denoise *gate;  /* NULL with an amount of 0 */
} stage;

MODELLAB_MUST_CHECK static modellab_status give(void *user, const float *samples, size_t frames,
                                                modellab_error *err)
{
    const mli_effect *effect = user;
    return effect->sink.take(effect->sink.user, samples, frames, err);
}

static void destroy(mli_effect *effect)
{
    stage *s = (stage *)effect;
    mli_wsola_destroy(s->stretch);
    mli_denoise_destroy(s->gate);
    mli_free(effect->alloc, s);
}

MODELLAB_MUST_CHECK static modellab_status begin(mli_effect *effect, modellab_error *err)
{
    stage *s = (stage *)effect;
    (void)err;
    if (s->stretch != NULL)
        mli_wsola_reset(s->stretch);
    if (s->gate != NULL)
        mli_denoise_reset(s->gate);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status push(mli_effect *effect, const float *in, size_t frames,
                                                modellab_error *err)
{
    stage *s = (stage *)effect;
    if (s->stretch != NULL)
        return mli_wsola_push(s->stretch, in, frames, err);
    return s->gate != NULL ? mli_denoise_push(s->gate, in, frames, err)
                           : give(effect, in, frames, err);
}

MODELLAB_MUST_CHECK static modellab_status finish(mli_effect *effect, modellab_error *err)
{
    stage *s = (stage *)effect;
    if (s->stretch != NULL)
        return mli_wsola_finish(s->stretch, err);
    return s->gate != NULL ? mli_denoise_finish(s->gate, err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status map_speed(const mli_effect *effect, mli_time_map *map,
                                                     modellab_error *err)
{
    (void)err;
    if (effect->op.values[0] != 1.0)
        mli_time_map_speed(map, effect->op.values[0]);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
make(const mli_effect *base, const mli_effect_methods *methods, stage **out, modellab_error *err)
{
    stage *s = mli_alloc_zero(base->alloc, sizeof *s);

    *out = s;
    if (s == NULL)
        return mli_no_memory(err);
    s->base = *base;
    s->base.methods = methods;
    return MODELLAB_OK;
}

modellab_status mli_effect_speed(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {
        .begin = begin, .push = push, .finish = finish, .map = map_speed, .destroy = destroy};
    stage *s = NULL;
    modellab_status status = make(base, &methods, &s, err);

    *out = NULL;
    if (status == MODELLAB_OK && base->op.values[0] != 1.0)
        status = mli_wsola_create(base->alloc, base->in, base->op.values[0],
                                  (mli_pcm_sink){give, s}, &s->stretch, err);
    if (status == MODELLAB_OK)
        *out = &s->base;
    else if (s != NULL)
        destroy(&s->base);
    return status;
}

modellab_status mli_effect_denoise(const mli_effect *base, mli_effect **out, modellab_error *err)
{
    static const mli_effect_methods methods = {
        .begin = begin, .push = push, .finish = finish, .destroy = destroy};
    stage *s = NULL;
    modellab_status status = make(base, &methods, &s, err);

    *out = NULL;
    if (status == MODELLAB_OK && base->op.values[0] > 0.0)
        status = mli_denoise_create(base->alloc, base->in, base->op.values[0], base->cancel,
                                    (mli_pcm_sink){give, s}, &s->gate, err);
    if (status == MODELLAB_OK)
        *out = &s->base;
    else if (s != NULL)
        destroy(&s->base);
    return status;
}
