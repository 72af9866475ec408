/* Notes beside runs in their table; a trigger takes them away with their run. */
#include "store/sqlite_notes.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stddef.h>

const char *mli_sqlite_notes_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_NOTE_PUT:
        return "INSERT INTO notes(run_id,name,json,updated_ms) VALUES(?1,?2,?3,?4) "
               "ON CONFLICT(run_id,name) DO UPDATE SET json=?3,updated_ms=?4";
    case MLI_SQL_NOTE_REMOVE:
        return "DELETE FROM notes WHERE run_id=?1 AND name=?2";
    case MLI_SQL_NOTE_OTHERS:
        return "SELECT count(*) FILTER(WHERE name<>?2),count(*) FILTER(WHERE name=?2) FROM notes "
               "WHERE run_id=?1";
    default:
        return "SELECT name,json,updated_ms FROM notes WHERE run_id=?1 ORDER BY name";
    }
}

modellab_status mli_sqlite_write_note(mli_sqlite *s, const char *run_id, const mli_note_row *note,
                                      modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_NOTE_PUT);

    mli_query_text(&q, run_id);
    mli_query_text(&q, note->name);
    mli_query_text(&q, note->json);
    mli_query_int(&q, note->updated_ms);
    return mli_query_run(&q, err);
}

typedef struct putting {
    const char *run_id;
    const mli_note_row *note;
} putting;

MODELLAB_MUST_CHECK static modellab_status count(mli_sqlite *s, const putting *p, int64_t *others,
                                                 int64_t *same, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_NOTE_OTHERS);

    *others = *same = 0;
    mli_query_text(&q, p->run_id);
    mli_query_text(&q, p->note->name);
    if (mli_query_row(&q)) {
        *others = sqlite3_column_int64(q.statement, 0);
        *same = sqlite3_column_int64(q.statement, 1);
    }
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status put_inside(mli_sqlite *s, void *arg, modellab_error *err)
{
    const putting *p = arg;
    mli_run_stand stand;
    int64_t others, same;
    modellab_status status = mli_sqlite_stand(s, p->run_id, &stand, err);

    if (status == MODELLAB_OK) {
        status = count(s, p, &others, &same, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (p->note->json != NULL) {
        return others < MLI_NOTES_MOST
                   ? mli_sqlite_write_note(s, p->run_id, p->note, err)
                   : mli_fail(err, MODELLAB_E_LIMIT, "a run has at most %d notes",
                              (int)MLI_NOTES_MOST);
    }
    if (same == 0) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no note of this name");
    }
    mli_query q = mli_query_open(s, MLI_SQL_NOTE_REMOVE);

    mli_query_text(&q, p->run_id);
    mli_query_text(&q, p->note->name);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_note_put(mli_store *store, const char *run_id, const mli_note_row *note,
                                    modellab_error *err)
{
    putting p = {run_id, note};

    return mli_sqlite_write((mli_sqlite *)store, put_inside, &p, false, err);
}

MODELLAB_MUST_CHECK static modellab_status read_notes(mli_sqlite *s, const char *run_id,
                                                      mli_note_list *list, modellab_error *err)
{
    static const size_t kept[] = {offsetof(mli_note_row, name), offsetof(mli_note_row, json)};
    size_t capacity = 0;
    mli_buf block;
    mli_query q = mli_query_open(s, MLI_SQL_NOTE_LIST);

    mli_buf_init(&block, list->alloc);
    mli_query_text(&q, run_id);
    while (mli_query_row(&q)) {
        mli_note_row *grown =
            mli_query_room(&q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);

        if (grown == NULL) {
            break;
        }
        list->rows = grown;
        mli_note_row *row = &grown[list->count++];
        row->name = mli_query_keep(&q, 0, &block);
        row->json = mli_query_keep(&q, 1, &block);
        row->updated_ms = sqlite3_column_int64(q.statement, 2);
    }
    modellab_status status = mli_query_close(&q, err);

    if (status == MODELLAB_OK) {
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    }
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_notes(mli_store *store, const char *run_id, mli_note_list **out,
                                 modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_note_list *list = mli_alloc_zero(alloc, sizeof *list);
    mli_run_stand stand;
    modellab_status status;

    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_stand(s, run_id, &stand, err);
        if (status == MODELLAB_OK) {
            status = read_notes(s, run_id, list, err);
        }
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_note_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
