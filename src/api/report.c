/* modellab_report: reading reports. They are made by the calls that check something. */
#include "check/report.h"
#include "api/buffer.h"
#include "base/error.h"

const char *modellab_severity_name(modellab_severity severity)
{
    return mli_severity_name(severity);
}

size_t modellab_report_count(const modellab_report *report)
{
    return mli_report_count(report);
}

modellab_status modellab_report_at(const modellab_report *report, size_t index,
                                   modellab_finding *out, modellab_error *err)
{
    if (report == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "report and out must not be NULL");
    return mli_report_at(report, index, out, err);
}

modellab_severity modellab_report_worst(const modellab_report *report)
{
    return mli_report_worst(report);
}

modellab_status modellab_report_to_json(const modellab_report *report, modellab_buffer **out,
                                        modellab_error *err)
{
    mli_buf text;
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    if (report == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "report must not be NULL");
    mli_buf_init(&text, mli_report_allocator(report));
    modellab_status status = mli_report_to_json(report, &text, err);
    if (status == MODELLAB_OK)
        status = mli_buffer_from_buf(&text, out, err);
    mli_buf_dispose(&text);
    return status;
}

modellab_report *modellab_report_ref(modellab_report *report)
{
    return mli_report_ref(report);
}

void modellab_report_unref(modellab_report *report)
{
    mli_report_unref(report);
}
