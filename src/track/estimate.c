/* Estimates. Ratios of CPU to audio time scatter multiplicatively, so their logarithms are taken as
 * normal: the estimate is the geometric mean, the interval the prediction interval of the next
 * value. */
#include "base/error.h"
#include "base/sized.h"
#include "track/price.h"
#include <math.h>

/* 95 % quantiles of Student's t for 1 to 30 degrees of freedom; the normal one beyond. */
static double t_quantile(size_t degrees)
{
    static const double t[30] = {6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860,
                                 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
                                 1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711,
                                 1.708, 1.706, 1.703, 1.701, 1.699, 1.697};
    return degrees <= 30 ? t[degrees - 1] : 1.645;
}

MODELLAB_MUST_CHECK static modellab_status cost_of(const modellab_price_sheet *sheet, double audio,
                                                   double cpu, int64_t api_calls, int64_t *micros,
                                                   modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    *micros = -1;
    if (sheet == NULL)
        return MODELLAB_OK;
    m.cpu_seconds = cpu;
    m.audio_seconds = audio;
    m.api_calls = api_calls;
    modellab_status status = mli_price_sheet_cost(sheet, &m, &cost, err);
    if (status == MODELLAB_OK && cost.is_complete != 0)
        *micros = cost.total_micros;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status mean_and_spread(const double *ratios, size_t count,
                                                           double *mean, double *spread,
                                                           modellab_error *err)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(ratios[i]) || ratios[i] <= 0)
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)i,
                               "past CPU seconds per audio second must be greater than 0");
        sum += log(ratios[i]);
    }
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        double d = log(ratios[i]) - *mean;
        squares += d * d;
    }
    *spread = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    return MODELLAB_OK;
}

modellab_status mli_estimate_make(double audio_seconds, const double *cpu_per_audio_second,
                                  size_t count, const modellab_price_sheet *sheet,
                                  int64_t api_calls, modellab_estimate *out, modellab_error *err)
{
    modellab_estimate e = MODELLAB_ESTIMATE_INIT;
    e.audio_seconds = audio_seconds;
    double mean = 0, spread = 0;
    if (!isfinite(audio_seconds) || audio_seconds < 0 || api_calls < 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the amount of work is not valid");
    modellab_status status = MODELLAB_OK;
    e.samples = (int64_t)count;
    if (count > 0) {
        status = mean_and_spread(cpu_per_audio_second, count, &mean, &spread, err);
        e.cpu_seconds = audio_seconds * exp(mean);
    }
    if (status == MODELLAB_OK && count >= 3) {
        double reach = t_quantile(count - 1) * spread * sqrt(1.0 + 1.0 / (double)count);
        e.cpu_seconds_low = audio_seconds * exp(mean - reach);
        e.cpu_seconds_high = audio_seconds * exp(mean + reach);
    }
    if (status == MODELLAB_OK)
        status = cost_of(sheet, audio_seconds, e.cpu_seconds, api_calls, &e.cost_micros, err);
    if (status == MODELLAB_OK)
        status =
            cost_of(sheet, audio_seconds, e.cpu_seconds_low, api_calls, &e.cost_micros_low, err);
    if (status == MODELLAB_OK)
        status =
            cost_of(sheet, audio_seconds, e.cpu_seconds_high, api_calls, &e.cost_micros_high, err);
    return status != MODELLAB_OK
               ? status
               : mli_sized_out(out, &e, sizeof e, MLI_SIZE_UP_TO(modellab_estimate, samples), err);
}
