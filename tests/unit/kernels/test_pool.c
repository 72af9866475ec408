/* The thread pool: every task once, barriers hold, callers take turns, cancel, failing memory,
 * forked child. */
#include "common.h"

#include "kernels/pool.h"
#include "os/clock.h"
#include "os/thread.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 1000 };

typedef struct marks {
    _Atomic int seen[TASKS];
    _Atomic int threads; /* bit set of the threads that worked */
} marks;

static void mark(void *ctx, size_t task, int thread)
{
    marks *m = ctx;
    atomic_fetch_add(&m->seen[task], 1);
    atomic_fetch_or(&m->threads, 1 << thread);
}

static void test_each_task_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        mli_pool *pool = threads == 4 ? NULL : pool_of(threads);
        marks m = {0};
        for (int round = 0; round < 50; round++)
            mli_pool_run(pool, TASKS, mark, &m);
        mli_pool_run(pool, 0, mark, &m);
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(m.seen[i], 50);
        assert_true(m.threads < 1 << mli_pool_threads(pool));
        mli_pool_destroy(pool);
    }
}

/* Each thread writes, all meet, each reads what its neighbour wrote. */
typedef struct relay {
    int rounds, values[3], wrong[3];
} relay;

static void relay_region(void *ctx, mli_team *team)
{
    relay *r = ctx;
    int me = mli_team_thread(team), next = (me + 1) % mli_team_threads(team);
    for (int i = 0; i < r->rounds; i++) {
        r->values[me] = i * 10 + me;
        mli_team_barrier(team);
        r->wrong[me] += r->values[next] != i * 10 + next;
        mli_team_barrier(team);
    }
}

static void test_barrier(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        mli_pool *pool = pool_of(threads);
        relay r = {.rounds = 500};
        mli_pool_region(pool, NULL, relay_region, &r);
        assert_int_equal(r.wrong[0] + r.wrong[1] + r.wrong[2], 0);
        mli_pool_destroy(pool);
    }
}

/* Loops of one region follow each other without mixing their tasks. */
typedef struct loops {
    _Atomic int count[64];
} loops;

static void count_task(void *ctx, size_t task, mli_team *team)
{
    (void)task;
    /* the whole scratch can be written */
    memset(mli_team_scratch(team), 1, MLI_TEAM_SCRATCH_BYTES);
    atomic_fetch_add((_Atomic int *)ctx, 1);
}

static void loops_region(void *ctx, mli_team *team)
{
    loops *l = ctx;
    for (size_t i = 0; i < 64; i++)
        mli_team_for(team, i % 7, count_task, &l->count[i]);
}

static void test_loops(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    for (int round = 0; round < 20; round++) {
        loops l = {0};
        mli_pool_region(pool, NULL, loops_region, &l);
        for (int i = 0; i < 64; i++)
            assert_int_equal(l.count[i], i % 7);
    }
    mli_pool_destroy(pool);
}

/* Loops of one thread inside the tasks of a shared one: each runs whole, in its own thread. */
typedef struct inner {
    _Atomic int count[32];
    _Atomic int strangers;
} inner;

typedef struct inner_task {
    inner *all;
    void *scratch;
    size_t task;
} inner_task;

static void inner_one(void *ctx, size_t task, mli_team *team)
{
    const inner_task *t = ctx;
    (void)task;
    memset(mli_team_scratch(team), 1, MLI_TEAM_SCRATCH_BYTES);
    atomic_fetch_add(&t->all->strangers, mli_team_scratch(team) != t->scratch);
    atomic_fetch_add(&t->all->count[t->task], 1);
}

static void inner_loops(void *ctx, mli_team *team)
{
    for (int i = 0; i < 5; i++) {
        mli_team_for(team, 9, inner_one, ctx);
        mli_team_barrier(team);
    }
    if (!mli_team_is_first(team) || mli_team_threads(team) != 1)
        atomic_fetch_add(&((inner_task *)ctx)->all->strangers, 1);
}

static void outer_one(void *ctx, size_t task, mli_team *team)
{
    inner_task t = {ctx, mli_team_scratch(team), task};
    mli_cancel_word stop = task == 3;
    mli_team_alone(team, &stop, inner_loops, &t);
}

