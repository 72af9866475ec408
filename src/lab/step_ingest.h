/* What step ingest offers to the others beside its result. */
#ifndef MLI_LAB_STEP_INGEST_H
#define MLI_LAB_STEP_INGEST_H

#include "lab/worker.h"

/* Decodes the input into w->audio and compares it with the caps. */
MODELLAB_MUST_CHECK modellab_status mli_step_ingest_take_in(mli_worker *w, modellab_error *err);

#endif
