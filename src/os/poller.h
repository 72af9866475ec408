/* Waiting for many descriptors and a time behind one descriptor (epoll, timerfd), so that a host
 * with a loop of its own can poll a single one. All int results are 0 or a NEGATIVE errno. */
#ifndef MLI_OS_POLLER_H
#define MLI_OS_POLLER_H

#include <stdint.h>

#define MLI_OS_POLLER_MUST __attribute__((warn_unused_result))

typedef struct mli_os_poller {
    int fd; /* readable when something is due; -1 = not open */
    int timer_fd;
    int event_fd;
} mli_os_poller;

MLI_OS_POLLER_MUST int mli_os_poller_open(mli_os_poller *poller);
void mli_os_poller_close(mli_os_poller *poller);
/* Watches `fd` for reading (a pidfd: for its process's end) until it is removed. */
MLI_OS_POLLER_MUST int mli_os_poller_add(mli_os_poller *poller, int fd);
MLI_OS_POLLER_MUST int mli_os_poller_remove(mli_os_poller *poller, int fd);
/* Readable from this monotonic time on; INT64_MAX = never, 0 or less = at once. */
MLI_OS_POLLER_MUST int mli_os_poller_set_timer(mli_os_poller *poller, int64_t monotonic_ns);
/* Makes the poller readable until the next wait. Any thread. */
MLI_OS_POLLER_MUST int mli_os_poller_wake(mli_os_poller *poller);
/* Waits for at most `timeout_ms` (-1 = no limit). 1: something is readable, 0: nothing; EINTR
 * counts as nothing. Clears the wake and an expired timer. */
MLI_OS_POLLER_MUST int mli_os_poller_wait(mli_os_poller *poller, int64_t timeout_ms);

/* The same as a table, so that a supervisor also waits on virtual time. */
typedef struct mli_os_pollers {
    void *user;
    int (*open)(void *user, mli_os_poller *poller);
    void (*close)(void *user, mli_os_poller *poller);
    int (*add)(void *user, mli_os_poller *poller, int fd);
    int (*remove)(void *user, mli_os_poller *poller, int fd);
    int (*set_timer)(void *user, mli_os_poller *poller, int64_t monotonic_ns);
    int (*wake)(void *user, mli_os_poller *poller);
    int (*wait)(void *user, mli_os_poller *poller, int64_t timeout_ms);
} mli_os_pollers;

extern const mli_os_pollers mli_os_system_pollers;

/* Blocks SIGTERM in the calling thread (and the threads it starts) and gives a descriptor that is
 * readable when it arrives. For programs of their own, before they start threads. */
MLI_OS_POLLER_MUST int mli_os_term_fd(int *out);
#endif
