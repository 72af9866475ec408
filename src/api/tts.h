/* modellab_tts: a session over a voice, and what an utterance gave. */
#ifndef MLI_API_TTS_H
#define MLI_API_TTS_H

#include "api/model.h"
#include "audio/rate.h"
#include "speech/voice.h"
#include <modellab/tts.h>

struct modellab_tts_session {
    modellab_model *model;     /* referenced */
    modellab_cancel *cancel;   /* referenced; NULL = none */
    modellab_tracker *tracker; /* referenced; NULL = none */
    modellab_tts_options options;
    mli_vits_options inner;
    mli_pool *pool;
    mli_vits_session *session;
    mli_rate *rate; /* NULL: samples go out at the voice's rate */
    int32_t rate_hz;
    bool busy;
    /* of the running utterance */
    modellab_tts_result *result;
    size_t capacity;
    int64_t made; /* samples, at the voice's rate */
    int64_t sent; /* at the output rate */
};

struct modellab_tts_result {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    modellab_tts_result_info info;
    float *samples; /* NULL: they went to a callback */
    size_t count;
    int32_t *ids;
    double *ends; /* seconds, of each id */
    modellab_tts_span *words;
};

#endif
