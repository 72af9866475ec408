/* All open connections with their time limits: a thread looks at them four times a second and ends
 * what is too slow (heads, bodies, readers), idle for too long, or in the way of others. */
#ifndef SERVER_CONNECTIONS_H
#define SERVER_CONNECTIONS_H

#include <modellab/export.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

/* What a connection is about; each has its limit. */
enum {
    CONNECTION_HEAD,  /* a head is expected, or coming: the first one */
    CONNECTION_IDLE,  /* between requests; when something comes it is HEAD */
    CONNECTION_BODY,  /* a body is coming */
    CONNECTION_WORK,  /* ours to do; no limit */
    CONNECTION_REPLY, /* the reply is going out */
    CONNECTION_DEAD   /* was ended by us */
};

typedef struct connection {
    struct connection *previous, *next;
    struct call *call; /* under the lock of all */
    int socket;
    bool watched; /* under the lock: the client's hanging up matters (nobody reads) */
    _Atomic int phase;
    _Atomic int64_t deadline; /* text_now_ms(); 0 = none */
    _Atomic int64_t since;    /* when it began to wait for the next request */
    _Atomic int64_t seen;     /* how many bytes had come when the last reply began */
    /* Of the request that is being read; the network thread's. */
    size_t target_bytes, head_bytes;
    bool target_is_odd;
    int64_t began, probed; /* probed: when an end of the client's side was looked into */
    char address[48];
} connection;

MODELLAB_MUST_CHECK bool connections_start(int64_t max);
void connections_stop(void);

/* NULL: out of memory. */
connection *connection_open(int socket, const char *address, int64_t head_ms);
void connection_close(connection *one);
/* The phase and its limit. False: it has been ended. */
MODELLAB_MUST_CHECK bool connection_enter(connection *one, int phase, int64_t limit_ms);
/* How many bytes of a head have come that never became a call. */
int64_t connection_unfinished(const connection *one);
/* Its reply begins: what comes from now on is the next request. */
void connection_answers(connection *one);
/* Answers a head that libmicrohttpd will make nothing of, and ends the connection. Only from the
 * network thread that it belongs to. */
void connection_refuse(connection *one, int http, const char *slug, const char *detail);
/* Which call it serves now, for call_cancel(); `watched`: its socket is looked at. */
void connection_serve(connection *one, struct call *served, bool watched);
typedef enum {
    END_WAITING, /* who waits for a request, or is sending its head */
    END_WORK,    /* bodies as well; what works is told to end, and can still be answered */
    END_ALL
} connections_whom;
/* When the server stops: who has sent something that is not answered gets 503. */
void connections_end(connections_whom whom);

typedef struct connection_numbers {
    size_t open;
    int64_t accepted, expired, evicted;
} connection_numbers;
connection_numbers connections_now(void);

/* Answers on the socket itself and closes it with care: libmicrohttpd can queue no reply in the
 * middle of a body. The bytes are sent on a copy of the descriptor, then nothing more; what the
 * client still sends is read and thrown away for a bounded time, so that the reply is not lost to a
 * reset. */
void linger_reply(int socket, const char *reply, size_t bytes);
MODELLAB_MUST_CHECK bool linger_start(void);
void linger_stop(void);

#endif
