/* What retention asks of the store: ended runs in order of their end, and the marks by which a
 * removal that was begun is completed, whatever happens meanwhile. */
#include "base/error.h"
#include "store/sqlite_db.h"

modellab_status mli_sqlite_ended(mli_store *store, const mli_store_ended *filter,
                                 mli_run_row_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_RUN_ENDED);

        mli_query_int(&q, filter->status);
        mli_query_text(&q, filter->user);
        mli_query_int(&q, filter->before_ms);
        mli_query_text(&q, filter->before_id);
        mli_query_int(&q, filter->limit);
        status = mli_sqlite_collect(s, &q, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}

modellab_status mli_sqlite_marked(mli_store *store, mli_run_row_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status == MODELLAB_OK) {
        mli_query q = mli_query_open(s, MLI_SQL_RUN_MARKED);

        status = mli_sqlite_collect(s, &q, out, err);
        mli_sqlite_leave(s);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status has_active_child(mli_sqlite *s, const char *run_id,
                                                            bool *has, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_CHILD);

    mli_query_text(&q, run_id);
    *has = mli_query_row(&q);
    return mli_query_close(&q, err);
}

MODELLAB_MUST_CHECK static modellab_status mark_inside(mli_sqlite *s, const char *run_id,
                                                       int32_t parts, modellab_error *err)
{
    mli_run_stand stand;
    bool child = false;
    modellab_status status = mli_sqlite_stand(s, run_id, &stand, err);
    mli_query q;

    if (status == MODELLAB_OK && !mli_sqlite_final(stand.status)) {
        return mli_fail(err, MODELLAB_E_STATE, "the run has not ended");
    }
    if (status == MODELLAB_OK) {
        status = has_active_child(s, run_id, &child, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (child) {
        return mli_fail(err, MODELLAB_E_STATE, "a run that was made of it has not ended");
    }
    q = mli_query_open(s, MLI_SQL_RUN_MARK);
    mli_query_text(&q, run_id);
    mli_query_int(&q, parts);
    mli_query_int(&q, parts & ~MLI_PART_RUN);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_mark(mli_store *store, const char *run_id, int32_t parts,
                                modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_end(s, mark_inside(s, run_id, parts, err), err);
    }
    mli_sqlite_leave(s);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run_with_id(mli_sqlite *s, mli_sql which,
                                                       const char *run_id, modellab_error *err)
{
    mli_query q = mli_query_open(s, which);

    mli_query_text(&q, run_id);
    return mli_query_run(&q, err);
}

/* Only a run that is marked for it is forgotten. The sums of all runs that ended stay. */
MODELLAB_MUST_CHECK static modellab_status forget_inside(mli_sqlite *s, const char *run_id,
                                                         modellab_error *err)
{
    static const mli_sql parts[] = {MLI_SQL_FORGET_STEPS, MLI_SQL_FORGET_ARTIFACTS,
                                    MLI_SQL_FORGET_EVENTS};
    modellab_status status = run_with_id(s, MLI_SQL_FORGET_RUN, run_id, err);

    if (status == MODELLAB_OK && sqlite3_changes(s->db) == 0) {
        return MODELLAB_OK; /* somebody else was faster */
    }
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof parts / sizeof *parts; i++) {
        status = run_with_id(s, parts[i], run_id, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status unmark_inside(mli_sqlite *s, const char *run_id,
                                                         int32_t parts, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_RUN_UNMARK);

    mli_query_text(&q, run_id);
    mli_query_int(&q, parts);
    return mli_query_run(&q, err);
}

modellab_status mli_sqlite_unmark(mli_store *store, const char *run_id, int32_t parts,
                                  modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = (parts & MLI_PART_RUN) != 0 ? forget_inside(s, run_id, err)
                                             : unmark_inside(s, run_id, parts, err);
        status = mli_sqlite_end(s, status, err);
    }
    mli_sqlite_leave(s);
    return status;
}
