/* Estimates of runs: history, fallback, JSON, comparison. */
#include "lab/forecast.h"

#include "base/checked.h"
#include "base/error.h"
#include "track/price.h"
#include <math.h>
#include <string.h>

#define HISTORY 50
#define ENOUGH 3         /* from here on the interval is measured */
#define GUESS_FACTOR 4.0 /* of the fallback: a quarter to four times */
#define FEW_FACTOR 3.0

/* Decoding alone, without any model. */
#define DECODE_CPU 0.02
#define START_SECONDS 0.05 /* of a process */

/* CPU seconds for a second of audio on one core of about 100 GFLOP/s in f32; wall time is taken for
 * two threads. */
static const struct fallback {
    const char *part; /* of the model's name */
    double cpu;
} fallbacks[] = {{"silero", 0.003}, {"ge2e", 0.02}, {"piper", 0.1},  {"tiny", 0.15},
                 {"base", 0.3},     {"small", 1.0}, {"medium", 3.0}, {"large", 6.0}};
#define FALLBACK_CPU 1.0

static double fallback_cpu(const char *model)
{
    if (model[0] == '\0') {
        return DECODE_CPU;
    }
    for (size_t i = 0; i < sizeof fallbacks / sizeof fallbacks[0]; i++) {
        if (strstr(model, fallbacks[i].part) != NULL) {
            return fallbacks[i].cpu;
        }
    }
    return FALLBACK_CPU;
}

static void spread(modellab_estimate *e, double factor)
{
    e->cpu_seconds_low = e->cpu_seconds / factor;
    e->cpu_seconds_high = e->cpu_seconds * factor;
    e->wall_seconds_low = e->wall_seconds / factor;
    e->wall_seconds_high = e->wall_seconds * factor;
}

static int64_t scaled(int64_t micros, double factor)
{
    double value = (double)micros * factor;
    return micros < 0 ? -1 : value > 9e18 ? INT64_MAX : (int64_t)ceil(value);
}

