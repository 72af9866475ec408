/* Experiments in the store: an immutable snapshot by its sha256, and which run each of its cells
 * (input, candidate, repetition) has got. A cell has one run, whoever asks and how often. */
#ifndef MLI_STORE_EXPERIMENTS_H
#define MLI_STORE_EXPERIMENTS_H

#include "base/id.h"
#include <modellab/alloc.h>
#include <modellab/run.h>
#include <stdbool.h>

typedef struct mli_store mli_store;

#define MLI_EXPERIMENT_ID_BYTES 65 /* 64 hex digits and a NUL */

/* A row that a caller fills borrows his strings; a loaded one is in a list. */
typedef struct mli_experiment_row {
    const char *id; /* sha256 of the snapshot */
    const char *name;
    const char *snapshot_json; /* "" in lists */
    int64_t created_ms;
    int64_t started_ms, cancelled_ms; /* -1: not */
    int64_t cells;
    int64_t with_run, queued, running, completed, ended, refused; /* cells; read only */
} mli_experiment_row;

typedef struct mli_experiment_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_experiment_row *rows;
    char *text;
} mli_experiment_list;

typedef struct mli_experiment_cell {
    int32_t input, candidate, repetition; /* from 0 */
    const char *run_id;                   /* "" = refused */
    const char *message;                  /* why it was refused, "" = it was not */
    const char *kept_json;                /* what is kept of its ended run, "" = nothing yet */
    const char *replaces;                 /* written only: the run that it has now, NULL = none */
    modellab_run_status status;           /* of the run, read only; 0 = it is gone, or none */
    modellab_reason reason;               /* likewise */
} mli_experiment_cell;

typedef struct mli_experiment_cell_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_experiment_cell *rows; /* by input, candidate, repetition */
    char *text;
} mli_experiment_cell_list;

/* Marks of an experiment that happen once. */
typedef enum mli_experiment_mark {
    MLI_EXPERIMENT_STARTED,
    MLI_EXPERIMENT_CANCELLED,
    MLI_EXPERIMENT_RESUMED /* takes the mark of a cancel away */
} mli_experiment_mark;

/* E_ALREADY_EXISTS when one of this id is there. */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_put(mli_store *store,
                                                             const mli_experiment_row *row,
                                                             modellab_error *err);
/* By its id or a beginning of it: a list of one, with its snapshot. E_NOT_FOUND,
 * E_INVALID_ARGUMENT (several begin so). mli_experiment_list_free(). */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_load(mli_store *store, const char *id,
                                                              mli_experiment_list **out,
                                                              modellab_error *err);
/* All, newest first, without their snapshots. */
MODELLAB_MUST_CHECK modellab_status mli_store_experiments(mli_store *store,
                                                          mli_experiment_list **out,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_mark(mli_store *store, const char *id,
                                                              mli_experiment_mark mark,
                                                              int64_t now_ms, modellab_error *err);
/* Of all its runs, or the cell of one (`run_id` not NULL). */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_cells(mli_store *store, const char *id,
                                                               const char *run_id,
                                                               mli_experiment_cell_list **out,
                                                               modellab_error *err);
/* Likewise of all, but for what is kept: of runs that are gone its first 40 characters, else "". */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_cells_brief(mli_store *store,
                                                                     const char *id,
                                                                     mli_experiment_cell_list **out,
                                                                     modellab_error *err);
/* Notes the run of a cell, or why it has none. A run that is noted is replaced by whoever names it
 * alone (`replaces`), and what was kept of it goes: else E_ALREADY_EXISTS. E_NOT_FOUND: there is no
 * such experiment (any more). */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_cell(mli_store *store, const char *id,
                                                              const mli_experiment_cell *cell,
                                                              modellab_error *err);
/* Keeps what compare needs of a run that has ended, once: what is kept stays, and nothing is kept
 * when the cell has another run by now. */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_keep(mli_store *store, const char *id,
                                                              const mli_experiment_cell *cell,
                                                              modellab_error *err);
/* The experiment and its cells; the runs stay. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_store_experiment_delete(mli_store *store, const char *id,
                                                                modellab_error *err);

void mli_experiment_list_free(mli_experiment_list *list);
void mli_experiment_cell_list_free(mli_experiment_cell_list *list);

#endif
