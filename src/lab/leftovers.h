/* Leftovers: what crashes, refused submissions and models that are gone left on disk. */
#ifndef MLI_LAB_LEFTOVERS_H
#define MLI_LAB_LEFTOVERS_H

#include "lab/lab.h"
#include <modellab/retention.h>

/* Takes away what is older than `grace_ms` (`dry_run`: counts it), and adds to `result`. */
MODELLAB_MUST_CHECK modellab_status mli_leftovers_remove(mli_lab *lab, int64_t grace_ms,
                                                         bool dry_run,
                                                         modellab_cleanup_result *result,
                                                         modellab_error *err);

#endif
