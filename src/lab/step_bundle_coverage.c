/* coverage.json of a bundle: the parts of the input from what the steps before have left. */
#include "lab/step_bundle.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/handoff.h"
#include "lab/original_time.h"
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

MODELLAB_MUST_CHECK static modellab_status read_text(mli_worker *w, mli_spans *out, bool *there,
                                                     modellab_error *err)
{
    mli_transcript *t = NULL;
    *there = mli_handoff_has(w, "transcript.json") || mli_handoff_has(w, "transcript.partial.json");
    if (!*there) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_handoff_transcript(w, &t, err);
    if (status == MODELLAB_OK) {
        status = add_text(t, out, err);
    }
    mli_transcript_unref(t);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_speech(mli_worker *w, mli_spans *out, bool *there,
                                                       modellab_error *err)
{
    mli_vad_segment *list = NULL;
    size_t count = 0;
    *there = mli_handoff_has(w, "speech.json");
    if (!*there) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_handoff_speech(w, &list, &count, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        double start = mli_original_time(w, (double)list[i].start / MLI_AUDIO_RATE, false);
        double end = mli_original_time(w, (double)list[i].end / MLI_AUDIO_RATE, true);
        status = mli_spans_add(out, mli_format_ms(start), mli_format_ms(end), err);
    }
    mli_free(w->alloc, list);
    return status;
}

/* How far speech recognition has come. */
static int64_t reached(const mli_worker *w, int64_t duration)
{
    for (size_t i = 0; i < w->past_count; i++) {
        if (strcmp(w->past[i].kind->name, "asr") == 0) {
            return w->past[i].status == MODELLAB_RUN_COMPLETED
                       ? duration
                       : mli_format_ms(mli_original_time(w, w->past[i].audio_seconds, true));
        }
    }
    return 0;
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

MODELLAB_MUST_CHECK static modellab_status store(mli_worker *w, const mli_coverage_view *view,
                                                 modellab_error *err)
{
    mli_coverage coverage;
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_coverage_make(view, w->alloc, &coverage, err);
    if (status == MODELLAB_OK) {
        write(&coverage, view->duration, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "coverage.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_coverage_dispose(&coverage);
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_bundle_coverage(mli_worker *w, modellab_error *err)
{
    mli_spans text, speech;
    bool has_text, has_speech = false;
    if (w->audio_seconds < 0) {
        return MODELLAB_OK; /* the input could not be decoded: nothing is known of its length */
    }
    mli_coverage_view view = {.duration = mli_format_ms(w->audio_seconds),
                              .recognised = mli_steps_contain(w->order.steps, "asr")};
    view.reached = reached(w, view.duration);
    mli_spans_init(&text, w->alloc);
    mli_spans_init(&speech, w->alloc);
    modellab_status status = read_text(w, &text, &has_text, err);
    if (status == MODELLAB_OK) {
        status = read_speech(w, &speech, &has_speech, err);
    }
    if (status == MODELLAB_OK) {
        view.text = has_text ? &text : NULL;
        view.speech = has_speech ? &speech : NULL;
        status = store(w, &view, err);
    }
    mli_spans_dispose(&text);
    mli_spans_dispose(&speech);
    return status;
}
