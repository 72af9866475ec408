/* The framing guard: heads that two servers could understand differently are refused, and the
 * connection ends. Also who the request is for (Host), and where it comes from (Origin). */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include "call_private.h"

/* Framing, names and values of all headers. Fills c->body (announced, present). False: has replied.
 */
MODELLAB_MUST_CHECK bool guard_framing(call *c, const char *method, const char *version);
/* Host: without keys only names of the loopback interface (a page elsewhere could otherwise point
 * its own name here). False: has replied. */
MODELLAB_MUST_CHECK bool guard_host(call *c);
/* Origin: what changes something is refused to pages that are not in the list. Keeps an allowed one
 * in c->origin. False: has replied. */
MODELLAB_MUST_CHECK bool guard_origin(call *c);

#endif
