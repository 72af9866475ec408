/* The pool of job threads with its timers: threads come when work waits and all others are busy,
 * and leave after ten seconds without work. */
#include "jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_SECONDS 10
#define FEW 4      /* threads that come at once */
#define STALL_MS 5 /* a queue that has not moved for so long gets another thread */
#define STACK_BYTES                                                                                \
    ((size_t)8 << 20) /* address space: JSON that is nested 2,048 times deep is walked */

typedef struct job {
    struct job *next;
    job_function function;
    void *user;
} job;

typedef struct timer {
    int64_t due_ms;
    job_function function;
    void *user;
} timer;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something to do, or the end */
    pthread_cond_t keep;  /* a timer is the first now, or the queue may stand still */
    pthread_cond_t empty; /* a thread has left */
    job *first, *last;
    timer *timers; /* a heap by due_ms */
    size_t timer_count, timer_room, waiting;
    uint64_t taken; /* jobs that have begun */
    int threads, busy, asleep, limit;
    bool stopping, kept;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void heap_up(size_t at)
{
    while (at > 0 && pool.timers[at].due_ms < pool.timers[(at - 1) / 2].due_ms) {
        timer swap = pool.timers[at];
        pool.timers[at] = pool.timers[(at - 1) / 2];
        pool.timers[(at - 1) / 2] = swap;
        at = (at - 1) / 2;
    }
}

static timer heap_take(void)
{
    timer top = pool.timers[0], last = pool.timers[--pool.timer_count];
    size_t at = 0;
    for (size_t child = 1; child < pool.timer_count; child = 2 * at + 1) {
        if (child + 1 < pool.timer_count &&
            pool.timers[child + 1].due_ms < pool.timers[child].due_ms)
            child++;
        if (pool.timers[child].due_ms >= last.due_ms)
            break;
        pool.timers[at] = pool.timers[child];
        at = child;
    }
    if (pool.timer_count > 0)
        pool.timers[at] = last;
    return top;
}

/* Under the lock. A thread that cannot be made is no loss while another is there. */
static bool add_thread(void *(*serve)(void *))
{
    pthread_attr_t how;
    pthread_t thread;
    if (pthread_attr_init(&how) != 0)
        return false;
    bool made = pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED) == 0 &&
                pthread_attr_setstacksize(&how, STACK_BYTES) == 0 &&
                pthread_create(&thread, &how, serve, NULL) == 0;
    (void)pthread_attr_destroy(&how);
    return made;
}

/* Waits until `due_ms` (-1: without an end). The caller looks again in any case. */
static void wait_until(pthread_cond_t *sign, int64_t due_ms)
{
    const struct timespec until = {.tv_sec = due_ms / 1000,
                                   .tv_nsec = (long)(due_ms % 1000) * 1000000};
    if (due_ms < 0)
        (void)pthread_cond_wait(sign, &pool.lock);
    else
        (void)pthread_cond_timedwait(sign, &pool.lock, &until);
}

static void *work(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&pool.lock);
    int64_t idle_since = now_ms();
    for (;;) {
        job *next = pool.first;
        if (next != NULL) {
            pool.first = next->next;
            if (pool.first == NULL)
                pool.last = NULL;
            pool.waiting--;
            pool.taken++;
            pool.busy++;
            (void)pthread_mutex_unlock(&pool.lock);
            next->function(next->user);
            free(next);
            (void)pthread_mutex_lock(&pool.lock);
            pool.busy--;
            idle_since = now_ms();
        } else if ((pool.stopping && pool.timer_count == 0 && pool.busy == 0) ||
                   now_ms() - idle_since >= IDLE_SECONDS * 1000) {
            break; /* the last one that works may still add something */
        } else {
            pool.asleep++;
            wait_until(&pool.work, idle_since + IDLE_SECONDS * 1000);
            pool.asleep--;
        }
    }
    pool.threads--;
    (void)pthread_cond_broadcast(&pool.empty);
    (void)pthread_cond_broadcast(&pool.work); /* others may leave, too */
    (void)pthread_mutex_unlock(&pool.lock);
    return NULL;
}

static void add_worker(void)
{
    if (pool.threads < pool.limit && add_thread(work))
        pool.threads++;
}

/* Under the lock: somebody takes it soon. A few threads come at once; more only where the queue
 * does not move (keep()): jobs that only compute are done sooner by few. */
