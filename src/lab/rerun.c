/* From an ended run and what is to be other to the submission of its child. */
#include "lab/rerun.h"

#include "base/error.h"
#include "base/json.h"
#include "lab/pipeline.h"
#include "lab/request.h"
#include "lab/state.h"
#include "lab/submit.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status patch_with(mli_json **value, const mli_json *patch,
                                                      modellab_error *err)
{
    mli_json *merged = NULL;
    modellab_status status = mli_json_merge_patch(*value, patch, &merged, err);
    if (status == MODELLAB_OK) {
        mli_json_free(*value);
        *value = merged;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status patch_text(mli_json **value, const char *text,
                                                      modellab_error *err)
{
    mli_json *patch = NULL;
    modellab_status status = mli_json_parse(text, strlen(text), 1024, &patch, err);
    if (status == MODELLAB_OK) {
        status = patch_with(value, patch, err);
        mli_json_free(patch);
    }
    return status;
}

/* An accepted request tells pipeline and steps; one of them was asked for. */
static bool drops_steps(const mli_json *request, const mli_json *patch)
{
    if (mli_json_get(patch, "steps") != NULL) {
        return false;
    }
    const char *pipeline = mli_json_string(mli_json_get(request, "pipeline"), "");
    /* a template of the lab may be another one by now: its steps stay */
    return mli_json_get(patch, "pipeline") != NULL || mli_pipeline_find(pipeline) != NULL;
}

modellab_status mli_rerun_request(const char *accepted, const mli_json *patch, mli_buf *out,
                                  modellab_error *err)
{
    mli_json *request = NULL;
    modellab_status status =
        mli_json_parse(accepted, strlen(accepted), MLI_REQUEST_MAX_BYTES, &request, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = patch_text(&request,
                        drops_steps(request, patch)
                            ? "{\"steps\":null,\"idempotency_key\":null,\"hold\":null}"
                            : "{\"pipeline\":null,\"idempotency_key\":null,\"hold\":"
                              "null}",
                        err);
    if (status == MODELLAB_OK && mli_json_get(patch, "max_attempts") != NULL) {
        status = patch_text(&request, "{\"retry\":{\"max_attempts\":null}}", err);
    }
    if (status == MODELLAB_OK &&
        mli_json_get(mli_json_get(patch, "retry"), "max_attempts") != NULL) {
        status = patch_text(&request, "{\"max_attempts\":null}", err);
    }
    if (status == MODELLAB_OK && mli_json_get(patch, "config") != NULL) {
        status = patch_text(&request, "{\"requested_config\":null}", err); /* other things are */
    }
    if (status == MODELLAB_OK && patch != NULL) {
        status = patch_with(&request, patch, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_json_dump(request, out, err);
    }
    mli_json_free(request);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_parent(const mli_run_row *run, bool ended_badly,
                                                        modellab_error *err)
{
    const char *name = mli_status_name_of_run(run->status);
    if (!mli_status_is_final(run->status)) {
        return mli_fail(err, MODELLAB_E_STATE, "the run has not ended (%s)", name);
    }
    if (run->is_record != 0) {
        return mli_fail(err, MODELLAB_E_STATE,
                        "a host recorded this run: it has no work that could be repeated");
    }
    if (ended_badly && run->status == MODELLAB_RUN_COMPLETED) {
        return mli_fail(err, MODELLAB_E_STATE,
                        "the run has completed; rerun it to have it done once more");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
submit(mli_lab *lab, const mli_run_record *parent, const char *request,
       const modellab_run_again_options *options, const mli_copy_watch *watch,
       char child_id[MLI_ULID_BYTES], modellab_report **report, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = request;
    o.request_id = options->request_id;
    o.trace_parent = options->trace_parent;
    o.trace_state = options->trace_state;
    if (parent->run->input_sha256[0] != '\0') {
        modellab_status status = mli_run_path(lab->root, parent->run->id, MLI_RUN_INPUT, path, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        o.input_path = path;
        o.input_name = parent->run->input_name;
    }
    return mli_run_submit_child(lab, &o, parent, NULL, watch, child_id, report, err);
}

MODELLAB_MUST_CHECK static modellab_status
repeat(mli_lab *lab, const char *run_id, bool ended_badly, const mli_json *patch,
       const modellab_run_again_options *options, const mli_copy_watch *watch,
       char child_id[MLI_ULID_BYTES], modellab_report **report, modellab_error *err)
{
    mli_run_record *parent = NULL;
    mli_buf request;
    modellab_status status = mli_lab_check(lab, true, err);
    if (status == MODELLAB_OK && !mli_ulid_valid(run_id)) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    if (status == MODELLAB_OK) {
        status = mli_store_load(lab->store, run_id, &parent, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&request, lab->alloc);
    status = check_parent(parent->run, ended_badly, err);
    if (status == MODELLAB_OK) {
        status = mli_rerun_request(parent->run->request_json, patch, &request, err);
    }
    if (status == MODELLAB_OK) {
        status = submit(lab, parent, mli_buf_text(&request), options, watch, child_id, report, err);
    }
    mli_buf_dispose(&request);
    mli_run_record_free(parent);
    return status;
}

modellab_status mli_run_retry(mli_lab *lab, const char *run_id,
                              const modellab_run_again_options *options,
                              const mli_copy_watch *watch, char child_id[MLI_ULID_BYTES],
                              modellab_error *err)
{
    child_id[0] = '\0';
    if (options->overrides != NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a retry has the same request; rerun it to change something");
    }
    return repeat(lab, run_id, true, NULL, options, watch, child_id, NULL, err);
}

modellab_status mli_run_rerun(mli_lab *lab, const char *run_id,
                              const modellab_run_again_options *options,
                              const mli_copy_watch *watch, char child_id[MLI_ULID_BYTES],
                              modellab_report **report, modellab_error *err)
{
    mli_json *patch = NULL;
    const char *text = options->overrides;
    child_id[0] = '\0';
    if (text != NULL) {
        size_t bytes = options->overrides_bytes > 0 ? options->overrides_bytes : strlen(text);
        modellab_status status = mli_json_parse(text, bytes, MLI_REQUEST_MAX_BYTES, &patch, err);
        if (status == MODELLAB_OK && mli_json_typeof(patch) != MLI_JSON_OBJECT) {
            mli_json_free(patch);
            status = mli_fail(err, MODELLAB_E_INVALID_JSON, "the changes must be a JSON object");
        }
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    modellab_status status =
        repeat(lab, run_id, false, patch, options, watch, child_id, report, err);
    mli_json_free(patch);
    return status;
}
