/* Leave by calls and by money before each try, one JSON object of a fixed form after it. */
#include "lab/remote_call.h"

#include "base/error.h"
#include "base/str.h"
#include "base/trace.h"
#include "check/schema.h"
#include "track/price.h"
#include <string.h>

#define LEAVE_LOOK_NS INT64_C(5000000)
/* The supervisor looks ten times a second, but may wait 10 s for the store, or be another one soon.
 */
#define LEAVE_WAIT_NS INT64_C(20000000000)

bool mli_remote_call_fits(int64_t leave, int64_t taken, int64_t spent, int64_t call)
{
    if (leave == INT64_MAX) {
        return true;
    }
    int64_t left = leave; /* step by step: none of these is beyond 63 bits */
    left = taken < left ? left - (taken > 0 ? taken : 0) : 0;
    left = spent < left ? left - (spent > 0 ? spent : 0) : 0;
    return call <= left;
}

MODELLAB_MUST_CHECK static modellab_status price_of(const mli_remote_calls *c, double cpu,
                                                    double audio, int64_t calls, int64_t *micros,
                                                    modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    m.cpu_seconds = cpu;
    m.audio_seconds = audio;
    m.gpu_seconds = 0;
    m.api_calls = calls;
    modellab_status status = mli_price_sheet_cost(c->prices, &m, &cost, err);
    *micros = cost.total_micros;
    return status;
}

modellab_status mli_remote_calls_open(mli_remote_calls *calls, mli_worker *w, modellab_error *err)
{
    mli_buf text;
    *calls = (mli_remote_calls){.w = w};
    if (w->order.prices == NULL) {
        return mli_price_sheet_parse(NULL, 0, w->alloc, &calls->prices, err); /* all is free */
    }
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_json_dump(w->order.prices, &text, err);
    if (status == MODELLAB_OK) {
        status =
            mli_price_sheet_parse(mli_buf_text(&text), text.size, w->alloc, &calls->prices, err);
    }
    mli_buf_dispose(&text);
    return status;
}

void mli_remote_calls_close(mli_remote_calls *calls)
{
    mli_price_sheet_unref(calls->prices);
    calls->prices = NULL;
}

/* What one more call costs: the next step of their sum, which alone is rounded. */
MODELLAB_MUST_CHECK static modellab_status price_call(mli_remote_calls *c, modellab_error *err)
{
    int64_t calls = mli_page_calls(c->w->page), before = 0, after = 0;
    modellab_status status = price_of(c, 0, 0, calls, &before, err);
    if (status == MODELLAB_OK) {
        status = price_of(c, 0, 0, calls + 1, &after, err);
    }
    c->call_micros = after - before;
    return status;
}

/* Whether more may be held of what its user has, beside what the run allows itself. */
static bool may_wait(const mli_remote_calls *c, modellab_reason reason, int64_t money)
{
    const mli_run_caps *own = &c->w->caps;
    return reason == MODELLAB_REASON_COST_CAP
               ? own->cost_micros == 0 || money <= own->cost_micros
               : own->api_calls == 0 || mli_page_calls(c->w->page) < own->api_calls;
}

/* One look at what there is leave for: NONE when the call has got it. The audio was paid for by the
 * first attempt, whose cost the leave is without. */
MODELLAB_MUST_CHECK static modellab_status try_leave(const mli_remote_calls *c,
                                                     modellab_reason *reason, int64_t *used,
                                                     int64_t *left, modellab_error *err)
{
    mli_worker *w = c->w;
    int64_t spent = 0, taken = atomic_load(&w->page->cost_taken_micros);
    double audio = w->order.attempt > 1 || w->audio_seconds < 0 ? 0 : w->audio_seconds;
    *left = mli_page_leave_of(w->page, MLI_LEAVE_COST_MICROS);
    modellab_status status = price_of(c, (double)mli_worker_cpu_ns(w) / 1e9, audio, 0, &spent, err);
    if (status == MODELLAB_OK) {
        *used = taken + spent;
        *reason = mli_remote_call_fits(*left, taken, spent, c->call_micros)
                      ? mli_page_call_begin(w->page, c->call_micros)
                      : MODELLAB_REASON_COST_CAP;
    }
    return status;
}

/* Where the user may have more than is held for the run, the supervisor is given time to hold it.
 */
