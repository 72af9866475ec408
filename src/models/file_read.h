/* Whole files through the file table: small texts, big weights, hashes; cancel is polled between
 * pieces. Messages name the last path component only. */
#ifndef MLI_MODELS_FILE_READ_H
#define MLI_MODELS_FILE_READ_H

#include "base/cancel.h"
#include "os/file.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

/* `directory`/`name` as a new string; NULL when memory is short. */
MODELLAB_MUST_CHECK char *mli_path_join(const modellab_allocator *alloc, const char *directory,
                                        const char *name);
/* Opens a regular file for reading; `*bytes` is its size, at most `max`. Directories, FIFOs,
 * devices and empty files are errors. */
MODELLAB_MUST_CHECK modellab_status mli_file_open(const mli_os_files *files, const char *path,
                                                  size_t max, int *fd, size_t *bytes,
                                                  modellab_error *err);
/* A whole small file as a NUL-terminated new block. */
MODELLAB_MUST_CHECK modellab_status mli_file_text(const modellab_allocator *alloc,
                                                  const mli_os_files *files, const char *path,
                                                  size_t max, char **out, size_t *bytes,
                                                  modellab_error *err);
/* Reads exactly `bytes` into `out`. */
MODELLAB_MUST_CHECK modellab_status mli_file_fill(const mli_os_files *files, int fd, void *out,
                                                  size_t bytes, const mli_cancel_word *cancel,
                                                  modellab_error *err);
typedef void (*mli_file_progress)(void *user, int64_t bytes);
/* sha256 of a file; `progress` (NULL accepted) gets the bytes of each piece read. */
MODELLAB_MUST_CHECK modellab_status mli_file_sha256(const modellab_allocator *alloc,
                                                    const mli_os_files *files, const char *path,
                                                    const mli_cancel_word *cancel,
                                                    mli_file_progress progress, void *user,
                                                    char out[65], modellab_error *err);
/* sha256 of bytes in memory, with cancel. */
MODELLAB_MUST_CHECK modellab_status mli_bytes_sha256(const void *data, size_t bytes,
                                                     const mli_cancel_word *cancel, char out[65],
                                                     modellab_error *err);

#endif
