/* What the files of a job share. */
#ifndef MLI_LAB_JOB_PRIVATE_H
#define MLI_LAB_JOB_PRIVATE_H

#include "lab/job.h"

/* NULL when memory is short. */
MODELLAB_MUST_CHECK mli_job *mli_job_create(const mli_job_host *host, modellab_error *err);
/* After row is set: caps, deadlines, ladder, ingest, logger. `started_ns`: monotonic time of the
 * claim. */
void mli_job_begin(mli_job *job, int64_t started_ns);
int64_t mli_job_now(const mli_job *job); /* monotonic ns */
/* Cost of the run until now, in millionths; -1 when the prices do not tell. */
int64_t mli_job_cost_now(const mli_job *job, int64_t cpu_ns);
/* The worker is gone: last lines of the journal, decision, final transition. False when the store
 * refused: to be tried again. */
MODELLAB_MUST_CHECK bool mli_job_settle(mli_job *job, int64_t now_ns);
/* Ends a claimed run whose worker could not be started; what fails here is logged and tried again
 * by mli_job_look. */
void mli_job_settle_unstarted(mli_job *job, modellab_status why, const modellab_error *err);

#endif
