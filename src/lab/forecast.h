/* What a run will probably take, made at submit from past runs of its model and kept with the run,
 * so that it can be compared with what it took. Without past runs there are figures of the library
 * that say that they are a fallback. */
#ifndef MLI_LAB_FORECAST_H
#define MLI_LAB_FORECAST_H

#include "base/json.h"
#include "check/findings.h"
#include "lab/lab.h"
#include "lab/remote_service.h"

/* `model` "" = the run needs none. `audio_seconds` -1: guessed from the input's bytes. */
MODELLAB_MUST_CHECK modellab_status mli_forecast_make(const mli_lab *lab, const char *model,
                                                      double audio_seconds, int64_t input_bytes,
                                                      modellab_estimate *out, modellab_error *err);
/* "history", "few", "fallback", "none". Static. */
const char *mli_forecast_basis_name(modellab_estimate_basis basis);
/* Adds what its calls of the remote service cost. E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_forecast_add_calls(const mli_lab *lab,
                                                           const mli_remote_forecast *calls,
                                                           modellab_estimate *estimate,
                                                           modellab_error *err);
/* Appends it as JSON. `safe`: the admission that was asked for. */
void mli_forecast_write(const modellab_estimate *estimate, const mli_remote_forecast *calls,
                        bool safe, mli_buf *out);
/* The estimate for people, as findings of severity INFO. */
void mli_forecast_tell(const modellab_estimate *estimate, const mli_remote_forecast *calls,
                       const char *currency, mli_findings *report);
/* Writes members of the record: the estimate, and once the run is complete how far it was off.
 * `json`: as stored, "" = null. */
void mli_forecast_compare(mli_jw *w, const mli_run_row *run);

#endif
