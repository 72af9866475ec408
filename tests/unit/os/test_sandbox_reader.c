/* A process with folders to read and none to write to: the list of system calls itself refuses what
 * writes, so that it also holds where there is no landlock (which would say EACCES). */
#include "os/sandbox.h"
#include "unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/mli-reader-XXXXXX";

static int result_of(long rc)
{
    return rc < 0 ? errno : 0;
}

static const char *path_of(const char *name)
{
    static char paths[2][128];
    static int turn;
    turn = !turn;
    (void)snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static int read_it(void)
{
    return result_of(open(path_of("data"), O_RDONLY | O_CLOEXEC));
}
static int write_it(void)
{
    return result_of(open(path_of("data"), O_WRONLY | O_CLOEXEC));
}
static int append_to_it(void)
{
    return result_of(open(path_of("data"), O_RDWR | O_APPEND | O_CLOEXEC));
}
static int truncate_it(void)
{
    return result_of(open(path_of("data"), O_RDONLY | O_TRUNC | O_CLOEXEC));
}
static int make_another(void)
{
    return result_of(open(path_of("new"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}
static int make_to_read(void)
{
    return result_of(open(path_of("empty"), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}
static int make_nameless(void)
{
    return result_of(open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}
static int rename_it(void)
{
    return result_of(rename(path_of("data"), path_of("moved")));
}
static int remove_it(void)
{
    return result_of(unlink(path_of("data")));
}
static int make_folder(void)
{
    return result_of(mkdir(path_of("folder"), 0700));
}

/* 0 when it was possible, else errno, in a child with these rights; 255: no sandbox here. */
static int try_it(int rights, int (*go)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        mli_os_sandbox_result result;
        mli_os_sandbox_folder one = {open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rights};
        mli_os_sandbox what = {.folders = &one, .folder_count = 1};
        mli_os_sandbox_enter(&what, &result);
        _exit(result.seccomp_error != 0 || result.landlock_error != 0 ? 255 : go());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_reader_writes_nothing(void **state)
{
    static int (*const tries[])(void) = {write_it,     append_to_it, truncate_it,
                                         make_another, make_to_read, make_nameless,
                                         rename_it,    remove_it,    make_folder};
    (void)state;
    if (try_it(MLI_OS_SANDBOX_READ, read_it) == 255) {
        print_message("skipped: this kernel has no landlock or no seccomp\n");
        return;
    }
    assert_int_equal(try_it(MLI_OS_SANDBOX_READ, read_it), 0);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        assert_int_equal(try_it(MLI_OS_SANDBOX_READ, tries[i]), EPERM);
}

/* With a right too many the same tries succeed. */
static void a_writer_writes(void **state)
{
    static int (*const tries[])(void) = {write_it,     append_to_it,  make_another,
                                         make_to_read, make_nameless, rename_it};
    (void)state;
    if (try_it(MLI_OS_SANDBOX_READ, read_it) == 255) {
        print_message("skipped: this kernel has no landlock or no seccomp\n");
        return;
    }
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        assert_int_equal(try_it(MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_WRITE, tries[i]), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    int fd = open(path_of("data"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "content", 7) == 7 && close(fd) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_reader_writes_nothing),
                                       cmocka_unit_test(a_writer_writes)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
