/* Experiments: one set of inputs against several candidates (requests of runs). The document is
 * checked and resolved, then stored as an immutable snapshot whose sha256 is its id; its runs are
 * ordinary runs. */
#ifndef MLI_LAB_EXPERIMENT_H
#define MLI_LAB_EXPERIMENT_H

#include "base/json.h"
#include "check/findings.h"
#include "lab/lab.h"

#define MLI_EXPERIMENT_MAX_BYTES ((size_t)1024 * 1024)    /* of a document */
#define MLI_SNAPSHOT_MAX_BYTES ((size_t)32 * 1024 * 1024) /* of what is read back */
enum {
    MLI_EXPERIMENT_CELLS = 10000,
    MLI_EXPERIMENT_REFERENCE_BYTES = 900000 /* as config.score takes it */
};

/* JSON Schema of the document (docs/experiments.md). Static. */
const char *mli_experiment_schema(void);

/* Before the id of an upload, where the document names a file. */
#define MLI_EXPERIMENT_UPLOAD "upload:"

typedef struct mli_experiment_source {
    const char *document;
    size_t bytes;
    const char *folder; /* of the files that it names; NULL: it may name none */
    bool any_path;      /* files may be anywhere, also outside the folder */
    const char *user;   /* whose uploads may be named; NULL = everybody's */
    bool own_uploads;   /* not those of nobody */
    const mli_cancel_word *cancel;
} mli_experiment_source;

/* experiment.c: E_SCHEMA (see the report; nothing is stored), E_INVALID_JSON, E_LIMIT, and those of
 * storing inputs. The same experiment again has the same id and stores nothing. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_create(mli_lab *lab,
                                                          const mli_experiment_source *source,
                                                          char id[MLI_EXPERIMENT_ID_BYTES],
                                                          mli_findings *report,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_experiment_delete(mli_lab *lab, const char *id,
                                                          modellab_error *err);
/* experiment_start.c: submits the runs of all cells that have none. Refusals of single runs are
 * findings (experiment.refused), and stand in the experiment. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_start(mli_lab *lab, const char *id,
                                                         const mli_cancel_word *cancel,
                                                         mli_findings *report, modellab_error *err);
/* Asks all runs that have not ended to stop; `*asked` (optional) is how many. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_cancel(mli_lab *lab, const char *id,
                                                          int64_t *asked, modellab_error *err);
/* experiment_show.c: JSON, appended to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_write_status(mli_lab *lab, const char *id,
                                                                mli_buf *out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_experiment_write(mli_lab *lab, const char *id, mli_buf *out,
                                                         modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_experiments_write(mli_lab *lab, mli_buf *out,
                                                          modellab_error *err);
/* experiment_keep.c: before a run that has ended goes, what its experiment (if any) needs of it. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_keep_run(mli_lab *lab, const mli_run_row *run,
                                                            modellab_error *err);
/* experiment_compare.c */
MODELLAB_MUST_CHECK modellab_status mli_experiment_compare(mli_lab *lab, const char *id,
                                                           const mli_cancel_word *cancel,
                                                           mli_buf *out, modellab_error *err);

#endif
