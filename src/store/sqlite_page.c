/* Pages of runs with their steps and artifacts: one lock, one read transaction, each row read once.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_db.h"

/* Takes over the row. */
MODELLAB_MUST_CHECK static modellab_status
add_record(mli_sqlite *s, mli_run_row **row, mli_run_record_list *list, modellab_error *err)
{
    mli_run_record *record = mli_alloc_zero(list->alloc, sizeof *record);

    if (record == NULL) {
        return mli_no_memory(err);
    }
    record->alloc = list->alloc;
    record->run = *row;
    *row = NULL;
    list->records[list->count++] = record;
    return mli_sqlite_load_parts(s, record, err);
}

MODELLAB_MUST_CHECK static modellab_status page_inside(mli_sqlite *s,
                                                       const mli_store_filter *filter,
                                                       mli_run_record_list *list,
                                                       modellab_error *err)
{
    mli_run_row_list *rows = NULL;
    modellab_status status = mli_sqlite_list_inside(s, filter, &rows, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (rows->count > 0) {
        list->records = mli_alloc_array(list->alloc, rows->count, sizeof *list->records);
        status = list->records == NULL ? mli_no_memory(err) : MODELLAB_OK;
    }
    for (size_t i = 0; status == MODELLAB_OK && i < rows->count; i++) {
        status = add_record(s, &rows->rows[i], list, err);
    }
    mli_run_row_list_free(rows);
    return status;
}

modellab_status mli_sqlite_list_records(mli_store *store, const mli_store_filter *filter,
                                        mli_run_record_list **out, modellab_error *err)
{
    mli_sqlite *s;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_run_record_list *list = mli_alloc_zero(alloc, sizeof *list);
    modellab_status status;

    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->alloc = alloc;
    status = mli_sqlite_enter_long((mli_sqlite *)store, &s, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_begin(s, false, err);
        if (status == MODELLAB_OK) {
            status = mli_sqlite_end(s, page_inside(s, filter, list, err), err);
        }
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_run_record_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
