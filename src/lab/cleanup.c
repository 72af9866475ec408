/* The public cleanup: a whole pass of retention, then the leftovers. */
#include "base/error.h"
#include "lab/leftovers.h"
#include "lab/retention.h"
#include "lab/state.h"
#include "log/logger.h"

#define PORTION 100
#define TELL_EVERY 1000 /* runs */
#define GRACE_MS ((int64_t)3600 * 1000)

static int32_t parts_of(int32_t what)
{
    return ((what & MODELLAB_CLEANUP_RUNS) != 0 ? MLI_PART_RUN : 0) |
           ((what & MODELLAB_CLEANUP_INPUTS) != 0 ? MLI_PART_INPUT : 0) |
           ((what & MODELLAB_CLEANUP_ARTIFACTS) != 0 ? MLI_PART_ARTIFACTS : 0);
}

static modellab_status check(const modellab_cleanup_options *o, int32_t what, modellab_error *err)
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

static void tell(const mli_retention *pass, modellab_log_level level, const char *event)
{
    const modellab_cleanup_result *r = &pass->result;
    mli_log(
        pass->lab->logger, level, event, "",
        MLI_LOG_FIELDS(mli_log_int("looked_at", pass->looked_at), mli_log_int("runs", r->runs),
                       mli_log_int("kept", r->kept), mli_log_int("failed", r->failed),
                       mli_log_int("bytes", r->input_bytes + r->artifact_bytes + r->other_bytes),
                       mli_log_bool("dry_run", pass->rule.dry_run)));
}

static modellab_status take_runs(mli_retention *pass, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    int64_t told = 0;
    while (status == MODELLAB_OK && !pass->done) {
        status = mli_retention_step(pass, PORTION, err);
        if (pass->looked_at - told >= TELL_EVERY) {
            told = pass->looked_at;
            tell(pass, MODELLAB_LOG_INFO, "cleanup.progress");
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
    modellab_status status = mli_lab_check(lab, !rule.dry_run, err);
    if (status == MODELLAB_OK) {
        status = check(options, what, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_retention_begin(&pass, lab, &rule, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    tell(&pass, MODELLAB_LOG_INFO, "cleanup.started");
    if (rule.parts != 0) {
        status = take_runs(&pass, err);
    }
    if (status == MODELLAB_OK && (what & MODELLAB_CLEANUP_LEFTOVERS) != 0) {
        status = mli_leftovers_remove(lab, options->grace_ms > 0 ? options->grace_ms : GRACE_MS,
                                      rule.dry_run, &pass.result, err);
    }
    *result = pass.result;
    if (status == MODELLAB_OK) {
        tell(&pass, MODELLAB_LOG_INFO, "cleanup.completed");
    } else {
        mli_log_error(lab->logger, MODELLAB_LOG_ERROR, "cleanup.failed",
                      "what was begun is completed by the next one", status, err);
    }
    mli_retention_end(&pass);
    return status;
}
