/* WebSockets (RFC 6455): the handshake, then frames by libwslay. One thread serves all of them;
 * who sends from elsewhere puts into a bounded queue. */
#ifndef SERVER_WEBSOCKET_H
#define SERVER_WEBSOCKET_H

#include "call.h"

#define WEBSOCKET_PROTOCOL "modellab.v1"

enum {
    WEBSOCKET_DONE = 1000,
    WEBSOCKET_STOPS = 1001,
    WEBSOCKET_UNKNOWN = 4004,  /* there is no such run */
    WEBSOCKET_TOO_LONG = 4008, /* open, or at work, for longer than is allowed */
    WEBSOCKET_FAILED = 4500
};

typedef struct websocket websocket;

/* All are called on the thread of the sockets and must not wait. */
typedef struct websocket_handler {
    void (*open)(websocket *w, void *user);
    /* Whole messages; text is valid UTF-8 (and followed by a NUL), of at most `most` bytes. */
    void (*text)(websocket *w, void *user, const char *text, size_t bytes);
    void (*binary)(websocket *w, void *user, const void *data, size_t bytes);
    void (*tick)(websocket *w, void *user);   /* now and then while it is paused; NULL accepted */
    void (*closed)(websocket *w, void *user); /* the last call */
    size_t most;
    bool lasts; /* the longest life is not for it */
} websocket_handler;

/* Answers the call: 426 where it is no handshake, else 101. False: refused, nothing of the handler
 * was or will be called. `user` is the handler's from true on. */
MODELLAB_MUST_CHECK bool websocket_is_asked(call *c);
MODELLAB_MUST_CHECK bool websocket_accept(call *c, const websocket_handler *handler, void *user);

/* Any thread. False: closed, or the client does not take what waits (256 KiB). Never waits. */
bool websocket_send(websocket *w, const char *text, size_t bytes);
size_t websocket_waiting(websocket *w);
void websocket_close(websocket *w, unsigned code, const char *reason); /* the first one counts */
void websocket_pause(websocket *w, bool paused); /* nothing is read meanwhile */
websocket *websocket_ref(websocket *w);
void websocket_unref(websocket *w);

/* Signs of life every so often, and the longest life of a socket; 0 = no limit. */
void websockets_set_times(int64_t ping_ms, int64_t longest_ms);
void websockets_stop(void);

#endif
