/* The run that a path names, as far as the key may see it; small things that what reads runs
 * shares.
 */
#ifndef SERVER_SEEN_RUN_H
#define SERVER_SEEN_RUN_H

#include "call.h"

/* Loads the run of the path parameter {id}. False: has replied; of somebody else's run 404, as if
 * there were none. */
MODELLAB_MUST_CHECK bool seen_run(call *c, modellab_run **out, modellab_run_info *info);
/* The same where only the permission is wanted: the id, or NULL (has replied). */
const char *seen_run_id(call *c);
/* Any run by its id. */
MODELLAB_MUST_CHECK bool seen_run_of(call *c, const char *id, modellab_run **out,
                                     modellab_run_info *info);
/* The user whose runs alone this key sees; NULL = all. */
const char *seen_user(const call *c);

/* Replies with JSON that the library wrote, or with its error. */
void reply_made(call *c, modellab_status status, modellab_buffer *owned, const modellab_error *err);
/* A text of at most `most` characters; absent = NULL. False: has replied 422. */
MODELLAB_MUST_CHECK bool query_text(call *c, const char *name, size_t most, const char **out);
/* "2026-01-02T03:04:05[.678]Z" or with an offset: milliseconds since 1970. An absent parameter is
 * 0. False: has replied 422. */
MODELLAB_MUST_CHECK bool query_time(call *c, const char *name, int64_t *out_ms);
/* A level of log lines by its name; absent = 0. False: has replied 422. */
MODELLAB_MUST_CHECK bool query_level(call *c, modellab_log_level *out);

#endif
