/* From method and path to an operation. The tables of all files are listed in route.c. */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "call.h"

#define ROUTE_PARAMS_MAX 4
#define ROUTE_PARAM_BYTES 512

typedef struct route_param {
    const char *name; /* in the pattern, not terminated */
    size_t name_bytes;
    char value[ROUTE_PARAM_BYTES];
} route_param;

typedef struct route_match {
    const operation *op; /* NULL: nothing has this path, or this method of it */
    size_t index;        /* of the operation among all, for counters */
    bool path_known;     /* the path is there with another method */
    unsigned methods;    /* ROUTE_* of the path, for Allow */
    size_t count;
    route_param params[ROUTE_PARAMS_MAX];
} route_match;

enum {
    ROUTE_GET = 1,
    ROUTE_POST = 2,
    ROUTE_PUT = 4,
    ROUTE_PATCH = 8,
    ROUTE_DELETE = 16,
    ROUTE_OPTIONS = 32
};

/* Builds the index. False: two operations have the same method and path, or an entry is malformed;
 * `why` says which. `testing`: with the
 * operations of ops_testing.c. */
MODELLAB_MUST_CHECK bool route_init(bool testing, char *why, size_t why_bytes);
/* `path` as it came, not decoded; each segment is decoded by itself, so that %2F is no separator.
 */
void route_find(const char *method, const char *path, route_match *out);
void route_free(void);
size_t route_count(void);
const operation *route_at(size_t index);
/* "GET, HEAD, POST" */
void route_allow(unsigned methods, char *out, size_t bytes);

#endif
