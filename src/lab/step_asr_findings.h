/* Step asr: what is odd about its transcript, told with its end. */
#ifndef MLI_LAB_STEP_ASR_FINDINGS_H
#define MLI_LAB_STEP_ASR_FINDINGS_H

#include "lab/worker.h"
#include "speech/asr.h"
#include "text/transcript.h"

/* `transcript` has the times of the samples that the step heard; what is told has those of the
 * input. Without findings a transcript is as good: a failure is logged, and the record says null.
 */
void mli_asr_tell_findings(mli_worker *w, const mli_json *config, const mli_asr_model *model,
                           const mli_transcript *transcript);

#endif
