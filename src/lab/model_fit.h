/* Whether a model can do what a request asks of it: known before a run is accepted. */
#ifndef MLI_LAB_MODEL_FIT_H
#define MLI_LAB_MODEL_FIT_H

#include "check/findings.h"
#include "lab/request.h"

/* Language and task of speech recognition. A language that nobody knows, and for models of the
 * catalog that know English only another language or a translation, are findings of severity error.
 * What an imported model knows shows when it is opened. */
MODELLAB_MUST_CHECK modellab_status mli_model_fit(const mli_request *request,
                                                  const modellab_allocator *alloc,
                                                  mli_findings *report, modellab_error *err);

#endif
