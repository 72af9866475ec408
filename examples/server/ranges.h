/* Range requests, and bodies that are read in pieces by offset, each piece on a job thread. */
#ifndef SERVER_RANGES_H
#define SERVER_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a body is read from. `read` and `release` come from job threads, one at a time. */
typedef struct reply_source {
    void *user;
    int64_t size;         /* of the whole */
    const char *etag;     /* quoted, for example the sha256; copied; NULL = none */
    const char *filename; /* Content-Disposition: attachment; copied; NULL = shown in place */
    /* Up to `bytes` from `offset`: their number, 0 or less = failed (the connection is broken off).
     */
    int64_t (*read)(void *user, int64_t offset, void *out, size_t bytes);
    void (*release)(void *user); /* NULL accepted */
} reply_source;

typedef enum { RANGE_NONE, RANGE_ONE, RANGE_UNSATISFIABLE } range_kind;

/* Reads a Range header against a size. Several ranges, other units and what is malformed count as
 * none: the whole is sent, as the standard allows. */
range_kind range_read(const char *header, int64_t size, int64_t *first, int64_t *last);

#endif
