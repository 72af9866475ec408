/* Threads, locks and futex waits on pthreads and the kernel's futex. */
#include "os/thread.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int mli_os_mutex_init(mli_os_mutex *m)
{
    return pthread_mutex_init(m, NULL);
}

/* The calls below fail only for objects that were never made or are destroyed while in use, which
 * their owners rule out; there is nothing that a caller could do about it. */
void mli_os_mutex_destroy(mli_os_mutex *m)
{
    (void)pthread_mutex_destroy(m);
}

void mli_os_mutex_lock(mli_os_mutex *m)
{
    (void)pthread_mutex_lock(m);
}

void mli_os_mutex_unlock(mli_os_mutex *m)
{
    (void)pthread_mutex_unlock(m);
}

int mli_os_cond_init(mli_os_cond *c)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc != 0)
        return rc;
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
    return rc;
}

void mli_os_cond_destroy(mli_os_cond *c)
{
    (void)pthread_cond_destroy(c);
}

void mli_os_cond_wait(mli_os_cond *c, mli_os_mutex *m)
{
    (void)pthread_cond_wait(c, m);
}

int mli_os_cond_wait_until(mli_os_cond *c, mli_os_mutex *m, int64_t monotonic_ns)
{
    if (monotonic_ns < 0)
        monotonic_ns = 0;
    struct timespec t = {(time_t)(monotonic_ns / 1000000000), (long)(monotonic_ns % 1000000000)};
    return pthread_cond_timedwait(c, m, &t) == ETIMEDOUT ? ETIMEDOUT : 0;
}

void mli_os_cond_signal(mli_os_cond *c)
{
    (void)pthread_cond_signal(c);
}

void mli_os_cond_broadcast(mli_os_cond *c)
{
    (void)pthread_cond_broadcast(c);
}

/* Creates the thread while this thread has every signal blocked: the new one inherits that mask. */
static int start_masked(mli_os_thread *out, const pthread_attr_t *attr, void *(*run)(void *),
                        void *arg)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &old);
    if (rc != 0)
        return rc;
    rc = pthread_create(out, attr, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

void mli_os_thread_set_name(const char *name)
{
    (void)prctl(PR_SET_NAME, name, 0, 0, 0); /* a name is a help to people only */
}

int mli_os_thread_start(mli_os_thread *out, size_t stack_bytes, void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    if (stack_bytes > 0)
        rc = pthread_attr_setstacksize(&attr, stack_bytes);
    if (rc == 0)
        rc = start_masked(out, &attr, run, arg);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

void mli_os_thread_join(mli_os_thread thread)
{
    (void)pthread_join(thread, NULL);
}

void mli_os_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec t = {0, 0};
    if (timeout_ns >= 0) {
        t.tv_sec = (time_t)(timeout_ns / 1000000000);
        t.tv_nsec = (long)(timeout_ns % 1000000000);
    }
    /* EAGAIN, EINTR and ETIMEDOUT all mean: look at the word again, which the caller does. */
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns >= 0 ? &t : NULL, NULL,
                  0);
}

void mli_os_futex_wake(_Atomic uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void mli_os_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

void mli_os_thread_yield(void)
{
    (void)sched_yield(); /* cannot fail on Linux */
}

int mli_os_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than the set holds */
    return online > 0 ? (int)online : 1;
}

int64_t mli_os_pid(void)
{
    return (int64_t)getpid();
}

int64_t mli_os_tid(void)
{
    return (int64_t)syscall(SYS_gettid);
}

uintptr_t mli_os_thread_key(void)
{
    return (uintptr_t)pthread_self();
}
