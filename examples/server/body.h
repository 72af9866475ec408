/* Bodies of requests: JSON collected in memory up to a limit; raw and multipart given to a sink as
 * they come. Used by server.c; operations only fill in `body` and `sink` of their table entry. */
#ifndef SERVER_BODY_H
#define SERVER_BODY_H

#include "call.h"

typedef enum { BODY_MORE, BODY_REFUSED } body_result;

/* What the head tells about the body: its type and size fit the operation. False: has replied. */
MODELLAB_MUST_CHECK bool body_check_head(call *c);
/* A piece of the body has come (BODY_JSON: on the network thread; BODY_STREAM: on a job thread). */
MODELLAB_MUST_CHECK body_result body_piece(call *c, const void *data, size_t bytes);
/* The body is complete: JSON is parsed, a multipart body has its last boundary. False: has replied.
 */
MODELLAB_MUST_CHECK bool body_complete(call *c);
/* Gives everything back, calls drop() of the sink. */
void body_drop(call *c);

#endif
