/* What a call is made of: for the files of the core only (server, call, enter, body, reply). */
#ifndef SERVER_CALL_PRIVATE_H
#define SERVER_CALL_PRIVATE_H

#include "call.h"
#include "connections.h"
#include "reply.h"
#include "route.h"
#include <microhttpd.h>
#include <pthread.h>

typedef enum {
    CALL_NEW,      /* the head is here */
    CALL_ENTERING, /* a job looks at key and head */
    CALL_BODY,     /* the body is coming */
    CALL_PIECE,    /* a job has a piece of it */
    CALL_RUNNING,  /* the operation is at work */
    CALL_REPLYING  /* its reply is going out */
} call_phase;

typedef enum {
    REPLY_NONE,
    REPLY_BYTES,  /* memory of malloc(), or none */
    REPLY_BUFFER, /* a buffer of the library */
    REPLY_FILE,
    REPLY_STREAM,
    REPLY_UPGRADE
} reply_kind;

typedef struct reply_line {
    struct reply_line *next;
    char *name, *value; /* in the same block */
} reply_line;

typedef struct reply_upgrading {
    void (*taken)(void *user, upgrade *u, int socket, const void *more, size_t bytes);
    void (*stop)(void *user);
    void *user;
    upgrade *made; /* for libmicrohttpd, which has it no longer when it is NULL again */
} reply_upgrading;

typedef struct call_reply {
    reply_kind kind;
    int http;
    char *type; /* NULL = no body */
    char *bytes;
    size_t byte_count;
    modellab_buffer *buffer;
    stream *lasting;
    reply_source file; /* without its strings */
    int64_t first, last;
    reply_upgrading upgrading;
    reply_line *lines, *last_line;
} call_reply;

typedef struct query_item {
    char *name, *value; /* decoded, in one block */
} query_item;

typedef struct call_body_state {
    int64_t announced; /* Content-Length, -1 = chunked */
    int64_t asked_ms;  /* since then the next piece is waited for */
    int64_t waited_ms; /* for all pieces: the client's time, not ours */
    int64_t received, most;
    bool present, complete;
    bool closes; /* the connection ends with the reply, whatever of the body was read */
    char *text;  /* BODY_JSON */
    size_t bytes, room;
    json_t *json;
    struct multipart *form;
    bool began, part_began; /* BODY_STREAM */
} call_body_state;

struct call {
    struct MHD_Connection *mhd;
    connection *link;
    const operation *op; /* NULL: none has this path */
    size_t op_index;
    call_phase phase;
    struct {
        const char *name;
        size_t name_bytes;
        char *value;
    } params[ROUTE_PARAMS_MAX];
    size_t param_count;
    char *method, *path;
    bool is_first_version; /* HTTP/1.0 */
    query_item *query;
    size_t query_count;
    char request_id[129], trace_id[33];
    char trace_parent[MODELLAB_TRACE_PARENT_BYTES];
    char *trace_state;
    char *origin; /* allowed by the list: CORS headers are due */
    modellab_logger *log;
    char *user, *key_id, *scopes; /* NULL = without keys */
    int64_t began_ms, began_us, run_ms;
    const char *refused; /* why it was refused before it ran, for the log; NULL = allowed */
    call_body_state body;
    void *piece; /* of the body, for a job */
    size_t piece_bytes, piece_room;
    void *state;

    pthread_mutex_t lock; /* for what follows */
    bool in_run, replied, gone;
    modellab_cancel *cancel;

    call_reply reply;
    bool tagged; /* the reply to a write is what a GET would give, and has its ETag */
    int64_t bytes_out;
    _Atomic int sent_http;
};

/* Of the head that has come. NULL: out of memory, and nothing can be said. */
call *call_create(struct MHD_Connection *mhd, connection *link, const char *method,
                  const char *path);
void call_destroy(call *c);
/* The client is gone, or the server stops. Any thread. */
/* The stream that must be told with stream_gone() when no lock is held, or NULL. */
stream *call_gone(call *c);
bool call_is_stream(call *c); /* it is answered by a stream */
/* Goes on with a call whose connection sleeps. */
void call_resume(call *c);
/* The lines of the log that each request has. */
int64_t call_age_us(const call *c);
void call_log_start(const call *c);
void call_log_decision(const call *c);
void call_log_end(const call *c, const char *how, int64_t milliseconds);

/* Runs the checks that come before the work (enter.c). Those of the head alone, which never wait.
 */
void enter_head(call *c, const char *method, const char *path, const char *version);
/* Those that may wait: key, scope, rate. Then begin() of a sink. */
void enter_access(call *c);

/* Sends what was replied: queues it, or writes it to the socket where the body was not read. */
enum MHD_Result reply_send(call *c);
void reply_free(call_reply *reply);
/* Marks it as answered and wakes the connection where it sleeps. False: it was answered before;
 * then what `reply` holds has been given back. */
bool reply_commit(call *c, call_reply *reply);
/* The ETag of a body of JSON or text. */
#define REPLY_TAG_BYTES 40
void reply_tag_of(const char *bytes, size_t count, char out[REPLY_TAG_BYTES]);
/* Does a list of ETags (or "*") name this one? Weakly: the tags here are of what is said, however
 * it is compressed. */
bool reply_list_names(const char *list, const char *tag);
/* Does If-None-Match name this ETag (NULL: none)? */
bool reply_names_tag(const call *c, const char *tag);
const char *reply_line_value(const call *c, const char *name);
/* Compresses and gives an ETag where it may (reply_text.c). */
void reply_bytes_owned(call *c, int http, const char *type, char *owned, size_t bytes,
                       modellab_buffer *buffer);
/* Response of libmicrohttpd for a body that lasts, or comes in pieces. NULL: out of memory. */
struct MHD_Response *stream_response(stream *s, call *c);
void stream_gone(stream *s);     /* its client is gone: gives back the reference, NULL accepted */
bool stream_is_whole(stream *s); /* its client has all, as far as we know */
struct MHD_Response *ranges_response(call *c);
struct MHD_Response *upgrade_response(call *c);
/* The connection ended before the socket was given over. */
void upgrade_abandon(const reply_upgrading *how);
void upgrades_stop(void);
void streams_farewell(void); /* last words, and the end, of those that have some */
void streams_stop(void);     /* all are told that they are over */

#endif
