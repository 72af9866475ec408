/* Runs: one execution of a pipeline on one input, recorded from request to final status.
 * Submitting, looking, waiting, cancelling and reading results; executing is the supervisor's
 * (supervisor.h), and recording a host's own work is record.h's. @since 0.1
 *
 * Example: examples/c/run.c */
#ifndef MODELLAB_RUN_H
#define MODELLAB_RUN_H

#include <modellab/lab.h>
#include <modellab/price.h>

/** Status of a run or of a step. COMPLETED to STALE are final and never change. Steps also use
 * PENDING and SKIPPED. */
typedef int32_t modellab_run_status;
enum {
    MODELLAB_RUN_QUEUED = 1,
    MODELLAB_RUN_RUNNING = 2,
    MODELLAB_RUN_COMPLETED = 3,
    MODELLAB_RUN_FAILED = 4,
    MODELLAB_RUN_CANCELLED = 5,
    MODELLAB_RUN_TIMEOUT = 6,
    MODELLAB_RUN_STALE = 7,
    MODELLAB_STEP_PENDING = 8,
    MODELLAB_STEP_SKIPPED = 9
};

/** Why a run waits or ended: X(NAME, number, "machine_name", recoverable, "sentence for people").
 * Append only. `recoverable` tells whether trying again unchanged may help. */
#define MODELLAB_REASON_LIST(X)                                                                    \
    X(NONE, 0, "none", 0, "")                                                                      \
    X(WAITING_FOR_SUPERVISOR, 1, "waiting_for_supervisor", 1, "The run waits for a supervisor.")   \
    X(WAITING_FOR_WORKER, 2, "waiting_for_worker", 1, "The run waits for a free worker.")          \
    X(RETRYING, 3, "retrying", 1, "The run will be tried again.")                                  \
    X(HELD, 4, "held", 1, "The run is held until it is released.")                                 \
    X(WAITING_FOR_CAP, 9, "waiting_for_cap", 1, "The run waits until a cap of its user has room.") \
    X(CANCELLED_BY_USER, 10, "cancelled_by_user", 1, "The run was cancelled on request.")          \
    X(HOST_STOPPED, 11, "host_stopped", 1, "The host stopped before the run ended.")               \
    X(RUN_TIMEOUT, 20, "run_timeout", 1, "The run took longer than its limit.")                    \
    X(STEP_TIMEOUT, 21, "step_timeout", 1, "A step took longer than its limit.")                   \
    X(STALL_TIMEOUT, 22, "stall_timeout", 1, "The run made no progress for too long.")             \
    X(QUEUE_TIMEOUT, 23, "queue_timeout", 1, "The run waited in the queue for too long.")          \
    X(WORKER_DIED, 30, "worker_died", 1, "The worker process died.")                               \
    X(WORKER_NOT_STARTED, 31, "worker_not_started", 1, "The worker process could not be started.") \
    X(WORKER_LOST, 32, "worker_lost", 1, "The worker was gone when the run was looked at.")        \
    X(OOM, 33, "oom", 1, "The worker ran out of memory.")                                          \
    X(SANDBOX, 34, "sandbox", 0, "The worker could not be confined as required.")                  \
    X(SANDBOX_VIOLATION, 35, "sandbox_violation", 0,                                               \
      "The worker tried what its sandbox forbids and was ended.")                                  \
    X(COST_CAP, 40, "cost_cap", 0, "The run reached its cost cap.")                                \
    X(CPU_CAP, 41, "cpu_cap", 0, "The run reached its CPU time cap.")                              \
    X(MEMORY_CAP, 42, "memory_cap", 0, "The run reached its memory cap.")                          \
    X(AUDIO_CAP, 43, "audio_cap", 0, "The audio is longer than the cap allows.")                   \
    X(API_CALLS_CAP, 44, "api_calls_cap", 0, "The run reached its cap of API calls.")              \
    X(INVALID_AUDIO, 50, "invalid_audio", 0, "The input is not audio that can be decoded.")        \
    X(UNSUPPORTED_FORMAT, 51, "unsupported_format", 0,                                             \
      "The format of the input is not supported.")                                                 \
    X(INPUT_MISSING, 52, "input_missing", 0, "The input is gone.")                                 \
    X(AUDIO_TOO_LONG, 53, "audio_too_long", 0, "The audio is longer than the limit.")              \
    X(MODEL_NOT_FOUND, 60, "model_not_found", 0, "The model is not installed.")                    \
    X(MODEL_INVALID, 61, "model_invalid", 0, "The model's files are damaged or of another kind.")  \
    X(UNSUPPORTED_REQUEST, 62, "unsupported_request", 0,                                           \
      "The model cannot do what the request asks for.")                                            \
    X(NO_SPACE, 70, "no_space", 1, "The disk is full.")                                            \
    X(IO_ERROR, 71, "io_error", 1, "Reading or writing failed.")                                   \
    X(JOURNAL_LIMIT, 73, "journal_limit", 0,                                                       \
      "The worker wrote more into its journal than it may.")                                       \
    X(PERMISSION_DENIED, 72, "permission_denied", 0, "Access was denied.")                         \
    X(NETWORK_ERROR, 80, "network_error", 1, "The network or a remote service failed.")            \
    X(DEPENDENCY_FAILED, 85, "dependency_failed", 0, "A step that it needs did not complete.")     \
    X(HOST_FAILED, 90, "host_failed", 0, "The host reported that its work failed.")                \
    X(INTERNAL, 99, "internal", 0, "An internal error happened.")

