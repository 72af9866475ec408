/* The files of experiments: <lab>/experiments/<id>/<sha256>, written once and never changed. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "os/locale.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status fits(int length, modellab_error *err)
{
    return length > 0 && length < MLI_PATH_BYTES
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
}

modellab_status mli_experiment_path(const mli_lab *lab, const char *name, char out[MLI_PATH_BYTES],
                                    modellab_error *err)
{
    return fits(mli_os_format(out, MLI_PATH_BYTES, "%s/experiments%s%s", lab->root,
                              name != NULL ? "/" : "", name != NULL ? name : ""),
                err);
}

modellab_status mli_experiment_object_path(const mli_lab *lab, const char *id, const char *sha256,
                                           char out[MLI_PATH_BYTES], modellab_error *err)
{
    return fits(mli_os_format(out, MLI_PATH_BYTES, "%s/experiments/%s/%s", lab->root, id, sha256),
                err);
}

modellab_status mli_experiment_read_fd(const mli_lab *lab, int fd, int64_t most, mli_buf *out,
                                       modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    for (;;) {
        char block[16384];
        const int64_t got = f->read(f->user, fd, block, sizeof block);
        if (got < 0)
            return mli_fail_os(err, (int)-got, "a file of the experiment cannot be read");
        if (got == 0)
            return mli_buf_status(out, err);
        if ((int64_t)out->size + got > most)
            return mli_fail(err, MODELLAB_E_LIMIT, "it has more than %lld bytes", (long long)most);
        mli_buf_append(out, block, (size_t)got);
        if (out->status != MODELLAB_OK)
            return mli_buf_status(out, err);
    }
}

modellab_status mli_experiment_read_object(const mli_lab *lab, const char *id, const char *sha256,
                                           int64_t most, mli_buf *out, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES], now[65];
    mli_sha256 hash;
    modellab_status status = mli_experiment_object_path(lab, id, sha256, path, err);
    if (status != MODELLAB_OK)
        return status;
    const int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    if (fd < 0)
        return mli_fail_os(err, -fd, "a file of the experiment cannot be opened");
    status = mli_experiment_read_fd(lab, fd, most, out, err);
    (void)f->close(f->user, fd); /* only read */
    if (status != MODELLAB_OK)
        return status;
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, mli_buf_text(out), out->size);
    mli_sha256_hex(&hash, now);
    return strcmp(now, sha256) == 0
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_HASH_MISMATCH, "a file of the experiment is damaged");
}
