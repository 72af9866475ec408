/* The table of deliveries. Those of a webhook go out in the order of the events: only its first
 * waiting one is ever taken, and one that failed holds the others back until it is tried again. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_webhooks.h"
#include <stddef.h>

#define COLUMNS                                                                                    \
    "d.id,d.webhook_id,d.kind,d.run_id,d.request_id,d.trace_id,d.message,d.state,d.seq,"           \
    "d.event_seq,d.attempts,d.due_ms,d.http_status,d.created_ms,d.ended_ms"
/* The first waiting one of each webhook that works. */
#define HEADS                                                                                      \
    "FROM webhooks w JOIN webhook_deliveries d ON d.seq=(SELECT min(seq) FROM webhook_deliveries " \
    "WHERE webhook_id=w.id AND state=1) WHERE w.disabled_ms<0 "

const char *mli_sqlite_delivery_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_DELIVERY_CURSOR:
        return "UPDATE webhooks SET cursor=?3 WHERE id=?1 AND cursor=?2 AND disabled_ms<0";
    case MLI_SQL_DELIVERY_PUT:
        return "INSERT INTO webhook_deliveries(id,webhook_id,event_seq,kind,run_id,request_id,"
               "trace_id,body,state,attempts,due_ms,http_status,message,created_ms,ended_ms) "
               "SELECT ?1,w.id,?3,?4,?5,?6,?7,?8,1,0,?9,0,'',?9,-1 FROM webhooks w WHERE w.id=?2";
    case MLI_SQL_DELIVERY_LIST:
        return "SELECT " COLUMNS ",'','','',0 FROM webhook_deliveries d WHERE d.webhook_id=?1 AND "
               "(?2='' OR d.id=?2) AND (?3=0 OR d.seq<?3) ORDER BY d.seq DESC LIMIT ?4";
    case MLI_SQL_DELIVERY_HEAD:
        return "SELECT " COLUMNS ",d.body,w.url,w.secret,w.failures " HEADS
               "AND d.due_ms<=?1 AND (?2=0 OR (d.attempts=0 AND w.failures=0)) ORDER BY "
               "d.due_ms,d.seq LIMIT 1";
    case MLI_SQL_DELIVERY_NEXT:
        return "SELECT min(d.due_ms) " HEADS;
    case MLI_SQL_DELIVERY_TAKE:
        return "UPDATE webhook_deliveries SET attempts=attempts+1,due_ms=?2 WHERE seq=?1";
    case MLI_SQL_DELIVERY_END:
        return "UPDATE webhook_deliveries SET state=?3,due_ms=?4,http_status=?5,message=?6,"
               "ended_ms=iif(?3=1,-1,?7),body=iif(?3=1,body,'') "
               "WHERE seq=?1 AND attempts=?2 AND state=1";
    case MLI_SQL_DELIVERY_COUNT: /* what came of it, on its webhook */
        return "UPDATE webhooks SET failures=iif(?2=2,0,failures+1) WHERE id=?1";
    case MLI_SQL_DELIVERY_DISABLE:
        return "UPDATE webhooks SET disabled_ms=?3,disabled_why=?4 WHERE id=?1 AND "
               "disabled_ms<0 AND (?2=0 OR failures>=?2)";
    case MLI_SQL_DELIVERY_DROP: /* what waits for one that was disabled will not go out */
        return "UPDATE webhook_deliveries SET state=3,ended_ms=?2,body='',"
               "message='the webhook was disabled' WHERE webhook_id=?1 AND state=1";
    default:
        return "DELETE FROM webhook_deliveries WHERE seq IN (SELECT seq FROM webhook_deliveries "
               "WHERE state<>1 AND ended_ms<?1 LIMIT 50)";
    }
}

typedef struct putting {
    const char *webhook_id;
    int64_t from, to;
    const mli_delivery_row *rows;
    size_t count;
    bool moved;
} putting;

