/* Reading a bundle, which is hostile until each number of it has been compared with another. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/zip.h"
#include "store/zip_private.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status refuse(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                    "this is not a bundle of a run (or it was packed by another program)");
}

MODELLAB_MUST_CHECK static modellab_status read_at(const mli_os_files *files, int fd, void *out,
                                                   size_t bytes, int64_t offset,
                                                   modellab_error *err)
{
    unsigned char *to = out;

    while (bytes > 0) {
        int64_t got = files->pread(files->user, fd, to, bytes, offset);

        if (got < 0) {
            return mli_fail_os(err, (int)-got, "the bundle cannot be read");
        }
        if (got == 0) {
            return refuse(err);
        }
        to += got;
        offset += got;
        bytes -= (size_t)got;
    }
    return MODELLAB_OK;
}

/* Letters, digits, '.', '_', '-', and at most one '/' that is neither first nor last; no "..". */
static bool name_is_plain(const char *name)
{
    const char *slash = strchr(name, '/');

    return name[0] != '\0' && name[0] != '/' && name[0] != '.' && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/") ==
               strlen(name) &&
           (slash == NULL ||
            (slash[1] != '\0' && slash[1] != '.' && strchr(slash + 1, '/') == NULL));
}

/* One entry of the directory; *at moves behind it. */
static bool take_entry(const unsigned char *directory, size_t bytes, size_t *at, int64_t *next,
                       mli_zip_member *out)
{
    const unsigned char *e = directory + *at;
    unsigned char plain[ZIP_CENTRAL_BYTES] = {0};
    size_t n;

    if (bytes - *at < ZIP_CENTRAL_BYTES) {
        return false;
    }
    n = zip_get16(e + 28);
    if (n == 0 || n >= MLI_ZIP_NAME_BYTES || bytes - *at - ZIP_CENTRAL_BYTES < n) {
        return false;
    }
    out->crc = zip_get32(e + 16);
    out->bytes = (int64_t)zip_get32(e + 20);
    memcpy(out->name, e + ZIP_CENTRAL_BYTES, n);
    out->name[n] = '\0';
    /* what our writer would have written, to the byte */
    zip_put32(plain, ZIP_CENTRAL);
    zip_put16(plain + 4, ZIP_VERSION);
    zip_put16(plain + 6, ZIP_VERSION);
    zip_put16(plain + 14, ZIP_DATE);
    zip_put32(plain + 16, out->crc);
    zip_put32(plain + 20, (uint32_t)out->bytes);
    zip_put32(plain + 24, (uint32_t)out->bytes);
    zip_put16(plain + 28, (uint32_t)n);
    zip_put32(plain + 42, (uint32_t)*next);
    if (memcmp(plain, e, sizeof plain) != 0 || strlen(out->name) != n ||
        !name_is_plain(out->name)) {
        return false;
    }
    out->offset = *next + ZIP_LOCAL_BYTES + (int64_t)n;
    *next = out->offset + out->bytes;
    *at += ZIP_CENTRAL_BYTES + n;
    return *next <= ZIP_FILE_MAX;
}

