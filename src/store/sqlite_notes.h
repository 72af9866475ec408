/* Notes on SQLite: for the table of operations, and inside a transaction. */
#ifndef MLI_STORE_SQLITE_NOTES_H
#define MLI_STORE_SQLITE_NOTES_H

#include "store/sqlite_db.h"

const char *mli_sqlite_notes_text(mli_sql which);
/* Writes one, whatever others there are: of a run that is imported. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_write_note(mli_sqlite *s, const char *run_id,
                                                          const mli_note_row *note,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_note_put(mli_store *, const char *run_id,
                                                        const mli_note_row *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_notes(mli_store *, const char *run_id,
                                                     mli_note_list **, modellab_error *);

#endif
