/* A recorder of everything that reaches the disk below one folder: file operations through a table,
 * SQLite's through a VFS. What is recorded can be replayed as a disk after a power cut
 * (disk_image.h). One thread. */
#ifndef MODELLAB_TESTS_CRASH_DISK_LOG_H
#define MODELLAB_TESTS_CRASH_DISK_LOG_H

#include "os/file.h"

typedef enum disk_what {
    DISK_MKDIR,
    DISK_CREATE,   /* a new file `inode` under the name `path` */
    DISK_WRITE,    /* `bytes` at `offset` of `inode` */
    DISK_TRUNCATE, /* `inode` to `offset` bytes */
    DISK_SYNC,     /* of `inode` */
    DISK_SYNC_DIR, /* of the directory `path` */
    DISK_RENAME,   /* `path` to `to` */
    DISK_REMOVE,   /* file or empty directory */
    DISK_ACK       /* what the caller was promised from here on: `inode` is its number */
} disk_what;

typedef struct disk_op {
    disk_what what;
    int inode;
    int64_t offset;
    size_t bytes;
    char *path, *to; /* relative to the folder; "" is the folder itself */
    unsigned char *data;
} disk_op;

typedef struct disk_log {
    const char *root;
    disk_op *ops;
    size_t count, room;
    mli_os_files files; /* the table to give to what is recorded */
} disk_log;

/* One at a time. SQLite opens its files through the recorder from now on. */
void disk_log_begin(disk_log *log, const char *root);
/* SQLite is as before. The record stays. */
void disk_log_end(disk_log *log);
void disk_log_free(disk_log *log);
void disk_log_ack(disk_log *log, int number);

#endif
