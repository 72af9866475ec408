/* The life of a run as a pure table; names of statuses and reasons. */
#include "lab/state.h"

#include "base/error.h"
#include <string.h>

/* Where each happening leads, and from which of the two living statuses it may happen. */
typedef struct rule {
    modellab_run_status to;
    bool from_queued, from_running;
} rule;

static const rule rules[MLI_HAPPENING_COUNT] = {
    [MLI_RUN_CLAIMED] = {MODELLAB_RUN_RUNNING, true, false},
    [MLI_RUN_DONE] = {MODELLAB_RUN_COMPLETED, false, true},
    [MLI_RUN_BROKE] = {MODELLAB_RUN_FAILED, true, true},
    [MLI_RUN_STOPPED] = {MODELLAB_RUN_CANCELLED, true, true},
    [MLI_RUN_OVERTIME] = {MODELLAB_RUN_TIMEOUT, true, true},
    [MLI_RUN_LOST] = {MODELLAB_RUN_STALE, false, true},
    [MLI_RUN_AGAIN] = {MODELLAB_RUN_QUEUED, false, true},
};

bool mli_status_is_final(modellab_run_status status)
{
    return (status >= MODELLAB_RUN_COMPLETED && status <= MODELLAB_RUN_STALE) ||
           status == MODELLAB_STEP_SKIPPED;
}

mli_verdict mli_state_next(modellab_run_status from, mli_happening what, modellab_run_status *to)
{
    const rule *r = &rules[what];

    if (mli_status_is_final(from)) {
        return MLI_REFUSED_FINAL;
    }
    if ((from == MODELLAB_RUN_QUEUED && r->from_queued) ||
        (from == MODELLAB_RUN_RUNNING && r->from_running)) {
        *to = r->to;
        return MLI_ALLOWED;
    }
    return MLI_REFUSED_STATE;
}

modellab_status mli_state_check(modellab_run_status from, mli_happening what,
                                modellab_run_status *to, modellab_error *err)
{
    switch (mli_state_next(from, what, to)) {
    case MLI_ALLOWED:
        return MODELLAB_OK;
    case MLI_REFUSED_FINAL:
        return mli_fail(err, MODELLAB_E_RUN_FINAL, "the run has already ended (%s)",
                        mli_status_name_of_run(from));
    case MLI_REFUSED_STATE:
    default:
        return mli_fail(err, MODELLAB_E_STATE, "a run that is %s cannot become %s",
                        mli_status_name_of_run(from), mli_status_name_of_run(rules[what].to));
    }
}

bool mli_state_happening(modellab_run_status final, mli_happening *what)
{
    for (int i = 0; i < MLI_HAPPENING_COUNT; i++) {
        if (rules[i].to == final && mli_status_is_final(final)) {
            *what = (mli_happening)i;
            return true;
        }
    }
    return false;
}

const char *mli_state_event(modellab_run_status to)
{
    switch (to) {
    case MODELLAB_RUN_QUEUED:
        return "run_requeued";
    case MODELLAB_RUN_RUNNING:
        return "run_started";
    case MODELLAB_RUN_COMPLETED:
        return "run_completed";
    case MODELLAB_RUN_FAILED:
        return "run_failed";
    case MODELLAB_RUN_CANCELLED:
        return "run_cancelled";
    case MODELLAB_RUN_TIMEOUT:
        return "run_timeout";
    case MODELLAB_RUN_STALE:
        return "run_stale";
    default:
        return "run_unknown";
    }
}

static const struct {
    modellab_run_status status;
    const char *name;
} status_names[] = {
    {MODELLAB_RUN_QUEUED, "QUEUED"},       {MODELLAB_RUN_RUNNING, "RUNNING"},
    {MODELLAB_RUN_COMPLETED, "COMPLETED"}, {MODELLAB_RUN_FAILED, "FAILED"},
    {MODELLAB_RUN_CANCELLED, "CANCELLED"}, {MODELLAB_RUN_TIMEOUT, "TIMEOUT"},
    {MODELLAB_RUN_STALE, "STALE"},         {MODELLAB_STEP_PENDING, "PENDING"},
    {MODELLAB_STEP_SKIPPED, "SKIPPED"},
};

