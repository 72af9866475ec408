/* Reconciliation: compares records with locks, journals, manifests and files, and repairs what a
 * crash left. The lock of a run is the truth about its worker's life. */
#ifndef MLI_LAB_RECONCILE_H
#define MLI_LAB_RECONCILE_H

#include "lab/lab.h"
#include <modellab/report.h>

enum {
    MLI_RECONCILE_DRY_RUN = 1, /* report only */
    MLI_RECONCILE_FILES = 2    /* all runs and their files, not only the active ones */
};

/* `report` (optional) gets a new report, also without findings. The pointer of a finding is
 * /runs/<id>; its ids: run.stale, run.settled, run.requeued  a run that nobody executes any more,
 * and what it became run.unsupervised  its worker lives without a supervisor; the next one adopts
 * it run.orphaned      its lock is held by another process than its worker journal.damaged   lines
 * of its journal could not be read run.folder_missing, manifest.missing, manifest.damaged,
 * manifest.behind, artifact.missing, artifact.size, artifact.unrecorded, folder.unrecorded,
 * folder.strange  with MLI_RECONCILE_FILES */
MODELLAB_MUST_CHECK modellab_status mli_reconcile(mli_lab *lab, int flags, modellab_report **report,
                                                  modellab_error *err);

/* One active run. `*dead`: its lock was free; it has been settled then, or will be by its own
 * supervisor, which lives. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_run(mli_lab *lab, const char *run_id, bool *dead,
                                                      modellab_error *err);

#endif
