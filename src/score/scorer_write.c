/* The values of a score by name, and the whole as JSON. */
#include "score/scorer.h"

#include <math.h>
#include <stdlib.h>

static const char *const metrics[] = {NULL, "wer", "cer", "der", "jer", "vad", "times", "cpwer"};

static void put(mli_score_value *out, size_t *count, const char *name, double value)
{
    out[(*count)++] = (mli_score_value){name, value};
}

static void put_counts(const mli_edit_counts *c, mli_score_value *out, size_t *count)
{
    put(out, count, "hits", (double)c->hits);
    put(out, count, "substitutions", (double)c->substitutions);
    put(out, count, "deletions", (double)c->deletions);
    put(out, count, "insertions", (double)c->insertions);
    put(out, count, "reference", (double)(c->hits + c->substitutions + c->deletions));
    put(out, count, "hypothesis", (double)(c->hits + c->substitutions + c->insertions));
}

static void put_words(const mli_scorer *s, mli_score_value *out, size_t *count)
{
    const mli_wer_rates r = mli_wer_rates_of(&s->counts);
    put(out, count, metrics[s->o.metric], r.wer);
    if (s->o.metric == MLI_SCORE_WER) {
        put(out, count, "mer", r.mer);
        put(out, count, "wil", r.wil);
        put(out, count, "wip", r.wip);
    }
    put_counts(&s->counts, out, count);
}

static void put_turns(const mli_scorer *s, mli_score_value *out, size_t *count)
{
    const mli_der *d = &s->der;
    const mli_der_rates r = mli_der_rates_of(d);
    const mli_score_value rates[] = {{"der", r.der},
                                     {"jer", r.jer},
                                     {"detection_error", r.detection},
                                     {"purity", r.purity},
                                     {"coverage", r.coverage}};
    const size_t headline = (size_t)(s->o.metric - MLI_SCORE_DER);
    const struct {
        const char *name;
        int64_t time;
    } times[] = {{"total_seconds", d->total},
                 {"correct_seconds", d->correct},
                 {"confusion_seconds", d->confusion},
                 {"miss_seconds", d->miss},
                 {"false_alarm_seconds", d->false_alarm},
                 {"speech_seconds", d->speech},
                 {"speech_miss_seconds", d->speech_miss},
                 {"speech_false_alarm_seconds", d->speech_false_alarm},
                 {"scored_seconds", d->scored}};
    put(out, count, rates[headline].name, rates[headline].value);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        if (i != headline)
            put(out, count, rates[i].name, rates[i].value);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        put(out, count, times[i].name, (double)times[i].time / 1e6);
}

static int by_start(const void *a, const void *b)
{
    const mli_word_error *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Nearest rank. */
static double at_share(const mli_scorer *s, double share)
{
    const size_t rank = (size_t)ceil(share * (double)s->time_count);
    return s->times[rank > 0 ? rank - 1 : 0].start;
}

static void put_times(const mli_scorer *s, mli_score_value *out, size_t *count)
{
    double start = 0.0, end = 0.0, within = 0.0;
    const double n = (double)s->time_count, tolerance = (double)s->o.collar / 1e6;
    const bool any = s->time_count > 0;
    for (size_t i = 0; i < s->time_count; i++) {
        start += s->times[i].start;
        end += s->times[i].end;
        within += s->times[i].start <= tolerance + 1e-9 && s->times[i].end <= tolerance + 1e-9;
    }
    if (any) /* the order of the errors says nothing */
        qsort(s->times, s->time_count, sizeof *s->times, by_start);
    put(out, count, "mean_start_error", any ? start / n : (double)NAN);
    put(out, count, "mean_end_error", any ? end / n : (double)NAN);
    put(out, count, "median_start_error", any ? at_share(s, 0.5) : (double)NAN);
    put(out, count, "p95_start_error", any ? at_share(s, 0.95) : (double)NAN);
    put(out, count, "max_start_error", any ? at_share(s, 1.0) : (double)NAN);
    put(out, count, "within_tolerance", any ? within / n : (double)NAN);
    put(out, count, "words", n);
}

size_t mli_scorer_values(const mli_scorer *s, mli_score_value out[MLI_SCORE_MAX_VALUES])
{
    size_t count = 0;
    if (s->o.metric == MLI_SCORE_TIMES)
        put_times(s, out, &count);
    else if (s->o.metric == MLI_SCORE_DER || s->o.metric == MLI_SCORE_JER ||
             s->o.metric == MLI_SCORE_VAD)
        put_turns(s, out, &count);
    else
        put_words(s, out, &count);
    return count;
}

static void write_files(const mli_scorer *s, mli_jw *w)
{
    mli_jw_key(w, "files");
    mli_jw_array(w);
    for (size_t i = 0; i < s->file_count; i++) {
        const mli_score_unit *u = &s->files[i].unit;
        mli_jw_object(w);
        mli_jw_kstring(w, "name", s->files[i].name);
        mli_jw_kreal(w, "rate", u->size > 0.0 ? u->errors / u->size : (double)NAN);
        mli_jw_kreal(w, "errors", u->errors);
        mli_jw_kreal(w, "size", u->size);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

modellab_status mli_scorer_write(const mli_scorer *s, mli_jw *w, modellab_error *err)
{
    mli_score_value values[MLI_SCORE_MAX_VALUES];
    mli_score_interval interval;
    size_t units;
    modellab_status status = mli_scorer_interval(s, &interval, &units, err);
    if (status != MODELLAB_OK)
        return status;
    const size_t count = mli_scorer_values(s, values);
    mli_jw_object(w);
    mli_jw_kstring(w, "metric", metrics[s->o.metric]);
    for (size_t i = 0; i < count; i++) {
        if (values[i].value == floor(values[i].value) && fabs(values[i].value) < 1e15)
            mli_jw_kint(w, values[i].name, (int64_t)values[i].value);
        else
            mli_jw_kreal(w, values[i].name, values[i].value);
    }
    mli_jw_key(w, "interval");
    mli_jw_object(w);
    mli_jw_kreal(w, "level", 0.95);
    mli_jw_kreal(w, "low", interval.low);
    mli_jw_kreal(w, "high", interval.high);
    mli_jw_kint(w, "units", (int64_t)units);
    mli_jw_end_object(w);
    write_files(s, w);
    if (s->o.alignment && s->o.metric == MLI_SCORE_WER) {
        mli_jw_key(w, "alignment");
        mli_jw_array(w);
        if (s->alignment.size > 0)
            mli_jw_raw(w, s->alignment.data, s->alignment.size);
        mli_jw_end_array(w);
    }
    if (s->o.pool) {
        mli_jw_key(w, "pool");
        mli_scorer_write_pool(s, w);
    }
    mli_jw_end_object(w);
    return MODELLAB_OK;
}
