/* One sweep over the borders of turns and scored spans: between two borders everything is constant,
 * so a few sums by pairs of speakers say all; the mapping is chosen from them afterwards. */
#include "score/der.h"

#include "base/alloc.h"
#include "base/error.h"
#include "score/assign.h"
#include <stdlib.h>

enum { REFERENCE, HYPOTHESIS, SCORED, LOOK_EVENTS = 4096 };

typedef struct event {
    int64_t at;
    uint32_t speaker;
    uint8_t side;  /* REFERENCE, HYPOTHESIS, SCORED */
    int8_t change; /* +1 or -1 */
} event;

/* The turns that are open at one time. */
typedef struct open_side {
    uint32_t *copies; /* per speaker */
    uint32_t *list;   /* speakers with copies > 0 */
    uint32_t *place;  /* per speaker: index in the list */
    size_t count;     /* of the list */
    int64_t turns;
} open_side;

typedef struct sweep {
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    size_t speakers[2];
    open_side open[2];
    int64_t *pairs;  /* time by pairs of turns: what the mapping is chosen by */
    int64_t *least;  /* time by the smaller number of turns: what is correct when mapped */
    int64_t *common; /* time in which both speak at all */
    int64_t *alone[2];
    int64_t turn_time[2], least_time, speech[2], both_speech, scored;
} sweep;

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

