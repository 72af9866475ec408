/* ULIDs (128 bit: 48 bit milliseconds + 80 random bit, 26 characters of Crockford base32) and other
 * ids. Time and randomness come from tables, so that tests replay. */
#ifndef MLI_BASE_ID_H
#define MLI_BASE_ID_H

#include "os/clock.h"
#include <stdbool.h>
#include <stdint.h>

#define MLI_ULID_BYTES 27 /* with NUL */

/* Monotonic within one millisecond per call site is not promised; order by time is. Returns an
 * errno value when randomness fails. */
__attribute__((warn_unused_result)) int
mli_ulid_new(const mli_os_clock *clock, const mli_os_random *random, char out[MLI_ULID_BYTES]);
bool mli_ulid_valid(const char *text);
/* W3C trace ids: lower-case hex, never all zero. */
__attribute__((warn_unused_result)) int mli_trace_id_new(const mli_os_random *random, char out[33]);
__attribute__((warn_unused_result)) int mli_span_id_new(const mli_os_random *random, char out[17]);
/* X-Request-Id as accepted: [A-Za-z0-9._-]{1,128}. */
bool mli_request_id_valid(const char *text);

#endif
