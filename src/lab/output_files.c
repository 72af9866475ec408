/* The files of an attempt: made by its supervisor before it begins, empty, and taken away after it
 * when nothing was said of them. */
#include "lab/outputs.h"

#include "base/error.h"
#include "lab/pipeline.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include "store/rundir.h"
#include <errno.h>
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status path_of(const mli_lab *lab, const char *run_id,
                                                   int64_t fence, const char *name,
                                                   char out[MLI_PATH_BYTES], modellab_error *err)
{
    char file[96];
    modellab_status status = mli_artifact_file(fence, name, file, err);
    if (status == MODELLAB_OK) {
        status = mli_run_path(lab->root, run_id, MLI_RUN_ARTIFACTS, out, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    size_t end = strlen(out);
    int n = mli_os_format(out + end, MLI_PATH_BYTES - end, "/%s", file);
    return n < 0 || (size_t)n >= MLI_PATH_BYTES - end
               ? mli_fail(err, MODELLAB_E_LIMIT, "the lab's path is too long")
               : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_one(const mli_lab *lab, const mli_run_row *row,
                                                    const char *name, int *fd, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    modellab_status status = path_of(lab, row->id, row->fence, name, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const int flags =
        MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE | MLI_OS_NOFOLLOW;
    int got = f->open(f->user, path, flags, MLI_FINISHED_FILE_MODE);
    if (got == -EEXIST) {
        /* In a lab that was put back from a backup of its database made before that of its files
         * the attempt of this number was once made already. */
        int gone = f->unlink(f->user, path);
        got = gone == 0 ? f->open(f->user, path, flags, MLI_FINISHED_FILE_MODE) : gone;
    }
    if (got < 0) {
        return mli_fail_os(err, -got, "the file of the artifact %s could not be made", name);
    }
    *fd = got;
    return MODELLAB_OK;
}

/* One that is not there, or cannot be opened, is not offered: the step is done again. */
MODELLAB_MUST_CHECK static modellab_status open_offer(const mli_lab *lab, const mli_run_row *row,
                                                      const char *name, int *fd,
                                                      modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    modellab_status status = path_of(lab, row->id, 0, name, path, err);
    if (status == MODELLAB_OK) {
        int got = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
        *fd = got >= 0 ? got : -1;
    }
    return status;
}

modellab_status mli_output_files_make(const mli_lab *lab, const mli_run_row *row,
                                      const mli_outputs *outputs, int results[MLI_OUTPUTS_MOST],
                                      int offers[MLI_OUTPUTS_MOST], modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < outputs->count; i++) {
        status = make_one(lab, row, outputs->names[i], &results[i], err);
        if (status == MODELLAB_OK && row->parent_run_id[0] != '\0') {
            status = open_offer(lab, row, outputs->names[i], &offers[i], err);
        }
    }
    return status;
}

static bool is_among(const mli_artifact_row *rows, size_t count, int64_t fence, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].fence == fence && strcmp(rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_recorded(const mli_run_record *record, const mli_ingest_batch *lines,
                        const char *name)
{
    int64_t fence = record->run->fence;
    bool found = is_among(record->artifacts, record->artifact_count, fence, name);
    for (size_t i = 0; !found && i < lines->count; i++) {
        const mli_store_change *change = lines->changes[i];
        found = is_among(change->artifacts, change->artifact_count, fence, name);
    }
    return found;
}

MODELLAB_MUST_CHECK static modellab_status remove_one(const mli_lab *lab, const mli_run_row *run,
                                                      int64_t fence, const char *name, bool unended,
                                                      modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = lab->os.files;
    mli_os_stat facts;
    modellab_status status = path_of(lab, run->id, fence, name, path, err);
    int rc = status == MODELLAB_OK ? f->stat(f->user, path, false, &facts) : -ENOENT;
    if (rc == 0 && fence > 0 && facts.bytes > 0 && !unended) {
        return status; /* written, although nothing tells of it: it stays for people */
    }
    rc = rc == 0 ? f->unlink(f->user, path) : rc;
    return rc == 0 || rc == -ENOENT || rc == -ENOTDIR
               ? status
               : mli_fail_os(err, -rc, "a file that nothing tells of could not be removed");
}

/* What a step writes piece by piece is worth nothing before its end, and may be large. */
static bool is_stream(const mli_run_row *run, const char *name)
{
    const char *steps = run->steps, *step;
    size_t bytes;
    bool found = false;
    while (!found && mli_steps_next(&steps, &step, &bytes)) {
        const mli_step_kind *kind = mli_step_kind_at(mli_step_kind_index(step, bytes));
        found = kind != NULL && kind->streams != NULL && mli_steps_contain(kind->streams, name);
    }
    return found;
}

void mli_output_files_tidy(const mli_lab *lab, const mli_run_record *record,
                           const mli_ingest_batch *lines, bool whole, bool is_final,
                           modellab_logger *log)
{
    const mli_run_row *run = record->run;
    mli_outputs outputs;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_outputs_of_row(run, &outputs, &err);
    for (size_t i = 0; status == MODELLAB_OK && i < outputs.count; i++) {
        const char *name = outputs.names[i];
        if (!is_recorded(record, lines, name)) {
            status = remove_one(lab, run, run->fence, name, whole && is_stream(run, name), &err);
        }
        if (status == MODELLAB_OK && is_final && run->parent_run_id[0] != '\0') {
            status = remove_one(lab, run, 0, name, false, &err);
        }
    }
    if (status != MODELLAB_OK) {
        mli_log_error(log, MODELLAB_LOG_WARN, "artifact.files_left",
                      "files without a record may be left among the run's artifacts", status, &err);
    }
}
