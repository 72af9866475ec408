/* modellab_record: a host records its own work. */
#include "lab/record.h"
#include "base/error.h"
#include "base/sized.h"

void modellab_record_options_init(modellab_record_options *options, size_t size)
{
    const modellab_record_options init = MODELLAB_RECORD_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status need(const void *first, const void *second,
                                                modellab_error *err)
{
    return first != NULL && second != NULL
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
}

modellab_status modellab_record_begin(modellab_lab *lab, const modellab_record_options *options,
                                      modellab_record **out, modellab_error *err)
{
    modellab_record_options taken = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_status status = need(lab, out, err);

    if (out != NULL) {
        *out = NULL;
    }
    if (status == MODELLAB_OK) {
        status = mli_sized_in(&taken, sizeof taken, MLI_SIZE_UP_TO(modellab_record_options, caps),
                              options, err);
    }
    return status == MODELLAB_OK ? mli_record_begin(lab, &taken, out, err) : status;
}

const char *modellab_record_run_id(const modellab_record *record)
{
    return record == NULL ? "" : record->ids.run_id;
}

modellab_logger *modellab_record_logger(modellab_record *record)
{
    return record == NULL ? NULL : record->logger;
}

modellab_tracker *modellab_record_tracker(modellab_record *record)
{
    return record == NULL ? NULL : record->tracker;
}

modellab_status modellab_record_step_begin(modellab_record *record, const char *name,
                                           modellab_error *err)
{
    modellab_status status = need(record, name, err);

    return status == MODELLAB_OK ? mli_record_step_begin(record, name, err) : status;
}

modellab_status modellab_record_step_end(modellab_record *record, modellab_run_status status,
                                         const char *message, modellab_error *err)
{
    modellab_status checked = need(record, record, err);

    return checked == MODELLAB_OK ? mli_record_step_end(record, status, message, err) : checked;
}

modellab_status modellab_record_add_artifact(modellab_record *record, const char *name,
                                             const char *media_type, const void *data, size_t bytes,
                                             char artifact_id[MODELLAB_RUN_ID_BYTES],
                                             modellab_error *err)
{
    modellab_status status = need(record, name, err);

    if (artifact_id != NULL) {
        artifact_id[0] = '\0';
    }
    if (status == MODELLAB_OK && data == NULL && bytes > 0) {
        status = need(record, data, err);
    }
    return status == MODELLAB_OK
               ? mli_record_add_artifact(
                     record, name, media_type == NULL ? "application/octet-stream" : media_type,
                     data == NULL ? "" : data, bytes, artifact_id, err)
               : status;
}

modellab_status modellab_record_check(modellab_record *record, modellab_error *err)
{
    modellab_status status = need(record, record, err);

    return status == MODELLAB_OK ? mli_record_check(record, err) : status;
}

void modellab_record_progress(modellab_record *record, double audio_seconds)
{
    if (record != NULL) {
        mli_record_progress(record, audio_seconds);
    }
}

modellab_status modellab_record_tell(modellab_record *record, const char *details,
                                     modellab_error *err)
{
    modellab_status status = need(record, details, err);

    return status == MODELLAB_OK ? mli_record_tell(record, details, err) : status;
}

modellab_status modellab_record_finish(modellab_record *record, modellab_run_status status,
                                       modellab_reason reason, const char *message,
                                       modellab_error *err)
{
    modellab_status checked = need(record, record, err);

    return checked == MODELLAB_OK ? mli_record_finish(record, status, reason, message, err)
                                  : checked;
}

void modellab_record_destroy(modellab_record *record)
{
    mli_record_destroy(record);
}
