/* modellab_rate: limits of rates by name. */
#include "base/error.h"
#include "base/sized.h"
#include "track/limiter.h"

void modellab_rate_options_init(modellab_rate_options *options, size_t size)
{
    const modellab_rate_options init = MODELLAB_RATE_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_rate_create(const modellab_rate_options *options, modellab_rate **out,
                                     modellab_error *err)
{
    modellab_rate_options full = MODELLAB_RATE_OPTIONS_INIT;

    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    modellab_status status = mli_sized_in(
        &full, sizeof full, MLI_SIZE_UP_TO(modellab_rate_options, allocator), options, err);
    return status == MODELLAB_OK ? mli_limiter_create(&full, &mli_os_system_random, out, err)
                                 : status;
}

modellab_status modellab_rate_take(modellab_rate *rate, const char *name, int64_t count,
                                   int64_t now_ms, modellab_rate_result *result,
                                   modellab_error *err)
{
    modellab_rate_result full = {.size = sizeof full};
    const mli_os_clock *clock = &mli_os_system_clock;

    if (rate == NULL || name == NULL || result == NULL || count < 1 ||
        now_ms > INT64_MAX / 4 / 1000000)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the arguments are not valid");
    mli_limiter_take(rate, name, count,
                     now_ms >= 0 ? now_ms * 1000000 : clock->monotonic_ns(clock->user), &full);
    return mli_sized_out(result, &full, sizeof full,
                         MLI_SIZE_UP_TO(modellab_rate_result, retry_after_s), err);
}

void modellab_rate_unref(modellab_rate *rate)
{
    mli_limiter_free(rate);
}