MODELLAB_MUST_CHECK static modellab_status make_side(sweep *s, int side, modellab_error *err)
{
    const size_t n = s->speakers[side];
    open_side *o = &s->open[side];
    o->copies = mli_alloc_array(s->alloc, 3 * n + 1, sizeof *o->copies);
    s->alone[side] = mli_alloc_array(s->alloc, n + 1, sizeof *s->alone[side]);
    if (o->copies == NULL || s->alone[side] == NULL)
        return mli_no_memory(err);
    o->list = o->copies + n;
    o->place = o->list + n;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status sweep_make(size_t reference, size_t hypothesis,
                                                      const mli_der_options *o, sweep *s,
                                                      modellab_error *err)
{
    const size_t cells = reference * hypothesis;
    *s = (sweep){.alloc = o->alloc, .cancel = o->cancel, .speakers = {reference, hypothesis}};
    modellab_status status = make_side(s, REFERENCE, err);
    if (status == MODELLAB_OK)
        status = make_side(s, HYPOTHESIS, err);
    if (status != MODELLAB_OK)
        return status;
    s->pairs = mli_alloc_array(o->alloc, 3 * cells + 1, sizeof *s->pairs);
    if (s->pairs == NULL)
        return mli_no_memory(err);
    s->least = s->pairs + cells;
    s->common = s->least + cells;
    return MODELLAB_OK;
}

static void sweep_dispose(sweep *s)
{
    for (int side = 0; side < 2; side++) {
        mli_free(s->alloc, s->open[side].copies);
        mli_free(s->alloc, s->alone[side]);
    }
    mli_free(s->alloc, s->pairs);
}

static void open_or_close(open_side *o, uint32_t speaker, int change)
{
    o->turns += change;
    if (change > 0 && o->copies[speaker]++ == 0) {
        o->place[speaker] = (uint32_t)o->count;
        o->list[o->count++] = speaker;
    } else if (change < 0 && --o->copies[speaker] == 0) {
        const uint32_t last = o->list[--o->count];
        o->list[o->place[speaker]] = last;
        o->place[last] = o->place[speaker];
    }
}

/* The state has lasted for `time`. */
static void account(sweep *s, int64_t time)
{
    const open_side *r = &s->open[REFERENCE], *h = &s->open[HYPOTHESIS];
    s->scored += time;
    for (int side = 0; side < 2; side++) {
        s->turn_time[side] += time * s->open[side].turns;
        s->speech[side] += s->open[side].turns > 0 ? time : 0;
        for (size_t i = 0; i < s->open[side].count; i++)
            s->alone[side][s->open[side].list[i]] += time;
    }
    s->least_time += time * (r->turns < h->turns ? r->turns : h->turns);
    s->both_speech += r->turns > 0 && h->turns > 0 ? time : 0;
    for (size_t i = 0; i < r->count; i++) {
        const int64_t copies = r->copies[r->list[i]];
        int64_t *const row = s->pairs + (size_t)r->list[i] * s->speakers[HYPOTHESIS];
        for (size_t k = 0; k < h->count; k++) {
            const uint32_t speaker = h->list[k];
            const int64_t others = h->copies[speaker];
            row[speaker] += time * copies * others;
            row[speaker + (s->least - s->pairs)] += time * (copies < others ? copies : others);
            row[speaker + (s->common - s->pairs)] += time;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status walk(sweep *s, const event *events, size_t count,
                                                modellab_error *err)
{
    int32_t scored = 0;
    size_t work = 0;
    for (size_t i = 0; i < count; i++) {
        const event *e = &events[i];
        if (i > 0 && scored > 0 && e->at > events[i - 1].at)
            account(s, e->at - events[i - 1].at);
        work += 1 + s->open[REFERENCE].count * (1 + s->open[HYPOTHESIS].count);
        if (work > LOOK_EVENTS * 64) {
            work = 0;
            if (mli_cancelled(s->cancel))
                return mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
        }
        if (e->side == SCORED)
            scored += e->change;
        else
            open_or_close(&s->open[e->side], e->speaker, e->change);
        if (e->side != SCORED && s->open[e->side].copies[e->speaker] > MLI_DER_MAX_COPIES)
            return mli_fail(err, MODELLAB_E_LIMIT, "a speaker has more than %d turns at one time",
                            (int)MLI_DER_MAX_COPIES);
    }
    return MODELLAB_OK;
}

static void put_turns(const mli_turns *turns, uint8_t side, event *events, size_t *count)
{
    for (size_t i = 0; i < turns->count; i++) {
        const mli_turn *t = &turns->items[i];
        if (t->start >= t->end)
            continue;
        events[(*count)++] = (event){t->start, t->speaker, side, 1};
        events[(*count)++] = (event){t->end, t->speaker, side, -1};
    }
}

MODELLAB_MUST_CHECK static modellab_status sweep_run(sweep *s, const mli_turns *reference,
                                                     const mli_turns *hypothesis,
                                                     const mli_spans *scored, modellab_error *err)
{
    const size_t most = 2 * (reference->count + hypothesis->count + scored->count);
    event *events = mli_alloc_array(s->alloc, most + 1, sizeof *events);
    size_t count = 0;
    if (events == NULL)
        return mli_no_memory(err);
    put_turns(reference, REFERENCE, events, &count);
    put_turns(hypothesis, HYPOTHESIS, events, &count);
    for (size_t i = 0; i < scored->count; i++) {
        events[count++] = (event){scored->items[i].start, 0, SCORED, 1};
        events[count++] = (event){scored->items[i].end, 0, SCORED, -1};
    }
    qsort(events, count, sizeof *events, by_time);
    modellab_status status = walk(s, events, count, err);
    mli_free(s->alloc, events);
    return status;
}

/* The union of what is scored by itself: the UEM, or the whole extent of both. */
MODELLAB_MUST_CHECK static modellab_status extent(const mli_turns *reference,
                                                  const mli_turns *hypothesis,
                                                  const mli_der_options *o, mli_spans *out,
                                                  modellab_error *err)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; o->uem != NULL && status == MODELLAB_OK && i < o->uem_count; i++)
        status = mli_spans_add(out, o->uem[i].start, o->uem[i].end, err);
    for (size_t i = 0; o->uem == NULL && i < reference->count + hypothesis->count; i++) {
        const mli_turn *t =
            i < reference->count ? &reference->items[i] : &hypothesis->items[i - reference->count];
        if (t->start < t->end) {
            first = t->start < first ? t->start : first;
            last = t->end > last ? t->end : last;
        }
    }
    if (status == MODELLAB_OK && first < last)
        status = mli_spans_add(out, first, last, err);
    mli_spans_join(out);
    return status;
}

/* Times with two or more turns. `starts` and `ends` are sorted. */
MODELLAB_MUST_CHECK static modellab_status overlaps(const mli_turns *turns,
                                                    const modellab_allocator *alloc, mli_spans *out,
                                                    modellab_error *err)
{
    event *events = mli_alloc_array(alloc, 2 * turns->count + 1, sizeof *events);
    modellab_status status = MODELLAB_OK;
    size_t count = 0;
    int64_t open = 0;
    if (events == NULL)
        return mli_no_memory(err);
    put_turns(turns, REFERENCE, events, &count);
    qsort(events, count, sizeof *events, by_time);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        if (i > 0 && open > 1)
            status = mli_spans_add(out, events[i - 1].at, events[i].at, err);
        open += events[i].change;
    }
    mli_free(alloc, events);
    return status;
}

/* What is left of `whole` without collars and, if asked, without overlap. */
MODELLAB_MUST_CHECK static modellab_status scored_part(const mli_turns *reference,
                                                       const mli_der_options *o,
                                                       const mli_spans *whole, mli_spans *out,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    mli_spans holes;
    mli_spans_init(&holes, o->alloc);
    const int64_t half = o->collar / 2;
    for (size_t i = 0; status == MODELLAB_OK && half > 0 && i < reference->count; i++) {
        const mli_turn *t = &reference->items[i];
        if (t->start >= t->end)
            continue;
        status = mli_spans_add(&holes, t->start - half, t->start + half, err);
        if (status == MODELLAB_OK)
            status = mli_spans_add(&holes, t->end - half, t->end + half, err);
    }
    if (status == MODELLAB_OK && o->skip_overlap)
        status = overlaps(reference, o->alloc, &holes, err);
    if (status == MODELLAB_OK) {
        mli_spans_join(&holes);
        status = mli_spans_subtract(whole, &holes, out, err);
    }
    mli_spans_dispose(&holes);
    return status;
}

/* Largest common time of a row (step 1) or a column (step = number of columns). */
static int64_t largest(const int64_t *cells, size_t count, size_t step)
{
    int64_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = cells[i * step] > most ? cells[i * step] : most;
    return most;
}

static void tell_purity(const sweep *s, mli_der *out)
{
    const size_t rows = s->speakers[REFERENCE], columns = s->speakers[HYPOTHESIS];
    for (size_t h = 0; h < columns; h++) {
        out->purity_total += s->alone[HYPOTHESIS][h];
        out->purity_correct += largest(s->common + h, rows, columns);
    }
    for (size_t r = 0; r < rows; r++) {
        out->coverage_total += s->alone[REFERENCE][r];
        out->coverage_correct += largest(s->common + r * columns, columns, 1);
    }
}

/* `hypothesis_of`: the speaker of the hypothesis for each of the reference. */
static void tell_errors(const sweep *s, const int32_t *hypothesis_of, mli_der *out)
{
    const size_t columns = s->speakers[HYPOTHESIS];
    out->total = s->turn_time[REFERENCE];
    out->miss = s->turn_time[REFERENCE] - s->least_time;
    out->false_alarm = s->turn_time[HYPOTHESIS] - s->least_time;
    out->speech = s->speech[REFERENCE];
    out->speech_miss = s->speech[REFERENCE] - s->both_speech;
    out->speech_false_alarm = s->speech[HYPOTHESIS] - s->both_speech;
    out->scored = s->scored;
    for (size_t r = 0; r < s->speakers[REFERENCE]; r++) {
        const int64_t time = s->alone[REFERENCE][r];
        if (time == 0)
            continue; /* not heard in what is scored */
        out->jaccard_speakers++;
        if (hypothesis_of[r] == MLI_ASSIGN_NONE) {
            out->jaccard_errors += 1.0;
            continue;
        }
        const size_t cell = r * columns + (size_t)hypothesis_of[r];
        const int64_t common = s->common[cell];
        const int64_t both = time + s->alone[HYPOTHESIS][hypothesis_of[r]] - common;
        out->correct += s->least[cell];
        out->jaccard_errors += (double)(both - common) / (double)both;
    }
    out->confusion = s->least_time - out->correct;
}

/* Numbers of the speakers that are heard in what is scored; returns how many. */
static size_t heard(const sweep *s, int side, int32_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->speakers[side]; i++) {
        if (s->alone[side][i] > 0)
            out[count++] = (int32_t)i;
    }
    return count;
}

