/* A VFS of SQLite whose operation number `fail_at` fails (reads, writes, syncs, truncations,
 * deletions, openings), and a connection whose statement part number `deny_at` is refused. Both act
 * on connections that are opened after faulty_vfs_install(). */
#ifndef TESTS_UNIT_STORE_FAULTY_VFS_H
#define TESTS_UNIT_STORE_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

static struct faulty_vfs {
    sqlite3_vfs *system;
    long calls, fail_at; /* < 0: never */
    int code;            /* of the failure: SQLITE_FULL, or else the operation's own I/O error */
    long denials, deny_at;
    long sleeps;        /* of SQLite, for others */
    void (*each)(void); /* called before each operation; NULL = nothing */
} faulty;

typedef struct faulty_file {
    sqlite3_file base;
    sqlite3_file *system; /* behind this struct */
} faulty_file;

static inline bool faulty_vfs_now(void)
{
    if (faulty.each != NULL) {
        faulty.each();
    }
    return faulty.calls++ == faulty.fail_at;
}

static inline int faulty_code(int own)
{
    return faulty.code == SQLITE_FULL && own == SQLITE_IOERR_WRITE ? SQLITE_FULL : own;
}

#define FAULTY_OF(file) (((faulty_file *)(file))->system)

static inline int faulty_vfs_close(sqlite3_file *f)
{
    return FAULTY_OF(f)->pMethods->xClose(FAULTY_OF(f));
}
static inline int faulty_vfs_read(sqlite3_file *f, void *to, int bytes, sqlite3_int64 at)
{
    return faulty_vfs_now() ? SQLITE_IOERR_READ
                            : FAULTY_OF(f)->pMethods->xRead(FAULTY_OF(f), to, bytes, at);
}
static inline int faulty_vfs_write(sqlite3_file *f, const void *data, int bytes, sqlite3_int64 at)
{
    return faulty_vfs_now() ? faulty_code(SQLITE_IOERR_WRITE)
                            : FAULTY_OF(f)->pMethods->xWrite(FAULTY_OF(f), data, bytes, at);
}
static inline int faulty_vfs_truncate(sqlite3_file *f, sqlite3_int64 bytes)
{
    return faulty_vfs_now() ? SQLITE_IOERR_TRUNCATE
                            : FAULTY_OF(f)->pMethods->xTruncate(FAULTY_OF(f), bytes);
}
static inline int faulty_vfs_sync(sqlite3_file *f, int flags)
{
    return faulty_vfs_now() ? SQLITE_IOERR_FSYNC
                            : FAULTY_OF(f)->pMethods->xSync(FAULTY_OF(f), flags);
}
static inline int faulty_vfs_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return faulty_vfs_now() ? SQLITE_IOERR_FSTAT
                            : FAULTY_OF(f)->pMethods->xFileSize(FAULTY_OF(f), out);
}
static inline int faulty_vfs_lock(sqlite3_file *f, int kind)
{
    return FAULTY_OF(f)->pMethods->xLock(FAULTY_OF(f), kind);
}
static inline int faulty_vfs_unlock(sqlite3_file *f, int kind)
{
    return FAULTY_OF(f)->pMethods->xUnlock(FAULTY_OF(f), kind);
}
static inline int faulty_vfs_reserved(sqlite3_file *f, int *out)
{
    return FAULTY_OF(f)->pMethods->xCheckReservedLock(FAULTY_OF(f), out);
}
static inline int faulty_vfs_control(sqlite3_file *f, int what, void *arg)
{
    return FAULTY_OF(f)->pMethods->xFileControl(FAULTY_OF(f), what, arg);
}
static inline int faulty_vfs_sector(sqlite3_file *f)
{
    return FAULTY_OF(f)->pMethods->xSectorSize(FAULTY_OF(f));
}
static inline int faulty_vfs_traits(sqlite3_file *f)
{
    return FAULTY_OF(f)->pMethods->xDeviceCharacteristics(FAULTY_OF(f));
}
static inline int faulty_vfs_shm_map(sqlite3_file *f, int page, int bytes, int extend,
                                     void volatile **out)
{
    return FAULTY_OF(f)->pMethods->xShmMap(FAULTY_OF(f), page, bytes, extend, out);
}
static inline int faulty_vfs_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return FAULTY_OF(f)->pMethods->xShmLock(FAULTY_OF(f), at, n, flags);
}
static inline void faulty_vfs_shm_barrier(sqlite3_file *f)
{
    FAULTY_OF(f)->pMethods->xShmBarrier(FAULTY_OF(f));
}
static inline int faulty_vfs_shm_unmap(sqlite3_file *f, int forget)
{
    return FAULTY_OF(f)->pMethods->xShmUnmap(FAULTY_OF(f), forget);
}

