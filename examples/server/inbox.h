/* Messages of a socket that are handled on job threads: in their order, a bounded number at a time.
 * Where more wait, or the client does not take its answers, nothing is read from it. */
#ifndef SERVER_INBOX_H
#define SERVER_INBOX_H

#include "websocket.h"
#include <pthread.h>

/* Of what it is a part: lives as long as a message is at work. */
typedef struct inbox_owner {
    void (*answer)(void *user, const char *text, size_t bytes); /* one at a time; may wait */
    void (*hold)(void *user);                                   /* another reference */
    void (*let_go)(void *user);
} inbox_owner;

typedef struct inbox {
    const inbox_owner *owner;
    void *user;
    pthread_mutex_t lock;
    websocket *socket; /* referenced; NULL when it is closed */
    struct inbox_item *first, **last;
    size_t waiting;
    bool working, paused;
} inbox;

MODELLAB_MUST_CHECK bool inbox_init(inbox *box, const inbox_owner *owner, void *user);
void inbox_dispose(inbox *box);
/* On the thread of the sockets. */
void inbox_open(inbox *box, websocket *w);
void inbox_close(inbox *box); /* what waits is not handled any more */
/* False: out of memory. */
MODELLAB_MUST_CHECK bool inbox_put(inbox *box, const char *text, size_t bytes);
/* While nothing is read: goes on when the client has taken what waited for it. */
void inbox_tick(inbox *box);

#endif
