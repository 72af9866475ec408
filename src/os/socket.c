/* Unix sockets: pairs, named wake-up and stream sockets, SCM_RIGHTS. */
#include "os/socket.h"
#include "os/process.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int mli_os_socket_pair(int out[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) < 0 ? -errno : 0;
}

static int fill_address(struct sockaddr_un *address, const char *path)
{
    size_t n = strlen(path);
    if (n >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, n + 1);
    return 0;
}

int mli_os_socket_open(int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    return fd < 0 ? -errno : fd;
}

static int connect_to(const char *path, int type)
{
    struct sockaddr_un address;
    int rc = fill_address(&address, path);
    if (rc != 0)
        return rc;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    do {
        rc = connect(fd, (const struct sockaddr *)&address, sizeof address);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        rc = -errno;
        mli_os_fd_close(fd);
        return rc;
    }
    return fd;
}

/* The file of a socket outlives its process: a name where nobody answers is free to take. */
static int clear_stale(const char *path, int type)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    int fd = connect_to(path, type);
    if (fd >= 0) {
        mli_os_fd_close(fd);
        return -EADDRINUSE;
    }
    if (fd != -ECONNREFUSED)
        return fd;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_to(const char *path, int type)
{
    struct sockaddr_un address;
    int rc = fill_address(&address, path);
    if (rc == 0)
        rc = clear_stale(path, type);
    if (rc != 0)
        return rc;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* On Linux the mode of the socket's inode is that of the descriptor when it is bound. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        rc = -errno;
        mli_os_fd_close(fd);
        return rc;
    }
    return fd;
}

int mli_os_socket_bind(const char *path)
{
    return bind_to(path, SOCK_DGRAM | SOCK_NONBLOCK);
}

int mli_os_socket_notify(const char *path)
{
    int fd = connect_to(path, SOCK_DGRAM | SOCK_NONBLOCK), rc = 0;
    if (fd < 0)
        return fd;
    if (send(fd, "w", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
        rc = -errno;
    mli_os_fd_close(fd);
    return rc;
}

int mli_os_socket_tell(const char *path, const void *data, size_t bytes)
{
    struct sockaddr_un address;
    int rc = fill_address(&address, path);
    if (rc != 0)
        return rc;
    size_t name = strlen(path);
    socklen_t length = sizeof address;
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* abstract: the name is as long as the address says */
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name);
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (sendto(fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
               length) < 0)
        rc = -errno;
    mli_os_fd_close(fd);
    return rc;
}

int mli_os_socket_drain(int fd)
{
    char byte[16];
    for (int count = 0;; count++) {
        ssize_t n = recv(fd, byte, sizeof byte, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? count : -errno;
    }
}

int mli_os_socket_listen(const char *path)
{
    int fd = bind_to(path, SOCK_STREAM);
    if (fd >= 0 && listen(fd, 64) < 0) {
        int rc = -errno;
        mli_os_fd_close(fd);
        return rc;
    }
    return fd;
}

int mli_os_socket_accept(int fd)
{
    int got;
    do {
        got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

int mli_os_socket_connect(const char *path)
{
    return connect_to(path, SOCK_STREAM);
}

/* Aligned room for the control message. */
typedef union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MLI_OS_SOCKET_FDS)];
} control;

int64_t mli_os_socket_send(int fd, const void *data, size_t bytes, const int *fds, size_t fd_count,
                           bool wait)
{
    control room;
    struct iovec part = {(void *)(uintptr_t)data, bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > MLI_OS_SOCKET_FDS || bytes == 0)
        return -EINVAL;
    if (fd_count > 0) {
        memset(&room, 0, sizeof room);
        message.msg_control = &room;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    ssize_t n;
    do {
        n = sendmsg(fd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int64_t)n;
}

/* Copies received descriptors out; those beyond the caller's room are closed. */
static bool take_fds(struct msghdr *message, int *fds, size_t capacity, size_t *taken)
{
    bool fits = true;
    *taken = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(h) + i * sizeof got, sizeof got);
            if (*taken < capacity) {
                fds[(*taken)++] = got;
            } else {
                mli_os_fd_close(got);
                fits = false;
            }
        }
    }
    return fits;
}

int64_t mli_os_socket_recv(int fd, void *out, size_t capacity, int *fds, size_t *fd_count,
                           bool wait)
{
    control room;
    struct iovec part = {out, capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    size_t limit = fd_count != NULL ? *fd_count : 0, taken;
    ssize_t n;
    do {
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    bool fits = take_fds(&message, fds, limit, &taken);
    if (!fits || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        while (taken > 0)
            mli_os_fd_close(fds[--taken]);
        if (fd_count != NULL)
            *fd_count = 0;
        return -EMSGSIZE;
    }
    if (fd_count != NULL)
        *fd_count = taken;
    return (int64_t)n;
}

static int system_pair(void *user, int out[2])
{
    (void)user;
    return mli_os_socket_pair(out);
}

static int64_t system_send(void *user, int fd, const void *data, size_t bytes, const int *fds,
                           size_t fd_count, bool wait)
{
    (void)user;
    return mli_os_socket_send(fd, data, bytes, fds, fd_count, wait);
}

static int64_t system_recv(void *user, int fd, void *out, size_t capacity, int *fds,
                           size_t *fd_count, bool wait)
{
    (void)user;
    return mli_os_socket_recv(fd, out, capacity, fds, fd_count, wait);
}

static void system_close(void *user, int fd)
{
    (void)user;
    mli_os_fd_close(fd);
}

const mli_os_channels mli_os_system_channels = {.user = NULL,
                                                .pair = system_pair,
                                                .send = system_send,
                                                .recv = system_recv,
                                                .close = system_close};
