/* Experiments: one set of inputs against several candidates, each a request of runs. What is made
 * is an immutable snapshot whose id is the sha256 of all that it says; its runs are ordinary runs,
 * and compare tells quality, speed, memory and cost of each candidate, and which is better.
 * @since 0.1
 *
 * Example: examples/c/experiment.c */
#ifndef MODELLAB_EXPERIMENT_H
#define MODELLAB_EXPERIMENT_H

#include <modellab/lab.h>
#include <modellab/report.h>
#include <modellab/types.h>

/** 64 hex digits and a NUL. */
#define MODELLAB_EXPERIMENT_ID_BYTES 65

/** Files that the document names may be anywhere, also outside its folder. */
#define MODELLAB_EXPERIMENT_ANY_PATH 1
/** Uploads that the document names must be `user`'s: those of nobody are not found either. */
#define MODELLAB_EXPERIMENT_OWN_UPLOADS 2

/** What to make an experiment of. */
typedef struct modellab_experiment_options {
    size_t size;             /**< sizeof(modellab_experiment_options) */
    const char *document;    /**< JSON text, UTF-8 (docs/experiments.md) */
    size_t document_bytes;   /**< 0 = NUL-terminated */
    const char *folder;      /**< of the files that it names; NULL = it may name none */
    modellab_cancel *cancel; /**< ends the copying of files with E_CANCELLED; NULL = none */
    int32_t flags;           /**< MODELLAB_EXPERIMENT_ANY_PATH, _OWN_UPLOADS, or 0 */
    int32_t reserved;        /**< 0 */
    const char *user; /**< whose uploads inputs may name ("file": "upload:ID"), beside those of
                         nobody; NULL = everybody's */
} modellab_experiment_options;

#define MODELLAB_EXPERIMENT_OPTIONS_INIT                                                           \
    {                                                                                              \
        sizeof(modellab_experiment_options), NULL, 0, NULL, NULL, 0, 0, NULL                       \
    }

MODELLAB_BEGIN_DECLS

/** JSON Schema (2020-12) of an experiment. Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_experiment_schema(void);

/** Fills the options like their INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_experiment_options_init(modellab_experiment_options *options,
                                                   size_t size);

/** Checks the document, resolves its candidates as runs would be accepted now (models by sha256),
 * copies all inputs and references into the lab, and stores the snapshot. Nothing is stored on
 * refusal. The same experiment again gives the same id and stores nothing; a difference in anything
 * gives another one.
 * @param[out] id      receives the id, "" on failure
 * @param[out] report  optional; new report whenever there were findings, also with E_SCHEMA
 * @errors E_SCHEMA (see the report), E_INVALID_JSON, E_LIMIT, E_NO_SPACE, E_CANCELLED,
 * E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_create(
    modellab_lab *lab, const modellab_experiment_options *options,
    char id[MODELLAB_EXPERIMENT_ID_BYTES], modellab_report **report, modellab_error *err);

/** Submits a run for each candidate on each input (and repetition) that has none. Called again,
 * after a crash too, it submits what is missing: each has exactly one run. Where that was cancelled
 * or lost, or went before anything was kept of it, it submits another one. Caps, priority and the
 * rules of the queue are those of every run; single runs that are refused are findings of the
 * report (experiment.refused), stand in the status, and are tried again with the next start.
 * @param id           the id, or six or more of its first digits
 * @param cancel       optional; ends the submitting, not the runs
 * @param[out] report  optional; new report whenever there were findings
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT (several ids begin so), E_HASH_MISMATCH (a model is
 * another one by now; a stored input is damaged), E_CANCELLED, and those of modellab_run_submit()
 * that are not about one run alone @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_start(modellab_lab *lab,
                                                                           const char *id,
                                                                           modellab_cancel *cancel,
                                                                           modellab_report **report,
                                                                           modellab_error *err);

/** How it stands, as JSON: id, name, status (PENDING: runs are to be started; RUNNING; DONE),
 * times, cells, counts (by status of runs; gone, refused, not_started), runs (input, candidate,
 * repetition, run_id, status, reason, message).
 * @param[out] out new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_status(modellab_lab *lab,
                                                                            const char *id,
                                                                            modellab_buffer **out,
                                                                            modellab_error *err);
/** The candidates side by side, as JSON: `candidates` (runs by how they ended; `quality`: wer, cer,
 * der as far as there are references, pooled over inputs, with low and high of their 95 % interval;
 * real_time_factor, cpu_seconds_per_audio_hour, peak_memory_bytes, cost_micros), `verdicts` (each
 * candidate against the first: A_BETTER, B_BETTER, NEUTRAL, INCONCLUSIVE, PENDING, by what, and
 * why). What is needed of ended runs is kept: runs that retention took away still count.
 * @param cancel   optional
 * @param[out] out new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT, E_CANCELLED, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_experiment_compare(modellab_lab *lab, const char *id, modellab_cancel *cancel,
                            modellab_buffer **out, modellab_error *err);

/** Asks all its runs that have not ended to stop.
 * @param[out] asked  optional; how many
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT, and those of modellab_run_cancel()
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_cancel(modellab_lab *lab,
                                                                            const char *id,
                                                                            int64_t *asked,
                                                                            modellab_error *err);

/** All experiments, newest first, as a JSON array. @param[out] out new; modellab_buffer_destroy()
 * @errors E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_list(modellab_lab *lab,
                                                                          modellab_buffer **out,
                                                                          modellab_error *err);
/** One experiment with its snapshot, as JSON. References are told by their sha256.
 * @param[out] out new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_load(modellab_lab *lab,
                                                                          const char *id,
                                                                          modellab_buffer **out,
                                                                          modellab_error *err);
/** Removes the experiment with its inputs; its runs stay.
 * @errors E_NOT_FOUND, E_INVALID_ARGUMENT, E_STATE (runs have not ended), E_STORE_READ_ONLY, E_IO
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_experiment_delete(modellab_lab *lab,
                                                                            const char *id,
                                                                            modellab_error *err);

MODELLAB_END_DECLS
#endif