static const sqlite3_io_methods faulty_methods = {.iVersion = 2,
                                                  .xClose = faulty_vfs_close,
                                                  .xRead = faulty_vfs_read,
                                                  .xWrite = faulty_vfs_write,
                                                  .xTruncate = faulty_vfs_truncate,
                                                  .xSync = faulty_vfs_sync,
                                                  .xFileSize = faulty_vfs_size,
                                                  .xLock = faulty_vfs_lock,
                                                  .xUnlock = faulty_vfs_unlock,
                                                  .xCheckReservedLock = faulty_vfs_reserved,
                                                  .xFileControl = faulty_vfs_control,
                                                  .xSectorSize = faulty_vfs_sector,
                                                  .xDeviceCharacteristics = faulty_vfs_traits,
                                                  .xShmMap = faulty_vfs_shm_map,
                                                  .xShmLock = faulty_vfs_shm_lock,
                                                  .xShmBarrier = faulty_vfs_shm_barrier,
                                                  .xShmUnmap = faulty_vfs_shm_unmap};

static inline int faulty_vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                                  int *out_flags)
{
    faulty_file *file = (faulty_file *)f;
    (void)vfs;
    file->base.pMethods = NULL;
    if (faulty_vfs_now()) {
        return SQLITE_CANTOPEN;
    }
    file->system = (sqlite3_file *)(file + 1);
    memset(file->system, 0, (size_t)faulty.system->szOsFile);
    int rc = faulty.system->xOpen(faulty.system, name, file->system, flags, out_flags);
    file->base.pMethods = file->system->pMethods != NULL ? &faulty_methods : NULL;
    return rc;
}

static inline int faulty_vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return faulty_vfs_now() ? SQLITE_IOERR_DELETE
                            : faulty.system->xDelete(faulty.system, name, sync);
}

static inline int faulty_vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    faulty.sleeps++;
    return faulty.system->xSleep(faulty.system, microseconds);
}

/* What a statement is about to do: counted and refused when it is its turn. */
static inline int faulty_authorize(void *user, int action, const char *a, const char *b,
                                   const char *c, const char *d)
{
    (void)user, (void)a, (void)b, (void)c, (void)d;
    if (action == SQLITE_READ || action == SQLITE_SELECT || action == SQLITE_FUNCTION) {
        return SQLITE_OK;
    }
    return faulty.denials++ == faulty.deny_at ? SQLITE_DENY : SQLITE_OK;
}

static inline int faulty_connected(sqlite3 *db, char **why, const struct sqlite3_api_routines *api)
{
    (void)why, (void)api;
    return sqlite3_set_authorizer(db, faulty_authorize, NULL);
}

/* 0 when it is the VFS of all that is opened from now on. */
static inline int faulty_vfs_install(void)
{
    static sqlite3_vfs own;
    faulty.fail_at = faulty.deny_at = -1;
    faulty.system = sqlite3_vfs_find(NULL);
    own = *faulty.system;
    own.zName = "faulty";
    own.szOsFile = (int)sizeof(faulty_file) + faulty.system->szOsFile;
    own.xOpen = faulty_vfs_open;
    own.xDelete = faulty_vfs_delete;
    own.xSleep = faulty_vfs_sleep;
    int rc = sqlite3_vfs_register(&own, 1);
    return rc == SQLITE_OK ? sqlite3_auto_extension((void (*)(void))faulty_connected) : rc;
}

#endif
