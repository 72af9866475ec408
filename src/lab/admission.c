/* Which runs are accepted, by their own caps and those of their users. */
#include "lab/admission.h"

#include "base/error.h"
#include "os/locale.h"

#define UNSURE 1.5

static int64_t bounded(int64_t amount, int64_t cap)
{
    return cap > 0 && amount > cap ? cap : amount;
}

static int64_t known(int64_t amount)
{
    return amount > 0 ? amount : 0;
}

void mli_admission_needs(const mli_run_caps *caps, const modellab_estimate *e,
                         const mli_remote_forecast *calls, bool safe, bool length_is_known,
                         mli_amounts *need)
{
    double cpu = safe ? e->cpu_seconds_high : e->cpu_seconds;
    int64_t cost = safe ? e->cost_micros_high : e->cost_micros;
    double audio = length_is_known ? e->audio_seconds : e->audio_seconds * UNSURE;
    *need = (mli_amounts){{0}};
    need->of[MLI_MEASURE_CPU_MS] = bounded(mli_seconds_to_ms_up(cpu), caps->cpu_ns / 1000000);
    need->of[MLI_MEASURE_AUDIO_MS] = bounded(mli_seconds_to_ms_up(audio), caps->audio_ms);
    if (caps->api_calls != MLI_CAP_NO_CALLS) { /* more is held when it turns out to need more */
        need->of[MLI_MEASURE_API_CALLS] =
            bounded(safe ? calls->high : calls->expected, caps->api_calls);
    }
    need->of[MLI_MEASURE_COST_MICROS] = bounded(known(cost), caps->cost_micros);
}

void mli_admission_ceilings(const mli_cap_set *set, mli_run_caps *out)
{
    int64_t cpu_ms = known(mli_cap_set_value(set, MLI_MEASURE_CPU_MS, MLI_PERIOD_RUN));
    *out = (mli_run_caps){0};
    out->cpu_ns = cpu_ms > INT64_MAX / 1000000 ? INT64_MAX : cpu_ms * 1000000;
    out->wall_ms = known(mli_cap_set_value(set, MLI_MEASURE_WALL_MS, MLI_PERIOD_RUN));
    out->audio_ms = known(mli_cap_set_value(set, MLI_MEASURE_AUDIO_MS, MLI_PERIOD_RUN));
    out->peak_memory_bytes = known(mli_cap_set_value(set, MLI_MEASURE_PEAK_BYTES, MLI_PERIOD_RUN));
    out->api_calls = known(mli_cap_set_value(set, MLI_MEASURE_API_CALLS, MLI_PERIOD_RUN));
    out->cost_micros = known(mli_cap_set_value(set, MLI_MEASURE_COST_MICROS, MLI_PERIOD_RUN));
}

MODELLAB_MUST_CHECK static modellab_status refuse(mli_findings *report, const char *pointer,
                                                  int32_t cap, const char *text,
                                                  modellab_error *err)
{
    mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "caps.exceeded", pointer, "%s", text);
    return mli_fail_at(err, MODELLAB_E_CAP_EXCEEDED, cap, "%s", text);
}

/* One cap of the run against the three figures of its estimate. */
typedef struct bound {
    const char *pointer, *unit;
    int32_t cap;
    double allowed, low, expected, high;
} bound;

MODELLAB_MUST_CHECK static modellab_status check_bound(const bound *b, bool measured, bool safe,
                                                       mli_findings *report, modellab_error *err)
{
    char text[200];
    if (b->allowed <= 0) {
        return MODELLAB_OK;
    }
    if (measured && b->low > b->allowed) {
        (void)mli_os_format(text, sizeof text,
                            "the run will take at least %.9g %s, its cap is %.9g", b->low, b->unit,
                            b->allowed);
        return refuse(report, b->pointer, b->cap, text, err);
    }
    if (safe && b->high > b->allowed) {
        (void)mli_os_format(text, sizeof text,
                            "the run may take up to %.9g %s, its cap is %.9g, and safe admission "
                            "was asked for",
                            b->high, b->unit, b->allowed);
        return refuse(report, b->pointer, b->cap, text, err);
    }
    if (b->expected > b->allowed) {
        mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "caps.probably_exceeded", b->pointer,
                         "Such a run takes about %.9g %s, the cap is %.9g.", b->expected, b->unit,
                         b->allowed);
    }
    return MODELLAB_OK;
}

