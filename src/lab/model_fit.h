/* Whether a model can do what a request asks of it: known before a run is accepted. */
#ifndef MLI_LAB_MODEL_FIT_H
#define MLI_LAB_MODEL_FIT_H

#include "check/findings.h"
#include "lab/lab.h"
#include "lab/request.h"

/* Language and task of speech recognition. A language that nobody knows, and for models that know
 * English only another language or a translation, are findings of severity error. What a model
 * knows stands in its model.json since it was installed, else in the catalog in force; of one that
 * has neither it shows when it is opened (reason unsupported_request). */
MODELLAB_MUST_CHECK modellab_status mli_model_fit(const mli_request *request, const mli_lab *lab,
                                                  mli_findings *report, modellab_error *err);

/* The models of all steps are installed, whole, and for what the steps need them: a run that waits
 * an hour to fail helps nobody. What is not so is a finding at /config/<step>/<option>, also when
 * the step was added because others need it, and for the first one E_NOT_FOUND (the message says
 * which one may have been meant), E_INVALID_MODEL, E_UNSUPPORTED_MODEL. */
MODELLAB_MUST_CHECK modellab_status mli_models_check(const mli_lab *lab, const mli_request *request,
                                                     mli_findings *report, modellab_error *err);

#endif
