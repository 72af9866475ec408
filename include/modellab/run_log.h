/* Log lines of runs: what the workers of a run, or its host, wrote into its log, read in pages that
 * go on where the last one ended. @since 0.1
 *
 * Example: examples/c/run_log.c */
#ifndef MODELLAB_RUN_LOG_H
#define MODELLAB_RUN_LOG_H

#include <modellab/logger.h>
#include <modellab/run.h>

/** Which lines are wanted. Zero or NULL: all, from the beginning. */
typedef struct modellab_log_query {
    size_t size;              /**< sizeof(modellab_log_query) */
    const char *cursor;       /**< `next_cursor` of the page before */
    const char *request_id;   /**< only lines with this request id */
    const char *user;         /**< modellab_request_log_read(): only runs of this user */
    modellab_log_level level; /**< only lines of this level and above */
    int32_t limit;            /**< 1..1000 lines; 0 = 200 */
    modellab_cancel *cancel;  /**< ends the reading with E_CANCELLED */
} modellab_log_query;

#define MODELLAB_LOG_QUERY_INIT                                                                    \
    {                                                                                              \
        sizeof(modellab_log_query), NULL, NULL, NULL, 0, 0, NULL                                   \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_log_query_init(modellab_log_query *query, size_t size);

/** Lines of a run's log, oldest first, as JSON: `items` (the lines as they were written),
 * `next_cursor` (text; goes on behind the last line, also when there is none yet), `more` (true:
 * there are lines behind this page), `damaged` (lines that were passed over because they are no
 * JSON object, or longer than 64 KiB, whatever their length). A page reads at most 32 MiB of the
 * log, so it may be short, or empty, while `more` is true.
 * @param query     NULL = defaults
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND (run), E_INVALID_ARGUMENT (a cursor that is none of this log), E_CANCELLED,
 * E_STORE_FAILED, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_log_read(modellab_lab *lab, const char *run_id, const modellab_log_query *query,
                      modellab_buffer **out, modellab_error *err);

/** The same for all runs of a request id, in the order in which they were submitted; lines of a run
 * that came later than its page stay out. No such run is a page without items.
 * @param request_id  as in modellab_run_info
 * @param[out] out    new; modellab_buffer_destroy()
 * @errors E_INVALID_ARGUMENT (no request id; the cursor), E_CANCELLED, E_STORE_FAILED, E_IO,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_request_log_read(
    modellab_lab *lab, const char *request_id, const modellab_log_query *query,
    modellab_buffer **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