const char *mli_status_name_of_run(modellab_run_status status)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++) {
        if (status_names[i].status == status) {
            return status_names[i].name;
        }
    }
    return "UNKNOWN";
}

bool mli_status_parse(const char *name, modellab_run_status *out)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++) {
        if (strcmp(status_names[i].name, name) == 0) {
            *out = status_names[i].status;
            return true;
        }
    }
    return false;
}

static const struct {
    modellab_reason reason;
    bool recoverable;
    const char *name, *text;
} reasons[] = {
#define REASON(upper, number, name, recoverable, sentence) {number, recoverable, name, sentence},
    MODELLAB_REASON_LIST(REASON)
#undef REASON
};

#define REASON_COUNT (sizeof reasons / sizeof *reasons)

static size_t find_reason(modellab_reason reason)
{
    size_t i = 0;

    while (i < REASON_COUNT && reasons[i].reason != reason) {
        i++;
    }
    return i;
}

const char *mli_reason_name(modellab_reason reason)
{
    size_t i = find_reason(reason);

    return i < REASON_COUNT ? reasons[i].name : "unknown";
}

const char *mli_reason_text(modellab_reason reason)
{
    size_t i = find_reason(reason);

    return i < REASON_COUNT ? reasons[i].text : "";
}

bool mli_reason_recoverable(modellab_reason reason)
{
    size_t i = find_reason(reason);

    return i < REASON_COUNT && reasons[i].recoverable;
}

bool mli_reason_parse(const char *name, modellab_reason *out)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (strcmp(reasons[i].name, name) == 0) {
            *out = reasons[i].reason;
            return true;
        }
    }
    return false;
}

modellab_reason mli_reason_of_status(modellab_status status)
{
    static const struct {
        modellab_status status;
        modellab_reason reason;
    } map[] = {
        {MODELLAB_E_INVALID_AUDIO, MODELLAB_REASON_INVALID_AUDIO},
        {MODELLAB_E_UNSUPPORTED_FORMAT, MODELLAB_REASON_UNSUPPORTED_FORMAT},
        {MODELLAB_E_INVALID_MODEL, MODELLAB_REASON_MODEL_INVALID},
        {MODELLAB_E_UNSUPPORTED_MODEL, MODELLAB_REASON_MODEL_INVALID},
        {MODELLAB_E_UNSUPPORTED, MODELLAB_REASON_UNSUPPORTED_REQUEST},
        {MODELLAB_E_NO_MEMORY, MODELLAB_REASON_OOM},
        {MODELLAB_E_NO_SPACE, MODELLAB_REASON_NO_SPACE},
        {MODELLAB_E_IO, MODELLAB_REASON_IO_ERROR},
        {MODELLAB_E_PERMISSION, MODELLAB_REASON_PERMISSION_DENIED},
        {MODELLAB_E_NETWORK, MODELLAB_REASON_NETWORK_ERROR},
        {MODELLAB_E_REMOTE, MODELLAB_REASON_NETWORK_ERROR},
        {MODELLAB_E_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER},
        {MODELLAB_E_TIMEOUT, MODELLAB_REASON_RUN_TIMEOUT},
        {MODELLAB_E_CAP_EXCEEDED, MODELLAB_REASON_COST_CAP},
        {MODELLAB_E_WORKER_START, MODELLAB_REASON_WORKER_NOT_STARTED},
        {MODELLAB_E_WORKER_DIED, MODELLAB_REASON_WORKER_DIED},
    };

    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        if (map[i].status == status) {
            return map[i].reason;
        }
    }
    return MODELLAB_REASON_INTERNAL;
}
