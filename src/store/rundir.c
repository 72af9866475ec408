/* Run directories: paths, making and removing, the lock, small files. */
#include "store/rundir.h"

#include "base/error.h"
#include "base/id.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define FOLDER_MODE 0700
#define FILE_MODE 0600

static const char *const names[] = {
    [MLI_RUN_FOLDER] = "",
    [MLI_RUN_LOCK] = "/lock",
    [MLI_RUN_INPUT] = "/input",
    [MLI_RUN_REQUEST] = "/request.json",
    [MLI_RUN_JOURNAL] = "/journal.jsonl",
    [MLI_RUN_MANIFEST] = "/manifest.json",
    [MLI_RUN_PAGE] = "/page",
    [MLI_RUN_LOG] = "/log.jsonl",
    [MLI_RUN_ARTIFACTS] = "/artifacts",
};

modellab_status mli_run_path(const char *root, const char *run_id, mli_run_file what,
                             char out[MLI_PATH_BYTES], modellab_error *err)
{
    int length;

    out[0] = '\0';
    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not a run id");
    }
    length = mli_os_format(out, MLI_PATH_BYTES, "%s/runs/%s%s", root, run_id, names[what]);
    if (length < 0 || length >= MLI_PATH_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    return MODELLAB_OK;
}

static int make_empty_file(const mli_os_files *files, const char *path)
{
    int fd =
        files->open(files->user, path, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_NOFOLLOW, FILE_MODE);
    int closed;

    if (fd < 0) {
        return fd;
    }
    closed = files->close(files->user, fd);
    return closed;
}

modellab_status mli_rundir_make(const mli_os_files *files, const char *root, const char *run_id,
                                modellab_error *err)
{
    static const mli_run_file empty[] = {MLI_RUN_LOCK, MLI_RUN_JOURNAL};
    char path[MLI_PATH_BYTES], folder[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_FOLDER, folder, err);
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    rc = files->mkdir(files->user, folder, FOLDER_MODE);
    if (rc == 0) {
        status = mli_run_path(root, run_id, MLI_RUN_ARTIFACTS, path, err);
        rc = status == MODELLAB_OK ? files->mkdir(files->user, path, FOLDER_MODE) : 0;
    }
    /* The journal is there from the beginning, so that its name is safe before its first line is.
     */
    for (size_t i = 0; i < sizeof empty / sizeof *empty && status == MODELLAB_OK && rc == 0; i++) {
        status = mli_run_path(root, run_id, empty[i], path, err);
        rc = status == MODELLAB_OK ? make_empty_file(files, path) : 0;
    }
    return rc == 0 ? status : mli_fail_os(err, -rc, "cannot make the run's directory");
}

modellab_status mli_rundir_sync(const mli_os_files *files, const char *root, const char *run_id,
                                modellab_error *err)
{
    char folder[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_FOLDER, folder, err);
    int rc = status == MODELLAB_OK ? mli_os_sync_dir(files, folder) : 0;

    return rc == 0 ? status : mli_fail_os(err, -rc, "cannot sync the run's directory");
}

modellab_status mli_rundir_create(const mli_os_files *files, const char *root, const char *run_id,
                                  modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_rundir_make(files, root, run_id, err);
    int rc = 0;

    if (status == MODELLAB_OK) {
        status = mli_rundir_sync(files, root, run_id, err);
    }
    if (status == MODELLAB_OK) {
        int length = mli_os_format(path, sizeof path, "%s/runs", root);

        rc = length < 0 ? -ENAMETOOLONG : mli_os_sync_dir(files, path);
    }
    return rc == 0 ? status : mli_fail_os(err, -rc, "cannot make the run's directory");
}

modellab_status mli_rundir_remove(const mli_os_files *files, const char *root, const char *run_id,
                                  modellab_error *err)
{
    char folder[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_FOLDER, folder, err);
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    rc = mli_os_remove_tree(files, folder);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot remove the run's directory");
}

modellab_status mli_rundir_lock(const mli_os_files *files, const char *root, const char *run_id,
                                int *fd, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_LOCK, path, err);
    int opened, rc;

    *fd = -1;
    if (status != MODELLAB_OK) {
        return status;
    }
    opened = files->open(files->user, path,
                         MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_NOFOLLOW, FILE_MODE);
    if (opened < 0) {
        return mli_fail_os(err, -opened, "cannot open the run's lock");
    }
    rc = files->lock(files->user, opened, false);
    if (rc == 0) {
        *fd = opened;
        return MODELLAB_OK;
    }
    status = rc == -EWOULDBLOCK ? mli_fail(err, MODELLAB_E_BUSY, "the run is being executed")
                                : mli_fail_os(err, -rc, "cannot lock the run");
    rc = files->close(files->user, opened);
    return rc == 0 || status != MODELLAB_E_BUSY ? status
                                                : mli_fail_os(err, -rc, "cannot close the lock");
}

modellab_status mli_rundir_put_request(const mli_os_files *files, const char *root,
                                       const char *run_id, const char *json, size_t bytes,
                                       modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_REQUEST, path, err);
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    rc = mli_os_write_file(files, path, json, bytes, FILE_MODE);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot write the run's request");
}

/* Reads an open file to its end, at most max_bytes. */
MODELLAB_MUST_CHECK static modellab_status
read_whole(const mli_os_files *files, int fd, size_t max_bytes, mli_buf *out, modellab_error *err)
{
    size_t start = out->size;

    for (;;) {
        void *room = mli_buf_extend(out, 16384);
        int64_t got;

        if (room == NULL) {
            return mli_buf_status(out, err);
        }
        got = files->read(files->user, fd, room, 16384);
        out->size -= 16384 - (got > 0 ? (size_t)got : 0);
        out->data[out->size] = '\0';
        if (got < 0) {
            return mli_fail_os(err, (int)-got, "cannot read a file of the run");
        }
        if (got == 0) {
            return MODELLAB_OK;
        }
        if (out->size - start > max_bytes) {
            return mli_fail(err, MODELLAB_E_LIMIT, "a file of the run is larger than allowed");
        }
    }
}

modellab_status mli_run_file_read(const mli_os_files *files, const char *root, const char *run_id,
                                  mli_run_file what, size_t max_bytes, mli_buf *out,
                                  modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, what, path, err);
    int fd, rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "cannot open %s of the run", names[what] + 1);
    }
    status = read_whole(files, fd, max_bytes, out, err);
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}

typedef struct listing {
    int (*each)(void *arg, const char *run_id);
    int (*strange)(void *arg, const char *name);
    void *arg;
} listing;

static int on_name(void *arg, const char *name)
{
    const listing *l = arg;

    if (mli_ulid_valid(name)) {
        return l->each(l->arg, name);
    }
    return l->strange != NULL ? l->strange(l->arg, name) : 0;
}

modellab_status mli_rundir_list(const mli_os_files *files, const char *root,
                                int (*each)(void *arg, const char *run_id),
                                int (*strange)(void *arg, const char *name), void *arg,
                                modellab_error *err)
{
    listing l = {each, strange, arg};
    char path[MLI_PATH_BYTES];
    int length = mli_os_format(path, sizeof path, "%s/runs", root), rc;

    if (length < 0 || length >= (int)sizeof path) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    rc = files->list(files->user, path, on_name, &l);
    return rc < 0 ? mli_fail_os(err, -rc, "cannot list the runs' directory") : MODELLAB_OK;
}
