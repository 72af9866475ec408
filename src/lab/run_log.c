/* The child logger of a run. */
#include "lab/run_log.h"

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
