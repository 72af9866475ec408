/* modellab_health: checks of a lab. */
#include "lab/health.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/doctor.h"

const char *modellab_health_state_name(modellab_health_state state)
{
    return mli_health_state_name(state);
}

void modellab_health_options_init(modellab_health_options *options, size_t size)
{
    static const modellab_health_options init = MODELLAB_HEALTH_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_health_run(modellab_lab *lab, modellab_health_level level,
                                    modellab_health **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    return status == MODELLAB_OK ? mli_health_run(lab, level, out, err) : status;
}

modellab_status modellab_health_look(modellab_lab *lab, const modellab_health_options *options,
                                     modellab_health **out, modellab_error *err)
{
    modellab_health_options given = MODELLAB_HEALTH_OPTIONS_INIT;
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK) {
        status = mli_sized_in(&given, sizeof given,
                              MLI_SIZE_UP_TO(modellab_health_options, reserved), options, err);
    }
    return status == MODELLAB_OK ? mli_health_look(lab, &given, out, err) : status;
}

void modellab_health_unref(modellab_health *health)
{
    mli_health_unref(health);
}

modellab_health_state modellab_health_get_state(const modellab_health *health)
{
    return health == NULL ? MODELLAB_HEALTH_CRITICAL : mli_health_state(health);
}

size_t modellab_health_check_count(const modellab_health *health)
{
    return health == NULL ? 0 : health->count;
}

modellab_status modellab_health_check_at(const modellab_health *health, size_t index,
                                         modellab_health_check_info *out, modellab_error *err)
{
    modellab_health_check_info full = {.size = sizeof full};

    if (health == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    if (index >= health->count) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no check with this index");
    }
    full.name = health->checks[index].name;
    full.message = health->checks[index].message;
    full.state = health->checks[index].state;
    full.is_late = health->checks[index].is_late;
    full.milliseconds = health->checks[index].milliseconds;
    full.age_ms = health->checks[index].age_ms;
    return mli_sized_out(out, &full, sizeof full,
                         MLI_SIZE_UP_TO(modellab_health_check_info, milliseconds), err);
}

modellab_status modellab_doctor_run(const char *root, const modellab_lab_options *options,
                                    modellab_report **out, modellab_error *err)
{
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    return mli_doctor_run(root, options, out, err);
}