MODELLAB_MUST_CHECK static modellab_status put_one(mli_sqlite *s, const char *webhook_id,
                                                   const mli_delivery_row *row, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_PUT);

    mli_query_text(&q, row->id);
    mli_query_text(&q, webhook_id);
    mli_query_int(&q, row->event_seq);
    mli_query_text(&q, row->kind);
    mli_query_text(&q, row->run_id);
    mli_query_text(&q, row->request_id);
    mli_query_text(&q, row->trace_id);
    mli_query_text(&q, row->body);
    mli_query_int(&q, row->created_ms);
    modellab_status status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && sqlite3_changes(s->db) == 0)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook of this id");
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    putting *p = arg;
    modellab_status status = MODELLAB_OK;

    p->moved = true;
    if (p->to != p->from) {
        mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_CURSOR);
        mli_query_text(&q, p->webhook_id);
        mli_query_int(&q, p->from);
        mli_query_int(&q, p->to);
        status = mli_query_run(&q, err);
        p->moved = status == MODELLAB_OK && sqlite3_changes(s->db) == 1;
    }
    for (size_t i = 0; status == MODELLAB_OK && p->moved && i < p->count; i++)
        status = put_one(s, p->webhook_id, &p->rows[i], err);
    if (status == MODELLAB_OK && p->moved && p->count > 0)
        mli_bell_note(&s->rung, MLI_FEED_BELL); /* who delivers looks again */
    return status;
}

