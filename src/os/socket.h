/* Unix sockets between processes of one host: pairs, named ones, and descriptors sent across.
 * Results are 0, a count, a descriptor, or a NEGATIVE errno. CLOEXEC; no SIGPIPE. */
#ifndef MLI_OS_SOCKET_H
#define MLI_OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLI_OS_SOCKET_FDS 160
#define MLI_OS_SOCKET_MUST __attribute__((warn_unused_result))

/* Connected pair that keeps message borders (SOCK_SEQPACKET). */
MLI_OS_SOCKET_MUST int mli_os_socket_pair(int out[2]);
/* Named datagram socket for wake-ups: bind makes `path` (mode 0600; a stale one of a dead process
 * is replaced), notify sends one byte to it (-ECONNREFUSED, -ENOENT: nobody listens; a full queue
 * is success, since the listener will wake anyway). Paths longer than sun_path (107) give
 * -ENAMETOOLONG. */
MLI_OS_SOCKET_MUST int mli_os_socket_bind(const char *path);
MLI_OS_SOCKET_MUST int mli_os_socket_notify(const char *path);
/* One datagram to a socket that somebody else made; a name that begins with '@' is an abstract one.
 * Never waits: -EAGAIN when its queue is full. */
MLI_OS_SOCKET_MUST int mli_os_socket_tell(const char *path, const void *data, size_t bytes);
/* Reads and drops what has arrived; the number of messages. */
MLI_OS_SOCKET_MUST int mli_os_socket_drain(int fd);
/* Named stream socket with accept. */
MLI_OS_SOCKET_MUST int mli_os_socket_listen(const char *path);
MLI_OS_SOCKET_MUST int mli_os_socket_accept(int fd);
MLI_OS_SOCKET_MUST int mli_os_socket_connect(const char *path);
/* One message with up to MLI_OS_SOCKET_FDS descriptors. `bytes` > 0. -EAGAIN when `wait` is false
 * and it would block. recv: 0 = the other end is closed; *fd_count is capacity in, count out; a
 * message or descriptors that did not fit give -EMSGSIZE (and the descriptors are closed). */
MLI_OS_SOCKET_MUST int64_t mli_os_socket_send(int fd, const void *data, size_t bytes,
                                              const int *fds, size_t fd_count, bool wait);
MLI_OS_SOCKET_MUST int64_t mli_os_socket_recv(int fd, void *out, size_t capacity, int *fds,
                                              size_t *fd_count, bool wait);

/* socket() for a library that connects it itself, with CLOEXEC from the beginning. */
MLI_OS_SOCKET_MUST int mli_os_socket_open(int domain, int type, int protocol);

/* The calls between a supervisor and its workers as a table, so that a simulation can stand in for
 * the workers. */
typedef struct mli_os_channels {
    void *user;
    int (*pair)(void *user, int out[2]);
    int64_t (*send)(void *user, int fd, const void *data, size_t bytes, const int *fds,
                    size_t fd_count, bool wait);
    int64_t (*recv)(void *user, int fd, void *out, size_t capacity, int *fds, size_t *fd_count,
                    bool wait);
    void (*close)(void *user, int fd); /* negative is accepted */
} mli_os_channels;

extern const mli_os_channels mli_os_system_channels;

#endif
