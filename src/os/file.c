/* The system's file operations behind the table of os/file.h: thin, EINTR-proof, CLOEXEC. */
#include "os/file.h"
#include "os/file_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RETRY(result, call)                                                                        \
    do {                                                                                           \
        result = (call);                                                                           \
    } while (result < 0 && errno == EINTR)

static int system_open(void *user, const char *path, int flags, uint32_t mode)
{
    int how = O_CLOEXEC, fd;
    (void)user;
    if ((flags & MLI_OS_READ) && (flags & (MLI_OS_WRITE | MLI_OS_APPEND)))
        how |= O_RDWR;
    else if (flags & (MLI_OS_WRITE | MLI_OS_APPEND))
        how |= O_WRONLY;
    how |= (flags & MLI_OS_CREATE ? O_CREAT : 0) | (flags & MLI_OS_EXCLUSIVE ? O_EXCL : 0) |
           (flags & MLI_OS_TRUNCATE ? O_TRUNC : 0) | (flags & MLI_OS_APPEND ? O_APPEND : 0) |
           (flags & MLI_OS_DIRECTORY ? O_DIRECTORY : 0) |
           (flags & MLI_OS_NOFOLLOW ? O_NOFOLLOW : 0) | (flags & MLI_OS_NONBLOCK ? O_NONBLOCK : 0);
    RETRY(fd, openat(AT_FDCWD, path, how, (mode_t)mode));
    return fd < 0 ? -errno : fd;
}

int mli_os_system_open_nameless(const char *folder)
{
    int fd;
    RETRY(fd, openat(AT_FDCWD, folder, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, (mode_t)0600));
    return fd < 0 ? -errno : fd;
}

static int system_close(void *user, int fd)
{
    (void)user;
    /* After EINTR the descriptor is gone on Linux; closing again could hit another thread's. */
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int64_t system_read(void *user, int fd, void *out, size_t bytes)
{
    ssize_t n;
    (void)user;
    RETRY(n, read(fd, out, bytes < SSIZE_MAX ? bytes : SSIZE_MAX));
    return n < 0 ? -errno : (int64_t)n;
}

static int64_t system_pread(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    ssize_t n;
    (void)user;
    RETRY(n, pread(fd, out, bytes < SSIZE_MAX ? bytes : SSIZE_MAX, (off_t)offset));
    return n < 0 ? -errno : (int64_t)n;
}

static int64_t system_write(void *user, int fd, const void *data, size_t bytes)
{
    ssize_t n;
    (void)user;
    RETRY(n, write(fd, data, bytes < SSIZE_MAX ? bytes : SSIZE_MAX));
    return n < 0 ? -errno : (int64_t)n;
}

static int64_t system_pwrite(void *user, int fd, const void *data, size_t bytes, int64_t offset)
{
    ssize_t n;
    (void)user;
    RETRY(n, pwrite(fd, data, bytes < SSIZE_MAX ? bytes : SSIZE_MAX, (off_t)offset));
    return n < 0 ? -errno : (int64_t)n;
}

static int system_sync(void *user, int fd)
{
    int rc;
    (void)user;
    RETRY(rc, fsync(fd));
    return rc < 0 ? -errno : 0;
}

static int system_sync_data(void *user, int fd)
{
    int rc;
    (void)user;
    RETRY(rc, fdatasync(fd));
    return rc < 0 ? -errno : 0;
}

static int system_truncate(void *user, int fd, int64_t bytes)
{
    int rc;
    (void)user;
    RETRY(rc, ftruncate(fd, (off_t)bytes));
    return rc < 0 ? -errno : 0;
}

static int system_rename(void *user, const char *from, const char *to)
{
    (void)user;
    return renameat(AT_FDCWD, from, AT_FDCWD, to) < 0 ? -errno : 0;
}

static int system_link(void *user, const char *from, const char *to)
{
    (void)user;
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0) < 0 ? -errno : 0;
}

static int system_unlink(void *user, const char *path)
{
    (void)user;
    return unlinkat(AT_FDCWD, path, 0) < 0 ? -errno : 0;
}

