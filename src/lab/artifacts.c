/* Reading artifacts: the winning row names the file; the bytes are compared with their sha256. */
#include "lab/artifacts.h"

#include "base/error.h"
#include "lab/run_log.h"
#include "log/logger.h"
#include <string.h>

static const mli_artifact_row *find(const mli_run_record *record, const char *artifact_id)
{
    for (size_t i = 0; i < record->artifact_count; i++) {
        if (strcmp(record->artifacts[i].id, artifact_id) == 0) {
            return &record->artifacts[i];
        }
    }
    return NULL;
}

modellab_status mli_run_read_artifact(mli_lab *lab, const char *run_id, const char *artifact_id,
                                      int64_t max_bytes, mli_buf *out, modellab_error *err)
{
    mli_run_record *record = NULL;
    const mli_artifact_row *artifact;
    modellab_status status;

    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    artifact = find(record, artifact_id);
    if (artifact != NULL && (record->run->removed & MLI_PART_ARTIFACTS) != 0) {
        mli_run_record_free(record);
        return mli_fail(err, MODELLAB_E_NOT_FOUND,
                        "the run's artifacts were taken away (retention)");
    }
    status = artifact == NULL
                 ? mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no artifact of this id")
                 : mli_artifact_read(lab->os.files, lab->root, run_id, artifact->file, max_bytes,
                                     artifact->sha256, out, err);
    if (status == MODELLAB_E_HASH_MISMATCH ||
        (artifact != NULL && status == MODELLAB_E_NOT_FOUND)) {
        modellab_logger *log = mli_run_log(lab, record->run);

        mli_log_error(log, MODELLAB_LOG_ERROR, "artifact.damaged",
                      "an artifact is not what was recorded", status, err);
        mli_logger_unref(log);
    }
    mli_run_record_free(record);
    return status;
}
