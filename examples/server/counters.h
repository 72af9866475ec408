/* What the server counts of itself: requests by operation, their times, bytes, connections. */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <modellab/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MODELLAB_MUST_CHECK bool counters_start(size_t operations);
void counters_stop(void);
void counters_begin(void);
/* `index`: of the operation, or `operations` where none was found. */
void counters_end(size_t index, int http, int64_t microseconds, int64_t bytes_in,
                  int64_t bytes_out);
/* One that was refused before it was a call. */
void counters_refused(int http);
int64_t counters_active(void);

/* All families as text, "modellab_http_...". NULL: out of memory. */
char *counters_text(bool as_openmetrics);

#endif
