/* Step score: what came out against the references of the request (score.json). Texts go into no
 * message. */
#include "lab/handoff.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/error.h"
#include "os/locale.h"
#include "score/scorer.h"
#include <math.h>
#include <string.h>

static mli_score_normalizer normalizer_of(const mli_json *config, const mli_transcript *t)
{
    static const char *const names[] = {"none", "simple", "basic", "english"};
    const char *name = mli_json_string(mli_json_get(config, "normalizer"), "auto");

    for (int i = 0; i <= MLI_SCORE_ENGLISH; i++) {
        if (strcmp(names[i], name) == 0) {
            return (mli_score_normalizer)i;
        }
    }
    return strcmp(t->language, "en") == 0 ? MLI_SCORE_ENGLISH : MLI_SCORE_BASIC;
}

static void put_nothing(mli_jw *json, const char *key)
{
    mli_jw_key(json, key);
    mli_jw_null(json);
}

/* Metrics of the run, flat: names of the values, those of characters and turns under a prefix where
 * words have the same name. Errors and size are what candidates are compared by. */
static void tell(mli_jw *told, const char *prefix, const mli_scorer *scorer,
                 const mli_score_interval *interval)
{
    mli_score_value values[MLI_SCORE_MAX_VALUES];
    size_t count = mli_scorer_values(scorer, values);
    double errors = 0, size = 0;
    char name[48];

    for (size_t i = 0; i < scorer->file_count; i++) {
        errors += scorer->files[i].unit.errors;
        size += scorer->files[i].unit.size;
    }
    const mli_score_value more[] = {
        {"errors", errors}, {"size", size}, {"low", interval->low}, {"high", interval->high}};
    for (size_t i = 0; i < count; i++) { /* the headline is the prefix itself */
        bool own = i > 0 && strcmp(prefix, "cer") == 0;
        (void)mli_os_format(name, sizeof(name), own ? "cer_%s" : "%s", values[i].name);
        mli_jw_kreal(told, name, values[i].value);
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        (void)mli_os_format(name, sizeof(name), "%s_%s", prefix, more[i].name);
        mli_jw_kreal(told, name, more[i].value);
    }
}

