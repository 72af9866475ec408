/* Recording what reaches the disk. */
#include "crash/disk_log.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_FDS 4096
#define MOST_NAMES 4096

static disk_log *active;

/* Names to inodes, as the folder is now. */
static struct {
    char *path;
    int inode;
} names[MOST_NAMES];
static size_t name_count;
static int last_inode;
static int64_t sizes[65536]; /* by inode */

/* What an open descriptor is: a file (inode > 0) or a directory. */
static struct {
    int inode;
    char *folder;
    int64_t at;
    int append;
} fds[MOST_FDS];

static char *copy(const char *text)
{
    char *out = strdup(text);
    assert_non_null(out);
    return out;
}

/* NULL: not below the folder. */
static const char *below(const char *path)
{
    size_t n = active == NULL ? 0 : strlen(active->root);
    if (active == NULL || strncmp(path, active->root, n) != 0) {
        return NULL;
    }
    return path[n] == '/' ? path + n + 1 : path[n] == '\0' ? path + n : NULL;
}

static disk_op *add(disk_what what)
{
    if (active->count == active->room) {
        active->room = active->room == 0 ? 1024 : active->room * 2;
        active->ops = realloc(active->ops, active->room * sizeof(*active->ops));
        assert_non_null(active->ops);
    }
    disk_op *op = &active->ops[active->count++];
    memset(op, 0, sizeof(*op));
    op->what = what;
    return op;
}

static void add_path(disk_what what, const char *path)
{
    disk_op *op = add(what);
    op->path = copy(path);
}

