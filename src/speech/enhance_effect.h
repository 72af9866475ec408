/* An operator at work: one stage of a chain, which takes blocks and gives blocks to the next one.
 * A stage with two passes is measured first (measure, measured), with all stages before it at work;
 * then all begin anew. What a stage gives does not depend on the sizes of the blocks. */
#ifndef MLI_SPEECH_ENHANCE_EFFECT_H
#define MLI_SPEECH_ENHANCE_EFFECT_H

#include "audio/pcm.h"
#include "base/cancel.h"
#include "speech/enhance_ops.h"
#include "speech/time_map.h"

typedef struct mli_effect mli_effect;

typedef struct mli_effect_methods {
    /* First pass; NULL = there is none. */
    modellab_status (*measure)(mli_effect *effect, const float *interleaved, size_t frames,
                               modellab_error *err);
    modellab_status (*measured)(mli_effect *effect, modellab_error *err);
    /* Before each run of blocks through push; what was measured stays. NULL = nothing to do. */
    modellab_status (*begin)(mli_effect *effect, modellab_error *err);
    modellab_status (*push)(mli_effect *effect, const float *interleaved, size_t frames,
                            modellab_error *err);
    modellab_status (*finish)(mli_effect *effect, modellab_error *err); /* NULL = holds nothing */
    /* Changes the map by what this stage did to time; NULL = nothing. */
    modellab_status (*map)(const mli_effect *effect, mli_time_map *map, modellab_error *err);
    void (*destroy)(mli_effect *effect);
} mli_effect_methods;

enum { MLI_EFFECT_NOTES = 3 };

struct mli_effect {
    const mli_effect_methods *methods;
    const modellab_allocator *alloc; /* borrowed from the chain */
    const mli_cancel_word *cancel;   /* NULL = never */
    mli_enhance_op op;
    mli_pcm_format in, out;
    mli_pcm_sink sink; /* of the chain: the next stage */
    int64_t taken;     /* frames of the present run, counted by the chain */
    mli_enhance_note notes[MLI_EFFECT_NOTES + 1];
};

/* Makes the stage of an operator for audio of the format `in`. E_INVALID_ARGUMENT when the operator
 * does not fit it (a channel that is not there, ...). */
MODELLAB_MUST_CHECK modellab_status mli_effect_create(const mli_enhance_op *op, mli_pcm_format in,
                                                      const modellab_allocator *alloc,
                                                      const mli_cancel_word *cancel,
                                                      mli_effect **out, modellab_error *err);
void mli_effect_destroy(mli_effect *effect); /* NULL accepted */

/* The makers, by kind. `base` is filled but for `methods` and, where it differs, `out`. */
typedef modellab_status (*mli_effect_maker)(const mli_effect *base, mli_effect **out,
                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_denoise(const mli_effect *base, mli_effect **out,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_channel(const mli_effect *base, mli_effect **out,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_high_pass(const mli_effect *base, mli_effect **out,
                                                         modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_loudness(const mli_effect *base, mli_effect **out,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_volume(const mli_effect *base, mli_effect **out,
                                                      modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_resample(const mli_effect *base, mli_effect **out,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_speed(const mli_effect *base, mli_effect **out,
                                                     modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_effect_trim(const mli_effect *base, mli_effect **out,
                                                    modellab_error *err);

#endif
