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

/* A queued run that could not be begun for a reason of its own. */
typedef struct mli_start_failure {
    char run_id[MLI_ULID_BYTES];
    int32_t tries;
    int64_t since_ns;
} mli_start_failure;

enum { MLI_START_FAILURES = 16 };

/* What is the same for all jobs of a supervisor. */
typedef struct mli_job_host {
    mli_lab *lab;
    const char *supervisor_id;
    mli_os_identity self; /* of this process */
    mli_worker_pool *pool;
    mli_model_images *images;
    mli_manifest_writer *manifests;
    mli_start_failure *failures; /* MLI_START_FAILURES of them */
    int32_t threads;             /* of a worker */
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
    bool leave_late;     /* the page does not tell yet what it may take */
    int64_t seen_memory; /* most that the supervisor itself has seen */
    int64_t memory_ns;   /* SIGKILL when it is above its memory cap from then on; 0 = not stopped */
    mli_run_limits limits;
    mli_retry_policy retry;
    uint32_t seen_progress, seen_step;
    int64_t seen_lines;
    int64_t news_ns;   /* since when the page tells of lines that were not read; 0 = of none */
    int64_t looked_ns; /* last look at the journal */
    int64_t behind_ns; /* since when lines of it are not in the store; 0 = all are */
    int64_t retry_ns;  /* settling failed: not again before this time */
    modellab_status trouble; /* why its journal or its end is not in the store */
    int64_t kill_ns;         /* fenced out: not signalled again before this time */
    bool unwatched;          /* its worker is out of the poller until then */
    /* Of its start, until it is claimed. */
    mli_store_claim claim;
    char claimed_id[MLI_ULID_BYTES];
    mli_buf owner;
    int lock_fd;   /* -1 = let go of: the worker holds it */
    bool is_short; /* as the queue told */
    /* Of its end, once it is ready. */
    mli_settlement settlement;
    mli_host_measures measures;
    mli_ending ending;
    bool ready;          /* its worker is done: it is to be ended */
    bool lines_with_end; /* the last lines are written in the transaction of the end */
    struct {
        bool limited;       /* the kernel holds the group to the run's memory cap */
        bool out_of_memory; /* and ended a process for it */
        bool fresh_peak;    /* the group's peak is this run's */
        int64_t oom_before, cpu_before_ns;
        int64_t cpu_ns, peak_bytes; /* of this run, at its end; -1 = not known */
    } group;
    struct {
        mli_worker_process process; /* pid 0 = none */
        int64_t deadline_ns;
        bool late;
        int64_t cpu_ns; /* of those that have ended */
    } program;
    bool adopted, draining, killed;
    bool finished;              /* settled, or no longer ours: dispose of it */
    modellab_run_status status; /* once finished; 0 = somebody else settled it */
} mli_job;

/* Takes the lock of a queued run and prepares its claim. *out NULL: another was faster, or it is no
 * longer there. One whose lock cannot be opened ends FAILED after some tries (io_error). */
MODELLAB_MUST_CHECK modellab_status mli_job_prepare(const mli_job_host *host, const char *run_id,
                                                    mli_job **out, modellab_error *err);
/* The claim, for mli_store_write_many; points into the job. */
mli_store_write mli_job_claim(mli_job *job);
/* After that: gives the run to a worker. One that cannot be started is settled as FAILED at once.
 * *taken false: the claim was refused (another was faster, a cap has no room) or failed (the
 * result): the job is to be disposed of. */
MODELLAB_MUST_CHECK modellab_status mli_job_start(mli_job *job, const mli_store_write *claimed,
                                                  bool *taken, modellab_error *err);
/* Takes over the RUNNING run of `row` (consumed on success only), whose lock is held by a worker
 * that lost its supervisor. E_NOT_FOUND: there is no page, its identity is not that of a living
 * process, or another supervisor has adopted the run. */
MODELLAB_MUST_CHECK modellab_status mli_job_adopt(const mli_job_host *host, mli_run_row *row,
                                                  mli_job **out, modellab_error *err);
/* Does all that is due and says in *next_ns when to look again at the latest; `ready` when it is to
 * be ended. Failures of the store are logged and tried again. */
void mli_job_look(mli_job *job, int64_t now_ns, int64_t *next_ns);

/* The end of a job that is ready, in acts, so that those of several share transactions. After a
 * failure, which is logged, it is ready again later. */
/* Reaps the process and reads the rest of the journal. True: write the lines, then prepare. */
MODELLAB_MUST_CHECK bool mli_job_end_read(mli_job *job, int64_t now_ns);
/* Decides how it ends. Nothing to write: the lines go with the end. */
mli_store_write mli_job_end_lines(mli_job *job);
/* True: write the end, then conclude. One that may gather its bundle (gather_ended.h) takes one of
 * `gathers`; when none is left it waits for the next turn. */
MODELLAB_MUST_CHECK bool mli_job_end_prepare(mli_job *job, const mli_store_write *lines,
                                             int64_t now_ns, int *gathers);
void mli_job_end_conclude(mli_job *job, const mli_store_write *end, int64_t now_ns);
/* Asks it to stop for this reason and starts the ladder. */
void mli_job_stop(mli_job *job, modellab_reason reason, int64_t now_ns);
/* Lets go of it: a worker that still runs goes on unwatched. */
void mli_job_dispose(mli_job *job);

#endif
