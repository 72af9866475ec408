/* One descriptor for many: epoll over the watched descriptors, a timerfd and an eventfd. */
#include "os/poller.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* descriptors of the kernel's own; nothing is written behind */
    *fd = -1;
}

int mli_os_poller_open(mli_os_poller *poller)
{
    poller->timer_fd = -1;
    poller->event_fd = -1;
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0)
        return -errno;
    poller->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int rc = poller->timer_fd < 0 ? -errno : mli_os_poller_add(poller, poller->timer_fd);
    if (rc == 0) {
        poller->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        rc = poller->event_fd < 0 ? -errno : mli_os_poller_add(poller, poller->event_fd);
    }
    if (rc != 0)
        mli_os_poller_close(poller);
    return rc;
}

void mli_os_poller_close(mli_os_poller *poller)
{
    close_one(&poller->timer_fd);
    close_one(&poller->event_fd);
    close_one(&poller->fd);
}

int mli_os_poller_add(mli_os_poller *poller, int fd)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int mli_os_poller_remove(mli_os_poller *poller, int fd)
{
    return epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int mli_os_poller_set_timer(mli_os_poller *poller, int64_t monotonic_ns)
{
    struct itimerspec when;
    memset(&when, 0, sizeof when);
    if (monotonic_ns != INT64_MAX) {
        int64_t at = monotonic_ns > 0 ? monotonic_ns : 1; /* zero would disarm */
        when.it_value.tv_sec = (time_t)(at / 1000000000);
        when.it_value.tv_nsec = (long)(at % 1000000000);
    }
    return timerfd_settime(poller->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}

int mli_os_poller_wake(mli_os_poller *poller)
{
    uint64_t one = 1;
    ssize_t n = write(poller->event_fd, &one, sizeof one);
    return n < 0 && errno != EAGAIN ? -errno : 0; /* EAGAIN: it is readable already */
}

static int drain(int fd)
{
    uint64_t count = 0;
    ssize_t n = read(fd, &count, sizeof count);
    return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

int mli_os_poller_wait(mli_os_poller *poller, int64_t timeout_ms)
{
    struct epoll_event events[16];
    int wait_ms = timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    int n = epoll_wait(poller->fd, events, 16, wait_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == poller->timer_fd || events[i].data.fd == poller->event_fd) {
            int rc = drain(events[i].data.fd);
            if (rc != 0)
                return rc;
        }
    }
    return n > 0;
}

static int system_open(void *user, mli_os_poller *poller)
{
    (void)user;
    return mli_os_poller_open(poller);
}

static void system_close(void *user, mli_os_poller *poller)
{
    (void)user;
    mli_os_poller_close(poller);
}

static int system_add(void *user, mli_os_poller *poller, int fd)
{
    (void)user;
    return mli_os_poller_add(poller, fd);
}

static int system_remove(void *user, mli_os_poller *poller, int fd)
{
    (void)user;
    return mli_os_poller_remove(poller, fd);
}

static int system_set_timer(void *user, mli_os_poller *poller, int64_t monotonic_ns)
{
    (void)user;
    return mli_os_poller_set_timer(poller, monotonic_ns);
}

static int system_wake(void *user, mli_os_poller *poller)
{
    (void)user;
    return mli_os_poller_wake(poller);
}

static int system_wait(void *user, mli_os_poller *poller, int64_t timeout_ms)
{
    (void)user;
    return mli_os_poller_wait(poller, timeout_ms);
}

const mli_os_pollers mli_os_system_pollers = {.user = NULL,
                                              .open = system_open,
                                              .close = system_close,
                                              .add = system_add,
                                              .remove = system_remove,
                                              .set_timer = system_set_timer,
                                              .wake = system_wake,
                                              .wait = system_wait};

int mli_os_term_fd(int *out)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM); /* neither fails for a valid number */
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc != 0)
        return -rc;
    *out = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *out < 0 ? -errno : 0;
}
