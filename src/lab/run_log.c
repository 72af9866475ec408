/* The child loggers of runs. */
#include "lab/run_log.h"

#include "base/id.h"
#include "log/logger.h"

modellab_logger *mli_run_log(const mli_lab *lab, const mli_run_row *row)
{
    modellab_logger *log = NULL;
    if (lab->logger == NULL) {
        return NULL;
    }
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    context.run_id = row->id;
    context.request_id = row->request_id;
    context.trace_id = row->trace_id;
    context.span_id = row->span_id;
    context.attempt = row->attempt;
    /* Without memory for ids the lines go out without them. */
    return mli_logger_child(lab->logger, &context, &log, NULL) == MODELLAB_OK
               ? log
               : mli_logger_ref(lab->logger);
}

static modellab_logger *log_of_id(const mli_lab *lab, const char *run_id)
{
    modellab_logger *log = NULL;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    context.run_id = run_id;
    return mli_logger_child(lab->logger, &context, &log, NULL) == MODELLAB_OK
               ? log
               : mli_logger_ref(lab->logger);
}

modellab_logger *mli_run_log_of(const mli_lab *lab, const char *run_id)
{
    mli_run_record *record = NULL;
    if (lab->logger == NULL) {
        return NULL;
    }
    if (!mli_ulid_valid(run_id)) {
        return mli_logger_ref(lab->logger);
    }
    if (mli_store_load(lab->store, run_id, &record, NULL) != MODELLAB_OK) {
        return log_of_id(lab, run_id);
    }
    modellab_logger *log = mli_run_log(lab, record->run);
    mli_run_record_free(record);
    return log;
}
