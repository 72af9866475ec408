/* A file on its way into the staging folder: resumed, hashed as it grows, refused when it differs.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "remote/staging.h"
#include <errno.h>
#include <string.h>

#define BLOCK ((size_t)256 * 1024)

MODELLAB_MUST_CHECK static modellab_status hash_existing(mli_part *p, const mli_cancel_word *cancel,
                                                         modellab_error *err)
{
    const mli_os_files *f = p->staging->store->files;
    const modellab_allocator *alloc = p->staging->store->alloc;
    modellab_status status = MODELLAB_OK;
    unsigned char *block = mli_alloc(alloc, BLOCK);
    if (block == NULL)
        return mli_no_memory(err);
    while (status == MODELLAB_OK && p->bytes <= p->file->bytes) {
        int64_t n = f->pread(f->user, p->fd, block, BLOCK, p->bytes);
        if (n == 0)
            break;
        if (n < 0) {
            status = mli_fail_os(err, (int)n, "what was fetched of %s", p->file->name);
        } else if (mli_cancelled(cancel)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        } else {
            mli_sha256_update(&p->hash, block, (size_t)n);
            p->bytes += n;
        }
    }
    mli_free(alloc, block);
    if (status == MODELLAB_OK && p->bytes > p->file->bytes)
        status = mli_part_restart(p, err);
    return status;
}

modellab_status mli_part_open(mli_part *out, mli_staging *staging, const mli_catalog_file *file,
                              const mli_cancel_word *cancel, modellab_error *err)
{
    const mli_os_files *f = staging->store->files;
    *out = (mli_part){.staging = staging, .file = file, .fd = -1};
    mli_sha256_init(&out->hash);
    modellab_status status = mli_staging_path(staging->store->alloc, staging->folder, file->name,
                                              ".part", &out->path, err);
    if (status != MODELLAB_OK)
        return status;
    out->fd =
        f->open(f->user, out->path,
                MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_APPEND | MLI_OS_NOFOLLOW, 0644);
    if (out->fd < 0)
        status = mli_fail_os(err, out->fd, "the file %s", file->name);
    else
        status = hash_existing(out, cancel, err);
    if (status != MODELLAB_OK)
        mli_part_close(out);
    return status;
}

modellab_status mli_part_restart(mli_part *p, modellab_error *err)
{
    const mli_os_files *f = p->staging->store->files;
    int rc = f->truncate(f->user, p->fd, 0);
    if (rc != 0)
        return mli_fail_os(err, rc, "the file %s", p->file->name);
    p->bytes = 0;
    mli_sha256_init(&p->hash);
    return MODELLAB_OK;
}

modellab_status mli_part_append(mli_part *p, const void *data, size_t bytes, modellab_error *err)
{
    if (bytes > (uint64_t)(p->file->bytes - p->bytes))
        return mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                        "%s is larger than the catalog says: refused", p->file->name);
    int rc = mli_os_write_all(p->staging->store->files, p->fd, data, bytes);
    if (rc != 0)
        return mli_fail_os(err, rc, "writing %s", p->file->name);
    mli_sha256_update(&p->hash, data, bytes);
    p->bytes += (int64_t)bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status refuse(mli_part *p, modellab_error *err)
{
    const mli_os_files *f = p->staging->store->files;
    int rc = f->unlink(f->user, p->path);
    if (rc != 0)
        return mli_fail_os(err, rc, "removing the wrong bytes of %s", p->file->name);
    return mli_fail(err, MODELLAB_E_HASH_MISMATCH, "%s does not have the catalog's sha256: refused",
                    p->file->name);
}

modellab_status mli_part_finish(mli_part *p, modellab_error *err)
{
    const mli_os_files *f = p->staging->store->files;
    const modellab_allocator *alloc = p->staging->store->alloc;
    char hex[65], *ready = NULL;
    if (p->bytes < p->file->bytes)
        return mli_fail(err, MODELLAB_E_NETWORK, "%s ended early (%lld of %lld bytes)",
                        p->file->name, (long long)p->bytes, (long long)p->file->bytes);
    mli_sha256_hex(&p->hash, hex);
    if (strcmp(hex, p->file->sha256) != 0)
        return refuse(p, err);
    int rc = f->sync(f->user, p->fd);
    if (rc != 0)
        return mli_fail_os(err, rc, "writing %s", p->file->name);
    modellab_status status =
        mli_staging_path(alloc, p->staging->ready, p->file->name, "", &ready, err);
    if (status == MODELLAB_OK && (rc = f->rename(f->user, p->path, ready)) != 0)
        status = mli_fail_os(err, rc, "writing %s", p->file->name);
    mli_free(alloc, ready);
    return status;
}

void mli_part_close(mli_part *p)
{
    const mli_os_files *f = p->staging->store->files;
    if (p->fd >= 0)
        (void)f->close(f->user, p->fd); /* finished files were synced; others are hashed again */
    p->fd = -1;
    mli_free(p->staging->store->alloc, p->path);
    p->path = NULL;
}

modellab_status mli_part_is_ready(const mli_staging *staging, const mli_catalog_file *file,
                                  bool *out, modellab_error *err)
{
    const mli_os_files *f = staging->store->files;
    mli_os_stat st;
    char *path = NULL;
    *out = false;
    modellab_status status =
        mli_staging_path(staging->store->alloc, staging->ready, file->name, "", &path, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = f->stat(f->user, path, false, &st);
    if (rc == 0)
        *out = st.kind == MLI_OS_REGULAR && st.bytes == file->bytes;
    else if (rc != -ENOENT)
        status = mli_fail_os(err, rc, "the file %s", file->name);
    mli_free(staging->store->alloc, path);
    return status;
}
