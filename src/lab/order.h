/* The order: what a supervisor tells a worker about a run that it is to execute, as one JSON text,
 * and what the descriptors that come with it are. */
#ifndef MLI_LAB_ORDER_H
#define MLI_LAB_ORDER_H

#include "lab/outputs.h"
#include "lab/request.h"
#include "os/socket.h"
#include "store/journal.h"

/* The descriptors of a run, in the order in which they are sent. Nothing else of the run is opened
 * by a worker. */
typedef enum mli_order_fd {
    MLI_ORDER_LOCK,      /* the run's lock, already taken: held until the outcome is written */
    MLI_ORDER_JOURNAL,   /* append */
    MLI_ORDER_PAGE,      /* shared page, read and write */
    MLI_ORDER_ARTIFACTS, /* the directory artifacts/, to sync it: nothing can be opened below it */
    MLI_ORDER_LOG,       /* append: log.jsonl */
    MLI_ORDER_INPUT,     /* read; absent without input */
    MLI_ORDER_MODEL,     /* read: the packed image of the run's model; absent when there is none */
    MLI_ORDER_SPOOL,     /* read and write: a nameless file for decoded audio; with an input */
    /* For each name of `outputs`: the file of that artifact, to write, and what the run that this
     * one repeats has of it, to read; absent when it has nothing. */
    MLI_ORDER_RESULTS,
    MLI_ORDER_OFFERS = MLI_ORDER_RESULTS + MLI_OUTPUTS_MOST,
    MLI_ORDER_FDS = MLI_ORDER_OFFERS + MLI_OUTPUTS_MOST
} mli_order_fd;
_Static_assert(MLI_ORDER_FDS <= MLI_OS_SOCKET_FDS, "they travel in one message");

#define MLI_ORDER_MAX_BYTES (2 * MLI_REQUEST_MAX_BYTES) /* the request, and what comes with it */

enum { MLI_ORDER_KEY_BYTES = 4096 };

/* All texts are borrowed: from the caller when written, from the parsed document when read. */
typedef struct mli_order {
    const char *run_id, *request_id, *trace_id, *span_id;
    const char *steps; /* comma-separated, in order */
    const char *input_name, *input_sha256;
    const char *models_root;
    /* The service that makes chapters, summaries, action items: with runs that ask for it. */
    const char *remote_url, *remote_model;
    const char *remote_key;        /* for writing */
    char key[MLI_ORDER_KEY_BYTES]; /* for reading: "" = none; mli_order_forget() it */
    int64_t remote_part_bytes;     /* of a transcript for one call; 0 = as built in */
    const char *price_json;        /* for writing: the run's sheet; NULL = none */
    const mli_json *prices;        /* for reading; NULL = all is free */
    bool remote;                   /* it is asked for: the worker may use the network */
    const char *request_json;      /* for writing: an object */
    const mli_json *request;       /* for reading */
    int64_t fence;
    mli_journal_tail journal;
    int64_t limit_ms; /* the deadline that counts, for texts; 0 = none */
    int32_t attempt, threads, log_level;
    bool has[MLI_ORDER_FDS]; /* the descriptors that come with it, by mli_order_fd */
    mli_outputs outputs;
    bool sandbox_off, require_sandbox;
    int64_t address_bytes; /* address space of the worker; 0 = as much as it wants */
} mli_order;

/* With a key of the remote service `out` is to be wiped; it does not move while it is written. */
void mli_order_write(const mli_order *order, mli_buf *out);
/* `*root` (new, mli_json_free) owns what the order borrows. E_INVALID_JSON, E_SCHEMA. */
MODELLAB_MUST_CHECK modellab_status mli_order_read(const char *text, size_t bytes, mli_order *out,
                                                   mli_json **root, modellab_error *err);
void mli_order_forget(mli_order *order); /* overwrites the key */

#endif
