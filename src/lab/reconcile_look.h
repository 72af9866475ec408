/* What a run whose worker is gone looks like from outside: whose machine's life it was, who has its
 * worker's pid now, how its journal ends. Changes nothing. */
#ifndef MLI_LAB_RECONCILE_LOOK_H
#define MLI_LAB_RECONCILE_LOOK_H

#include "check/findings.h"
#include "lab/lab.h"

/* `journal` also reports its damaged lines; settling does that when it follows. */
MODELLAB_MUST_CHECK modellab_status mli_reconcile_look(const mli_lab *lab, const mli_run_row *row,
                                                       bool journal, mli_findings *report,
                                                       modellab_error *err);

#endif
