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
    /* Takes the samples instead of callback and result, while a text is spoken. */
    modellab_status (*sink)(void *user, const float *samples, size_t count, modellab_error *err);
    void *sink_user;
    /* of the running utterance */
    modellab_tts_result *result;
    size_t capacity;
    int64_t made; /* samples, at the voice's rate */
    int64_t sent; /* at the output rate */
};

typedef struct mli_tts_place {
    size_t from, to; /* of the caller's text */
} mli_tts_place;

typedef struct mli_tts_symbol {
    size_t at, bytes;   /* of the IPA */
    int32_t first, end; /* ids */
} mli_tts_symbol;

struct modellab_tts_result {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    modellab_tts_result_info info;
    float *samples; /* NULL: they went to a callback */
    size_t count;
    int32_t *ids;
    double *ends; /* seconds, of each id */
    modellab_tts_span *words;
    /* of a text (NULL otherwise) */
    mli_tts_place *places; /* of each word */
    mli_tts_symbol *symbols;
    size_t symbol_count;
    char *ipa;
};

/* tts.c: one utterance of checked ids; the samples go to the session's sink. */
MODELLAB_MUST_CHECK modellab_status mli_tts_speak(modellab_tts_session *s, const int32_t *ids,
                                                  size_t count, modellab_tts_result **out,
                                                  modellab_error *err);

#endif
