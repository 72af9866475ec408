/* The worker's log: a callback sink that appends whole lines to the inherited descriptor. */
#include "lab/worker_log.h"

#include "log/logger.h"
#include <string.h>

/* One write a line keeps lines of several writers whole; a full disk costs log lines, not the run.
 */
static void append(void *user, const modellab_log_line *line)
{
    mli_worker *w = user;
    char text[40 * 1024];
    if (line->text_bytes + 1 > sizeof(text)) {
        w->log_lost++;
        return; /* longer than the logger's own cap of a line */
    }
    memcpy(text, line->text, line->text_bytes);
    text[line->text_bytes] = '\n';
    int64_t n = w->files->write(w->files->user, w->fds[MLI_ORDER_LOG], text, line->text_bytes + 1);
    w->log_lost += n != (int64_t)line->text_bytes + 1;
}

void mli_worker_log_open(mli_worker *w)
{
    modellab_logger *base = NULL;
    modellab_log_level level = w->order.log_level > 0 ? w->order.log_level : MODELLAB_LOG_INFO;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    sink.user = w;
    sink.write = append;
    sink.min_level = level;
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    options.allocator = w->alloc;
    options.sink = &sink;
    options.level = level;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    context.run_id = w->order.run_id;
    context.request_id = w->order.request_id;
    context.trace_id = w->order.trace_id;
    context.span_id = w->order.span_id;
    context.attempt = w->order.attempt;
    w->log = NULL;
    if (mli_logger_create(&options, NULL, &base, NULL) == MODELLAB_OK &&
        mli_logger_child(base, &context, &w->log, NULL) != MODELLAB_OK) {
        w->log = NULL;
    }
    mli_logger_unref(base);
}

void mli_worker_log_close(mli_worker *w)
{
    mli_logger_unref(w->log);
    w->log = NULL;
}
