/* Retention by settings: a supervisor takes old runs away once in a while, a few in each round, so
 * that deadlines and cancels never wait for it. */
#include "base/error.h"
#include "lab/supervisor_private.h"

#define NS_PER_S ((int64_t)1000000000)
#define FIRST_AFTER_S 10
#define EVERY_S 3600
#define RUNS_A_ROUND 2

#define RESULT_OF(pass)                                                                            \
    MLI_LOG_FIELDS(                                                                                \
        mli_log_int("looked_at", (pass)->looked_at), mli_log_int("runs", (pass)->result.runs),     \
        mli_log_int("kept", (pass)->result.kept), mli_log_int("failed", (pass)->result.failed),    \
        mli_log_int("bytes", (pass)->result.input_bytes + (pass)->result.artifact_bytes +          \
                                 (pass)->result.other_bytes))

static void begin(mli_supervisor *s)
{
    const mli_lab_settings *settings = &s->lab->settings;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_retention_rule rule = {
        .older_than_ms = settings->retention_ms > 0 ? settings->retention_ms : -1,
        .keep_runs = -1,
        .keep_bytes = settings->retention_max_bytes > 0 ? settings->retention_max_bytes : -1,
        .parts = MLI_PART_RUN};
    modellab_status status = mli_retention_begin(&s->retention, s->lab, &rule, &err);
    s->retaining = status == MODELLAB_OK;
    if (status == MODELLAB_E_BUSY) {
        return; /* somebody else does it now */
    }
    mli_task_begin(&s->retention_task, MLI_TASK_RETENTION, s->lab->logger, MODELLAB_LOG_INFO,
                   s->lab->os.clock, s->lab->os.random,
                   MLI_LOG_FIELDS(mli_log_string("supervisor_id", s->presence.id)));
    if (status != MODELLAB_OK) {
        mli_task_end(&s->retention_task, status, &err, NULL, 0);
    }
}

static void go_on(mli_supervisor *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t before = s->retention.result.runs;
    modellab_status status = mli_retention_step(&s->retention, RUNS_A_ROUND, &err);
    if (status != MODELLAB_OK || s->retention.done) {
        mli_task_end(&s->retention_task, status, &err, RESULT_OF(&s->retention));
        mli_retention_end(&s->retention);
        s->retaining = false;
    } else if (s->retention.result.runs / 100 > before / 100) {
        mli_task_progress(&s->retention_task, "", RESULT_OF(&s->retention));
    }
}

void mli_supervisor_retention(mli_supervisor *s, int64_t now, int64_t *next)
{
    const mli_lab_settings *settings = &s->lab->settings;
    if (settings->retention_ms <= 0 && settings->retention_max_bytes <= 0) {
        return;
    }
    if (s->next_retention_ns == 0) {
        s->next_retention_ns = now + FIRST_AFTER_S * NS_PER_S;
    }
    if (!s->retaining && !s->draining && now >= s->next_retention_ns) {
        s->next_retention_ns = now + EVERY_S * NS_PER_S;
        begin(s);
    }
    if (s->retaining) {
        go_on(s);
    }
    int64_t due = s->retaining ? now : s->next_retention_ns;
    *next = due < *next ? due : *next;
}

void mli_supervisor_retention_stop(mli_supervisor *s)
{
    if (s->retaining) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status =
            mli_fail(&err, MODELLAB_E_CANCELLED, "the supervisor left; another one goes on");
        mli_task_end(&s->retention_task, status, &err, RESULT_OF(&s->retention));
        mli_retention_end(&s->retention);
        s->retaining = false;
    }
}
