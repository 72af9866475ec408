/* The threads of a pool: start, hand-over of a region to all of them, sleep between regions, end.
 */
#include "kernels/pool_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include "os/clock.h"
#include <string.h>

enum { SPIN_NS = 50000, PAUSES = 64 };

/* Waits until *word differs from `old`: pauses for a few microseconds; then yields, so that a
 * thread that shares this CPU gets it at once; then sleeps. `sleepers` tells the waker to call the
 * kernel. */
void mli_pool_await(_Atomic uint32_t *word, uint32_t old, _Atomic uint32_t *sleepers)
{
    int64_t end = 0;
    for (int i = 0; i < PAUSES; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != old)
            return;
        mli_os_cpu_relax();
    }
    while (atomic_load_explicit(word, memory_order_acquire) == old) {
        int64_t now = mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
        if (end == 0)
            end = now + SPIN_NS;
        if (now < end) {
            mli_os_thread_yield();
            continue;
        }
        atomic_fetch_add(sleepers, 1);
        /* Sequentially consistent: either this load sees the new word, or the waker sees the
         * sleeper. */
        while (atomic_load(word) == old)
            mli_os_futex_wait(word, old, -1);
        atomic_fetch_sub(sleepers, 1);
    }
}

void mli_pool_announce(_Atomic uint32_t *word, _Atomic uint32_t *sleepers)
{
    atomic_fetch_add(word, 1);
    if (atomic_load(sleepers) != 0)
        mli_os_futex_wake(word, INT32_MAX);
}

static void *worker_main(void *arg)
{
    mli_team *team = arg;
    mli_pool *pool = team->pool;
    uint32_t seen = 0;
    mli_os_thread_set_name("modellab-kernel");
    for (;;) {
        mli_pool_await(&pool->region, seen, &pool->region_sleepers);
        seen = atomic_load_explicit(&pool->region, memory_order_acquire);
        if ((seen & 1) != 0) {
            mli_pool_help(pool, team);
            atomic_store_explicit(&team->cpu_ns, mli_os_thread_cpu_ns(), memory_order_relaxed);
            continue;
        }
        /* even: the caller waits for us, nothing changes meanwhile */
        if (pool->fn == NULL)
            return NULL;
        pool->fn(pool->ctx, team);
        atomic_store_explicit(&team->cpu_ns, mli_os_thread_cpu_ns(), memory_order_relaxed);
        mli_team_barrier(team);
    }
}

/* The next even number for a region of all, the next odd one for a host's loop. */
static void announce_region(mli_pool *pool, uint32_t loop)
{
    atomic_store(&pool->region, ((atomic_load(&pool->region) + 2) & ~(uint32_t)1) | loop);
    if (atomic_load(&pool->region_sleepers) != 0)
        mli_os_futex_wake(&pool->region, INT32_MAX);
}

static void stop_workers(mli_pool *pool)
{
    pool->fn = NULL;
    announce_region(pool, 0);
    for (int i = 1; i <= pool->started; i++)
        mli_os_thread_join(pool->team[i].handle);
    pool->started = 0;
}

static void pool_free(mli_pool *pool)
{
    const modellab_allocator alloc = pool->alloc;
    mli_free_aligned(&alloc, pool->scratch);
    mli_free_aligned(&alloc, pool->team);
    mli_free_aligned(&alloc, pool);
}

MODELLAB_MUST_CHECK static modellab_status pool_new(int threads, const modellab_allocator *alloc,
                                                    mli_pool **out, modellab_error *err)
{
    mli_pool *pool = mli_alloc_aligned(alloc, sizeof *pool, 64);
    if (pool == NULL)
        return mli_no_memory(err);
    memset(pool, 0, sizeof *pool);
    if (alloc != NULL)
        pool->alloc = *alloc;
    pool->threads = threads;
    pool->pid = mli_os_pid();
    pool->team = mli_alloc_aligned(alloc, (size_t)threads * sizeof *pool->team, 64);
    pool->scratch = mli_alloc_large(alloc, (size_t)threads * MLI_TEAM_SCRATCH_BYTES);
    int failed = 0;
    if (pool->team == NULL || pool->scratch == NULL) {
        pool_free(pool);
        return mli_no_memory(err);
    }
    failed = mli_os_mutex_init(&pool->turn);
    if (failed != 0) {
        pool_free(pool);
        return mli_fail_os(err, failed, "the thread pool has no lock");
    }
    memset(pool->team, 0, (size_t)threads * sizeof *pool->team);
    for (int i = 0; i < threads; i++) {
        pool->team[i].pool = pool;
        pool->team[i].thread = i;
        pool->team[i].threads = threads;
        pool->team[i].scratch = pool->scratch + (size_t)i * MLI_TEAM_SCRATCH_BYTES;
    }
    *out = pool;
    return MODELLAB_OK;
}