modellab_status mli_admission_check_run(const mli_run_caps *caps, const modellab_estimate *e,
                                        bool length_is_known, bool safe, mli_findings *report,
                                        modellab_error *err)
{
    const double ns = 1e9, ms = 1e3;
    const bound bounds[] = {
        {"/caps/audio_seconds", "seconds of audio", MODELLAB_CAP_AUDIO_SECONDS,
         (double)caps->audio_ms / ms, length_is_known ? e->audio_seconds : 0, e->audio_seconds,
         e->audio_seconds},
        {"/caps/cpu_seconds", "CPU seconds", MODELLAB_CAP_CPU_SECONDS, (double)caps->cpu_ns / ns,
         e->cpu_seconds_low, e->cpu_seconds, e->cpu_seconds_high},
        {"/caps/wall_seconds", "seconds", MODELLAB_CAP_WALL_SECONDS, (double)caps->wall_ms / ms, 0,
         e->wall_seconds, e->wall_seconds_high},
        {"/caps/cost_micros", "millionths", MODELLAB_CAP_COST, (double)caps->cost_micros,
         (double)e->cost_micros_low, (double)e->cost_micros, (double)e->cost_micros_high},
    };
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof bounds / sizeof bounds[0]; i++) {
        /* A guess refuses nobody, but the length is no guess. */
        bool measured = i == 0 || e->basis == MODELLAB_ESTIMATE_HISTORY;
        status = check_bound(&bounds[i], measured, safe, report, err);
    }
    return status;
}

/* A guess that is above a whole period's cap: the run gets all there is, and is stopped there. */
static void clamp_guess(const mli_cap_set *set, mli_amounts *need)
{
    for (size_t i = 0; i < set->count; i++) {
        const mli_cap *cap = &set->caps[i];
        bool guessed =
            cap->measure == MLI_MEASURE_CPU_MS || cap->measure == MLI_MEASURE_COST_MICROS;
        if (guessed && cap->period != MLI_PERIOD_RUN && cap->value > 0 &&
            need->of[cap->measure] > cap->value) {
            need->of[cap->measure] = cap->value;
        }
    }
}

static int32_t cap_bit(int32_t measure)
{
    switch (measure) {
    case MLI_MEASURE_CPU_MS:
        return MODELLAB_CAP_CPU_SECONDS;
    case MLI_MEASURE_AUDIO_MS:
        return MODELLAB_CAP_AUDIO_SECONDS;
    case MLI_MEASURE_API_CALLS:
        return MODELLAB_CAP_API_CALLS;
    case MLI_MEASURE_COST_MICROS:
        return MODELLAB_CAP_COST;
    default:
        return 0; /* runs, GPU time: no cap of a request */
    }
}

modellab_status mli_admission_check_user(const mli_lab *lab, const char *user,
                                         const mli_cap_set *caps, bool safe, modellab_estimate *e,
                                         mli_amounts *need, mli_findings *report,
                                         modellab_error *err)
{
    mli_cap_set set;
    mli_cap_verdict verdict;
    mli_amounts asked;
    char text[256];
    if (caps->count == 0) {
        e->admission = MODELLAB_ADMISSION_NOW;
        return MODELLAB_OK;
    }
    if (!safe && e->basis != MODELLAB_ESTIMATE_HISTORY) {
        clamp_guess(caps, need);
    }
    asked = *need;
    asked.of[MLI_MEASURE_RUNS] = 1;
    modellab_status status =
        mli_store_cap_room(lab->store, user, mli_lab_now_ms(lab), &asked, &set, &verdict, err);
    if (status != MODELLAB_OK || verdict.measure == 0) {
        e->admission = MODELLAB_ADMISSION_NOW;
        return status;
    }
    mli_cap_verdict_text(&verdict, text, sizeof text);
    if (verdict.never) {
        e->admission = MODELLAB_ADMISSION_REFUSE;
        return refuse(report, "/user", cap_bit(verdict.measure), text, err);
    }
    e->admission = MODELLAB_ADMISSION_WAIT;
    mli_findings_add(report, MODELLAB_SEVERITY_INFO, "caps.waits", "/user", "%s", text);
    return MODELLAB_OK;
}
