/* The ids of a run: its own, the request's, and its place in a W3C trace. */
#include "base/error.h"
#include "base/str.h"
#include "lab/submit.h"
#include <string.h>

static bool hex_only(const char *text, size_t bytes)
{
    return strspn(text, "0123456789abcdef") >= bytes;
}

/* "00-<32 hex>-<16 hex>-<2 hex>": takes the trace id. https://www.w3.org/TR/trace-context */
static bool take_trace(const char *parent, char trace_id[33])
{
    if (parent == NULL || strlen(parent) < 55 || parent[2] != '-' || parent[35] != '-' ||
        parent[52] != '-' || !hex_only(parent, 2) || !hex_only(parent + 3, 32) ||
        !hex_only(parent + 36, 16) || !hex_only(parent + 53, 2) || memcmp(parent, "ff", 2) == 0 ||
        strspn(parent + 3, "0") >= 32 || strspn(parent + 36, "0") >= 16 ||
        (memcmp(parent, "00", 2) == 0 && parent[55] != '\0')) {
        return false;
    }
    memcpy(trace_id, parent + 3, 32);
    trace_id[32] = '\0';
    return true;
}

modellab_status mli_run_ids_make(const mli_lab *lab, const char *request_id,
                                 const char *trace_parent, mli_run_ids *out, modellab_error *err)
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
    if (rc == 0 && !take_trace(trace_parent, out->trace_id)) {
        rc = mli_trace_id_new(lab->os.random, out->trace_id);
    }
    if (rc == 0) {
        rc = mli_span_id_new(lab->os.random, out->span_id);
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, rc, "no random numbers for the run's ids");
}
