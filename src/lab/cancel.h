/* Stopping a run from any process: the request in the store, the cancel word in the run's page, and
 * a wake of whoever supervises it. */
#ifndef MLI_LAB_CANCEL_H
#define MLI_LAB_CANCEL_H

#include "lab/lab.h"

/* As modellab_run_cancel(). A run whose worker is found dead is reconciled at once (ALREADY_DEAD).
 */
MODELLAB_MUST_CHECK modellab_status mli_run_cancel(mli_lab *lab, const char *run_id,
                                                   modellab_cancel_outcome *outcome,
                                                   modellab_error *err);

#endif
