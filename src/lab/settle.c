/* The decision how a run ends: the journal's outcome first, then what was asked of the worker, then
 * how its process ended. */
#include "lab/settle.h"

#include "base/str.h"
#include "lab/deadlines.h"
#include "os/locale.h"
#include <string.h>

/* How the kernel ends a worker that breaks its sandbox, or its limit of CPU time. */
#define SIGNAL_FORBIDDEN_CALL 31
#define SIGNAL_CPU_LIMIT 24

mli_happening mli_settle_happening(modellab_reason reason)
{
    switch (reason) {
    case MODELLAB_REASON_CANCELLED_BY_USER:
    case MODELLAB_REASON_HOST_STOPPED:
        return MLI_RUN_STOPPED;
    case MODELLAB_REASON_RUN_TIMEOUT:
    case MODELLAB_REASON_STEP_TIMEOUT:
    case MODELLAB_REASON_STALL_TIMEOUT:
    case MODELLAB_REASON_QUEUE_TIMEOUT:
        return MLI_RUN_OVERTIME;
    case MODELLAB_REASON_NONE:
        return MLI_RUN_DONE;
    default:
        return MLI_RUN_BROKE;
    }
}

modellab_run_status mli_settle_status(modellab_reason reason)
{
    switch (mli_settle_happening(reason)) {
    case MLI_RUN_STOPPED:
        return MODELLAB_RUN_CANCELLED;
    case MLI_RUN_OVERTIME:
        return MODELLAB_RUN_TIMEOUT;
    case MLI_RUN_DONE:
        return MODELLAB_RUN_COMPLETED;
    default:
        return MODELLAB_RUN_FAILED;
    }
}

void mli_settle_text(modellab_reason reason, int64_t limit_ms, char *out, size_t capacity)
{
    if (reason == MODELLAB_REASON_RUN_TIMEOUT && limit_ms > 0) {
        mli_deadline_text(limit_ms, out, capacity);
    } else {
        (void)mli_str_copy(out, capacity, mli_reason_text(reason));
    }
}

static modellab_reason reason_of_exit(const mli_settle_view *view)
{
    if (view->end == MLI_WORKER_NOT_STARTED) {
        return MODELLAB_REASON_WORKER_NOT_STARTED;
    }
    if (view->end == MLI_WORKER_EXITED) {
        switch (view->code) {
        case MLI_WORKER_EXIT_USAGE:
        case MLI_WORKER_EXIT_ENGINE:
            return MODELLAB_REASON_WORKER_NOT_STARTED;
        case MLI_WORKER_EXIT_NO_SPACE:
            return MODELLAB_REASON_NO_SPACE;
        case MLI_WORKER_EXIT_IO:
            return MODELLAB_REASON_IO_ERROR;
        case MLI_WORKER_EXIT_NO_MEMORY:
            return MODELLAB_REASON_OOM;
        default:
            break;
        }
    }
    if (view->end == MLI_WORKER_SIGNALED && view->code == SIGNAL_FORBIDDEN_CALL) {
        return MODELLAB_REASON_SANDBOX_VIOLATION;
    }
    if (view->end == MLI_WORKER_SIGNALED && view->code == SIGNAL_CPU_LIMIT) {
        return MODELLAB_REASON_CPU_CAP;
    }
    return view->reconciling ? MODELLAB_REASON_WORKER_LOST : MODELLAB_REASON_WORKER_DIED;
}

static void died_text(const mli_settle_view *view, modellab_reason reason, char *out,
                      size_t capacity)
{
    if (reason != MODELLAB_REASON_WORKER_DIED || view->end == MLI_WORKER_UNKNOWN) {
        (void)mli_str_copy(out, capacity, mli_reason_text(reason));
        return;
    }
    const char *how = view->end == MLI_WORKER_SIGNALED ? "signal" : "exit code";
    (void)mli_os_format(out, capacity, "The worker process died (%s %d).", how, (int)view->code);
}

/* Nothing in the journal: what was asked of the worker, or how it died. */
static void decide_without_outcome(const mli_settle_view *view, mli_settlement *out)
{
    if (view->asked != MODELLAB_REASON_NONE) {
        /* The page is shared with the worker: what is no reason stays out of the record. */
        bool known = mli_reason_text(view->asked)[0] != '\0';
        out->reason = known ? view->asked : MODELLAB_REASON_INTERNAL;
        out->what = mli_settle_happening(out->reason);
        mli_settle_text(out->reason, view->limit_ms, out->message, sizeof(out->message));
        return;
    }
    out->reason = reason_of_exit(view);
    out->what = out->reason == MODELLAB_REASON_WORKER_LOST ? MLI_RUN_LOST : MLI_RUN_BROKE;
    died_text(view, out->reason, out->message, sizeof(out->message));
}

static void decide_by_outcome(const mli_settle_view *view, mli_settlement *out)
{
    out->reason = view->outcome.reason;
    out->failed_step = view->outcome.failed_step;
    if (!mli_state_happening(view->outcome.status, &out->what)) {
        out->what = MLI_RUN_BROKE; /* no final status: the journal is not ours to guess from */
        out->reason = MODELLAB_REASON_INTERNAL;
    }
    if (out->reason == MODELLAB_REASON_RUN_TIMEOUT) {
        mli_settle_text(out->reason, view->limit_ms, out->message, sizeof(out->message));
    } else {
        (void)mli_str_copy(out->message, sizeof(out->message), view->outcome.message);
    }
}

void mli_settle_decide(const mli_settle_view *view, mli_settlement *out)
{
    memset(out, 0, sizeof(*out));
    out->failed_step = "";
    if (view->journal_too_large) {
        out->what = MLI_RUN_BROKE;
        out->reason = MODELLAB_REASON_JOURNAL_LIMIT;
        mli_settle_text(out->reason, 0, out->message, sizeof(out->message));
        return;
    }
    if (view->outcome.known) {
        decide_by_outcome(view, out);
    } else {
        decide_without_outcome(view, out);
    }
    if (out->what == MLI_RUN_DONE) {
        return;
    }
    /* A drain gives runs back whatever their policy: the work was not at fault. */
    if (view->draining && out->reason == MODELLAB_REASON_HOST_STOPPED) {
        out->what = MLI_RUN_AGAIN;
        return;
    }
    mli_retry_decision again = mli_retry_decide(&view->retry, out->reason, view->attempt,
                                                view->last_delay_ms, view->random);
    if (again.again) {
        out->what = MLI_RUN_AGAIN;
        out->delay_ms = again.delay_ms;
    }
}
