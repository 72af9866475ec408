/* Retention by settings: a supervisor takes old runs away once in a while, a few in each round, so
 * that deadlines and cancels never wait for it. */
#include "base/error.h"
#include "lab/supervisor_private.h"
#include "log/logger.h"

#define NS_PER_S ((int64_t)1000000000)
#define FIRST_AFTER_S 10
#define EVERY_S 3600
#define RUNS_A_ROUND 2

static void tell(const mli_supervisor *s, const char *event)
{
    const mli_retention *pass = &s->retention;
    const modellab_cleanup_result *r = &pass->result;
    mli_log(
        s->lab->logger, MODELLAB_LOG_INFO, event, "",
        MLI_LOG_FIELDS(mli_log_int("looked_at", pass->looked_at), mli_log_int("runs", r->runs),
                       mli_log_int("kept", r->kept), mli_log_int("failed", r->failed),
                       mli_log_int("bytes", r->input_bytes + r->artifact_bytes + r->other_bytes)));
}

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
    if (s->retaining) {
        tell(s, "retention.started");
    } else if (status != MODELLAB_E_BUSY) { /* busy: somebody else does it now */
        mli_log_error(s->lab->logger, MODELLAB_LOG_WARN, "retention.failed",
                      "it will be tried again", status, &err);
    }
}

static void go_on(mli_supervisor *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t before = s->retention.result.runs;
    modellab_status status = mli_retention_step(&s->retention, RUNS_A_ROUND, &err);
    if (status != MODELLAB_OK) {
        mli_log_error(s->lab->logger, MODELLAB_LOG_WARN, "retention.failed",
                      "it will be tried again", status, &err);
    } else if (s->retention.done) {
        tell(s, "retention.completed");
    } else if (s->retention.result.runs / 100 > before / 100) {
        tell(s, "retention.progress");
    }
    if (status != MODELLAB_OK || s->retention.done) {
        mli_supervisor_retention_stop(s);
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
        mli_retention_end(&s->retention);
        s->retaining = false;
    }
}