modellab_status mli_pool_create(int threads, const modellab_allocator *alloc, mli_pool **out,
                                modellab_error *err)
{
    *out = NULL;
    if (threads == 0)
        threads =
            mli_os_cpu_count() < MLI_POOL_MAX_THREADS ? mli_os_cpu_count() : MLI_POOL_MAX_THREADS;
    if (threads < 1 || threads > MLI_POOL_MAX_THREADS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d threads: 0 to %d are possible",
                        threads, MLI_POOL_MAX_THREADS);
    mli_pool *pool = NULL;
    modellab_status status = pool_new(threads, alloc, &pool, err);
    if (status != MODELLAB_OK)
        return status;
    for (int i = 1; i < threads; i++) {
        int failed = mli_os_thread_start(&pool->team[i].handle, WORKER_STACK_BYTES, worker_main,
                                         &pool->team[i]);
        if (failed != 0) {
            mli_pool_destroy(pool);
            return mli_fail_os(err, failed, "thread %d of %d did not start", i + 1, threads);
        }
        pool->started = i;
    }
    *out = pool;
    return MODELLAB_OK;
}

void mli_pool_destroy(mli_pool *pool)
{
    if (pool == NULL)
        return;
    /* In a forked child the threads do not exist, and the lock may be held by nobody. */
    if (pool->pid == mli_os_pid()) {
        stop_workers(pool);
        mli_os_mutex_destroy(&pool->turn);
    }
    pool_free(pool);
}

int mli_pool_threads(const mli_pool *pool)
{
    return pool != NULL ? pool->threads : 1;
}

int64_t mli_pool_cpu_ns(mli_pool *pool)
{
    int64_t total = 0;
    for (int i = 1; pool != NULL && i < pool->threads; i++)
        total += atomic_load_explicit(&pool->team[i].cpu_ns, memory_order_relaxed);
    return total;
}

/* One thread does it all: pools of one, and forked children. */
static void region_alone(mli_pool *pool, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx)
{
    mli_team alone = {.pool = pool, .threads = 1, .scratch = pool->scratch, .cancel = cancel};
    fn(ctx, &alone);
}

void mli_pool_region(mli_pool *pool, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx)
{
    if (pool->pid != mli_os_pid()) {
        region_alone(pool, cancel, fn, ctx);
        return;
    }
    mli_os_mutex_lock(&pool->turn);
    if (pool->threads == 1) {
        region_alone(pool, cancel, fn, ctx);
    } else {
        pool->fn = fn;
        pool->ctx = ctx;
        for (int i = 0; i < pool->threads; i++)
            pool->team[i].cancel = cancel;
        announce_region(pool, 0);
        fn(ctx, &pool->team[0]);
        mli_team_barrier(&pool->team[0]);
    }
    mli_os_mutex_unlock(&pool->turn);
}

/* ---- hosts ---- */

enum { TASK_BITS = 20 };
#define TASK_MASK ((uint64_t)(1u << TASK_BITS) - 1)

/* The next task of the loop that the ticket shows. */
static bool take_task(mli_pool *pool, size_t *task, uint32_t *tasks)
{
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    for (;;) {
        *task = (size_t)(ticket & TASK_MASK);
        *tasks = (uint32_t)(ticket >> TASK_BITS & TASK_MASK);
        if (*task >= *tasks)
            return false;
        if (atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket + 1,
                                                  memory_order_acq_rel, memory_order_acquire))
            return true;
    }
}

void mli_pool_help(mli_pool *pool, mli_team *team)
{
    size_t task;
    uint32_t tasks;
    while (take_task(pool, &task, &tasks)) {
        /* the task is out: the host waits for it, and the loop's fields stay */
        if (!mli_cancelled(pool->loop_cancel))
            pool->loop_fn(pool->loop_ctx, pool->loop_base + task, team);
        if (atomic_fetch_add(&pool->loop_done, 1) + 1 == tasks &&
            atomic_load(&pool->loop_sleepers) != 0)
            mli_os_futex_wake(&pool->loop_done, INT32_MAX);
    }
}

/* At most TASK_MASK tasks. */
static void offer_some(mli_pool *pool, mli_team *team, uint32_t tasks)
{
    uint64_t number = atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 2 * TASK_BITS;
    uint32_t done;
    atomic_store_explicit(&pool->loop_done, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->ticket,
                          (number + 1) << 2 * TASK_BITS | (uint64_t)tasks << TASK_BITS,
                          memory_order_release);
    announce_region(pool, 1);
    mli_pool_help(pool, team);
    while ((done = atomic_load_explicit(&pool->loop_done, memory_order_acquire)) != tasks)
        mli_pool_await(&pool->loop_done, done, &pool->loop_sleepers);
}

void mli_pool_offer(mli_pool *pool, mli_team *team, size_t tasks, mli_team_task fn, void *ctx)
{
    for (size_t base = 0; base < tasks; base += TASK_MASK) {
        size_t some = tasks - base < TASK_MASK ? tasks - base : TASK_MASK;
        pool->loop_fn = fn;
        pool->loop_ctx = ctx;
        pool->loop_base = base;
        pool->loop_cancel = team->cancel;
        offer_some(pool, team, (uint32_t)some);
    }
}

void mli_pool_host(mli_pool *pool, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx)
{
    if (pool->pid != mli_os_pid() || pool->threads == 1) {
        mli_pool_region(pool, cancel, fn, ctx);
        return;
    }
    mli_os_mutex_lock(&pool->turn);
    mli_team host = {.pool = pool,
                     .threads = pool->threads,
                     .host = true,
                     .scratch = pool->scratch,
                     .cancel = cancel};
    fn(ctx, &host);
    mli_os_mutex_unlock(&pool->turn);
}
