/* The input of one run as the input of another: the same bytes on the disk, not stored twice. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/rundir.h"
#include <string.h>

#define BLOCK_BYTES ((size_t)256 * 1024)

/* sha256 of an open file, from its beginning. */
MODELLAB_MUST_CHECK static modellab_status hash_file(const mli_os_files *files, int fd,
                                                     const modellab_allocator *alloc,
                                                     const mli_copy_watch *watch,
                                                     mli_input_facts *out, modellab_error *err)
{
    mli_sha256 hash;
    modellab_status status = MODELLAB_OK;
    char *block = mli_alloc(alloc, BLOCK_BYTES);

    if (block == NULL) {
        return mli_no_memory(err);
    }
    out->bytes = 0;
    mli_sha256_init(&hash);
    for (;;) {
        int64_t got = files->pread(files->user, fd, block, BLOCK_BYTES, out->bytes);

        if (got < 0) {
            status = mli_fail_os(err, (int)-got, "the input cannot be read");
        }
        if (got <= 0) {
            break;
        }
        mli_sha256_update(&hash, block, (size_t)got);
        out->bytes += got;
        status = mli_copy_watch_tell(watch, out->bytes, err);
        if (status != MODELLAB_OK) {
            break;
        }
    }
    mli_sha256_hex(&hash, out->sha256);
    mli_free(alloc, block);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_os_files *files, int fd,
                                                 const mli_input_facts *recorded,
                                                 const modellab_allocator *alloc,
                                                 const mli_copy_watch *watch, modellab_error *err)
{
    mli_input_facts found;
    modellab_status status = hash_file(files, fd, alloc, watch, &found, err);

    if (status == MODELLAB_OK &&
        (found.bytes != recorded->bytes || strcmp(found.sha256, recorded->sha256) != 0)) {
        status = mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the input's bytes are not those that were recorded");
    }
    return status;
}

/* Where a hard link is not possible, a copy is; the two are on one disk as a rule. */
MODELLAB_MUST_CHECK static modellab_status copy(const mli_os_files *files, const char *root,
                                                const char *run_id, int fd,
                                                const mli_input_facts *recorded,
                                                const modellab_allocator *alloc,
                                                const mli_copy_watch *watch, modellab_error *err)
{
    mli_input_facts copied;

    return mli_rundir_put_input(files, root, run_id, fd, NULL, 0, recorded->bytes, alloc, watch,
                                &copied, err);
}

modellab_status mli_rundir_share_file(const mli_os_files *files, const char *root, const char *from,
                                      const char *run_id, const mli_input_facts *recorded,
                                      const modellab_allocator *alloc, const mli_copy_watch *watch,
                                      modellab_error *err)
{
    char to[MLI_PATH_BYTES], folder[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_INPUT, to, err);
    int fd, rc;

    if (status == MODELLAB_OK) {
        status = mli_run_path(root, run_id, MLI_RUN_FOLDER, folder, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    fd = files->open(files->user, from, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the input that is shared cannot be opened");
    }
    status = check(files, fd, recorded, alloc, watch, err);
    if (status == MODELLAB_OK) {
        rc = files->link(files->user, from, to);
        if (rc == 0) {
            rc = mli_os_sync_dir(files, folder);
            status = rc == 0 ? status : mli_fail_os(err, -rc, "the input cannot be shared");
        } else {
            status = copy(files, root, run_id, fd, recorded, alloc, watch, err);
        }
    }
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}

modellab_status mli_rundir_share_input(const mli_os_files *files, const char *root,
                                       const char *from_id, const char *run_id,
                                       const mli_input_facts *recorded,
                                       const modellab_allocator *alloc, const mli_copy_watch *watch,
                                       modellab_error *err)
{
    char from[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, from_id, MLI_RUN_INPUT, from, err);

    return status == MODELLAB_OK
               ? mli_rundir_share_file(files, root, from, run_id, recorded, alloc, watch, err)
               : status;
}
