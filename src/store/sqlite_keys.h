/* The operations of keys on SQLite, for the table of operations. */
#ifndef MLI_STORE_SQLITE_KEYS_H
#define MLI_STORE_SQLITE_KEYS_H

#include "store/sqlite_db.h"

const char *mli_sqlite_key_text(mli_sql which);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_key_put(mli_store *, const mli_key_row *,
                                                       int64_t most, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_key_change(mli_store *, const mli_key_change *,
                                                          modellab_error *);
/* `hash` NULL: all, or that of `id`. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_key_list(mli_store *, const char *id,
                                                        const char *hash, mli_key_list **,
                                                        modellab_error *);

#endif
