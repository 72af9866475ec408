/* The supervisor's own state. */
#ifndef MLI_LAB_SUPERVISOR_PRIVATE_H
#define MLI_LAB_SUPERVISOR_PRIVATE_H

#include "lab/beat.h"
#include "lab/dead_run.h"
#include "lab/health_probe.h"
#include "lab/job.h"
#include "lab/retention.h"
#include "lab/service.h"
#include "lab/supervisor.h"
#include "lab/wake.h"
#include "lab/webhooks.h"
#include "log/task.h"
#include "os/poller.h"
#include "os/thread.h"

#define MLI_SUPERVISOR_JOBS 64 /* most runs at the same time */

/* A RUNNING run that was seen dead although its supervisor lives: settled when it is seen so again.
 */
typedef struct mli_suspect {
    char run_id[MLI_ULID_BYTES];
    int64_t fence, since_ns;
    bool seen; /* in the present look: who is not is forgotten at its end */
} mli_suspect;

enum { MLI_SUPERVISOR_SUSPECTS = 64, MLI_SUPERVISOR_DEAD = 8 };

struct modellab_supervisor {
    mli_lab *lab; /* referenced */
    mli_job_host host;
    char *program;
    char only_run_id[MLI_ULID_BYTES]; /* "" = all */
    int32_t max_workers, short_workers;
    mli_presence presence;
    mli_beat_page *beat;
    int turns; /* its place in the lab's own turns, -1 = none */
    mli_os_poller poller;
    mli_os_mutex mutex; /* guards everything below, and a whole step */
    mli_worker_pool pool;
    mli_model_images images;
    mli_manifest_writer manifests;
    mli_job *jobs[MLI_SUPERVISOR_JOBS];
    size_t job_count;
    mli_job *starts[MLI_SUPERVISOR_JOBS]; /* prepared, not claimed yet */
    size_t start_count;
    mli_store_write writes[2 * MLI_SUPERVISOR_JOBS]; /* of a round */
    _Atomic int32_t active;
    bool draining;
    mli_start_failure failures[MLI_START_FAILURES];
    int64_t next_claim_ns, next_reconcile_ns, next_expiry_ns;
    int64_t tell_orphans_ns; /* orphaned runs are not logged again before this time */
    bool no_disk;            /* nothing is claimed: the disk has too little space */
    mli_suspect suspects[MLI_SUPERVISOR_SUSPECTS];
    mli_dead_run dead[MLI_SUPERVISOR_DEAD]; /* runs found dead whose journals are being read */
    mli_service service;
    mli_retention retention; /* the pass at work while `retaining` */
    bool retaining;
    mli_task retention_task;
    int64_t next_retention_ns;
    modellab_drain_result drained; /* counts since the drain began */
    /* Way 1: the thread. */
    mli_os_thread thread;
    bool has_thread;
    modellab_webhook_sender *sender; /* beside the thread; NULL = none */
    _Atomic uint32_t leave;
};

/* supervisor_adopt.c: the periodic look at RUNNING runs: stored cancels of ours, adoption and end
 * of those of others. Says when the next look is due. */
MODELLAB_MUST_CHECK modellab_status mli_supervisor_reconcile(mli_supervisor *s, int64_t now,
                                                             modellab_error *err);
/* A turn for each run that was found dead; `next` becomes `now` while there is more to do. */
void mli_supervisor_bury(mli_supervisor *s, int64_t now, int64_t *next);
void mli_supervisor_bury_stop(mli_supervisor *s);
/* supervisor_retention.c: a part of a pass when one is due; `next` becomes earlier for the rest. */
void mli_supervisor_retention(mli_supervisor *s, int64_t now, int64_t *next);
void mli_supervisor_retention_stop(mli_supervisor *s);
/* supervisor_claim.c: locks what is due and puts it into `starts`, for as long as there is room.
 * *lost grows by those that others were faster with. */
MODELLAB_MUST_CHECK modellab_status mli_supervisor_prepare_starts(mli_supervisor *s, int64_t now,
                                                                  size_t *lost,
                                                                  modellab_error *err);
/* supervisor_commit.c: ends the jobs that are ready and starts what is due, with one transaction.
 */
MODELLAB_MUST_CHECK modellab_status mli_supervisor_end_and_start(mli_supervisor *s, int64_t now,
                                                                 modellab_error *err);
/* Ends runs that have waited past their queue deadline. */
MODELLAB_MUST_CHECK modellab_status mli_supervisor_expire(mli_supervisor *s, int64_t now,
                                                          modellab_error *err);
bool mli_supervisor_has_room(const mli_supervisor *s);
/* Puts a job among the active ones; false when there is no room (the caller keeps it). */
bool mli_supervisor_add(mli_supervisor *s, mli_job *job);
/* Lets go of a job that is finished. */
void mli_supervisor_remove(mli_supervisor *s, size_t index);
int64_t mli_supervisor_now(const mli_supervisor *s);

#endif
