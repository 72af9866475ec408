/* Whether somebody holds the lock of a run: the truth about the life of its worker. */
#ifndef MLI_LAB_RUN_LOCK_H
#define MLI_LAB_RUN_LOCK_H

#include "lab/lab.h"

MODELLAB_MUST_CHECK modellab_status mli_run_lock_is_held(const mli_lab *lab, const char *run_id,
                                                         bool *held, modellab_error *err);
/* Takes it when it is free; *fd -1 when somebody holds it. A run folder that is gone: E_NOT_FOUND.
 */
MODELLAB_MUST_CHECK modellab_status mli_run_lock_try(const mli_lab *lab, const char *run_id,
                                                     int *fd, modellab_error *err);

#endif
