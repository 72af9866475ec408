/* The retry decision: transient reasons only, bounded, with decorrelated jitter (each delay is
 * drawn between the base and three times the last one), so that runs that failed together do not
 * return together. */
#include "lab/retry.h"

#include "base/checked.h"
#include "lab/request.h"
#include "lab/state.h"
#include <string.h>

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

bool mli_retry_may_be_asked(modellab_reason reason)
{
    return mli_retry_is_transient(reason) || reason == MODELLAB_REASON_RUN_TIMEOUT ||
           reason == MODELLAB_REASON_STEP_TIMEOUT || reason == MODELLAB_REASON_STALL_TIMEOUT;
}

static int64_t milliseconds(const mli_json *seconds, int64_t fallback)
{
    double value = mli_json_number(seconds, -1) * 1000.0;
    if (!(value >= 0) || value > 1e12) {
        return fallback;
    }
    return value < 1 ? 1 : (int64_t)value;
}

void mli_retry_read(const mli_json *retry, mli_retry_policy *policy)
{
    const mli_json *on = mli_json_get(retry, "on");
    int64_t attempts = mli_json_int(mli_json_get(retry, "max_attempts"), policy->max_attempts);
    if (attempts >= 1 && attempts <= MLI_RETRY_MAX_ATTEMPTS) {
        policy->max_attempts = (int32_t)attempts;
    }
    policy->base_ms = milliseconds(mli_json_get(retry, "base_seconds"), policy->base_ms);
    policy->cap_ms = milliseconds(mli_json_get(retry, "cap_seconds"), policy->cap_ms);
    for (size_t i = 0; on != NULL && i < mli_json_count(on); i++) {
        modellab_reason reason = MODELLAB_REASON_NONE;
        if (policy->on_count < MLI_RETRY_REASONS &&
            mli_reason_parse(mli_json_string(mli_json_at(on, i), ""), &reason) &&
            mli_retry_may_be_asked(reason)) {
            policy->on[policy->on_count++] = reason;
        }
    }
}

void mli_retry_of_request(const char *request_json, int32_t max_attempts, mli_retry_policy *policy)
{
    mli_json *request = NULL;
    memset(policy, 0, sizeof(*policy));
    /* a request that cannot be read (memory is short) has the defaults of the rest */
    if (mli_json_parse(request_json, strlen(request_json), MLI_REQUEST_MAX_BYTES, &request, NULL) ==
        MODELLAB_OK) {
        mli_retry_read(mli_json_get(request, "retry"), policy);
        mli_json_free(request);
    }
    policy->max_attempts = max_attempts;
}

static bool is_wanted(const mli_retry_policy *policy, modellab_reason reason)
{
    if (policy->on_count == 0) {
        return mli_retry_is_transient(reason);
    }
    for (int32_t i = 0; i < policy->on_count; i++) {
        if (policy->on[i] == reason) {
            return mli_retry_may_be_asked(reason);
        }
    }
    return false;
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
    if (attempt < 1 || attempt >= most || !is_wanted(policy, reason)) {
        return decision;
    }
    decision.again = true;
    decision.delay_ms = jitter(policy->base_ms > 0 ? policy->base_ms : 1000,
                               policy->cap_ms > 0 ? policy->cap_ms : 60000, last_delay_ms, random);
    return decision;
}
