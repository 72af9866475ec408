/* The hot path: threshold, rate limit, one formatting on the stack, then the sinks. No allocation.
 */
#include "log/core.h"
#include "log/line.h"
#include <errno.h>

static void count_failure(mli_log_core *core, int error)
{
    atomic_fetch_add_explicit(&core->failed, 1, memory_order_relaxed);
    atomic_store_explicit(&core->last_error, error, memory_order_relaxed);
}

/* Only for whoever holds the sink's lock: no locked instruction is needed. */
static void count_line(_Atomic int64_t *lines)
{
    atomic_store_explicit(lines, atomic_load_explicit(lines, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static bool write_file(mli_log_core *core, const char *text, size_t bytes, int64_t now_ns)
{
    mli_os_mutex_lock(&core->file_lock);
    int rc = mli_log_file_write(&core->file, text, bytes, now_ns);
    if (rc == 0)
        count_line(&core->file_lines);
    mli_os_mutex_unlock(&core->file_lock);
    if (rc != 0)
        count_failure(core, -rc);
    return rc == 0;
}

static void call_sink(mli_log_core *core, const modellab_log_line *line, bool counted)
{
    uintptr_t self = mli_os_thread_key();
    if (atomic_load_explicit(&core->in_sink, memory_order_relaxed) == self) {
        count_failure(core, EDEADLK); /* the callback logs to its own logger */
        return;
    }
    mli_os_mutex_lock(&core->sink_lock);
    atomic_store_explicit(&core->in_sink, self, memory_order_relaxed);
    if (core->sink.write != NULL) {
        core->sink.write(core->sink.user, line);
        if (!counted)
            count_line(&core->sink_lines);
    }
    atomic_store_explicit(&core->in_sink, 0, memory_order_relaxed);
    mli_os_mutex_unlock(&core->sink_lock);
}

void mli_log_emit(mli_log_core *core, const modellab_logger *logger,
                  const modellab_log_record *record)
{
    char text[MLI_LOG_LINE_BYTES];
    const mli_os_clock *clock = core->world.clock;
    const char *site = record->site != NULL ? record->site : record->event;
    mli_log_stamp stamp = {.time_ns = clock->realtime_ns(clock->user),
                           .ids = mli_buf_text(&logger->ids),
                           .ids_bytes = logger->ids.size,
                           .process = mli_buf_text(&logger->process),
                           .process_bytes = logger->process.size,
                           .root = core->root != NULL ? core->root : "",
                           .key = core->key};
    if (!mli_log_rate_take(&core->rate, site != NULL ? site : "log", stamp.time_ns,
                           &stamp.suppressed)) {
        atomic_fetch_add_explicit(&core->suppressed, 1, memory_order_relaxed);
        return;
    }
    stamp.seq = atomic_fetch_add_explicit(&core->seq, 1, memory_order_relaxed) + 1;
    size_t bytes = mli_log_format(text, &stamp, record);
    bool written = core->has_file && write_file(core, text, bytes, stamp.time_ns);
    if (record->level >= atomic_load_explicit(&core->sink_level, memory_order_relaxed)) {
        text[bytes - 1] = '\0'; /* without the line end */
        modellab_log_line line = {.size = sizeof line,
                                  .level = record->level,
                                  .event = record->event != NULL ? record->event : "log",
                                  .text = text,
                                  .text_bytes = bytes - 1,
                                  .time_ns = stamp.time_ns,
                                  .seq = stamp.seq};
        call_sink(core, &line, written);
    }
}
