/* The order: what a supervisor tells a worker about the run it is to execute, as one JSON text in
 * an inherited descriptor, and the numbers of all descriptors that the worker inherits. */
#ifndef MLI_LAB_ORDER_H
#define MLI_LAB_ORDER_H

#include "base/json.h"
#include "store/journal.h"

/* Descriptors of a worker. LOCK is held by it for as long as it lives. */
enum {
    MLI_FD_ORDER = 3,     /* read: the order */
    MLI_FD_LOCK = 4,      /* the run's lock, already taken */
    MLI_FD_JOURNAL = 5,   /* append */
    MLI_FD_PAGE = 6,      /* shared page, read and write */
    MLI_FD_ARTIFACTS = 7, /* the directory artifacts/ */
    MLI_FD_LOG = 8,       /* append: log.jsonl */
    MLI_FD_INPUT = 9,     /* read; absent without input */
    MLI_FD_COUNT_ = 7
};

#define MLI_ORDER_MAX_BYTES ((size_t)2 * 1024 * 1024)

/* All texts are borrowed: from the caller when written, from the parsed document when read. */
typedef struct mli_order {
    const char *run_id, *request_id, *trace_id, *span_id;
    const char *steps; /* comma-separated, in order */
    const char *input_name, *input_sha256;
    const char *models_root, *cache_root;
    const char *request_json; /* for writing: an object */
    const mli_json *request;  /* for reading */
    int64_t fence;
    mli_journal_tail journal;
    int64_t host_pid; /* who started the worker */
    int64_t limit_ms; /* the deadline that counts, for texts; 0 = none */
    int32_t attempt, threads, log_level;
    bool has_input;
} mli_order;

void mli_order_write(const mli_order *order, mli_buf *out);
/* `*root` (new, mli_json_free) owns what the order borrows. E_INVALID_JSON, E_SCHEMA. */
MODELLAB_MUST_CHECK modellab_status mli_order_read(const char *text, size_t bytes, mli_order *out,
                                                   mli_json **root, modellab_error *err);

#endif
