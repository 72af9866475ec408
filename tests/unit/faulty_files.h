/* The system's file operations, of which number `fail_at` (counted over all kinds that can fail)
 * returns `error` instead, once or from there on. */
#ifndef TESTS_UNIT_FAULTY_FILES_H
#define TESTS_UNIT_FAULTY_FILES_H

#include "os/file.h"

typedef struct faulty_files {
    long calls, fail_at; /* fail_at < 0: never */
    int error;           /* a positive errno value */
    bool from_there_on;
} faulty_files;

static inline bool faulty_now(void *user)
{
    faulty_files *f = user;
    long n = f->calls++;

    return f->fail_at >= 0 && (f->from_there_on ? n >= f->fail_at : n == f->fail_at);
}

#define FAULTY_ERROR(user) (-((faulty_files *)(user))->error)
#define FAULTY_SYSTEM (&mli_os_system_files)

static inline int faulty_open(void *u, const char *path, int flags, uint32_t mode)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->open(NULL, path, flags, mode);
}
static inline int faulty_close(void *u, int fd)
{
    int rc = FAULTY_SYSTEM->close(NULL, fd); /* the descriptor is gone either way */

    return faulty_now(u) ? FAULTY_ERROR(u) : rc;
}
static inline int64_t faulty_read(void *u, int fd, void *out, size_t bytes)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->read(NULL, fd, out, bytes);
}
static inline int64_t faulty_pread(void *u, int fd, void *out, size_t bytes, int64_t offset)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->pread(NULL, fd, out, bytes, offset);
}
static inline int64_t faulty_write(void *u, int fd, const void *data, size_t bytes)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->write(NULL, fd, data, bytes);
}
static inline int faulty_sync(void *u, int fd)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->sync(NULL, fd);
}
static inline int faulty_sync_data(void *u, int fd)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->sync_data(NULL, fd);
}
static inline int faulty_truncate(void *u, int fd, int64_t bytes)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->truncate(NULL, fd, bytes);
}
static inline int faulty_rename(void *u, const char *from, const char *to)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->rename(NULL, from, to);
}
static inline int faulty_link(void *u, const char *from, const char *to)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->link(NULL, from, to);
}
static inline int faulty_unlink(void *u, const char *path)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->unlink(NULL, path);
}
static inline int faulty_mkdir(void *u, const char *path, uint32_t mode)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->mkdir(NULL, path, mode);
}
static inline int faulty_rmdir(void *u, const char *path)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->rmdir(NULL, path);
}
static inline int faulty_stat(void *u, const char *path, bool follow, mli_os_stat *out)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->stat(NULL, path, follow, out);
}
static inline int faulty_fstat(void *u, int fd, mli_os_stat *out)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->fstat(NULL, fd, out);
}
static inline int faulty_lock(void *u, int fd, bool wait)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->lock(NULL, fd, wait);
}
static inline int faulty_unlock(void *u, int fd)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->unlock(NULL, fd);
}
static inline int faulty_list(void *u, const char *path, int (*each)(void *, const char *),
                              void *arg)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->list(NULL, path, each, arg);
}
static inline int faulty_free_bytes(void *u, const char *path, int64_t *free_bytes,
                                    int64_t *total_bytes)
{
    return faulty_now(u) ? FAULTY_ERROR(u)
                         : FAULTY_SYSTEM->free_bytes(NULL, path, free_bytes, total_bytes);
}
static inline int64_t faulty_pwrite(void *u, int fd, const void *data, size_t bytes, int64_t offset)
{
    return faulty_now(u) ? FAULTY_ERROR(u) : FAULTY_SYSTEM->pwrite(NULL, fd, data, bytes, offset);
}

static inline mli_os_files faulty_files_table(faulty_files *f)
{
    mli_os_files table = mli_os_system_files;

    table.user = f;
    table.open = faulty_open;
    table.close = faulty_close;
    table.read = faulty_read;
    table.pread = faulty_pread;
    table.write = faulty_write;
    table.sync = faulty_sync;
    table.sync_data = faulty_sync_data;
    table.truncate = faulty_truncate;
    table.rename = faulty_rename;
    table.link = faulty_link;
    table.unlink = faulty_unlink;
    table.mkdir = faulty_mkdir;
    table.rmdir = faulty_rmdir;
    table.stat = faulty_stat;
    table.fstat = faulty_fstat;
    table.lock = faulty_lock;
    table.unlock = faulty_unlock;
    table.list = faulty_list;
    table.free_bytes = faulty_free_bytes;
    table.pwrite = faulty_pwrite;
    return table;
}

#endif
