/* Comparing the candidates of an experiment: a row for each, and each against the first. */
#include "lab/experiment_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "score/verdict.h"
#include <math.h>
#include <string.h>

/* Where a candidate stands on an input: scores of the first of its repetitions that completed, cost
 * and times of all that did; one that failed is a failure there. */
typedef struct place {
    mli_json *kept; /* owned; NULL = nothing is known */
    bool completed, failed, open, gone;
    int32_t cells, unpriced;
    int64_t cost_micros;
    double work_seconds, audio_seconds;
} place;

/* Words, characters or seconds of a file: more is no score. */
#define MOST_ERRORS 1e9

typedef struct comparison {
    mli_lab *lab;
    const mli_experiment *e;
    const mli_cancel_word *cancel;
    place *places; /* by input, then candidate */
    mli_candidate_sums *sums;
    int64_t gone;
    char currency[8]; /* of the first cost; others cannot be compared with it */
} comparison;

static place *place_at(const comparison *c, int32_t input, int32_t candidate)
{
    return &c->places[(size_t)input * (size_t)c->e->candidate_count + (size_t)candidate];
}

static bool is_completed(const mli_json *kept)
{
    return strcmp(mli_json_string(mli_json_get(kept, "status"), ""), "COMPLETED") == 0;
}

/* A user's cancel and a host that went away say nothing about the candidate: the next start gives
 * the cell another run. */
static bool says_nothing(const mli_json *kept)
{
    const char *status = mli_json_string(mli_json_get(kept, "status"), "");
    return strcmp(status, "CANCELLED") == 0 || strcmp(status, "STALE") == 0;
}

static void add_effort(comparison *c, place *p, const mli_json *kept)
{
    const int64_t cost = mli_json_int(mli_json_get(kept, "cost_micros"), -1);
    const char *currency = mli_json_string(mli_json_get(kept, "currency"), "");
    if (cost >= 0 && c->currency[0] == '\0')
        (void)mli_str_copy(c->currency, sizeof c->currency, currency);
    if (cost < 0 || cost > INT64_MAX - p->cost_micros || strcmp(currency, c->currency) != 0)
        p->unpriced++;
    else
        p->cost_micros += cost;
    p->work_seconds += mli_json_number(mli_json_get(kept, "wall_seconds"), 0);
    p->audio_seconds += mli_json_number(mli_json_get(kept, "audio_seconds"), 0);
}