typedef int32_t modellab_reason;
#define MODELLAB_REASON_ENUM_(name, number, text, recoverable, sentence)                           \
    MODELLAB_REASON_##name = number,
enum { MODELLAB_REASON_LIST(MODELLAB_REASON_ENUM_) MODELLAB_REASON_END_ = 100000 };
#undef MODELLAB_REASON_ENUM_

/** How the reading of an input goes on (copied, or compared with what was recorded of it); called
 * on the thread of the call, after each 256 KiB and at the end. `total_bytes` is -1 when it is not
 * known. Return 0 to go on, else the call ends with E_CALLBACK and nothing is stored. */
typedef int32_t (*modellab_input_progress_fn)(void *user, int64_t done_bytes, int64_t total_bytes);

/** Values of modellab_run_submit_options.flags. */
enum {
    /** For validating and estimating only: the input is not there yet, nobody is refused for that;
     * of `input_bytes` what is known of its size (0 = nothing). */
    MODELLAB_RUN_INPUT_FOLLOWS = 1,
    /** An upload must be of the request's user: one of nobody is not found either. */
    MODELLAB_RUN_OWN_UPLOAD = 2
};

/** What to submit. The request is JSON; its schema is modellab_run_request_schema()
 * (docs/request.md). Exactly one of input_path, input_data and upload_id is set, unless the
 * pipeline needs no input. */
typedef struct modellab_run_submit_options {
    size_t size;            /**< sizeof(modellab_run_submit_options) */
    const char *request;    /**< JSON text, UTF-8 */
    size_t request_bytes;   /**< 0 = NUL-terminated */
    const char *input_path; /**< file that is copied into the lab before the call returns */
    const void *input_data; /**< or its bytes */
    size_t input_bytes;     /**< size of input_data */
    const char *input_name; /**< name to record; NULL = last component of input_path, or "input" */
    const char *request_id; /**< [A-Za-z0-9._-]{1,128}; NULL = made */
    const char *trace_parent; /**< W3C traceparent; NULL or not valid = a new trace */
    modellab_cancel *cancel;  /**< ends the copying of the input with E_CANCELLED; NULL = none */
    const char *trace_state;  /**< W3C tracestate, kept with a valid trace_parent; more than 32
                                 members or 1,024 bytes, or not valid = none */
    modellab_input_progress_fn progress; /**< NULL = none */
    void *user;                          /**< for progress */
    const char *upload_id; /**< finished upload (upload.h) of the request's user, or of nobody; the
                              run gets its file by a link, and the upload stays */
    int32_t flags;         /**< MODELLAB_RUN_INPUT_FOLLOWS, MODELLAB_RUN_OWN_UPLOAD, or 0 */
    int32_t reserved;      /**< 0 */
} modellab_run_submit_options;

#define MODELLAB_RUN_SUBMIT_OPTIONS_INIT                                                           \
    {                                                                                              \
        sizeof(modellab_run_submit_options), NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, \
            NULL, NULL, NULL, 0, 0                                                                 \
    }

