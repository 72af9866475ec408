/* The tables of experiments: snapshots, and the run of each cell. The primary key of a cell and the
 * condition of its update are what makes it have one run. */
#include "store/sqlite_experiments.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stddef.h>
#include <string.h>

/* How the runs of an experiment stand, in one look. */
#define COUNTED(snapshot)                                                                          \
    "SELECT e.id,e.name," snapshot ",e.created_ms,e.started_ms,e.cancelled_ms,e.cells,"            \
    "coalesce(sum(c.run_id<>''),0),coalesce(sum(r.status=1),0),coalesce(sum(r.status=2),0),"       \
    "coalesce(sum(r.status=3),0),"                                                                 \
    "coalesce(sum(c.run_id<>'' AND (r.status IS NULL OR r.status>=3)),0),"                         \
    "coalesce(sum(c.run_id=''),0) FROM experiments e "                                             \
    "LEFT JOIN experiment_runs c ON c.experiment_id=e.id "                                         \
    "LEFT JOIN runs r ON r.id=c.run_id AND (r.deleting&1)=0 "

#define CELLS(kept)                                                                                \
    "SELECT c.input,c.candidate,c.repetition,c.run_id,c.message," kept                             \
    ",coalesce(r.status,0),coalesce(r.reason,0) FROM experiment_runs c "                           \
    "LEFT JOIN runs r ON r.id=c.run_id AND (r.deleting&1)=0 WHERE c.experiment_id=?1 "
#define IN_ORDER "ORDER BY c.input,c.candidate,c.repetition"

const char *mli_sqlite_experiment_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_EXPERIMENT_PUT:
        return "INSERT INTO experiments(id,name,snapshot_json,created_ms,started_ms,cancelled_ms,"
               "cells) VALUES(?1,?2,?3,?4,-1,-1,?5)";
    case MLI_SQL_EXPERIMENT_LOAD: /* ids are hex digits, which are all below 'g' */
        return COUNTED("e.snapshot_json") "WHERE e.id>=?1 AND e.id<?1||'g' GROUP BY e.id "
                                          "ORDER BY e.id LIMIT 2";
    case MLI_SQL_EXPERIMENT_LIST:
        return COUNTED("''") "GROUP BY e.id ORDER BY e.created_ms DESC,e.id";
    case MLI_SQL_EXPERIMENT_MARK:
        return "UPDATE experiments SET started_ms=iif(?2=0 AND started_ms<0,?3,started_ms),"
               "cancelled_ms=iif(?2=2,-1,iif(?2=1 AND cancelled_ms<0,?3,cancelled_ms)) WHERE id=?1";
    case MLI_SQL_EXPERIMENT_CELLS:
        return CELLS("c.kept_json") IN_ORDER;
    case MLI_SQL_EXPERIMENT_CELLS_BRIEF: /* what is kept can be large: its beginning, if needed */
        return CELLS("iif(r.id IS NULL,substr(c.kept_json,1,40),'')") IN_ORDER;
    case MLI_SQL_EXPERIMENT_CELL_OF_RUN: /* the second condition is that of the index */
        return CELLS("c.kept_json") "AND c.run_id=?2 AND c.run_id<>''";
    case MLI_SQL_EXPERIMENT_CELL:
        return "INSERT INTO experiment_runs(experiment_id,input,candidate,repetition,run_id,"
               "message,kept_json) VALUES(?1,?2,?3,?4,?5,?6,'') "
               "ON CONFLICT(experiment_id,input,candidate,repetition) DO UPDATE SET "
               "run_id=excluded.run_id,message=excluded.message,kept_json='' "
               "WHERE experiment_runs.run_id=?7";
    case MLI_SQL_EXPERIMENT_KEEP:
        return "UPDATE experiment_runs SET kept_json=?5 WHERE experiment_id=?1 AND input=?2 AND "
               "candidate=?3 AND repetition=?4 AND run_id=?6 AND kept_json=''";
    case MLI_SQL_EXPERIMENT_FIND:
        return "SELECT 1 FROM experiments WHERE id=?1";
    case MLI_SQL_EXPERIMENT_DELETE:
        return "DELETE FROM experiments WHERE id=?1";
    default:
        return "DELETE FROM experiment_runs WHERE experiment_id=?1";
    }
}

/* One write of an experiment, as part of a transaction. */
typedef struct change {
    const char *id;
    const mli_experiment_row *row;
    const mli_experiment_cell *cell;
    mli_experiment_mark mark;
    int64_t now_ms;
} change;

