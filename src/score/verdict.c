/* The rule table of verdict.h. Everything is symmetric in a and b: a rule never asks which of the
 * two comes first. */
#include "score/verdict.h"

#include "base/alloc.h"
#include "base/error.h"
#include "os/locale.h"
#include <float.h>
#include <math.h>
#include <string.h>

static const char *const names[MLI_VERDICT_METRICS] = {"wer", "cer", "der"};
static const char *const words[MLI_VERDICT_METRICS] = {"word error rate", "character error rate",
                                                       "diarization error rate"};

static mli_verdict_options defaults_of(const mli_verdict_options *options)
{
    mli_verdict_options o = {0};
    if (options != NULL)
        o = *options;
    o.significance = o.significance > 0.0 ? o.significance : 0.05;
    o.margin = o.margin > 0.0 ? o.margin : 0.01;
    o.cost_tolerance = o.cost_tolerance > 0.0 ? o.cost_tolerance : 0.05;
    o.speed_tolerance = o.speed_tolerance > 0.0 ? o.speed_tolerance : 0.10;
    return o;
}

static bool both_completed(const mli_verdict_input *in)
{
    return in->a.state == MLI_VERDICT_COMPLETED && in->b.state == MLI_VERDICT_COMPLETED;
}

/* Both have a score of it; *unlike: but of references that are not equally long. */
static bool scored(const mli_verdict_input *in, mli_verdict_metric metric, bool *unlike)
{
    const mli_verdict_score *a = &in->a.scores[metric], *b = &in->b.scores[metric];
    *unlike = false;
    if (!both_completed(in) || !a->known || !b->known)
        return false;
    *unlike = fabs(a->size - b->size) > 1e-6 * (1.0 + a->size);
    return !*unlike;
}

/* What a score misses that the other's run on the same input has is not luck: it failed there. */
static bool misses_score(const mli_verdict_run *of, const mli_verdict_run *other)
{
    for (int m = 0; m < MLI_VERDICT_METRICS; m++) {
        if (other->scores[m].known && !of->scores[m].known)
            return true;
    }
    return false;
}

static bool failed(const mli_verdict_run *of, const mli_verdict_run *other)
{
    return of->state == MLI_VERDICT_FAILED ||
           (of->state == MLI_VERDICT_COMPLETED && other->state == MLI_VERDICT_COMPLETED &&
            misses_score(of, other));
}

static void count_runs(const mli_verdict_input *inputs, size_t count, mli_verdict *v)
{
    v->inputs = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const mli_verdict_input *in = &inputs[i];
        bool unlike, any = false;
        v->open_a += in->a.state == MLI_VERDICT_OPEN;
        v->open_b += in->b.state == MLI_VERDICT_OPEN;
        v->failed_a += failed(&in->a, &in->b);
        v->failed_b += failed(&in->b, &in->a);
        v->compared += both_completed(in);
        v->same_outputs += both_completed(in) && in->same_output;
        for (int m = 0; m < MLI_VERDICT_METRICS; m++)
            any = scored(in, (mli_verdict_metric)m, &unlike) || any;
        v->with_reference += any;
        v->unknown += both_completed(in) && !any && !in->same_output;
    }
}

/* What the sums and the pairs say. */
static void judge(mli_verdict_measure *m, const mli_verdict_options *o, double unit)
{
    const double difference = m->errors_a - m->errors_b;
    const double chance = 1.96 * sqrt(m->test.squares) / unit;
    m->rate_a = m->size > 0.0 ? m->errors_a / m->size : (double)NAN;
    m->rate_b = m->size > 0.0 ? m->errors_b / m->size : (double)NAN;
    m->low = m->size > 0.0 ? (difference - chance) / m->size : (double)NAN;
    m->high = m->size > 0.0 ? (difference + chance) / m->size : (double)NAN;
    if (m->test.p_random < o->significance && fabs(difference) > 0.0)
        m->better = difference < 0.0 ? -1 : 1;
    /* no difference in n words is less than 3 / n in general (rule of three) */
    const double rare = m->size > 0.0 && m->test.squares <= 0.0 ? 3.0 / m->size : 0.0;
    m->even = m->better == 0 &&
              (m->size <= 0.0 ? m->test.squares <= 0.0
                              : m->low - rare >= -o->margin && m->high + rare <= o->margin);
}

