/* Child processes as a table, so that supervision runs against simulated processes in tests.
 * Results are 0, a descriptor, or a NEGATIVE errno. Nothing here waits for any child but the named
 * one, installs handlers or forks without exec. */
#ifndef MLI_OS_PROCESS_H
#define MLI_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLI_OS_MUST_CHECK __attribute__((warn_unused_result))

/* Descriptor `from` of this process becomes `to` of the child; also when the numbers overlap. */
typedef struct mli_os_fd_map {
    int from, to;
} mli_os_fd_map;

/* The child gets exactly these arguments, this environment and these descriptors (0, 1, 2 are
 * /dev/null unless mapped), default signal dispositions, an empty signal mask and a session of its
 * own. */
typedef struct mli_os_spawn {
    const char *program;                   /* path */
    const char *const *argv, *const *envp; /* NULL-terminated */
    const mli_os_fd_map *fds;
    size_t fd_count; /* at most MLI_OS_SPAWN_FDS */
} mli_os_spawn;

#define MLI_OS_SPAWN_FDS 32
#define MLI_OS_SPAWN_FD_MAX 255 /* largest `to` */

typedef struct mli_os_exit {
    bool signaled;
    int code;                           /* exit code, or signal number when signaled */
    int64_t cpu_user_ns, cpu_system_ns; /* -1 when not known */
} mli_os_exit;

/* Names one process for as long as the machine runs: a pid alone comes back. */
typedef struct mli_os_identity {
    int64_t pid;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat */
    char boot_id[40];
} mli_os_identity;

typedef struct mli_os_poll_item {
    int fd; /* negative: ignored */
    bool want_read, want_write;
    bool can_read, can_write, closed; /* set by the call; closed: hang-up or error */
} mli_os_poll_item;

typedef struct mli_os_processes {
    void *user;
    int (*spawn)(void *user, const mli_os_spawn *what, int64_t *pid);
    /* Readable once the process has exited, child or not. -ENOSYS: this kernel has none. */
    int (*pidfd)(void *user, int64_t pid);
    /* Own child: 0 when it has exited (it stays a zombie), -EAGAIN while it runs, -ECHILD when it
     * is no child of ours or its status was thrown away (a host that ignores SIGCHLD). No CPU
     * times. */
    int (*peek)(void *user, int64_t pid, mli_os_exit *out);
    /* The same, but the zombie is gone afterwards and CPU times are known. */
    int (*reap)(void *user, int64_t pid, bool wait, mli_os_exit *out);
    /* Exit of any process by its pidfd after the fact; -ENOSYS where the kernel cannot tell,
     * -EAGAIN while it runs. */
    int (*pidfd_exit)(void *user, int pidfd, mli_os_exit *out);
    int (*signal)(void *user, int pidfd, int signal_number); /* never hits a reused pid */
    int (*kill)(void *user, int64_t pid, int signal_number);
    int (*kill_group)(void *user, int64_t group, int signal_number);
    /* -ESRCH: there is none, or it is a zombie; pid 0 = self. */
    int (*identity)(void *user, int64_t pid, mli_os_identity *out);
    /* Number of ready items; timeout < 0 = none. Returns early with 0 after a signal. */
    int (*poll)(void *user, mli_os_poll_item *items, size_t count, int64_t timeout_ns);
} mli_os_processes;

extern const mli_os_processes mli_os_system_processes;

/* The system's `identity`. */
MLI_OS_MUST_CHECK int mli_os_identity_of(int64_t pid, mli_os_identity *out);
/* true when `now` is the very process that `then` named. */
bool mli_os_identity_equal(const mli_os_identity *then, const mli_os_identity *now);
int64_t mli_os_parent_pid(void);
/* Of the process, as files see it. */
uint32_t mli_os_user_id(void);
/* true when this kernel has pidfds. */
bool mli_os_has_pidfd(void);
/* pidfd of the parent, checked against a parent that died in between (-ESRCH). */
MLI_OS_MUST_CHECK int mli_os_parent_pidfd(void);
/* poll() alone, on the system. */
MLI_OS_MUST_CHECK int mli_os_poll(mli_os_poll_item *items, size_t count, int64_t timeout_ns);

/* Wake-up descriptor: set makes it readable (any thread, also async-signal-safe), clear takes it
 * back. */
MLI_OS_MUST_CHECK int mli_os_event_create(void);
void mli_os_event_set(int event);
void mli_os_event_clear(int event);
/* A pipe, close-on-exec: out[0] reads, out[1] writes. */
MLI_OS_MUST_CHECK int mli_os_pipe(int out[2]);
/* Reads and writes of this descriptor never wait. */
MLI_OS_MUST_CHECK int mli_os_fd_nonblocking(int fd);
/* A write to a pipe that nobody reads fails in this thread, and those that it starts, instead of
 * ending the process. For programs of their own. */
void mli_os_block_pipe_signal(void);
/* Plain close for descriptors that are no files (events, pidfds, sockets); negative is accepted. */
void mli_os_fd_close(int fd);
/* Sets or clears FD_CLOEXEC (a worker does so on what it inherited). */
MLI_OS_MUST_CHECK int mli_os_fd_cloexec(int fd, bool on);

/* Limits of this process, for programs that own it (the worker). Sets soft and hard limit; a hard
 * limit that is lower already stays. CPU: the soft one alone, whose SIGXCPU ends the process and
 * which can be moved for a next run. */
typedef enum mli_os_limit {
    MLI_OS_LIMIT_CPU_SECONDS,
    MLI_OS_LIMIT_FILE_BYTES,
    MLI_OS_LIMIT_OPEN_FILES,
    MLI_OS_LIMIT_CORE_BYTES,
    MLI_OS_LIMIT_ADDRESS_BYTES
} mli_os_limit;
MLI_OS_MUST_CHECK int mli_os_limit_set(mli_os_limit limit, uint64_t value);
/* Most bytes that a file of this process may get (the soft limit); UINT64_MAX = no limit. */
uint64_t mli_os_limit_file_bytes(void);

#endif