modellab_status mli_sqlite_deliveries_put(mli_store *store, const char *webhook_id, int64_t from,
                                          int64_t to, const mli_delivery_row *rows, size_t count,
                                          bool *moved, modellab_error *err)
{
    putting p = {webhook_id, from, to, rows, count, false};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, put, &p, false, err);

    *moved = status == MODELLAB_OK && p.moved;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_rows(mli_query *q, mli_delivery_list *list,
                                                     modellab_error *err)
{
    static const size_t kept[] = {
        offsetof(mli_delivery_row, id),         offsetof(mli_delivery_row, webhook_id),
        offsetof(mli_delivery_row, kind),       offsetof(mli_delivery_row, run_id),
        offsetof(mli_delivery_row, request_id), offsetof(mli_delivery_row, trace_id),
        offsetof(mli_delivery_row, message),    offsetof(mli_delivery_row, body),
        offsetof(mli_delivery_row, url),        offsetof(mli_delivery_row, secret)};
    size_t capacity = 0;
    mli_buf block;
    mli_buf_init(&block, list->alloc);
    while (mli_query_row(q)) {
        mli_delivery_row *grown =
            mli_query_room(q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_delivery_row *row = &grown[list->count++];
        const char **const texts[] = {&row->id,     &row->webhook_id, &row->kind,
                                      &row->run_id, &row->request_id, &row->trace_id,
                                      &row->message};
        const char **const more[] = {&row->body, &row->url, &row->secret};
        int64_t *const numbers[] = {&row->seq,     &row->event_seq,   &row->attempts,
                                    &row->due_ms,  &row->http_status, &row->created_ms,
                                    &row->ended_ms};
        for (int i = 0; i < 7; i++)
            *texts[i] = mli_query_keep(q, i, &block);
        row->state = (int32_t)sqlite3_column_int64(q->statement, 7);
        for (int i = 0; i < 7; i++)
            *numbers[i] = sqlite3_column_int64(q->statement, 8 + i);
        for (int i = 0; i < 3; i++)
            *more[i] = mli_query_keep(q, 15 + i, &block);
        row->failures = sqlite3_column_int64(q->statement, 18);
    }
    modellab_status status = mli_query_close(q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_delivery_list(mli_store *store, const char *webhook_id, const char *id,
                                         int64_t before, int32_t limit, mli_delivery_list **out,
                                         modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_delivery_list *list = mli_alloc_zero(alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_LIST);
        mli_query_text(&q, webhook_id);
        mli_query_text(&q, id);
        mli_query_int(&q, before);
        mli_query_int(&q, limit);
        status = read_rows(&q, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_delivery_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

typedef struct taking {
    int64_t now_ms, until_ms;
    bool fresh;
    mli_delivery_list *list;
} taking;

MODELLAB_MUST_CHECK static modellab_status take(mli_sqlite *s, void *arg, modellab_error *err)
{
    taking *t = arg;
    mli_free(t->list->alloc, t->list->rows); /* of an attempt that was rolled back */
    mli_free(t->list->alloc, t->list->text);
    t->list->rows = NULL;
    t->list->text = NULL;
    t->list->count = 0;
    mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_HEAD);

    mli_query_int(&q, t->now_ms);
    mli_query_int(&q, t->fresh);
    modellab_status status = read_rows(&q, t->list, err);
    if (status != MODELLAB_OK || t->list->count == 0)
        return status;
    t->list->rows[0].attempts++;
    q = mli_query_open(s, MLI_SQL_DELIVERY_TAKE);
    mli_query_int(&q, t->list->rows[0].seq);
    mli_query_int(&q, t->until_ms);
    return mli_query_run(&q, err);
}

/* Whether a transaction for writing is worth while. */
MODELLAB_MUST_CHECK static modellab_status look(mli_sqlite *s, int64_t *next_ms,
                                                modellab_error *err)
{
    modellab_status status = mli_sqlite_enter(s, err);
    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_NEXT);
    *next_ms = -1;
    if (mli_query_row(&q) && sqlite3_column_type(q.statement, 0) != SQLITE_NULL)
        *next_ms = sqlite3_column_int64(q.statement, 0);
    status = mli_query_close(&q, err);
    mli_sqlite_leave(s);
    return status;
}

modellab_status mli_sqlite_delivery_take(mli_store *store, int64_t now_ms, int64_t until_ms,
                                         bool fresh, mli_delivery_list **out, int64_t *next_ms,
                                         modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    taking t = {.now_ms = now_ms, .until_ms = until_ms, .fresh = fresh};

    t.list = mli_alloc_zero(alloc, sizeof *t.list);
    if (t.list == NULL)
        return mli_no_memory(err);
    t.list->alloc = alloc;
    modellab_status status = look(s, next_ms, err);
    if (status == MODELLAB_OK && *next_ms >= 0 && *next_ms <= now_ms)
        status = mli_sqlite_write(s, take, &t, false, err);
    if (status != MODELLAB_OK) {
        mli_delivery_list_free(t.list);
        return status;
    }
    *out = t.list;
    return MODELLAB_OK;
}

typedef struct ending {
    const mli_delivery_end *end;
    bool disabled;
} ending;

MODELLAB_MUST_CHECK static modellab_status disable(mli_sqlite *s, const mli_delivery_end *e,
                                                   bool *disabled, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_DISABLE);
    mli_query_text(&q, e->webhook_id);
    mli_query_int(&q, e->disable_why != NULL ? 0 : e->most_failures);
    mli_query_int(&q, e->now_ms);
    mli_query_text(&q, e->disable_why != NULL ? e->disable_why : e->why_failures);
    modellab_status status = mli_query_run(&q, err);
    *disabled = status == MODELLAB_OK && sqlite3_changes(s->db) > 0;
    if (!*disabled)
        return status;
    q = mli_query_open(s, MLI_SQL_DELIVERY_DROP);
    mli_query_text(&q, e->webhook_id);
    mli_query_int(&q, e->now_ms);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status end_one(mli_sqlite *s, void *arg, modellab_error *err)
{
    ending *of = arg;
    const mli_delivery_end *e = of->end;
    mli_query q = mli_query_open(s, MLI_SQL_DELIVERY_END);

    of->disabled = false;
    mli_query_int(&q, e->seq);
    mli_query_int(&q, e->attempts);
    mli_query_int(&q, e->state);
    mli_query_int(&q, e->due_ms);
    mli_query_int(&q, e->http_status);
    mli_query_text(&q, e->message);
    mli_query_int(&q, e->now_ms);
    modellab_status status = mli_query_run(&q, err);
    if (status != MODELLAB_OK || sqlite3_changes(s->db) == 0)
        return status; /* somebody else has it by now, or it is gone */
    if (e->state != MLI_DELIVERY_WAITING) {
        q = mli_query_open(s, MLI_SQL_DELIVERY_COUNT);
        mli_query_text(&q, e->webhook_id);
        mli_query_int(&q, e->state);
        status = mli_query_run(&q, err);
    }
    if (status == MODELLAB_OK && (e->disable_why != NULL || e->state == MLI_DELIVERY_FAILED))
        status = disable(s, e, &of->disabled, err);
    if (status != MODELLAB_OK)
        return status;
    q = mli_query_open(s, MLI_SQL_DELIVERY_FORGET);
    mli_query_int(&q, e->forget_before_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_delivery_end(mli_store *store, const mli_delivery_end *end,
                                        bool *disabled, modellab_error *err)
{
    ending of = {end, false};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, end_one, &of, false, err);

    *disabled = status == MODELLAB_OK && of.disabled;
    return status;
}
