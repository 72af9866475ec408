/* What the reading and the writing of a request share. */
#ifndef MLI_LAB_REQUEST_PRIVATE_H
#define MLI_LAB_REQUEST_PRIVATE_H

#include "lab/request.h"

/* request_pipeline.c: first the options of the pipeline, then, once the operators are read, steps.
 */
MODELLAB_MUST_CHECK modellab_status mli_request_take_pipeline(mli_request *r,
                                                              const mli_request_defaults *defaults,
                                                              modellab_error *err);
void mli_request_resolve_steps(mli_request *r, mli_findings *report);
/* request_operators.c: reads request->operators; after the steps are resolved, checks and writes
 * them as config.enhance. */
void mli_request_read_operators(mli_request *r, mli_findings *report);
void mli_request_check_operators(const mli_request *r, mli_findings *report);
void mli_request_put_operators(mli_jw *w, const mli_request *r);
/* request_known.c: known voices of step diarization. */
void mli_request_check_known(mli_request *r, mli_findings *report);
/* request_value.c: writes a config of steps for the record, long values told by size and hash. */
void mli_request_put_record(mli_jw *w, const char *key, const mli_json *config);
/* Makes request->json and ->labels of what was read; failures are in json.status. */
void mli_request_write(mli_request *request);
/* Whether the accepted form may be stored; else that is a finding. */
bool mli_request_fits(const mli_request *request, mli_findings *report);

#endif
