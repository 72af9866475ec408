/* What the worker of a run wrote after the run had got its end: one that was taken for dead, or
 * that could not be stopped. Its artifacts are kept (role "late"), the run's status stays. */
#ifndef MLI_LAB_LATE_H
#define MLI_LAB_LATE_H

#include "lab/lab.h"

typedef struct mli_late_found {
    int64_t lines;     /* of the run's last attempt, behind its sealed journal */
    int64_t artifacts; /* of these that are kept now, or would be */
} mli_late_found;

/* Looks behind the sealed part of an ended run's journal. What stands there of the run's own fence,
 * undamaged, is taken over, and the seal grows with the journal; lines of older attempts alone, a
 * changed journal, and one whose lock somebody holds, are left as they are. Again changes nothing.
 * The manifest is the caller's. */
MODELLAB_MUST_CHECK modellab_status mli_late_keep(mli_lab *lab, const mli_run_record *record,
                                                  bool dry_run, mli_late_found *found,
                                                  modellab_error *err);

#endif
