/* WebSockets (RFC 6455): the handshake, then frames by libwslay. One thread serves all of them;
 * who sends from elsewhere puts into a bounded queue. */
#ifndef SERVER_WEBSOCKET_H
#define SERVER_WEBSOCKET_H

#include "call.h"

#define WEBSOCKET_PROTOCOL "modellab.v1"

enum {
    WEBSOCKET_DONE = 1000,
    WEBSOCKET_STOPS = 1001,
    WEBSOCKET_KEY = 1008,      /* the key is not good any more */
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
    void (*tick)(websocket *w, void *user); /* now and then while it is paused; NULL accepted */
    /* The server drains: it ends soon and closes then with WEBSOCKET_STOPS, at the latest when the
     * drain is over. NULL: it is closed at once. */
    void (*stops)(websocket *w, void *user);
    void (*closed)(websocket *w, void *user); /* the last call */
    size_t most;
    bool lasts; /* the longest life is not for it */
} websocket_handler;

/* Answers the call: 503 while the server drains or has no room for more streams, 426 where it is no
 * handshake, else 101. False: refused, nothing of the handler was or will be called. `user` is the
 * handler's from true on. */
MODELLAB_MUST_CHECK bool websocket_is_asked(call *c);
MODELLAB_MUST_CHECK bool websocket_accept(call *c, const websocket_handler *handler, void *user);

/* Any thread. False: closed, or the client does not take what waits (256 KiB). Never waits. */
bool websocket_send(websocket *w, const char *text, size_t bytes);
size_t websocket_waiting(websocket *w);
void websocket_close(websocket *w, unsigned code, const char *reason); /* the first one counts */
void websocket_pause(websocket *w, bool paused); /* nothing is read meanwhile */
websocket *websocket_ref(websocket *w);
void websocket_unref(websocket *w);

typedef struct websocket_times {
    int64_t ping_ms, longest_ms; /* signs of life; the longest life of a socket, 0 = no limit */
    int64_t send_ms;             /* who takes nothing for so long is cut off */
    int64_t drain_ms;            /* how long sockets may take that end by themselves */
} websocket_times;
void websockets_set_times(const websocket_times *times);
void websockets_stop(void);

#endif