MODELLAB_MUST_CHECK static modellab_status take(comparison *c, const mli_experiment_cell *cell,
                                                modellab_error *err)
{
    mli_json *kept = NULL;
    modellab_status status =
        mli_experiment_kept(c->lab, c->e->row->id, cell, c->cancel, &kept, err);
    if (status != MODELLAB_OK)
        return status;
    place *p = place_at(c, cell->input, cell->candidate);
    const bool first = is_completed(kept) && !p->completed;
    p->cells++;
    status = mli_candidate_sums_add(&c->sums[cell->candidate],
                                    mli_experiment_name(c->e->inputs, cell->input), cell, kept,
                                    first, err);
    p->gone = p->gone || (kept == NULL && cell->run_id[0] != '\0' && cell->status == 0);
    p->open = p->open || (kept == NULL && !(cell->run_id[0] != '\0' && cell->status == 0)) ||
              says_nothing(kept);
    p->failed = p->failed || (kept != NULL && !is_completed(kept) && !says_nothing(kept));
    if (is_completed(kept))
        add_effort(c, p, kept);
    c->gone += kept == NULL && cell->run_id[0] != '\0' && cell->status == 0;
    if (kept != NULL && (p->kept == NULL || first)) {
        mli_json_free(p->kept);
        p->kept = kept;
        p->completed = first;
    } else {
        mli_json_free(kept);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status take_all(comparison *c, modellab_error *err)
{
    mli_experiment_cell_list *cells = NULL;
    modellab_status status =
        mli_store_experiment_cells(c->lab->store, c->e->row->id, NULL, &cells, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++) {
        const mli_experiment_cell *cell = &cells->rows[i];
        if (mli_cancelled(c->cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        else if (cell->input >= 0 && cell->input < c->e->input_count && cell->candidate >= 0 &&
                 cell->candidate < c->e->candidate_count)
            status = take(c, cell, err);
    }
    for (int32_t i = 0; i < c->e->input_count; i++) { /* what has no cell yet was not begun */
        for (int32_t k = 0; k < c->e->candidate_count; k++) {
            place *p = place_at(c, i, k);
            p->open = p->open || p->cells < c->e->repetitions;
            c->sums[k].open += c->e->repetitions - p->cells;
        }
    }
    mli_experiment_cell_list_free(cells);
    return status;
}

static void fill_score(const mli_json *score, int metric, mli_verdict_score *out)
{
    const mli_json *files = mli_json_get(
        mli_json_get(mli_json_get(score, mli_experiment_score_key(metric)), "pool"), "files");
    *out = (mli_verdict_score){.known = mli_json_count(files) >= 2};
    for (size_t i = 0; i + 1 < mli_json_count(files); i += 2) {
        out->errors += mli_json_number(mli_json_at(files, i), 0);
        out->size += mli_json_number(mli_json_at(files, i + 1), 0);
    }
    out->known = out->known && out->errors >= 0 && out->errors <= MOST_ERRORS && out->size >= 0 &&
                 out->size <= MOST_ERRORS;
}

static void fill_run(const place *p, mli_verdict_run *out)
{
    const bool completed = p->completed && !p->failed;
    *out = (mli_verdict_run){.state = p->open     ? MLI_VERDICT_OPEN
                                      : completed ? MLI_VERDICT_COMPLETED
                                                  : MLI_VERDICT_FAILED};
    const mli_json *score = mli_json_get(p->kept, "score");
    for (int i = 0; i < MLI_EXPERIMENT_METRICS; i++)
        fill_score(score, i, &out->scores[i]);
    out->cost_micros = p->unpriced == 0 ? p->cost_micros : -1;
    out->work_seconds = p->work_seconds;
    out->audio_seconds = p->audio_seconds;
}

static bool same_output(const place *a, const place *b)
{
    const char *of_a = mli_json_string(mli_json_get(a->kept, "output"), "");
    return of_a[0] != '\0' &&
           strcmp(of_a, mli_json_string(mli_json_get(b->kept, "output"), "")) == 0;
}

static const mli_json *words_of(const place *p)
{
    return p->completed
               ? mli_json_get(mli_json_get(mli_json_get(p->kept, "score"), "words"), "pool")
               : NULL;
}

/* Matched pairs over the inputs that both have words of; *has false where there are none. */
MODELLAB_MUST_CHECK static modellab_status
match(const comparison *c, int32_t other, mli_matched_pairs *out, bool *has, modellab_error *err)
{
    const mli_scorer_options o = {
        .metric = MLI_SCORE_WER, .alloc = c->lab->alloc, .cancel = c->cancel};
    mli_scorer a, b;
    bool whole = true;
    modellab_status status = MODELLAB_OK;
    mli_scorer_init(&a, &o);
    mli_scorer_init(&b, &o);
    for (int32_t i = 0; status == MODELLAB_OK && i < c->e->input_count; i++) {
        const mli_json *of_a = words_of(place_at(c, i, 0)), *of_b = words_of(place_at(c, i, other));
        if (of_a == NULL || of_b == NULL)
            continue;
        status = mli_scorer_add_pool(&a, "", of_a, err);
        if (status == MODELLAB_OK)
            status = mli_scorer_add_pool(&b, "", of_b, err);
    }
    if (status == MODELLAB_E_INVALID_JSON) { /* no pieces then, sums by input */
        mli_error_clear(err);
        status = MODELLAB_OK;
        whole = false;
    }
    *has = status == MODELLAB_OK && whole && a.file_count > 0 && a.file_count == b.file_count &&
           a.word_count == b.word_count;
    if (*has)
        status = mli_scorer_matched(&a, &b, out, err);
    mli_scorer_dispose(&a);
    mli_scorer_dispose(&b);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put_verdict(const comparison *c, int32_t other,
                                                       mli_jw *w, modellab_error *err)
{
    /* asked of many candidates, chance answers sooner or later (Bonferroni) */
    mli_verdict_options o = {.alloc = c->lab->alloc,
                             .cancel = c->cancel,
                             .significance = 0.05 / (double)(c->e->candidate_count - 1)};
    mli_verdict_input *inputs =
        mli_alloc_array(c->lab->alloc, (size_t)c->e->input_count, sizeof *inputs);
    mli_matched_pairs words;
    mli_verdict verdict;
    size_t count = 0;
    bool has = false;
    if (inputs == NULL)
        return mli_no_memory(err);
    for (int32_t i = 0; i < c->e->input_count; i++) {
        const place *a = place_at(c, i, 0), *b = place_at(c, i, other);
        if ((a->gone && a->kept == NULL) || (b->gone && b->kept == NULL))
            continue; /* nothing can be said of it anymore */
        fill_run(a, &inputs[count].a);
        fill_run(b, &inputs[count].b);
        inputs[count++].same_output = same_output(a, b);
    }
    modellab_status status = match(c, other, &words, &has, err);
    o.words = has ? &words : NULL;
    if (status == MODELLAB_OK)
        status = mli_verdict_decide(inputs, count, &o, &verdict, err);
    mli_free(c->lab->alloc, inputs);
    if (status != MODELLAB_OK)
        return status;
    mli_jw_object(w);
    mli_jw_kstring(w, "a", mli_experiment_name(c->e->candidates, 0));
    mli_jw_kstring(w, "b", mli_experiment_name(c->e->candidates, other));
    mli_jw_key(w, "decision");
    mli_verdict_write(&verdict, w);
    mli_jw_end_object(w);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status write_all(const comparison *c, mli_buf *out,
                                                     modellab_error *err)
{
    const mli_experiment *e = c->e;
    modellab_status status = MODELLAB_OK;
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "id", e->row->id);
    mli_jw_kstring(&w, "name", e->row->name);
    mli_jw_kstring(&w, "status", mli_experiment_state(e->row));
    mli_jw_kint(&w, "inputs", e->input_count);
    mli_jw_kint(&w, "repetitions", e->repetitions);
    mli_jw_kint(&w, "gone", c->gone);
    mli_jw_key(&w, "candidates");
    mli_jw_array(&w);
    for (int32_t k = 0; status == MODELLAB_OK && k < e->candidate_count; k++)
        status =
            mli_candidate_sums_write(&c->sums[k], mli_experiment_name(e->candidates, k), &w, err);
    mli_jw_end_array(&w);
    mli_jw_key(&w, "verdicts");
    mli_jw_array(&w);
    for (int32_t k = 1; status == MODELLAB_OK && k < e->candidate_count; k++)
        status = put_verdict(c, k, &w, err);
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status compare(mli_lab *lab, const mli_experiment *e,
                                                   const mli_cancel_word *cancel, mli_buf *out,
                                                   modellab_error *err)
{
    const size_t candidates = (size_t)e->candidate_count;
    const size_t places = candidates * (size_t)e->input_count;
    comparison c = {.lab = lab,
                    .e = e,
                    .cancel = cancel,
                    .places = mli_alloc_array(lab->alloc, places, sizeof *c.places),
                    .sums = mli_alloc_array(lab->alloc, candidates, sizeof *c.sums)};
    modellab_status status = c.places != NULL && c.sums != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t k = 0; c.sums != NULL && k < candidates; k++)
        mli_candidate_sums_init(&c.sums[k], cancel, lab->alloc);
    if (status == MODELLAB_OK)
        status = take_all(&c, err);
    if (status == MODELLAB_OK)
        status = write_all(&c, out, err);
    for (size_t i = 0; c.places != NULL && i < places; i++)
        mli_json_free(c.places[i].kept);
    for (size_t k = 0; c.sums != NULL && k < candidates; k++)
        mli_candidate_sums_dispose(&c.sums[k]);
    mli_free(lab->alloc, c.places);
    mli_free(lab->alloc, c.sums);
    return status;
}

modellab_status mli_experiment_compare(mli_lab *lab, const char *id, const mli_cancel_word *cancel,
                                       mli_buf *out, modellab_error *err)
{
    mli_experiment e;
    modellab_status status = mli_experiment_load(lab, id, &e, err);
    if (status == MODELLAB_OK)
        status = compare(lab, &e, cancel, out, err);
    mli_experiment_dispose(&e);
    return status;
}
