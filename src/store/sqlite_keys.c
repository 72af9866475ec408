/* The table of keys. */
#include "store/sqlite_keys.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stddef.h>

#define COLUMNS                                                                                    \
    "id,name,user,scopes,hash,hint,previous_hash,previous_until_ms,created_ms,expires_ms,"         \
    "rotated_ms,revoked_ms,used_ms"
#define SELECT_KEYS "SELECT " COLUMNS " FROM api_keys "

const char *mli_sqlite_key_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_KEY_COUNT:
        return "SELECT count(*) FROM api_keys WHERE revoked_ms<0";
    case MLI_SQL_KEY_PUT:
        return "INSERT INTO api_keys(" COLUMNS ") VALUES(?,?,?,?,?,?,'',-1,?,?,-1,-1,-1)";
    case MLI_SQL_KEY_FIND:
        return "SELECT revoked_ms FROM api_keys WHERE id=?1";
    case MLI_SQL_KEY_ROTATE:
        return "UPDATE api_keys SET previous_hash=hash,previous_until_ms=?2,hash=?3,hint=?4,"
               "rotated_ms=?5 WHERE id=?1";
    case MLI_SQL_KEY_REVOKE:
        return "UPDATE api_keys SET revoked_ms=?2 WHERE id=?1 AND revoked_ms<0";
    case MLI_SQL_KEY_USED:
        return "UPDATE api_keys SET used_ms=max(used_ms,?2) WHERE id=?1";
    case MLI_SQL_KEY_LIST:
        return SELECT_KEYS "WHERE ?1='' OR id=?1 ORDER BY created_ms,id";
    default: /* each part by its index */
        return SELECT_KEYS "WHERE substr(hash,1,16)=?1 UNION " SELECT_KEYS
                           "WHERE substr(previous_hash,1,16)=?1 AND previous_hash<>''";
    }
}

typedef struct writing {
    const mli_key_row *row;
    const mli_key_change *of;
    int64_t most;
} writing;

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    const writing *c = arg;
    int64_t count = 0;
    mli_query q = mli_query_open(s, MLI_SQL_KEY_COUNT);

    if (mli_query_row(&q))
        count = sqlite3_column_int64(q.statement, 0);
    modellab_status status = mli_query_close(&q, err);
    if (status != MODELLAB_OK)
        return status;
    if (count >= c->most)
        return mli_fail(err, MODELLAB_E_LIMIT, "there are %lld keys: revoke some",
                        (long long)count);
    q = mli_query_open(s, MLI_SQL_KEY_PUT);
    const char *const texts[] = {c->row->id,     c->row->name, c->row->user,
                                 c->row->scopes, c->row->hash, c->row->hint};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mli_query_text(&q, texts[i]);
    mli_query_int(&q, c->row->created_ms);
    mli_query_int(&q, c->row->expires_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_key_put(mli_store *store, const mli_key_row *row, int64_t most,
                                   modellab_error *err)
{
    writing c = {.row = row, .most = most};
    return mli_sqlite_write((mli_sqlite *)store, put, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status find(mli_sqlite *s, const mli_key_change *change,
                                                modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_KEY_FIND);
    int64_t revoked_ms = -1;

    mli_query_text(&q, change->id);
    const bool there = mli_query_row(&q);
    if (there)
        revoked_ms = sqlite3_column_int64(q.statement, 0);
    modellab_status status = mli_query_close(&q, err);
    if (status == MODELLAB_OK && !there)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no key of this id");
    if (status == MODELLAB_OK && revoked_ms >= 0 && change->what == MLI_KEY_ROTATE)
        return mli_fail(err, MODELLAB_E_STATE, "the key is revoked");
    return status;
}

MODELLAB_MUST_CHECK static modellab_status alter(mli_sqlite *s, void *arg, modellab_error *err)
{
    static const mli_sql statements[] = {MLI_SQL_KEY_ROTATE, MLI_SQL_KEY_REVOKE, MLI_SQL_KEY_USED};
    const mli_key_change *of = ((writing *)arg)->of;
    modellab_status status = find(s, of, err);
    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, statements[of->what]);
    mli_query_text(&q, of->id);
    if (of->what == MLI_KEY_ROTATE) {
        mli_query_int(&q, of->previous_until_ms);
        mli_query_text(&q, of->hash);
        mli_query_text(&q, of->hint);
    }
    mli_query_int(&q, of->now_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_key_change(mli_store *store, const mli_key_change *of,
                                      modellab_error *err)
{
    writing c = {.of = of};
    return of->what == MLI_KEY_USED ? mli_sqlite_write_soft((mli_sqlite *)store, alter, &c, err)
                                    : mli_sqlite_write((mli_sqlite *)store, alter, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status read_keys(mli_query *q, mli_key_list *list,
                                                     modellab_error *err)
{
    static const size_t kept[] = {
        offsetof(mli_key_row, id),           offsetof(mli_key_row, name),
        offsetof(mli_key_row, user),         offsetof(mli_key_row, scopes),
        offsetof(mli_key_row, hash),         offsetof(mli_key_row, hint),
        offsetof(mli_key_row, previous_hash)};
    size_t capacity = 0;
    mli_buf block;
    mli_buf_init(&block, list->alloc);
    while (mli_query_row(q)) {
        mli_key_row *grown =
            mli_query_room(q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_key_row *row = &grown[list->count++];
        const char **const texts[] = {&row->id,   &row->name, &row->user,         &row->scopes,
                                      &row->hash, &row->hint, &row->previous_hash};
        int64_t *const numbers[] = {&row->previous_until_ms, &row->created_ms, &row->expires_ms,
                                    &row->rotated_ms,        &row->revoked_ms, &row->used_ms};
        for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
            *texts[i] = mli_query_keep(q, i, &block);
        for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
            *numbers[i] = sqlite3_column_int64(q->statement, 7 + i);
    }
    modellab_status status = mli_query_close(q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_key_list(mli_store *store, const char *id, const char *hash,
                                    mli_key_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_key_list *list = mli_alloc_zero(alloc, sizeof *list);
    char digits[MLI_KEY_LOOK_DIGITS + 1];
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, hash != NULL ? MLI_SQL_KEY_LOOK : MLI_SQL_KEY_LIST);
        if (hash != NULL)
            (void)sqlite3_snprintf((int)sizeof digits, digits, "%s", hash);
        mli_query_text(&q, hash != NULL ? digits : id);
        status = read_keys(&q, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_key_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
