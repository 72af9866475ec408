/* Records: a host does its own work and the lab records it as a run: log lines with its ids,
 * tracked spans, artifacts, caps and a final status. The run's lock is held by the host process, so
 * a crashed host leaves no run RUNNING. @since 0.1
 *
 * Example: examples/c/record.c */
#ifndef MODELLAB_RECORD_H
#define MODELLAB_RECORD_H

#include <modellab/price.h>
#include <modellab/run.h>
#include <modellab/tracker.h>

/** A run that this process executes itself. Confined to one thread at a time. */
typedef struct modellab_record modellab_record;

/** What is to be recorded. Zero or NULL is the default. */
typedef struct modellab_record_options {
    size_t size;          /**< sizeof(modellab_record_options) */
    const char *pipeline; /**< name for people and metrics; NULL = "recorded" */
    const char *user;
    const char *request_id;
    const char *trace_parent;
    const char *config_json; /**< any JSON object, kept with the run */
    const char *input_name;
    double audio_seconds;      /**< 0 = none */
    int64_t max_duration_ms;   /**< 0 = the configured one; past it modellab_record_check() says
                                  E_TIMEOUT */
    const modellab_caps *caps; /**< optional */
    const char *trace_state;   /**< as in modellab_run_submit_options */
} modellab_record_options;

#define MODELLAB_RECORD_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(modellab_record_options), NULL, NULL, NULL, NULL, NULL, NULL, 0.0, 0, NULL, NULL    \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_record_options_init(modellab_record_options *options, size_t size);

/** Begins a run that is RUNNING at once. @param[out] out new; end it with modellab_record_finish(),
 * give it back with modellab_record_destroy() (which ends an unfinished one as what
 * modellab_record_check() said, else as FAILED, host_stopped)
 * @errors E_CAP_EXCEEDED, E_NO_SPACE, E_STORE_READ_ONLY, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_record_begin(modellab_lab *lab, const modellab_record_options *options,
                      modellab_record **out, modellab_error *err);

/** Id of the run. Borrowed from `record`. @threads any @since 0.1 */
MODELLAB_API const char *modellab_record_run_id(const modellab_record *record);

/** Logger whose lines carry the run's ids and go to the run's log and the lab's logger. Borrowed;
 * take a reference to keep it. @threads any @since 0.1 */
MODELLAB_API modellab_logger *modellab_record_logger(modellab_record *record);

/** Tracker of the run; its spans become the run's measures and cost. Borrowed. @threads any @since
 * 0.1 */
MODELLAB_API modellab_tracker *modellab_record_tracker(modellab_record *record);

/** Begins a step; steps follow each other. @errors E_STATE, E_RUN_FINAL, E_NO_MEMORY
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_step_begin(modellab_record *record,
                                                                            const char *name,
                                                                            modellab_error *err);
/** Ends the open step. @param status COMPLETED, FAILED or SKIPPED @errors E_STATE, E_STORE_FAILED
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_step_end(
    modellab_record *record, modellab_run_status status, const char *message, modellab_error *err);

/** Stores a file of the run: hashed, synced, then recorded.
 * @param[out] artifact_id  optional, capacity MODELLAB_RUN_ID_BYTES
 * @errors E_NO_SPACE, E_IO, E_RUN_FINAL, E_FENCED @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_add_artifact(
    modellab_record *record, const char *name, const char *media_type, const void *data,
    size_t bytes, char artifact_id[MODELLAB_RUN_ID_BYTES], modellab_error *err);

/** Asks whether to go on: call it in loops.
 * @errors E_CANCELLED (somebody cancelled the run), E_TIMEOUT (past its deadline), E_CAP_EXCEEDED
 * @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_check(modellab_record *record,
                                                                       modellab_error *err);

/** Tells progress in audio seconds (kept without a sync). @threads confined @since 0.1 */
MODELLAB_API void modellab_record_progress(modellab_record *record, double audio_seconds);

/** Tells how the open step goes on, in terms of its own: an event step_progress with these details.
 * Kept at most once a second; what comes sooner is passed over.
 * @param details  JSON object, at most 4,096 bytes
 * @errors E_STATE (no open step), E_INVALID_JSON, E_SCHEMA (no object), E_LIMIT, E_RUN_FINAL,
 * E_STORE_FAILED, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_tell(modellab_record *record,
                                                                      const char *details,
                                                                      modellab_error *err);

/** Gives the run its final status. The first final status wins.
 * @param status   COMPLETED, FAILED, CANCELLED or TIMEOUT
 * @param reason   MODELLAB_REASON_NONE for COMPLETED, else why
 * @param message  sentence for people, may be NULL
 * @errors E_RUN_FINAL, E_FENCED, E_STORE_FAILED, E_IO @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_record_finish(modellab_record *record,
                                                                        modellab_run_status status,
                                                                        modellab_reason reason,
                                                                        const char *message,
                                                                        modellab_error *err);
/** Frees it; NULL is accepted. @threads confined @since 0.1 */
MODELLAB_API void modellab_record_destroy(modellab_record *record);

MODELLAB_END_DECLS
#endif
