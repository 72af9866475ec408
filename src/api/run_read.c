/* modellab_run: snapshots and lists of runs, and the names of statuses and reasons. */
#include "api/buffer.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/snapshot.h"
#include "lab/step_state.h"
#include <modellab/run.h>
#include <string.h>

const char *modellab_run_status_name(modellab_run_status status)
{
    return mli_status_name_of_run(status);
}

int32_t modellab_run_status_is_final(modellab_run_status status)
{
    return mli_status_is_final(status);
}

const char *modellab_reason_name(modellab_reason reason)
{
    return mli_reason_name(reason);
}

const char *modellab_reason_text(modellab_reason reason)
{
    return mli_reason_text(reason);
}

int32_t modellab_reason_is_recoverable(modellab_reason reason)
{
    return mli_reason_recoverable(reason);
}

void modellab_run_filter_init(modellab_run_filter *filter, size_t size)
{
    const modellab_run_filter init = MODELLAB_RUN_FILTER_INIT;

    mli_sized_init(filter, size, &init, sizeof init);
}

modellab_status modellab_run_load(modellab_lab *lab, const char *run_id, modellab_run **out,
                                  modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK && run_id == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "run_id must not be NULL");
    }
    return status == MODELLAB_OK ? mli_run_load(lab, run_id, out, err) : status;
}

modellab_run *modellab_run_ref(modellab_run *run)
{
    return mli_run_ref(run);
}

void modellab_run_unref(modellab_run *run)
{
    mli_run_unref(run);
}

MODELLAB_MUST_CHECK static modellab_status need(const void *run, const void *out,
                                                modellab_error *err)
{
    return run != NULL && out != NULL
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
}

modellab_status modellab_run_get_info(const modellab_run *run, modellab_run_info *info,
                                      modellab_error *err)
{
    modellab_run_info full;
    modellab_status status = need(run, info, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_run_fill_info(run, &full);
    return mli_sized_out(info, &full, sizeof full, MLI_SIZE_UP_TO(modellab_run_info, parent_run_id),
                         err);
}

size_t modellab_run_step_count(const modellab_run *run)
{
    return run == NULL ? 0 : run->record->step_count;
}

modellab_status modellab_run_step_at(const modellab_run *run, size_t index, modellab_step_info *out,
                                     modellab_error *err)
{
    modellab_step_info full = {.size = sizeof full};
    modellab_status status = need(run, out, err);
    const mli_step_row *row;

    if (status != MODELLAB_OK) {
        return status;
    }
    if (index >= run->record->step_count) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no step with this index");
    }
    row = &run->record->steps[index];
    full.name = row->name;
    full.message = row->message;
    full.status = row->status;
    full.reason = row->reason;
    full.started_ms = row->started_ms;
    full.ended_ms = row->ended_ms;
    full.cpu_seconds = row->cpu_seconds;
    full.peak_memory_bytes = row->peak_memory_bytes;
    full.key = row->key;
    full.reused_from = row->reused_from;
    full.attempt = row->attempt;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_step_info, attempt), err);
}

size_t modellab_run_artifact_count(const modellab_run *run)
{
    return run == NULL ? 0 : run->record->artifact_count;
}

modellab_status modellab_run_artifact_at(const modellab_run *run, size_t index,
                                         modellab_artifact_info *out, modellab_error *err)
{
    modellab_artifact_info full = {.size = sizeof full};
    modellab_status status = need(run, out, err);
    const mli_artifact_row *row;

    if (status != MODELLAB_OK) {
        return status;
    }
    if (index >= run->record->artifact_count) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no artifact with this index");
    }
    row = &run->record->artifacts[index];
    full.id = row->id;
    full.step = row->step;
    full.name = row->name;
    full.media_type = row->media_type;
    full.sha256 = row->sha256;
    full.bytes = row->bytes;
    full.is_late = strcmp(row->role, MLI_ROLE_LATE) == 0;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_artifact_info, bytes),
                         err);
}

modellab_status modellab_run_to_json(const modellab_run *run, modellab_buffer **out,
                                     modellab_error *err)
{
    modellab_status status = need(run, out, err);
    mli_buf json;

    if (out != NULL) {
        *out = NULL;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&json, run->lab->alloc);
    mli_run_write_json(run->record, &json);
    return mli_buffer_from_buf(&json, out, err);
}

modellab_status modellab_run_list_load(modellab_lab *lab, const modellab_run_filter *filter,
                                       modellab_run_list **out, modellab_error *err)
{
    modellab_run_filter taken = MODELLAB_RUN_FILTER_INIT;
    modellab_status status = mli_lab_check(lab, false, err);
    char before[MLI_ULID_BYTES];
    mli_store_filter wanted;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK) {
        status = mli_sized_in(&taken, sizeof taken, MLI_SIZE_UP_TO(modellab_run_filter, pipeline),
                              filter, err);
    }
    if (status == MODELLAB_OK && (taken.limit < 0 || taken.limit > 1000)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "limit is 1 to 1000");
    }
    if (status == MODELLAB_OK && taken.before_id != NULL && taken.before_id[0] != '\0' &&
        !mli_ulid_valid(taken.before_id)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "before must be the id of a run (26 characters)");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    wanted = (mli_store_filter){.status = taken.status,
                                .statuses = taken.statuses,
                                .limit = taken.limit == 0 ? 50 : taken.limit,
                                .before_id = taken.before_id,
                                .user = taken.user,
                                .pipeline = taken.pipeline,
                                .experiment_id = taken.experiment_id,
                                .model = taken.model,
                                .request_id = taken.request_id,
                                .text = taken.text,
                                .since_ms = taken.since_ms,
                                .until_ms = taken.until_ms};
    status = mli_run_list_order(taken.sort, taken.cursor, &wanted, before, err);
    if (status == MODELLAB_OK && wanted.sort != MLI_SORT_NEWEST && wanted.before_id != before &&
        taken.before_id != NULL && taken.before_id[0] != '\0') {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "before_id pages through the newest first; use the cursor");
    }
    return status == MODELLAB_OK ? mli_run_list_load(lab, &wanted, out, err) : status;
}

void modellab_run_list_unref(modellab_run_list *list)
{
    mli_run_list_unref(list);
}

size_t modellab_run_list_count(const modellab_run_list *list)
{
    return list == NULL ? 0 : list->count;
}

const modellab_run *modellab_run_list_at(const modellab_run_list *list, size_t index)
{
    return list == NULL || index >= list->count ? NULL : list->runs[index];
}

const char *modellab_run_list_cursor(const modellab_run_list *list)
{
    return list == NULL ? "" : list->cursor;
}
