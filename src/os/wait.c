/* Waiting on descriptors and waking whoever waits. */
#include "os/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POLL_ITEMS 1024

static void fill_poll(struct pollfd *fds, const mli_os_poll_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i].fd = items[i].fd;
        fds[i].events =
            (short)((items[i].want_read ? POLLIN : 0) | (items[i].want_write ? POLLOUT : 0));
        fds[i].revents = 0;
    }
}

int mli_os_poll(mli_os_poll_item *items, size_t count, int64_t timeout_ns)
{
    struct pollfd fds[POLL_ITEMS];
    if (count > POLL_ITEMS)
        return -EINVAL;
    fill_poll(fds, items, count);
    struct timespec t = {0, 0};
    if (timeout_ns >= 0) {
        t.tv_sec = (time_t)(timeout_ns / 1000000000);
        t.tv_nsec = (long)(timeout_ns % 1000000000);
    }
    int ready = ppoll(fds, (nfds_t)count, timeout_ns >= 0 ? &t : NULL, NULL);
    if (ready < 0 && errno != EINTR)
        return -errno;
    for (size_t i = 0; i < count; i++) {
        short got = ready > 0 ? fds[i].revents : 0;
        items[i].can_read = (got & POLLIN) != 0;
        items[i].can_write = (got & POLLOUT) != 0;
        items[i].closed = (got & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    }
    return ready < 0 ? 0 : ready;
}

int mli_os_event_create(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void mli_os_event_set(int event)
{
    uint64_t one = 1;
    int before = errno;
    ssize_t n;
    do {
        n = write(event, &one, sizeof one);
    } while (n < 0 && errno == EINTR); /* EAGAIN: the counter is full, so it is set */
    errno = before;
}

void mli_os_event_clear(int event)
{
    uint64_t count;
    ssize_t n;
    do {
        n = read(event, &count, sizeof count);
    } while (n < 0 && errno == EINTR); /* EAGAIN: it was not set */
}

void mli_os_fd_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* nothing buffered behind such descriptors that could be lost */
}

int mli_os_fd_cloexec(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0)
        return -errno;
    flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
    return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}
