/* Supervisors present at a lab: each holds the lock of a file below <root>/supervisors/ for as long
 * as it lives and listens on a socket beside it, so that others can wake it and see that it is
 * there. */
#ifndef MLI_LAB_WAKE_H
#define MLI_LAB_WAKE_H

#include "base/id.h"
#include "lab/lab.h"

/* Tells every supervisor of the lab, in whatever process, that something changed (a run was queued
 * or is to be cancelled). Best effort: supervisors also look by themselves every second. */
void mli_wake_supervisors(const mli_lab *lab);

/* Whether any supervisor is there, in any process. */
MODELLAB_MUST_CHECK modellab_status mli_supervisors_present(const mli_lab *lab, bool *present,
                                                            modellab_error *err);
/* Whether the supervisor of this id (as an owner JSON names it) still lives. */
MODELLAB_MUST_CHECK modellab_status mli_supervisor_alive(const mli_lab *lab, const char *id,
                                                         bool *alive, modellab_error *err);

/* Removes what dead supervisors left and counts them; `dry_run` only counts. */
MODELLAB_MUST_CHECK modellab_status mli_supervisors_sweep(const mli_lab *lab, bool dry_run,
                                                          int64_t *dead, modellab_error *err);

/* The presence of one supervisor. */
typedef struct mli_presence {
    char id[MLI_ULID_BYTES];
    int lock_fd, socket_fd; /* -1 = none */
} mli_presence;

MODELLAB_MUST_CHECK modellab_status mli_presence_open(const mli_lab *lab, mli_presence *out,
                                                      modellab_error *err);
/* Tells how many runs it executes at the same time (0 = it drains), for those who explain the
 * queue. Who never tells is not counted: it executes one run of its own. */
MODELLAB_MUST_CHECK modellab_status mli_presence_say(const mli_lab *lab,
                                                     const mli_presence *presence, int32_t workers,
                                                     int32_t short_workers, modellab_error *err);
/* The sums of what all living supervisors have told. */
typedef struct mli_presence_sums {
    int32_t supervisors, draining, workers, short_workers;
} mli_presence_sums;
MODELLAB_MUST_CHECK modellab_status mli_supervisors_sum(const mli_lab *lab, mli_presence_sums *out,
                                                        modellab_error *err);
/* Calls `each` with the id of every living supervisor, until it returns other than 0. */
MODELLAB_MUST_CHECK modellab_status mli_supervisors_each(const mli_lab *lab,
                                                         int (*each)(void *arg, const char *id),
                                                         void *arg, modellab_error *err);
void mli_presence_close(const mli_lab *lab, mli_presence *presence);

#endif
