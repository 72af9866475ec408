/* Writing a bundle. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/zip.h"
#include "store/zip_private.h"
#include <string.h>

uint32_t mli_crc32(uint32_t crc, const void *data, size_t bytes)
{
    /* half bytes: bundles are bounded by the disk, not by this */
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    const unsigned char *at = data;

    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc = table[(crc ^ at[i]) & 15u] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)at[i] >> 4) & 15u] ^ crc >> 4;
    }
    return ~crc;
}

void mli_zip_writer_init(mli_zip_writer *w, const modellab_allocator *alloc,
                         const mli_os_files *files, int fd, const mli_cancel_word *cancel)
{
    *w = (mli_zip_writer){.files = files, .alloc = alloc, .cancel = cancel, .fd = fd};
    mli_buf_init(&w->directory, alloc);
}

void mli_zip_writer_dispose(mli_zip_writer *w)
{
    mli_buf_dispose(&w->directory);
}

MODELLAB_MUST_CHECK static modellab_status put(mli_zip_writer *w, const void *data, size_t bytes,
                                               modellab_error *err)
{
    int rc = mli_os_write_all(w->files, w->fd, data, bytes);

    w->offset += (int64_t)bytes;
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot write the bundle");
}

/* The header before a member, and its entry for the directory. */
MODELLAB_MUST_CHECK static modellab_status begin(mli_zip_writer *w, const char *name, int64_t bytes,
                                                 uint32_t crc, modellab_error *err)
{
    unsigned char local[ZIP_LOCAL_BYTES] = {0}, entry[ZIP_CENTRAL_BYTES] = {0};
    size_t n = strlen(name);
    modellab_status status;

    if (w->count >= MLI_ZIP_MEMBERS || n >= MLI_ZIP_NAME_BYTES ||
        bytes > ZIP_FILE_MAX - w->offset - (1 << 20)) {
        return mli_fail(err, MODELLAB_E_LIMIT,
                        "the run is too large for a bundle (4 GiB); leave its input out");
    }
    zip_put32(local, ZIP_LOCAL);
    zip_put16(local + 4, ZIP_VERSION);
    zip_put16(local + 12, ZIP_DATE);
    zip_put32(local + 14, crc);
    zip_put32(local + 18, (uint32_t)bytes);
    zip_put32(local + 22, (uint32_t)bytes);
    zip_put16(local + 26, (uint32_t)n);
    zip_put32(entry, ZIP_CENTRAL);
    zip_put16(entry + 4, ZIP_VERSION);
    memcpy(entry + 6, local + 4, 26); /* version to extract up to the lengths */
    zip_put32(entry + 42, (uint32_t)w->offset);
    mli_buf_append(&w->directory, entry, sizeof entry);
    mli_buf_append(&w->directory, name, n);
    w->count++;
    status = mli_buf_status(&w->directory, err);
    if (status == MODELLAB_OK) {
        status = put(w, local, sizeof local, err);
    }
    return status == MODELLAB_OK ? put(w, name, n, err) : status;
}

modellab_status mli_zip_add(mli_zip_writer *w, const char *name, const void *data, size_t bytes,
                            modellab_error *err)
{
    modellab_status status = begin(w, name, (int64_t)bytes, mli_crc32(0, data, bytes), err);

    return status == MODELLAB_OK ? put(w, data, bytes, err) : status;
}

/* Reads the file once: its size and checksum, and (write) its bytes into the bundle. */
MODELLAB_MUST_CHECK static modellab_status pass(mli_zip_writer *w, int fd, char *block, bool write,
                                                int64_t *bytes, uint32_t *crc, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    *bytes = 0;
    *crc = 0;
    while (status == MODELLAB_OK) {
        int64_t got = w->files->pread(w->files->user, fd, block, ZIP_BLOCK, *bytes);

        if (mli_cancelled(w->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        if (got < 0) {
            return mli_fail_os(err, (int)-got, "a file of the run cannot be read");
        }
        if (got == 0) {
            break;
        }
        *bytes += got;
        *crc = mli_crc32(*crc, block, (size_t)got);
        status = write ? put(w, block, (size_t)got, err) : status;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_open(mli_zip_writer *w, const char *name, int fd,
                                                    char *block, modellab_error *err)
{
    int64_t bytes, again_bytes;
    uint32_t crc, again_crc;
    modellab_status status = pass(w, fd, block, false, &bytes, &crc, err);

    if (status == MODELLAB_OK) {
        status = begin(w, name, bytes, crc, err);
    }
    if (status == MODELLAB_OK) {
        status = pass(w, fd, block, true, &again_bytes, &again_crc, err);
    }
    if (status == MODELLAB_OK && (bytes != again_bytes || crc != again_crc)) {
        status = mli_fail(err, MODELLAB_E_STATE, "a file of the run changed while it was read");
    }
    return status;
}

modellab_status mli_zip_add_file(mli_zip_writer *w, const char *name, const char *path,
                                 modellab_error *err)
{
    mli_os_stat info;
    int fd =
        w->files->open(w->files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    char *block;
    modellab_status status;
    int rc;

    if (fd < 0) {
        return mli_fail_os(err, -fd, "a file of the run cannot be opened");
    }
    block = mli_alloc(w->alloc, ZIP_BLOCK);
    rc = w->files->fstat(w->files->user, fd, &info);
    if (block == NULL) {
        status = mli_no_memory(err);
    } else if (rc != 0 || info.kind != MLI_OS_REGULAR) {
        status = mli_fail(err, MODELLAB_E_IO, "a file of the run is not a file");
    } else {
        status = add_open(w, name, fd, block, err);
    }
    mli_free(w->alloc, block);
    rc = w->files->close(w->files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}

modellab_status mli_zip_finish(mli_zip_writer *w, modellab_error *err)
{
    unsigned char end[ZIP_END_BYTES] = {0};
    modellab_status status;

    zip_put32(end, ZIP_END);
    zip_put16(end + 8, (uint32_t)w->count);
    zip_put16(end + 10, (uint32_t)w->count);
    zip_put32(end + 12, (uint32_t)w->directory.size);
    zip_put32(end + 16, (uint32_t)w->offset);
    status = put(w, w->directory.data, w->directory.size, err);
    return status == MODELLAB_OK ? put(w, end, sizeof end, err) : status;
}
