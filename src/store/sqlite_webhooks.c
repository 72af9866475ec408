/* The table of webhooks. */
#include "store/sqlite_webhooks.h"

#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_feed.h"
#include <stddef.h>

const char *mli_sqlite_webhook_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_WEBHOOK_COUNT:
        return "SELECT count(*) FROM webhooks";
    case MLI_SQL_WEBHOOK_PUT:
        return "INSERT INTO webhooks(id,user,every_user,url,kinds,secret,created_ms,disabled_ms,"
               "disabled_why,failures,cursor) VALUES(?,?,?,?,?,?,?,-1,'',0,?)";
    case MLI_SQL_WEBHOOK_DELETE:
        return "DELETE FROM webhooks WHERE id=?1";
    case MLI_SQL_WEBHOOK_FORGET:
        return "DELETE FROM webhook_deliveries WHERE webhook_id=?1";
    case MLI_SQL_WEBHOOK_ENABLE:
        return "UPDATE webhooks SET cursor=iif(disabled_ms>=0,?2,cursor),disabled_ms=-1,"
               "disabled_why='',failures=0 WHERE id=?1";
    default: /* behind: with events that it has not seen */
        return "SELECT id,user,url,kinds,disabled_why,every_user,created_ms,disabled_ms,failures,"
               "cursor FROM webhooks WHERE (?1='' OR id=?1) AND (?2=0 OR (disabled_ms<0 AND "
               "cursor<coalesce((SELECT seq FROM sqlite_sequence WHERE name='events'),0))) "
               "ORDER BY created_ms,id";
    }
}

typedef struct writing {
    const mli_webhook_row *row;
    const char *id;
    int64_t most;
    bool enable;
} writing;

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    const writing *w = arg;
    int64_t count = 0, cursor = 0;
    mli_query q = mli_query_open(s, MLI_SQL_WEBHOOK_COUNT);

    if (mli_query_row(&q))
        count = sqlite3_column_int64(q.statement, 0);
    modellab_status status = mli_query_close(&q, err);
    if (status == MODELLAB_OK && count >= w->most)
        return mli_fail(err, MODELLAB_E_LIMIT, "there are %lld webhooks: remove some",
                        (long long)count);
    if (status == MODELLAB_OK)
        status = mli_sqlite_read_feed_end(s, &cursor, err);
    if (status != MODELLAB_OK)
        return status;
    q = mli_query_open(s, MLI_SQL_WEBHOOK_PUT);
    mli_query_text(&q, w->row->id);
    mli_query_text(&q, w->row->user);
    mli_query_int(&q, w->row->every_user);
    mli_query_text(&q, w->row->url);
    mli_query_text(&q, w->row->kinds);
    mli_query_text(&q, w->row->secret);
    mli_query_int(&q, w->row->created_ms);
    mli_query_int(&q, cursor);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_webhook_put(mli_store *store, const mli_webhook_row *row, int64_t most,
                                       modellab_error *err)
{
    writing w = {.row = row, .most = most};
    return mli_sqlite_write((mli_sqlite *)store, put, &w, false, err);
}

MODELLAB_MUST_CHECK static modellab_status change(mli_sqlite *s, void *arg, modellab_error *err)
{
    const writing *w = arg;
    int64_t cursor = 0;
    modellab_status status = w->enable ? mli_sqlite_read_feed_end(s, &cursor, err) : MODELLAB_OK;
    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, w->enable ? MLI_SQL_WEBHOOK_ENABLE : MLI_SQL_WEBHOOK_DELETE);
    mli_query_text(&q, w->id);
    if (w->enable)
        mli_query_int(&q, cursor);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && sqlite3_changes(s->db) == 0)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook of this id");
    if (status != MODELLAB_OK || w->enable)
        return status;
    q = mli_query_open(s, MLI_SQL_WEBHOOK_FORGET);
    mli_query_text(&q, w->id);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_webhook_change(mli_store *store, const char *id, bool enable,
                                          modellab_error *err)
{
    writing w = {.id = id, .enable = enable};
    return mli_sqlite_write((mli_sqlite *)store, change, &w, false, err);
}

MODELLAB_MUST_CHECK static modellab_status read_rows(mli_query *q, mli_webhook_list *list,
                                                     modellab_error *err)
{
    static const size_t kept[] = {offsetof(mli_webhook_row, id), offsetof(mli_webhook_row, user),
                                  offsetof(mli_webhook_row, url), offsetof(mli_webhook_row, kinds),
                                  offsetof(mli_webhook_row, disabled_why)};
    size_t capacity = 0;
    mli_buf block;
    mli_buf_init(&block, list->alloc);
    while (mli_query_row(q)) {
        mli_webhook_row *grown =
            mli_query_room(q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_webhook_row *row = &grown[list->count++];
        const char **const texts[] = {&row->id, &row->user, &row->url, &row->kinds,
                                      &row->disabled_why};
        for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
            *texts[i] = mli_query_keep(q, i, &block);
        row->secret = "";
        row->every_user = (int32_t)sqlite3_column_int64(q->statement, 5);
        row->created_ms = sqlite3_column_int64(q->statement, 6);
        row->disabled_ms = sqlite3_column_int64(q->statement, 7);
        row->failures = sqlite3_column_int64(q->statement, 8);
        row->cursor = sqlite3_column_int64(q->statement, 9);
    }
    modellab_status status = mli_query_close(q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_webhook_list(mli_store *store, const char *id, bool behind,
                                        mli_webhook_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_webhook_list *list = mli_alloc_zero(alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_WEBHOOK_LIST);
        mli_query_text(&q, id);
        mli_query_int(&q, behind);
        status = read_rows(&q, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_webhook_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