static void append(job *added)
{
    *(pool.last != NULL ? &pool.last->next : &pool.first) = added;
    pool.last = added;
    pool.waiting++;
    if (pool.waiting <=
        (size_t)pool.asleep) /* those that are woken count as asleep until they run */
        (void)pthread_cond_signal(&pool.work);
    else if (pool.threads < FEW)
        add_worker();
    else if (pool.waiting == (size_t)pool.asleep + 1)
        (void)pthread_cond_signal(&pool.keep); /* it looks whether the queue moves */
}

/* Turns timers that are due (all, at the end) into jobs. */
static void ring(int64_t now)
{
    while (pool.timer_count > 0 && (pool.stopping || pool.timers[0].due_ms <= now)) {
        job *due = malloc(sizeof *due);
        if (due == NULL)
            return; /* at the next look */
        timer top = heap_take();
        *due = (job){NULL, top.function, top.user};
        append(due);
    }
}

/* The thread that looks after timers, and after a queue that stands still. */
static void *keep(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&pool.lock);
    uint64_t taken = pool.taken;
    while (!pool.stopping || pool.timer_count > 0 || pool.threads > 0) {
        int64_t now = now_ms(), next = -1;
        ring(now);
        if (pool.waiting > 0 && (pool.threads == 0 || taken == pool.taken))
            add_worker();
        taken = pool.taken;
        if (pool.waiting > 0 || pool.stopping)
            next = now + STALL_MS;
        if (pool.timer_count > 0 && (next < 0 || pool.timers[0].due_ms < next))
            next = pool.timers[0].due_ms;
        wait_until(&pool.keep, next);
    }
    pool.kept = false;
    (void)pthread_cond_broadcast(&pool.empty);
    (void)pthread_mutex_unlock(&pool.lock);
    return NULL;
}

bool jobs_start(int max_threads)
{
    pthread_condattr_t how;
    if (pthread_condattr_init(&how) != 0)
        return false;
    bool made = pthread_condattr_setclock(&how, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&pool.work, &how) == 0 &&
                pthread_cond_init(&pool.keep, &how) == 0 &&
                pthread_cond_init(&pool.empty, &how) == 0;
    (void)pthread_condattr_destroy(&how);
    (void)pthread_mutex_lock(&pool.lock);
    pool.limit = max_threads;
    pool.kept = made && add_thread(keep);
    made = pool.kept;
    (void)pthread_mutex_unlock(&pool.lock);
    return made;
}

void jobs_stop(void)
{
    (void)pthread_mutex_lock(&pool.lock);
    pool.stopping = true;
    if (pool.kept) {
        (void)pthread_cond_broadcast(&pool.work);
        (void)pthread_cond_signal(&pool.keep);
    }
    while (pool.threads > 0 || pool.kept)
        (void)pthread_cond_wait(&pool.empty, &pool.lock);
    free(pool.timers);
    pool.timers = NULL;
    pool.timer_room = 0;
    (void)pthread_mutex_unlock(&pool.lock);
}

bool job_run(job_function function, void *user)
{
    job *added = malloc(sizeof *added);
    if (added == NULL)
        return false;
    *added = (job){NULL, function, user};
    (void)pthread_mutex_lock(&pool.lock);
    bool taken = pool.kept; /* while it stops, what runs may still add its end */
    if (taken)
        append(added);
    (void)pthread_mutex_unlock(&pool.lock);
    if (!taken)
        free(added);
    return taken;
}

/* Under the lock. */
static bool timer_room(void)
{
    if (pool.timer_count < pool.timer_room)
        return true;
    size_t room = pool.timer_room > 0 ? pool.timer_room * 2 : 64;
    timer *grown = realloc(pool.timers, room * sizeof *grown);
    if (grown == NULL)
        return false;
    pool.timers = grown;
    pool.timer_room = room;
    return true;
}

bool job_after(int64_t ms, job_function function, void *user)
{
    (void)pthread_mutex_lock(&pool.lock);
    bool taken = !pool.stopping && timer_room();
    if (taken) {
        pool.timers[pool.timer_count] = (timer){now_ms() + (ms > 0 ? ms : 0), function, user};
        heap_up(pool.timer_count++);
        if (pool.timers[0].user == user && pool.timers[0].function == function)
            (void)pthread_cond_signal(&pool.keep); /* it is the first now */
    }
    (void)pthread_mutex_unlock(&pool.lock);
    return taken;
}

jobs_numbers jobs_now(void)
{
    (void)pthread_mutex_lock(&pool.lock);
    jobs_numbers numbers = {pool.threads, pool.busy, pool.waiting, pool.timer_count};
    (void)pthread_mutex_unlock(&pool.lock);
    return numbers;
}