MODELLAB_MUST_CHECK static modellab_status test_pairs(mli_verdict_measure *m, const int64_t *a,
                                                      const int64_t *b, size_t count,
                                                      const mli_verdict_options *o, double unit,
                                                      modellab_error *err)
{
    modellab_status status = mli_score_matched_pairs(a, b, count, o->seed, MLI_BOOTSTRAP_ROUNDS,
                                                     o->cancel, &m->test, err);
    if (status == MODELLAB_OK)
        judge(m, o, unit);
    return status;
}

/* `rows`: room for two numbers an input. */
MODELLAB_MUST_CHECK static modellab_status measure_errors(const mli_verdict_input *inputs,
                                                          size_t count, mli_verdict_metric metric,
                                                          const mli_verdict_options *o,
                                                          int64_t *rows, mli_verdict_measure *m,
                                                          modellab_error *err)
{
    const double unit = metric == MLI_VERDICT_DER ? 1e6 : 1.0;
    int64_t *const of_b = rows + count;
    size_t n = 0;
    *m = (mli_verdict_measure){.name = names[metric]};
    for (size_t i = 0; i < count; i++) {
        bool unlike;
        if (scored(&inputs[i], metric, &unlike)) {
            const mli_verdict_score *a = &inputs[i].a.scores[metric];
            const mli_verdict_score *b = &inputs[i].b.scores[metric];
            m->errors_a += a->errors;
            m->errors_b += b->errors;
            m->size += a->size;
            rows[n] = llrint(a->errors * unit);
            of_b[n++] = llrint(b->errors * unit);
        }
        m->unlike += unlike;
    }
    m->inputs = (int64_t)n;
    if (n == 0) {
        m->name = m->unlike > 0 ? m->name : NULL;
        return MODELLAB_OK;
    }
    if (metric == MLI_VERDICT_WER && o->words != NULL) {
        m->test = *o->words;
        judge(m, o, unit);
        return MODELLAB_OK;
    }
    return test_pairs(m, rows, of_b, n, o, unit, err);
}

/* A run that failed is an error of size one. */
MODELLAB_MUST_CHECK static modellab_status
measure_failures(const mli_verdict_input *inputs, size_t count, const mli_verdict_options *o,
                 int64_t *rows, mli_verdict_measure *m, modellab_error *err)
{
    int64_t *const of_b = rows + count;
    *m = (mli_verdict_measure){.name = "failures", .inputs = (int64_t)count};
    for (size_t i = 0; i < count; i++) {
        rows[i] = failed(&inputs[i].a, &inputs[i].b);
        of_b[i] = failed(&inputs[i].b, &inputs[i].a);
        m->errors_a += (double)rows[i];
        m->errors_b += (double)of_b[i];
    }
    m->size = (double)count;
    modellab_status status = test_pairs(m, rows, of_b, count, o, 1.0, err);
    m->even = m->better == 0; /* few failures are looked at when all else is known */
    return status;
}

/* Cost in micros, time as real-time factor in millionths; of the inputs that both completed. */
MODELLAB_MUST_CHECK static modellab_status test_effort(const mli_verdict_input *inputs,
                                                       size_t count, bool cost,
                                                       const mli_verdict_options *o, int64_t *rows,
                                                       mli_matched_pairs *out, modellab_error *err)
{
    int64_t *const of_b = rows + count;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const mli_verdict_run *const a = &inputs[i].a, *const b = &inputs[i].b;
        if (!both_completed(&inputs[i]))
            continue;
        rows[n] =
            cost ? a->cost_micros : llrint(fmin(a->work_seconds / a->audio_seconds, 1e9) * 1e6);
        of_b[n++] =
            cost ? b->cost_micros : llrint(fmin(b->work_seconds / b->audio_seconds, 1e9) * 1e6);
    }
    return mli_score_matched_pairs(rows, of_b, n, o->seed, MLI_BOOTSTRAP_ROUNDS, o->cancel, out,
                                   err);
}

