/* Step score: what came out against the references of the request (score.json). Texts go into no
 * message. */
#include "lab/handoff.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/error.h"
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

MODELLAB_MUST_CHECK static modellab_status put_text(const mli_scorer_options *options,
                                                    const char *key, const char *file,
                                                    const char *reference, const char *text,
                                                    mli_jw *json, modellab_error *err)
{
    mli_scorer scorer;
    mli_scorer_init(&scorer, options);
    modellab_status status =
        mli_scorer_add_text(&scorer, file, reference, strlen(reference), text, strlen(text), err);
    if (status == MODELLAB_OK) {
        mli_jw_key(json, key);
        status = mli_scorer_write(&scorer, json, err);
    }
    mli_scorer_dispose(&scorer);
    return status;
}

/* Words and characters; null where speech recognition gave nothing. */
MODELLAB_MUST_CHECK static modellab_status score_words(mli_worker *w, const char *reference,
                                                       mli_jw *json, modellab_error *err)
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
    }
    status = put_text(&options, "words", file, reference, t->text, json, err);
    if (status == MODELLAB_OK) {
        options.metric = MLI_SCORE_CER;
        status = put_text(&options, "characters", file, reference, t->text, json, err);
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
                                                         mli_jw *json, modellab_error *err)
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
        mli_jw_key(json, "speakers");
        status = mli_scorer_write(&scorer, json, err);
    }
    mli_document_dispose(&a);
    mli_document_dispose(&b);
    mli_scorer_dispose(&scorer);
    mli_buf_dispose(&text);
    return status;
}

/* null where no step told who speaks. */
MODELLAB_MUST_CHECK static modellab_status score_turns(mli_worker *w, const char *reference,
                                                       mli_jw *json, modellab_error *err)
{
    mli_handoff_turns turns;
    modellab_status status = mli_handoff_turns_read(w, &turns, err);

    if (status == MODELLAB_OK) {
        status = compare_turns(w, reference, &turns, json, err);
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
    mli_buf out;
    mli_jw json;

    if (text == NULL && turns == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no reference: config.score.reference_text or reference_turns");
    }
    mli_buf_init(&out, w->alloc);
    mli_jw_init(&json, &out);
    mli_jw_object(&json);
    if (text != NULL) {
        status = score_words(w, text, &json, err);
    }
    if (status == MODELLAB_OK && turns != NULL) {
        status = score_turns(w, turns, &json, err);
    }
    mli_jw_end_object(&json);
    mli_buf_append_char(&out, '\n');
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&out, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "score.json", "application/json", "result", out.data,
                                     out.size, err);
    }
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
