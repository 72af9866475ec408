/* Webhooks in the store, and their deliveries: made of events after a cursor in the transaction
 * that moves the cursor, so that none is lost or made twice; made again when who delivers one dies.
 */
#ifndef MLI_STORE_WEBHOOKS_H
#define MLI_STORE_WEBHOOKS_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_store mli_store;

/* A row that a caller fills borrows his strings; a loaded one is in a list. Times of -1: not. */
typedef struct mli_webhook_row {
    const char *id, *user, *url;
    const char *kinds;        /* types of events, separated by blanks; "" = all that end a run */
    const char *secret;       /* "" in lists */
    const char *disabled_why; /* "" = it is not */
    int32_t every_user;       /* 1: events of runs of all users */
    int64_t created_ms, disabled_ms;
    int64_t failures; /* deliveries that failed for good, one after the other */
    int64_t cursor;   /* events up to this seq have their deliveries */
} mli_webhook_row;

typedef struct mli_webhook_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_webhook_row *rows; /* in the order of their making */
    char *text;
} mli_webhook_list;

typedef enum mli_delivery_state {
    MLI_DELIVERY_WAITING = 1,
    MLI_DELIVERY_DONE = 2,
    MLI_DELIVERY_FAILED = 3
} mli_delivery_state;

typedef struct mli_delivery_row {
    const char *id, *webhook_id, *kind, *run_id, *request_id, *trace_id;
    const char *body;         /* what is sent; "" in lists */
    const char *message;      /* of the last attempt that failed */
    const char *url, *secret; /* of its webhook; only of one that was taken */
    int32_t state;
    int64_t seq, event_seq, attempts, due_ms, http_status, created_ms, ended_ms;
    int64_t failures; /* of its webhook; only of one that was taken */
} mli_delivery_row;

typedef struct mli_delivery_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_delivery_row *rows; /* newest first */
    char *text;
} mli_delivery_list;

/* What came of an attempt. */
typedef struct mli_delivery_end {
    int64_t seq, attempts; /* as it was taken: who was too late changes nothing */
    const char *webhook_id;
    mli_delivery_state state; /* WAITING: again at due_ms */
    int64_t now_ms, due_ms, http_status;
    const char *message;
    const char *disable_why; /* NULL: the webhook stays as it is */
    int64_t most_failures;   /* FAILED: so many of them in a row disable it, with why_failures */
    const char *why_failures;
    int64_t forget_before_ms; /* older ones that have ended are forgotten on the way, some a time */
} mli_delivery_end;

/* E_LIMIT: there are `most`. Its cursor is the newest event of now. */
MODELLAB_MUST_CHECK modellab_status mli_store_webhook_put(mli_store *store,
                                                          const mli_webhook_row *row, int64_t most,
                                                          modellab_error *err);
/* With its deliveries. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_store_webhook_delete(mli_store *store, const char *id,
                                                             modellab_error *err);
/* From the newest event of now on. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_store_webhook_enable(mli_store *store, const char *id,
                                                             modellab_error *err);
/* `id` NULL or "" = all. `behind`: only those that work and have events to look at. */
MODELLAB_MUST_CHECK modellab_status mli_store_webhooks(mli_store *store, const char *id,
                                                       bool behind, mli_webhook_list **out,
                                                       modellab_error *err);
/* New deliveries of a webhook, and its cursor from `from` to `to`. *moved false: it stood elsewhere
 * by now, and nothing was changed. */
MODELLAB_MUST_CHECK modellab_status mli_store_deliveries_put(
    mli_store *store, const char *webhook_id, int64_t from, int64_t to,
    const mli_delivery_row *rows, size_t count, bool *moved, modellab_error *err);
/* One of `id`, or those of a webhook that are older than `before` (0 = all). */
MODELLAB_MUST_CHECK modellab_status mli_store_deliveries(mli_store *store, const char *webhook_id,
                                                         const char *id, int64_t before,
                                                         int32_t limit, mli_delivery_list **out,
                                                         modellab_error *err);
/* The first waiting one of a webhook that works, if it is due: of several webhooks of that which
 * has waited longest. Its attempts are one more, and until `until_ms` nobody else takes it. The
 * list has one row or none; then *next_ms is when one will be due (-1: none waits). `fresh`: only
 * first attempts at webhooks whose last delivery arrived. */
MODELLAB_MUST_CHECK modellab_status mli_store_delivery_take(mli_store *store, int64_t now_ms,
                                                            int64_t until_ms, bool fresh,
                                                            mli_delivery_list **out,
                                                            int64_t *next_ms, modellab_error *err);
/* *disabled: this disabled the webhook. */
MODELLAB_MUST_CHECK modellab_status mli_store_delivery_end(mli_store *store,
                                                           const mli_delivery_end *end,
                                                           bool *disabled, modellab_error *err);
void mli_webhook_list_free(mli_webhook_list *list);
void mli_delivery_list_free(mli_delivery_list *list);

#endif
