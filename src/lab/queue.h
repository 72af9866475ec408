/* The queue's operations: hold, release, priority, explanation, and the end of what has waited past
 * its queue deadline. */
#ifndef MLI_LAB_QUEUE_H
#define MLI_LAB_QUEUE_H

#include "base/buf.h"
#include "lab/lab.h"
#include <modellab/queue.h>

/* As modellab_run_hold(), modellab_run_release(), modellab_run_set_priority(). */
MODELLAB_MUST_CHECK modellab_status mli_run_hold(mli_lab *lab, const char *run_id,
                                                 modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_release(mli_lab *lab, const char *run_id,
                                                    modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_set_priority(mli_lab *lab, const char *run_id,
                                                         int32_t priority, modellab_error *err);

/* explain.c: as modellab_run_explain(); `json` NULL = not wanted. */
MODELLAB_MUST_CHECK modellab_status mli_run_explain(mli_lab *lab, const char *run_id,
                                                    modellab_run_explanation *out, mli_buf *json,
                                                    modellab_error *err);

/* When a run that executes will probably have ended, in ms since 1970; -1 = cannot be told. */
int64_t mli_run_expected_end(const mli_run_row *row, int64_t now_ms);

/* Ends queued runs that have waited too long (TIMEOUT, queue_timeout). Several may do it at once:
 * the first one wins. `only_id` NULL = all. */
MODELLAB_MUST_CHECK modellab_status mli_queue_expire(mli_lab *lab, const char *only_id,
                                                     modellab_error *err);

#endif
