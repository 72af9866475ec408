/* Files that steps produce: written once, hashed, synced, and verified when they are read. */
#include "base/error.h"
#include "os/locale.h"
#include "store/rundir.h"
#include <string.h>

bool mli_artifact_name_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > 64 || name[0] == '.' || name[0] == '-' || name[0] == '_' ||
        strstr(name, "..") != NULL) {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

modellab_status mli_artifact_file(int64_t fence, const char *name, char out[96],
                                  modellab_error *err)
{
    if (fence < 0 || !mli_artifact_name_valid(name)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not a name of an artifact");
    }
    (void)mli_os_format(out, 96, "%lld-%s", (long long)fence, name); /* at most 84 bytes */
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status artifact_path(const char *root, const char *run_id,
                                                         const char *file, char out[MLI_PATH_BYTES],
                                                         modellab_error *err)
{
    char folder[MLI_PATH_BYTES];
    size_t length = strlen(file);
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_ARTIFACTS, folder, err);
    int bytes;

    if (status != MODELLAB_OK) {
        return status;
    }
    /* "12-transcript.json" or "12-<ULID>": nothing else may come out of a record or a journal */
    if (length == 0 || length > 95 || file[0] < '0' || file[0] > '9' ||
        strstr(file, "..") != NULL ||
        strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            length) {
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the artifact's file name is not valid");
    }
    bytes = mli_os_format(out, MLI_PATH_BYTES, "%s/%s", folder, file);
    return bytes < 0 || bytes >= MLI_PATH_BYTES
               ? mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long")
               : MODELLAB_OK;
}

modellab_status mli_artifact_write(const mli_os_files *files, const char *root, const char *run_id,
                                   const char *file, const void *data, size_t bytes,
                                   char sha256[65], modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_sha256 hash;
    modellab_status status = artifact_path(root, run_id, file, path, err);
    int rc;

    sha256[0] = '\0';
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, data, bytes);
    rc = mli_os_replace_file(files, path, data, bytes, MLI_FINISHED_FILE_MODE);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot write the artifact");
    }
    mli_sha256_hex(&hash, sha256);
    return MODELLAB_OK;
}

modellab_status mli_artifact_share(const mli_os_files *files, const char *root, const char *from_id,
                                   const char *from_file, const char *run_id, const char *file,
                                   modellab_error *err)
{
    char from[MLI_PATH_BYTES], to[MLI_PATH_BYTES];
    modellab_status status = artifact_path(root, from_id, from_file, from, err);
    int rc;

    if (status == MODELLAB_OK) {
        status = artifact_path(root, run_id, file, to, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    rc = files->link(files->user, from, to);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "an artifact cannot be shared");
}

MODELLAB_MUST_CHECK static modellab_status read_checked(const mli_os_files *files, int fd,
                                                        int64_t max_bytes, const char *sha256,
                                                        mli_buf *out, modellab_error *err)
{
    mli_os_stat info;
    mli_sha256 hash;
    char digits[65];
    int rc = files->fstat(files->user, fd, &info);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at the artifact");
    }
    if (info.kind != MLI_OS_REGULAR) {
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the artifact is not a file");
    }
    if (info.bytes > max_bytes) {
        return mli_fail_at(err, MODELLAB_E_LIMIT, info.bytes,
                           "the artifact has %lld bytes, at most %lld are allowed",
                           (long long)info.bytes, (long long)max_bytes);
    }
    while ((int64_t)out->size < info.bytes) {
        size_t left = (size_t)info.bytes - out->size;
        size_t block = left < 262144 ? left : 262144;
        void *room = mli_buf_extend(out, block);

        if (room == NULL) {
            return mli_buf_status(out, err);
        }
        rc = mli_os_read_all(files, fd, room, block);
        if (rc != 0) {
            return mli_fail_os(err, -rc, "cannot read the artifact");
        }
    }
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, out->size > 0 ? out->data : "", out->size);
    mli_sha256_hex(&hash, digits);
    return strcmp(digits, sha256) == 0
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the artifact's bytes are not those that were recorded");
}

modellab_status mli_artifact_open(const mli_os_files *files, const char *root, const char *run_id,
                                  const char *file, int *fd, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = artifact_path(root, run_id, file, path, err);

    *fd = -1;
    if (status != MODELLAB_OK) {
        return status;
    }
    *fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    return *fd >= 0 ? MODELLAB_OK : mli_fail_os(err, -*fd, "the artifact's file cannot be opened");
}

modellab_status mli_artifact_read(const mli_os_files *files, const char *root, const char *run_id,
                                  const char *file, int64_t max_bytes, const char *sha256,
                                  mli_buf *out, modellab_error *err)
{
    int fd = -1, rc;
    modellab_status status = mli_artifact_open(files, root, run_id, file, &fd, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = read_checked(files, fd, max_bytes, sha256, out, err);
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}
