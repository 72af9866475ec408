/* The pool of job threads with its timers: threads come when work waits and all others are busy,
 * and leave after ten seconds without work. */
#include "jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_SECONDS 10
#define STACK_BYTES (512u * 1024u)

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
    pthread_cond_t empty; /* a thread has left */
    job *first, *last;
    timer *timers; /* a heap by due_ms */
    size_t timer_count, timer_room, waiting;
    int threads, busy, limit;
    bool stopping;
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

/* Waits until `due_ms` (-1: without an end). */
static void wait_for_work(int64_t due_ms)
{
    if (due_ms < 0) {
        (void)pthread_cond_wait(&pool.work, &pool.lock);
        return;
    }
    const struct timespec until = {.tv_sec = due_ms / 1000,
                                   .tv_nsec = (long)(due_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&pool.work, &pool.lock, &until); /* the caller looks again */
}

static void *serve(void *unused);

/* Under the lock. A thread that cannot be made is no loss while another is there. */
static bool add_thread(void)
{
    pthread_attr_t how;
    pthread_t thread;
    if (pthread_attr_init(&how) != 0)
        return false;
    bool made = pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED) == 0 &&
                pthread_attr_setstacksize(&how, STACK_BYTES) == 0 &&
                pthread_create(&thread, &how, serve, NULL) == 0;
    (void)pthread_attr_destroy(&how);
    if (made)
        pool.threads++;
    return made;
}

/* Runs what was taken, without the lock. Another thread looks after the timers meanwhile. */
static void work_on(job_function function, void *user)
{
    pool.busy++;
    if (pool.busy == pool.threads && pool.threads < pool.limit &&
        (pool.waiting > 0 || pool.timer_count > 0))
        (void)add_thread(); /* else the next one to be free does it */
    (void)pthread_mutex_unlock(&pool.lock);
    function(user);
    (void)pthread_mutex_lock(&pool.lock);
    pool.busy--;
}

static void *serve(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&pool.lock);
    int64_t idle_since = now_ms();
    for (;;) {
        int64_t now = now_ms();
        if (pool.timer_count > 0 && (pool.stopping || pool.timers[0].due_ms <= now)) {
            timer due = heap_take();
            work_on(due.function, due.user);
            idle_since = now_ms();
        } else if (pool.first != NULL) {
            job *next = pool.first;
            pool.first = next->next;
            if (pool.first == NULL)
                pool.last = NULL;
            pool.waiting--;
            job_function function = next->function;
            void *user = next->user;
            free(next);
            work_on(function, user);
            idle_since = now_ms();
        } else if (pool.stopping ||
                   (pool.threads - pool.busy > 1 && now - idle_since >= IDLE_SECONDS * 1000)) {
            break;
        } else {
            int64_t until = pool.threads - pool.busy > 1 ? idle_since + IDLE_SECONDS * 1000 : -1;
            if (pool.timer_count > 0 && (until < 0 || pool.timers[0].due_ms < until))
                until = pool.timers[0].due_ms;
            wait_for_work(until);
        }
    }
    pool.threads--;
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
                pthread_cond_init(&pool.empty, &how) == 0;
    (void)pthread_condattr_destroy(&how);
    pool.limit = max_threads;
    (void)pthread_mutex_lock(&pool.lock);
    made = made && add_thread();
    (void)pthread_mutex_unlock(&pool.lock);
    return made;
}

void jobs_stop(void)
{
    (void)pthread_mutex_lock(&pool.lock);
    pool.stopping = true;
    (void)pthread_cond_broadcast(&pool.work);
    while (pool.threads > 0)
        (void)pthread_cond_wait(&pool.empty, &pool.lock);
    free(pool.timers);
    pool.timers = NULL;
    pool.timer_room = 0;
    (void)pthread_mutex_unlock(&pool.lock);
}

/* Under the lock: somebody does it soon. */
static void wake(void)
{
    if (pool.busy == pool.threads && pool.threads < pool.limit)
        (void)add_thread(); /* else it waits for one to be free */
    (void)pthread_cond_signal(&pool.work);
}

bool job_run(job_function function, void *user)
{
    job *added = malloc(sizeof *added);
    if (added == NULL)
        return false;
    *added = (job){NULL, function, user};
    (void)pthread_mutex_lock(&pool.lock);
    bool taken = pool.threads > 0; /* while it stops, what runs may still add its end */
    if (taken) {
        *(pool.last != NULL ? &pool.last->next : &pool.first) = added;
        pool.last = added;
        pool.waiting++;
        wake();
    }
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
        wake();
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
