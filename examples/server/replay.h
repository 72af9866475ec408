/* Idempotency-Key: a request that comes again with its key gets the answer that it had. */
#ifndef SERVER_REPLAY_H
#define SERVER_REPLAY_H

#include "call.h"

/* At the head: claims the key, if there is one (*claim NULL: none). False: has replied (409 while
 * the first one is at work, 422 for no key). */
MODELLAB_MUST_CHECK bool replay_begin(call *c, modellab_idempotency **claim);
/* When all of the request is here: its method, path and these texts (NULL = absent) make it what it
 * is. False: has replied, with the stored answer or 422. True at once without a claim. */
MODELLAB_MUST_CHECK bool replay_match(call *c, modellab_idempotency *claim,
                                      const char *const *texts, size_t count);
/* The answer, as it goes out now. That it cannot be kept is logged: the run's own key finds it. */
void replay_keep(call *c, modellab_idempotency *claim, int http, const char *location,
                 const char *body);

#endif
