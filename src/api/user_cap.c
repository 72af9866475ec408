/* modellab_user_cap: caps of users. */
#include "base/error.h"
#include "base/sized.h"
#include "lab/user_caps.h"

MODELLAB_MUST_CHECK static modellab_status names(const char *user, const char *measure,
                                                 const char *period, modellab_error *err)
{
    return user != NULL && measure != NULL && period != NULL
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "user, measure and period must not be NULL");
}

modellab_status modellab_user_cap_set(modellab_lab *lab, const char *user, const char *measure,
                                      const char *period, const char *value, modellab_error *err)
{
    mli_cap cap;
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK) {
        status = names(user, measure, period, err);
    }
    if (status == MODELLAB_OK && value == NULL) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "value must not be NULL");
    }
    if (status == MODELLAB_OK) {
        status = mli_user_cap_parse(measure, period, value, &cap, err);
    }
    return status == MODELLAB_OK ? mli_user_cap_set(lab, user, &cap, err) : status;
}

modellab_status modellab_user_cap_remove(modellab_lab *lab, const char *user, const char *measure,
                                         const char *period, modellab_error *err)
{
    mli_cap cap;
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK) {
        status = names(user, measure, period, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_user_cap_parse(measure, period, NULL, &cap, err);
    }
    return status == MODELLAB_OK ? mli_user_cap_remove(lab, user, &cap, err) : status;
}

modellab_status modellab_user_cap_list_load(modellab_lab *lab, const char *user,
                                            modellab_user_cap_list **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    return status == MODELLAB_OK ? mli_user_cap_list_load(lab, user, out, err) : status;
}

void modellab_user_cap_list_unref(modellab_user_cap_list *list)
{
    mli_user_cap_list_unref(list);
}

size_t modellab_user_cap_list_count(const modellab_user_cap_list *list)
{
    return list == NULL ? 0 : list->caps->count;
}

modellab_status modellab_user_cap_list_at(const modellab_user_cap_list *list, size_t index,
                                          modellab_user_cap *out, modellab_error *err)
{
    modellab_user_cap full = {.size = sizeof full};

    if (list == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    if (index >= list->caps->count) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no cap with this index");
    }
    const mli_cap_row *row = &list->caps->rows[index];
    full.user = row->user;
    full.measure = mli_measure_name(row->cap.measure);
    full.period = mli_period_name(row->cap.period);
    full.value = mli_user_cap_amount(row->cap.measure, row->cap.value);
    full.used = mli_user_cap_amount(row->cap.measure, list->use[index].used);
    full.held = mli_user_cap_amount(row->cap.measure, list->use[index].held);
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_user_cap, held), err);
}
