/* Repeating runs on request: a retry of one that ended badly, a rerun of any with changes. Both are
 * child runs that share the input and take over finished work (reuse.h). */
#ifndef MLI_LAB_RERUN_H
#define MLI_LAB_RERUN_H

#include "base/json.h"
#include "lab/lab.h"

/* As modellab_run_retry() and modellab_run_rerun(); `options` are complete, their token and
 * progress are not looked at but those of `watch`. */
MODELLAB_MUST_CHECK modellab_status mli_run_retry(mli_lab *lab, const char *run_id,
                                                  const modellab_run_again_options *options,
                                                  const mli_copy_watch *watch,
                                                  char child_id[MLI_ULID_BYTES],
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_rerun(mli_lab *lab, const char *run_id,
                                                  const modellab_run_again_options *options,
                                                  const mli_copy_watch *watch,
                                                  char child_id[MLI_ULID_BYTES],
                                                  modellab_report **report, modellab_error *err);

/* The request to submit: the accepted one of a run with a merge patch (NULL = none). What an
 * accepted request says twice is said once again, and an idempotency key is not repeated. */
MODELLAB_MUST_CHECK modellab_status mli_rerun_request(const char *accepted, const mli_json *patch,
                                                      mli_buf *out, modellab_error *err);
#endif
