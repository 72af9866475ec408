/* Files: whole writes, atomic replacement under every single failure, trees, paths. */
#include "os/file.h"
#include "unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define F (&mli_os_system_files)

static char root[256];

static const char *in_root(const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    assert_true(snprintf(path[turn], sizeof path[turn], "%s/%s", root, name) > 0);
    return path[turn];
}

/* The system's operations, but the one number `fail_at` says ENOSPC; writes are cut to 3 bytes. */
typedef struct faulty {
    int calls, fail_at;
    bool sync_skipped;
} faulty;

static bool fails(void *user)
{
    faulty *f = user;
    return f->calls++ == f->fail_at;
}

static int faulty_open(void *u, const char *path, int flags, uint32_t mode)
{
    return fails(u) ? -ENOSPC : F->open(NULL, path, flags, mode);
}
static int64_t faulty_write(void *u, int fd, const void *data, size_t bytes)
{
    return fails(u) ? -ENOSPC : F->write(NULL, fd, data, bytes > 3 ? 3 : bytes);
}
static int faulty_sync(void *u, int fd)
{
    return fails(u) ? -EIO : F->sync(NULL, fd);
}
static int faulty_close(void *u, int fd)
{
    int rc = F->close(NULL, fd);
    return fails(u) ? -EIO : rc;
}
static int faulty_rename(void *u, const char *from, const char *to)
{
    return fails(u) ? -ENOSPC : F->rename(NULL, from, to);
}
static int faulty_unlink(void *u, const char *path)
{
    (void)u;
    return F->unlink(NULL, path);
}

static mli_os_files faulty_table(faulty *f)
{
    mli_os_files t = mli_os_system_files;
    t.user = f;
    t.open = faulty_open;
    t.write = faulty_write;
    t.sync = faulty_sync;
    t.close = faulty_close;
    t.rename = faulty_rename;
    t.unlink = faulty_unlink;
    return t;
}

