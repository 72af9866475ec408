/* Writing the lines of a background task. */
#include "log/task.h"

#include "base/error.h"
#include "base/status.h"
#include "os/locale.h"
#include <string.h>

#define FIELDS_MOST 16

const char *mli_task_name(mli_task_kind kind)
{
    static const char *const names[MLI_TASK_KINDS] = {
#define MLI_TASK_NAME_(name, text) text,
        MLI_TASK_LIST(MLI_TASK_NAME_)
#undef MLI_TASK_NAME_
    };
    return kind >= 0 && kind < MLI_TASK_KINDS ? names[kind] : "task";
}

/* The task's own fields first, then the caller's. */
static void say(const mli_task *task, modellab_log_level level, const char *what,
                const char *message, const modellab_log_field *own, size_t own_count,
                const modellab_log_field *fields, size_t count)
{
    modellab_log_field all[FIELDS_MOST] = {mli_log_string("task_id", task->id)};
    char event[48];
    size_t n = 1;
    for (size_t i = 0; i < own_count && n < FIELDS_MOST; i++) {
        all[n++] = own[i];
    }
    for (size_t i = 0; i < count && n < FIELDS_MOST; i++) {
        all[n++] = fields[i];
    }
    (void)mli_os_format(event, sizeof event, "%s.%s", mli_task_name(task->kind), what);
    mli_log(task->log, level, event, message, all, n);
}

void mli_task_begin(mli_task *task, mli_task_kind kind, modellab_logger *log,
                    modellab_log_level level, const mli_os_clock *clock,
                    const mli_os_random *random, const modellab_log_field *fields, size_t count)
{
    *task = (mli_task){.log = log,
                       .clock = clock != NULL ? clock : &mli_os_system_clock,
                       .kind = kind,
                       .level = level};
    random = random != NULL ? random : &mli_os_system_random;
    if (mli_ulid_new(task->clock, random, task->id) != 0) {
        task->id[0] = '\0'; /* the lines of the task go out all the same */
    }
    task->started_ns = task->clock->monotonic_ns(task->clock->user);
    say(task, level, "started", "", NULL, 0, fields, count);
}

void mli_task_progress(const mli_task *task, const char *message, const modellab_log_field *fields,
                       size_t count)
{
    say(task, task->level, "progress", message, NULL, 0, fields, count);
}

void mli_task_end(const mli_task *task, modellab_status status, const modellab_error *err,
                  const modellab_log_field *fields, size_t count)
{
    double took = (double)(task->clock->monotonic_ns(task->clock->user) - task->started_ns) / 1e9;
    bool has_words = err != NULL && err->code == status && err->message[0] != '\0';
    const modellab_log_field own[] = {
        mli_log_real("seconds", took), mli_log_string("status", mli_status_name(status)),
        mli_log_string("error", has_words ? err->message : mli_status_text(status)),
        mli_log_int("os_error", err != NULL ? err->os_error : 0)};
    if (status == MODELLAB_OK) {
        say(task, task->level, "completed", "", own, 1, fields, count);
    } else if (status == MODELLAB_E_CANCELLED) {
        say(task, MODELLAB_LOG_WARN, "cancelled", "", own, 4, fields, count);
    } else {
        say(task, MODELLAB_LOG_ERROR, "failed", "", own, 4, fields, count);
    }
}