MODELLAB_MUST_CHECK static modellab_status measure(const mli_verdict_input *inputs, size_t count,
                                                   const mli_verdict_options *o, mli_verdict *v,
                                                   modellab_error *err)
{
    mli_verdict_measure *const m = v->measures;
    int64_t *rows = mli_alloc_array(o->alloc, 2 * count + 1, sizeof *rows);
    if (rows == NULL)
        return mli_no_memory(err);
    modellab_status status =
        measure_failures(inputs, count, o, rows, &m[MLI_VERDICT_FAILURES], err);
    if (status == MODELLAB_OK)
        status =
            measure_errors(inputs, count, MLI_VERDICT_WER, o, rows, &m[MLI_VERDICT_WORDS], err);
    if (status == MODELLAB_OK && m[MLI_VERDICT_WORDS].inputs == 0)
        status =
            measure_errors(inputs, count, MLI_VERDICT_CER, o, rows, &m[MLI_VERDICT_WORDS], err);
    if (status == MODELLAB_OK)
        status =
            measure_errors(inputs, count, MLI_VERDICT_DER, o, rows, &m[MLI_VERDICT_SPEAKERS], err);
    if (status == MODELLAB_OK && v->cost_a >= 0)
        status = test_effort(inputs, count, true, o, rows, &v->cost_test, err);
    if (status == MODELLAB_OK && !isnan(v->speed_a))
        status = test_effort(inputs, count, false, o, rows, &v->speed_test, err);
    mli_free(o->alloc, rows);
    return status;
}

/* Sums over the compared inputs, or -1 and NaN; how many runs have the number. */
static void sum_up(const mli_verdict_input *inputs, size_t count, mli_verdict *v, int64_t known[2])
{
    double work[2] = {0.0, 0.0}, audio[2] = {0.0, 0.0};
    int64_t cost[2] = {0, 0};
    known[0] = known[1] = 0;
    for (size_t i = 0; i < count; i++) {
        const mli_verdict_run *const runs[2] = {&inputs[i].a, &inputs[i].b};
        for (int side = 0; side < 2 && both_completed(&inputs[i]); side++) {
            const mli_verdict_run *r = runs[side];
            const bool priced = r->cost_micros >= 0 && r->cost_micros <= INT64_MAX - cost[side];
            const bool timed = r->work_seconds > 0.0 && r->audio_seconds > 0.0;
            known[0] += priced;
            known[1] += timed;
            cost[side] += priced ? r->cost_micros : 0;
            work[side] += timed ? r->work_seconds : 0.0;
            audio[side] += timed ? r->audio_seconds : 0.0;
        }
    }
    const bool all_priced = known[0] == 2 * v->compared && v->compared > 0;
    const bool all_timed = known[1] == 2 * v->compared && v->compared > 0;
    v->cost_a = all_priced ? cost[0] : -1;
    v->cost_b = all_priced ? cost[1] : -1;
    v->speed_a = all_timed ? work[0] / audio[0] : (double)NAN;
    v->speed_b = all_timed ? work[1] / audio[1] : (double)NAN;
}

/* -1: a is the smaller by more than the tolerance; 1: b; else 0. */
static int smaller(double a, double b, double tolerance)
{
    const double larger = a > b ? a : b;
    if (!(fabs(a - b) > tolerance * larger))
        return 0;
    return a < b ? -1 : 1;
}

