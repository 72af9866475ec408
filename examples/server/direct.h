/* Problems that are told on the socket itself, where libmicrohttpd cannot: a head or a body that is
 * too slow or malformed, a connection that comes when the server stops. */
#ifndef SERVER_DIRECT_H
#define SERVER_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct direct_problem {
    int http;
    const char *slug, *detail;
    const char *address;    /* of the client, for the log */
    const char *request_id; /* "" or NULL: made here */
    int retry_s;            /* Retry-After, 0 = without */
    bool has_call;          /* which counts it at its end */
} direct_problem;

/* Sends it and ends the connection, with care (linger_reply()); logs and counts it. The socket
 * stays the caller's. */
void direct_refuse(int socket, const direct_problem *problem);

#endif
