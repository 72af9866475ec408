/* Keeping, recycling and ending warm workers. */
#include "lab/worker_pool.h"
#include "lab/tally.h"

#include "base/config.h"
#include "base/error.h"
#include "log/logger.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
#define LEAVE_NS ((int64_t)2 * 1000000000) /* from the word to SIGKILL */
#define KILL_NS ((int64_t)5 * 1000000000)  /* from SIGKILL to giving up */
#define REAP_LOOK_NS ((int64_t)5 * 1000000)
#define LEAVING_LOOK_NS ((int64_t)100 * 1000000)

mli_pool_verdict mli_pool_judge(const mli_pool_settings *settings, const mli_worker_process *worker,
                                bool stopped_by_signal)
{
    const mli_worker_answer *answer = &worker->answer;
    if (worker->ended || worker->channel < 0 || !worker->answered || worker->out_of_turn ||
        stopped_by_signal) {
        return MLI_POOL_BAD_END;
    }
    if (worker->remote || worker->runs >= settings->max_runs) {
        return MLI_POOL_RAN_ENOUGH;
    }
    bool known = answer->own_bytes >= 0 && worker->first_own_bytes >= 0;
    if (settings->growth_bytes > 0 && known &&
        answer->own_bytes - worker->first_own_bytes > settings->growth_bytes) {
        return MLI_POOL_GREW;
    }
    return MLI_POOL_KEEP;
}

const char *mli_pool_verdict_name(mli_pool_verdict verdict)
{
    switch (verdict) {
    case MLI_POOL_BAD_END:
        return "bad_end";
    case MLI_POOL_RAN_ENOUGH:
        return "ran_enough";
    case MLI_POOL_GREW:
        return "grew";
    case MLI_POOL_IDLE:
        return "idle";
    default:
        return "kept";
    }
}

modellab_status mli_worker_pool_open(mli_worker_pool *pool, const mli_lab *lab, const char *program,
                                     mli_os_poller *poller, modellab_error *err)
{
    int64_t runs = 0;
    memset(pool, 0, sizeof(*pool));
    pool->lab = lab;
    pool->program = program;
    pool->poller = poller;
    modellab_status status = mli_worker_groups_open(&pool->groups, lab, err);
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_WORKER_MAX_RUNS", 1000, &runs, err);
    }
    pool->settings.max_runs = (int32_t)runs; /* the table of settings bounds it */
    if (status == MODELLAB_OK) {
        status =
            mli_config_int("MODEL_LAB_WORKER_IDLE_SECONDS", 60000, &pool->settings.idle_ms, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_WORKER_MAX_GROWTH_BYTES", (int64_t)512 << 20,
                                &pool->settings.growth_bytes, err);
    }
    return status;
}

static void empty(mli_worker_pool *pool, mli_worker_process *worker)
{
    mli_worker_process_init(worker, &pool->lab->os);
}

static void say(const mli_worker_pool *pool, const mli_worker_process *worker,
                mli_pool_verdict verdict)
{
    mli_log(
        pool->lab->logger, MODELLAB_LOG_INFO, "worker.recycled", mli_pool_verdict_name(verdict),
        MLI_LOG_FIELDS(mli_log_int("worker_pid", worker->pid), mli_log_int("runs", worker->runs)));
    mli_tally_add(pool->lab, "worker_recycles_total", mli_pool_verdict_name(verdict), 1);
}

/* Waits for the end of a worker that was told to leave, with SIGKILL after `patience_ns`. One that
 * even that does not end (the kernel holds it) is left alone after a while. */
static void reap_now(mli_worker_pool *pool, mli_worker_process *worker, int64_t patience_ns)
{
    const mli_os_processes *ops = pool->lab->os.processes;
    const mli_os_clock *clock = pool->lab->os.clock;
    int64_t until = clock->monotonic_ns(clock->user) + patience_ns;
    mli_worker_process_look(worker);
    while (!worker->ended) {
        int64_t left = until - clock->monotonic_ns(clock->user);
        if (left < -KILL_NS) {
            break;
        }
        if (left <= 0) {
            mli_worker_process_signal(worker, true, pool->lab->logger);
        }
        /* Without a pidfd nothing is told: looked at again after a while. */
        mli_os_poll_item item = {.fd = worker->pidfd, .want_read = true};
        int64_t wait = worker->pidfd >= 0 && left > 0 ? left : REAP_LOOK_NS;
        (void)ops->poll(ops->user, &item, 1, wait); /* a failure only makes the look come sooner */
        mli_worker_process_look(worker);
    }
    mli_worker_process_finish(worker, pool->lab->logger);
}

/* Puts a worker among the leaving ones; `*worker` is empty after. */
static void let_go(mli_worker_pool *pool, mli_worker_process *worker, bool kill, int64_t now_ns)
{
    mli_worker_process_leave(worker);
    mli_worker_process_look(worker);
    if (kill && !worker->ended) {
        mli_worker_process_signal(worker, true, pool->lab->logger);
    }
    if (worker->ended) {
        mli_worker_process_finish(worker, pool->lab->logger);
    } else if (pool->leaving_count == MLI_POOL_WORKERS) {
        reap_now(pool, worker, 0);
    } else if (worker->pid != 0) {
        mli_pool_place *place = &pool->leaving[pool->leaving_count++];
        place->worker = *worker;
        place->since_ns = now_ns;
    }
    empty(pool, worker);
}