MODELLAB_MUST_CHECK static modellab_status must_be_there(mli_sqlite *s, const char *id,
                                                         modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_EXPERIMENT_FIND);
    mli_query_text(&q, id);
    const bool there = mli_query_row(&q);
    const modellab_status status = mli_query_close(&q, err);
    return status != MODELLAB_OK || there
               ? status
               : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no experiment of this id");
}

MODELLAB_MUST_CHECK static modellab_status put(mli_sqlite *s, void *arg, modellab_error *err)
{
    const mli_experiment_row *row = ((change *)arg)->row;
    mli_query q = mli_query_open(s, MLI_SQL_EXPERIMENT_PUT);
    mli_query_text(&q, row->id);
    mli_query_text(&q, row->name);
    mli_query_text(&q, row->snapshot_json);
    mli_query_int(&q, row->created_ms);
    mli_query_int(&q, row->cells);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_experiment_put(mli_store *store, const mli_experiment_row *row,
                                          modellab_error *err)
{
    change c = {.row = row};
    return mli_sqlite_write((mli_sqlite *)store, put, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status mark(mli_sqlite *s, void *arg, modellab_error *err)
{
    const change *c = arg;
    modellab_status status = must_be_there(s, c->id, err);
    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, MLI_SQL_EXPERIMENT_MARK);
    mli_query_text(&q, c->id);
    mli_query_int(&q, c->mark);
    mli_query_int(&q, c->now_ms);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_experiment_mark(mli_store *store, const char *id,
                                           mli_experiment_mark which, int64_t now_ms,
                                           modellab_error *err)
{
    change c = {.id = id, .mark = which, .now_ms = now_ms};
    return mli_sqlite_write((mli_sqlite *)store, mark, &c, false, err);
}

static void bind_cell(mli_query *q, const change *c)
{
    mli_query_text(q, c->id);
    mli_query_int(q, c->cell->input);
    mli_query_int(q, c->cell->candidate);
    mli_query_int(q, c->cell->repetition);
}

MODELLAB_MUST_CHECK static modellab_status put_cell(mli_sqlite *s, void *arg, modellab_error *err)
{
    const change *c = arg;
    modellab_status status = must_be_there(s, c->id, err);
    if (status != MODELLAB_OK)
        return status;
    mli_query q = mli_query_open(s, MLI_SQL_EXPERIMENT_CELL);
    bind_cell(&q, c);
    mli_query_text(&q, c->cell->run_id);
    mli_query_text(&q, c->cell->message);
    mli_query_text(&q, c->cell->replaces != NULL ? c->cell->replaces : "");
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK && sqlite3_changes(s->db) != 1)
        return mli_fail(err, MODELLAB_E_ALREADY_EXISTS, "this cell has a run");
    return status;
}

modellab_status mli_sqlite_experiment_cell(mli_store *store, const char *id,
                                           const mli_experiment_cell *cell, modellab_error *err)
{
    change c = {.id = id, .cell = cell};
    return mli_sqlite_write((mli_sqlite *)store, put_cell, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status keep(mli_sqlite *s, void *arg, modellab_error *err)
{
    const change *c = arg;
    mli_query q = mli_query_open(s, MLI_SQL_EXPERIMENT_KEEP);
    bind_cell(&q, c);
    mli_query_text(&q, c->cell->kept_json);
    mli_query_text(&q, c->cell->run_id);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_experiment_keep(mli_store *store, const char *id,
                                           const mli_experiment_cell *cell, modellab_error *err)
{
    change c = {.id = id, .cell = cell};
    return mli_sqlite_write((mli_sqlite *)store, keep, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status delete_one(mli_sqlite *s, void *arg, modellab_error *err)
{
    static const mli_sql parts[] = {MLI_SQL_EXPERIMENT_DELETE, MLI_SQL_EXPERIMENT_DELETE_CELLS};
    const change *c = arg;
    modellab_status status = must_be_there(s, c->id, err);
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof parts / sizeof *parts; i++) {
        mli_query q = mli_query_open(s, parts[i]);
        mli_query_text(&q, c->id);
        status = mli_query_run(&q, err);
    }
    return status;
}

modellab_status mli_sqlite_experiment_delete(mli_store *store, const char *id, modellab_error *err)
{
    change c = {.id = id};
    return mli_sqlite_write((mli_sqlite *)store, delete_one, &c, false, err);
}

MODELLAB_MUST_CHECK static modellab_status read_rows(mli_query *q, mli_experiment_list *list,
                                                     modellab_error *err)
{
    static const size_t kept[] = {offsetof(mli_experiment_row, id),
                                  offsetof(mli_experiment_row, name),
                                  offsetof(mli_experiment_row, snapshot_json)};
    size_t capacity = 0;
    mli_buf block;
    mli_buf_init(&block, list->alloc);
    while (mli_query_row(q)) {
        mli_experiment_row *grown =
            mli_query_room(q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_experiment_row *row = &grown[list->count++];
        row->id = mli_query_keep(q, 0, &block);
        row->name = mli_query_keep(q, 1, &block);
        row->snapshot_json = mli_query_keep(q, 2, &block);
        int64_t *const numbers[] = {
            &row->created_ms, &row->started_ms, &row->cancelled_ms, &row->cells, &row->with_run,
            &row->queued,     &row->running,    &row->completed,    &row->ended, &row->refused};
        for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
            *numbers[i] = sqlite3_column_int64(q->statement, 3 + i);
    }
    modellab_status status = mli_query_close(q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

/* `id` NULL: all. */
MODELLAB_MUST_CHECK static modellab_status collect(mli_store *store, const char *id,
                                                   mli_experiment_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_experiment_list *list = mli_alloc_zero(alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        mli_query q =
            mli_query_open(s, id != NULL ? MLI_SQL_EXPERIMENT_LOAD : MLI_SQL_EXPERIMENT_LIST);
        if (id != NULL)
            mli_query_text(&q, id);
        status = read_rows(&q, list, err);
        mli_sqlite_leave(s);
    }
    if (status == MODELLAB_OK && id != NULL && list->count != 1)
        status = list->count == 0
                     ? mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no experiment of this id")
                     : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                                "several experiments have ids that begin so: give more of it");
    if (status != MODELLAB_OK) {
        mli_experiment_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

modellab_status mli_sqlite_experiment_load(mli_store *store, const char *id,
                                           mli_experiment_list **out, modellab_error *err)
{
    return collect(store, id, out, err);
}

modellab_status mli_sqlite_experiment_list(mli_store *store, mli_experiment_list **out,
                                           modellab_error *err)
{
    return collect(store, NULL, out, err);
}

MODELLAB_MUST_CHECK static modellab_status read_cells(mli_query *q, mli_experiment_cell_list *list,
                                                      modellab_error *err)
{
    static const size_t kept[] = {offsetof(mli_experiment_cell, run_id),
                                  offsetof(mli_experiment_cell, message),
                                  offsetof(mli_experiment_cell, kept_json)};
    size_t capacity = 0;
    mli_buf block;
    mli_buf_init(&block, list->alloc);
    while (mli_query_row(q)) {
        mli_experiment_cell *grown =
            mli_query_room(q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        if (grown == NULL)
            break;
        list->rows = grown;
        mli_experiment_cell *cell = &grown[list->count++];
        cell->input = (int32_t)sqlite3_column_int64(q->statement, 0);
        cell->candidate = (int32_t)sqlite3_column_int64(q->statement, 1);
        cell->repetition = (int32_t)sqlite3_column_int64(q->statement, 2);
        cell->run_id = mli_query_keep(q, 3, &block);
        cell->message = mli_query_keep(q, 4, &block);
        cell->kept_json = mli_query_keep(q, 5, &block);
        cell->status = (int32_t)sqlite3_column_int64(q->statement, 6);
        cell->reason = (int32_t)sqlite3_column_int64(q->statement, 7);
    }
    modellab_status status = mli_query_close(q, err);
    if (status == MODELLAB_OK)
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           kept, sizeof kept / sizeof *kept);
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_experiment_cells(mli_store *store, const char *id, const char *run_id,
                                            bool brief, mli_experiment_cell_list **out,
                                            modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_experiment_cell_list *list = mli_alloc_zero(alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    list->alloc = alloc;
    modellab_status status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, run_id != NULL ? MLI_SQL_EXPERIMENT_CELL_OF_RUN
                                        : brief        ? MLI_SQL_EXPERIMENT_CELLS_BRIEF
                                                       : MLI_SQL_EXPERIMENT_CELLS);
        mli_query_text(&q, id);
        if (run_id != NULL)
            mli_query_text(&q, run_id);
        status = read_cells(&q, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_experiment_cell_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