/* Costs that belong to the figures of CPU time; -1 where the prices do not tell. */
MODELLAB_MUST_CHECK static modellab_status price(const mli_lab *lab, double audio, double cpu,
                                                 int64_t *micros, modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    m.cpu_seconds = cpu;
    m.audio_seconds = audio;
    m.api_calls = 0;
    m.gpu_seconds = 0;
    modellab_status status = mli_price_sheet_cost(lab->prices, &m, &cost, err);
    *micros = status == MODELLAB_OK && cost.is_complete != 0 ? cost.total_micros : -1;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status fall_back(const mli_lab *lab, const char *model,
                                                     double audio, modellab_estimate *e,
                                                     modellab_error *err)
{
    e->basis = MODELLAB_ESTIMATE_FALLBACK;
    e->cpu_seconds = START_SECONDS + audio * fallback_cpu(model);
    e->wall_seconds = START_SECONDS + audio * fallback_cpu(model) / 2.0;
    spread(e, GUESS_FACTOR);
    modellab_status status = price(lab, audio, e->cpu_seconds, &e->cost_micros, err);
    if (status == MODELLAB_OK) {
        status = price(lab, audio, e->cpu_seconds_low, &e->cost_micros_low, err);
    }
    return status == MODELLAB_OK ? price(lab, audio, e->cpu_seconds_high, &e->cost_micros_high, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status from_history(const mli_lab *lab,
                                                        const mli_store_past *past, size_t count,
                                                        double audio, modellab_estimate *e,
                                                        modellab_error *err)
{
    double ratios[HISTORY];
    modellab_estimate wall = MODELLAB_ESTIMATE_INIT;
    size_t timed = 0;
    for (size_t i = 0; i < count; i++) {
        ratios[i] = past[i].cpu;
    }
    modellab_status status = mli_estimate_make(audio, ratios, count, lab->prices, 0, e, err);
    for (size_t i = 0; i < count; i++) {
        if (past[i].wall > 0) {
            ratios[timed++] = past[i].wall;
        }
    }
    if (status == MODELLAB_OK && timed > 0) {
        status = mli_estimate_make(audio, ratios, timed, NULL, 0, &wall, err);
    }
    e->wall_seconds = wall.cpu_seconds;
    e->wall_seconds_low = wall.cpu_seconds_low;
    e->wall_seconds_high = wall.cpu_seconds_high;
    e->basis = MODELLAB_ESTIMATE_HISTORY;
    if (status == MODELLAB_OK && count < ENOUGH) {
        e->basis = MODELLAB_ESTIMATE_FEW;
        spread(e, FEW_FACTOR);
        e->cost_micros_low = scaled(e->cost_micros, 1.0 / FEW_FACTOR);
        e->cost_micros_high = scaled(e->cost_micros, FEW_FACTOR);
    }
    return status;
}

modellab_status mli_forecast_make(const mli_lab *lab, const char *model, double audio_seconds,
                                  int64_t input_bytes, modellab_estimate *out, modellab_error *err)
{
    mli_store_past past[HISTORY];
    size_t count = 0;
    modellab_status status = MODELLAB_OK;
    /* Length not told: about 128 kbit a second. */
    double audio = audio_seconds >= 0 ? audio_seconds : (double)input_bytes / 16000.0;

    *out = (modellab_estimate)MODELLAB_ESTIMATE_INIT;
    if (!isfinite(audio) || audio < 0) {
        audio = 0;
    }
    out->audio_seconds = audio;
    if (model[0] != '\0' && audio > 0) {
        status = mli_store_history(lab->store, model, HISTORY, past, &count, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    return count > 0 ? from_history(lab, past, count, audio, out, err)
                     : fall_back(lab, model, audio, out, err);
}

/* Calls are what a run adds to the cost of its computing; a figure that is not known stays so. */
MODELLAB_MUST_CHECK static modellab_status add_calls(const mli_lab *lab, int64_t calls,
                                                     int64_t *micros, modellab_error *err)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    m.cpu_seconds = m.gpu_seconds = m.audio_seconds = 0;
    m.api_calls = calls;
    modellab_status status = mli_price_sheet_cost(lab->prices, &m, &cost, err);
    if (status == MODELLAB_OK && *micros >= 0 &&
        mli_add_overflow(*micros, cost.total_micros, micros)) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "the cost does not fit into 64 bits");
    }
    return status;
}

modellab_status mli_forecast_add_calls(const mli_lab *lab, const mli_remote_forecast *calls,
                                       modellab_estimate *e, modellab_error *err)
{
    modellab_status status = add_calls(lab, calls->expected, &e->cost_micros, err);
    if (status == MODELLAB_OK) {
        status = add_calls(lab, calls->low, &e->cost_micros_low, err);
    }
    return status == MODELLAB_OK ? add_calls(lab, calls->high, &e->cost_micros_high, err) : status;
}

const char *mli_forecast_basis_name(modellab_estimate_basis basis)
{
    static const char *const names[] = {"none", "history", "few", "fallback"};
    return basis >= 0 && basis <= MODELLAB_ESTIMATE_FALLBACK ? names[basis] : "none";
}

static void put_range(mli_jw *w, const char *key, double expected, double low, double high)
{
    mli_jw_key(w, key);
    if (expected < 0) {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    mli_jw_kreal(w, "expected", expected);
    mli_jw_kreal(w, "low", low);
    mli_jw_kreal(w, "high", high);
    mli_jw_end_object(w);
}

void mli_forecast_write(const modellab_estimate *e, const mli_remote_forecast *calls, bool safe,
                        mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "basis", mli_forecast_basis_name(e->basis));
    mli_jw_kint(&w, "samples", e->samples);
    mli_jw_kstring(&w, "admission", safe ? "safe" : "expected");
    mli_jw_kreal(&w, "audio_seconds", e->audio_seconds);
    put_range(&w, "cpu_seconds", e->cpu_seconds, e->cpu_seconds_low, e->cpu_seconds_high);
    put_range(&w, "wall_seconds", e->wall_seconds, e->wall_seconds_low, e->wall_seconds_high);
    put_range(&w, "cost_micros", (double)e->cost_micros, (double)e->cost_micros_low,
              (double)e->cost_micros_high);
    if (calls->high > 0) {
        put_range(&w, "api_calls", (double)calls->expected, (double)calls->low,
                  (double)calls->high);
    }
    mli_jw_end_object(&w);
}

/* What was measured, as a multiple of what was expected, and whether it lay in the interval. */
static void put_error(mli_jw *w, const char *key, const mli_json *estimate, double measured)
{
    const mli_json *range = mli_json_get(estimate, key);
    double expected = mli_json_number(mli_json_get(range, "expected"), -1.0);
    mli_jw_key(w, key);
    if (expected <= 0 || measured < 0) {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    mli_jw_kreal(w, "ratio", measured / expected);
    mli_jw_kbool(w, "within",
                 measured >= mli_json_number(mli_json_get(range, "low"), 0.0) &&
                     measured <= mli_json_number(mli_json_get(range, "high"), 0.0));
    mli_jw_end_object(w);
}

void mli_forecast_compare(mli_jw *w, const mli_run_row *run)
{
    mli_json *estimate = NULL;
    const char *text = run->estimate_json;
    bool done = run->status == MODELLAB_RUN_COMPLETED;

    mli_jw_key(w, "estimate");
    /* One that cannot be read is as good as none: it is an estimate. */
    if (text[0] == '\0' ||
        mli_json_parse(text, strlen(text), MLI_JSON_MAX_BYTES, &estimate, NULL) != MODELLAB_OK) {
        mli_jw_null(w);
    } else {
        mli_jw_raw(w, text, strlen(text));
    }
    mli_jw_key(w, "estimate_error");
    if (estimate == NULL || !done) {
        mli_jw_null(w);
    } else {
        mli_jw_object(w);
        put_error(w, "cpu_seconds", estimate, run->cpu_seconds);
        put_error(w, "wall_seconds", estimate, (double)run->wall_ms / 1000.0);
        put_error(w, "cost_micros", estimate, (double)run->cost_micros);
        mli_jw_end_object(w);
    }
    mli_json_free(estimate);
}

void mli_forecast_tell(const modellab_estimate *estimate, const mli_remote_forecast *calls,
                       const char *currency, mli_findings *report)
{
    const modellab_estimate *e = estimate;
    const char *from = e->basis == MODELLAB_ESTIMATE_FALLBACK
                           ? "a fallback figure: no such run has completed yet"
                           : "from past runs of the model";
    if (e->cpu_seconds >= 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "estimate.cpu_seconds", "",
                         "Such a run takes about %.1f CPU seconds, 90 %% of them %.1f to %.1f "
                         "(%s; %lld samples).",
                         e->cpu_seconds, e->cpu_seconds_low, e->cpu_seconds_high, from,
                         (long long)e->samples);
    }
    if (e->wall_seconds >= 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "estimate.wall_seconds", "",
                         "It takes about %.1f seconds, 90 %% of them %.1f to %.1f.",
                         e->wall_seconds, e->wall_seconds_low, e->wall_seconds_high);
    }
    if (calls->high > 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "estimate.api_calls", "",
                         "It calls the remote service about %lld times, %lld to %lld with what is "
                         "tried again.",
                         (long long)calls->expected, (long long)calls->low, (long long)calls->high);
    }
    if (e->cost_micros >= 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "estimate.cost_micros", "",
                         "It costs about %lld millionths of %s.", (long long)e->cost_micros,
                         currency);
    }
}
