/* The operations of experiments on SQLite, for the table of operations. */
#ifndef MLI_STORE_SQLITE_EXPERIMENTS_H
#define MLI_STORE_SQLITE_EXPERIMENTS_H

#include "store/sqlite_db.h"

const char *mli_sqlite_experiment_text(mli_sql which);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_put(mli_store *,
                                                              const mli_experiment_row *,
                                                              modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_load(mli_store *, const char *,
                                                               mli_experiment_list **,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_list(mli_store *, mli_experiment_list **,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_mark(mli_store *, const char *,
                                                               mli_experiment_mark, int64_t,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_cells(mli_store *, const char *,
                                                                const char *, bool brief,
                                                                mli_experiment_cell_list **,
                                                                modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_cell(mli_store *, const char *,
                                                               const mli_experiment_cell *,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_keep(mli_store *, const char *,
                                                               const mli_experiment_cell *,
                                                               modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_experiment_delete(mli_store *, const char *,
                                                                 modellab_error *);

#endif
