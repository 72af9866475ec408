/* Candidates of an experiment: the requests as runs of this lab would have them accepted, and which
 * weights their models are. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "lab/model_fit.h"
#include "lab/request_lab.h"
#include "os/locale.h"
#include <string.h>

/* sha256 of an installed model's weights, as a run records it. */
MODELLAB_MUST_CHECK static modellab_status identity_of(const mli_lab *lab, const char *name,
                                                       char sha256[65], modellab_error *err)
{
    const mli_model_store store = {
        .alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_model_files files;
    modellab_status status = mli_model_store_open(&store, name, &files, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_model_files_sha256(&files, NULL, err); /* stands in what was installed */
    memcpy(sha256, files.sha256, 65);
    mli_model_files_dispose(&files);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
put_models(const mli_lab *lab, const mli_request *request, mli_jw *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_jw_key(out, "models");
    mli_jw_array(out);
    for (size_t i = 0; status == MODELLAB_OK && i < request->model_count; i++) {
        const mli_request_model *m = &request->models[i];
        char sha256[65] = "";
        status = identity_of(lab, m->name, sha256, err);
        mli_jw_object(out);
        mli_jw_kstring(out, "step", m->step);
        mli_jw_kstring(out, "option", m->key);
        mli_jw_kstring(out, "name", m->name);
        mli_jw_kstring(out, "sha256", sha256);
        mli_jw_end_object(out);
    }
    mli_jw_end_array(out);
    return status;
}

/* Models that are not installed are findings like others; so is a pipeline that works on nothing.
 */
MODELLAB_MUST_CHECK static modellab_status check(mli_lab *lab, const mli_request *request,
                                                 mli_findings *report, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    const modellab_status status = mli_models_check(lab, request, report, &why);
    if (status != MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR)
        return mli_fail(err, status, "%s", why.message);
    if (!request->needs_input)
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "experiment.no_input", "",
                         "This pipeline works without an input.");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status put_one(mli_lab *lab, const mli_json *candidate,
                                                   mli_jw *out, mli_findings *report,
                                                   modellab_error *err)
{
    mli_request request;
    mli_buf text;
    mli_buf_init(&text, lab->alloc);
    modellab_status status = mli_json_dump(mli_json_get(candidate, "request"), &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    status = mli_lab_read_request(lab, text.data, text.size, &request, report, err);
    if (status == MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR)
        status = check(lab, &request, report, err);
    if (status == MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR) {
        mli_jw_object(out);
        mli_jw_kstring(out, "name", mli_json_string(mli_json_get(candidate, "name"), ""));
        mli_jw_key(out, "request");
        mli_jw_raw(out, mli_buf_text(&request.json), request.json.size);
        status = put_models(lab, &request, out, err);
        mli_jw_end_object(out);
    }
    mli_request_dispose(&request);
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_experiment_candidates(mli_lab *lab, const mli_json *document, mli_jw *out,
                                          mli_findings *report, modellab_error *err)
{
    const mli_json *candidates = mli_json_get(document, "candidates");
    modellab_status status = MODELLAB_OK;
    mli_jw_array(out);
    for (size_t i = 0; status == MODELLAB_OK && i < mli_json_count(candidates); i++) {
        char pointer[64];
        mli_findings own;
        mli_findings_begin(&own, lab->alloc);
        status = put_one(lab, mli_json_at(candidates, i), out, &own, err);
        (void)mli_os_format(pointer, sizeof pointer, "/candidates/%zu/request", i);
        mli_experiment_add_findings(report, pointer, &own);
        mli_findings_dispose(&own);
    }
    mli_jw_end_array(out);
    if (status == MODELLAB_OK && report->status != MODELLAB_OK)
        status = mli_no_memory(err);
    return status == MODELLAB_OK ? mli_buf_status(out->out, err) : status;
}

modellab_status mli_experiment_check_models(const mli_lab *lab, const mli_json *snapshot,
                                            modellab_error *err)
{
    const mli_json *candidates = mli_json_get(snapshot, "candidates");
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; i < mli_json_count(candidates); i++) {
        const mli_json *models = mli_json_get(mli_json_at(candidates, i), "models");
        for (size_t m = 0; status == MODELLAB_OK && m < mli_json_count(models); m++) {
            const mli_json *model = mli_json_at(models, m);
            const char *name = mli_json_string(mli_json_get(model, "name"), "");
            char now[65] = "";
            status = identity_of(lab, name, now, err);
            if (status == MODELLAB_OK &&
                strcmp(now, mli_json_string(mli_json_get(model, "sha256"), "")) != 0)
                status = mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                                  "the model \"%s\" is another one than when the experiment was "
                                  "made: create it anew",
                                  name);
        }
    }
    return status;
}
