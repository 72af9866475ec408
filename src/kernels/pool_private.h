/* The inside of a pool, shared by pool.c (threads) and team.c (what runs in a region). */
#ifndef MLI_KERNELS_POOL_PRIVATE_H
#define MLI_KERNELS_POOL_PRIVATE_H

#include "kernels/pool.h"
#include "os/thread.h"

enum { WORKER_STACK_BYTES = 1 << 20, TEAM_COUNTERS = 4 };

/* One counter or word alone on its cache line. */
typedef struct pool_line {
    _Alignas(64) _Atomic size_t value;
} pool_line;

struct mli_team {
    _Alignas(64) mli_pool *pool;
    int thread, threads;
    bool host;        /* of mli_pool_host: loops are offered to the workers */
    uint32_t loops;   /* collective loops so far: which counter the next one takes */
    uint32_t answers; /* likewise for mli_team_cancelled */
    void *scratch;
    const mli_cancel_word *cancel;
    _Atomic int64_t cpu_ns;
    mli_os_thread handle;
};

struct mli_pool {
    modellab_allocator alloc; /* all NULL = C heap */
    int threads, started;
    int64_t pid;
    mli_os_mutex turn; /* held during a region */
    mli_team *team;    /* [threads] */
    char *scratch;
    mli_team_fn fn; /* NULL ends the workers */
    void *ctx;
    _Alignas(
        64) _Atomic uint32_t region; /* number of the region that runs; odd: a loop of a host */
    _Atomic uint32_t region_sleepers;
    _Alignas(64) _Atomic uint32_t arrived; /* at the barrier */
    _Alignas(64) _Atomic uint32_t phase;   /* number of barriers passed */
    _Atomic uint32_t phase_sleepers;
    _Atomic uint32_t answer[2];
    pool_line counter[TEAM_COUNTERS];
    /* A host's loop: number of the loop, tasks, next task (24, 20, 20 bits) in one word, so that
     * who comes late can take nothing of another loop. The other fields stay while a task of this
     * loop is out. */
    _Alignas(64) _Atomic uint64_t ticket;
    mli_team_task loop_fn;
    void *loop_ctx;
    size_t loop_base;
    const mli_cancel_word *loop_cancel;
    _Alignas(64) _Atomic uint32_t loop_done;
    _Atomic uint32_t loop_sleepers;
};

/* Takes tasks of a host's loop until none is left. */
void mli_pool_help(mli_pool *pool, mli_team *team);
/* The loop of a host. */
void mli_pool_offer(mli_pool *pool, mli_team *team, size_t tasks, mli_team_task fn, void *ctx);

void mli_pool_await(_Atomic uint32_t *word, uint32_t old, _Atomic uint32_t *sleepers);
void mli_pool_announce(_Atomic uint32_t *word, _Atomic uint32_t *sleepers);

#endif