/* The header before a member must be its entry again. */
MODELLAB_MUST_CHECK static modellab_status
check_local(const mli_zip_member *m, const mli_os_files *files, int fd, modellab_error *err)
{
    unsigned char there[ZIP_LOCAL_BYTES + MLI_ZIP_NAME_BYTES], plain[ZIP_LOCAL_BYTES] = {0};
    size_t n = strlen(m->name);
    modellab_status status = read_at(files, fd, there, ZIP_LOCAL_BYTES + n,
                                     m->offset - (int64_t)n - ZIP_LOCAL_BYTES, err);

    zip_put32(plain, ZIP_LOCAL);
    zip_put16(plain + 4, ZIP_VERSION);
    zip_put16(plain + 12, ZIP_DATE);
    zip_put32(plain + 14, m->crc);
    zip_put32(plain + 18, (uint32_t)m->bytes);
    zip_put32(plain + 22, (uint32_t)m->bytes);
    zip_put16(plain + 26, (uint32_t)n);
    if (status == MODELLAB_OK && (memcmp(there, plain, sizeof plain) != 0 ||
                                  memcmp(there + ZIP_LOCAL_BYTES, m->name, n) != 0)) {
        return refuse(err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
take_members(mli_zip *zip, const unsigned char *directory, size_t bytes, size_t count,
             int64_t directory_at, const mli_os_files *files, int fd, modellab_error *err)
{
    size_t at = 0;
    int64_t next = 0;
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        mli_zip_member *m = &zip->members[i];

        if (!take_entry(directory, bytes, &at, &next, m) || next > directory_at ||
            mli_zip_find(zip, m->name) != NULL) {
            return refuse(err);
        }
        zip->count = i + 1;
        status = check_local(m, files, fd, err);
    }
    return status == MODELLAB_OK && (at != bytes || next != directory_at) ? refuse(err) : status;
}

MODELLAB_MUST_CHECK static modellab_status read_directory(mli_zip *zip, const unsigned char *end,
                                                          int64_t file_bytes,
                                                          const mli_os_files *files, int fd,
                                                          modellab_error *err)
{
    size_t count = zip_get16(end + 10), bytes = zip_get32(end + 12);
    int64_t at = (int64_t)zip_get32(end + 16);
    unsigned char plain[ZIP_END_BYTES] = {0};
    unsigned char *directory;
    modellab_status status;

    zip_put32(plain, ZIP_END);
    zip_put16(plain + 8, (uint32_t)count);
    zip_put16(plain + 10, (uint32_t)count);
    zip_put32(plain + 12, (uint32_t)bytes);
    zip_put32(plain + 16, (uint32_t)at);
    if (memcmp(plain, end, sizeof plain) != 0 || count == 0 || count > MLI_ZIP_MEMBERS ||
        bytes > count * (ZIP_CENTRAL_BYTES + MLI_ZIP_NAME_BYTES) ||
        at + (int64_t)bytes + ZIP_END_BYTES != file_bytes) {
        return refuse(err);
    }
    directory = mli_alloc(zip->alloc, bytes);
    zip->members = mli_alloc_array(zip->alloc, count, sizeof *zip->members);
    if (directory == NULL || zip->members == NULL) {
        mli_free(zip->alloc, directory);
        return mli_no_memory(err);
    }
    status = read_at(files, fd, directory, bytes, at, err);
    if (status == MODELLAB_OK) {
        status = take_members(zip, directory, bytes, count, at, files, fd, err);
    }
    mli_free(zip->alloc, directory);
    return status;
}

modellab_status mli_zip_open(mli_zip *zip, const modellab_allocator *alloc,
                             const mli_os_files *files, int fd, modellab_error *err)
{
    unsigned char end[ZIP_END_BYTES];
    mli_os_stat info;
    modellab_status status;
    int rc = files->fstat(files->user, fd, &info);

    *zip = (mli_zip){.alloc = alloc};
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the bundle cannot be looked at");
    }
    if (info.kind != MLI_OS_REGULAR || info.bytes < ZIP_END_BYTES || info.bytes > ZIP_FILE_MAX) {
        return refuse(err);
    }
    status = read_at(files, fd, end, sizeof end, info.bytes - ZIP_END_BYTES, err);
    if (status == MODELLAB_OK) {
        status = read_directory(zip, end, info.bytes, files, fd, err);
    }
    if (status != MODELLAB_OK) {
        mli_zip_close(zip);
    }
    return status;
}

void mli_zip_close(mli_zip *zip)
{
    mli_free(zip->alloc, zip->members);
    zip->members = NULL;
    zip->count = 0;
}

const mli_zip_member *mli_zip_find(const mli_zip *zip, const char *name)
{
    for (size_t i = 0; i < zip->count; i++) {
        if (strcmp(zip->members[i].name, name) == 0) {
            return &zip->members[i];
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status pass_on(const void *block, size_t bytes,
                                                   const mli_os_files *files, mli_buf *out,
                                                   int to_fd, modellab_error *err)
{
    int rc;

    if (out != NULL) {
        mli_buf_append(out, block, bytes);
        return mli_buf_status(out, err);
    }
    rc = mli_os_write_all(files, to_fd, block, bytes);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "a file of the run cannot be written");
}

modellab_status mli_zip_read(const mli_zip_member *member, const mli_os_files *files, int fd,
                             int64_t most, const mli_cancel_word *cancel, mli_buf *out, int to_fd,
                             modellab_error *err)
{
    char block[16384];
    uint32_t crc = 0;
    modellab_status status = MODELLAB_OK;

    if (member->bytes > most) {
        return mli_fail(err, MODELLAB_E_LIMIT, "a member of the bundle is larger than allowed");
    }
    for (int64_t done = 0; status == MODELLAB_OK && done < member->bytes;) {
        int64_t left = member->bytes - done;
        size_t now = left < (int64_t)sizeof block ? (size_t)left : sizeof block;

        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        status = read_at(files, fd, block, now, member->offset + done, err);
        if (status == MODELLAB_OK) {
            crc = mli_crc32(crc, block, now);
            status = pass_on(block, now, files, out, to_fd, err);
        }
        done += (int64_t)now;
    }
    return status == MODELLAB_OK && crc != member->crc
               ? mli_fail(err, MODELLAB_E_HASH_MISMATCH, "the bundle is damaged")
               : status;
}