/** How to repeat a run: modellab_run_retry(), modellab_run_rerun(). */
typedef struct modellab_run_again_options {
    size_t size;              /**< sizeof(modellab_run_again_options) */
    const char *overrides;    /**< JSON merge patch (RFC 7396) of the request, UTF-8; NULL = none */
    size_t overrides_bytes;   /**< 0 = NUL-terminated */
    const char *request_id;   /**< [A-Za-z0-9._-]{1,128}; NULL = made */
    const char *trace_parent; /**< W3C traceparent; NULL or not valid = a new trace */
    const char *trace_state;  /**< as in modellab_run_submit_options */
    modellab_cancel *cancel;  /**< ends the reading of the input with E_CANCELLED; NULL = none */
    modellab_input_progress_fn progress; /**< NULL = none */
    void *user;                          /**< for progress */
} modellab_run_again_options;

#define MODELLAB_RUN_AGAIN_OPTIONS_INIT                                                            \
    {                                                                                              \
        sizeof(modellab_run_again_options), NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL            \
    }

/** Snapshot of a run: immutable, shared, stays as it was when it was loaded. */
typedef struct modellab_run modellab_run;

/** Facts of a run. Strings are borrowed from the modellab_run. Times are milliseconds since 1970
 * UTC, -1 when it did not happen. Measures of -1 are not known (never 0 for "not measured"). */
typedef struct modellab_run_info {
    size_t size; /**< sizeof(modellab_run_info), set by the caller */
    const char *id;
    const char *request_id;
    const char *trace_id;
    const char *user; /**< "" when none was given */
    const char *pipeline;
    const char *input_name;   /**< "" without input */
    const char *input_sha256; /**< "" without input */
    const char *message;      /**< sentence for people about the reason, "" when there is none */
    const char *failed_step;  /**< "" when none */
    const char *model;        /**< model of the run, "" when none */
    const char *model_sha256; /**< "" until known */
    const char *engine;  /**< "isa=avx512 blas=... weights=f16" of the worker, "" until known */
    const char *sandbox; /**< what confined the worker: "full", "landlock", "seccomp" or "none"; ""
                            until known, and for recorded runs */
    const char *price_sheet; /**< id of the price sheet */
    const char *currency;    /**< ISO 4217 of the cost */
    modellab_run_status status;
    modellab_reason reason;
    int32_t priority; /**< 0 low, 10 normal, 20 high, 30 urgent, or any number between */
    int32_t attempt;  /**< 0 until claimed */
    int64_t fence;
    int64_t last_event; /**< number of the newest event */
    int64_t created_ms, started_ms, ended_ms;
    int64_t queue_wait_ms, duration_ms;
    int64_t input_bytes;
    double audio_seconds;      /**< of the input; -1 until known */
    double progress_seconds;   /**< audio seconds done */
    double cpu_seconds;        /**< of the worker process, or of the host's thread for records */
    double gpu_seconds;        /**< -1: no GPU was measured */
    int64_t peak_memory_bytes; /**< VmHWM of the worker */
    int64_t api_calls;
    int64_t cost_micros;           /**< millionths of the currency; -1 until known */
    int64_t estimated_cost_micros; /**< made at submit; -1 when the prices do not tell */
    double estimated_cpu_seconds;  /**< likewise */
    int64_t max_duration_ms;       /**< the run's deadline, 0 = none */
    const char *request_json;      /**< the request as it was accepted, defaults resolved */
    const char *parent_run_id;     /**< run that this one repeats, "" when none */
    const char *span_id;           /**< of the run in its trace */
    const char *trace_parent;      /**< W3C traceparent of who asked for it, "" when nobody's */
    const char *trace_state;       /**< W3C tracestate with it, "" when none */
    const char *experiment_id;     /**< experiment that it belongs to, "" when none */
    const char *candidate;         /**< and which of its candidates */
} modellab_run_info;

/** A step of a run. Strings are borrowed from the modellab_run. */
typedef struct modellab_step_info {
    size_t size; /**< sizeof(modellab_step_info), set by the caller */
    const char *name;
    const char *message;
    modellab_run_status status;
    modellab_reason reason;
    int64_t started_ms, ended_ms;
    double cpu_seconds;
    int64_t peak_memory_bytes;
    const char *key;         /**< sha256 of all that its result depends on, "" until known */
    const char *reused_from; /**< run whose result it took over instead of working, "" when none */
    int32_t attempt;         /**< of the run, in which it last began */
} modellab_step_info;

