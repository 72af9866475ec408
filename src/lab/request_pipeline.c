/* The pipeline of a request: its options under those of the request, and its steps; or the steps
 * that the request names itself. */
#include "base/error.h"
#include "lab/pipeline.h"
#include "lab/request_private.h"
#include "lab/templates.h"
#include <string.h>

/* Puts the options of its pipeline under its own ones. */
MODELLAB_MUST_CHECK static modellab_status put_under(mli_request *r, const mli_json *config,
                                                     modellab_error *err)
{
    const mli_json *own = mli_json_get(r->given, "config");
    mli_json *base = NULL, *merged = NULL;
    mli_buf text;
    modellab_status status = MODELLAB_OK;

    mli_buf_init(&text, r->json.alloc);
    if (own != NULL) {
        status = mli_json_dump(own, &text, err);
        if (status == MODELLAB_OK) {
            status =
                mli_json_parse(text.data, text.size, MLI_REQUEST_MAX_BYTES, &r->own_config, err);
        }
        mli_buf_clear(&text);
    }
    mli_buf_append_text(&text, "{\"config\":");
    if (status == MODELLAB_OK) {
        status = mli_json_dump(config, &text, err);
    }
    mli_buf_append_char(&text, '}');
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MLI_REQUEST_MAX_BYTES, &base, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_json_merge_patch(base, r->given, &merged, err);
    }
    if (status == MODELLAB_OK) {
        mli_json_free(r->given);
        r->given = merged;
        r->has_defaults = true;
    }
    mli_json_free(base);
    mli_buf_dispose(&text);
    return status;
}

/* The pipeline that the request names: its options, and a template of the lab itself. */
modellab_status mli_request_take_pipeline(mli_request *r, const mli_request_defaults *defaults,
                                          modellab_error *err)
{
    const char *name = mli_json_string(mli_json_get(r->given, "pipeline"), "");
    const mli_pipeline *found = mli_pipeline_find(name);
    mli_json *config = NULL;
    modellab_status status = MODELLAB_OK;

    if (found == NULL && name[0] != '\0' && defaults->lab != NULL) {
        status = mli_template_load(defaults->lab, name, &r->template, err);
        if (status == MODELLAB_E_NOT_FOUND) {
            mli_error_clear(err); /* is told with what is near */
            status = MODELLAB_OK;
        }
        const mli_json *own = mli_json_get(r->template, "config");
        return status == MODELLAB_OK && own != NULL ? put_under(r, own, err) : status;
    }
    if (found == NULL || found->config == NULL) {
        return MODELLAB_OK;
    }
    status =
        mli_json_parse(found->config, strlen(found->config), MLI_REQUEST_MAX_BYTES, &config, err);
    if (status == MODELLAB_OK) {
        status = put_under(r, config, err);
    }
    mli_json_free(config);
    return status;
}

/* Resolves a list of steps in JSON; what prepares the audio comes to it. */
static void resolve_list(mli_request *r, const mli_json *steps, const char *pointer,
                         mli_findings *report)
{
    mli_buf names;

    mli_buf_init(&names, r->steps.alloc);
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        mli_buf_append_text(&names, mli_json_string(mli_json_at(steps, i), ""));
        mli_buf_append_char(&names, ',');
    }
    if (r->operators.count > 0) {
        mli_buf_append_text(&names, "enhance,");
    }
    if (names.status != MODELLAB_OK) {
        r->steps.status = names.status;
    } else {
        mli_steps_resolve(mli_buf_text(&names), pointer, &r->steps, report);
    }
    mli_buf_dispose(&names);
}

static void resolve_built_in(mli_request *r, const mli_pipeline *found, mli_findings *report)
{
    mli_buf names;

    if (r->operators.count == 0) {
        mli_buf_append_text(&r->steps, found->steps);
        return;
    }
    mli_buf_init(&names, r->steps.alloc);
    mli_buf_printf(&names, "%s,enhance", found->steps);
    if (names.status != MODELLAB_OK) {
        r->steps.status = names.status;
    } else {
        mli_steps_resolve(mli_buf_text(&names), "/pipeline", &r->steps, report);
    }
    mli_buf_dispose(&names);
}

void mli_request_resolve_steps(mli_request *r, mli_findings *report)
{
    const mli_json *steps = mli_json_get(r->given, "steps");
    const mli_json *pipeline = mli_json_get(r->given, "pipeline");
    const mli_pipeline *found;

    if (steps != NULL && pipeline != NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.both", "/steps",
                         "Give a pipeline or steps, not both.");
        return;
    }
    if (steps != NULL) {
        r->pipeline = "custom";
        resolve_list(r, steps, "/steps", report);
        return;
    }
    r->pipeline = mli_json_string(pipeline, "transcribe");
    found = mli_pipeline_find(r->pipeline);
    if (found != NULL) {
        resolve_built_in(r, found, report);
    } else if (r->template != NULL) {
        resolve_list(r, mli_json_get(r->template, "steps"), "/pipeline", report);
    } else { /* says what is nearest; a list of steps is not accepted here */
        mli_pipeline_resolve(r->pipeline, "/pipeline", &r->steps, report);
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.pipeline", "/pipeline",
                         "Name a pipeline here, and single steps in \"steps\".");
    }
}