static void outer_loop(void *ctx, mli_team *team)
{
    mli_team_for(team, 32, outer_one, ctx);
}

static void test_alone_in_a_task(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        mli_pool *pool = pool_of(threads);
        inner hosted = {0}, shared = {0};
        mli_pool_host(pool, NULL, outer_loop, &hosted);
        mli_pool_region(pool, NULL, outer_loop, &shared);
        for (int i = 0; i < 32; i++) {
            assert_int_equal(hosted.count[i], i == 3 ? 0 : 45); /* that one was cancelled */
            assert_int_equal(shared.count[i], i == 3 ? 0 : 45);
        }
        assert_int_equal(hosted.strangers + shared.strangers, 0);
        mli_pool_destroy(pool);
    }
}

/* A sleeping pool wakes up again. */
static void test_wakes_after_sleep(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    marks m = {0};
    for (int i = 0; i < 5; i++) {
        usleep(2000);
        mli_pool_run(pool, TASKS, mark, &m);
    }
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(m.seen[i], 5);
    mli_pool_destroy(pool);
}

typedef struct caller {
    mli_pool *pool;
    marks *m;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (int i = 0; i < 50; i++)
        mli_pool_run(c->pool, TASKS, mark, c->m);
    return NULL;
}

static void test_callers_take_turns(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    marks m = {0};
    caller c = {pool, &m};
    pthread_t others[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&others[i], NULL, call_often, &c), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(m.seen[i], 150);
    mli_pool_destroy(pool);
}

typedef struct stopping {
    mli_cancel_word word;
    _Atomic int done;
    int answers[2][2];
} stopping;

static void stop_task(void *ctx, size_t task, mli_team *team)
{
    stopping *s = ctx;
    (void)team;
    if (task == 10)
        atomic_store(&s->word, 1);
    while (task > 10 && atomic_load(&s->word) == 0) /* a thread that is held up is waited for */
        sched_yield();
    atomic_fetch_add(&s->done, 1);
}

static void stop_region(void *ctx, mli_team *team)
{
    stopping *s = ctx;
    s->answers[mli_team_thread(team)][0] = mli_team_cancelled(team);
    mli_team_for(team, TASKS, stop_task, s);
    s->answers[mli_team_thread(team)][1] = mli_team_cancelled(team);
}

static void test_cancel(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        mli_pool *pool = pool_of(threads);
        stopping s = {0};
        mli_pool_region(pool, &s.word, stop_region, &s);
        assert_in_range(s.done, 11, 12);
        for (int i = 0; i < threads; i++)
            assert_true(s.answers[i][0] == 0 && s.answers[i][1] == 1);
        mli_pool_destroy(pool);
    }
}