static int find(const char *path)
{
    for (size_t i = 0; i < name_count; i++) {
        if (strcmp(names[i].path, path) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void unname(const char *path)
{
    int i = find(path);
    if (i >= 0) {
        free(names[i].path);
        names[i] = names[--name_count];
    }
}

static void name(const char *path, int inode)
{
    unname(path);
    assert_true(name_count < MOST_NAMES);
    names[name_count].path = copy(path);
    names[name_count++].inode = inode;
}

/* Inode of a file that is opened; recorded when it is new. */
static int file_opened(const char *path)
{
    int i = find(path);
    if (i >= 0) {
        return names[i].inode;
    }
    name(path, ++last_inode);
    assert_true(last_inode < (int)(sizeof(sizes) / sizeof(sizes[0])));
    sizes[last_inode] = 0;
    add_path(DISK_CREATE, path);
    active->ops[active->count - 1].inode = last_inode;
    return last_inode;
}

static void written(int inode, int64_t offset, const void *data, size_t bytes)
{
    disk_op *op = add(DISK_WRITE);
    op->inode = inode;
    op->offset = offset;
    op->bytes = bytes;
    op->data = malloc(bytes == 0 ? 1 : bytes);
    assert_non_null(op->data);
    memcpy(op->data, data, bytes);
    if (offset + (int64_t)bytes > sizes[inode]) {
        sizes[inode] = offset + (int64_t)bytes;
    }
}

static void truncated(int inode, int64_t bytes)
{
    disk_op *op = add(DISK_TRUNCATE);
    op->inode = inode;
    op->offset = bytes;
    sizes[inode] = bytes;
}

/* --- the table --- */

static const mli_os_files *sys(void)
{
    return &mli_os_system_files;
}

static int log_open(void *user, const char *path, int flags, uint32_t mode)
{
    (void)user;
    int fd = sys()->open(NULL, path, flags, mode);
    const char *inside = below(path);
    if (fd < 0 || fd >= MOST_FDS || inside == NULL) {
        return fd;
    }
    free(fds[fd].folder);
    memset(&fds[fd], 0, sizeof(fds[fd]));
    if ((flags & MLI_OS_DIRECTORY) != 0) {
        fds[fd].folder = copy(inside);
        return fd;
    }
    fds[fd].inode = file_opened(inside);
    fds[fd].append = (flags & MLI_OS_APPEND) != 0;
    if ((flags & MLI_OS_TRUNCATE) != 0 && sizes[fds[fd].inode] > 0) {
        truncated(fds[fd].inode, 0);
    }
    return fd;
}

static int log_close(void *user, int fd)
{
    (void)user;
    if (fd >= 0 && fd < MOST_FDS) {
        free(fds[fd].folder);
        memset(&fds[fd], 0, sizeof(fds[fd]));
    }
    return sys()->close(NULL, fd);
}

static int64_t log_read(void *user, int fd, void *out, size_t bytes)
{
    (void)user;
    int64_t n = sys()->read(NULL, fd, out, bytes);
    if (n > 0 && fd < MOST_FDS) {
        fds[fd].at += n;
    }
    return n;
}

static int64_t log_write(void *user, int fd, const void *data, size_t bytes)
{
    (void)user;
    int64_t n = sys()->write(NULL, fd, data, bytes);
    if (n > 0 && fd < MOST_FDS && fds[fd].inode > 0) {
        int64_t at = fds[fd].append ? sizes[fds[fd].inode] : fds[fd].at;
        written(fds[fd].inode, at, data, (size_t)n);
        fds[fd].at = at + n;
    }
    return n;
}

static int log_sync(void *user, int fd)
{
    (void)user;
    int rc = sys()->sync_data(NULL, fd);
    if (rc == 0 && fd < MOST_FDS && fds[fd].folder != NULL) {
        add_path(DISK_SYNC_DIR, fds[fd].folder);
    } else if (rc == 0 && fd < MOST_FDS && fds[fd].inode > 0) {
        add(DISK_SYNC)->inode = fds[fd].inode;
    }
    return rc;
}

static int log_truncate(void *user, int fd, int64_t bytes)
{
    (void)user;
    int rc = sys()->truncate(NULL, fd, bytes);
    if (rc == 0 && fd < MOST_FDS && fds[fd].inode > 0) {
        truncated(fds[fd].inode, bytes);
    }
    return rc;
}

static int log_rename(void *user, const char *from, const char *to)
{
    (void)user;
    int rc = sys()->rename(NULL, from, to);
    const char *a = below(from);
    const char *b = below(to);
    if (rc == 0 && a != NULL && b != NULL) {
        int i = find(a);
        assert_true(i >= 0); /* the recorder knows files only; nobody renames folders */
        int inode = names[i].inode;
        unname(a);
        name(b, inode);
        disk_op *op = add(DISK_RENAME);
        op->path = copy(a);
        op->to = copy(b);
    }
    return rc;
}

static void removed(const char *path)
{
    unname(path);
    add_path(DISK_REMOVE, path);
}

static int log_unlink(void *user, const char *path)
{
    (void)user;
    int rc = sys()->unlink(NULL, path);
    if (rc == 0 && below(path) != NULL) {
        removed(below(path));
    }
    return rc;
}

static int log_rmdir(void *user, const char *path)
{
    (void)user;
    int rc = sys()->rmdir(NULL, path);
    if (rc == 0 && below(path) != NULL) {
        removed(below(path));
    }
    return rc;
}

static int log_mkdir(void *user, const char *path, uint32_t mode)
{
    (void)user;
    int rc = sys()->mkdir(NULL, path, mode);
    if (rc == 0 && below(path) != NULL) {
        add_path(DISK_MKDIR, below(path));
    }
    return rc;
}

/* --- SQLite --- */

typedef struct log_file {
    sqlite3_file base;
    int inode, is_new_log; /* SQLite's own VFS syncs the folder with the first sync of a log */
    char *folder;
    sqlite3_file *inner; /* behind this struct */
} log_file;

static sqlite3_vfs *inner_vfs;
static sqlite3_vfs log_vfs;
static sqlite3_io_methods log_methods;

#define INNER(f) (((log_file *)(f))->inner)

static int io_close(sqlite3_file *f)
{
    free(((log_file *)f)->folder);
    return INNER(f)->pMethods->xClose(INNER(f));
}
static int io_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at)
{
    return INNER(f)->pMethods->xRead(INNER(f), out, n, at);
}
static int io_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    int rc = INNER(f)->pMethods->xWrite(INNER(f), data, n, at);
    if (rc == SQLITE_OK && active != NULL && ((log_file *)f)->inode > 0) {
        written(((log_file *)f)->inode, at, data, (size_t)n);
    }
    return rc;
}
static int io_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    int rc = INNER(f)->pMethods->xTruncate(INNER(f), n);
    if (rc == SQLITE_OK && active != NULL && ((log_file *)f)->inode > 0) {
        truncated(((log_file *)f)->inode, n);
    }
    return rc;
}
static int io_sync(sqlite3_file *f, int flags)
{
    log_file *file = (log_file *)f;
    int rc = file->inner->pMethods->xSync(file->inner, flags);
    if (rc == SQLITE_OK && active != NULL && file->inode > 0) {
        add(DISK_SYNC)->inode = file->inode;
        if (file->is_new_log) {
            file->is_new_log = 0;
            add_path(DISK_SYNC_DIR, file->folder);
        }
    }
    return rc;
}
static int io_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return INNER(f)->pMethods->xFileSize(INNER(f), n);
}
static int io_lock(sqlite3_file *f, int how)
{
    return INNER(f)->pMethods->xLock(INNER(f), how);
}
static int io_unlock(sqlite3_file *f, int how)
{
    return INNER(f)->pMethods->xUnlock(INNER(f), how);
}
static int io_check(sqlite3_file *f, int *out)
{
    return INNER(f)->pMethods->xCheckReservedLock(INNER(f), out);
}
static int io_control(sqlite3_file *f, int op, void *arg)
{
    return INNER(f)->pMethods->xFileControl(INNER(f), op, arg);
}
static int io_sector(sqlite3_file *f)
{
    return INNER(f)->pMethods->xSectorSize(INNER(f));
}
static int io_device(sqlite3_file *f)
{
    return INNER(f)->pMethods->xDeviceCharacteristics(INNER(f));
}
static int io_shm_map(sqlite3_file *f, int page, int bytes, int grow, void volatile **out)
{
    return INNER(f)->pMethods->xShmMap(INNER(f), page, bytes, grow, out);
}
static int io_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return INNER(f)->pMethods->xShmLock(INNER(f), at, n, flags);
}
static void io_shm_barrier(sqlite3_file *f)
{
    INNER(f)->pMethods->xShmBarrier(INNER(f));
}
static int io_shm_unmap(sqlite3_file *f, int drop)
{
    return INNER(f)->pMethods->xShmUnmap(INNER(f), drop);
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    log_file *file = (log_file *)f;
    memset(file, 0, sizeof(*file));
    file->inner = (sqlite3_file *)(void *)(file + 1);
    int rc = inner_vfs->xOpen(inner_vfs, path, file->inner, flags, out);
    if (file->inner->pMethods != NULL) {
        file->base.pMethods = &log_methods;
    }
    const char *inside = path == NULL ? NULL : below(path);
    if (rc == SQLITE_OK && inside != NULL) {
        bool is_new = find(inside) < 0;
        file->inode = file_opened(inside);
        file->is_new_log = is_new && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
        file->folder = copy(inside);
        char *slash = strrchr(file->folder, '/');
        *(slash != NULL ? slash : file->folder) = '\0';
    }
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    int rc = inner_vfs->xDelete(inner_vfs, path, sync_folder);
    const char *inside = below(path);
    if (rc == SQLITE_OK && inside != NULL && find(inside) >= 0) {
        removed(inside);
        if (sync_folder != 0) {
            char *folder = copy(inside);
            char *slash = strrchr(folder, '/');
            *(slash != NULL ? slash : folder) = '\0';
            add_path(DISK_SYNC_DIR, folder);
            free(folder);
        }
    }
    return rc;
}

