/* modellab_price_sheet, caps and estimates. */
#include "track/price.h"
#include "base/error.h"
#include "base/sized.h"

void modellab_caps_init(modellab_caps *caps, size_t size)
{
    const modellab_caps init = MODELLAB_CAPS_INIT;
    mli_sized_init(caps, size, &init, sizeof init);
}

void modellab_cost_init(modellab_cost *cost, size_t size)
{
    const modellab_cost init = MODELLAB_COST_INIT;
    mli_sized_init(cost, size, &init, sizeof init);
}

void modellab_estimate_init(modellab_estimate *estimate, size_t size)
{
    const modellab_estimate init = MODELLAB_ESTIMATE_INIT;
    mli_sized_init(estimate, size, &init, sizeof init);
}

modellab_status modellab_price_sheet_parse(const char *json, size_t bytes,
                                           const modellab_allocator *allocator,
                                           modellab_price_sheet **out, modellab_error *err)
{
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    return mli_price_sheet_parse(json, bytes, allocator, out, err);
}

modellab_price_sheet *modellab_price_sheet_ref(modellab_price_sheet *sheet)
{
    return mli_price_sheet_ref(sheet);
}

void modellab_price_sheet_unref(modellab_price_sheet *sheet)
{
    mli_price_sheet_unref(sheet);
}

const char *modellab_price_sheet_id(const modellab_price_sheet *sheet)
{
    return sheet != NULL ? mli_price_sheet_id(sheet) : "";
}

const char *modellab_price_sheet_currency(const modellab_price_sheet *sheet)
{
    return sheet != NULL ? mli_price_sheet_currency(sheet) : "";
}

const char *modellab_price_sheet_sha256(const modellab_price_sheet *sheet)
{
    return sheet != NULL ? mli_price_sheet_sha256(sheet) : "";
}

const char *modellab_price_sheet_json(const modellab_price_sheet *sheet)
{
    return sheet != NULL ? mli_price_sheet_json(sheet) : "";
}

modellab_status modellab_price_sheet_cost(const modellab_price_sheet *sheet,
                                          const modellab_measures *measures, modellab_cost *out,
                                          modellab_error *err)
{
    if (sheet == NULL || measures == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "sheet, measures and out must not be NULL");
    return mli_price_sheet_cost(sheet, measures, out, err);
}

modellab_status modellab_caps_set(modellab_caps *caps, const char *name, const char *value,
                                  modellab_error *err)
{
    if (caps == NULL || name == NULL || value == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "caps, name and value must not be NULL");
    return mli_caps_set(caps, name, value, err);
}

modellab_status modellab_caps_check(const modellab_caps *caps, const modellab_measures *measures,
                                    int64_t cost_micros, modellab_error *err)
{
    if (caps == NULL || measures == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "caps and measures must not be NULL");
    return mli_caps_check(caps, measures, cost_micros, err);
}

modellab_status modellab_estimate_make(double audio_seconds, const double *cpu_per_audio_second,
                                       size_t count, const modellab_price_sheet *sheet,
                                       int64_t api_calls, modellab_estimate *out,
                                       modellab_error *err)
{
    if (out == NULL || (cpu_per_audio_second == NULL && count > 0))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "out, and the past values when there are some, must not be NULL");
    return mli_estimate_make(audio_seconds, cpu_per_audio_second, count, sheet, api_calls, out,
                             err);
}
