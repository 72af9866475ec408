/* Child processes: what a child sees, how its end is told, what a reused pid cannot fake. */
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define P (&mli_os_system_processes)

static int64_t start(const char *script, const mli_os_fd_map *fds, size_t count)
{
    const char *argv[] = {"sh", "-c", script, NULL},
               *envp[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};
    mli_os_spawn what = {"/bin/sh", argv, envp, fds, count};
    int64_t pid = 0;
    assert_int_equal(P->spawn(NULL, &what, &pid), 0);
    assert_true(pid > 1);
    return pid;
}

static size_t read_all(int fd, char *out, size_t capacity)
{
    size_t used = 0;
    for (ssize_t n; (n = read(fd, out + used, capacity - 1 - used)) > 0;)
        used += (size_t)n;
    out[used] = '\0';
    return used;
}

static void child_world(void **state)
{
    int pipe_fds[2], other[2];
    char text[512];
    mli_os_exit end;
    (void)state;
    /* Pipes that are not CLOEXEC, as a host may have them: they must not leak into the child. */
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(pipe(other), 0);
    assert_true(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &block, &before), 0);
    mli_os_fd_map map[] = {{pipe_fds[1], 1}, {other[0], 7}};
    int64_t pid = start("echo $ONLY; env | grep -c =; ls /proc/self/fd | tr '\\n' ' '; "
                        "grep -E 'SigBlk|SigIgn' /proc/self/status; ps -o sid= -p $$ 2>/dev/null; "
                        "exit 7",
                        map, 2);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    close(pipe_fds[1]);
    read_all(pipe_fds[0], text, sizeof text);
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    assert_false(end.signaled);
    assert_int_equal(end.code, 7);
    assert_true(end.cpu_user_ns >= 0 && end.cpu_system_ns >= 0);
    assert_true(strncmp(text, "this\n", 5) == 0);
    assert_non_null(strstr(text, "\n0 1 2 "));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    /* glibc itself ignores its two internal signals (32, 33) in what it spawns. */
    assert_true(strstr(text, "SigIgn:\t0000000000000000") != NULL ||
                strstr(text, "SigIgn:\t0000000180000000") != NULL);
    /* 7 was mapped; 3 is the listing's own descriptor of the directory; nothing between or above.
     */
    assert_null(strstr(text, " 4 "));
    assert_non_null(strstr(text, " 7 "));
    assert_null(strstr(text, " 8 "));
    close(pipe_fds[0]);
    close(other[0]);
    close(other[1]);
    signal(SIGUSR1, SIG_DFL);
}

static void overlapping_fds(void **state)
{
    int a[2], b[2];
    char text[64];
    mli_os_exit end;
    (void)state;
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    /* a's write end becomes the number of b's and the other way round */
    mli_os_fd_map map[] = {{a[1], b[1]}, {b[1], a[1]}};
    char script[128];
    snprintf(script, sizeof script, "echo to-a >&%d; echo to-b >&%d", b[1], a[1]);
    int64_t pid = start(script, map, 2);
    close(a[1]);
    close(b[1]);
    read_all(a[0], text, sizeof text);
    assert_string_equal(text, "to-a\n");
    read_all(b[0], text, sizeof text);
    assert_string_equal(text, "to-b\n");
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    close(a[0]);
    close(b[0]);
}