static int system_mkdir(void *user, const char *path, uint32_t mode)
{
    (void)user;
    return mkdirat(AT_FDCWD, path, (mode_t)mode) < 0 ? -errno : 0;
}

static int system_rmdir(void *user, const char *path)
{
    (void)user;
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static mli_os_kind kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return MLI_OS_REGULAR;
    if (S_ISDIR(mode))
        return MLI_OS_DIR;
    if (S_ISFIFO(mode))
        return MLI_OS_FIFO;
    return S_ISLNK(mode) ? MLI_OS_LINK : MLI_OS_OTHER;
}

static void fill_stat(const struct stat *s, mli_os_stat *out)
{
    out->kind = kind_of(s->st_mode);
    out->bytes = (int64_t)s->st_size;
    out->mtime_ns = (int64_t)s->st_mtim.tv_sec * 1000000000 + (int64_t)s->st_mtim.tv_nsec;
    out->ctime_ns = (int64_t)s->st_ctim.tv_sec * 1000000000 + (int64_t)s->st_ctim.tv_nsec;
    out->device = (uint64_t)s->st_dev;
    out->inode = (uint64_t)s->st_ino;
    out->mode = (uint32_t)(s->st_mode & 07777);
    out->owner = (uint32_t)s->st_uid;
}

static int system_stat(void *user, const char *path, bool follow, mli_os_stat *out)
{
    struct stat s;
    (void)user;
    if (fstatat(AT_FDCWD, path, &s, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    fill_stat(&s, out);
    return 0;
}

static int system_fstat(void *user, int fd, mli_os_stat *out)
{
    struct stat s;
    (void)user;
    if (fstat(fd, &s) < 0)
        return -errno;
    fill_stat(&s, out);
    return 0;
}

static int system_lock(void *user, int fd, bool wait)
{
    int rc;
    (void)user;
    RETRY(rc, flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB));
    return rc < 0 ? -errno : 0;
}

static int system_unlock(void *user, int fd)
{
    int rc;
    (void)user;
    RETRY(rc, flock(fd, LOCK_UN));
    return rc < 0 ? -errno : 0;
}

static int system_list(void *user, const char *path, int (*each)(void *arg, const char *name),
                       void *arg)
{
    int fd = system_open(user, path, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int error = -errno;
        (void)close(fd); /* read only */
        return error;
    }
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = each(arg, entry->d_name);
    }
    (void)closedir(dir); /* fails for a bad handle only; nothing was written */
    return rc;
}

static int system_free_bytes(void *user, const char *path, int64_t *free_bytes,
                             int64_t *total_bytes)
{
    struct statvfs s;
    int rc;
    (void)user;
    RETRY(rc, statvfs(path, &s));
    if (rc < 0)
        return -errno;
    unsigned long long avail, total;
    if (__builtin_mul_overflow((unsigned long long)s.f_bavail, s.f_frsize, &avail) ||
        avail > INT64_MAX)
        avail = INT64_MAX;
    if (__builtin_mul_overflow((unsigned long long)s.f_blocks, s.f_frsize, &total) ||
        total > INT64_MAX)
        total = INT64_MAX;
    *free_bytes = (int64_t)avail;
    *total_bytes = (int64_t)total;
    return 0;
}

const mli_os_files mli_os_system_files = {.user = NULL,
                                          .open = system_open,
                                          .close = system_close,
                                          .read = system_read,
                                          .pread = system_pread,
                                          .write = system_write,
                                          .sync = system_sync,
                                          .sync_data = system_sync_data,
                                          .truncate = system_truncate,
                                          .rename = system_rename,
                                          .link = system_link,
                                          .unlink = system_unlink,
                                          .mkdir = system_mkdir,
                                          .rmdir = system_rmdir,
                                          .stat = system_stat,
                                          .fstat = system_fstat,
                                          .lock = system_lock,
                                          .unlock = system_unlock,
                                          .list = system_list,
                                          .free_bytes = system_free_bytes,
                                          .pwrite = system_pwrite};
