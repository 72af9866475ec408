/* The table of replies. Its primary key and the owner in each condition make a key have one reply.
 * Commits are lazy: a claim that a power cut takes back has made nothing that lasts, and the reply
 * that it takes back is made again from what does. */
#include "store/sqlite_replies.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stddef.h>

enum { RUNNING = 0, REPLIED = 1 };

const char *mli_sqlite_reply_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_REPLY_FORGET: /* a portion at a time: nobody waits for the sum of a day */
        return "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency "
               "WHERE expires_ms<=?1 ORDER BY expires_ms LIMIT 100)";
    case MLI_SQL_REPLY_DROP:
        return "DELETE FROM idempotency WHERE user=?1 AND key=?2 AND expires_ms<=?3";
    case MLI_SQL_REPLY_LOAD:
        return "SELECT user,key,owner,fingerprint,media_type,headers,body,state,http_status,"
               "created_ms,expires_ms FROM idempotency WHERE user=?1 AND key=?2";
    case MLI_SQL_REPLY_CLAIM:
        return "INSERT INTO idempotency(user,key,fingerprint,state,owner,http_status,media_type,"
               "headers,body,created_ms,expires_ms) VALUES(?1,?2,'',0,?3,0,'','','',?4,?5)";
    case MLI_SQL_REPLY_TAKE_OVER:
        return "UPDATE idempotency SET owner=?4 WHERE user=?1 AND key=?2 AND owner=?3 AND state=0 "
               "AND fingerprint=?5";
    case MLI_SQL_REPLY_MATCH:
        return "UPDATE idempotency SET fingerprint=?4 WHERE user=?1 AND key=?2 AND owner=?3 AND "
               "state=0";
    case MLI_SQL_REPLY_PUT:
        return "UPDATE idempotency SET state=1,fingerprint=?4,http_status=?5,media_type=?6,"
               "headers=?7,body=?8,expires_ms=?9 WHERE user=?1 AND key=?2 AND owner=?3 AND state=0";
    case MLI_SQL_REPLY_FORGET_OWN: /* nothing was done under it */
        return "DELETE FROM idempotency WHERE user=?1 AND key=?2 AND owner=?3 AND state=0 AND "
               "fingerprint=''";
    default:
        return "UPDATE idempotency SET owner='' WHERE user=?1 AND key=?2 AND owner=?3 AND state=0";
    }
}

typedef struct change {
    const mli_reply_row *row;
    const char *user, *key, *from, *to;
    mli_reply *found;
    bool mine;
} change;

MODELLAB_MUST_CHECK static modellab_status forget(mli_sqlite *s, const mli_reply_row *claim,
                                                  modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_FORGET);
    modellab_status status;

    mli_query_int(&q, claim->created_ms);
    status = mli_query_run(&q, err);
    if (status != MODELLAB_OK)
        return status;
    q = mli_query_open(s, MLI_SQL_REPLY_DROP);
    mli_query_text(&q, claim->user);
    mli_query_text(&q, claim->key);
    mli_query_int(&q, claim->created_ms);
    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status load(mli_sqlite *s, const mli_reply_row *claim,
                                                mli_reply *out, bool *there, modellab_error *err)
{
    static const size_t kept[] = {
        offsetof(mli_reply_row, user),       offsetof(mli_reply_row, key),
        offsetof(mli_reply_row, owner),      offsetof(mli_reply_row, fingerprint),
        offsetof(mli_reply_row, media_type), offsetof(mli_reply_row, headers),
        offsetof(mli_reply_row, body)};
    mli_reply_row *row = &out->row;
    mli_buf block;
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_LOAD);

    mli_free(out->alloc, out->text); /* of a try that was rolled back */
    out->text = NULL;
    mli_buf_init(&block, out->alloc);
    mli_query_text(&q, claim->user);
    mli_query_text(&q, claim->key);
    *there = mli_query_row(&q);
    if (*there) {
        const char **const texts[] = {&row->user,        &row->key,        &row->owner,
                                      &row->fingerprint, &row->media_type, &row->headers,
                                      &row->body};

        for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
            *texts[i] = mli_query_keep(&q, i, &block);
        row->http_status = sqlite3_column_int64(q.statement, 7) == REPLIED
                               ? sqlite3_column_int64(q.statement, 8)
                               : 0;
        row->created_ms = sqlite3_column_int64(q.statement, 9);
        row->expires_ms = sqlite3_column_int64(q.statement, 10);
    }
    modellab_status status = mli_query_close(&q, err);
    if (status == MODELLAB_OK && *there)
        out->text =
            mli_query_resolve_all(&block, row, 1, sizeof *row, kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status claim(mli_sqlite *s, void *arg, modellab_error *err)
{
    change *c = arg;
    bool there = false;
    c->mine = false;
    modellab_status status = forget(s, c->row, err);

    if (status == MODELLAB_OK)
        status = load(s, c->row, c->found, &there, err);
    if (status != MODELLAB_OK || there)
        return status;
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_CLAIM);
    mli_query_text(&q, c->row->user);
    mli_query_text(&q, c->row->key);
    mli_query_text(&q, c->row->owner);
    mli_query_int(&q, c->row->created_ms);
    mli_query_int(&q, c->row->expires_ms);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK)
        status = load(s, c->row, c->found, &there, err);
    c->mine = status == MODELLAB_OK;
    return status;
}

