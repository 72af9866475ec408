/* Trace: what a host does with the ids of a request that comes from outside. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_trace trace = MODELLAB_TRACE_INIT;
    char made[MODELLAB_REQUEST_ID_BYTES];
    const char *given = "order/17"; /* as X-Request-Id: "/" may not be in it */
    const char *parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    must(modellab_request_id_create(made, &err), &err, "request id");
    printf("request: %s\n", modellab_request_id_check(given) ? given : made);
    must(modellab_trace_continue(parent, "vendor=1", &trace, &err), &err, "trace");
    printf("trace %s, below span %s, goes on as %s%s\n", trace.trace_id, trace.parent_span_id,
           trace.parent, trace.keeps_state ? " with its state" : "");
    must(modellab_trace_continue("00-0-0-01", NULL, &trace, &err), &err, "trace");
    printf("%s begins here\n", trace.is_new ? "a new trace" : "no trace");
    return 0;
}
