/* Caps of users by name, and those of the configuration. */
#include "lab/user_caps.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/wake.h"
#include "track/price.h"
#include <string.h>

#define USER_BYTES 512

static bool read_seconds_ms(const char *text, int64_t *out)
{
    double seconds;
    if (mli_parse_f64(text, &seconds)) {
        *out = seconds >= 0 && seconds < 9e15 ? (int64_t)(seconds * 1000.0) : -1;
        return *out >= 0;
    }
    return mli_parse_duration_ms(text, out) && *out >= 0;
}

static bool read_value(int32_t measure, const char *text, int64_t *out)
{
    if (strcmp(text, "none") == 0) {
        *out = -1;
        return true;
    }
    switch (measure) {
    case MLI_MEASURE_COST_MICROS:
        return mli_decimal_parse(text, 6, out);
    case MLI_MEASURE_PEAK_BYTES:
        return mli_parse_bytes(text, out) && *out > 0;
    case MLI_MEASURE_API_CALLS:
    case MLI_MEASURE_RUNS:
        return mli_parse_i64(text, 0, INT64_MAX, out);
    default:
        return read_seconds_ms(text, out);
    }
}

modellab_status mli_user_cap_parse(const char *measure, const char *period, const char *value,
                                   mli_cap *out, modellab_error *err)
{
    *out = (mli_cap){0, 0, -1};
    if (!mli_measure_parse(measure, &out->measure)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no measure %.40s (there are cpu_seconds, gpu_seconds, "
                        "audio_seconds, api_calls, cost, runs, peak_memory_bytes, wall_seconds)",
                        measure);
    }
    if (!mli_period_parse(period, &out->period)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no period %.40s (there are run, hour, day, month)", period);
    }
    if (!mli_measure_valid(out->measure, out->period)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s has no cap of a %s", measure, period);
    }
    if (value != NULL && !read_value(out->measure, value, &out->value)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the value of the cap is not valid");
    }
    /* A run that may take nothing at all is no run: its caps are above 0. */
    if (value != NULL && out->value == 0 && out->period == MLI_PERIOD_RUN) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a cap of each run is greater than 0");
    }
    return MODELLAB_OK;
}

modellab_status mli_user_cap_set(mli_lab *lab, const char *user, const mli_cap *cap,
                                 modellab_error *err)
{
    if (strlen(user) > USER_BYTES || !mli_utf8_valid(user, strlen(user))) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the user's name is not valid");
    }
    modellab_status status = mli_store_cap_put(lab->store, user, cap, mli_lab_now_ms(lab), err);
    if (status == MODELLAB_OK) {
        mli_wake_supervisors(lab); /* who waited for it may start now */
    }
    return status;
}

modellab_status mli_user_cap_remove(mli_lab *lab, const char *user, const mli_cap *cap,
                                    modellab_error *err)
{
    modellab_status status = mli_store_cap_remove(lab->store, user, cap, err);
    if (status == MODELLAB_OK) {
        mli_wake_supervisors(lab);
    }
    return status;
}

double mli_user_cap_amount(int32_t measure, int64_t amount)
{
    if (amount < 0) {
        return -1.0;
    }
    switch (measure) {
    case MLI_MEASURE_CPU_MS:
    case MLI_MEASURE_GPU_MS:
    case MLI_MEASURE_AUDIO_MS:
    case MLI_MEASURE_WALL_MS:
        return (double)amount / 1e3;
    case MLI_MEASURE_COST_MICROS:
        return (double)amount / 1e6;
    default:
        return (double)amount;
    }
}

MODELLAB_MUST_CHECK static modellab_status
count_use(const mli_lab *lab, modellab_user_cap_list *list, modellab_error *err)
{
    int64_t hour = mli_lab_now_ms(lab) / MLI_MS_PER_HOUR;
    for (size_t i = 0; i < list->caps->count; i++) {
        const mli_cap_row *row = &list->caps->rows[i];
        mli_usage usage;
        int64_t from, to;
        list->use[i] = (mli_user_cap_use){-1, -1};
        if (row->cap.period == MLI_PERIOD_RUN || strcmp(row->user, "*") == 0) {
            continue;
        }
        mli_period_bounds((mli_period)row->cap.period, hour, &from, &to);
        modellab_status status = mli_store_usage(lab->store, row->user, from, to, &usage, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        list->use[i].used = usage.used.of[row->cap.measure];
        list->use[i].held = usage.held.of[row->cap.measure];
    }
    return MODELLAB_OK;
}

modellab_status mli_user_cap_list_load(mli_lab *lab, const char *user, modellab_user_cap_list **out,
                                       modellab_error *err)
{
    modellab_user_cap_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->lab = mli_lab_ref(lab);
    list->alloc = lab->alloc;
    modellab_status status = mli_store_cap_list(lab->store, user, &list->caps, err);
    if (status == MODELLAB_OK && list->caps->count > 0) {
        list->use = mli_alloc_array(lab->alloc, list->caps->count, sizeof *list->use);
        status = list->use == NULL ? mli_no_memory(err) : count_use(lab, list, err);
    }
    if (status != MODELLAB_OK) {
        mli_user_cap_list_unref(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

void mli_user_cap_list_unref(modellab_user_cap_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;
        mli_cap_list_free(list->caps);
        mli_free(list->alloc, list->use);
        mli_free(list->alloc, list);
        mli_lab_unref(lab);
    }
}

MODELLAB_MUST_CHECK static modellab_status configured(mli_lab *lab, const char *variable,
                                                      int32_t measure, modellab_error *err)
{
    char *text = NULL;
    mli_store *store = lab->store;
    mli_cap cap = {measure, MLI_PERIOD_DAY, -1};
    modellab_status status = mli_config_get(lab->alloc, variable, &text, NULL, err);
    if (status == MODELLAB_OK && text != NULL && text[0] != '\0') {
        if (!read_value(measure, text, &cap.value)) {
            status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is not valid", variable);
        } else if (cap.value >= 0 && store->cap_default_count < MLI_CAP_DEFAULTS_MOST) {
            store->cap_defaults[store->cap_default_count++] = cap;
        }
    }
    mli_free(lab->alloc, text);
    return status;
}

modellab_status mli_user_caps_configure(mli_lab *lab, modellab_error *err)
{
    modellab_status status =
        configured(lab, "MODEL_LAB_CAP_USER_DAY_COST", MLI_MEASURE_COST_MICROS, err);
    if (status == MODELLAB_OK) {
        status = configured(lab, "MODEL_LAB_CAP_USER_DAY_CPU_SECONDS", MLI_MEASURE_CPU_MS, err);
    }
    return status == MODELLAB_OK
               ? configured(lab, "MODEL_LAB_CAP_USER_DAY_RUNS", MLI_MEASURE_RUNS, err)
               : status;
}
