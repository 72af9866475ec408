/* Openers of models that more than one step uses: the same model is then kept once. */
#ifndef MLI_LAB_OPENERS_H
#define MLI_LAB_OPENERS_H

#include "lab/worker_models.h"

extern const mli_model_opener mli_opener_vad; /* mli_silero; step_vad.c */

#endif
