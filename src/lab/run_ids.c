/* The ids of a run: its own, the request's, and its place in a W3C trace. */
#include "base/error.h"
#include "base/str.h"
#include "lab/submit.h"
#include <string.h>

/* The caller's trace goes on in the run, whose parent is then the caller's span; a state without a
 * valid parent means nothing. */
static bool take_trace(const char *trace_parent, const char *trace_state, mli_run_ids *out)
{
    mli_trace_parent parent;

    out->trace_parent[0] = out->trace_state[0] = '\0';
    if (!mli_trace_parent_read(trace_parent, &parent)) {
        return false;
    }
    memcpy(out->trace_id, parent.trace_id, sizeof out->trace_id);
    mli_trace_parent_write(&parent, out->trace_parent);
    if (mli_trace_state_valid(trace_state)) {
        (void)mli_str_copy(out->trace_state, sizeof out->trace_state, trace_state); /* fits */
    }
    return true;
}

modellab_status mli_run_ids_make(const mli_lab *lab, const char *request_id,
                                 const char *trace_parent, const char *trace_state,
                                 mli_run_ids *out, modellab_error *err)
{
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, out->run_id);

    if (rc == 0 && request_id != NULL) {
        if (!mli_request_id_valid(request_id)) {
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                            "a request id is 1 to 128 characters of A-Z a-z 0-9 . _ -");
        }
        (void)mli_str_copy(out->request_id, sizeof out->request_id, request_id); /* fits */
    } else if (rc == 0) {
        rc = mli_ulid_new(lab->os.clock, lab->os.random, out->request_id);
    }
    if (rc == 0 && !take_trace(trace_parent, trace_state, out)) {
        rc = mli_trace_id_new(lab->os.random, out->trace_id);
    }
    if (rc == 0) {
        rc = mli_span_id_new(lab->os.random, out->span_id);
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, rc, "no random numbers for the run's ids");
}

void mli_run_ids_fill(const mli_run_ids *ids, mli_run_row *row)
{
    row->id = ids->run_id;
    row->request_id = ids->request_id;
    row->trace_id = ids->trace_id;
    row->span_id = ids->span_id;
    row->trace_parent = ids->trace_parent;
    row->trace_state = ids->trace_state;
}