/* The letter of the system for what a thread does: 'S' = it sleeps; 0 = it is gone. */
static char state_of_thread(const char *id)
{
    char path[300], text[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/stat", id);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}

/* Threads but this one; `awake`: how many of them do not sleep. */
static int other_threads(int *awake)
{
    DIR *dir = opendir("/proc/self/task");
    int count = 0;
    assert_non_null(dir);
    *awake = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.' || atol(e->d_name) == mli_os_tid())
            continue;
        count++;
        *awake += state_of_thread(e->d_name) != 'S';
    }
    closedir(dir);
    return count;
}

/* Idle threads sleep: a thread that spins is never seen so. */
static void test_idle_is_free(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    marks m = {0};
    mli_pool_run(pool, TASKS, mark, &m);
    int awake = 1, asleep = 0; /* looks at all asleep, without another between */
    for (int ms = 0; ms < 60000 && asleep < 50; ms += 5) {
        usleep(5000);
        assert_true(other_threads(&awake) > 0);
        asleep = awake == 0 ? asleep + 1 : 0;
    }
    assert_int_equal(asleep, 50);
    assert_true(mli_pool_cpu_ns(pool) > 0);
    mli_pool_destroy(pool);
}

static int allocations_left;

static void *failing_alloc(void *user, size_t bytes)
{
    (void)user;
    return allocations_left-- > 0 ? malloc(bytes) : NULL;
}
static void *no_realloc(void *user, void *block, size_t bytes)
{
    (void)user;
    (void)block;
    (void)bytes;
    return NULL;
}
static void plain_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static void test_no_memory(void **state)
{
    (void)state;
    const modellab_allocator alloc = {sizeof alloc, NULL, failing_alloc, no_realloc, plain_free};
    mli_pool *pool = NULL;
    int fails = 0;
    for (int n = 0;; n++, fails++) {
        allocations_left = n;
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status = mli_pool_create(2, &alloc, &pool, &err);
        if (status == MODELLAB_OK)
            break;
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
        assert_int_equal(err.code, MODELLAB_E_NO_MEMORY);
        assert_null(pool);
    }
    assert_int_equal(fails, 3);
    mli_pool_destroy(pool);
    assert_int_equal(mli_pool_create(-1, NULL, &pool, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_pool_create(257, NULL, &pool, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_null(pool);
    mli_pool_destroy(NULL);
}

/* The threads do not exist in a forked child: work there runs in the calling thread. */
static void test_forked_child(void **state)
{
    (void)state;
    mli_pool *pool = pool_of(2);
    marks m = {0};
    mli_pool_run(pool, TASKS, mark, &m);
    pid_t child = fork();
    if (child == 0) {
        mli_pool_run(pool, TASKS, mark, &m);
        int right = 1;
        for (int i = 0; i < TASKS; i++)
            right &= m.seen[i] == 2;
        mli_pool_destroy(pool);
        _exit(right ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    mli_pool_destroy(pool);
}

enum { HOST_ROUNDS = 4000, HOST_ROUNDS_LEAST = 300, HOST_MS = 5000, HOST_TASKS = 64 };

typedef struct offers {
    size_t tasks;
    int times[HOST_TASKS];
} offers;

static void host_task(void *ctx, size_t task, mli_team *team)
{
    offers *o = ctx;
    (void)team;
    o->times[task]++;
}

/* Two loops and a barrier: the same code in a region and with a host. */
static void two_loops(void *ctx, mli_team *team)
{
    offers *o = ctx;
    mli_team_for(team, o->tasks, host_task, o);
    mli_team_barrier(team);
    mli_team_for(team, o->tasks / 2, host_task, o);
}

static void host_stop_task(void *ctx, size_t task, mli_team *team)
{
    (void)task;
    (void)team;
    atomic_store((mli_cancel_word *)ctx, 1);
}

static void host_stop_loop(void *ctx, mli_team *team)
{
    mli_team_for(team, 1000, host_stop_task, ctx);
    assert_true(mli_team_cancelled(team));
}

/* Regions and loops of hosts in turn: each task runs once, and late workers take nothing. */
static void test_host(void **state)
{
    uint32_t random = 1;
    mli_cancel_word word = 0;
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        mli_pool *pool = NULL;
        assert_int_equal(mli_pool_create(threads, NULL, &pool, NULL), MODELLAB_OK);
        /* Fewer where each hand-over waits for a busy machine. */
        int64_t end = mli_os_system_clock.monotonic_ns(NULL) + (int64_t)HOST_MS * 1000000;
        for (int round = 0; round < HOST_ROUNDS_LEAST ||
                            (round < HOST_ROUNDS && mli_os_system_clock.monotonic_ns(NULL) < end);
             round++) {
            random = random * 1103515245 + 12345;
            offers o = {.tasks = (random >> 16) % HOST_TASKS};
            if ((random & 0x10000) != 0)
                mli_pool_region(pool, NULL, two_loops, &o);
            else
                mli_pool_host(pool, NULL, two_loops, &o);
            for (size_t i = 0; i < HOST_TASKS; i++)
                assert_int_equal(o.times[i], (i < o.tasks) + (i < o.tasks / 2));
        }
        atomic_store(&word, 0);
        mli_pool_host(pool, &word, host_stop_loop, &word);
        mli_pool_destroy(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_host),
                                       cmocka_unit_test(test_each_task_once),
                                       cmocka_unit_test(test_barrier),
                                       cmocka_unit_test(test_loops),
                                       cmocka_unit_test(test_alone_in_a_task),
                                       cmocka_unit_test(test_wakes_after_sleep),
                                       cmocka_unit_test(test_callers_take_turns),
                                       cmocka_unit_test(test_cancel),
                                       cmocka_unit_test(test_idle_is_free),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_forked_child)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
