/* Counting and planted bugs of the hostile host. */
#include "crash/hostile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const unsigned char hostile_wav[60] = {
    'R', 'I', 'F', 'F', 52, 0,  0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16,  0,   0,   0,
    1,   0,   1,   0,   64, 31, 0, 0, 128, 62,  0,   0,   2,   0,   16,  0,   'd', 'a', 't', 'a',
    16,  0,   0,   0,   1,  0,  2, 0, 3,   0,   4,   0,   5,   0,   6,   0,   7,   0,   8,   0};

static size_t entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

hostile_census hostile_count(void)
{
    return (hostile_census){entries("/proc/self/fd"), entries("/proc/self/task")};
}

bool hostile_same(const hostile_census *a, const hostile_census *b)
{
    return a->fds == b->fds && a->threads == b->threads;
}

/* Only what the worker needs to begin, or to hang. */
static int fork_and_exec(const mli_os_spawn *what, int64_t *pid)
{
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < what->fd_count; i++) {
            (void)dup2(what->fds[i].from, what->fds[i].to);
        }
        (void)execve(what->program, (char *const *)(uintptr_t)what->argv,
                     (char *const *)(uintptr_t)what->envp);
        _exit(127);
    }
    *pid = child;
    return child < 0 ? -errno : 0;
}

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int timed_spawn(void *user, const mli_os_spawn *what, int64_t *pid)
{
    hostile_tables *t = user;
    double start = now_ms();
    int rc = t->forks ? fork_and_exec(what, pid) : mli_os_system_processes.spawn(NULL, what, pid);
    if (t->count < sizeof(t->spawn_ms) / sizeof(t->spawn_ms[0])) {
        t->spawn_ms[t->count++] = now_ms() - start;
    }
    if (t->leaks) {
        (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    return rc;
}

static int peek_wrongly(void *user, int64_t pid, mli_os_exit *out)
{
    (void)user;
    int rc = mli_os_system_processes.peek(NULL, pid, out);
    return rc == -ECHILD ? -EAGAIN : rc;
}

mli_lab_tables hostile_plant(hostile_tables *t, const char *plant)
{
    memset(t, 0, sizeof(*t));
    t->processes = mli_os_system_processes; /* its functions do not look at `user` */
    t->processes.user = t;
    t->processes.spawn = timed_spawn;
    t->leaks = strcmp(plant, "leaks") == 0;
    t->forks = strcmp(plant, "forks") == 0;
    if (strcmp(plant, "echild-runs") == 0) {
        t->processes.peek = peek_wrongly;
    }
    return (mli_lab_tables){.processes = &t->processes};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double hostile_spawn_ms(hostile_tables *t, int percentile)
{
    if (t->count == 0) {
        return 0;
    }
    qsort(t->spawn_ms, t->count, sizeof(double), by_value);
    return t->spawn_ms[(t->count - 1) * (size_t)percentile / 100];
}
