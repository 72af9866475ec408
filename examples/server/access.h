/* Who may do what: the key of a request, its scope, its rate. The decisions are the library's. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "call_private.h"

/* The limiter, by the settings. False: out of memory. */
MODELLAB_MUST_CHECK bool access_start(void);
void access_stop(void); /* no call is in access_check() any more */
/* May this call run its operation? Fills user, key_id and scopes of the call. False: has replied
 * (401, 403, 429). May wait; on a job thread, or on the network thread for open operations. */
MODELLAB_MUST_CHECK bool access_check(call *c);
/* The secret as it came; may be in `room`. NULL = none. Not to be logged. */
#define ACCESS_SECRET_BYTES 128
const char *access_secret(const call *c, char room[ACCESS_SECRET_BYTES]);

#endif
