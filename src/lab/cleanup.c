/* The public cleanup: a whole pass of retention, then the leftovers. */
#include "base/error.h"
#include "lab/leftovers.h"
#include "lab/retention.h"
#include "lab/state.h"
#include "log/task.h"

#define PORTION 100
#define TELL_EVERY 1000 /* runs */
#define GRACE_MS ((int64_t)3600 * 1000)

static int32_t parts_of(int32_t what)
{
    return ((what & MODELLAB_CLEANUP_RUNS) != 0 ? MLI_PART_RUN : 0) |
           ((what & MODELLAB_CLEANUP_INPUTS) != 0 ? MLI_PART_INPUT : 0) |
           ((what & MODELLAB_CLEANUP_ARTIFACTS) != 0 ? MLI_PART_ARTIFACTS : 0);
}

MODELLAB_MUST_CHECK static modellab_status check(const modellab_cleanup_options *o, int32_t what,
                                                 modellab_error *err)
{
    const int32_t all = MODELLAB_CLEANUP_RUNS | MODELLAB_CLEANUP_INPUTS |
                        MODELLAB_CLEANUP_ARTIFACTS | MODELLAB_CLEANUP_LEFTOVERS;
    if ((what & ~all) != 0 || o->older_than_ms < -1 || o->keep_runs < -1 || o->keep_bytes < -1 ||
        o->grace_ms < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not options of a cleanup");
    }
    if (o->status != 0 && !mli_status_is_final(o->status)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "runs that have not ended are never taken away");
    }
    /* to take everything away must be said, not forgotten */
    if (parts_of(what) != 0 && o->older_than_ms < 0 && o->keep_runs < 0 && o->keep_bytes < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "say which runs are to go: by age, by number or by size");
    }
    return MODELLAB_OK;
}

#define RESULT_OF(pass)                                                                            \
    MLI_LOG_FIELDS(                                                                                \
        mli_log_int("looked_at", (pass)->looked_at), mli_log_int("runs", (pass)->result.runs),     \
        mli_log_int("kept", (pass)->result.kept), mli_log_int("failed", (pass)->result.failed),    \
        mli_log_int("bytes", (pass)->result.input_bytes + (pass)->result.artifact_bytes +          \
                                 (pass)->result.other_bytes))

MODELLAB_MUST_CHECK static modellab_status take_runs(mli_retention *pass, const mli_task *task,
                                                     modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    int64_t told = 0;
    while (status == MODELLAB_OK && !pass->done) {
        status = mli_retention_step(pass, PORTION, err);
        if (pass->looked_at - told >= TELL_EVERY) {
            told = pass->looked_at;
            mli_task_progress(task, "", RESULT_OF(pass));
        }
    }
    return status;
}

modellab_status mli_lab_cleanup(mli_lab *lab, const modellab_cleanup_options *options,
                                modellab_cleanup_result *result, modellab_error *err)
{
    int32_t what = options->what == 0 ? MODELLAB_CLEANUP_RUNS : options->what;
    mli_retention_rule rule = {.older_than_ms = options->older_than_ms,
                               .keep_runs = options->keep_runs,
                               .keep_bytes = options->keep_bytes,
                               .status = options->status,
                               .user = options->user,
                               .parts = parts_of(what),
                               .dry_run = options->dry_run != 0};
    mli_retention pass;
    mli_task task;
    modellab_status status = mli_lab_check(lab, !rule.dry_run, err);
    if (status == MODELLAB_OK) {
        status = check(options, what, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_task_begin(
        &task, MLI_TASK_CLEANUP, lab->logger, MODELLAB_LOG_INFO, lab->os.clock, lab->os.random,
        MLI_LOG_FIELDS(mli_log_bool("dry_run", rule.dry_run), mli_log_int("what", (int64_t)what)));
    status = mli_retention_begin(&pass, lab, &rule, err);
    if (status != MODELLAB_OK) {
        mli_task_end(&task, status, err, NULL, 0);
        return status;
    }
    if (rule.parts != 0) {
        status = take_runs(&pass, &task, err);
    }
    if (status == MODELLAB_OK && (what & MODELLAB_CLEANUP_LEFTOVERS) != 0) {
        status = mli_leftovers_remove(lab, options->grace_ms > 0 ? options->grace_ms : GRACE_MS,
                                      rule.dry_run, &pass.result, err);
    }
    *result = pass.result;
    mli_task_end(&task, status, err, RESULT_OF(&pass));
    mli_retention_end(&pass);
    return status;
}
