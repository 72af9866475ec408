/* The table of an experiment: what the runs of one candidate gave, pooled over inputs. Scores are
 * of one run an input (repetitions of the same words would feign certainty), measures of all. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "base/str.h"
#include <math.h>
#include <string.h>

static const struct {
    const char *key; /* of score.json */
    mli_score_metric metric;
} metrics[MLI_EXPERIMENT_METRICS] = {
    {"words", MLI_SCORE_WER}, {"characters", MLI_SCORE_CER}, {"speakers", MLI_SCORE_DER}};

const char *mli_experiment_score_key(int metric)
{
    return metrics[metric].key;
}

void mli_candidate_sums_init(mli_candidate_sums *sums, const mli_cancel_word *cancel,
                             const modellab_allocator *alloc)
{
    *sums = (mli_candidate_sums){.peak_memory_bytes = -1, .cost_micros = -1};
    for (int i = 0; i < MLI_EXPERIMENT_METRICS; i++) {
        const mli_scorer_options o = {
            .metric = metrics[i].metric, .alloc = alloc, .cancel = cancel};
        mli_scorer_init(&sums->quality[i], &o);
    }
}

void mli_candidate_sums_dispose(mli_candidate_sums *sums)
{
    for (int i = 0; i < MLI_EXPERIMENT_METRICS; i++)
        mli_scorer_dispose(&sums->quality[i]);
}

static void add_measures(mli_candidate_sums *s, const mli_json *kept)
{
    const double audio = mli_json_number(mli_json_get(kept, "audio_seconds"), -1);
    const double wall = mli_json_number(mli_json_get(kept, "wall_seconds"), -1);
    const double cpu = mli_json_number(mli_json_get(kept, "cpu_seconds"), -1);
    const int64_t peak = mli_json_int(mli_json_get(kept, "peak_memory_bytes"), -1);
    const int64_t cost = mli_json_int(mli_json_get(kept, "cost_micros"), -1);
    if (audio > 0 && wall > 0 && cpu >= 0) {
        s->timed++;
        s->audio_seconds += audio;
        s->wall_seconds += wall;
        s->cpu_seconds += cpu;
    }
    s->peak_memory_bytes = peak > s->peak_memory_bytes ? peak : s->peak_memory_bytes;
    const char *currency = mli_json_string(mli_json_get(kept, "currency"), "");
    if (cost >= 0 && s->priced++ == 0)
        (void)mli_str_copy(s->currency, sizeof s->currency, currency);
    if (cost >= 0) { /* sums of two currencies are no money */
        const int64_t sum = s->cost_micros < 0 ? 0 : s->cost_micros;
        s->mixed = s->mixed || strcmp(currency, s->currency) != 0 || cost > INT64_MAX - sum;
        s->cost_micros = s->mixed ? -1 : sum + cost;
    }
}

/* Also of a run that failed: what there was of its transcript may be why. */
static void add_findings(mli_candidate_sums *s, const mli_json *findings)
{
    s->looked += findings != NULL;
    for (int i = MLI_ASR_FINDING_EMPTY; i <= MLI_ASR_FINDING_FALLBACK; i++)
        s->findings[i] +=
            mli_json_int(mli_json_get(findings, mli_asr_finding_name((mli_asr_finding_kind)i)), 0);
}

MODELLAB_MUST_CHECK static modellab_status add_scores(mli_candidate_sums *s, const char *input,
                                                      const mli_json *score, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (int i = 0; status == MODELLAB_OK && i < MLI_EXPERIMENT_METRICS; i++) {
        const mli_json *pool = mli_json_get(mli_json_get(score, metrics[i].key), "pool");
        if (pool == NULL)
            continue;
        status = mli_scorer_add_pool(&s->quality[i], input, pool, err);
        s->measured[i] += status == MODELLAB_OK;
        if (status == MODELLAB_E_INVALID_JSON) { /* nothing was added: it is no score */
            mli_error_clear(err);
            status = MODELLAB_OK;
        }
    }
    return status;
}

