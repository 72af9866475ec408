/* modellab_pipeline: those of a lab, built in or stored by its user. */
#include "api/buffer.h"
#include "base/error.h"
#include "lab/lab.h"
#include "lab/templates.h"
#include <modellab/pipeline.h>
#include <string.h>

/* Hands a text out, or what failed. */
MODELLAB_MUST_CHECK static modellab_status hand_out(mli_buf *text, modellab_status status,
                                                    modellab_buffer **out, modellab_error *err)
{
    if (status == MODELLAB_OK) {
        return mli_buffer_from_buf(text, out, err);
    }
    mli_buf_dispose(text);
    return status;
}

modellab_status modellab_pipeline_list(modellab_lab *lab, modellab_buffer **out,
                                       modellab_error *err)
{
    modellab_status status;
    mli_buf text;

    if (out != NULL) {
        *out = NULL;
    }
    if (lab == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_lab_check(lab, false, err);
    if (status == MODELLAB_OK) {
        status = mli_pipelines_write(lab, &text, err);
    }
    return hand_out(&text, status, out, err);
}

modellab_status modellab_pipeline_load(modellab_lab *lab, const char *name, modellab_buffer **out,
                                       modellab_error *err)
{
    modellab_status status;
    mli_buf text;

    if (out != NULL) {
        *out = NULL;
    }
    if (lab == NULL || name == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_lab_check(lab, false, err);
    if (status == MODELLAB_OK) {
        status = mli_pipeline_write(lab, name, &text, err);
    }
    return hand_out(&text, status, out, err);
}

/* The report goes out also when the definition is refused; when it cannot be made, that is told
 * unless something else has failed already. */
MODELLAB_MUST_CHECK static modellab_status end(mli_findings *findings, modellab_status status,
                                               modellab_report **report, modellab_error *err)
{
    if (report != NULL) {
        modellab_status made =
            mli_findings_finish(findings, report, status == MODELLAB_OK ? err : NULL);

        status = status == MODELLAB_OK ? made : status;
    }
    mli_findings_dispose(findings);
    return status;
}

modellab_status modellab_pipeline_check(modellab_lab *lab, const char *definition, size_t bytes,
                                        modellab_buffer **steps, modellab_report **report,
                                        modellab_error *err)
{
    modellab_status status;
    mli_findings findings;
    mli_buf text;

    if (report != NULL) {
        *report = NULL;
    }
    if (steps != NULL) {
        *steps = NULL;
    }
    if (lab == NULL || definition == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_findings_begin(&findings, lab->alloc);
    mli_buf_init(&text, lab->alloc);
    status = mli_lab_check(lab, false, err);
    if (status == MODELLAB_OK) {
        status = mli_template_check(lab, definition, bytes > 0 ? bytes : strlen(definition), &text,
                                    &findings, err);
    }
    if (status == MODELLAB_OK && findings.worst >= MODELLAB_SEVERITY_ERROR) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "the pipeline is not valid; see the report");
    }
    if (status == MODELLAB_OK && steps != NULL) {
        status = mli_buffer_from_buf(&text, steps, err);
    } else {
        mli_buf_dispose(&text);
    }
    status = end(&findings, status, report, err);
    if (status != MODELLAB_OK && steps != NULL) {
        modellab_buffer_destroy(*steps);
        *steps = NULL;
    }
    return status;
}

modellab_status modellab_pipeline_save(modellab_lab *lab, const char *name, const char *definition,
                                       size_t bytes, modellab_report **report, modellab_error *err)
{
    modellab_status status;
    mli_findings findings;

    if (report != NULL) {
        *report = NULL;
    }
    if (lab == NULL || name == NULL || definition == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_findings_begin(&findings, lab->alloc);
    status = mli_template_save(lab, name, definition, bytes > 0 ? bytes : strlen(definition),
                               &findings, err);
    if (status == MODELLAB_OK) { /* it is stored: a report that cannot be made changes nothing */
        (void)!end(&findings, MODELLAB_E_STATE, report, NULL);
        return MODELLAB_OK;
    }
    return end(&findings, status, report, err);
}

modellab_status modellab_pipeline_delete(modellab_lab *lab, const char *name, modellab_error *err)
{
    if (lab == NULL || name == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    return mli_template_delete(lab, name, err);
}
