/* Starting, watching and ending single child processes. */
#include "os/process.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Copies of mapped descriptors start here, above every target, so that no dup2 overwrites a source.
 */
#define STAGING_FD (MLI_OS_SPAWN_FD_MAX + 1)

static bool is_target(const mli_os_spawn *what, int fd)
{
    for (size_t i = 0; i < what->fd_count; i++)
        if (what->fds[i].to == fd)
            return true;
    return false;
}

/* Descriptors of the child: the mapped ones, /dev/null for missing standard ones, nothing else. */
static int add_fd_actions(posix_spawn_file_actions_t *actions, const mli_os_spawn *what,
                          const int *staged)
{
    int last = 2, rc = 0;
    for (size_t i = 0; i < what->fd_count && rc == 0; i++) {
        rc = posix_spawn_file_actions_adddup2(actions, staged[i], what->fds[i].to);
        if (what->fds[i].to > last)
            last = what->fds[i].to;
    }
    for (int fd = 0; fd <= last && rc == 0; fd++) {
        if (is_target(what, fd))
            continue;
        if (fd <= 2)
            rc = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
        else
            rc = posix_spawn_file_actions_addclose(actions, fd);
    }
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, last + 1);
    return rc;
}

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t all, none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSID);
    return rc;
}

static int spawn_staged(const mli_os_spawn *what, const int *staged, int64_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    pid_t child = -1;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = add_fd_actions(&actions, what, staged);
        if (rc == 0)
            rc = set_attributes(&attr);
        /* The prototype predates const; neither array is written. */
        if (rc == 0)
            rc = posix_spawn(&child, what->program, &actions, &attr,
                             (char *const *)(uintptr_t)what->argv,
                             (char *const *)(uintptr_t)what->envp);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc == 0)
        *pid = (int64_t)child;
    return rc;
}

static int system_spawn(void *user, const mli_os_spawn *what, int64_t *pid)
{
    int staged[MLI_OS_SPAWN_FDS], rc = 0;
    size_t done = 0;
    (void)user;
    if (what->fd_count > MLI_OS_SPAWN_FDS)
        return -EINVAL;
    for (; done < what->fd_count && rc == 0; done++) {
        if (what->fds[done].to < 0 || what->fds[done].to > MLI_OS_SPAWN_FD_MAX)
            rc = EINVAL;
        else
            staged[done] = fcntl(what->fds[done].from, F_DUPFD_CLOEXEC, STAGING_FD);
        if (rc == 0 && staged[done] < 0)
            rc = errno;
        if (rc != 0)
            break;
    }
    if (rc == 0)
        rc = spawn_staged(what, staged, pid);
    while (done > 0)
        mli_os_fd_close(staged[--done]);
    return -rc;
}

static int system_pidfd(void *user, int64_t pid)
{
    (void)user;
    if (pid <= 0 || pid > INT32_MAX)
        return -EINVAL;
    long fd = syscall(SYS_pidfd_open, (pid_t)pid, 0); /* is CLOEXEC by itself */
    return fd < 0 ? -errno : (int)fd;
}

static void fill_exit(mli_os_exit *out, bool signaled, int code)
{
    out->signaled = signaled;
    out->code = code;
    out->cpu_user_ns = out->cpu_system_ns = -1;
}

