/* One request, from its head to the end of its reply, and the table entry that says how it is
 * answered. Operations see nothing of libmicrohttpd. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include <jansson.h>
#include <modellab/modellab.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct call call; /* lives until its reply has gone out */

typedef enum { BODY_NONE, BODY_JSON, BODY_STREAM } body_kind;

enum {
    OP_INLINE = 1,     /* never waits: runs on the network thread */
    OP_OPENAI = 2,     /* errors have the shape of OpenAI's */
    OP_DEPRECATED = 4, /* `deprecation` says since when, until when and what instead */
    OP_QUIET = 8,      /* its log lines are of level debug (probes that come every second) */
    OP_DRAINING = 16,  /* also answered while the server drains, though it writes (cancel, admin) */
    OP_BODY_EMPTY = 32, /* BODY_JSON: the body may be absent; then call_json() is an empty object */
    OP_KEYED = 64,      /* POST: honours Idempotency-Key (replay.h) */
    OP_REPEATABLE = 128, /* POST: done again it changes nothing more, so a key may be given */
    OP_MATCHES = 256     /* PUT, PATCH, DELETE: honours If-Match and If-None-Match (conditions.h) */
};

/* A BODY_STREAM operation takes the body as it comes, piece by piece, on a job thread (it may
 * wait); the pieces of a call never overlap and see each other's writes. Each function returns true
 * to go on, or has replied (a refusal before the rest is read) and returns false. */
typedef struct body_sink {
    bool (*begin)(call *c); /* head is known and allowed, nothing was read */
    /* Multipart: a part begins. Any other type: once, with name "" and the type of the body. The
     * strings live during the call only; filename and type are "" when absent. */
    bool (*part)(call *c, const char *name, const char *filename, const char *type);
    bool (*data)(call *c, const void *data, size_t bytes); /* of the part that began last */
    /* Refused, broken off, or answered: give back what call_state() holds. Called once for each
     * begin(), also one that returned false; after run() where that was reached. */
    void (*drop)(call *c);
} body_sink;

typedef struct deprecation {
    int64_t since;         /* unix time */
    int64_t sunset;        /* unix time, not before `since` */
    const char *successor; /* path of what to use instead */
} deprecation;

typedef struct operation {
    const char *id;     /* operationId of the contract: "getRun" */
    const char *method; /* "GET" (HEAD goes with it), "POST", "PUT", "PATCH", "DELETE" */
    const char *path;   /* "/api/v1/runs/{id}/transcript" */
    const char
        *scope; /* "" = open to everybody; "runs:read", "runs:write", "models:write", "admin" */
    body_kind body;
    int64_t body_max; /* bytes; 0 = the setting (uploads), 1 MiB (JSON) */
    unsigned flags;   /* OP_* */
    /* Head and body are complete. Replies exactly once, here or later from any thread; a call that
     * is kept for later must not be touched after its reply. On a job thread unless OP_INLINE. */
    void (*run)(call *c);
    const body_sink *sink;          /* BODY_STREAM */
    const deprecation *deprecation; /* OP_DEPRECATED */
} operation;

typedef struct operation_table {
    const operation *items;
    size_t count;
} operation_table;

/* The table of a file: OPERATION_TABLE(ops_health) after `static const operation table[]`. */
#define OPERATION_TABLE(name) const operation_table name = {table, sizeof table / sizeof table[0]}

const char *call_param(const call *c, const char *name); /* of the path, decoded, never NULL */
const char *call_query(const call *c, const char *name); /* decoded UTF-8; NULL = absent */
/* `otherwise` where it is absent. False: a 422 that names the parameter has been replied. */
MODELLAB_MUST_CHECK bool call_query_int(call *c, const char *name, int64_t least, int64_t most,
                                        int64_t otherwise, int64_t *out);
MODELLAB_MUST_CHECK bool call_query_bool(call *c, const char *name, bool otherwise, bool *out);
/* All parameters of the query in their order; false from `each` ends it. */
void call_query_each(const call *c, bool (*each)(void *user, const char *name, const char *value),
                     void *user);
const char *call_header(const call *c, const char *name); /* NULL = absent */
const char *call_method(const call *c);
const char *call_path(const call *c); /* decoded, without the query */

const json_t *call_json(const call *c); /* BODY_JSON: an object or an array, never NULL in run() */
const char *call_body(const call *c, size_t *bytes); /* BODY_JSON: as it came */
void *call_state(const call *c);
void call_set_state(call *c, void *state);

modellab_lab *call_lab(const call *c);
modellab_logger *call_log(const call *c); /* its lines carry request_id and trace_id */
/* Logs a line with one text field; for more use call_log(). */
void call_note(const call *c, modellab_log_level level, const char *event, const char *message,
               const char *key, const char *value);
/* Whose call it is, and so whose is what it makes: the user of the key, "key:ID" of a key that has
 * none; "" without keys, and of a key with scope admin that has no user. */
const char *call_user(const call *c);
const char *call_key_id(const call *c); /* "" without keys */
/* The one rule of who may see, change and use what: scope admin (and everybody, without keys) all,
 * any other key what is its call_user()'s. What is nobody's ("") is for admins. */
bool call_may_see(const call *c, const char *user);
bool call_has_scope(const call *c, const char *scope);
const char *call_request_id(const call *c);
const char *call_trace_parent(const call *c); /* for what this call causes: our own span */
const char *call_trace_state(const call *c);  /* "" when there is none */
modellab_cancel *call_cancel(const call *c);  /* set when the server stops or the client is gone */
int64_t call_age_ms(const call *c);           /* since its head had come */

#endif