/** A file that a step produced. Strings are borrowed from the modellab_run. */
typedef struct modellab_artifact_info {
    size_t size;    /**< sizeof(modellab_artifact_info), set by the caller */
    const char *id; /**< opaque; the only way to address it */
    const char *step;
    const char *name; /**< for people, for example "transcript.json" */
    const char *media_type;
    const char *sha256;
    int64_t bytes;
    int32_t is_late;  /**< 1: made after its step, or the run, had ended */
    int32_t reserved; /**< 0 */
} modellab_artifact_info;

/** Which runs to list. Zero or NULL matches all. */
typedef struct modellab_run_filter {
    size_t size;                /**< sizeof(modellab_run_filter) */
    modellab_run_status status; /**< 0 = any */
    int32_t limit;              /**< 1..1000; 0 = 50 */
    const char *before_id;      /**< page on: only runs older than this id */
    const char *user;
    const char *pipeline;
    const char *experiment_id;
    const char *model;      /**< its name */
    const char *request_id; /**< of the request that made it */
    const char *text;   /**< in the input's name or in a label, "key=value", ASCII letters in any
                           case;   or the whole id, or the input's sha256 */
    int64_t since_ms;   /**< created then or later, since 1970 UTC */
    int64_t until_ms;   /**< created before that; 0 = no end */
    const char *sort;   /**< "created", "started", "ended", "duration", "cost", "priority" or
                           "audio_seconds"; "-" before it: the greatest first. NULL = "-created" */
    const char *cursor; /**< page on: modellab_run_list_cursor() of the page before, same order */
    int32_t statuses;   /**< bits 1 << status of those that are wanted; 0 = any */
    int32_t reserved;   /**< 0 */
} modellab_run_filter;

#define MODELLAB_RUN_FILTER_INIT                                                                   \
    {                                                                                              \
        sizeof(modellab_run_filter), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL,   \
            NULL, 0, 0                                                                             \
    }

/** A page of runs: immutable. */
typedef struct modellab_run_list modellab_run_list;

/** What a cancel request met. */
typedef int32_t modellab_cancel_outcome;
enum {
    MODELLAB_CANCEL_NOT_FOUND = 1,        /**< no such run */
    MODELLAB_CANCEL_ALREADY_TERMINAL = 2, /**< had ended before */
    MODELLAB_CANCEL_CANCELLED = 3,        /**< was queued, is CANCELLED now */
    MODELLAB_CANCEL_REQUESTED = 4,        /**< is running; the request is stored for good */
    MODELLAB_CANCEL_ALREADY_DEAD = 5,     /**< its worker was dead; now STALE */
    MODELLAB_CANCEL_ERROR = 6             /**< could not be stored; see the error */
};

MODELLAB_BEGIN_DECLS

/** Name of a status ("QUEUED"). Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_run_status_name(modellab_run_status status);

/** 1 for COMPLETED, FAILED, CANCELLED, TIMEOUT, STALE (and SKIPPED of steps). @threads any @since
 * 0.1 */
MODELLAB_API int32_t modellab_run_status_is_final(modellab_run_status status);

/** Machine name of a reason ("run_timeout"). Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_reason_name(modellab_reason reason);

/** Sentence of a reason for people. Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_reason_text(modellab_reason reason);

/** 1 when trying again unchanged may help. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_reason_is_recoverable(modellab_reason reason);

/** JSON Schema (2020-12) of a run request. Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_run_request_schema(void);

/** Fills the options like their INIT macros. @threads any @since 0.1 */
MODELLAB_API void modellab_run_submit_options_init(modellab_run_submit_options *options,
                                                   size_t size);
