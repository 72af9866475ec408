/* Reading and hashing whole files in pieces. */
#include "models/file_read.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PIECE ((size_t)1 << 20) /* about 1 ms of reading or hashing */
#define MAX_HASHED ((size_t)1 << 40)

char *mli_path_join(const modellab_allocator *alloc, const char *directory, const char *name)
{
    size_t bytes = strlen(directory) + strlen(name) + 2;
    char *path = mli_alloc(alloc, bytes);
    if (path != NULL) {
        (void)snprintf(path, bytes, "%s/%s", directory, name);
    }
    return path;
}

MODELLAB_MUST_CHECK static modellab_status check_open(const mli_os_files *files, int fd,
                                                      const char *name, size_t max, size_t *bytes,
                                                      modellab_error *err)
{
    mli_os_stat st;
    int rc = files->fstat(files->user, fd, &st);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at %s", name);
    }
    if (st.kind != MLI_OS_REGULAR) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "%s is not a regular file", name);
    }
    if (st.bytes <= 0) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "%s is empty", name);
    }
    if ((uint64_t)st.bytes > max) {
        return mli_fail(err, MODELLAB_E_LIMIT, "%s is larger than %zu bytes", name, max);
    }
    *bytes = (size_t)st.bytes;
    return MODELLAB_OK;
}

modellab_status mli_file_open(const mli_os_files *files, const char *path, size_t max, int *fd,
                              size_t *bytes, modellab_error *err)
{
    const char *name = mli_basename(path);
    *bytes = 0;
    *fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (*fd < 0) {
        int rc = -*fd;
        *fd = -1;
        return mli_fail_os(err, rc, "cannot open %s", name);
    }
    modellab_status status = check_open(files, *fd, name, max, bytes, err);
    if (status != MODELLAB_OK) {
        (void)files->close(files->user, *fd); /* the first failure is the one to report */
        *fd = -1;
    }
    return status;
}

modellab_status mli_file_fill(const mli_os_files *files, int fd, void *out, size_t bytes,
                              const mli_cancel_word *cancel, modellab_error *err)
{
    unsigned char *to = out;
    while (bytes > 0) {
        size_t piece = bytes < PIECE ? bytes : PIECE;
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while reading a model file");
        }
        int rc = mli_os_read_all(files, fd, to, piece);
        if (rc != 0) {
            return rc == -ENODATA
                       ? mli_fail(err, MODELLAB_E_IO, "a model file became shorter while read")
                       : mli_fail_os(err, -rc, "cannot read a model file");
        }
        to += piece;
        bytes -= piece;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status finish(const mli_os_files *files, int fd,
                                                  modellab_status status, modellab_error *err)
{
    int rc = files->close(files->user, fd);
    if (status == MODELLAB_OK && rc != 0) {
        status = mli_fail_os(err, -rc, "cannot close a model file");
    }
    return status;
}

modellab_status mli_file_text(const modellab_allocator *alloc, const mli_os_files *files,
                              const char *path, size_t max, char **out, size_t *bytes,
                              modellab_error *err)
{
    int fd = -1;
    *out = NULL;
    modellab_status status = mli_file_open(files, path, max, &fd, bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    char *text = mli_alloc(alloc, *bytes + 1);
    status = text == NULL ? mli_no_memory(err) : mli_file_fill(files, fd, text, *bytes, NULL, err);
    status = finish(files, fd, status, err);
    if (status != MODELLAB_OK) {
        mli_free(alloc, text);
        *bytes = 0;
        return status;
    }
    text[*bytes] = '\0';
    *out = text;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status hash_fd(const mli_os_files *files, int fd, size_t bytes,
                                                   void *piece, const mli_cancel_word *cancel,
                                                   mli_file_progress progress, void *user,
                                                   char out[65], modellab_error *err)
{
    mli_sha256 hash;
    mli_sha256_init(&hash);
    while (bytes > 0) {
        size_t take = bytes < PIECE ? bytes : PIECE;
        modellab_status status = mli_file_fill(files, fd, piece, take, cancel, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        mli_sha256_update(&hash, piece, take);
        bytes -= take;
        if (progress != NULL) {
            progress(user, (int64_t)take);
        }
    }
    mli_sha256_hex(&hash, out);
    return MODELLAB_OK;
}

modellab_status mli_file_sha256(const modellab_allocator *alloc, const mli_os_files *files,
                                const char *path, const mli_cancel_word *cancel,
                                mli_file_progress progress, void *user, char out[65],
                                modellab_error *err)
{
    int fd = -1;
    size_t bytes;
    out[0] = '\0';
    modellab_status status = mli_file_open(files, path, MAX_HASHED, &fd, &bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    void *piece = mli_alloc(alloc, PIECE);
    status = piece == NULL ? mli_no_memory(err)
                           : hash_fd(files, fd, bytes, piece, cancel, progress, user, out, err);
    mli_free(alloc, piece);
    return finish(files, fd, status, err);
}

modellab_status mli_bytes_sha256(const void *data, size_t bytes, const mli_cancel_word *cancel,
                                 char out[65], modellab_error *err)
{
    const unsigned char *p = data;
    mli_sha256 hash;
    mli_sha256_init(&hash);
    while (bytes > 0) {
        size_t take = bytes < PIECE ? bytes : PIECE;
        if (mli_cancelled(cancel)) {
            out[0] = '\0';
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while hashing a model");
        }
        mli_sha256_update(&hash, p, take);
        p += take;
        bytes -= take;
    }
    mli_sha256_hex(&hash, out);
    return MODELLAB_OK;
}
