/* modellab_pipeline: the built-in pipelines and the resolution of steps. */
#include "lab/pipeline.h"
#include "api/buffer.h"
#include "base/error.h"
#include "base/sized.h"
#include <modellab/pipeline.h>

size_t modellab_pipeline_count(void)
{
    return mli_pipeline_count();
}

modellab_status modellab_pipeline_at(size_t index, modellab_pipeline_info *out, modellab_error *err)
{
    const mli_pipeline *pipeline = mli_pipeline_at(index);
    modellab_pipeline_info full = {.size = sizeof full};

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    if (pipeline == NULL) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no pipeline with this index");
    }
    full.name = pipeline->name;
    full.text = pipeline->text;
    full.steps = pipeline->steps;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_pipeline_info, steps),
                         err);
}

modellab_status modellab_step_list(modellab_buffer **out, modellab_error *err)
{
    modellab_status status;
    mli_buf text;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    mli_buf_init(&text, NULL);
    status = mli_steps_write(&text, err);
    if (status == MODELLAB_OK) {
        return mli_buffer_from_buf(&text, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status modellab_pipeline_resolve(const char *name_or_steps, modellab_buffer **steps,
                                          modellab_report **report, modellab_error *err)
{
    mli_findings findings;
    modellab_status status = MODELLAB_OK;
    mli_buf text;

    if (report != NULL) {
        *report = NULL;
    }
    if (steps != NULL) {
        *steps = NULL;
    }
    if (name_or_steps == NULL || steps == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_findings_begin(&findings, NULL);
    mli_buf_init(&text, NULL);
    mli_pipeline_resolve(name_or_steps, "", &text, &findings);
    if (findings.worst >= MODELLAB_SEVERITY_ERROR) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "the steps are not valid; see the report");
    }
    if (report != NULL) {
        modellab_status made =
            mli_findings_finish(&findings, report, status == MODELLAB_OK ? err : NULL);

        status = status == MODELLAB_OK ? made : status;
    }
    mli_findings_dispose(&findings);
    if (status == MODELLAB_OK) {
        status = mli_buffer_from_buf(&text, steps, err);
    } else {
        mli_buf_dispose(&text);
    }
    if (status != MODELLAB_OK && status != MODELLAB_E_SCHEMA && report != NULL) {
        mli_report_unref(*report);
        *report = NULL;
    }
    return status;
}
