/* Between the handshake, the queues and the thread of the sockets. */
#ifndef SERVER_WEBSOCKET_PRIVATE_H
#define SERVER_WEBSOCKET_PRIVATE_H

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
    /* Under its lock. */
    pthread_mutex_t lock;
    message *first, **last;
    size_t waiting; /* bytes in the queue and in libwslay */
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
    int64_t asked_ms, closing_ms; /* when a close was asked for, and begun; 0 = it was not */
    unsigned interest;
    bool broken, draining;
};

/* Wakes the thread. */
void websocket_ring(void);
/* NULL: out of memory, or stopping. */
MODELLAB_MUST_CHECK websocket *websocket_create(const websocket_handler *handler, void *user);
/* As reply_upgrade() wants them; `user` is the websocket. */
void websocket_taken(void *user, upgrade *u, int socket, const void *more, size_t bytes);
void websocket_stop(void *user);

#endif
