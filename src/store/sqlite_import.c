/* A run that came from another lab: all of it in one transaction, as it was there. */
#include "base/error.h"
#include "store/sqlite_notes.h"

MODELLAB_MUST_CHECK static modellab_status
import_inside(mli_sqlite *s, const mli_run_record *record, const mli_event_row *events,
              size_t event_count, const mli_note_list *notes, modellab_error *err)
{
    mli_run_row row = *record->run;
    modellab_status status = MODELLAB_OK;

    row.last_event = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < event_count; i++) {
        status = mli_sqlite_put_event(s, row.id, &events[i], row.created_ms, &row.last_event, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_sqlite_put_row(s, &row, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < record->step_count; i++) {
        status = mli_sqlite_put_step(s, row.id, &record->steps[i], err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < record->artifact_count; i++) {
        status = mli_sqlite_put_artifact(s, row.id, &record->artifacts[i], err);
    }
    for (size_t i = 0; status == MODELLAB_OK && notes != NULL && i < notes->count; i++) {
        status = mli_sqlite_write_note(s, row.id, &notes->rows[i], err);
    }
    return status;
}

modellab_status mli_sqlite_import(mli_store *store, const mli_run_record *record,
                                  const mli_event_row *events, size_t event_count,
                                  const mli_note_list *notes, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_sqlite_begin(s, true, err);
    if (status == MODELLAB_OK) {
        status = import_inside(s, record, events, event_count, notes, err);
        status = mli_sqlite_end(s, status, err);
    }
    mli_sqlite_leave(s);
    return status;
}
