/* File operations as a table: the store, run directories, caches and downloads do their I/O through
 * it, so that tests fail the Nth call. Results are 0 (or a count) or a NEGATIVE errno. All fds are
 * CLOEXEC. EINTR is handled inside. */
#ifndef MLI_OS_FILE_H
#define MLI_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLI_OS_MUST_USE __attribute__((warn_unused_result))

enum {
    MLI_OS_READ = 1,
    MLI_OS_WRITE = 2,
    MLI_OS_CREATE = 4,
    MLI_OS_EXCLUSIVE = 8, /* with CREATE: fails when it exists */
    MLI_OS_TRUNCATE = 16,
    MLI_OS_APPEND = 32,
    MLI_OS_DIRECTORY = 64, /* open a directory (for fsync) */
    MLI_OS_NOFOLLOW = 128,
    MLI_OS_NONBLOCK = 256 /* so that a FIFO does not hang the open */
};

typedef enum mli_os_kind {
    MLI_OS_REGULAR,
    MLI_OS_DIR,
    MLI_OS_FIFO,
    MLI_OS_LINK,
    MLI_OS_OTHER
} mli_os_kind;

typedef struct mli_os_stat {
    mli_os_kind kind;
    int64_t bytes, mtime_ns;
    int64_t ctime_ns; /* of any change; cannot be set back */
    uint64_t device, inode;
    uint32_t mode, owner; /* owner: user id */
} mli_os_stat;

typedef struct mli_os_files {
    void *user;
    int (*open)(void *user, const char *path, int flags, uint32_t mode); /* fd or -errno */
    int (*close)(void *user, int fd);
    int64_t (*read)(void *user, int fd, void *out, size_t bytes); /* may be short; 0 = end */
    int64_t (*pread)(void *user, int fd, void *out, size_t bytes, int64_t offset);
    int64_t (*write)(void *user, int fd, const void *data, size_t bytes); /* may be short */
    int (*sync)(void *user, int fd);                                      /* fsync */
    int (*sync_data)(void *user, int fd);                                 /* fdatasync */
    int (*truncate)(void *user, int fd, int64_t bytes);
    int (*rename)(void *user, const char *from, const char *to);
    int (*link)(void *user, const char *from, const char *to); /* a hard link; -EEXIST */
    int (*unlink)(void *user, const char *path);
    int (*mkdir)(void *user, const char *path, uint32_t mode);
    int (*rmdir)(void *user, const char *path);
    int (*stat)(void *user, const char *path, bool follow, mli_os_stat *out);
    int (*fstat)(void *user, int fd, mli_os_stat *out);
    int (*lock)(void *user, int fd, bool wait); /* flock(LOCK_EX); -EWOULDBLOCK when held */
    int (*unlock)(void *user, int fd);
    /* Calls `each` for every name but . and .. in no order; stops when it returns non-zero. */
    int (*list)(void *user, const char *path, int (*each)(void *arg, const char *name), void *arg);
    int (*free_bytes)(void *user, const char *path, int64_t *free_bytes, int64_t *total_bytes);
    int64_t (*pwrite)(void *user, int fd, const void *data, size_t bytes,
                      int64_t offset); /* may be short; not on a file opened for appending */
} mli_os_files;

extern const mli_os_files mli_os_system_files;

/* Built from the table (each 0 or -errno): */
MLI_OS_MUST_USE int mli_os_write_all(const mli_os_files *f, int fd, const void *data, size_t bytes);
/* Reads exactly `bytes` or fails (-ENODATA at a short end). */
MLI_OS_MUST_USE int mli_os_read_all(const mli_os_files *f, int fd, void *out, size_t bytes);
/* A new file beside `path` (O_EXCL, its name in `temp`), to be renamed over it: fd or -errno. */
MLI_OS_MUST_USE int mli_os_open_temp(const mli_os_files *f, const char *path, uint32_t mode,
                                     char *temp, size_t capacity);
/* A new file in `folder`, to read and write, that has lost its name already: it goes with its
 * descriptor. fd or -errno. */
MLI_OS_MUST_USE int mli_os_open_nameless(const mli_os_files *f, const char *folder);
/* O_EXCL temporary in the same directory, write, fsync, rename over `path`, fsync of the directory:
 * readers see the old or the new file, and after success the new one survives power loss. */
MLI_OS_MUST_USE int mli_os_replace_file(const mli_os_files *f, const char *path, const void *data,
                                        size_t bytes, uint32_t mode);
/* A file that must not be there yet, with its content synced; the directory is not. */
MLI_OS_MUST_USE int mli_os_write_file(const mli_os_files *f, const char *path, const void *data,
                                      size_t bytes, uint32_t mode);
MLI_OS_MUST_USE int mli_os_sync_dir(const mli_os_files *f, const char *path);
/* mkdir -p; existing directories are fine. */
MLI_OS_MUST_USE int mli_os_make_dirs(const mli_os_files *f, const char *path, uint32_t mode);
/* Removes a directory tree, never following links; missing is fine. */
MLI_OS_MUST_USE int mli_os_remove_tree(const mli_os_files *f, const char *path);
/* Absolute form of `path` (need not exist) into `out`; -ENAMETOOLONG. */
MLI_OS_MUST_USE int mli_os_absolute(const char *path, char *out, size_t capacity);
/* true for NFS, CIFS, 9p, FUSE-like network file systems. */
MLI_OS_MUST_USE int mli_os_is_network(const char *path, bool *out);
/* getenv; NULL when unset or empty. Borrowed. */
const char *mli_os_env(const char *name);
/* Calls `each` for every "NAME=value" of the environment, until it returns non-zero, which comes
 * back. */
MLI_OS_MUST_USE int mli_os_env_each(int (*each)(void *arg, const char *setting), void *arg);
/* Descriptor of the running library or program file's directory (to find the worker program). */
MLI_OS_MUST_USE int mli_os_self_dir(char *out, size_t capacity);
MLI_OS_MUST_USE int mli_os_home(char *out, size_t capacity);

#endif
