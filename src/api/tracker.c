/* modellab_tracker: measures of spans of work. */
#include "track/tracker.h"
#include "api/buffer.h"
#include "base/error.h"
#include "base/sized.h"

void modellab_measures_init(modellab_measures *measures, size_t size)
{
    const modellab_measures init = MODELLAB_MEASURES_INIT;
    mli_sized_init(measures, size, &init, sizeof init);
}

void modellab_tracker_options_init(modellab_tracker_options *options, size_t size)
{
    const modellab_tracker_options init = MODELLAB_TRACKER_OPTIONS_INIT;
    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_tracker_create(const modellab_tracker_options *options,
                                        modellab_tracker **out, modellab_error *err)
{
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    return mli_tracker_create(options, NULL, out, err);
}

modellab_tracker *modellab_tracker_ref(modellab_tracker *tracker)
{
    return mli_tracker_ref(tracker);
}

void modellab_tracker_unref(modellab_tracker *tracker)
{
    mli_tracker_unref(tracker);
}

MODELLAB_MUST_CHECK static modellab_status need_tracker(const modellab_tracker *tracker,
                                                        modellab_error *err)
{
    return tracker != NULL ? MODELLAB_OK
                           : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "tracker must not be NULL");
}

modellab_status modellab_span_begin(modellab_tracker *tracker, modellab_span parent,
                                    const char *name, modellab_span *span, modellab_error *err)
{
    if (span == NULL || name == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "name and span must not be NULL");
    *span = MODELLAB_SPAN_ROOT;
    modellab_status status = need_tracker(tracker, err);
    return status != MODELLAB_OK ? status : mli_span_begin(tracker, parent, name, span, err);
}

modellab_status modellab_span_end(modellab_tracker *tracker, modellab_span span,
                                  modellab_measures *measures, modellab_error *err)
{
    modellab_status status = need_tracker(tracker, err);
    return status != MODELLAB_OK ? status : mli_span_end(tracker, span, measures, err);
}

modellab_status modellab_span_add(modellab_tracker *tracker, modellab_span span,
                                  double audio_seconds, int64_t api_calls, modellab_error *err)
{
    modellab_status status = need_tracker(tracker, err);
    return status != MODELLAB_OK ? status
                                 : mli_span_add(tracker, span, audio_seconds, api_calls, err);
}

modellab_status modellab_span_get_measures(modellab_tracker *tracker, modellab_span span,
                                           modellab_measures *out, modellab_error *err)
{
    modellab_status status = need_tracker(tracker, err);
    if (status == MODELLAB_OK && out == NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    return status != MODELLAB_OK ? status : mli_span_get_measures(tracker, span, out, err);
}

size_t modellab_tracker_span_count(modellab_tracker *tracker)
{
    return mli_tracker_span_count(tracker);
}

modellab_status modellab_tracker_span_at(modellab_tracker *tracker, size_t index,
                                         modellab_span_info *out, modellab_error *err)
{
    modellab_status status = need_tracker(tracker, err);
    if (status == MODELLAB_OK && out == NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    return status != MODELLAB_OK ? status : mli_tracker_span_at(tracker, index, out, err);
}

modellab_status modellab_tracker_to_json(modellab_tracker *tracker, modellab_buffer **out,
                                         modellab_error *err)
{
    mli_buf text;
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    modellab_status status = need_tracker(tracker, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, mli_tracker_allocator(tracker));
    status = mli_tracker_to_json(tracker, &text, err);
    if (status == MODELLAB_OK)
        status = mli_buffer_from_buf(&text, out, err);
    mli_buf_dispose(&text);
    return status;
}