static void ends_are_told(void **state)
{
    mli_os_exit end, peeked;
    (void)state;
    int64_t pid = start("exec sleep 100", NULL, 0);
    int fd = P->pidfd(NULL, pid);
    assert_true(fd >= 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(P->peek(NULL, pid, &peeked), -EAGAIN);
    assert_int_equal(P->reap(NULL, pid, false, &end), -EAGAIN);
    mli_os_poll_item item = {.fd = fd, .want_read = true};
    assert_int_equal(P->poll(NULL, &item, 1, 0), 0);
    assert_int_equal(P->signal(NULL, fd, SIGTERM), 0);
    assert_int_equal(P->poll(NULL, &item, 1, -1), 1);
    assert_true(item.can_read);
    for (int i = 0; i < 2; i++) { /* a peek leaves the zombie */
        assert_int_equal(P->peek(NULL, pid, &peeked), 0);
        assert_true(peeked.signaled && peeked.code == SIGTERM);
    }
    assert_int_equal(kill((pid_t)pid, 0), 0); /* the zombie still "lives" by kill 0 ... */
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    assert_true(end.signaled && end.code == SIGTERM);
    assert_int_equal(P->reap(NULL, pid, true, &end), -ECHILD);
    assert_int_equal(P->signal(NULL, fd, SIGTERM),
                     -ESRCH); /* ... and its pidfd never hits another */
    int rc = P->pidfd_exit(NULL, fd, &end);
    assert_true(rc == 0 || rc == -ENOSYS || rc == -ESRCH);
    if (rc == 0)
        assert_true(end.signaled && end.code == SIGTERM);
    mli_os_fd_close(fd);
}

static void host_ignores_sigchld(void **state)
{
    mli_os_exit end;
    (void)state;
    assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    int64_t pid = start("exit 3", NULL, 0);
    int fd = P->pidfd(NULL, pid);
    if (fd >= 0) {
        mli_os_poll_item item = {.fd = fd, .want_read = true};
        assert_int_equal(P->poll(NULL, &item, 1, 60000000000), 1);
        mli_os_fd_close(fd);
    }
    assert_int_equal(P->reap(NULL, pid, true, &end), -ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void groups(void **state)
{
    mli_os_exit end;
    int out[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(out), 0);
    mli_os_fd_map map = {out[1], 1};
    /* A grandchild holds the pipe open: only killing the whole group closes it. */
    int64_t pid = start("sleep 100 & echo x; wait", &map, 1);
    close(out[1]);
    assert_int_equal(read(out[0], &byte, 1), 1);
    assert_int_equal(P->kill_group(NULL, pid, SIGKILL), 0);
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    assert_true(end.signaled && end.code == SIGKILL);
    while (read(out[0], &byte, 1) == 1)
        continue;
    close(out[0]);
    assert_int_equal(P->kill_group(NULL, 1, SIGKILL), -EINVAL);
    assert_int_equal(P->kill_group(NULL, -1, SIGKILL), -EINVAL);
    assert_int_equal(P->kill(NULL, 0, SIGKILL), -EINVAL);
    assert_int_equal(P->reap(NULL, -1, true, &end), -EINVAL);
    assert_int_equal(P->reap(NULL, 0, true, &end), -EINVAL);
}

static void *stay(void *arg)
{
    (void)pause();
    return arg;
}

/* A host's first thread may end while others go on: /proc shows a zombie, and it lives. */
static void a_process_without_its_first_thread_lives(void **state)
{
    mli_os_identity child;
    mli_os_exit end;
    char path[64], text[256] = "";
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, stay, NULL) != 0)
            _exit(1);
        pthread_exit(NULL);
    }
    assert_true(pid > 0);
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 60000 && strstr(text, ") Z ") == NULL; i++) {
        assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 1000000), 0);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        text[read_all(fd, text, sizeof text)] = '\0';
        (void)close(fd);
    }
    assert_non_null(strstr(text, ") Z "));
    assert_int_equal(P->identity(NULL, pid, &child), 0);
    assert_int_equal(P->kill(NULL, pid, SIGKILL), 0);
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    assert_int_equal(P->identity(NULL, pid, &child), -ESRCH);
}