MODELLAB_MUST_CHECK static modellab_status put_score(mli_scorer *scorer, const char *key,
                                                     const char *prefix, mli_jw *json, mli_jw *told,
                                                     modellab_error *err)
{
    mli_score_interval interval;
    size_t units;
    modellab_status status = mli_scorer_interval(scorer, &interval, &units, err);

    if (status == MODELLAB_OK) {
        tell(told, prefix, scorer, &interval);
        mli_jw_key(json, key);
        status = mli_scorer_write(scorer, json, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status put_text(const mli_scorer_options *options,
                                                    const char *key, const char *file,
                                                    const char *reference, const char *text,
                                                    mli_jw *json, mli_jw *told, modellab_error *err)
{
    mli_scorer scorer;
    mli_scorer_init(&scorer, options);
    modellab_status status =
        mli_scorer_add_text(&scorer, file, reference, strlen(reference), text, strlen(text), err);
    if (status == MODELLAB_OK) {
        const char *prefix = options->metric == MLI_SCORE_WER ? "wer" : "cer";
        status = put_score(&scorer, key, prefix, json, told, err);
    }
    mli_scorer_dispose(&scorer);
    return status;
}

/* Words and characters; null where speech recognition gave nothing. */
MODELLAB_MUST_CHECK static modellab_status
score_words(mli_worker *w, const char *reference, mli_jw *json, mli_jw *told, modellab_error *err)
{
    const mli_json *config = mli_worker_config(w);
    mli_transcript *t = NULL;
    bool partial;
    const char *file = mli_handoff_transcript_name(w, &partial);
    modellab_status status = mli_handoff_transcript(w, &t, err);

    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        put_nothing(json, "words");
        put_nothing(json, "characters");
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_scorer_options options = {.metric = MLI_SCORE_WER,
                                  .normalizer = normalizer_of(config, t),
                                  .pool = true,
                                  .alloc = w->alloc,
                                  .cancel = &w->page->stop};
    if (partial) { /* what was not recognised counts as left out: not to be compared with others */
        mli_jw_kbool(json, "partial", true);
        mli_jw_kbool(told, "partial", true);
    }
    status = put_text(&options, "words", file, reference, t->text, json, told, err);
    if (status == MODELLAB_OK) {
        options.metric = MLI_SCORE_CER;
        status = put_text(&options, "characters", file, reference, t->text, json, told, err);
    }
    mli_transcript_unref(t);
    return status;
}

/* The turns as lines of RTTM; names become numbers, they may hold blanks. */
static void write_rttm(const mli_handoff_turns *turns, mli_buf *out)
{
    for (size_t i = 0; i < turns->count; i++) {
        const mli_handoff_turn *t = &turns->list[i];
        size_t number = 0;
        while (strcmp(turns->list[number].speaker, t->speaker) != 0) {
            number++;
        }
        mli_buf_printf(out, "SPEAKER run 1 %.3f %.3f <NA> <NA> %zu <NA> <NA>\n", t->start,
                       t->end - t->start, number);
    }
}

MODELLAB_MUST_CHECK static modellab_status compare_turns(mli_worker *w, const char *reference,
                                                         const mli_handoff_turns *turns,
                                                         mli_jw *json, mli_jw *told,
                                                         modellab_error *err)
{
    const mli_json *config = mli_worker_config(w);
    const double collar = mli_json_number(mli_json_get(config, "collar_seconds"), 0.0);
    const mli_scorer_options options = {
        .metric = MLI_SCORE_DER,
        .collar = (int64_t)llrint(collar * 1e6),
        .skip_overlap = mli_json_bool(mli_json_get(config, "skip_overlap"), false),
        .pool = true,
        .alloc = w->alloc,
        .cancel = &w->page->stop};
    mli_document a, b = {.alloc = w->alloc};
    mli_scorer scorer;
    mli_buf text;

    mli_buf_init(&text, w->alloc);
    mli_scorer_init(&scorer, &options);
    write_rttm(turns, &text);
    modellab_status status =
        mli_document_read("reference.rttm", reference, strlen(reference), w->alloc, &a, err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_document_read("run.rttm", mli_buf_text(&text), text.size, w->alloc, &b, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_scorer_add(&scorer, "speakers.json", &a, &b, NULL, err);
    }
    if (status == MODELLAB_OK) {
        status = put_score(&scorer, "speakers", "der", json, told, err);
    }
    mli_document_dispose(&a);
    mli_document_dispose(&b);
    mli_scorer_dispose(&scorer);
    mli_buf_dispose(&text);
    return status;
}

/* null where no step told who speaks. */
MODELLAB_MUST_CHECK static modellab_status
score_turns(mli_worker *w, const char *reference, mli_jw *json, mli_jw *told, modellab_error *err)
{
    mli_handoff_turns turns;
    modellab_status status = mli_handoff_turns_read(w, &turns, err);

    if (status == MODELLAB_OK) {
        status = compare_turns(w, reference, &turns, json, told, err);
    } else if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        put_nothing(json, "speakers");
        status = MODELLAB_OK;
    }
    mli_handoff_turns_dispose(w, &turns);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    const mli_json *config = mli_worker_config(w);
    const char *text = mli_json_string(mli_json_get(config, "reference_text"), NULL);
    const char *turns = mli_json_string(mli_json_get(config, "reference_turns"), NULL);
    modellab_status status = MODELLAB_OK;
    mli_buf out, result;
    mli_jw json, told;

    if (text == NULL && turns == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no reference: config.score.reference_text or reference_turns");
    }
    mli_buf_init(&out, w->alloc);
    mli_buf_init(&result, w->alloc);
    mli_jw_init(&json, &out);
    mli_jw_init(&told, &result);
    mli_jw_object(&json);
    mli_jw_object(&told);
    if (text != NULL) {
        status = score_words(w, text, &json, &told, err);
    }
    if (status == MODELLAB_OK && turns != NULL) {
        status = score_turns(w, turns, &json, &told, err);
    }
    mli_jw_end_object(&json);
    mli_jw_end_object(&told);
    mli_buf_append_char(&out, '\n');
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&out, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&result, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_result(w, &result, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "score.json", "application/json", "result", out.data,
                                     out.size, err);
    }
    mli_buf_dispose(&result);
    mli_buf_dispose(&out);
    return status;
}

const mli_step_kind mli_step_kind_score = {.name = "score",
                                           .text = "Scores the results against references.",
                                           .needs = "ingest",
                                           .wants = "asr,diarization",
                                           .outputs = "score.json",
                                           .schema = MLI_SCHEMA_score,
                                           .run = run,
                                           .needs_input = true,
                                           .may_fail = true,
                                           .always = true};
