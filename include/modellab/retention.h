/* Retention: what a lab takes on disk, and how runs, parts of runs and leftovers are taken away.
 * What was executed once stays in the totals (metrics, sums of cost) when its run is gone. @since
 * 0.1
 *
 * Example: examples/c/retention.c */
#ifndef MODELLAB_RETENTION_H
#define MODELLAB_RETENTION_H

#include <modellab/run.h>

/** Values of modellab_cleanup_options.what; may be combined. */
enum {
    /** Whole runs: record and files. */
    MODELLAB_CLEANUP_RUNS = 1,
    /** Inputs of runs; record and results stay. */
    MODELLAB_CLEANUP_INPUTS = 2,
    /** Artifacts of runs; the record stays and still names them with their sha256. */
    MODELLAB_CLEANUP_ARTIFACTS = 4,
    /** What crashes and refused runs left: temporary files, folders without a record, files of dead
     * supervisors, packed images of models that are not installed, uploads that did not come to
     * their end or had their time. */
    MODELLAB_CLEANUP_LEFTOVERS = 8
};

/** What to take away. Of the runs that have ended (and match `status` and `user`) those go that are
 * older than `older_than_ms`, or beyond the newest `keep_runs`, or, from the newest on, beyond
 * `keep_bytes`. Active runs, and runs that an active one was made of, never go. */
typedef struct modellab_cleanup_options {
    size_t size;                /**< sizeof(modellab_cleanup_options) */
    int64_t older_than_ms;      /**< since their end; 0 = all; -1 = age is no reason */
    int64_t keep_runs;          /**< -1 = their number is no reason */
    int64_t keep_bytes;         /**< -1 = their size is no reason */
    const char *user;           /**< only runs of this user; NULL = all */
    modellab_run_status status; /**< only runs that ended so; 0 = any final status */
    int32_t what;               /**< MODELLAB_CLEANUP_*; 0 = RUNS */
    int32_t dry_run;            /**< 1: count only, change nothing */
    int32_t reserved;           /**< 0 */
    int64_t grace_ms;           /**< leftovers younger than this stay; 0 = one hour */
} modellab_cleanup_options;

#define MODELLAB_CLEANUP_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(modellab_cleanup_options), -1, -1, -1, NULL, 0, 0, 0, 0, 0                          \
    }

/** What was taken away, or would be (dry run). */
typedef struct modellab_cleanup_result {
    size_t size;            /**< sizeof(modellab_cleanup_result), set by the caller */
    int64_t runs;           /**< whole runs */
    int64_t inputs;         /**< runs that lost their input only */
    int64_t artifacts;      /**< runs that lost their artifacts only */
    int64_t kept;           /**< that were due, but are needed by an active run or locked */
    int64_t failed;         /**< that could not be taken away; the log says why */
    int64_t input_bytes;    /**< of what went */
    int64_t artifact_bytes; /**< likewise */
    int64_t other_bytes;    /**< journals, logs, manifests */
    int64_t leftovers;      /**< files and folders */
    int64_t leftover_bytes; /**< of these */
    int64_t cache_files;    /**< packed images */
    int64_t cache_bytes;    /**< of these */
} modellab_cleanup_result;

/** What a lab takes on disk. -1: could not be looked at. */
typedef struct modellab_disk_usage {
    size_t size;            /**< sizeof(modellab_disk_usage), set by the caller */
    int64_t runs;           /**< number of run folders */
    int64_t input_bytes;    /**< inputs of runs */
    int64_t artifact_bytes; /**< artifacts of runs */
    int64_t journal_bytes;  /**< journals, logs, manifests and other files of runs */
    int64_t store_bytes;    /**< the database with its write-ahead log */
    int64_t cache_bytes;    /**< packed model images */
    int64_t models_bytes;   /**< installed models */
    int64_t free_bytes;     /**< of the lab's disk */
    int64_t total_bytes;    /**< of the lab's disk */
    int64_t min_free_bytes; /**< runs are refused below it (MODEL_LAB_MIN_FREE_BYTES) */
    int64_t max_bytes;      /**< MODEL_LAB_RETENTION_MAX_BYTES, 0 = none */
    int64_t retention_ms;   /**< MODEL_LAB_RETENTION_DAYS, 0 = none */
    int64_t accepted_bytes; /**< largest input that would be accepted now */
    int64_t upload_bytes;   /**< uploads; also what runs share with them */
} modellab_disk_usage;

MODELLAB_BEGIN_DECLS

/** Fills the options like their INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_cleanup_options_init(modellab_cleanup_options *options, size_t size);

/** Takes away what is due, and completes removals that a crash interrupted. A run goes in three
 * acts that are each durable (it is marked, its files go, its record goes), so that a crash leaves
 * nothing that the next cleanup or reconciliation does not complete. Logs its start, progress and
 * end.
 * @param[out] result  optional; `result->size` must be set
 * @errors E_INVALID_ARGUMENT (runs or parts of runs without age, number or size; a status that is
 * not final), E_BUSY (another cleanup is at work), E_STORE_READ_ONLY, E_STORE_FAILED, E_IO,
 *         E_NO_MEMORY, E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_lab_cleanup(modellab_lab *lab, const modellab_cleanup_options *options,
                     modellab_cleanup_result *result, modellab_error *err);

/** Adds up what the lab takes, by walking its folders.
 * @param[out] usage  `usage->size` must be set
 * @errors E_IO, E_NO_MEMORY, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_lab_disk_usage(modellab_lab *lab,
                                                                         modellab_disk_usage *usage,
                                                                         modellab_error *err);

MODELLAB_END_DECLS
#endif