modellab_status mli_sqlite_reply_claim(mli_store *store, const mli_reply_row *row, mli_reply **out,
                                       bool *mine, modellab_error *err)
{
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    change c = {.row = row, .found = mli_alloc_zero(alloc, sizeof *c.found)};

    if (c.found == NULL)
        return mli_no_memory(err);
    c.found->alloc = alloc;
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, claim, &c, true, err);
    if (status != MODELLAB_OK) {
        mli_reply_free(c.found);
        return status;
    }
    *out = c.found;
    *mine = c.mine;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status take_over(mli_sqlite *s, void *arg, modellab_error *err)
{
    change *c = arg;
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_TAKE_OVER);

    mli_query_text(&q, c->user);
    mli_query_text(&q, c->key);
    mli_query_text(&q, c->row->owner);
    mli_query_text(&q, c->to);
    mli_query_text(&q, c->row->fingerprint);
    modellab_status status = mli_query_run(&q, err);
    c->mine = status == MODELLAB_OK && sqlite3_changes(s->db) == 1;
    return status;
}

modellab_status mli_sqlite_reply_take_over(mli_store *store, const mli_reply_row *from,
                                           const char *to, bool *mine, modellab_error *err)
{
    change c = {.user = from->user, .key = from->key, .row = from, .to = to};
    modellab_status status = mli_sqlite_write((mli_sqlite *)store, take_over, &c, true, err);

    *mine = status == MODELLAB_OK && c.mine;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    const mli_reply_row *row = ((change *)arg)->row;
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_PUT);

    mli_query_text(&q, row->user);
    mli_query_text(&q, row->key);
    mli_query_text(&q, row->owner);
    mli_query_text(&q, row->fingerprint);
    mli_query_int(&q, row->http_status);
    mli_query_text(&q, row->media_type);
    mli_query_text(&q, row->headers);
    mli_query_text(&q, row->body);
    mli_query_int(&q, row->expires_ms);
    modellab_status status = mli_query_run(&q, err);
    return status != MODELLAB_OK || sqlite3_changes(s->db) == 1
               ? status
               : mli_fail(err, MODELLAB_E_STATE, "the claim of the key is another one's by now");
}

modellab_status mli_sqlite_reply_put(mli_store *store, const mli_reply_row *row,
                                     modellab_error *err)
{
    change c = {.row = row};

    return mli_sqlite_write((mli_sqlite *)store, put, &c, true, err);
}

MODELLAB_MUST_CHECK static modellab_status match(mli_sqlite *s, void *arg, modellab_error *err)
{
    const change *c = arg;
    mli_query q = mli_query_open(s, MLI_SQL_REPLY_MATCH);

    mli_query_text(&q, c->user);
    mli_query_text(&q, c->key);
    mli_query_text(&q, c->from);
    mli_query_text(&q, c->to);
    modellab_status status = mli_query_run(&q, err);
    return status != MODELLAB_OK || sqlite3_changes(s->db) == 1
               ? status
               : mli_fail(err, MODELLAB_E_STATE, "the claim of the key is another one's by now");
}

modellab_status mli_sqlite_reply_match(mli_store *store, const char *user, const char *key,
                                       const char *owner, const char *fingerprint,
                                       modellab_error *err)
{
    change c = {.user = user, .key = key, .from = owner, .to = fingerprint};

    return mli_sqlite_write((mli_sqlite *)store, match, &c, true, err);
}

MODELLAB_MUST_CHECK static modellab_status give_up(mli_sqlite *s, void *arg, modellab_error *err)
{
    static const mli_sql steps[] = {MLI_SQL_REPLY_FORGET_OWN, MLI_SQL_REPLY_GIVE_UP};
    const change *c = arg;
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < sizeof steps / sizeof *steps; i++) {
        mli_query q = mli_query_open(s, steps[i]);

        mli_query_text(&q, c->user);
        mli_query_text(&q, c->key);
        mli_query_text(&q, c->from);
        status = mli_query_run(&q, err);
    }
    return status;
}

modellab_status mli_sqlite_reply_give_up(mli_store *store, const char *user, const char *key,
                                         const char *owner, modellab_error *err)
{
    change c = {.user = user, .key = key, .from = owner};

    return mli_sqlite_write((mli_sqlite *)store, give_up, &c, true, err);
}
