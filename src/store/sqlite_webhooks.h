/* The operations of webhooks and deliveries on SQLite, for the table of operations. */
#ifndef MLI_STORE_SQLITE_WEBHOOKS_H
#define MLI_STORE_SQLITE_WEBHOOKS_H

#include "store/sqlite_db.h"

const char *mli_sqlite_webhook_text(mli_sql which);
const char *mli_sqlite_delivery_text(mli_sql which);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_webhook_put(mli_store *, const mli_webhook_row *,
                                                           int64_t most, modellab_error *);
/* Enables it, or deletes it. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_webhook_change(mli_store *, const char *id,
                                                              bool enable, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_webhook_list(mli_store *, const char *id,
                                                            bool behind, mli_webhook_list **,
                                                            modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_deliveries_put(mli_store *, const char *, int64_t,
                                                              int64_t, const mli_delivery_row *,
                                                              size_t, bool *moved,
                                                              modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_delivery_list(mli_store *, const char *webhook_id,
                                                             const char *id, int64_t before,
                                                             int32_t limit, mli_delivery_list **,
                                                             modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_delivery_take(mli_store *, int64_t now_ms,
                                                             int64_t until_ms, bool fresh,
                                                             mli_delivery_list **, int64_t *next_ms,
                                                             modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_delivery_end(mli_store *, const mli_delivery_end *,
                                                            bool *disabled, modellab_error *);

#endif
