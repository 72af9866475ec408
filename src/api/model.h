/* modellab_model: a loaded engine model with what describes it. */
#ifndef MLI_API_MODEL_H
#define MLI_API_MODEL_H

#include "speech/asr_model.h"
#include "speech/ge2e.h"
#include "speech/silero.h"
#include "speech/voice.h"
#include "text/lexicon.h"
#include <modellab/model.h>
#include <stdatomic.h>

struct modellab_model {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    modellab_logger *logger; /* referenced, may be NULL */
    mli_asr_model *asr;      /* Whisper, or NULL */
    mli_silero *vad;         /* a detector of voice activity, or NULL */
    mli_voice *voice;        /* of speech synthesis, or NULL */
    mli_lexicon *lexicon;    /* a pronouncing dictionary, or NULL */
    mli_ge2e *voices;        /* an encoder of voices, or NULL */
    char *name, *languages;  /* owned */
    char sha256[65];
    const char *format; /* static */
    int64_t parameters, bytes;
};

#endif
