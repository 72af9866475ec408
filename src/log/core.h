/* Inside of a logger: the core, shared by a logger and its children, holds sinks, limits and
 * counters. */
#ifndef MLI_LOG_CORE_H
#define MLI_LOG_CORE_H

#include "base/buf.h"
#include "log/file_sink.h"
#include "log/logger.h"
#include "log/rate.h"
#include "os/thread.h"

typedef struct mli_log_core {
    _Atomic int64_t refs;
    modellab_allocator alloc;
    mli_logger_world world;
    _Atomic int32_t level;      /* threshold that was asked for */
    _Atomic int32_t sink_level; /* of the callback; OFF without one */
    bool has_file;
    mli_os_mutex file_lock, sink_lock;
    _Atomic uintptr_t in_sink; /* the thread that is in the callback, 0 = none */
    mli_log_file file;
    modellab_log_sink sink;
    modellab_logger *forward; /* referenced */
    char *root;
    unsigned char key[32];
    _Atomic int64_t seq, suppressed, failed;
    _Atomic int64_t dropped_told; /* of the two, together */
    /* Lines to the file, and to the callback alone: each is written under the lock of its sink. */
    _Atomic int64_t file_lines, sink_lines;
    _Atomic int32_t last_error;
    mli_log_rate rate;
} mli_log_core;

struct modellab_logger {
    _Atomic int64_t refs;
    mli_log_core *core;
    char run_id[129], request_id[129], trace_id[129], span_id[129];
    int64_t attempt;
    mli_buf ids, process; /* parts of each line, as JSON */
};

/* Formats and writes one line of `logger` to the sinks of `core` (its own, or one it forwards to).
 */
void mli_log_emit(mli_log_core *core, const modellab_logger *logger,
                  const modellab_log_record *record);

static inline bool mli_log_core_enabled(const mli_log_core *core, modellab_log_level level)
{
    if (level < atomic_load_explicit(&core->level, memory_order_relaxed))
        return false;
    return core->has_file || level >= atomic_load_explicit(&core->sink_level, memory_order_relaxed);
}

#endif
