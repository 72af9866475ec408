/* Ids of requests and W3C trace contexts (https://www.w3.org/TR/trace-context), for hosts that take
 * requests from outside and pass them on: an HTTP server, a queue consumer. @since 0.1
 *
 * Example: examples/c/trace.c */
#ifndef MODELLAB_TRACE_H
#define MODELLAB_TRACE_H

#include <modellab/status.h>

/** Bytes that modellab_request_id_create() writes, with NUL. */
#define MODELLAB_REQUEST_ID_BYTES 27
/** Bytes of a traceparent with its NUL. */
#define MODELLAB_TRACE_PARENT_BYTES 56

/** A place in a trace: our own span, below the one that asked for the work. */
typedef struct modellab_trace {
    size_t size;                              /**< sizeof(modellab_trace), set by the caller */
    char trace_id[33];                        /**< 32 digits of hex */
    char span_id[17];                         /**< ours: new */
    char parent_span_id[17];                  /**< "" where the trace begins here */
    char parent[MODELLAB_TRACE_PARENT_BYTES]; /**< traceparent for what we cause, as version 00 */
    int32_t is_new;                           /**< 1: the trace begins here */
    int32_t is_sampled;                       /**< as who asked says; 1 where it begins here */
    int32_t keeps_state; /**< 1: the tracestate is valid and goes on with `parent` */
} modellab_trace;

#define MODELLAB_TRACE_INIT                                                                        \
    {                                                                                              \
        sizeof(modellab_trace), {0}, {0}, {0}, {0}, 0, 0, 0                                        \
    }

MODELLAB_BEGIN_DECLS

/** Makes an id that no other request has (a ULID). @param[out] out "" after a failure
 * @errors E_INVALID_ARGUMENT, E_IO (no random bytes) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_request_id_create(char out[MODELLAB_REQUEST_ID_BYTES], modellab_error *err);

/** 1 when `text` may be kept as the id of a request: 1 to 128 of A-Z a-z 0-9 . _ - ; else, and for
 * NULL, 0. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_request_id_check(const char *text);

/** Goes on with the trace of a request: a new span below `parent`. A traceparent that is absent or
 * not valid (all zeros, version ff, upper case) begins a new trace; of later versions its beginning
 * counts. A tracestate that breaks a rule, or comes without a valid traceparent, is dropped as a
 * whole.
 * @param parent    traceparent as it came; optional
 * @param state     tracestate as it came; optional
 * @param[out] out  `out->size` must be set
 * @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_IO (no random bytes) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_trace_continue(const char *parent,
                                                                         const char *state,
                                                                         modellab_trace *out,
                                                                         modellab_error *err);

MODELLAB_END_DECLS
#endif
