/* The feed of all events on SQLite: for the table of operations, and inside a transaction. */
#ifndef MLI_STORE_SQLITE_FEED_H
#define MLI_STORE_SQLITE_FEED_H

#include "store/sqlite_db.h"

const char *mli_sqlite_feed_text(mli_sql which);

/* Within whatever transaction there is; `list` is zero but for alloc and next (= after). */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_read_feed(mli_sqlite *s, const mli_feed_query *query,
                                                         mli_feed_list *list, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_read_feed_end(mli_sqlite *s, int64_t *seq,
                                                             modellab_error *err);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_feed(mli_store *, const mli_feed_query *,
                                                    mli_feed_list **, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_feed_end(mli_store *, int64_t *, modellab_error *);

#endif
