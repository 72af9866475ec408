/* What the files of experiments share: reading the document, resolving it, the files of its inputs,
 * and the snapshot once it is stored. */
#ifndef MLI_LAB_EXPERIMENT_PARTS_H
#define MLI_LAB_EXPERIMENT_PARTS_H

#include "lab/experiment.h"
#include "score/scorer.h"
#include "speech/findings.h"
#include "store/rundir.h"

/* experiment_read.c: parsed and checked by its schema, and what that cannot say. Findings; OK also
 * when some are errors. *out new (NULL on failure). */
MODELLAB_MUST_CHECK modellab_status mli_experiment_read(const char *text, size_t bytes,
                                                        const modellab_allocator *alloc,
                                                        mli_json **out, mli_findings *report,
                                                        modellab_error *err);

/* experiment_candidates.c: writes [{"name","request","models"}, ...] with the requests as they are
 * accepted; findings at /candidates/N/request. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_candidates(mli_lab *lab,
                                                              const mli_json *document, mli_jw *out,
                                                              mli_findings *report,
                                                              modellab_error *err);
/* The models of a snapshot are those that are installed now: E_HASH_MISMATCH, E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_check_models(const mli_lab *lab,
                                                                const mli_json *snapshot,
                                                                modellab_error *err);

/* experiment_inputs.c: looks at all files before anything is stored; findings at /inputs/N. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_look(const mli_lab *lab,
                                                        const mli_experiment_source *source,
                                                        const mli_json *document, int64_t *bytes,
                                                        mli_findings *report, modellab_error *err);
/* Copies inputs and references into a folder, each under its sha256, and writes what they are:
 * [{"name","sha256","bytes","reference_text":{"sha256","bytes"},"reference_turns":...}, ...]. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_store_inputs(const mli_lab *lab,
                                                                const mli_experiment_source *source,
                                                                const mli_json *document,
                                                                const char *folder, mli_jw *out,
                                                                modellab_error *err);

/* experiment_files.c: <lab>/experiments, with `name` below it when that is not NULL. E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_path(const mli_lab *lab, const char *name,
                                                        char out[MLI_PATH_BYTES],
                                                        modellab_error *err);
/* <lab>/experiments/<id>/<sha256>. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_object_path(const mli_lab *lab, const char *id,
                                                               const char *sha256,
                                                               char out[MLI_PATH_BYTES],
                                                               modellab_error *err);
/* Its bytes, verified; at most `most`. E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_read_object(const mli_lab *lab, const char *id,
                                                               const char *sha256, int64_t most,
                                                               mli_buf *out, modellab_error *err);
/* All bytes of an open file of at most `most`; E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_read_fd(const mli_lab *lab, int fd, int64_t most,
                                                           mli_buf *out, modellab_error *err);

/* An experiment as it is stored. */
typedef struct mli_experiment {
    mli_experiment_list *list;
    const mli_experiment_row *row;
    mli_json *snapshot;
    const mli_json *inputs, *candidates; /* arrays of the snapshot */
    int32_t input_count, candidate_count, repetitions;
} mli_experiment;

/* By its id or a beginning of it. E_NOT_FOUND. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_experiment_load(mli_lab *lab, const char *id,
                                                        mli_experiment *out, modellab_error *err);
void mli_experiment_dispose(mli_experiment *experiment);
/* "PENDING", "RUNNING" or "DONE". */
const char *mli_experiment_state(const mli_experiment_row *row);
/* Name of an input or a candidate. */
const char *mli_experiment_name(const mli_json *array, int32_t index);

/* A value of ours as canonical text behind its key. */
void mli_experiment_put(mli_jw *w, const char *key, const mli_json *value, mli_buf *scratch);
/* Findings of a part of the document, with its pointer before theirs. */
void mli_experiment_add_findings(mli_findings *report, const char *pointer,
                                 const mli_findings *more);

/* experiment_keep.c: what compare needs of a cell whose run has ended, as JSON: of what is kept, or
 * else of the run itself, which is kept then where the lab may be written. *out NULL: nothing is
 * there (yet). */
MODELLAB_MUST_CHECK modellab_status mli_experiment_kept(mli_lab *lab, const char *id,
                                                        const mli_experiment_cell *cell,
                                                        const mli_cancel_word *cancel,
                                                        mli_json **out, modellab_error *err);

/* A cell's run was cancelled or lost, or went without a trace, and start makes another one: by its
 * status, when it is gone (0) by what is kept of it or the beginning of that. */
bool mli_experiment_is_lost(modellab_run_status status, const char *kept_json);

/* experiment_table.c: what the runs of one candidate gave. */
enum { MLI_EXPERIMENT_METRICS = 3 }; /* wer, cer, der */
typedef struct mli_candidate_sums {
    int64_t completed, failed, open, refused, gone, timed, priced;
    int64_t peak_memory_bytes, cost_micros;   /* -1: not known */
    int64_t measured[MLI_EXPERIMENT_METRICS]; /* inputs */
    double audio_seconds, cpu_seconds, wall_seconds;
    bool mixed; /* costs of several currencies */
    char currency[8];
    int64_t findings[MLI_ASR_FINDING_FALLBACK + 1]; /* by kind, of all runs */
    int64_t looked;                                 /* runs that were looked at for findings */
    mli_scorer quality[MLI_EXPERIMENT_METRICS];     /* pooled over inputs */
} mli_candidate_sums;

void mli_candidate_sums_init(mli_candidate_sums *sums, const mli_cancel_word *cancel,
                             const modellab_allocator *alloc);
void mli_candidate_sums_dispose(mli_candidate_sums *sums);
/* The member of score.json with a metric. */
const char *mli_experiment_score_key(int metric);
/* Adds what is kept of a run (NULL = nothing); its scores when `scores`. */
MODELLAB_MUST_CHECK modellab_status mli_candidate_sums_add(mli_candidate_sums *sums,
                                                           const char *input,
                                                           const mli_experiment_cell *cell,
                                                           const mli_json *kept, bool scores,
                                                           modellab_error *err);
/* The row of a candidate in the table. */
MODELLAB_MUST_CHECK modellab_status mli_candidate_sums_write(const mli_candidate_sums *sums,
                                                             const char *name, mli_jw *out,
                                                             modellab_error *err);

#endif
