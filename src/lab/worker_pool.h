/* The workers of a supervisor beyond single runs: they stay after a run with their models loaded
 * and take the next one, until there is a reason to replace them. One thread at a time. */
#ifndef MLI_LAB_WORKER_POOL_H
#define MLI_LAB_WORKER_POOL_H

#include "lab/worker_process.h"

enum { MLI_POOL_WORKERS = 64 };

typedef struct mli_pool_settings {
    int32_t max_runs;     /* of one worker */
    int64_t idle_ms;      /* without an order */
    int64_t growth_bytes; /* of its own memory since its first run; 0 = no limit */
} mli_pool_settings;

/* Why a worker is not used again; NONE = it is. */
typedef enum mli_pool_verdict {
    MLI_POOL_KEEP = 0,
    MLI_POOL_BAD_END = 1, /* it did not answer, or was signalled: it may be in any state */
    MLI_POOL_RAN_ENOUGH = 2,
    MLI_POOL_GREW = 3,
    MLI_POOL_IDLE = 4
} mli_pool_verdict;

/* The decision after a run. `stopped_by_signal`: the ladder went beyond the cancel word. */
mli_pool_verdict mli_pool_judge(const mli_pool_settings *settings, const mli_worker_process *worker,
                                bool stopped_by_signal);
const char *mli_pool_verdict_name(mli_pool_verdict verdict); /* for logs */

typedef struct mli_pool_place {
    mli_worker_process worker;
    int64_t since_ns;
} mli_pool_place;

typedef struct mli_worker_pool {
    const mli_lab *lab;
    const char *program;
    mli_os_poller *poller;
    mli_pool_settings settings;
    mli_pool_place idle[MLI_POOL_WORKERS];    /* the last one was used last */
    mli_pool_place leaving[MLI_POOL_WORKERS]; /* told to end, not reaped yet */
    size_t idle_count, leaving_count;
    mli_worker_groups groups;
} mli_worker_pool;

/* Reads the settings. `program` and `poller` are borrowed. */
MODELLAB_MUST_CHECK modellab_status mli_worker_pool_open(mli_worker_pool *pool, const mli_lab *lab,
                                                         const char *program, mli_os_poller *poller,
                                                         modellab_error *err);
/* Takes a waiting worker; false when there is none. */
MODELLAB_MUST_CHECK bool mli_worker_pool_take(mli_worker_pool *pool, mli_worker_process *out);
/* Starts a new one. */
MODELLAB_MUST_CHECK modellab_status mli_worker_pool_start(mli_worker_pool *pool,
                                                          mli_worker_process *out,
                                                          modellab_error *err);
/* Gives a worker back after its run (or instead of it); `*worker` is empty after. */
void mli_worker_pool_give(mli_worker_pool *pool, mli_worker_process *worker, bool stopped_by_signal,
                          int64_t now_ns);
/* Reaps those that ended, lets those go that have waited too long. `*next_ns` becomes the time of
 * the next look when that is earlier. */
void mli_worker_pool_look(mli_worker_pool *pool, int64_t now_ns, int64_t *next_ns);
/* Lets all go and reaps them; who has not left after a while is killed. */
void mli_worker_pool_close(mli_worker_pool *pool);
/* Only closes what this process has of them (a forked child). */
void mli_worker_pool_abandon(mli_worker_pool *pool);

#endif
