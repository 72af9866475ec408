/* One call of speech recognition: what the caller asked for, and the same as the engine has it. */
#ifndef MLI_API_ASR_OPTIONS_H
#define MLI_API_ASR_OPTIONS_H

#include "api/model.h"
#include "speech/asr.h"
#include <modellab/asr.h>

enum { MLI_ASR_CALL_TEMPERATURES = 16 };

/* Stays where it was prepared: `inner` points into it. */
typedef struct mli_asr_call {
    modellab_asr_options given;
    mli_asr_options inner;
    double temperatures[MLI_ASR_CALL_TEMPERATURES];
} mli_asr_call;

/* `options` NULL = defaults; what it points to is borrowed for the life of the call.
 * E_INVALID_ARGUMENT, E_UNSUPPORTED_MODEL, E_ABI_TOO_SMALL, E_ABI_NEWER. */
MODELLAB_MUST_CHECK modellab_status mli_asr_call_prepare(mli_asr_call *call,
                                                         const modellab_asr_options *options,
                                                         modellab_error *err);

#endif
