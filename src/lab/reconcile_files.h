/* The part of reconciliation that compares records with what lies in the run directories. */
#ifndef MLI_LAB_RECONCILE_FILES_H
#define MLI_LAB_RECONCILE_FILES_H

#include "check/findings.h"
#include "lab/lab.h"

/* All runs; manifests that are missing, damaged or behind are written anew unless `dry_run`. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_files(mli_lab *lab, bool dry_run,
                                                        mli_findings *report, modellab_error *err);
/* The manifests of the runs that ended last: what dead supervisors had not yet written is written.
 * `*whole` becomes false when one could not be. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_manifests(mli_lab *lab, bool *whole,
                                                            mli_findings *report,
                                                            modellab_error *err);
/* A finding about a run. */
void mli_reconcile_add(mli_findings *report, modellab_severity severity, const char *id,
                       const char *run_id, const char *text);

#endif
