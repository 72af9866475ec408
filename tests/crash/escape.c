/* A decoder that somebody else steers: preloaded into the worker, it stands in for libsndfile's
 * opening of the run's input and tries to get out, then goes on as if nothing had been. What to try
 * is the word behind "escape:" in MODEL_LAB_FAIL_STEP (the worker passes that on and knows no step
 * of this name). A try that succeeds ends the worker with exit code 77. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define POSSIBLE 77

__attribute__((visibility("default"))) SNDFILE *sf_open_virtual(SF_VIRTUAL_IO *io, int mode,
                                                                SF_INFO *info, void *user);

static int connect_out(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0                                                                        ? -1
           : connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != ECONNREFUSED ? -1
                                                                                         : 0;
}

static int leave(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? -1 : 0;
}

/* The descriptor of a file or folder of its run. */
static int fd_of(const char *name)
{
    const size_t bytes = strlen(name);
    for (int fd = 3; fd < 64; fd++) {
        char path[64], target[512];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target);
        if (n > (ssize_t)bytes && memcmp(target + n - bytes, name, bytes) == 0)
            return fd;
    }
    _exit(3); /* the test itself is wrong */
}

static int artifacts(void)
{
    return fd_of("/artifacts");
}

/* By its name. */
static int open_again(int fd, int flags)
{
    char path[64], target[512];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        _exit(3); /* the test itself is wrong */
    target[n] = '\0';
    return open(target, flags);
}

/* A file of the run whose id stands behind the '=' of the plan. */
static const char *of_other(const char *what, const char *file)
{
    static char path[128];
    const char *id = strchr(what, '=');
    (void)snprintf(path, sizeof path, "../../%s/%s", id != NULL ? id + 1 : "", file);
    return path;
}

#define RESULT "1-audio.json" /* that the step will write */

/* Names in the folders of runs: its own run's and another's. -2: no such word. */
static int try_names(const char *what)
{
    int at = artifacts();
    if (strcmp(what, "create") == 0)
        return openat(at, "1-more", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (strcmp(what, "nameless") == 0)
        return openat(at, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (strcmp(what, "folder") == 0)
        return mkdirat(at, "folder", 0700);
    if (strcmp(what, "remove") == 0)
        return unlinkat(at, RESULT, 0);
    if (strcmp(what, "rename") == 0)
        return renameat(at, RESULT, at, "1-other");
    if (strcmp(what, "reopen") == 0)
        return openat(at, RESULT, O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "journal") == 0)
        return openat(at, "../journal.jsonl", O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "manifest") == 0)
        return openat(at, "../manifest.json", O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "manifest_write") == 0)
        return openat(at, "../manifest.json", O_WRONLY | O_CLOEXEC);
    if (strncmp(what, "other_read=", 11) == 0)
        return openat(at, of_other(what, "journal.jsonl"), O_RDONLY | O_CLOEXEC);
    if (strncmp(what, "other_write=", 12) == 0)
        return openat(at, of_other(what, "manifest.json"), O_WRONLY | O_CLOEXEC);
    if (strncmp(what, "other_create=", 13) == 0)
        return openat(at, of_other(what, "artifacts/1-x"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (strncmp(what, "other_remove=", 13) == 0)
        return unlinkat(at, of_other(what, "lock"), 0);
    if (strncmp(what, "other_rename=", 13) == 0)
        return renameat(at, of_other(what, "manifest.json"), at, "1-stolen");
    return -2;
}

/* A process that leaves its parent's session, ignores SIGTERM and tells its number. */
static int stay_behind(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        char text[24];
        (void)setsid();
        (void)signal(SIGTERM, SIG_IGN);
        int fd = openat(artifacts(), "../../../behind.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        int n = snprintf(text, sizeof text, "%d", (int)getpid());
        /* under its name it is whole: the parent leaves as soon as it sees it */
        if (fd < 0 || write(fd, text, (size_t)n) != n ||
            renameat(artifacts(), "../../../behind.new", artifacts(), "../../../behind") != 0)
            _exit(1);
        for (int other = 3; other < 256; other++)
            (void)close(other); /* the lock of the run among them */
        for (;;)
            (void)pause();
    }
    for (int i = 0; pid > 0 && i < 2000 && faccessat(artifacts(), "../../../behind", F_OK, 0) != 0;
         i++)
        (void)usleep(1000);
    return pid < 0 ? -1 : 0;
}

static int try_to(const char *what)
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    int rc = try_names(what);
    if (rc != -2)
        return rc;
    if (strcmp(what, "open") == 0)
        return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "list") == 0)
        return open("/proc/self/../1/../../etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (strcmp(what, "store") == 0)
        return openat(artifacts(), "../../../lab.sqlite", O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "runs") == 0) /* names of other runs */
        return openat(artifacts(), "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (strcmp(what, "shorten") == 0) /* the page that its supervisor looks at */
        return ftruncate(fd_of("/page"), 0);
    if (strcmp(what, "punch") == 0)
        return fallocate(fd_of("/page"), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    if (strcmp(what, "input") == 0) /* which other runs may share */
        return open_again(fd_of("/input"), O_WRONLY | O_CLOEXEC);
    if (strcmp(what, "image") == 0) /* the cache of images lies in the lab in this test */
        return openat(artifacts(), "../../../images/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (strcmp(what, "socket") == 0)
        return connect_out();
    if (strcmp(what, "kill") == 0)
        return kill(getppid(), 0);
    if (strcmp(what, "fork") == 0)
        return leave();
    if (strcmp(what, "behind") == 0)
        return stay_behind();
    if (strcmp(what, "ptrace") == 0)
        return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    if (strcmp(what, "execve") == 0)
        return execve("/bin/true", argv, envp) < 0 ? -1 : 0;
    return -1;
}

SNDFILE *sf_open_virtual(SF_VIRTUAL_IO *io, int mode, SF_INFO *info, void *user)
{
    typedef SNDFILE *(*open_fn)(SF_VIRTUAL_IO *, int, SF_INFO *, void *);
    const char *plan = getenv("MODEL_LAB_FAIL_STEP");
    void *real = dlsym(RTLD_NEXT, "sf_open_virtual");
    open_fn go = NULL;
    if (plan != NULL && strncmp(plan, "escape:", 7) == 0 && try_to(plan + 7) >= 0)
        _exit(POSSIBLE);
    memcpy(&go, &real, sizeof go);
    return go == NULL ? NULL : go(io, mode, info, user);
}