__attribute__((format(printf, 4, 5))) static void
decide(mli_verdict *v, mli_verdict_outcome outcome, const char *by, const char *format, ...)
{
    va_list args;
    v->outcome = outcome;
    v->decided_by = by;
    va_start(args, format);
    const int n = mli_os_vformat(v->reason, sizeof v->reason, format, args);
    va_end(args);
    if (n < 0)
        v->reason[0] = '\0';
}

static mli_verdict_outcome better(int side)
{
    return side < 0 ? MLI_VERDICT_A_BETTER : MLI_VERDICT_B_BETTER;
}

static const char *words_of(const mli_verdict_measure *m)
{
    for (int i = 0; i < MLI_VERDICT_METRICS; i++) {
        if (strcmp(m->name, names[i]) == 0)
            return words[i];
    }
    return "share of failed runs";
}

static void decide_by_measure(mli_verdict *v, const mli_verdict_measure *m)
{
    if (m->size <= 0.0) {
        decide(v, better(m->better), m->name,
               "%.2f errors of A against %.2f of B on %lld inputs whose references are empty: "
               "significant (p = %.3f)",
               m->errors_a, m->errors_b, (long long)m->inputs, m->test.p_random);
        return;
    }
    decide(v, better(m->better), m->name,
           "%s %.2f %% of A against %.2f %% of B on %lld inputs: significant (p = %.3f)",
           words_of(m), 100.0 * m->rate_a, 100.0 * m->rate_b, (long long)m->inputs,
           m->test.p_random);
}

/* Rules 3 and 4; true when one held. */
static bool by_quality(mli_verdict *v)
{
    const mli_verdict_measure *of[2] = {NULL, NULL}, *first = NULL;
    for (int i = 0; i < MLI_VERDICT_MEASURES; i++) {
        const mli_verdict_measure *m = &v->measures[i];
        if (m->name == NULL || m->better == 0)
            continue;
        of[m->better > 0] = m;
        if (first == NULL || first == &v->measures[MLI_VERDICT_FAILURES])
            first = m;
    }
    if (of[0] != NULL && of[1] != NULL) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "conflict", "the %s speaks for A, the %s for B",
               words_of(of[0]), words_of(of[1]));
        return true;
    }
    if (first != NULL)
        decide_by_measure(v, first);
    return first != NULL;
}

/* Rules 5 to 7. */
static bool quality_unknown(mli_verdict *v, const mli_verdict_options *o)
{
    if (v->compared == 0) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "completed",
               "no input was completed by both (A failed %lld, B %lld of %lld)",
               (long long)v->failed_a, (long long)v->failed_b, (long long)v->inputs);
        return true;
    }
    if (v->unknown > 0) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "reference",
               "on %lld of %lld inputs there is no reference of both and the outputs differ: which "
               "is right is not known",
               (long long)v->unknown, (long long)v->compared);
        return true;
    }
    for (int i = MLI_VERDICT_WORDS; i < MLI_VERDICT_MEASURES; i++) {
        const mli_verdict_measure *m = &v->measures[i];
        if (m->name == NULL || m->inputs == 0 || m->even || v->same_outputs == v->compared)
            continue;
        decide(
            v, MLI_VERDICT_INCONCLUSIVE, m->name,
            "%s %.2f %% of A against %.2f %% of B on %lld inputs may be chance (p = %.3f), and is "
            "not surely within %.2f points: more inputs are needed",
            words_of(m), 100.0 * m->rate_a, 100.0 * m->rate_b, (long long)m->inputs,
            m->test.p_random, 100.0 * o->margin);
        return true;
    }
    return false;
}

/* A difference of cost or speed that is larger than the tolerance. */
static void decide_by_effort(mli_verdict *v, int side, const char *by, const char *what, double a,
                             double b, const mli_matched_pairs *test, double significance)
{
    const bool sure = test->p_random < significance;
    decide(v, sure ? better(side) : MLI_VERDICT_INCONCLUSIVE, by,
           "quality is even; %s %.6f of A against %.6f of B on %lld inputs %s (p = %.3f)", what, a,
           b, (long long)v->compared,
           sure ? "is significant" : "may be chance: more inputs are needed", test->p_random);
}