/* The mapping with the greatest common time, among those who are heard. */
MODELLAB_MUST_CHECK static modellab_status map(const sweep *s, int32_t *numbers, int64_t *gains,
                                               int32_t *hypothesis_of, modellab_error *err)
{
    const size_t rows = s->speakers[REFERENCE], columns = s->speakers[HYPOTHESIS];
    int32_t *const of_row = numbers, *const of_column = numbers + rows;
    int32_t *const found = of_column + columns;
    const size_t n = heard(s, REFERENCE, of_row), m = heard(s, HYPOTHESIS, of_column);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++)
            gains[i * m + k] = s->pairs[(size_t)of_row[i] * columns + (size_t)of_column[k]];
    }
    for (size_t r = 0; r < rows; r++)
        hypothesis_of[r] = MLI_ASSIGN_NONE;
    modellab_status status = mli_assign(gains, n, m, s->alloc, s->cancel, found, err);
    for (size_t i = 0; status == MODELLAB_OK && i < n; i++) {
        if (found[i] != MLI_ASSIGN_NONE)
            hypothesis_of[of_row[i]] = of_column[found[i]];
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status map_and_tell(const sweep *s, mli_der *out,
                                                        int32_t *reference_of, modellab_error *err)
{
    const size_t rows = s->speakers[REFERENCE], columns = s->speakers[HYPOTHESIS];
    int32_t *hypothesis_of = mli_alloc_array(s->alloc, 3 * rows + columns + 1, sizeof(int32_t));
    int64_t *gains = mli_alloc_array(s->alloc, rows * columns + 1, sizeof *gains);
    modellab_status status = MODELLAB_OK;
    if (hypothesis_of == NULL || gains == NULL)
        status = mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = map(s, hypothesis_of + rows, gains, hypothesis_of, err);
    if (status == MODELLAB_OK)
        tell_errors(s, hypothesis_of, out);
    for (size_t h = 0; reference_of != NULL && h < columns; h++)
        reference_of[h] = MLI_ASSIGN_NONE;
    for (size_t r = 0; status == MODELLAB_OK && reference_of != NULL && r < rows; r++) {
        if (hypothesis_of[r] != MLI_ASSIGN_NONE)
            reference_of[hypothesis_of[r]] = (int32_t)r;
    }
    mli_free(s->alloc, hypothesis_of);
    mli_free(s->alloc, gains);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_turns *turns, modellab_error *err)
{
    if (turns->speakers > MLI_DER_MAX_SPEAKERS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d speakers", (int)MLI_DER_MAX_SPEAKERS);
    if (turns->count > MLI_DER_MAX_TURNS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d turns", (int)MLI_DER_MAX_TURNS);
    return MODELLAB_OK;
}

modellab_status mli_der_score(const mli_turns *reference, const mli_turns *hypothesis,
                              const mli_der_options *options, mli_der *out, int32_t *reference_of,
                              modellab_error *err)
{
    const mli_der_options o = options != NULL ? *options : (mli_der_options){0};
    mli_spans whole, scored;
    sweep all = {0}, part = {0};
    *out = (mli_der){0};
    mli_spans_init(&whole, o.alloc);
    mli_spans_init(&scored, o.alloc);
    modellab_status status = check(reference, err);
    if (status == MODELLAB_OK)
        status = check(hypothesis, err);
    if (status == MODELLAB_OK)
        status = extent(reference, hypothesis, &o, &whole, err);
    if (status == MODELLAB_OK)
        status = scored_part(reference, &o, &whole, &scored, err);
    if (status == MODELLAB_OK)
        status = sweep_make(reference->speakers, hypothesis->speakers, &o, &all, err);
    if (status == MODELLAB_OK)
        status = sweep_run(&all, reference, hypothesis, &whole, err);
    if (status == MODELLAB_OK) {
        tell_purity(&all, out);
        status = sweep_make(reference->speakers, hypothesis->speakers, &o, &part, err);
    }
    if (status == MODELLAB_OK)
        status = sweep_run(&part, reference, hypothesis, &scored, err);
    if (status == MODELLAB_OK)
        status = map_and_tell(&part, out, reference_of, err);
    all.alloc = part.alloc = o.alloc;
    sweep_dispose(&all);
    sweep_dispose(&part);
    mli_spans_dispose(&whole);
    mli_spans_dispose(&scored);
    if (status != MODELLAB_OK)
        *out = (mli_der){0};
    return status;
}

void mli_der_add(mli_der *sum, const mli_der *more)
{
    sum->total += more->total;
    sum->correct += more->correct;
    sum->confusion += more->confusion;
    sum->miss += more->miss;
    sum->false_alarm += more->false_alarm;
    sum->jaccard_errors += more->jaccard_errors;
    sum->jaccard_speakers += more->jaccard_speakers;
    sum->purity_total += more->purity_total;
    sum->purity_correct += more->purity_correct;
    sum->coverage_total += more->coverage_total;
    sum->coverage_correct += more->coverage_correct;
    sum->speech += more->speech;
    sum->speech_miss += more->speech_miss;
    sum->speech_false_alarm += more->speech_false_alarm;
    sum->scored += more->scored;
}

static double share(int64_t part, int64_t whole, double of_nothing)
{
    return whole > 0 ? (double)part / (double)whole : of_nothing;
}

mli_der_rates mli_der_rates_of(const mli_der *s)
{
    const int64_t errors = s->confusion + s->miss + s->false_alarm;
    const int64_t detection = s->speech_miss + s->speech_false_alarm;
    return (mli_der_rates){
        .der = share(errors, s->total, errors > 0 ? 1.0 : 0.0),
        .jer = s->jaccard_speakers > 0 ? s->jaccard_errors / (double)s->jaccard_speakers : 1.0,
        .purity = share(s->purity_correct, s->purity_total, 1.0),
        .coverage = share(s->coverage_correct, s->coverage_total, 1.0),
        .detection = share(detection, s->speech, detection > 0 ? 1.0 : 0.0)};
}