/** Fills the options like their INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_run_again_options_init(modellab_run_again_options *options, size_t size);
/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_run_filter_init(modellab_run_filter *filter, size_t size);

/** Validates the request, probes the input's header, checks model, disk and caps, and stores input
 * and record in one transaction. What it acknowledged survives power loss. Nothing is stored on
 * refusal. With an idempotency key that the user has used before, run_id is that first run's, and
 * nothing is stored either.
 * @param[out] run_id  receives the id
 * @param[out] report  optional; new report whenever there were findings, also with E_SCHEMA
 * @errors E_SCHEMA (see the report), E_INVALID_JSON, E_INVALID_AUDIO, E_UNSUPPORTED_FORMAT,
 * E_NOT_FOUND (no input file or upload; the model is not installed), E_INVALID_MODEL (damaged),
 * E_PERMISSION, E_INVALID_ARGUMENT (the input is a directory or a pipe; a request id that is none),
 *         E_CAP_EXCEEDED (`detail` is the MODELLAB_CAP_* bit), E_LIMIT (input too large),
 * E_NO_SPACE, E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_CANCELLED, E_CALLBACK, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_submit(
    modellab_lab *lab, const modellab_run_submit_options *options,
    char run_id[MODELLAB_RUN_ID_BYTES], modellab_report **report, modellab_error *err);

/** Submits a run that ended badly (FAILED, CANCELLED, TIMEOUT, STALE) anew with the same request,
 * as a child run. The child shares the stored input and takes over what is finished: steps of the
 * same key, and windows of speech recognition; the rest gives the bytes of an uninterrupted run.
 * @param options       NULL = none; `overrides` must be NULL
 * @param[out] child_id receives the id of the new run, "" on failure; may be the buffer of run_id
 * @errors E_NOT_FOUND, E_STATE (it has not ended, did not end badly, or is a recorded run),
 * E_HASH_MISMATCH (the stored input is damaged), and those of modellab_run_submit()
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_retry(modellab_lab *lab, const char *run_id, const modellab_run_again_options *options,
                   char child_id[MODELLAB_RUN_ID_BYTES], modellab_error *err);

/** Submits a run that has ended, whatever its status, anew as a child run, with changes: a JSON
 * merge patch on its accepted request. Takes over what has the same key after that.
 * @param options       NULL = no changes
 * @param[out] child_id receives the id of the new run, "" on failure; may be the buffer of run_id
 * @param[out] report   optional; new report whenever there were findings, also with E_SCHEMA
 * @errors E_NOT_FOUND, E_STATE (it has not ended, or is a recorded run), E_INVALID_JSON,
 * E_HASH_MISMATCH, and those of modellab_run_submit()
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_rerun(
    modellab_lab *lab, const char *run_id, const modellab_run_again_options *options,
    char child_id[MODELLAB_RUN_ID_BYTES], modellab_report **report, modellab_error *err);

/** Validates a request and an input without storing anything, and estimates CPU time and cost.
 * @param[out] report  new report, also without findings
 * @errors as modellab_run_submit()
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_validate(modellab_lab *lab, const modellab_run_submit_options *options,
                      modellab_report **report, modellab_error *err);

/** What a run would take, and what the caps make of it now. Nothing is stored.
 * @param[in,out] out  `out->size` must be set. That a cap refuses the run is an answer
 * (`admission`), not an error
 * @param[out] report  optional; new report with every cap that is met, when there were findings
 * @errors as modellab_run_submit(), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_estimate(modellab_lab *lab, const modellab_run_submit_options *options,
                      modellab_estimate *out, modellab_report **report, modellab_error *err);

/** Loads a snapshot. @param[out] out new; give it back with modellab_run_unref()
 * @errors E_NOT_FOUND, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_load(modellab_lab *lab,
                                                                   const char *run_id,
                                                                   modellab_run **out,
                                                                   modellab_error *err);
/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_run *modellab_run_ref(modellab_run *run);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_run_unref(modellab_run *run);

/** Copies the facts. `info->size` must be set. @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_get_info(const modellab_run *run,
                                                                       modellab_run_info *info,
                                                                       modellab_error *err);
/** Steps in the order of execution. @errors E_NOT_FOUND (index) @threads any @since 0.1 */
MODELLAB_API size_t modellab_run_step_count(const modellab_run *run);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_step_at(const modellab_run *run,
                                                                      size_t index,
                                                                      modellab_step_info *out,
                                                                      modellab_error *err);
/** Artifacts in the order of creation. @errors E_NOT_FOUND (index) @threads any @since 0.1 */
MODELLAB_API size_t modellab_run_artifact_count(const modellab_run *run);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_artifact_at(
    const modellab_run *run, size_t index, modellab_artifact_info *out, modellab_error *err);

