/* modellab_artifact: files of runs, read in pieces. */
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/artifact_file.h"

modellab_status modellab_artifact_open(modellab_lab *lab, const char *run_id,
                                       const char *artifact_id, modellab_artifact **out,
                                       modellab_error *err)
{
    modellab_status status;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (run_id == NULL || artifact_id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "ids must not be NULL");
    }
    status = mli_lab_check(lab, false, err);
    return status == MODELLAB_OK ? mli_artifact_file_open(lab, run_id, artifact_id, out, err)
                                 : status;
}

modellab_status modellab_artifact_get_info(const modellab_artifact *artifact,
                                           modellab_artifact_info *out, modellab_error *err)
{
    if (artifact == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    return mli_sized_out(out, &artifact->info, sizeof artifact->info,
                         MLI_SIZE_UP_TO(modellab_artifact_info, bytes), err);
}

modellab_status modellab_artifact_read(modellab_artifact *artifact, int64_t offset, void *data,
                                       size_t bytes, size_t *got, modellab_error *err)
{
    size_t ignored;

    got = got == NULL ? &ignored : got;
    *got = 0;
    if (artifact == NULL || (data == NULL && bytes > 0) || offset < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "artifact and data must not be NULL, offset not negative");
    }
    return mli_artifact_file_read(artifact, offset, data, bytes, got, err);
}

modellab_status modellab_artifact_verify(modellab_artifact *artifact, modellab_cancel *cancel,
                                         modellab_error *err)
{
    if (artifact == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "artifact must not be NULL");
    }
    return mli_artifact_file_verify(artifact, mli_cancel_word_of(cancel), err);
}

void modellab_artifact_close(modellab_artifact *artifact)
{
    mli_artifact_file_close(artifact);
}
