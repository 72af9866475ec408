/* Server-sent events of the hub over a body that lasts. */
#ifndef SERVER_SSE_H
#define SERVER_SSE_H

#include "call.h"
#include "hub.h"

/* Answers the call with the events of a wish. `cursors`: ids are opaque places among all events,
 * else numbers of the run. */
void sse_reply(call *c, const hub_wish *wish, bool cursors);
/* An opaque place: "e" and the sequence. False: this is none. */
bool sse_read_cursor(const char *text, int64_t *sequence);

#endif
