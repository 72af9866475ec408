/* Ids of requests and the trace context of a host's own span: made and checked without a lab. */
#include "base/trace.h"

#include "base/error.h"
#include "base/id.h"
#include "base/sized.h"
#include "base/str.h"
#include <modellab/trace.h>

modellab_status modellab_request_id_create(char out[MODELLAB_REQUEST_ID_BYTES], modellab_error *err)
{
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    out[0] = '\0';
    int rc = mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, out);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, rc, "no random numbers for a request id");
}

int32_t modellab_request_id_check(const char *text)
{
    return text != NULL && mli_request_id_valid(text) ? 1 : 0;
}

modellab_status modellab_trace_continue(const char *parent, const char *state, modellab_trace *out,
                                        modellab_error *err)
{
    modellab_trace trace = MODELLAB_TRACE_INIT;
    mli_trace_parent given, ours;
    int rc = 0;

    if (mli_trace_parent_read(parent, &given)) {
        ours = given;
        (void)mli_str_copy(trace.parent_span_id, sizeof trace.parent_span_id,
                           given.span_id); /* fits */
        trace.keeps_state = state != NULL && mli_trace_state_valid(state) ? 1 : 0;
    } else {
        trace.is_new = 1;
        ours.flags = 1;
        rc = mli_trace_id_new(&mli_os_system_random, ours.trace_id);
    }
    if (rc == 0) {
        rc = mli_span_id_new(&mli_os_system_random, ours.span_id);
    }
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers for a trace");
    }
    trace.is_sampled = (int32_t)(ours.flags & 1u);
    (void)mli_str_copy(trace.trace_id, sizeof trace.trace_id, ours.trace_id); /* fits */
    (void)mli_str_copy(trace.span_id, sizeof trace.span_id, ours.span_id);    /* fits */
    mli_trace_parent_write(&ours, trace.parent);
    return mli_sized_out(out, &trace, sizeof trace, sizeof trace, err);
}
