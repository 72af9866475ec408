/* Own threads for the kernels. Two ways to use them:
 *
 *   mli_pool_run     independent tasks, for work outside of the kernels;
 *   mli_pool_region  all threads run one function at the same time (a team). Inside, every kernel
 * that takes an `mli_team *` is *collective*: all threads of the team call it with equal arguments;
 * they share its work and all return when it is complete. Between kernels a thread may write shared
 * data only where the others do not look: see mli_team_barrier() and mli_team_is_first().
 *
 * Work is cut by the shape of the data alone and no sum is split, so that results are equal bit for
 * bit for any number of threads. Idle threads spin about 50 us and then sleep.
 *
 * When the cancel word of the region is set, collective kernels return early (still together) and
 * leave their output unspecified; look at mli_team_cancelled() (collective) or at the word after
 * the region. */
#ifndef MLI_KERNELS_POOL_H
#define MLI_KERNELS_POOL_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

enum { MLI_POOL_MAX_THREADS = 256 };

/* Private memory of each thread that kernels use inside one collective call (touched when needed).
 */
#define MLI_TEAM_SCRATCH_BYTES ((size_t)1 << 20)

typedef struct mli_pool mli_pool;
typedef struct mli_team mli_team; /* one per thread of a running region */

/* `threads` 0 = one per CPU of the affinity mask. The calling thread is one of them: threads - 1
 * are started. */
MODELLAB_MUST_CHECK modellab_status mli_pool_create(int threads, const modellab_allocator *alloc,
                                                    mli_pool **out, modellab_error *err);
void mli_pool_destroy(mli_pool *pool);      /* NULL accepted; no run or region may be active */
int mli_pool_threads(const mli_pool *pool); /* NULL = 1 */
/* CPU time used by the threads that the pool started, for trackers. */
int64_t mli_pool_cpu_ns(mli_pool *pool);

/* Runs fn(ctx, task, thread) for task 0..tasks-1 and returns when all are done; `thread` is less
 * than mli_pool_threads(). `pool` NULL = in the calling thread, in order. Callers of one pool take
 * turns; fn must not use the same pool. Threads that come late are not waited for. */
typedef void (*mli_pool_task)(void *ctx, size_t task, int thread);
void mli_pool_run(mli_pool *pool, size_t tasks, mli_pool_task fn, void *ctx);

/* Runs fn(ctx, team) on all threads of the pool at once and returns when all have returned. Regions
 * and runs of one pool take turns; fn must not use the same pool again. `cancel` may be NULL. */
typedef void (*mli_team_fn)(void *ctx, mli_team *team);
void mli_pool_region(mli_pool *pool, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx);

/* Runs fn(ctx, team) in the calling thread alone, for code that a region could run as well: loops
 * (mli_team_for) and so all collective kernels are shared with whichever threads of the pool come
 * in time, and nobody waits for those that do not. With few tasks a loop this is slower than a
 * region when the machine is idle, and much faster when other work holds a CPU. */
void mli_pool_host(mli_pool *pool, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx);

/* ---- inside a region ---- */
/* Not collective: runs fn(ctx, alone) in this thread as a team of one, so that a task of a loop can
 * use collective kernels on data of its own, without anybody to wait for. It has the scratch of
 * this thread. `cancel` as that of a region. */
void mli_team_alone(mli_team *team, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx);
int mli_team_thread(const mli_team *team); /* 0 .. threads-1 */
int mli_team_threads(const mli_team *team);
bool mli_team_is_first(
    const mli_team *team); /* thread 0: for the serial parts between two barriers */
/* Waits for all threads; what any of them wrote before is visible to all after. */
void mli_team_barrier(mli_team *team);
/* Collective: the same answer in all threads, so that it may decide a branch. */
bool mli_team_cancelled(mli_team *team);
/* Collective: runs fn(ctx, task, team) once for each task, tasks handed out in order to whoever is
 * free, then a barrier. Stops handing out when cancelled. fn calls nothing collective. */
typedef void (*mli_team_task)(void *ctx, size_t task, mli_team *team);
void mli_team_for(mli_team *team, size_t tasks, mli_team_task fn, void *ctx);
/* MLI_TEAM_SCRATCH_BYTES, 64-byte aligned, of this thread; every collective kernel may overwrite
 * it. */
void *mli_team_scratch(mli_team *team);

#endif
