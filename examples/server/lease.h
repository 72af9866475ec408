/* Leases: the places of what stays open (event streams and WebSockets). There are so many that
 * other work keeps its descriptors, and each lasts as long as the key that it was opened with. */
#ifndef SERVER_LEASE_H
#define SERVER_LEASE_H

#include "call.h"

typedef struct lease lease;

/* NULL: has replied (503 with Retry-After while there is no room, 500). */
MODELLAB_MUST_CHECK lease *lease_take(call *c);
/* Is there room now? False: has replied. For who has more to do before it takes one. */
MODELLAB_MUST_CHECK bool lease_is_free(call *c);
/* `end` is called at most once, on a thread of its own, when the key is not good any more; it must
 * not wait, nor call this lease. `why` is a short word: "expired", "revoked", "unknown", "scope".
 */
void lease_watch(lease *one, void (*end)(void *user, const char *why), void *user);
/* Nothing is called any more when it returns. NULL is accepted. */
void lease_give_back(lease *one);

/* A client that took nothing was cut off: to be counted. */
void lease_count_stalled(void);
typedef struct lease_numbers {
    int64_t open, most, refused, stalled, ended;
} lease_numbers;
lease_numbers leases_now(void);
void leases_stop(void);

#endif
