/* The sandbox, tried from inside: children confine themselves and then really do what must not be
 * possible. A hole (a right too many) must be found by the same tries. */
#include "os/memory.h"
#include "os/sandbox.h"
#include "unit/unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

typedef struct place {
    char own[64], foreign[64], given[64]; /* folders: writable, not given, readable */
    pid_t stranger;
} place;

/* A try: 0 when it was possible, else errno. */
typedef int (*try_fn)(const place *at);

static int result_of(long rc)
{
    return rc < 0 ? errno : 0;
}

static int open_at(const char *folder, const char *name, int flags)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return result_of(open(path, flags | O_CLOEXEC, 0600));
}

static int read_foreign(const place *at)
{
    return open_at(at->foreign, "secret", O_RDONLY);
}
static int read_passwd(const place *at)
{
    (void)at;
    return result_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int climb_out(const place *at)
{
    return open_at(at->own, "../../etc/passwd", O_RDONLY);
}
static int follow_link(const place *at) /* a link that stood there before, to the outside */
{
    return open_at(at->own, "link", O_RDONLY);
}
static int write_foreign(const place *at)
{
    return open_at(at->foreign, "new", O_WRONLY | O_CREAT);
}
static int write_given(const place *at)
{
    return open_at(at->given, "data", O_WRONLY);
}
static int truncate_given(const place *at)
{
    return open_at(at->given, "data", O_RDONLY | O_TRUNC);
}
static int list_own(const place *at) /* names that were not given */
{
    return result_of(open(at->own, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static int remove_foreign(const place *at)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secret", at->foreign);
    return result_of(unlink(path));
}
static int move_out(const place *at)
{
    char from[128], to[128];
    (void)snprintf(from, sizeof from, "%s/data", at->own);
    (void)snprintf(to, sizeof to, "%s/data", at->foreign);
    return result_of(rename(from, to));
}
static int read_memory_of_stranger(const place *at)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)at->stranger);
    return result_of(open(path, O_RDONLY | O_CLOEXEC));
}
static int make_link(const place *at)
{
    char from[128], to[128];
    (void)snprintf(from, sizeof from, "%s/secret", at->foreign);
    (void)snprintf(to, sizeof to, "%s/stolen", at->own);
    return result_of(link(from, to));
}
static int tcp(const place *at)
{
    (void)at;
    return result_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static int udp(const place *at)
{
    (void)at;
    return result_of(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}
static int local(const place *at)
{
    (void)at;
    return result_of(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static int run_program(const place *at)
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    (void)at;
    return result_of(execve("/bin/true", argv, envp));
}
static int trace(const place *at)
{
    return result_of(ptrace(PTRACE_ATTACH, at->stranger, NULL, NULL));
}
static int be_traced(const place *at)
{
    (void)at;
    return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int peek(const place *at)
{
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    return result_of(process_vm_readv(at->stranger, &here, 1, &there, 1, 0));
}
static int kill_stranger(const place *at)
{
    return result_of(kill(at->stranger, SIGTERM));
}
static int kill_group(const place *at)
{
    (void)at;
    return result_of(kill(0, SIGCONT));
}
static int kill_by_pidfd(const place *at)
{
    int fd = (int)syscall(SYS_pidfd_open, at->stranger, 0);
    return result_of(fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
}
static int fork_off(const place *at)
{
    (void)at;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result_of(pid);
}
static int new_user_space(const place *at)
{
    (void)at;
    return result_of(unshare(CLONE_NEWUSER));
}
static int leave_group(const place *at)
{
    (void)at;
    return result_of(setsid());
}
static int code_pages(const place *at)
{
    (void)at;
    void *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? errno : 0;
}
static int be_dumpable(const place *at)
{
    (void)at;
    return result_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int raise_nothing(const place *at) /* what no library knows: as on an older kernel */
{
    (void)at;
    return result_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int shorten(const place *at)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data", at->own);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? 0 : result_of(ftruncate(fd, 7)); /* as long as it is: leaves it as it was */
}

static int punch(const place *at)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data", at->own);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? 0 : result_of(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1));
}

/* Also as root. */
static int write_finished(const place *at)
{
    return open_at(at->own, "finished", O_WRONLY);
}

typedef struct attempt {
    const char *name;
    try_fn go;
    bool sanitizer_may; /* its runtime needs the call itself */
} attempt;

static const attempt attempts[] = {
    {"read a foreign file", read_foreign, false},
    {"read /etc/passwd", read_passwd, false},
    {"climb out by ..", climb_out, false},
    {"follow a link to the outside", follow_link, false},
    {"write a foreign file", write_foreign, false},
    {"write to a model", write_given, false},
    {"truncate a model", truncate_given, false},
    {"list a folder of unlisted files", list_own, false},
    {"remove a foreign file", remove_foreign, false},
    {"move a file out", move_out, false},
    {"link a foreign file", make_link, false},
    {"open a stranger's memory", read_memory_of_stranger, false},
    {"make a TCP socket", tcp, false},
    {"make a UDP socket", udp, false},
    {"make a local socket", local, false},
    {"run a program", run_program, false},
    {"trace a stranger", trace, true},
    {"be traced", be_traced, true},
    {"read a stranger's memory", peek, false},
    {"kill a stranger", kill_stranger, true},
    {"signal its group", kill_group, true},
    {"kill a stranger by descriptor", kill_by_pidfd, false},
    {"fork", fork_off, true},
    {"make a user namespace", new_user_space, false},
    {"leave its group", leave_group, false},
    {"map writable code", code_pages, true},
    {"shorten a file", shorten, true},
    {"give up the place of a file", punch, true},
    {"write to a finished file", write_finished, false},
    {"become dumpable", be_dumpable, true},
    {"make an io_uring", raise_nothing, true},
};

enum { POSSIBLE = 77, REFUSED = 0, SET_UP_FAILED = 3 };

static void confine(const place *at, const mli_os_sandbox *base, mli_os_sandbox_result *result)
{
    mli_os_sandbox what = *base;
    mli_os_sandbox_folder folders[4] = {
        {open(at->own, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
         MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_WRITE},
        {open(at->given, O_RDONLY | O_DIRECTORY | O_CLOEXEC), MLI_OS_SANDBOX_READ}};
    what.folder_count = 2;
    for (size_t i = 0; i < base->folder_count; i++)
        folders[what.folder_count++] = base->folders[i];
    what.folders = folders;
    mli_os_sandbox_enter(&what, result);
}

/* Exit code of a child that confines itself and does this; 0 also when the kernel ended it. */
static int in_a_child(const place *at, const mli_os_sandbox *base, try_fn go)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        mli_os_sandbox_result result;
        confine(at, base, &result);
        if (result.level == MLI_OS_SANDBOX_NONE)
            _exit(SET_UP_FAILED);
        _exit(go(at) == 0 ? POSSIBLE : REFUSED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? REFUSED : 128 + WTERMSIG(status);
    return go == run_program && WEXITSTATUS(status) == 0 ? POSSIBLE : WEXITSTATUS(status);
}

/* How many of the tries succeeded; each is said. */
static size_t holes(const place *at, const mli_os_sandbox *base, bool say)
{
    size_t found = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (SANITIZED && attempts[i].sanitizer_may)
            continue;
        int code = in_a_child(at, base, attempts[i].go);
        if (code != REFUSED) {
            found++;
            if (say)
                print_message("possible: %s (%d)\n", attempts[i].name, code);
        }
    }
    return found;
}

static void make_file(const char *folder, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "content", 7), 7);
    assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
    static place at;
    char path[128];
    int gate[2];
    (void)snprintf(at.own, sizeof at.own, "/tmp/mli-own-XXXXXX");
    (void)snprintf(at.foreign, sizeof at.foreign, "/tmp/mli-foreign-XXXXXX");
    (void)snprintf(at.given, sizeof at.given, "/tmp/mli-given-XXXXXX");
    if (mkdtemp(at.own) == NULL || mkdtemp(at.foreign) == NULL || mkdtemp(at.given) == NULL ||
        pipe2(gate, O_CLOEXEC) != 0)
        return -1;
    make_file(at.own, "data");
    make_file(at.own, "finished");
    (void)snprintf(path, sizeof path, "%s/finished", at.own);
    if (chmod(path, 0400) != 0)
        return -1;
    make_file(at.foreign, "secret");
    make_file(at.given, "data");
    (void)snprintf(path, sizeof path, "%s/link", at.own);
    if (symlink("/etc/passwd", path) != 0)
        return -1;
    at.stranger = fork();
    if (at.stranger == 0) { /* lives until the test closes its end */
        char byte;
        (void)signal(SIGTERM, SIG_IGN);
        (void)close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(gate[0]);
    *state = &at; /* gate[1] stays open until the end of the process */
    return at.stranger > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    const place *at = *state;
    char command[256];
    int status = 0;
    (void)kill(at->stranger, SIGKILL);
    (void)waitpid(at->stranger, &status, 0);
    (void)snprintf(command, sizeof command, "rm -rf %s %s %s", at->own, at->foreign, at->given);
    return system(command) == 0 ? 0 : -1;
}

static bool full_here(void **state)
{
    mli_os_sandbox none = {0};
    const place *at = *state;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        mli_os_sandbox_result result;
        confine(at, &none, &result);
        _exit((int)result.level);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    int level = WEXITSTATUS(status);
    print_message("level reached here: %s\n",
                  mli_os_sandbox_level_name((mli_os_sandbox_level)level));
    return level == MLI_OS_SANDBOX_FULL || (SANITIZED && level == MLI_OS_SANDBOX_LANDLOCK);
}

static void nothing_gets_out(void **state)
{
    mli_os_sandbox none = {0}, messages = {.messages = true};
    if (!full_here(state)) {
        print_message("skipped: this kernel has no landlock or no seccomp\n");
        return;
    }
    assert_int_equal(holes(*state, &none, true), 0);
    assert_int_equal(holes(*state, &messages, true), 0);
}

/* Each right too many is found by the same tries. */
static void planted_holes_are_found(void **state)
{
    if (!full_here(state)) {
        print_message("skipped: this kernel has no landlock or no seccomp\n");
        return;
    }
    mli_os_sandbox sockets = {.network = true};
    assert_int_equal(holes(*state, &sockets, false), 3);
    mli_os_sandbox_folder root = {open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                  MLI_OS_SANDBOX_READ};
    mli_os_sandbox paths = {.folders = &root, .folder_count = 1};
    assert_true(holes(*state, &paths, false) >= 4);
    (void)close(root.fd);
}

static void *in_a_thread(void *arg)
{
    struct timespec nap = {0, 1000000};
    (void)nanosleep(&nap, NULL);
    return arg;
}

/* What a worker does all the time. */
static int ordinary_work(const place *at)
{
    pthread_t thread;
    char path[128], text[64];
    void *back = NULL;
    (void)snprintf(path, sizeof path, "%s/result.tmp", at->own);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "result", 6) != 6 || fsync(fd) != 0 || pread(fd, text, 6, 0) != 6 ||
        close(fd) != 0)
        return 1;
    char to[128];
    (void)snprintf(to, sizeof to, "%s/result", at->own);
    if (rename(path, to) != 0 || unlink(to) != 0)
        return 2;
    if (open_at(at->given, "data", O_RDONLY) != 0 || open_at(at->own, "finished", O_RDONLY) != 0)
        return 4;
    if (open_at(at->given, "absent", O_RDONLY) != ENOENT)
        return 5; /* not "permission denied": texts say that a model is missing */
    if (pthread_create(&thread, NULL, in_a_thread, text) != 0 || pthread_join(thread, &back) != 0 ||
        back != text)
        return 6;
    void *pages = NULL;
    if (mli_os_pages_map((size_t)8 << 20, &pages) != 0)
        return 7;
    memset(pages, 1, (size_t)8 << 20);
    mli_os_pages_unmap(pages, (size_t)8 << 20);
    if (kill(getpid(), 0) != 0 || signal(SIGUSR1, SIG_IGN) == SIG_ERR || raise(SIGUSR1) != 0)
        return 9;
    return 0;
}

static int ordinary(const place *at)
{
    int wrong = ordinary_work(at);
    _exit(wrong == 0 ? 50 : wrong);
}

static void ordinary_work_goes_on(void **state)
{
    mli_os_sandbox none = {0};
    assert_int_equal(in_a_child(*state, &none, ordinary), 50);
}

/* Descriptors from before still tell and reset the process's own memory figures. */
static void own_memory_can_be_measured(void **state)
{
    const place *at = *state;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char text[4096] = "";
        mli_os_sandbox none = {0};
        mli_os_sandbox_result result;
        int status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        int clear_fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
        confine(at, &none, &result);
        for (int i = 0; i < 3; i++) {
            ssize_t n = pread(status_fd, text, sizeof text - 1, 0);
            if (n <= 0 || strstr(text, "VmHWM:") == NULL)
                _exit(1);
        }
        if (clear_fd < 0 || write(clear_fd, "5", 1) != 1)
            _exit(2);
        _exit(prctl(PR_GET_DUMPABLE) == (SANITIZED ? 1 : 0) ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gets_out), cmocka_unit_test(planted_holes_are_found),
        cmocka_unit_test(ordinary_work_goes_on), cmocka_unit_test(own_memory_can_be_measured)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