modellab_status mli_candidate_sums_add(mli_candidate_sums *s, const char *input,
                                       const mli_experiment_cell *cell, const mli_json *kept,
                                       bool scores, modellab_error *err)
{
    const bool completed =
        strcmp(mli_json_string(mli_json_get(kept, "status"), ""), "COMPLETED") == 0;
    if (kept == NULL) {
        s->refused += cell->run_id[0] == '\0';
        s->gone += cell->run_id[0] != '\0' && cell->status == 0;
        s->open += cell->run_id[0] != '\0' && cell->status != 0;
        return MODELLAB_OK;
    }
    s->completed += completed;
    s->failed += !completed;
    add_findings(s, mli_json_get(kept, "findings"));
    if (completed)
        add_measures(s, kept);
    return completed && scores ? add_scores(s, input, mli_json_get(kept, "score"), err)
                               : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status put_quality(const mli_candidate_sums *s, mli_jw *w,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_jw_key(w, "quality");
    mli_jw_object(w);
    for (int i = 0; status == MODELLAB_OK && i < MLI_EXPERIMENT_METRICS; i++) {
        mli_score_value values[MLI_SCORE_MAX_VALUES];
        mli_score_interval interval;
        size_t units;
        if (s->measured[i] == 0)
            continue;
        status = mli_scorer_interval(&s->quality[i], &interval, &units, err);
        if (status != MODELLAB_OK || mli_scorer_values(&s->quality[i], values) == 0)
            continue;
        mli_jw_key(w, values[0].name);
        mli_jw_object(w);
        mli_jw_kreal(w, "value", values[0].value);
        mli_jw_kreal(w, "low", interval.low);
        mli_jw_kreal(w, "high", interval.high);
        mli_jw_kint(w, "units", (int64_t)units);
        mli_jw_kint(w, "inputs", s->measured[i]);
        mli_jw_end_object(w);
    }
    mli_jw_end_object(w);
    return status;
}

/* null for what is not known */
static void put_known(mli_jw *w, const char *key, int64_t value)
{
    mli_jw_key(w, key);
    if (value >= 0)
        mli_jw_int(w, value);
    else
        mli_jw_null(w);
}

/* null: none of its runs was looked at. */
static void put_findings(const mli_candidate_sums *s, mli_jw *w)
{
    int64_t all = 0;
    mli_jw_key(w, "findings");
    if (s->looked == 0) {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    for (int i = MLI_ASR_FINDING_EMPTY; i <= MLI_ASR_FINDING_FALLBACK; i++) {
        mli_jw_kint(w, mli_asr_finding_name((mli_asr_finding_kind)i), s->findings[i]);
        all += s->findings[i];
    }
    mli_jw_kint(w, "all", all);
    mli_jw_kint(w, "runs", s->looked);
    mli_jw_end_object(w);
}

modellab_status mli_candidate_sums_write(const mli_candidate_sums *s, const char *name, mli_jw *w,
                                         modellab_error *err)
{
    const double audio = s->audio_seconds > 0 ? s->audio_seconds : (double)NAN;
    mli_jw_object(w);
    mli_jw_kstring(w, "name", name);
    mli_jw_kint(w, "completed", s->completed);
    mli_jw_kint(w, "failed", s->failed);
    mli_jw_kint(w, "open", s->open);
    mli_jw_kint(w, "refused", s->refused);
    mli_jw_kint(w, "gone", s->gone);
    modellab_status status = put_quality(s, w, err);
    put_findings(s, w);
    mli_jw_kreal(w, "audio_seconds", s->audio_seconds);
    mli_jw_kreal(w, "real_time_factor", s->wall_seconds / audio); /* NaN becomes null */
    mli_jw_kreal(w, "cpu_seconds_per_audio_hour", s->cpu_seconds * 3600.0 / audio);
    put_known(w, "peak_memory_bytes", s->peak_memory_bytes);
    put_known(w, "cost_micros", s->cost_micros);
    mli_jw_kstring(w, "currency", s->currency[0] != '\0' ? s->currency : NULL);
    mli_jw_end_object(w);
    return status;
}
