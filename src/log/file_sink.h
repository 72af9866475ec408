/* The file that lines go to: appended with one write each, opened again when somebody moved it
 * away, renamed at a size. Not locked here. */
#ifndef MLI_LOG_FILE_SINK_H
#define MLI_LOG_FILE_SINK_H

#include "os/file.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_log_file {
    const mli_os_files *files;
    char *path, *from, *to; /* path; two buffers for the names of renamed files */
    size_t name_bytes;      /* of from and to */
    int fd;                 /* -1 = not open */
    uint64_t device, inode;
    int64_t bytes, max_bytes, checked_ns;
    int32_t keep;
    bool torn; /* the last line is not whole: begin with a line end */
} mli_log_file;

MODELLAB_MUST_CHECK modellab_status mli_log_file_open(mli_log_file *file, const mli_os_files *files,
                                                      const modellab_allocator *alloc,
                                                      const char *path, int64_t max_bytes,
                                                      int32_t keep, modellab_error *err);
/* 0 or -errno; nothing but the file is touched. */
MLI_OS_MUST_USE int mli_log_file_write(mli_log_file *file, const char *line, size_t bytes,
                                       int64_t now_ns);
void mli_log_file_close(mli_log_file *file, const modellab_allocator *alloc);

#endif
