/* The supervisor's public functions. */
#include <modellab/supervisor.h>

#include "base/error.h"
#include "base/sized.h"
#include "lab/supervisor.h"
#include <string.h>

void modellab_supervisor_options_init(modellab_supervisor_options *options, size_t size)
{
    const modellab_supervisor_options init = MODELLAB_SUPERVISOR_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_supervisor_create(modellab_lab *lab,
                                           const modellab_supervisor_options *options,
                                           modellab_supervisor **out, modellab_error *err)
{
    modellab_supervisor_options o = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (lab == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab must not be NULL");
    }
    modellab_status status = mli_sized_in(
        &o, sizeof(o), MLI_SIZE_UP_TO(modellab_supervisor_options, notify_service), options, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (o.max_workers < 0 || o.threads_per_worker < 0 || o.cancel_grace_ms < 0 ||
        o.kill_grace_ms < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "numbers of options must not be negative");
    }
    return mli_supervisor_create(lab, &o, out, err);
}

modellab_status modellab_supervisor_start(modellab_supervisor *supervisor, modellab_error *err)
{
    if (supervisor == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "supervisor must not be NULL");
    }
    return mli_supervisor_start(supervisor, err);
}

int32_t modellab_supervisor_get_pollfd(const modellab_supervisor *supervisor)
{
    return mli_supervisor_pollfd(supervisor);
}

modellab_status modellab_supervisor_step(modellab_supervisor *supervisor, int64_t timeout_ms,
                                         int64_t *next_ms, modellab_error *err)
{
    if (supervisor == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "supervisor must not be NULL");
    }
    if (mli_supervisor_pollfd(supervisor) < 0) {
        return mli_fail(err, MODELLAB_E_STATE,
                        "the supervisor was started: it steps in a thread of its own");
    }
    return mli_supervisor_step(supervisor, timeout_ms, next_ms, err);
}

int32_t modellab_supervisor_active_count(const modellab_supervisor *supervisor)
{
    return mli_supervisor_active_count(supervisor);
}

modellab_status modellab_supervisor_drain(modellab_supervisor *supervisor, int64_t deadline_ms,
                                          modellab_drain_result *result, modellab_error *err)
{
    modellab_drain_result done = {sizeof(done), 0, 0, 0, 0};
    if (supervisor == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "supervisor must not be NULL");
    }
    modellab_status status = mli_supervisor_drain(supervisor, deadline_ms, &done, err);
    if (result != NULL) {
        modellab_status copied = mli_sized_out(result, &done, sizeof(done),
                                               MLI_SIZE_UP_TO(modellab_drain_result, killed),
                                               status == MODELLAB_OK ? err : NULL);
        status = status == MODELLAB_OK ? copied : status;
    }
    return status;
}

void modellab_supervisor_destroy(modellab_supervisor *supervisor)
{
    mli_supervisor_destroy(supervisor);
}
