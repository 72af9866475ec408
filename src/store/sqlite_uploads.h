/* Uploads on SQLite, for the table of operations. */
#ifndef MLI_STORE_SQLITE_UPLOADS_H
#define MLI_STORE_SQLITE_UPLOADS_H

#include "store/sqlite_db.h"

const char *mli_sqlite_upload_text(mli_sql which);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_upload_put(mli_store *, const mli_upload_row *,
                                                          int64_t most, int64_t *others, bool *fits,
                                                          modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_upload_forget(mli_store *, const char *id,
                                                             modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_upload_sum(mli_store *, const char *user,
                                                          int64_t *bytes, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_upload_ids(mli_store *, const mli_upload_query *,
                                                          char ids[][MLI_ULID_BYTES], size_t *,
                                                          modellab_error *);

#endif
