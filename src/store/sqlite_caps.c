/* The caps table: setting, removing, listing. A change lets runs that wait for a cap look again. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_ledger.h"
#include <stddef.h>
#include <string.h>

/* Runs of everybody: a user's cap may have hidden that of "*". */
MODELLAB_MUST_CHECK static modellab_status wake_all(mli_sqlite *s, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAP_WAKE_ALL);

    return mli_query_run(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, const char *user, const mli_cap *cap,
                                               int64_t now_ms, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAP_PUT);

    mli_query_text(&q, user);
    mli_query_int(&q, cap->measure);
    mli_query_int(&q, cap->period);
    mli_query_int(&q, cap->value);
    mli_query_int(&q, now_ms);
    modellab_status status = mli_query_run(&q, err);
    return status == MODELLAB_OK ? wake_all(s, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status
take_away(mli_sqlite *s, const char *user, const mli_cap *cap, bool *was, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CAP_REMOVE);

    mli_query_text(&q, user);
    mli_query_int(&q, cap->measure);
    mli_query_int(&q, cap->period);
    modellab_status status = mli_query_run(&q, err);
    *was = status == MODELLAB_OK && sqlite3_changes(s->db) > 0;
    return status == MODELLAB_OK ? wake_all(s, err) : status;
}

modellab_status mli_sqlite_cap_change(mli_store *store, const char *user, const mli_cap *cap,
                                      int64_t now_ms, bool remove, bool *was, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = remove ? take_away(s, user, cap, was, err) : put(s, user, cap, now_ms, err);
        status = mli_sqlite_end(s, status, err);
    }
    mli_sqlite_leave(s);
    return status;
}

/* The configured caps as one text, to see whether they are others than the last time. */
static void write_defaults(const mli_store *store, char out[MLI_CAP_DEFAULTS_MOST * 48 + 1])
{
    char *at = out;
    *out = '\0';
    for (size_t i = 0; i < store->cap_default_count; i++) {
        const mli_cap *cap = &store->cap_defaults[i];
        (void)sqlite3_snprintf(48, at, "%d:%d:%lld;", (int)cap->measure, (int)cap->period,
                               (long long)cap->value);
        at += strlen(at);
    }
}

MODELLAB_MUST_CHECK static modellab_status compare_defaults(mli_sqlite *s, bool *changed,
                                                            modellab_error *err)
{
    char now[MLI_CAP_DEFAULTS_MOST * 48 + 1];
    size_t bytes;
    mli_query q = mli_query_open(s, MLI_SQL_CAP_DEFAULTS_LOAD);
    const char *before = mli_query_row(&q) ? mli_query_column(&q, 0, &bytes) : "";
    write_defaults(&s->base, now);
    *changed = strcmp(before, now) != 0;
    modellab_status status = mli_query_close(&q, err);
    if (status != MODELLAB_OK || !*changed) {
        return status;
    }
    q = mli_query_open(s, MLI_SQL_CAP_DEFAULTS_PUT);
    mli_query_text(&q, now);
    status = mli_query_run(&q, err);
    return status == MODELLAB_OK ? wake_all(s, err) : status;
}

modellab_status mli_sqlite_cap_defaults(mli_store *store, bool *changed, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_end(s, compare_defaults(s, changed, err), err);
    }
    mli_sqlite_leave(s);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_caps(mli_sqlite *s, const char *user,
                                                     mli_cap_list *list, modellab_error *err)
{
    static const size_t texts[] = {offsetof(mli_cap_row, user)};
    mli_query q = mli_query_open(s, MLI_SQL_CAP_LIST);
    size_t capacity = 0;
    mli_buf block;

    mli_buf_init(&block, list->alloc);
    if (user != NULL) {
        mli_query_text(&q, user);
    } else {
        q.next++; /* unbound is NULL */
    }
    while (mli_query_row(&q)) {
        mli_cap_row *grown =
            mli_query_room(&q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL) {
            break;
        }
        list->rows = grown;
        mli_cap_row *row = &grown[list->count++];
        row->user = mli_query_keep(&q, 0, &block);
        row->cap.measure = (int32_t)sqlite3_column_int64(q.statement, 1);
        row->cap.period = (int32_t)sqlite3_column_int64(q.statement, 2);
        row->cap.value = sqlite3_column_int64(q.statement, 3);
        row->updated_ms = sqlite3_column_int64(q.statement, 4);
    }
    modellab_status status = mli_query_close(&q, err);
    if (status == MODELLAB_OK) {
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           texts, sizeof texts / sizeof *texts);
    }
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_cap_list(mli_store *store, const char *user, mli_cap_list **out,
                                    modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_cap_list *list = mli_alloc_zero(alloc, sizeof *list);
    modellab_status status;

    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = read_caps(s, user, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_cap_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
