/* A run that a supervisor takes care of: from its claim (or adoption) to its settled end. One
 * thread at a time; what is due is decided by deadlines.h, caps.h and settle.h and done here. */
#ifndef MLI_LAB_JOB_H
#define MLI_LAB_JOB_H

#include "lab/caps.h"
#include "lab/deadlines.h"
#include "lab/ingest.h"
#include "lab/limits.h"
#include "lab/manifest_writer.h"
#include "lab/model_images.h"
#include "lab/worker_pool.h"
#include <modellab/logger.h>

/* What is the same for all jobs of a supervisor. */
typedef struct mli_job_host {
    mli_lab *lab;
    const char *supervisor_id;
    mli_worker_pool *pool;
    mli_model_images *images;
    mli_manifest_writer *manifests;
    int32_t threads; /* of a worker */
    bool keep_on_host_death;
    mli_run_limits limits; /* as configured */
    int32_t log_level;
    /* Of the start that is being made: see mli_store_claim. */
    int64_t virtual_ms;
    bool is_extra;
} mli_job_host;

typedef struct mli_job {
    const mli_job_host *host;
    mli_run_row *row; /* as claimed or found */
    modellab_logger *log;
    mli_ingest ingest;
    mli_worker_process process;
    mli_page_view page; /* looked at with each look */
    bool page_lost;     /* said */
    mli_ladder ladder;
    mli_deadline_view deadlines;
    mli_run_caps caps;
    mli_hold hold;       /* of its user's caps */
    char cap_text[256];  /* why no more could be held; "" = none */
    int64_t ask_ns;      /* more is not asked for before this time */
    int64_t seen_memory; /* most that the supervisor itself has seen */
    int64_t memory_ns;   /* SIGKILL when it is above its memory cap from then on; 0 = not stopped */
    mli_run_limits limits;
    mli_retry_policy retry;
    uint32_t seen_progress, seen_step;
    int64_t seen_lines;
    int64_t looked_ns; /* last look at the journal */
    int64_t retry_ns;  /* settling failed: not again before this time */
    int64_t kill_ns;   /* fenced out: not signalled again before this time */
    bool unwatched;    /* its worker is out of the poller until then */
    bool adopted, draining, killed;
    bool finished;              /* settled, or no longer ours: dispose of it */
    modellab_run_status status; /* once finished; 0 = somebody else settled it */
} mli_job;

/* Takes the run's lock, claims it, starts its worker. `*taken` false: another was faster, or it is
 * no longer queued. A run that was claimed and could not be started is settled as FAILED at once.
 */
MODELLAB_MUST_CHECK modellab_status mli_job_start(const mli_job_host *host, const char *run_id,
                                                  mli_job **out, bool *taken, modellab_error *err);
/* Takes over the RUNNING run of `row` (consumed on success only), whose lock is held by a worker
 * that lost its supervisor. E_NOT_FOUND: there is no page, its identity is not that of a living
 * process, or another supervisor has adopted the run. */
MODELLAB_MUST_CHECK modellab_status mli_job_adopt(const mli_job_host *host, mli_run_row *row,
                                                  mli_job **out, modellab_error *err);
/* Does all that is due and says in *next_ns when to look again at the latest. Failures of the store
 * are logged and tried again. */
void mli_job_look(mli_job *job, int64_t now_ns, int64_t *next_ns);
/* Asks it to stop for this reason and starts the ladder. */
void mli_job_stop(mli_job *job, modellab_reason reason, int64_t now_ns);
/* Lets go of it: a worker that still runs goes on unwatched. */
void mli_job_dispose(mli_job *job);

#endif
