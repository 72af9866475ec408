/* Step asr on speech alone (config.asr.vad): the detector and its options. */
#ifndef MLI_LAB_STEP_ASR_SPEECH_H
#define MLI_LAB_STEP_ASR_SPEECH_H

#include "lab/worker.h"
#include "speech/asr.h"

/* The detector, borrowed until the step ends; NULL when all is to be recognised. */
MODELLAB_MUST_CHECK modellab_status mli_asr_speech_open(mli_worker *w, const mli_json *config,
                                                        const mli_silero **out,
                                                        modellab_error *err);
/* Of the detector's weights; "" before it is open. */
const char *mli_asr_speech_sha256(const mli_worker *w);
void mli_asr_speech_options(const mli_json *config, const mli_silero *vad,
                            mli_asr_options *options);

#endif
