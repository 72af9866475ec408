/* What each upload takes of its user's share: a row from before its bytes are on disk until its
 * data is about to go, so that a sum is one look by an index. Whether it is there at all is told by
 * its files alone. */
#ifndef MLI_STORE_UPLOADS_H
#define MLI_STORE_UPLOADS_H

#include "base/id.h"
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_store mli_store;

typedef struct mli_upload_row {
    const char *id, *user;
    int64_t bytes, expires_ms;
} mli_upload_row;

/* Which of them; the next ones in the order of their ids go on behind `after`. */
typedef struct mli_upload_query {
    const char *user, *after; /* NULL = all, from the first one */
    int64_t expired_ms;       /* > 0: those whose time is over then */
} mli_upload_query;
enum { MLI_UPLOAD_IDS = 64 };

/* *others: what the user's other ones take. When all of them and this one are at most `most` (0 =
 * no bound) its row is written, made or changed, and *fits is true. A lazy commit. */
MODELLAB_MUST_CHECK modellab_status mli_store_upload_put(mli_store *store,
                                                         const mli_upload_row *row, int64_t most,
                                                         int64_t *others, bool *fits,
                                                         modellab_error *err);
/* Nothing happens when there is none. */
MODELLAB_MUST_CHECK modellab_status mli_store_upload_forget(mli_store *store, const char *id,
                                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_upload_sum(mli_store *store, const char *user,
                                                         int64_t *bytes, modellab_error *err);
/* At most MLI_UPLOAD_IDS. */
MODELLAB_MUST_CHECK modellab_status mli_store_upload_ids(mli_store *store,
                                                         const mli_upload_query *query,
                                                         char ids[][MLI_ULID_BYTES], size_t *count,
                                                         modellab_error *err);

#endif