static void read_text(const char *path, char *out, size_t capacity)
{
    int fd = F->open(NULL, path, MLI_OS_READ, 0);
    assert_true(fd >= 0);
    int64_t n = F->read(NULL, fd, out, capacity - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    assert_int_equal(F->close(NULL, fd), 0);
}

static int count_entry(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
    return 0;
}

static void replace_is_atomic(void **state)
{
    const char *path = in_root("doc");
    char text[64];
    (void)state;
    assert_int_equal(mli_os_replace_file(F, path, "old content", 11, 0600), 0);
    int n = 0, rc = -1;
    for (; rc != 0 && n < 100; n++) {
        faulty f = {.fail_at = n};
        mli_os_files t = faulty_table(&f);
        rc = mli_os_replace_file(&t, path, "new content!", 12, 0600);
        read_text(path, text, sizeof text);
        /* Old or new, never anything between; what is reported as done is done. */
        assert_true(strcmp(text, "old content") == 0 || strcmp(text, "new content!") == 0);
        if (rc == 0)
            assert_string_equal(text, "new content!");
    }
    assert_true(n > 8);
    int entries = 0;
    assert_int_equal(F->list(NULL, root, count_entry, &entries), 0);
    assert_int_equal(entries, 1); /* no temporary was left behind */
}

static void open_modes(void **state)
{
    const char *path = in_root("modes");
    char text[32];
    (void)state;
    assert_int_equal(F->open(NULL, path, MLI_OS_READ, 0), -ENOENT);
    int fd = F->open(NULL, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600);
    assert_true(fd >= 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(mli_os_write_all(F, fd, "one", 3), 0);
    assert_int_equal(F->close(NULL, fd), 0);
    assert_int_equal(F->open(NULL, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600),
                     -EEXIST);
    fd = F->open(NULL, path, MLI_OS_APPEND, 0);
    assert_int_equal(mli_os_write_all(F, fd, "two", 3), 0);
    assert_int_equal(F->close(NULL, fd), 0);
    read_text(path, text, sizeof text);
    assert_string_equal(text, "onetwo");
    fd = F->open(NULL, path, MLI_OS_READ, 0);
    assert_int_equal(mli_os_read_all(F, fd, text, 6), 0);
    assert_int_equal(mli_os_read_all(F, fd, text, 1), -ENODATA);
    assert_int_equal(F->close(NULL, fd), 0);
    assert_int_equal(symlink("modes", in_root("link")), 0);
    assert_int_equal(F->open(NULL, in_root("link"), MLI_OS_READ | MLI_OS_NOFOLLOW, 0), -ELOOP);
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    fd = F->open(NULL, in_root("fifo"), MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    mli_os_stat st;
    assert_int_equal(F->fstat(NULL, fd, &st), 0);
    assert_int_equal(st.kind, MLI_OS_FIFO);
    assert_int_equal(F->close(NULL, fd), 0);
}

static void locks_exclude(void **state)
{
    const char *path = in_root("lock");
    (void)state;
    int a = F->open(NULL, path, MLI_OS_WRITE | MLI_OS_CREATE, 0600);
    int b = F->open(NULL, path, MLI_OS_WRITE, 0);
    assert_int_equal(F->lock(NULL, a, false), 0);
    assert_int_equal(F->lock(NULL, b, false), -EWOULDBLOCK);
    assert_int_equal(F->unlock(NULL, a), 0);
    assert_int_equal(F->lock(NULL, b, false), 0);
    assert_int_equal(F->close(NULL, a), 0);
    assert_int_equal(F->close(NULL, b), 0);
}

static void trees(void **state)
{
    mli_os_stat st;
    (void)state;
    assert_int_equal(mli_os_make_dirs(F, in_root("tree//a/b/"), 0700), 0);
    assert_int_equal(mli_os_make_dirs(F, in_root("tree/a/b"), 0700), 0);
    assert_int_equal(mli_os_make_dirs(F, in_root("doc/x"), 0700), -ENOTDIR);
    assert_int_equal(mli_os_replace_file(F, in_root("tree/a/b/f"), "x", 1, 0600), 0);
    assert_int_equal(mli_os_replace_file(F, in_root("outside"), "x", 1, 0600), 0);
    assert_int_equal(symlink("../outside", in_root("tree/link")), 0);
    assert_int_equal(symlink(root, in_root("tree/dirlink")), 0);
    assert_int_equal(mli_os_remove_tree(F, in_root("tree")), 0);
    assert_int_equal(F->stat(NULL, in_root("tree"), true, &st), -ENOENT);
    assert_int_equal(F->stat(NULL, in_root("outside"), true, &st), 0); /* links are not followed */
    assert_int_equal(mli_os_remove_tree(F, in_root("tree")), 0);
}

static void paths(void **state)
{
    char out[512], small[4], cwd[512];
    bool network = true;
    (void)state;
    assert_int_equal(mli_os_absolute("/a/./b//../c/", out, sizeof out), 0);
    assert_string_equal(out, "/a/c");
    assert_int_equal(mli_os_absolute("/../..", out, sizeof out), 0);
    assert_string_equal(out, "/");
    assert_non_null(getcwd(cwd, sizeof cwd - 8));
    assert_int_equal(mli_os_absolute("x", out, sizeof out), 0);
    assert_string_equal(out, strcat(cwd, "/x"));
    assert_int_equal(mli_os_absolute("/abcdef", small, sizeof small), -ENAMETOOLONG);
    assert_int_equal(mli_os_absolute("", out, sizeof out), -ENOENT);
    assert_int_equal(mli_os_self_dir(out, sizeof out), 0);
    assert_true(out[0] == '/');
    assert_int_equal(access(strcat(out, "/test_os_file"), X_OK), 0);
    assert_int_equal(mli_os_home(out, sizeof out), 0);
    assert_true(out[0] == '/');
    assert_int_equal(mli_os_is_network("/proc", &network), 0);
    assert_false(network);
    int64_t free_bytes = -1, total = -1;
    assert_int_equal(F->free_bytes(NULL, root, &free_bytes, &total), 0);
    assert_true(free_bytes >= 0 && total >= free_bytes);
}

static int set_up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/os_file.XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return mli_os_remove_tree(F, root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_is_atomic), cmocka_unit_test(open_modes),
        cmocka_unit_test(locks_exclude), cmocka_unit_test(trees), cmocka_unit_test(paths)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
