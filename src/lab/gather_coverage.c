/* coverage.json of a bundle: the parts of the input from what the steps before have left. */
#include "lab/gather_private.h"

#include "base/error.h"
#include "lab/pipeline.h"
#include "lab/state.h"
#include "score/coverage.h"
#include "text/format_time.h"
#include <string.h>

/* A segment's rounding may make it a millisecond long at least: it has text. */
MODELLAB_MUST_CHECK static modellab_status add_text(const mli_transcript *t, mli_spans *out,
                                                    modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < t->segment_count; i++) {
        int64_t start = mli_format_ms(t->segments[i].start);
        int64_t end = mli_format_ms(t->segments[i].end);
        bool any = strspn(t->segments[i].text, " ") < strlen(t->segments[i].text);
        status = any ? mli_spans_add(out, start, end, err) : MODELLAB_OK;
    }
    return status;
}

/* The times of a list of a document, which are those of the input. */
MODELLAB_MUST_CHECK static modellab_status read_spans(mli_gathering *g, const char *file,
                                                      const char *list, mli_spans *out,
                                                      modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_gather_json(g, file, &root, err);
    const mli_json *items = mli_json_get(root, list);
    size_t count = items != NULL ? mli_json_count(items) : 0;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_json *one = mli_json_at(items, i);
        double start = mli_json_number(mli_json_get(one, "start"), -1);
        double end = mli_json_number(mli_json_get(one, "end"), -1);
        status = start >= 0 && end >= start && end < 1e6
                     ? mli_spans_add(out, mli_format_ms(start), mli_format_ms(end), err)
                     : mli_fail(err, MODELLAB_E_INVALID_JSON, "%s has a bad span", file);
    }
    mli_json_free(root);
    return status;
}

/* Who has looked for speech: the detector, else who has told the speakers. */
MODELLAB_MUST_CHECK static modellab_status read_speech(mli_gathering *g, mli_spans *out,
                                                       mli_coverage_view *view, modellab_error *err)
{
    if (mli_gather_has(g, "speech.json")) {
        view->speech = out;
        view->detector = "by_vad";
        return read_spans(g, "speech.json", "segments", out, err);
    }
    if (mli_gather_has(g, "speakers.json")) {
        view->speech = out;
        view->detector = "by_diarization";
        return read_spans(g, "speakers.json", "turns", out, err);
    }
    return MODELLAB_OK;
}

/* The step that tells where text is: recognition, else the alignment of a given one. */
static const char *text_step(const mli_gather_view *v)
{
    return mli_steps_contain(v->steps, "asr") ? "asr" : "alignment";
}

/* What is to be said of what that step has not come to. */
static void tell_the_rest(const mli_gather_view *v, int64_t last_text, mli_coverage_view *view)
{
    const mli_gather_step *asr = mli_gather_past(v, text_step(v));
    modellab_reason why = asr != NULL ? asr->reason : v->end;
    view->recognised = mli_steps_contain(v->steps, text_step(v));
    view->reached = asr != NULL && asr->status == MODELLAB_RUN_COMPLETED ? view->duration
                    : v->reached_seconds >= 0 ? mli_format_ms(v->reached_seconds)
                                              : last_text;
    view->given_up = why == MODELLAB_REASON_CANCELLED_BY_USER;
    view->end = view->given_up                ? "cancelled"
                : why != MODELLAB_REASON_NONE ? mli_reason_name(why)
                                              : "";
}

static void put_seconds(mli_jw *json, const char *key, int64_t ms)
{
    mli_jw_kreal(json, key, (double)ms / 1000.0);
}

static void write(const mli_coverage *c, int64_t duration, mli_buf *out)
{
    mli_jw json;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_key(&json, "milliseconds"); /* whole numbers that add up to the duration */
    mli_jw_object(&json);
    mli_jw_kint(&json, "duration", duration);
    for (int i = 0; i < MLI_COVERAGE_LABELS; i++) {
        mli_jw_kint(&json, mli_coverage_name((mli_coverage_label)i), c->sums[i]);
    }
    mli_jw_end_object(&json);
    mli_jw_key(&json, "parts");
    mli_jw_array(&json);
    for (size_t i = 0; i < c->count; i++) {
        mli_jw_object(&json);
        put_seconds(&json, "start", c->parts[i].start);
        put_seconds(&json, "end", c->parts[i].end);
        mli_jw_kstring(&json, "label", mli_coverage_name(c->parts[i].label));
        if (c->parts[i].reason[0] != '\0') {
            mli_jw_kstring(&json, "reason", c->parts[i].reason);
        }
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

MODELLAB_MUST_CHECK static modellab_status store(mli_gathering *g, const mli_coverage_view *view,
                                                 modellab_error *err)
{
    mli_coverage coverage;
    mli_buf text;
    mli_buf_init(&text, g->view->alloc);
    modellab_status status = mli_coverage_make(view, g->view->alloc, &coverage, err);
    if (status == MODELLAB_OK) {
        write(&coverage, view->duration, &text);
    }
    mli_coverage_dispose(&coverage);
    return mli_gather_put(g, "coverage.json", "application/json", &text, status, err);
}

modellab_status mli_gather_coverage(mli_gathering *g, modellab_error *err)
{
    mli_spans text, speech;
    modellab_status status = MODELLAB_OK;
    /* when the input was not decoded, nothing is known of its length */
    if (mli_gather_has(g, "coverage.json") || g->view->audio_seconds < 0) {
        return MODELLAB_OK;
    }
    mli_coverage_view view = {.duration = mli_format_ms(g->view->audio_seconds)};
    mli_spans_init(&text, g->view->alloc);
    mli_spans_init(&speech, g->view->alloc);
    if (g->transcript != NULL) {
        view.text = &text;
        status = add_text(g->transcript, &text, err);
    } else if (strcmp(text_step(g->view), "asr") != 0 && mli_gather_has(g, "alignment.json")) {
        view.text = &text;
        status = read_spans(g, "alignment.json", "segments", &text, err);
    }
    int64_t last = 0;
    for (size_t i = 0; i < text.count; i++) {
        last = text.items[i].end > last ? text.items[i].end : last;
    }
    tell_the_rest(g->view, last, &view);
    if (status == MODELLAB_OK) {
        status = read_speech(g, &speech, &view, err);
    }
    if (status == MODELLAB_OK) {
        status = store(g, &view, err);
    }
    mli_spans_dispose(&text);
    mli_spans_dispose(&speech);
    return status;
}
