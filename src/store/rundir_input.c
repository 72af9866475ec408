/* The input of a run: copied into its directory, hashed on the way, on disk before it is
 * acknowledged. */
#include "base/alloc.h"
#include "base/error.h"
#include "os/locale.h"
#include "store/rundir.h"
#include <errno.h>

#define BLOCK_BYTES ((size_t)256 * 1024)

typedef struct copy {
    const mli_os_files *files;
    const mli_copy_watch *watch;
    mli_sha256 hash;
    int64_t bytes, max_bytes;
    int out_fd;
} copy;

modellab_status mli_copy_watch_tell(const mli_copy_watch *watch, int64_t done, modellab_error *err)
{
    if (watch == NULL) {
        return MODELLAB_OK;
    }
    if (mli_cancelled(watch->cancel)) {
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    }
    if (watch->progress != NULL && watch->progress(watch->user, done, watch->total) != 0) {
        return mli_fail(err, MODELLAB_E_CALLBACK, "the progress function asked to stop");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status put_block(copy *c, const void *data, size_t bytes,
                                                     modellab_error *err)
{
    int rc;
    modellab_status status = mli_copy_watch_tell(c->watch, c->bytes, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    if ((int64_t)bytes > c->max_bytes - c->bytes) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the input is larger than %lld bytes",
                        (long long)c->max_bytes);
    }
    mli_sha256_update(&c->hash, data, bytes);
    rc = mli_os_write_all(c->files, c->out_fd, data, bytes);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot store the input");
    }
    c->bytes += (int64_t)bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status copy_file(copy *c, int source_fd, char *block,
                                                     modellab_error *err)
{
    for (;;) {
        int64_t got = c->files->read(c->files->user, source_fd, block, BLOCK_BYTES);
        modellab_status status;

        if (got < 0) {
            return mli_fail_os(err, (int)-got, "cannot read the input");
        }
        if (got == 0) {
            return MODELLAB_OK;
        }
        status = put_block(c, block, (size_t)got, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status copy_bytes(copy *c, const char *data, size_t bytes,
                                                      modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && bytes > 0) {
        size_t now = bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES;

        status = put_block(c, data, now, err);
        data += now;
        bytes -= now;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status fill(copy *c, int source_fd, const void *data,
                                                size_t data_bytes, const modellab_allocator *alloc,
                                                modellab_error *err)
{
    modellab_status status;
    int rc;

    if (source_fd >= 0) {
        char *block = mli_alloc(alloc, BLOCK_BYTES);

        if (block == NULL) {
            return mli_no_memory(err);
        }
        status = copy_file(c, source_fd, block, err);
        mli_free(alloc, block);
    } else {
        status = copy_bytes(c, data, data_bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_copy_watch_tell(c->watch, c->bytes, err);
    }
    if (status == MODELLAB_OK) {
        rc = c->files->sync(c->files->user, c->out_fd);
        status = rc == 0 ? status : mli_fail_os(err, -rc, "cannot sync the input");
    }
    return status;
}

modellab_status mli_put_input(const mli_os_files *files, const char *path, int source_fd,
                              const void *data, size_t data_bytes, int64_t max_bytes,
                              const modellab_allocator *alloc, const mli_copy_watch *watch,
                              mli_input_facts *facts, modellab_error *err)
{
    char temporary[MLI_PATH_BYTES];
    copy c = {.files = files, .watch = watch, .max_bytes = max_bytes};
    modellab_status status;
    int rc = mli_os_format(temporary, sizeof temporary, "%s.tmp", path);

    facts->bytes = 0;
    facts->sha256[0] = '\0';
    if (rc < 0 || rc >= (int)sizeof temporary) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    mli_sha256_init(&c.hash);
    c.out_fd = files->open(files->user, temporary,
                           MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW,
                           MLI_FINISHED_FILE_MODE);
    if (c.out_fd < 0) {
        return mli_fail_os(err, -c.out_fd, "cannot store the input");
    }
    status = fill(&c, source_fd, data, data_bytes, alloc, err);
    rc = files->close(files->user, c.out_fd);
    if (status == MODELLAB_OK && rc == 0) {
        rc = files->rename(files->user, temporary, path);
    }
    if (status == MODELLAB_OK && rc != 0) {
        status = mli_fail_os(err, -rc, "cannot store the input");
    }
    if (status != MODELLAB_OK) {
        /* the caller removes the whole directory; this is the early, best-effort part of it */
        (void)files->unlink(files->user, temporary);
        return status;
    }
    facts->bytes = c.bytes;
    mli_sha256_hex(&c.hash, facts->sha256);
    return MODELLAB_OK;
}

modellab_status mli_rundir_put_input(const mli_os_files *files, const char *root,
                                     const char *run_id, int source_fd, const void *data,
                                     size_t data_bytes, int64_t max_bytes,
                                     const modellab_allocator *alloc, const mli_copy_watch *watch,
                                     mli_input_facts *facts, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_INPUT, path, err);

    facts->bytes = 0;
    facts->sha256[0] = '\0';
    return status == MODELLAB_OK ? mli_put_input(files, path, source_fd, data, data_bytes,
                                                 max_bytes, alloc, watch, facts, err)
                                 : status;
}
