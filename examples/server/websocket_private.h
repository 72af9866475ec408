/* Between the handshake, the queues and the thread of the sockets. */
#ifndef SERVER_WEBSOCKET_PRIVATE_H
#define SERVER_WEBSOCKET_PRIVATE_H

#include "lease.h"
#include "reply.h"
#include "websocket.h"
#include <pthread.h>
#include <stdatomic.h>

struct wslay_event_context;

typedef struct message {
    struct message *next;
    size_t bytes;
    char text[];
} message;

struct websocket {
    _Atomic int references;
    const websocket_handler *handler;
    void *user;
    modellab_logger *log;  /* its lines carry the ids of the handshake */
    const char *operation; /* static */
    lease *place;
    atomic_bool stops; /* it was told that the server drains */
    atomic_bool rung;  /* somebody has left something for the thread */
    /* Under its lock. */
    pthread_mutex_t lock;
    message *first, **last;
    size_t waiting; /* bytes in the queue and at libwslay */
    unsigned code;  /* of the close that was asked for; 0 = none */
    char reason[120];
    bool over, paused;
    /* The thread's. */
    websocket *next;
    upgrade *upgraded;
    int socket;
    struct wslay_event_context *frames;
    unsigned char *more; /* what came with the head */
    size_t more_bytes, more_at;
    int64_t opened_ms, heard_ms, pinged_ms;
    int64_t stuck_ms;             /* since when it takes nothing of what waits; 0 = nothing waits */
    bool told;                    /* its handler, that the server stops */
    int64_t asked_ms, closing_ms; /* when a close was asked for, and begun; 0 = it was not */
    size_t turn_bytes;            /* that may still be read before others have their turn */
    unsigned turn_frames, fragments;
    int64_t messages_in, messages_out, bytes_in, bytes_out;
    const char *why; /* it was broken off by us */
    unsigned interest;
    bool broken, draining;
};

/* Wakes the thread for this one. */
void websocket_ring(websocket *w);
/* NULL: out of memory. */
MODELLAB_MUST_CHECK websocket *websocket_create(const call *c, const websocket_handler *handler,
                                                void *user);
void websocket_drop(websocket *w); /* one that was never taken */
bool websocket_is_paused(websocket *w);
/* The next message of the queue, to be freed; NULL = there is none. `*more`: others are behind it.
 */
message *websocket_next(websocket *w, bool *more);
/* How many bytes libwslay has: who sends is told both. */
void websocket_count(websocket *w, size_t held);
/* False: the client does not take the answers to its pings. */
bool websocket_may_answer(const websocket *w);
/* The line of the log that each socket has at its end. */
void websocket_log_end(const websocket *w);
/* As reply_upgrade() wants them; `user` is the websocket. */
void websocket_taken(void *user, upgrade *u, int socket, const void *more, size_t bytes);
void websocket_stop(void *user);

#endif
