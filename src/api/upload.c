/* modellab_upload: files that come in pieces. */
#include "api/buffer.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/uploads.h"
#include <modellab/upload.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_upload_options, bytes),
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_upload_info, is_estimate)
};

void modellab_upload_options_init(modellab_upload_options *options, size_t size)
{
    const modellab_upload_options init = MODELLAB_UPLOAD_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_upload_begin(modellab_lab *lab, const modellab_upload_options *options,
                                      modellab_upload **out, modellab_error *err)
{
    modellab_upload_options taken = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_status status;

    if (out != NULL) {
        *out = NULL;
    }
    if (lab == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and out must not be NULL");
    }
    status = mli_sized_in(&taken, sizeof taken, OPTIONS_FIRST, options, err);
    return status == MODELLAB_OK ? mli_upload_begin(lab, &taken, out, err) : status;
}

/* The report goes out when it says something; one that cannot be made changes nothing. */
static void end(mli_findings *findings, modellab_report **report)
{
    if (report != NULL && mli_report_count(findings->report) > 0) {
        (void)!mli_findings_finish(findings, report, NULL);
    }
    mli_findings_dispose(findings);
}

modellab_status modellab_upload_write(modellab_upload *upload, const void *data, size_t bytes,
                                      modellab_report **report, modellab_error *err)
{
    mli_findings findings;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    if (upload == NULL || (data == NULL && bytes > 0)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "upload and data must not be NULL");
    }
    mli_findings_begin(&findings, upload->lab->alloc);
    status = mli_upload_take(upload, data, bytes, &findings, err);
    end(&findings, report);
    return status;
}

modellab_status modellab_upload_finish(modellab_upload *upload, modellab_report **report,
                                       modellab_error *err)
{
    mli_findings findings;
    modellab_status status;

    if (report != NULL) {
        *report = NULL;
    }
    if (upload == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "upload must not be NULL");
    }
    mli_findings_begin(&findings, upload->lab->alloc);
    status = mli_upload_finish(upload, &findings, err);
    end(&findings, report);
    return status;
}

void modellab_upload_unref(modellab_upload *upload)
{
    mli_upload_unref(upload);
}

modellab_status modellab_upload_get_info(const modellab_upload *upload, modellab_upload_info *info,
                                         modellab_error *err)
{
    const mli_upload_facts *f;

    if (upload == NULL || info == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    f = &upload->facts;
    const modellab_upload_info full = {.size = sizeof full,
                                       .id = f->id,
                                       .name = f->name,
                                       .user = f->user,
                                       .media_type = f->media_type,
                                       .codec = f->codec,
                                       .sha256 = f->sha256,
                                       .bytes = f->bytes,
                                       .rate_hz = f->rate_hz,
                                       .channels = f->channels,
                                       .duration_seconds = f->seconds,
                                       .created_ms = f->created_ms,
                                       .expires_ms = f->expires_ms,
                                       .is_ready = f->ready,
                                       .is_estimate = f->is_estimate};
    return mli_sized_out(info, &full, sizeof full, INFO_FIRST, err);
}

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

modellab_status modellab_upload_to_json(const modellab_upload *upload, modellab_buffer **out,
                                        modellab_error *err)
{
    mli_buf text;
    mli_jw w;

    if (out != NULL) {
        *out = NULL;
    }
    if (upload == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_buf_init(&text, upload->lab->alloc);
    mli_jw_init(&w, &text);
    mli_upload_write(&upload->facts, &w);
    return hand_out(&text, mli_buf_status(&text, err), out, err);
}

modellab_status modellab_upload_load(modellab_lab *lab, const char *id, modellab_upload **out,
                                     modellab_error *err)
{
    modellab_status status;

    if (out != NULL) {
        *out = NULL;
    }
    if (lab == NULL || id == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    status = mli_lab_check(lab, false, err);
    return status == MODELLAB_OK ? mli_upload_load(lab, id, out, err) : status;
}

modellab_status modellab_upload_list(modellab_lab *lab, const char *user, modellab_buffer **out,
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
        status = mli_uploads_write(lab, user, &text, err);
    }
    return hand_out(&text, status, out, err);
}

modellab_status modellab_upload_delete(modellab_lab *lab, const char *id, modellab_error *err)
{
    if (lab == NULL || id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and id must not be NULL");
    }
    return mli_upload_delete(lab, id, err);
}
