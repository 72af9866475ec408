/* Replies by idempotency key on SQLite, for the table of operations. */
#ifndef MLI_STORE_SQLITE_REPLIES_H
#define MLI_STORE_SQLITE_REPLIES_H

#include "store/sqlite_db.h"

const char *mli_sqlite_reply_text(mli_sql which);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_reply_claim(mli_store *, const mli_reply_row *,
                                                           mli_reply **, bool *mine,
                                                           modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_reply_take_over(mli_store *,
                                                               const mli_reply_row *from,
                                                               const char *to, bool *mine,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_reply_put(mli_store *, const mli_reply_row *,
                                                         modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_reply_match(mli_store *, const char *user,
                                                           const char *key, const char *owner,
                                                           const char *fingerprint,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_reply_give_up(mli_store *, const char *user,
                                                             const char *key, const char *owner,
                                                             modellab_error *);

#endif