/** Reads an artifact and verifies its sha256.
 * @param max_bytes  refuse larger ones with E_LIMIT
 * @param[out] out   new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_LIMIT, E_HASH_MISMATCH, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_read_artifact(modellab_lab *lab, const char *run_id, const char *artifact_id,
                           int64_t max_bytes, modellab_buffer **out, modellab_error *err);

/** The whole record as JSON (the shape of manifest.json, docs/manifest.md). @param[out] out new
 * @errors E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_to_json(const modellab_run *run,
                                                                      modellab_buffer **out,
                                                                      modellab_error *err);

/** Lists runs. @param[out] out new; modellab_run_list_unref()
 * @errors E_INVALID_ARGUMENT (limit, before_id, sort, a cursor of another order), E_STORE_FAILED,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_list_load(modellab_lab *lab, const modellab_run_filter *filter,
                       modellab_run_list **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_run_list_unref(modellab_run_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_run_list_count(const modellab_run_list *list);
/** The run at `index`; borrowed from the list, NULL outside. @threads any @since 0.1 */
MODELLAB_API const modellab_run *modellab_run_list_at(const modellab_run_list *list, size_t index);
/** Where the next page begins, for `cursor` of the filter; "" when this is the last one. Runs with
 * equal values come once each. Borrowed. @threads any @since 0.1 */
MODELLAB_API const char *modellab_run_list_cursor(const modellab_run_list *list);

/** Asks a run to stop. Idempotent; also for a run that another process executes. Its worker is told
 * at once; where that fails, its supervisor finds the request within two seconds.
 * @param[out] outcome  what was met
 * @errors E_STORE_FAILED, E_STORE_READ_ONLY, E_IO, E_NO_MEMORY (NOT_FOUND is an outcome)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_cancel(
    modellab_lab *lab, const char *run_id, modellab_cancel_outcome *outcome, modellab_error *err);

/** Waits until the run has a final status. Somebody has to supervise it (supervisor.h).
 * @param timeout_ms   -1 = no limit
 * @param cancel       optional token that ends the waiting (not the run)
 * @param[out] status  final status, or the present one on E_TIMEOUT
 * @errors E_NOT_FOUND, E_TIMEOUT (`detail` of the error: the status of what keeps a supervisor of
 * the lab from recording the end of runs, or from starting them, E_NO_SPACE for a full disk; -1 =
 * nothing is known), E_CANCELLED, E_STORE_FAILED @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_wait(modellab_lab *lab, const char *run_id, int64_t timeout_ms,
                  modellab_cancel *cancel, modellab_run_status *status, modellab_error *err);

/** Compares the files of a run with its record, down to the last byte: manifest, journal (its chain
 * of lines and the seal that the record keeps of it), log, request, input and artifacts. A byte
 * that was changed, a line or a file that was dropped, doubled, moved or cut is a finding of
 * severity error.
 * @param cancel     optional
 * @param[out] out   new report, also without findings. The ids: NOUN.missing, NOUN.cut,
 * NOUN.changed, NOUN.longer (of a log: a warning), NOUN.unrecorded for journal, log, request,
 * input, artifact; journal.damaged, journal.chain, journal.lines_lost (where it is wrong);
 *                   manifest.missing, manifest.damaged, manifest.differs (from the record),
 * manifest.behind (a warning); run.folder_missing, file.unrecorded; run.active, run.unsealed (not
 * to be checked)
 * @errors E_NOT_FOUND, E_CANCELLED, E_STORE_FAILED, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_verify(modellab_lab *lab,
                                                                     const char *run_id,
                                                                     modellab_cancel *cancel,
                                                                     modellab_report **out,
                                                                     modellab_error *err);

/** Puts two runs side by side, as JSON: `facts` (name, a, b, same: status, durations, CPU, memory,
 * cost, model, engine ...), `request` (differences by JSON pointer), `config_diff` (the same of the
 * options in force, "/asr/beam_size"), `metrics` (name, a, b, diff = b - a: those against
 * references, then real-time factor, CPU, memory, cost), `findings` (kind, how many in a and in b),
 * `artifacts` (by name: sha256 of both), and `transcript` (null, or words of both, errors, `wer` of
 * b against a after normalization, `first_difference` with some words from there on, and
 * `differences`: each run of words that differ by the alignment, the first 200 of
 * `difference_count`).
 * @param cancel     optional
 * @param[out] out   new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_CANCELLED, E_LIMIT, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_compare(modellab_lab *lab,
                                                                      const char *a, const char *b,
                                                                      modellab_cancel *cancel,
                                                                      modellab_buffer **out,
                                                                      modellab_error *err);

MODELLAB_END_DECLS
#endif