static void fill_methods(void)
{
    log_methods = (sqlite3_io_methods){.iVersion = 2,
                                       .xClose = io_close,
                                       .xRead = io_read,
                                       .xWrite = io_write,
                                       .xTruncate = io_truncate,
                                       .xSync = io_sync,
                                       .xFileSize = io_size,
                                       .xLock = io_lock,
                                       .xUnlock = io_unlock,
                                       .xCheckReservedLock = io_check,
                                       .xFileControl = io_control,
                                       .xSectorSize = io_sector,
                                       .xDeviceCharacteristics = io_device,
                                       .xShmMap = io_shm_map,
                                       .xShmLock = io_shm_lock,
                                       .xShmBarrier = io_shm_barrier,
                                       .xShmUnmap = io_shm_unmap};
}

/* --- begin and end --- */

void disk_log_begin(disk_log *log, const char *root)
{
    memset(log, 0, sizeof(*log));
    log->root = root;
    log->files = mli_os_system_files;
    log->files.open = log_open;
    log->files.close = log_close;
    log->files.read = log_read;
    log->files.write = log_write;
    log->files.sync = log_sync;
    log->files.sync_data = log_sync;
    log->files.truncate = log_truncate;
    log->files.rename = log_rename;
    log->files.unlink = log_unlink;
    log->files.rmdir = log_rmdir;
    log->files.mkdir = log_mkdir;
    active = log;
    fill_methods();
    inner_vfs = sqlite3_vfs_find(NULL);
    log_vfs = *inner_vfs;
    log_vfs.zName = "disk-log";
    log_vfs.szOsFile += (int)sizeof(log_file);
    log_vfs.xOpen = vfs_open;
    log_vfs.xDelete = vfs_delete;
    assert_int_equal(sqlite3_vfs_register(&log_vfs, 1), SQLITE_OK);
}

void disk_log_end(disk_log *log)
{
    (void)log;
    active = NULL;
    assert_int_equal(sqlite3_vfs_unregister(&log_vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(inner_vfs, 1), SQLITE_OK);
    while (name_count > 0) {
        free(names[--name_count].path);
    }
    last_inode = 0;
}

void disk_log_ack(disk_log *log, int number)
{
    (void)log;
    add(DISK_ACK)->inode = number;
}

void disk_log_free(disk_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->ops[i].path);
        free(log->ops[i].to);
        free(log->ops[i].data);
    }
    free(log->ops);
    memset(log, 0, sizeof(*log));
}
