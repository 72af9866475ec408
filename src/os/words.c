/* Futexes over shared memory: one word, or two where the kernel knows futex_waitv (5.16). */
#include "os/words.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec at(int64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return t;
}

static int result(long rc)
{
    if (rc >= 0 || errno == EAGAIN || errno == EINTR)
        return 0;
    return errno == ETIMEDOUT ? -ETIMEDOUT : -ENOSYS;
}

static int wait_for_one(const _Atomic uint32_t *word, uint32_t seen, int64_t timeout_ns)
{
    struct timespec t = at(timeout_ns > 0 ? timeout_ns : 0);
    return result(syscall(SYS_futex, (const uint32_t *)word, FUTEX_WAIT, seen,
                          timeout_ns >= 0 ? &t : NULL, NULL, 0));
}

static int wait_for_two(const _Atomic uint32_t *word, uint32_t seen, const _Atomic uint32_t *other,
                        int64_t timeout_ns)
{
#ifdef SYS_futex_waitv
    struct futex_waitv both[2];
    struct timespec now = {0, 0};
    memset(both, 0, sizeof both);
    both[0].val = seen;
    both[0].uaddr = (uintptr_t)word;
    both[0].flags = FUTEX_32;
    both[1].uaddr = (uintptr_t)other;
    both[1].flags = FUTEX_32;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    int64_t end = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    end = timeout_ns < INT64_MAX - end ? end + timeout_ns : INT64_MAX;
    struct timespec t = at(end);
    return result(
        syscall(SYS_futex_waitv, both, 2, 0, timeout_ns >= 0 ? &t : NULL, CLOCK_MONOTONIC));
#else
    (void)word;
    (void)seen;
    (void)other;
    (void)timeout_ns;
    return -ENOSYS;
#endif
}

static int system_wait(void *user, const _Atomic uint32_t *word, uint32_t seen,
                       const _Atomic uint32_t *other, int64_t timeout_ns)
{
    (void)user;
    return other == NULL ? wait_for_one(word, seen, timeout_ns)
                         : wait_for_two(word, seen, other, timeout_ns);
}

static void system_wake(void *user, const _Atomic uint32_t *word)
{
    int before = errno;
    (void)user;
    /* Fails for an address that is none alone. */
    (void)syscall(SYS_futex, (const uint32_t *)word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    errno = before;
}

const mli_os_words mli_os_system_words = {.user = NULL, .wait = system_wait, .wake = system_wake};
