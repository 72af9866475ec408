/* The feed of all events: by their seq, joined with their runs. A look costs what its limit says,
 * however few of the events are wanted. */
#include "store/sqlite_feed.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stddef.h>

const char *mli_sqlite_feed_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_FEED:
        return "SELECT e.seq,r.id IS NOT NULL AND (?3='' OR r.user=?3),e.number,e.time_ms,"
               "coalesce(r.imported,0),e.run_id,r.request_id,r.trace_id,r.user,e.type,e.step,"
               "e.data,r.pipeline,r.experiment_id FROM "
               "(SELECT * FROM events WHERE seq>?1 ORDER BY seq LIMIT ?2) e "
               "LEFT JOIN runs r ON r.id=e.run_id AND (r.deleting&1)=0 ORDER BY e.seq";
    default: /* kept by AUTOINCREMENT, whatever was deleted */
        return "SELECT seq FROM sqlite_sequence WHERE name='events'";
    }
}

modellab_status mli_sqlite_read_feed(mli_sqlite *s, const mli_feed_query *query,
                                     mli_feed_list *list, modellab_error *err)
{
    static const size_t kept[] = {
        offsetof(mli_feed_row, run_id),       offsetof(mli_feed_row, request_id),
        offsetof(mli_feed_row, trace_id),     offsetof(mli_feed_row, user),
        offsetof(mli_feed_row, type),         offsetof(mli_feed_row, step),
        offsetof(mli_feed_row, data),         offsetof(mli_feed_row, pipeline),
        offsetof(mli_feed_row, experiment_id)};
    size_t capacity = 0;
    const int32_t look = query->look > 0 ? query->look : query->limit;
    int32_t seen = 0;
    mli_buf block;
    mli_query q = mli_query_open(s, MLI_SQL_FEED);

    mli_buf_init(&block, list->alloc);
    mli_query_int(&q, query->after);
    mli_query_int(&q, look);
    mli_query_text(&q, query->user);
    while (list->count < (size_t)query->limit && mli_query_row(&q)) {
        seen++;
        list->next = sqlite3_column_int64(q.statement, 0);
        if (sqlite3_column_int64(q.statement, 1) == 0)
            continue;
        mli_feed_row *grown =
            mli_query_room(&q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_feed_row *row = &grown[list->count++];
        row->seq = list->next;
        row->number = sqlite3_column_int64(q.statement, 2);
        row->time_ms = sqlite3_column_int64(q.statement, 3);
        row->imported = (int32_t)sqlite3_column_int64(q.statement, 4);
        const char **const texts[] = {&row->run_id, &row->request_id, &row->trace_id,
                                      &row->user,   &row->type,       &row->step,
                                      &row->data,   &row->pipeline,   &row->experiment_id};
        for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
            *texts[i] = mli_query_keep(&q, 5 + i, &block);
    }
    list->full = seen == look || list->count == (size_t)query->limit;
    modellab_status status = mli_query_close(&q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_feed(mli_store *store, const mli_feed_query *query, mli_feed_list **out,
                                modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_feed_list *list = mli_alloc_zero(alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    list->next = query->after;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_read_feed(s, query, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_feed_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

modellab_status mli_sqlite_read_feed_end(mli_sqlite *s, int64_t *seq, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_FEED_END);

    if (mli_query_row(&q))
        *seq = sqlite3_column_int64(q.statement, 0);
    return mli_query_close(&q, err);
}

modellab_status mli_sqlite_feed_end(mli_store *store, int64_t *seq, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        status = mli_sqlite_read_feed_end(s, seq, err);
        mli_sqlite_leave(s);
    }
    return status;
}
