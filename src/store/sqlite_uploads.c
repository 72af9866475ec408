/* The table of uploads. Commits are lazy: a row that a power cut takes back is made anew by the
 * next look at the files. */
#include "store/sqlite_uploads.h"

#include "base/error.h"
#include <string.h>

const char *mli_sqlite_upload_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_UPLOAD_PUT:
        return "INSERT INTO uploads(id,user,bytes,expires_ms) VALUES(?1,?2,?3,?4) "
               "ON CONFLICT(id) DO UPDATE SET bytes=?3,expires_ms=?4";
    case MLI_SQL_UPLOAD_FORGET:
        return "DELETE FROM uploads WHERE id=?1";
    case MLI_SQL_UPLOAD_SUM: /* the index has all of it */
        return "SELECT coalesce(sum(bytes),0) FROM uploads WHERE user=?1 AND id<>?2";
    case MLI_SQL_UPLOAD_OF_USER:
        return "SELECT id FROM uploads WHERE user=?1 AND id>?2 ORDER BY id LIMIT ?3";
    case MLI_SQL_UPLOAD_EXPIRED:
        return "SELECT id FROM uploads WHERE expires_ms<=?1 AND id>?2 ORDER BY expires_ms LIMIT ?3";
    default:
        return "SELECT id FROM uploads WHERE id>?2 ORDER BY id LIMIT ?3";
    }
}

MODELLAB_MUST_CHECK static modellab_status
sum_of(mli_sqlite *s, const char *user, const char *without, int64_t *bytes, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_UPLOAD_SUM);

    mli_query_text(&q, user);
    mli_query_text(&q, without);
    if (mli_query_row(&q))
        *bytes = sqlite3_column_int64(q.statement, 0);
    return mli_query_close(&q, err);
}

typedef struct change {
    const mli_upload_row *row;
    const char *id;
    int64_t most, others;
    bool fits;
} change;

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    change *c = arg;
    modellab_status status = sum_of(s, c->row->user, c->row->id, &c->others, err);

    c->fits = status == MODELLAB_OK &&
              (c->most == 0 || (c->row->bytes <= c->most && c->others <= c->most - c->row->bytes));
    if (!c->fits)
        return status;
    mli_query q = mli_query_open(s, MLI_SQL_UPLOAD_PUT);
    mli_query_text(&q, c->row->id);
    mli_query_text(&q, c->row->user);
    mli_query_int(&q, c->row->bytes);
    mli_query_int(&q, c->row->expires_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_upload_put(mli_store *store, const mli_upload_row *row, int64_t most,
                                      int64_t *others, bool *fits, modellab_error *err)
{
    change c = {.row = row, .most = most};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, put, &c, true, err);

    *others = c.others;
    *fits = status == MODELLAB_OK && c.fits;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status forget(mli_sqlite *s, void *arg, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_UPLOAD_FORGET);

    mli_query_text(&q, ((change *)arg)->id);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_upload_forget(mli_store *store, const char *id, modellab_error *err)
{
    change c = {.id = id};

    return mli_sqlite_write((mli_sqlite *)store, forget, &c, true, err);
}

modellab_status mli_sqlite_upload_sum(mli_store *store, const char *user, int64_t *bytes,
                                      modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = sum_of(s, user, "", bytes, err);
        mli_sqlite_leave(s);
    }
    return status;
}

modellab_status mli_sqlite_upload_ids(mli_store *store, const mli_upload_query *query,
                                      char ids[][MLI_ULID_BYTES], size_t *count,
                                      modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, query->user != NULL     ? MLI_SQL_UPLOAD_OF_USER
                                    : query->expired_ms > 0 ? MLI_SQL_UPLOAD_EXPIRED
                                                            : MLI_SQL_UPLOAD_ALL);
    if (query->user != NULL)
        mli_query_text(&q, query->user);
    else
        mli_query_int(&q, query->expired_ms);
    mli_query_text(&q, query->after);
    mli_query_int(&q, MLI_UPLOAD_IDS);
    while (*count < MLI_UPLOAD_IDS && mli_query_row(&q)) {
        size_t bytes;
        const char *id = mli_query_column(&q, 0, &bytes);

        if (bytes == MLI_ULID_BYTES - 1)
            memcpy(ids[(*count)++], id, MLI_ULID_BYTES);
    }
    status = mli_query_close(&q, err);
    mli_sqlite_leave(s);
    return status;
}
