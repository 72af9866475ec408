/* The disk guard: no run is accepted that would leave less than the configured space; and what the
 * lab takes by class. */
#include "lab/disk.h"

#include "base/error.h"
#include "lab/reserve.h"
#include "lab/retention.h"
#include "lab/tree_bytes.h"
#include "lab/uploads.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define BASE_BYTES ((int64_t)256 * 1024)
#define LOWEST_BYTES_PER_SECOND 500.0 /* 4 kbit/s */
#define SECONDS_IN_MEMORY 60.0
#define SPOOL_BYTES_PER_SECOND 64000.0 /* 16 kHz, 4 bytes */
#define RESULT_BYTES_PER_SECOND 1024.0 /* segments with word times, in journal and artifacts */

modellab_status mli_lab_check_disk(const mli_lab *lab, int64_t bytes, modellab_error *err)
{
    int64_t free_bytes = 0, total_bytes = 0;
    int rc = lab->os.files->free_bytes(lab->os.files->user, lab->root, &free_bytes, &total_bytes);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot ask for the free space of the lab's disk");
    }
    if (free_bytes < bytes || free_bytes - bytes < lab->settings.min_free_bytes) {
        return mli_fail_at(err, MODELLAB_E_NO_SPACE, free_bytes,
                           "the lab's disk has %lld MiB free, the run needs about %lld MiB, and "
                           "%lld MiB must stay free; make room (`modellab admin cleanup`) or lower "
                           "MODEL_LAB_MIN_FREE_BYTES",
                           (long long)(free_bytes >> 20), (long long)(bytes >> 20),
                           (long long)(lab->settings.min_free_bytes >> 20));
    }
    return MODELLAB_OK;
}

int64_t mli_run_disk_estimate(int64_t input_bytes, double audio_seconds)
{
    double most = (double)input_bytes / LOWEST_BYTES_PER_SECOND;
    double seconds = audio_seconds > most ? most : audio_seconds;
    double spool = seconds > SECONDS_IN_MEMORY ? seconds * SPOOL_BYTES_PER_SECOND : 0;
    double results = seconds > 0 ? seconds * RESULT_BYTES_PER_SECOND : 0;

    return input_bytes + BASE_BYTES + (int64_t)(spool + results);
}

MODELLAB_MUST_CHECK static modellab_status add(int rc, const mli_tree_bytes *tree, int64_t *to,
                                               modellab_error *err)
{
    if (rc != 0 && rc != -ENOENT) {
        return mli_fail_os(err, -rc, "a folder could not be looked at");
    }
    *to += tree->bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status file_bytes(const mli_lab *lab, const char *path,
                                                      int64_t *to, modellab_error *err)
{
    mli_os_stat facts;
    int rc = lab->os.files->stat(lab->os.files->user, path, false, &facts);

    if (rc == 0) {
        *to += facts.bytes;
    }
    return rc == 0 || rc == -ENOENT ? MODELLAB_OK
                                    : mli_fail_os(err, -rc, "a file could not be looked at");
}

modellab_status mli_run_bytes_of(const mli_lab *lab, const char *run_id, mli_run_bytes *out,
                                 modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_tree_bytes tree;
    int64_t all = 0;
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_FOLDER, path, err);

    memset(out, 0, sizeof *out);
    if (status == MODELLAB_OK) {
        status = add(mli_tree_bytes_of(lab->os.files, path, &tree), &tree, &all, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_run_path(lab->root, run_id, MLI_RUN_INPUT, path, err);
    }
    if (status == MODELLAB_OK) {
        status = file_bytes(lab, path, &out->input, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_run_path(lab->root, run_id, MLI_RUN_ARTIFACTS, path, err);
    }
    if (status == MODELLAB_OK) {
        status = add(mli_tree_bytes_of(lab->os.files, path, &tree), &tree, &out->artifacts, err);
    }
    out->other = all - out->input - out->artifacts;
    out->other = out->other > 0 ? out->other : 0;
    return status;
}

typedef struct usage_walk {
    mli_lab *lab;
    modellab_disk_usage *out;
    modellab_status status;
    modellab_error *err;
} usage_walk;

static int add_run(void *arg, const char *run_id)
{
    usage_walk *w = arg;
    mli_run_bytes bytes;

    w->status = mli_run_bytes_of(w->lab, run_id, &bytes, w->err);
    if (w->status != MODELLAB_OK) {
        return 1;
    }
    w->out->runs++;
    w->out->input_bytes += bytes.input;
    w->out->artifact_bytes += bytes.artifacts;
    w->out->journal_bytes += bytes.other;
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status store_bytes(mli_lab *lab, modellab_disk_usage *out,
                                                       modellab_error *err)
{
    static const char *const names[] = {MLI_STORE_FILE, MLI_STORE_FILE "-wal",
                                        MLI_STORE_FILE "-shm", MLI_BELL_FILE, MLI_RESERVE_FILE};
    char path[MLI_PATH_BYTES];
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < sizeof names / sizeof *names; i++) {
        int n = mli_os_format(path, sizeof path, "%s/%s", lab->root, names[i]);

        status = n < 0 || n >= (int)sizeof path
                     ? mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long")
                     : file_bytes(lab, path, &out->store_bytes, err);
    }
    return status;
}

/* A folder of other users may not be readable: then its size is not known. */
static int64_t folder_bytes(const mli_lab *lab, const char *path)
{
    mli_tree_bytes tree;
    int rc = mli_tree_bytes_of(lab->os.files, path, &tree);

    return rc == 0 || rc == -ENOENT ? tree.bytes : -1;
}

modellab_status mli_lab_disk_usage(mli_lab *lab, modellab_disk_usage *out, modellab_error *err)
{
    usage_walk w = {.lab = lab, .out = out, .err = err};
    const mli_lab_settings *settings = &lab->settings;
    char uploads[MLI_PATH_BYTES];
    modellab_status status;
    int rc;

    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    status = mli_rundir_list(lab->os.files, lab->root, add_run, NULL, &w, err);
    status = status == MODELLAB_OK ? w.status : status;
    if (status == MODELLAB_OK) {
        status = store_bytes(lab, out, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_upload_path(lab, NULL, NULL, uploads, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    out->upload_bytes = folder_bytes(lab, uploads);
    out->cache_bytes = folder_bytes(lab, lab->cache_root);
    out->models_bytes = folder_bytes(lab, lab->models_root);
    rc = lab->os.files->free_bytes(lab->os.files->user, lab->root, &out->free_bytes,
                                   &out->total_bytes);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot ask for the free space of the lab's disk");
    }
    out->min_free_bytes = settings->min_free_bytes;
    out->max_bytes = settings->retention_max_bytes;
    out->retention_ms = settings->retention_ms;
    out->accepted_bytes = out->free_bytes - settings->min_free_bytes - BASE_BYTES;
    out->accepted_bytes = out->accepted_bytes > settings->max_input_bytes
                              ? settings->max_input_bytes
                              : out->accepted_bytes;
    out->accepted_bytes = out->accepted_bytes > 0 ? out->accepted_bytes : 0;
    return MODELLAB_OK;
}
