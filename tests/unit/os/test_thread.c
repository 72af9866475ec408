/* Threads, conditions with deadlines, futex waits, pages. */
#include "os/clock.h"
#include "os/memory.h"
#include "os/thread.h"
#include "unit/unit.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

typedef struct shared {
    mli_os_mutex mutex;
    mli_os_cond cond;
    int count;
    bool all_blocked;
    _Atomic uint32_t word;
} shared;

static void *count_up(void *arg)
{
    shared *s = arg;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    for (int i = 0; i < 10000; i++) {
        mli_os_mutex_lock(&s->mutex);
        s->count++;
        mli_os_mutex_unlock(&s->mutex);
    }
    mli_os_mutex_lock(&s->mutex);
    s->all_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGPROF) == 1;
    mli_os_cond_broadcast(&s->cond);
    mli_os_mutex_unlock(&s->mutex);
    return NULL;
}

/* The name is there, and neither naming nor starting asks /proc for it: without any descriptor to
 * spare it is set all the same. */
static void *named(void *arg)
{
    struct rlimit few, before;
    if (getrlimit(RLIMIT_NOFILE, &before) != 0)
        return NULL;
    few = (struct rlimit){0, before.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        return NULL;
    mli_os_thread_set_name("modellab-named");
    int rc = setrlimit(RLIMIT_NOFILE, &before);
    return rc == 0 && prctl(PR_GET_NAME, arg, 0, 0, 0) == 0 ? arg : NULL;
}

static void threads_have_names(void **state)
{
    mli_os_thread thread;
    char name[16] = "";
    (void)state;
    assert_int_equal(mli_os_thread_start(&thread, 0, named, name), 0);
    mli_os_thread_join(thread);
    assert_string_equal("modellab-named", name);
}

static void threads_and_locks(void **state)
{
    shared s = {.count = 0};
    mli_os_thread threads[4];
    sigset_t mask;
    (void)state;
    assert_int_equal(mli_os_mutex_init(&s.mutex), 0);
    assert_int_equal(mli_os_cond_init(&s.cond), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mli_os_thread_start(&threads[i], 0, count_up, &s), 0);
    mli_os_mutex_lock(&s.mutex);
    while (!s.all_blocked)
        mli_os_cond_wait(&s.cond, &s.mutex);
    mli_os_mutex_unlock(&s.mutex);
    for (int i = 0; i < 4; i++)
        mli_os_thread_join(threads[i]);
    assert_int_equal(s.count, 40000);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGTERM), 0); /* the caller's mask is as it was */
    mli_os_mutex_lock(&s.mutex);
    int64_t soon = mli_os_system_clock.monotonic_ns(NULL) + 3000000;
    int rc = 0;
    while (rc == 0)
        rc = mli_os_cond_wait_until(&s.cond, &s.mutex, soon);
    mli_os_mutex_unlock(&s.mutex);
    assert_int_equal(rc, ETIMEDOUT);
    assert_true(mli_os_system_clock.monotonic_ns(NULL) >= soon);
    mli_os_cond_destroy(&s.cond);
    mli_os_mutex_destroy(&s.mutex);
}

static void *wake(void *arg)
{
    shared *s = arg;
    atomic_store(&s->word, 1);
    mli_os_futex_wake(&s->word, 1);
    return NULL;
}

static void futex(void **state)
{
    shared s = {.count = 0};
    mli_os_thread thread;
    (void)state;
    mli_os_futex_wait(&s.word, 7, -1);      /* another value: returns at once */
    mli_os_futex_wait(&s.word, 0, 1000000); /* nobody wakes: the time limit does */
    assert_int_equal(mli_os_thread_start(&thread, 1 << 16, wake, &s), 0);
    while (atomic_load(&s.word) == 0)
        mli_os_futex_wait(&s.word, 0, -1);
    mli_os_thread_join(thread);
    assert_true(mli_os_cpu_count() >= 1);
    assert_true(mli_os_pid() > 0 && mli_os_tid() > 0);
}

static void pages(void **state)
{
    static const size_t sizes[] = {1, 4096, 100000, (2 << 20) - 1, 2 << 20, (5 << 20) + 4097};
    int64_t peak = 0, now = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = NULL;
        assert_int_equal(mli_os_pages_map(sizes[i], (void **)&p), 0);
        assert_int_equal(p[0] | p[sizes[i] - 1], 0);
        memset(p, 1, sizes[i]);
        if (sizes[i] >= 2 << 20)
            assert_int_equal((uintptr_t)p & ((2 << 20) - 1), 0);
        mli_os_pages_unmap(p, sizes[i]);
    }
    void *none;
    assert_int_equal(mli_os_pages_map(0, &none), EINVAL);
    assert_int_not_equal(mli_os_pages_map(SIZE_MAX / 2, &none), 0);
    assert_int_equal(mli_os_memory_peak(0, &peak, &now), 0);
    assert_true(now > 0 && peak >= now && peak >= 5 << 20);
    assert_int_not_equal(mli_os_memory_peak(0x7FFFFFFF, &peak, &now), 0);
    assert_non_null(mli_os_huge_pages());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_have_names),
                                       cmocka_unit_test(threads_and_locks), cmocka_unit_test(futex),
                                       cmocka_unit_test(pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
