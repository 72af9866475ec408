/* What is built from the file table: whole reads and writes, atomic replacement, directory trees.
 * Works on any table, so that tests can fail each operation inside. */
#include "os/clock.h"
#include "os/file.h"
#include "os/file_private.h"
#include "os/locale.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

int mli_os_write_all(const mli_os_files *f, int fd, const void *data, size_t bytes)
{
    const char *from = data;
    while (bytes > 0) {
        int64_t n = f->write(f->user, fd, from, bytes);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -EIO;
        from += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int mli_os_read_all(const mli_os_files *f, int fd, void *out, size_t bytes)
{
    char *to = out;
    while (bytes > 0) {
        int64_t n = f->read(f->user, fd, to, bytes);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -ENODATA;
        to += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int mli_os_sync_dir(const mli_os_files *f, const char *path)
{
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int rc = f->sync(f->user, fd);
    int closed = f->close(f->user, fd);
    return rc != 0 ? rc : closed;
}

/* Directory of `path` into `out` ("." when it has none). */
static int parent_of(const char *path, char *out, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (n + 1 > capacity)
        return -ENAMETOOLONG;
    memcpy(out, slash == NULL ? "." : path, n);
    out[n] = '\0';
    return 0;
}

/* A new file `path`.RANDOM.tmp. */
static int open_new(const mli_os_files *f, const char *path, int flags, uint32_t mode, char *temp,
                    size_t capacity)
{
    for (int attempt = 0; attempt < 16; attempt++) {
        uint64_t random;
        int rc = mli_os_system_random.fill(NULL, &random, sizeof random);
        if (rc != 0)
            return -rc;
        int n = mli_os_format(temp, capacity, "%s.%016llx.tmp", path, (unsigned long long)random);
        if (n < 0 || (size_t)n >= capacity)
            return -ENAMETOOLONG;
        int fd = f->open(f->user, temp, flags | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, mode);
        if (fd != -EEXIST)
            return fd;
    }
    return -EEXIST;
}

int mli_os_open_temp(const mli_os_files *f, const char *path, uint32_t mode, char *temp,
                     size_t capacity)
{
    return open_new(f, path, MLI_OS_WRITE, mode, temp, capacity);
}

int mli_os_open_nameless(const mli_os_files *f, const char *folder)
{
    char path[PATH_MAX], temp[PATH_MAX];
    int fd = f == &mli_os_system_files ? mli_os_system_open_nameless(folder) : -ENOSYS;
    if (fd >= 0)
        return fd; /* else with a name for a moment */
    int n = mli_os_format(path, sizeof path, "%s/modellab", folder);
    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    fd = open_new(f, path, MLI_OS_READ | MLI_OS_WRITE, 0600, temp, sizeof temp);
    int rc = fd >= 0 ? f->unlink(f->user, temp) : 0;
    if (rc == 0)
        return fd;
    (void)f->close(f->user, fd); /* the first failure is the one to report */
    return rc;
}

/* Writes, syncs and closes; the first failure is the result. */
static int fill_and_close(const mli_os_files *f, int fd, const void *data, size_t bytes)
{
    int rc = mli_os_write_all(f, fd, data, bytes);
    if (rc == 0)
        rc = f->sync(f->user, fd);
    int closed = f->close(f->user, fd);
    return rc != 0 ? rc : closed;
}

int mli_os_write_file(const mli_os_files *f, const char *path, const void *data, size_t bytes,
                      uint32_t mode)
{
    int fd = f->open(f->user, path,
                     MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW, mode);
    return fd < 0 ? fd : fill_and_close(f, fd, data, bytes);
}

int mli_os_replace_file(const mli_os_files *f, const char *path, const void *data, size_t bytes,
                        uint32_t mode)
{
    char temp[PATH_MAX], parent[PATH_MAX];
    int rc = parent_of(path, parent, sizeof parent);
    if (rc != 0)
        return rc;
    int fd = mli_os_open_temp(f, path, mode, temp, sizeof temp);
    if (fd < 0)
        return fd;
    rc = fill_and_close(f, fd, data, bytes);
    if (rc == 0)
        rc = f->rename(f->user, temp, path);
    if (rc != 0) {
        (void)f->unlink(f->user, temp); /* the first failure is the one to report */
        return rc;
    }
    return mli_os_sync_dir(f, parent);
}

static int make_dir(const mli_os_files *f, const char *path, uint32_t mode)
{
    mli_os_stat st;
    int rc = f->mkdir(f->user, path, mode);
    if (rc == 0)
        return 0;
    /* Also for EROFS, EACCES: an existing directory is fine whatever its parent allows. */
    int looked = f->stat(f->user, path, true, &st);
    if (looked != 0)
        return rc == -EEXIST && looked != -ENOENT ? looked : rc;
    return st.kind == MLI_OS_DIR ? 0 : -ENOTDIR;
}

int mli_os_make_dirs(const mli_os_files *f, const char *path, uint32_t mode)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0)
        return -ENOENT;
    if (n >= sizeof part)
        return -ENAMETOOLONG;
    memcpy(part, path, n + 1);
    for (size_t i = 1; i < n; i++) {
        if (part[i] != '/' || part[i - 1] == '/')
            continue;
        part[i] = '\0';
        int rc = make_dir(f, part, mode);
        part[i] = '/';
        if (rc != 0)
            return rc;
    }
    return make_dir(f, part, mode);
}

typedef struct tree_walk {
    const mli_os_files *files;
    size_t length;
    int depth;
    char path[PATH_MAX];
} tree_walk;

/* Deep enough for anything that the library writes; deeper means that something is wrong. */
#define TREE_DEPTH_MAX 32

static int remove_at(tree_walk *w);

static int remove_child(void *arg, const char *name)
{
    tree_walk *w = arg;
    size_t n = strlen(name), before = w->length;
    if (before + 1 + n + 1 > sizeof w->path)
        return -ENAMETOOLONG;
    w->path[before] = '/';
    memcpy(w->path + before + 1, name, n + 1);
    w->length = before + 1 + n;
    int rc = remove_at(w);
    w->length = before;
    w->path[before] = '\0';
    return rc;
}

static int remove_at(tree_walk *w)
{
    const mli_os_files *f = w->files;
    mli_os_stat st;
    int rc = f->stat(f->user, w->path, false, &st);
    if (rc == 0 && st.kind != MLI_OS_DIR)
        rc = f->unlink(f->user, w->path);
    else if (rc == 0 && w->depth >= TREE_DEPTH_MAX)
        rc = -ELOOP;
    else if (rc == 0) {
        w->depth++;
        rc = f->list(f->user, w->path, remove_child, w);
        w->depth--;
        if (rc == 0)
            rc = f->rmdir(f->user, w->path);
    }
    return rc == -ENOENT ? 0 : rc;
}

int mli_os_remove_tree(const mli_os_files *f, const char *path)
{
    tree_walk w = {.files = f, .length = strlen(path), .depth = 0};
    while (w.length > 1 && path[w.length - 1] == '/')
        w.length--;
    if (w.length == 0)
        return -ENOENT;
    if (w.length >= sizeof w.path)
        return -ENAMETOOLONG;
    memcpy(w.path, path, w.length);
    w.path[w.length] = '\0';
    return remove_at(&w);
}
