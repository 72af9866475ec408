/* W3C Trace Context (https://www.w3.org/TR/trace-context): the headers traceparent and tracestate
 * as they come from outside, and as they go on from here. */
#ifndef MLI_BASE_TRACE_H
#define MLI_BASE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#define MLI_TRACE_PARENT_BYTES 56  /* "00-<32>-<16>-<2>" and NUL */
#define MLI_TRACE_STATE_BYTES 1025 /* kept at most, with NUL; the standard asks for 512 */
#define MLI_TRACE_STATE_MEMBERS 32

typedef struct mli_trace_parent {
    char trace_id[33], span_id[17];
    unsigned flags; /* 1 = sampled; bits that version 00 does not know are dropped */
} mli_trace_parent;

/* Version 00 has exactly its 55 characters; of a later one its beginning counts, if a "-" follows;
 * version ff, upper case and ids of zeros only are not valid. */
bool mli_trace_parent_read(const char *text, mli_trace_parent *out);
/* As version 00. */
void mli_trace_parent_write(const mli_trace_parent *parent, char out[MLI_TRACE_PARENT_BYTES]);
/* A list of at most 32 members key=value, no key twice. What breaks a rule, or is longer than we
 * keep, is dropped as a whole, as the standard says. */
bool mli_trace_state_valid(const char *text);

#endif
