/* What the files of a job share. */
#ifndef MLI_LAB_JOB_PRIVATE_H
#define MLI_LAB_JOB_PRIVATE_H

#include "lab/job.h"

#define MLI_JOB_RETRY_NS ((int64_t)1000 * 1000000) /* after a failure of the store */

/* NULL when memory is short. */
MODELLAB_MUST_CHECK mli_job *mli_job_create(const mli_job_host *host, modellab_error *err);
/* After row is set: caps, deadlines, ladder, ingest, logger. `started_ns`: monotonic time of the
 * claim. A failure (E_INVALID_JSON, E_NO_MEMORY): it is ready, but its request cannot be read, and
 * without its caps it must not run. */
MODELLAB_MUST_CHECK modellab_status mli_job_begin(mli_job *job, int64_t started_ns,
                                                  modellab_error *err);
int64_t mli_job_now(const mli_job *job); /* monotonic ns */
/* The identity of this supervisor, as an owner of runs. */
MODELLAB_MUST_CHECK modellab_status mli_job_write_owner(const mli_job_host *host, mli_buf *out,
                                                        modellab_error *err);
/* Cost of the run until now, in millionths, of which `calls` are of this attempt; -1 when the
 * prices do not tell. */
int64_t mli_job_cost_now(const mli_job *job, int64_t cpu_ns, int64_t calls);
/* Looks at the page; that it is none any more is said once, and what was seen last stays. */
void mli_job_see_page(mli_job *job);
/* job_program.c. Starts what the worker asked for, looks after it, tells how it ended. */
void mli_job_look_at_program(mli_job *job, int64_t now_ns, int64_t *next_ns);
/* Ends it now, for the end of the run. */
void mli_job_end_program(mli_job *job);
/* job_group.c. Before the order, in a run that a control group is of use for: with a memory cap, or
 * whose worker may have children. */
void mli_job_enter_group(mli_job *job);
/* At the end, while the worker's group is still there: what it counted; lifts the limit. */
void mli_job_leave_group(mli_job *job);
/* job_caps.c. Leave to go on, for the page: the run's own caps and what it holds of its user's. */
void mli_job_leave(const mli_job *job, int64_t out[MLI_LEAVES]);
/* The cap that has been passed; holds more for the run where it comes near to what it holds. */
modellab_reason mli_job_passed_cap(mli_job *job, int64_t now_ns);
/* It was stopped for its memory, and takes too much all the same. */
bool mli_job_over_memory(mli_job *job, int64_t now_ns);
/* Says more about a cap than the sentence of its reason; leaves `out` alone where it cannot. */
void mli_job_cap_message(const mli_job *job, modellab_reason reason, char *out, size_t capacity);
/* Ends a claimed run whose worker could not be started; what fails here is logged and tried again
 * when it is ready again. */
void mli_job_settle_unstarted(mli_job *job, modellab_status why, const modellab_error *err);

#endif
