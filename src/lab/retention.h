/* Retention: which ended runs are due to go, and how one goes so that a crash at any moment leaves
 * nothing that the next pass does not complete. */
#ifndef MLI_LAB_RETENTION_H
#define MLI_LAB_RETENTION_H

#include "lab/lab.h"
#include <modellab/retention.h>

/* Bytes of a run's folder by class. */
typedef struct mli_run_bytes {
    int64_t input, artifacts, other;
} mli_run_bytes;

/* What a run has to be to go; -1 = no reason. */
typedef struct mli_retention_rule {
    int64_t older_than_ms, keep_runs, keep_bytes;
    modellab_run_status status; /* 0 = any final one */
    const char *user;           /* NULL = any */
    int32_t parts;              /* MLI_PART_* */
    bool dry_run;
} mli_retention_rule;

/* The pure decision about the run that comes `rank` places after the newest (0 = the newest), when
 * it and the newer ones take `bytes` together. */
bool mli_retention_is_due(const mli_retention_rule *rule, int64_t age_ms, int64_t rank,
                          int64_t bytes);

/* A pass over all ended runs, newest first, in portions of the caller's choice. */
typedef struct mli_retention {
    mli_lab *lab; /* borrowed */
    mli_retention_rule rule;
    int64_t now_ms, rank, newer_bytes, looked_at;
    int64_t before_ms;
    char before_id[MLI_ULID_BYTES];
    int lock_fd; /* of the lab's cleanup.lock; -1 for a dry run */
    bool done;
    modellab_cleanup_result result;
} mli_retention;

/* E_BUSY: another pass is at work in some process. Completes what an earlier one began; what cannot
 * be completed is counted as failed and does not hold up the others. */
MODELLAB_MUST_CHECK modellab_status mli_retention_begin(mli_retention *pass, mli_lab *lab,
                                                        const mli_retention_rule *rule,
                                                        modellab_error *err);
/* At most so many runs; `done` is set at the end. What is wrong with one run is counted and logged
 * and does not hold up the others. */
MODELLAB_MUST_CHECK modellab_status mli_retention_step(mli_retention *pass, int32_t most,
                                                       modellab_error *err);
void mli_retention_end(mli_retention *pass);

/* Told of a run whose removal could not be completed. */
typedef void (*mli_not_removed)(void *user, const mli_run_row *row, const modellab_error *err);

/* Completes removals that a crash interrupted; also part of reconciliation. What is wrong with one
 * run is told and tried again the next time; only what concerns all of them comes back. */
MODELLAB_MUST_CHECK modellab_status mli_retention_complete(mli_lab *lab, mli_not_removed tell,
                                                           void *user, int64_t *completed,
                                                           modellab_error *err);
/* The public cleanup: a whole pass and the leftovers. */
MODELLAB_MUST_CHECK modellab_status mli_lab_cleanup(mli_lab *lab,
                                                    const modellab_cleanup_options *options,
                                                    modellab_cleanup_result *result,
                                                    modellab_error *err);
/* What the folder of a run takes; a run without a folder takes nothing. */
MODELLAB_MUST_CHECK modellab_status mli_run_bytes_of(const mli_lab *lab, const char *run_id,
                                                     mli_run_bytes *out, modellab_error *err);

#endif