bool mli_worker_pool_take(mli_worker_pool *pool, mli_worker_process *out)
{
    const mli_os_clock *clock = pool->lab->os.clock;
    while (pool->idle_count > 0) {
        *out = pool->idle[--pool->idle_count].worker;
        mli_worker_process_look(out);
        if (!out->ended && !out->out_of_turn) {
            return true;
        }
        say(pool, out, MLI_POOL_BAD_END);
        let_go(pool, out, true, clock->monotonic_ns(clock->user));
    }
    empty(pool, out);
    return false;
}

modellab_status mli_worker_pool_start(mli_worker_pool *pool, mli_worker_process *out,
                                      modellab_error *err)
{
    modellab_status status = mli_worker_process_start(out, pool->lab, pool->program, err);
    out->groups = &pool->groups;
    if (status == MODELLAB_OK) {
        mli_worker_process_watch(out, pool->lab, pool->poller);
    }
    return status;
}

void mli_worker_pool_give(mli_worker_pool *pool, mli_worker_process *worker, bool stopped_by_signal,
                          int64_t now_ns)
{
    if (worker->pid == 0) {
        mli_worker_process_forget(worker);
        empty(pool, worker);
        return;
    }
    mli_pool_verdict verdict = mli_pool_judge(&pool->settings, worker, stopped_by_signal);
    if (verdict == MLI_POOL_KEEP && pool->idle_count < MLI_POOL_WORKERS) {
        mli_pool_place *place = &pool->idle[pool->idle_count++];
        place->worker = *worker;
        place->since_ns = now_ns;
        empty(pool, worker);
        return;
    }
    say(pool, worker, verdict);
    let_go(pool, worker, verdict == MLI_POOL_BAD_END, now_ns);
}

static void look_at_idle(mli_worker_pool *pool, int64_t now_ns, int64_t *next_ns)
{
    int64_t idle_ns = pool->settings.idle_ms * NS_PER_MS;
    size_t kept = 0;
    for (size_t i = 0; i < pool->idle_count; i++) {
        mli_pool_place place = pool->idle[i];
        mli_worker_process_look(&place.worker);
        bool waited = now_ns - place.since_ns >= idle_ns;
        bool bad = place.worker.ended || place.worker.out_of_turn;
        if (!bad && !waited) {
            int64_t due = place.since_ns + idle_ns;
            *next_ns = due < *next_ns ? due : *next_ns;
            pool->idle[kept++] = place;
            continue;
        }
        say(pool, &place.worker, bad ? MLI_POOL_BAD_END : MLI_POOL_IDLE);
        let_go(pool, &place.worker, bad, now_ns);
    }
    pool->idle_count = kept;
}

static void look_at_leaving(mli_worker_pool *pool, int64_t now_ns, int64_t *next_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < pool->leaving_count; i++) {
        mli_pool_place place = pool->leaving[i];
        mli_worker_process_look(&place.worker);
        if (place.worker.ended) {
            mli_worker_process_finish(&place.worker, pool->lab->logger);
            continue;
        }
        if (now_ns - place.since_ns >= LEAVE_NS) {
            mli_worker_process_signal(&place.worker, true, pool->lab->logger);
        }
        int64_t due = now_ns + LEAVING_LOOK_NS;
        *next_ns = due < *next_ns ? due : *next_ns;
        pool->leaving[kept++] = place;
    }
    pool->leaving_count = kept;
}

void mli_worker_pool_look(mli_worker_pool *pool, int64_t now_ns, int64_t *next_ns)
{
    mli_worker_groups_look(&pool->groups);
    look_at_idle(pool, now_ns, next_ns);
    look_at_leaving(pool, now_ns, next_ns);
}

void mli_worker_pool_close(mli_worker_pool *pool)
{
    if (pool->lab == NULL) {
        return; /* was never opened */
    }
    for (size_t i = 0; i < pool->idle_count; i++) {
        mli_worker_process_leave(&pool->idle[i].worker); /* all at once, then wait for each */
    }
    for (size_t i = 0; i < pool->idle_count; i++) {
        reap_now(pool, &pool->idle[i].worker, LEAVE_NS);
    }
    for (size_t i = 0; i < pool->leaving_count; i++) {
        reap_now(pool, &pool->leaving[i].worker, LEAVE_NS);
    }
    pool->idle_count = pool->leaving_count = 0;
}

void mli_worker_pool_abandon(mli_worker_pool *pool)
{
    for (size_t i = 0; i < pool->idle_count; i++) {
        pool->idle[i].worker.poller = NULL; /* the kernel's poller is the parent's too */
        mli_worker_process_forget(&pool->idle[i].worker);
    }
    for (size_t i = 0; i < pool->leaving_count; i++) {
        pool->leaving[i].worker.poller = NULL;
        mli_worker_process_forget(&pool->leaving[i].worker);
    }
    pool->idle_count = pool->leaving_count = 0;
}