/* Rules 8 to 12. */
static void by_effort(mli_verdict *v, const mli_verdict_options *o, const int64_t known[2])
{
    const int cheaper =
        v->cost_a >= 0 ? smaller((double)v->cost_a, (double)v->cost_b, o->cost_tolerance) : 0;
    const int faster = smaller(v->speed_a, v->speed_b, o->speed_tolerance);
    if (known[0] > 0 && v->cost_a < 0) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "cost",
               "quality is even; the cost is known of %lld of %lld runs", (long long)known[0],
               (long long)(2 * v->compared));
    } else if (cheaper != 0) {
        decide_by_effort(v, cheaper, "cost", "cost", (double)v->cost_a / 1e6,
                         (double)v->cost_b / 1e6, &v->cost_test, o->significance);
    } else if (faster != 0) {
        decide_by_effort(v, faster, "real_time_factor", "real-time factor", v->speed_a, v->speed_b,
                         &v->speed_test, o->significance);
    } else if (v->cost_a < 0 && isnan(v->speed_a)) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "real_time_factor",
               "quality is even; neither cost nor time of all runs is known");
    } else {
        decide(v, MLI_VERDICT_NEUTRAL, "all", "nothing tells the two apart on %lld inputs",
               (long long)v->compared);
    }
}

/* Whoever failed more does not come out well by what is left. Failures that are significant were
 * a measure of quality. */
static void hold_failures_against(mli_verdict *v)
{
    const int64_t more = v->failed_a - v->failed_b;
    const bool ahead = (v->outcome == MLI_VERDICT_A_BETTER && more > 0) ||
                       (v->outcome == MLI_VERDICT_B_BETTER && more < 0);
    if (ahead || (v->outcome == MLI_VERDICT_NEUTRAL && more != 0))
        decide(v, MLI_VERDICT_INCONCLUSIVE, "completed",
               "A failed %lld and B %lld of %lld inputs; on the others %s", (long long)v->failed_a,
               (long long)v->failed_b, (long long)v->inputs,
               ahead ? "the one that failed more is better" : "nothing tells the two apart");
}

const char *mli_verdict_name(mli_verdict_outcome outcome)
{
    static const char *const all[] = {NULL,       "PENDING", "A_BETTER",
                                      "B_BETTER", "NEUTRAL", "INCONCLUSIVE"};
    return outcome >= MLI_VERDICT_PENDING && outcome <= MLI_VERDICT_INCONCLUSIVE ? all[outcome]
                                                                                 : NULL;
}

modellab_status mli_verdict_decide(const mli_verdict_input *inputs, size_t count,
                                   const mli_verdict_options *options, mli_verdict *v,
                                   modellab_error *err)
{
    const mli_verdict_options o = defaults_of(options);
    int64_t known[2];
    *v = (mli_verdict){.outcome = MLI_VERDICT_INCONCLUSIVE, .decided_by = "inputs"};
    count_runs(inputs, count, v);
    sum_up(inputs, count, v, known);
    modellab_status status = measure(inputs, count, &o, v, err);
    if (status != MODELLAB_OK)
        return status;
    if (v->open_a + v->open_b > 0) {
        decide(v, MLI_VERDICT_PENDING, "open", "%lld runs of A and %lld of B are not finished",
               (long long)v->open_a, (long long)v->open_b);
    } else if (count == 0) {
        decide(v, MLI_VERDICT_INCONCLUSIVE, "inputs", "there are no inputs");
    } else {
        if (!by_quality(v) && !quality_unknown(v, &o))
            by_effort(v, &o, known);
        hold_failures_against(v);
    }
    return MODELLAB_OK;
}
