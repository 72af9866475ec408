/* Reconciliation: compares records with locks, journals, manifests and files, and repairs what a
 * crash left. The lock of a run is the truth about its worker's life. */
#ifndef MLI_LAB_RECONCILE_H
#define MLI_LAB_RECONCILE_H

#include "check/findings.h"
#include "lab/dead_run.h"
#include "lab/lab.h"
#include <modellab/report.h>

/* The public flags. */
enum {
    MLI_RECONCILE_DRY_RUN = MODELLAB_RECONCILE_DRY_RUN,
    MLI_RECONCILE_FILES = MODELLAB_RECONCILE_FILES
};

/* `report` (optional) gets a new report, also without findings. The pointer of a finding is
 * /runs/<id> or "" for the lab, its text is what was found, " -> ", what was done; ERROR = it needs
 * a person. docs/operations.md lists the ids. Findings in earnest are counted in the store. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile(mli_lab *lab, int flags, modellab_report **report,
                                                  modellab_error *err);

/* One active run. `*life`: DEAD: it has been settled. GUARDED: its worker is done with it, well or
 * not, and its own supervisor, which lives, is about to settle it. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_run(mli_lab *lab, const char *run_id,
                                                      mli_run_life *life, modellab_error *err);

/* Dead supervisors: first the manifests that they still had to write, then their locks and sockets.
 * `*gone`: how many were taken away (or would be). Also part of a look at the lab. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_supervisors(mli_lab *lab, bool dry_run,
                                                              mli_findings *report, int64_t *gone,
                                                              modellab_error *err);

#endif
