/* modellab_asr_session: a session of the engine and its model. */
#ifndef MLI_API_ASR_SESSION_H
#define MLI_API_ASR_SESSION_H

#include "api/model.h"
#include "speech/asr.h"
#include <modellab/asr.h>

struct modellab_asr_session {
    modellab_model *model; /* referenced */
    mli_asr_session *inner;
};

#endif
