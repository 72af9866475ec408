/* What the threads of a region share: barrier, loop with tasks for whoever is free, cancel. */
#include "kernels/pool_private.h"

int mli_team_thread(const mli_team *team)
{
    return team->thread;
}

int mli_team_threads(const mli_team *team)
{
    return team->threads;
}

bool mli_team_is_first(const mli_team *team)
{
    return team->thread == 0;
}

void *mli_team_scratch(mli_team *team)
{
    return team->scratch;
}

void mli_team_alone(mli_team *team, const mli_cancel_word *cancel, mli_team_fn fn, void *ctx)
{
    mli_team alone = {.thread = 0, .threads = 1, .scratch = team->scratch, .cancel = cancel};
    fn(ctx, &alone);
}

void mli_team_barrier(mli_team *team)
{
    if (team->threads == 1 || team->host)
        return;
    mli_pool *pool = team->pool;
    uint32_t phase = atomic_load_explicit(&pool->phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 ==
        (uint32_t)team->threads) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        mli_pool_announce(&pool->phase, &pool->phase_sleepers);
    } else {
        mli_pool_await(&pool->phase, phase, &pool->phase_sleepers);
    }
}

bool mli_team_cancelled(mli_team *team)
{
    if (team->threads == 1 || team->host)
        return mli_cancelled(team->cancel);
    /* Two words in turn: the first thread may already ask again while others still read this
     * answer. */
    _Atomic uint32_t *answer = &team->pool->answer[team->answers++ & 1];
    if (team->thread == 0)
        atomic_store_explicit(answer, mli_cancelled(team->cancel), memory_order_relaxed);
    mli_team_barrier(team);
    return atomic_load_explicit(answer, memory_order_relaxed) != 0;
}

void mli_team_for(mli_team *team, size_t tasks, mli_team_task fn, void *ctx)
{
    if (team->threads == 1) {
        for (size_t i = 0; i < tasks && !mli_cancelled(team->cancel); i++)
            fn(ctx, i, team);
        return;
    }
    if (team->host) {
        if (tasks == 1 && !mli_cancelled(team->cancel))
            fn(ctx, 0, team);
        else
            mli_pool_offer(team->pool, team, tasks, fn, ctx);
        return;
    }
    /* Counters are used in turn. The one of the loop after next is free: its last users have all
     * passed the barrier of the previous loop, and nobody reaches its next use before passing ours.
     */
    uint32_t turn = team->loops++;
    _Atomic size_t *next = &team->pool->counter[turn % TEAM_COUNTERS].value;
    atomic_store_explicit(&team->pool->counter[(turn + 2) % TEAM_COUNTERS].value, 0,
                          memory_order_relaxed);
    for (;;) {
        size_t i = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
        if (i >= tasks || mli_cancelled(team->cancel))
            break;
        fn(ctx, i, team);
    }
    mli_team_barrier(team);
}

typedef struct run {
    size_t tasks;
    mli_pool_task fn;
    void *ctx;
} run;

static void run_task(void *ctx, size_t task, mli_team *team)
{
    const run *r = ctx;
    r->fn(r->ctx, task, team->thread);
}

static void run_all(void *ctx, mli_team *team)
{
    mli_team_for(team, ((run *)ctx)->tasks, run_task, ctx);
}

void mli_pool_run(mli_pool *pool, size_t tasks, mli_pool_task fn, void *ctx)
{
    if (pool == NULL) {
        for (size_t i = 0; i < tasks; i++)
            fn(ctx, i, 0);
        return;
    }
    run r = {tasks, fn, ctx};
    mli_pool_host(pool, NULL, run_all, &r);
}
