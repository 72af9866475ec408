/* The log lines of a background task: it started, how it goes on, how it ended. The same shape for
 * every kind, so that a reader finds each end to each start: event "<kind>.started", ".progress",
 * ".completed", ".failed" (with the status and its words) and ".cancelled", each with the task's
 * id, and the ids of its logger (a run's, a request's, a trace's). */
#ifndef MLI_LOG_TASK_H
#define MLI_LOG_TASK_H

#include "base/id.h"
#include "log/logger.h"

/* Every kind has a test of its own in tests/unit/lab/test_tasks.c, which fails when one is missing.
 * The work of a run itself is told by its supervisor and worker ("run.claimed", "step.*",
 * "run.settled"). X(NAME, "name") */
#define MLI_TASK_LIST(X)                                                                           \
    X(PULL, "pull")                                                                                \
    X(MODEL_IMPORT, "model_import")                                                                \
    X(MODEL_VERIFY, "model_verify")                                                                \
    X(RECONCILE, "reconcile")                                                                      \
    X(CLEANUP, "cleanup")                                                                          \
    X(CACHE_CLEAN, "cache_clean")                                                                  \
    X(RETENTION, "retention")                                                                      \
    X(VERIFY, "verify")                                                                            \
    X(BUNDLE, "bundle")                                                                            \
    X(IMPORT, "import")

typedef enum mli_task_kind {
#define MLI_TASK_ENUM_(name, text) MLI_TASK_##name,
    MLI_TASK_LIST(MLI_TASK_ENUM_)
#undef MLI_TASK_ENUM_
        MLI_TASK_KINDS
} mli_task_kind;

typedef struct mli_task {
    modellab_logger *log; /* borrowed; NULL = silent */
    const mli_os_clock *clock;
    mli_task_kind kind;
    modellab_log_level level; /* of all lines but failures */
    char id[MLI_ULID_BYTES];
    int64_t started_ns;
} mli_task;

const char *mli_task_name(mli_task_kind kind);

/* `fields` say what the task works on. `clock` and `random` NULL = the system's. */
void mli_task_begin(mli_task *task, mli_task_kind kind, modellab_logger *log,
                    modellab_log_level level, const mli_os_clock *clock,
                    const mli_os_random *random, const modellab_log_field *fields, size_t count);
void mli_task_progress(const mli_task *task, const char *message, const modellab_log_field *fields,
                       size_t count);
/* `fields` say what came of it. A failure is logged with its status and words. */
void mli_task_end(const mli_task *task, modellab_status status, const modellab_error *err,
                  const modellab_log_field *fields, size_t count);

#endif