static void identities(void **state)
{
    mli_os_identity self, again, child, other;
    mli_os_exit end;
    (void)state;
    assert_int_equal(P->identity(NULL, 0, &self), 0);
    assert_int_equal(P->identity(NULL, (int64_t)getpid(), &again), 0);
    assert_true(mli_os_identity_equal(&self, &again));
    assert_int_equal(strlen(self.boot_id), 36);
    /* A later process has other ticks: the same pid with those is another process. */
    assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 30000000), 0);
    int64_t pid = start("exec sleep 100", NULL, 0);
    assert_int_equal(P->identity(NULL, pid, &child), 0);
    assert_true(child.start_ticks > self.start_ticks);
    other = child;
    other.start_ticks++;
    assert_false(mli_os_identity_equal(&child, &other));
    assert_int_equal(P->kill(NULL, pid, SIGKILL), 0);
    while (P->peek(NULL, pid, &end) != 0) {
        assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 1000000), 0);
    }
    assert_int_equal(P->kill(NULL, pid, 0), 0);               /* its number is still taken */
    assert_int_equal(P->identity(NULL, pid, &other), -ESRCH); /* by nobody */
    assert_int_equal(P->reap(NULL, pid, true, &end), 0);
    assert_int_equal(P->identity(NULL, pid, &other), -ESRCH);
    int parent = mli_os_parent_pidfd();
    assert_true(parent >= 0);
    mli_os_fd_close(parent);
}

static void spawn_fails_cleanly(void **state)
{
    const char *argv[] = {"x", NULL}, *envp[] = {NULL};
    mli_os_spawn what = {"/nonexistent/program", argv, envp, NULL, 0};
    int64_t pid = 77;
    (void)state;
    int probe = dup(0);
    close(probe);
    assert_int_equal(P->spawn(NULL, &what, &pid), -ENOENT);
    assert_true(pid == 77);
    mli_os_fd_map bad = {9999, 4};
    what.program = "/bin/true";
    what.fds = &bad;
    what.fd_count = 1;
    assert_int_equal(P->spawn(NULL, &what, &pid), -EBADF);
    int after = dup(0);
    assert_int_equal(after, probe); /* nothing leaked */
    close(after);
}

static void *set_later(void *arg)
{
    mli_os_event_set(*(int *)arg);
    return NULL;
}

static void events(void **state)
{
    mli_os_thread thread;
    (void)state;
    int event = mli_os_event_create();
    assert_true(event >= 0);
    mli_os_poll_item item = {.fd = event, .want_read = true};
    assert_int_equal(mli_os_poll(&item, 1, 0), 0);
    assert_int_equal(mli_os_thread_start(&thread, 0, set_later, &event), 0);
    assert_int_equal(mli_os_poll(&item, 1, -1), 1);
    mli_os_thread_join(thread);
    mli_os_event_set(event);
    mli_os_event_clear(event);
    assert_int_equal(mli_os_poll(&item, 1, 0), 0);
    mli_os_event_clear(event); /* clearing a clear one does not block */
    assert_int_equal(mli_os_fd_cloexec(event, false), 0);
    assert_int_equal(fcntl(event, F_GETFD), 0);
    mli_os_fd_close(event);
    mli_os_fd_close(-1);
}

static void limits(void **state)
{
    struct rlimit now;
    (void)state;
    assert_int_equal(mli_os_limit_set(MLI_OS_LIMIT_CORE_BYTES, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
    assert_true(now.rlim_cur == 0 && now.rlim_max == 0);
    /* Raising above the hard limit keeps the hard limit instead of failing. */
    assert_int_equal(mli_os_limit_set(MLI_OS_LIMIT_CORE_BYTES, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(child_world),
                                       cmocka_unit_test(overlapping_fds),
                                       cmocka_unit_test(ends_are_told),
                                       cmocka_unit_test(host_ignores_sigchld),
                                       cmocka_unit_test(groups),
                                       cmocka_unit_test(identities),
                                       cmocka_unit_test(a_process_without_its_first_thread_lives),
                                       cmocka_unit_test(events),
                                       cmocka_unit_test(spawn_fails_cleanly),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
