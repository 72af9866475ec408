/* Periods, names and the comparison of the ledger: pure. */
#include "store/ledger.h"

#include "base/checked.h"
#include "base/str.h"
#include "os/locale.h"
#include <math.h>
#include <string.h>

static const char *const measure_names[MLI_MEASURE_END] = {
    "",     "cpu_seconds", "gpu_seconds",       "audio_seconds", "api_calls",
    "cost", "runs",        "peak_memory_bytes", "wall_seconds"};
static const char *const period_names[MLI_PERIOD_END] = {"", "run", "hour", "day", "month"};

const char *mli_measure_name(int32_t measure)
{
    return measure > 0 && measure < MLI_MEASURE_END ? measure_names[measure] : "";
}

const char *mli_period_name(int32_t period)
{
    return period > 0 && period < MLI_PERIOD_END ? period_names[period] : "";
}

static bool find(const char *const *names, int32_t end, const char *name, int32_t *out)
{
    for (int32_t i = 1; i < end; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool mli_measure_parse(const char *name, int32_t *out)
{
    return find(measure_names, MLI_MEASURE_END, name, out);
}

bool mli_period_parse(const char *name, int32_t *out)
{
    return find(period_names, MLI_PERIOD_END, name, out);
}

bool mli_measure_valid(int32_t measure, int32_t period)
{
    if (measure <= 0 || measure >= MLI_MEASURE_END || period <= 0 || period >= MLI_PERIOD_END) {
        return false;
    }
    if (measure == MLI_MEASURE_PEAK_BYTES || measure == MLI_MEASURE_WALL_MS) {
        return period == MLI_PERIOD_RUN;
    }
    return period != MLI_PERIOD_RUN ||
           (measure != MLI_MEASURE_RUNS && measure != MLI_MEASURE_GPU_MS);
}

/* Days since 1970-01-01 of the first of a month (proleptic Gregorian calendar). */
static int64_t days_of_month(int64_t year, int64_t month)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Year and month (1..12) of a day since 1970-01-01. */
static void month_of_day(int64_t day, int64_t *year, int64_t *month)
{
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = years + era * 400 + (*month <= 2 ? 1 : 0);
}

void mli_period_bounds(mli_period period, int64_t hour, int64_t *from, int64_t *to)
{
    int64_t day = hour >= 0 ? hour / 24 : (hour - 23) / 24;
    int64_t year, month;
    switch (period) {
    case MLI_PERIOD_DAY:
        *from = day * 24;
        *to = *from + 24;
        return;
    case MLI_PERIOD_MONTH:
        month_of_day(day, &year, &month);
        *from = days_of_month(year, month) * 24;
        *to = (month == 12 ? days_of_month(year + 1, 1) : days_of_month(year, month + 1)) * 24;
        return;
    default:
        *from = hour;
        *to = hour + 1;
    }
}

void mli_cap_set_add(mli_cap_set *set, const mli_cap *cap)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->caps[i].measure == cap->measure && set->caps[i].period == cap->period) {
            return;
        }
    }
    if (set->count < MLI_CAPS_MOST && mli_measure_valid(cap->measure, cap->period)) {
        set->caps[set->count++] = *cap;
    }
}

int64_t mli_cap_set_value(const mli_cap_set *set, mli_measure measure, mli_period period)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->caps[i].measure == (int32_t)measure && set->caps[i].period == (int32_t)period) {
            return set->caps[i].value;
        }
    }
    return -1;
}

/* GPU time is not known before: one millisecond at least must be left. */
static int64_t needed(const mli_cap *cap, const mli_amounts *need)
{
    int64_t n = need->of[cap->measure];
    return n == 0 && cap->measure == MLI_MEASURE_GPU_MS && cap->value > 0 ? 1 : n;
}

bool mli_cap_fits(const mli_cap *cap, const mli_usage *usage, const mli_amounts *need)
{
    int64_t n = needed(cap, need), sum;
    if (cap->value < 0 || n <= 0) {
        return true;
    }
    return !mli_add_overflow(usage->used.of[cap->measure], usage->held.of[cap->measure], &sum) &&
           !mli_add_overflow(sum, n, &sum) && sum <= cap->value;
}

void mli_cap_refuse(const mli_cap *cap, const mli_usage *usage, const mli_amounts *need,
                    int64_t period_end_hour, mli_cap_verdict *out)
{
    int64_t n = needed(cap, need), alone;
    *out = (mli_cap_verdict){.measure = cap->measure,
                             .period = cap->period,
                             .value = cap->value,
                             .used = usage->used.of[cap->measure],
                             .held = usage->held.of[cap->measure],
                             .need = n,
                             .never = n > cap->value};
    if (mli_add_overflow(out->used, n, &alone) || alone > cap->value) {
        out->until_ms = period_end_hour * MLI_MS_PER_HOUR;
    }
}

void mli_cap_amount_text(int32_t measure, int64_t amount, char *out, size_t capacity)
{
    double unit = 1.0;
    switch (measure) {
    case MLI_MEASURE_CPU_MS:
    case MLI_MEASURE_GPU_MS:
    case MLI_MEASURE_AUDIO_MS:
    case MLI_MEASURE_WALL_MS:
        unit = 1e3;
        break;
    case MLI_MEASURE_COST_MICROS:
        unit = 1e6;
        break;
    default:
        break;
    }
    (void)mli_format_f64(out, capacity, (double)amount / unit); /* 40 bytes hold any */
}

void mli_cap_verdict_text(const mli_cap_verdict *v, char *out, size_t capacity)
{
    char need[40], value[40], used[40], held[40];
    mli_cap_amount_text(v->measure, v->need, need, sizeof need);
    mli_cap_amount_text(v->measure, v->value, value, sizeof value);
    mli_cap_amount_text(v->measure, v->used, used, sizeof used);
    mli_cap_amount_text(v->measure, v->held, held, sizeof held);
    (void)mli_os_format(out, capacity,
                        "The user's cap of %s a %s is %s: %s used, %s held by running runs, %s "
                        "needed.",
                        mli_measure_name(v->measure), mli_period_name(v->period), value, used, held,
                        need);
}

int64_t mli_seconds_to_ms_up(double seconds)
{
    double ms = ceil(seconds * 1000.0 - 1e-6);
    if (!(ms > 0.0)) {
        return 0;
    }
    return ms >= 9.0e18 ? INT64_MAX : (int64_t)ms;
}
