/* The retry decision: transient reasons only, bounded, with decorrelated jitter (each delay is
 * drawn between the base and three times the last one), so that runs that failed together do not
 * return together. */
#include "lab/retry.h"

#include "base/checked.h"

bool mli_retry_is_transient(modellab_reason reason)
{
    switch (reason) {
    case MODELLAB_REASON_HOST_STOPPED:
    case MODELLAB_REASON_WORKER_DIED:
    case MODELLAB_REASON_WORKER_NOT_STARTED:
    case MODELLAB_REASON_WORKER_LOST:
    case MODELLAB_REASON_OOM:
    case MODELLAB_REASON_NO_SPACE:
    case MODELLAB_REASON_IO_ERROR:
    case MODELLAB_REASON_NETWORK_ERROR:
        return true;
    default:
        return false;
    }
}

static int64_t jitter(int64_t base_ms, int64_t cap_ms, int64_t last_ms, uint64_t random)
{
    int64_t top = 0;
    if (last_ms < base_ms) {
        last_ms = base_ms;
    }
    if (mli_mul_overflow(last_ms, (int64_t)3, &top) || top > cap_ms) {
        top = cap_ms;
    }
    if (top <= base_ms) {
        return base_ms < cap_ms ? base_ms : cap_ms;
    }
    return base_ms + (int64_t)(random % (uint64_t)(top - base_ms + 1));
}

mli_retry_decision mli_retry_decide(const mli_retry_policy *policy, modellab_reason reason,
                                    int32_t attempt, int64_t last_delay_ms, uint64_t random)
{
    mli_retry_decision decision = {false, 0};
    int32_t most = policy->max_attempts;
    if (most > MLI_RETRY_MAX_ATTEMPTS) {
        most = MLI_RETRY_MAX_ATTEMPTS;
    }
    if (attempt < 1 || attempt >= most || !mli_retry_is_transient(reason)) {
        return decision;
    }
    decision.again = true;
    decision.delay_ms = jitter(policy->base_ms > 0 ? policy->base_ms : 1000,
                               policy->cap_ms > 0 ? policy->cap_ms : 60000, last_delay_ms, random);
    return decision;
}
