/* Replies by idempotency key: a row is claimed by one owner, gets its reply from that owner, and is
 * forgotten when its time is over. */
#ifndef MLI_STORE_REPLIES_H
#define MLI_STORE_REPLIES_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mli_store mli_store;

typedef struct mli_reply_row {
    const char *user, *key;
    const char *owner; /* who works on it, "" = nobody any more; of a reply who did */
    const char *fingerprint, *media_type, *headers, *body;
    int64_t http_status; /* 0 = it is being worked on */
    int64_t created_ms, expires_ms;
} mli_reply_row;

/* A row and its texts. */
typedef struct mli_reply {
    const modellab_allocator *alloc;
    mli_reply_row row;
    char *text;
} mli_reply;

/* Inserts the claim, unless the key has a row whose time is not over at claim->created_ms: that one
 * comes back then, else the claim itself. What has had its time is forgotten in passing. */
MODELLAB_MUST_CHECK modellab_status mli_store_reply_claim(mli_store *store,
                                                          const mli_reply_row *claim,
                                                          mli_reply **out, bool *mine,
                                                          modellab_error *err);
/* The row that was read as `from` becomes the one of owner `to`. *mine false: it has another owner
 * or another fingerprint by now (all rows that were given up have the owner ""). */
MODELLAB_MUST_CHECK modellab_status mli_store_reply_take_over(mli_store *store,
                                                              const mli_reply_row *from,
                                                              const char *to, bool *mine,
                                                              modellab_error *err);
/* What the request of `owner` is, before he does anything for it. E_STATE: the row is not his. */
MODELLAB_MUST_CHECK modellab_status mli_store_reply_match(mli_store *store, const char *user,
                                                          const char *key, const char *owner,
                                                          const char *fingerprint,
                                                          modellab_error *err);
/* The reply of row->owner. E_STATE: the row is not his. */
MODELLAB_MUST_CHECK modellab_status mli_store_reply_put(mli_store *store, const mli_reply_row *row,
                                                        modellab_error *err);
/* A row that `owner` works on is nobody's from now on, its owner ""; one without a fingerprint is
 * forgotten. Nothing happens when there is none. */
MODELLAB_MUST_CHECK modellab_status mli_store_reply_give_up(mli_store *store, const char *user,
                                                            const char *key, const char *owner,
                                                            modellab_error *err);
void mli_reply_free(mli_reply *reply);

#endif