MODELLAB_MUST_CHECK static modellab_status leave(void *user, modellab_error *err)
{
    mli_remote_calls *c = user;
    mli_worker *w = c->w;
    int64_t used = 0, left = 0, until = w->clock->monotonic_ns(w->clock->user) + LEAVE_WAIT_NS;
    modellab_reason reason = MODELLAB_REASON_NONE;
    modellab_status status = price_call(c, err);
    while (status == MODELLAB_OK) {
        status = try_leave(c, &reason, &used, &left, err);
        if (status != MODELLAB_OK || reason == MODELLAB_REASON_NONE ||
            !may_wait(c, reason, used + c->call_micros) ||
            w->clock->monotonic_ns(w->clock->user) >= until) {
            break;
        }
        if (mli_cancelled(&w->page->stop)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled before a call of the service");
        }
        atomic_store(&w->page->call_waits, 1);
        mli_page_touch(w->page);
        (void)w->clock->sleep_ns(w->clock->user, LEAVE_LOOK_NS); /* woken early is fine */
    }
    atomic_store(&w->page->call_waits, 0);
    if (status != MODELLAB_OK || reason == MODELLAB_REASON_NONE) {
        return status;
    }
    w->reason = reason;
    return reason == MODELLAB_REASON_COST_CAP
               ? mli_fail(err, MODELLAB_E_CAP_EXCEEDED,
                          "a call of the service costs %lld millionths, which the run's cap has no "
                          "room for (%lld of %lld are taken)",
                          (long long)c->call_micros, (long long)used, (long long)left)
               : mli_fail(err, MODELLAB_E_CAP_EXCEEDED,
                          "no call of the service is left to the run");
}

static void made(void *user, bool sent, int64_t tokens_in, int64_t tokens_out)
{
    mli_remote_calls *c = user;
    (void)tokens_in;
    (void)tokens_out;
    mli_page_call_end(c->w->page, c->call_micros, c->call_micros, sent);
    mli_page_touch(c->w->page);
}

static void pulse(void *user)
{
    mli_page_touch(((mli_remote_calls *)user)->w->page);
}

/* The answer, when it is of the form that was asked for. */
MODELLAB_MUST_CHECK static modellab_status check(const mli_worker *w, const char *form,
                                                 const mli_buf *text, mli_json **out,
                                                 modellab_error *err)
{
    mli_schema *schema = NULL;
    mli_findings findings;
    modellab_report *report = NULL;
    modellab_status status =
        mli_json_parse(mli_buf_text(text), text->size, text->size + 1, out, NULL);
    if (status != MODELLAB_OK) {
        return status == MODELLAB_E_NO_MEMORY
                   ? mli_no_memory(err)
                   : mli_fail(err, MODELLAB_E_REMOTE, "what the service wrote is no JSON");
    }
    status = mli_schema_load(form, strlen(form), w->alloc, &schema, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_findings_begin(&findings, w->alloc);
    mli_schema_check(schema, *out, &findings);
    bool bad = findings.worst >= MODELLAB_SEVERITY_ERROR;
    status = mli_findings_finish(&findings, &report, err);
    if (status == MODELLAB_OK && bad) {
        const modellab_finding *first = mli_report_finding(report, 0);
        status = mli_fail(err, MODELLAB_E_REMOTE,
                          "what the service wrote has not the form asked for (%s at %.60s)",
                          first->id, first->pointer[0] != '\0' ? first->pointer : "/");
    }
    mli_report_unref(report);
    mli_schema_free(schema);
    return status;
}

static void add_tokens(int64_t *sum, int64_t more)
{
    *sum = *sum < 0 || more < 0 ? -1 : *sum + more;
}

static bool trace_of(const mli_worker *w, char parent[MLI_TRACE_PARENT_BYTES])
{
    mli_trace_parent trace = {.flags = 1};
    bool traced = strlen(w->order.trace_id) == 32 && strlen(w->order.span_id) == 16;
    if (traced) {
        memcpy(trace.trace_id, w->order.trace_id, sizeof trace.trace_id);
        memcpy(trace.span_id, w->order.span_id, sizeof trace.span_id);
        mli_trace_parent_write(&trace, parent);
    }
    return traced;
}

modellab_status mli_remote_call(mli_remote_calls *calls, const char *system, const char *user,
                                const char *schema, mli_json **out, modellab_error *err)
{
    mli_worker *w = calls->w;
    char parent[MLI_TRACE_PARENT_BYTES];
    mli_chat_answer answer;
    mli_buf text;
    bool traced = trace_of(w, parent);
    const mli_chat_request request = {
        .base_url = w->order.remote_url,
        .key = w->order.key[0] != '\0' ? w->order.key : NULL,
        .model = w->order.remote_model,
        .system = system,
        .user = user,
        .request_id = w->order.request_id[0] != '\0' ? w->order.request_id : NULL,
        .traceparent = traced ? parent : NULL,
        .cancel = &w->page->stop,
        .leave = leave,
        .made = made,
        .pulse = pulse,
        .user_data = calls};
    *out = NULL;
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_chat_complete(&request, &answer, &text, err);
    if (status == MODELLAB_OK) {
        calls->tries += answer.tries;
        add_tokens(&calls->tokens_in, answer.tokens_in);
        add_tokens(&calls->tokens_out, answer.tokens_out);
        (void)mli_str_copy(calls->answered_by, sizeof calls->answered_by, answer.model);
        status = check(w, schema, &text, out, err);
    }
    mli_buf_dispose(&text);
    if (status != MODELLAB_OK) {
        mli_json_free(*out);
        *out = NULL;
    }
    return status;
}