static int system_peek(void *user, int64_t pid, mli_os_exit *out)
{
    siginfo_t info;
    int rc;
    (void)user;
    if (pid <= 0 || pid > INT32_MAX)
        return -EINVAL;
    memset(&info, 0, sizeof info);
    do {
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    fill_exit(out, info.si_code != CLD_EXITED, info.si_status);
    return 0;
}

static int64_t to_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

static int system_reap(void *user, int64_t pid, bool wait, mli_os_exit *out)
{
    struct rusage usage;
    int status = 0;
    pid_t got;
    (void)user;
    if (pid <= 0 || pid > INT32_MAX)
        return -EINVAL; /* 0 and below would mean "any child" */
    do {
        got = wait4((pid_t)pid, &status, wait ? 0 : WNOHANG, &usage);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    if (got == 0)
        return -EAGAIN;
    fill_exit(out, WIFSIGNALED(status),
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    out->cpu_user_ns = to_ns(usage.ru_utime);
    out->cpu_system_ns = to_ns(usage.ru_stime);
    return 0;
}

/* PIDFD_GET_INFO of newer kernels; spelled out, since the headers of this system may be older. */
struct pidfd_info_first {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_first)
#define INFO_EXIT (1ull << 3)

static int system_pidfd_exit(void *user, int pidfd, mli_os_exit *out)
{
    struct pidfd_info_first info;
    mli_os_poll_item item = {.fd = pidfd, .want_read = true};
    (void)user;
    int ready = mli_os_poll(&item, 1, 0);
    if (ready < 0)
        return ready;
    if (ready == 0)
        return -EAGAIN;
    memset(&info, 0, sizeof info);
    info.mask = INFO_EXIT;
    if (ioctl(pidfd, GET_INFO, &info) < 0)
        return errno == ENOTTY || errno == EINVAL ? -ENOSYS : -errno;
    if ((info.mask & INFO_EXIT) == 0)
        return -ENOSYS;
    int status = info.exit_code;
    fill_exit(out, WIFSIGNALED(status),
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 0;
}

static int system_signal(void *user, int pidfd, int signal_number)
{
    (void)user;
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) < 0 ? -errno : 0;
}

static int system_kill(void *user, int64_t pid, int signal_number)
{
    (void)user;
    if (pid <= 1 || pid > INT32_MAX)
        return -EINVAL;
    return kill((pid_t)pid, signal_number) < 0 ? -errno : 0;
}

static int system_kill_group(void *user, int64_t group, int signal_number)
{
    (void)user;
    if (group <= 1 || group > INT32_MAX)
        return -EINVAL; /* -1 would be everybody */
    return kill(-(pid_t)group, signal_number) < 0 ? -errno : 0;
}

static int system_identity(void *user, int64_t pid, mli_os_identity *out)
{
    (void)user;
    return mli_os_identity_of(pid, out);
}

static int system_poll(void *user, mli_os_poll_item *items, size_t count, int64_t timeout_ns)
{
    (void)user;
    return mli_os_poll(items, count, timeout_ns);
}

const mli_os_processes mli_os_system_processes = {.user = NULL,
                                                  .spawn = system_spawn,
                                                  .pidfd = system_pidfd,
                                                  .peek = system_peek,
                                                  .reap = system_reap,
                                                  .pidfd_exit = system_pidfd_exit,
                                                  .signal = system_signal,
                                                  .kill = system_kill,
                                                  .kill_group = system_kill_group,
                                                  .identity = system_identity,
                                                  .poll = system_poll};

int mli_os_pipe(int out[2])
{
    if (pipe2(out, O_CLOEXEC) == 0)
        return 0;
    out[0] = out[1] = -1;
    return -errno;
}

int mli_os_fd_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

void mli_os_block_pipe_signal(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* fails only for a wrong set */
}

int64_t mli_os_parent_pid(void)
{
    return (int64_t)getppid();
}

bool mli_os_has_pidfd(void)
{
    int fd = system_pidfd(NULL, (int64_t)getpid());
    mli_os_fd_close(fd);
    return fd >= 0;
}

uint32_t mli_os_user_id(void)
{
    return (uint32_t)geteuid();
}

int mli_os_parent_pidfd(void)
{
    pid_t parent = getppid();
    int fd = system_pidfd(NULL, (int64_t)parent);
    if (fd >= 0 && getppid() != parent) {
        mli_os_fd_close(fd);
        return -ESRCH;
    }
    return fd;
}

int mli_os_limit_set(mli_os_limit limit, uint64_t value)
{
    static const int kinds[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_AS};
    struct rlimit now;
    if ((size_t)limit >= sizeof kinds / sizeof kinds[0])
        return -EINVAL;
    if (getrlimit((__rlimit_resource_t)kinds[limit], &now) < 0)
        return -errno;
    struct rlimit want = {value, limit == MLI_OS_LIMIT_CPU_SECONDS ? now.rlim_max : value};
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        want.rlim_cur = want.rlim_max = now.rlim_max;
    return setrlimit((__rlimit_resource_t)kinds[limit], &want) < 0 ? -errno : 0;
}

uint64_t mli_os_limit_file_bytes(void)
{
    struct rlimit now;
    bool limited = getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_cur != RLIM_INFINITY;
    return limited ? now.rlim_cur : UINT64_MAX;
}
