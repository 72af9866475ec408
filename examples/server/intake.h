/* What a request brings: a file that streams into an upload of the library, a JSON document as a
 * part of a form or as the whole body; looked at as it comes, in whatever order it comes. */
#ifndef SERVER_INTAKE_H
#define SERVER_INTAKE_H

#include "call.h"

typedef enum { INTAKE_FILE_ONLY, INTAKE_RUN } intake_kind;

typedef struct intake {
    intake_kind kind;
    modellab_idempotency *claim; /* NULL = none */
    modellab_upload *upload;     /* NULL = no file has begun */
    bool file_done;              /* it is finished, and kept only if `keeps` */
    bool keeps;
    json_t *request; /* NULL = none, or not complete */
    char *text;      /* of the request, as it came */
    size_t text_bytes, text_room;
    enum { PART_NONE, PART_FILE, PART_REQUEST } part;
    bool has_request;   /* its part has begun */
    bool is_json;       /* the body as a whole is the request */
    bool counts_before; /* validate a request that comes before its file */
} intake;

/* At the head: type of the body, key. `before`: a request that comes first is validated before the
 * file is read. False: has replied. */
MODELLAB_MUST_CHECK bool intake_begin(call *c, intake_kind kind, bool before);
MODELLAB_MUST_CHECK bool intake_part(call *c, const char *name, const char *filename,
                                     const char *type);
MODELLAB_MUST_CHECK bool intake_data(call *c, const void *data, size_t bytes);
/* All is here: ends the file, parses the request. False: has replied. */
MODELLAB_MUST_CHECK bool intake_end(call *c);
/* The file has become a run's: it goes, before the answer may be waited for. */
void intake_used(call *c);
/* Gives back what is held; a file that is not kept goes off the disk. */
void intake_drop(call *c);
/* The user that a run of this call is for: the one that its request names, where the key may, or
 * else the key's. False: has replied 403. */
MODELLAB_MUST_CHECK bool intake_user(call *c, json_t *request);
/* A run that was accepted over HTTP is not lost by a kill of the server or a power cut: unless its
 * request says how often it is tried, it is tried again when its worker was lost or stopped with
 * its supervisor. False: out of memory. */
MODELLAB_MUST_CHECK bool intake_survives(json_t *request);

#endif
