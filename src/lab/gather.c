/* The manifest of a bundle, and the order in which its files are made. */
#include "lab/gather_private.h"

#include "base/error.h"
#include "lab/pipeline.h"
#include "lab/state.h"
#include "text/format.h"
#include <string.h>

#define JSON_MOST ((size_t)512 << 20) /* `read` has the bound that counts */

/* What a bundle can hold: the first of the files that is there. */
typedef struct part {
    const char *name;
    const char *step; /* that it comes of */
    const char *files[2];
    modellab_status (*make)(mli_gathering *g, modellab_error *err); /* NULL: the step itself does */
} part;

static const part parts[] = {
    {"transcript", "asr", {"transcript.json", "transcript.partial.json"}, NULL},
    {"subtitles", "asr", {"transcript.srt", NULL}, mli_gather_subtitles},
    {"speech", "vad", {"speech.json", NULL}, NULL},
    {"speakers", "diarization", {"speakers.rttm", NULL}, NULL},
    {"alignment", "alignment", {"alignment.json", NULL}, NULL},
    {"chapters", "chapters", {"chapters.json", NULL}, NULL},
    {"summary", "summary", {"summary.md", NULL}, mli_gather_summary},
    {"action_items", "action_items", {"action_items.csv", NULL}, mli_gather_action_items},
    {"coverage", "ingest", {"coverage.json", NULL}, mli_gather_coverage},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

bool mli_gather_has(const mli_gathering *g, const char *name)
{
    mli_gather_file file;
    return g->view->find(g->view->user, name, &file);
}

MODELLAB_MUST_CHECK static modellab_status read_file(mli_gathering *g, const char *name,
                                                     mli_buf *out, modellab_error *err)
{
    modellab_status status = g->view->read(g->view->user, name, out, err);
    g->unread = status != MODELLAB_OK;
    return status;
}

modellab_status mli_gather_json(mli_gathering *g, const char *name, mli_json **out,
                                modellab_error *err)
{
    mli_buf text;
    *out = NULL;
    mli_buf_init(&text, g->view->alloc);
    modellab_status status = read_file(g, name, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, JSON_MOST, out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

const mli_gather_step *mli_gather_past(const mli_gather_view *v, const char *step)
{
    for (size_t i = 0; i < v->past_count; i++) {
        if (strcmp(v->past[i].name, step) == 0) {
            return &v->past[i];
        }
    }
    return NULL;
}

modellab_status mli_gather_put(const mli_gathering *g, const char *name, const char *media_type,
                               mli_buf *text, modellab_status status, modellab_error *err)
{
    if (status == MODELLAB_OK) {
        status = mli_buf_status(text, err);
    }
    if (status == MODELLAB_OK) {
        status = g->view->write(g->view->user, name, media_type, text, err);
    }
    mli_buf_dispose(text);
    return status;
}

static bool file_of(const mli_gather_view *v, const part *p, mli_gather_file *out)
{
    for (size_t i = 0; i < 2 && p->files[i] != NULL; i++) {
        if (v->find(v->user, p->files[i], out)) {
            return true;
        }
    }
    return false;
}

/* What the step of a part has come to; `why` is what kept the part itself from being made. */
static void put_absent(const mli_gather_view *v, const part *p, const char *why, mli_jw *json)
{
    const mli_gather_step *step = mli_gather_past(v, p->step);
    modellab_reason cause = step != NULL ? step->reason : v->end;
    const char *reason = why;
    if (reason == NULL && step == NULL) {
        reason = mli_steps_contain(v->steps, p->step) ? "not_reached" : "not_requested";
    } else if (reason == NULL && step->status == (modellab_run_status)MODELLAB_STEP_SKIPPED) {
        reason = "skipped";
    } else if (reason == NULL) {
        reason = step->status == MODELLAB_RUN_COMPLETED   ? "empty"
                 : step->status == MODELLAB_RUN_CANCELLED ? "cancelled"
                 : step->status == MODELLAB_RUN_TIMEOUT   ? "timeout"
                                                          : "failed";
    }
    mli_jw_object(json);
    mli_jw_kstring(json, "part", p->name);
    mli_jw_kstring(json, "reason", reason);
    if (cause != MODELLAB_REASON_NONE && strcmp(reason, "not_requested") != 0) {
        mli_jw_kstring(json, "cause", mli_reason_name(cause));
    }
    mli_jw_end_object(json);
}

static void put_there(const part *p, const mli_gather_file *file, mli_jw *json)
{
    mli_jw_object(json);
    mli_jw_kstring(json, "part", p->name);
    mli_jw_kstring(json, "filename", file->name);
    mli_jw_kint(json, "size_bytes", file->bytes);
    mli_jw_kstring(json, "sha256", file->sha256);
    mli_jw_kbool(json, "partial", strstr(file->name, ".partial.") != NULL);
    mli_jw_end_object(json);
}

static void write_manifest(const mli_gather_view *v, const char *const why[PARTS], mli_buf *out)
{
    mli_jw json;
    mli_gather_file file;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kint(&json, "schema_version", 1);
    mli_jw_kstring(&json, "run_id", v->run_id);
    mli_jw_key(&json, "parts");
    mli_jw_array(&json);
    for (size_t i = 0; i < PARTS; i++) {
        if (file_of(v, &parts[i], &file)) {
            put_there(&parts[i], &file, &json);
        }
    }
    mli_jw_end_array(&json);
    mli_jw_key(&json, "absent");
    mli_jw_array(&json);
    for (size_t i = 0; i < PARTS; i++) {
        if (!file_of(v, &parts[i], &file)) {
            put_absent(v, &parts[i], why[i], &json);
        }
    }
    mli_jw_end_array(&json);
    mli_jw_key(&json, "steps");
    mli_jw_array(&json);
    for (size_t i = 0; i < v->past_count; i++) {
        mli_jw_object(&json);
        mli_jw_kstring(&json, "name", v->past[i].name);
        mli_jw_kstring(&json, "status", mli_status_name_of_run(v->past[i].status));
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

/* The transcript, or what there is of it. */
MODELLAB_MUST_CHECK static modellab_status read_transcript(mli_gathering *g, modellab_error *err)
{
    const mli_gather_view *v = g->view;
    mli_gather_file file;
    mli_buf text;
    if (!file_of(v, &parts[0], &file)) {
        return MODELLAB_OK;
    }
    mli_buf_init(&text, v->alloc);
    modellab_status status = read_file(g, file.name, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_format_read(MLI_TEXT_VERBOSE_JSON, text.data, text.size, v->alloc,
                                 &g->transcript, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* What may pass by itself, or concerns all parts alike, is no reason for a part to be absent. A
 * file that the disk does not give back concerns what is made of it; one that it does not take,
 * all. */
static bool is_about_the_part(const mli_gathering *g, modellab_status status)
{
    return (status == MODELLAB_E_IO && g->unread) || status == MODELLAB_E_LIMIT ||
           status == MODELLAB_E_HASH_MISMATCH || status == MODELLAB_E_INVALID_JSON ||
           status == MODELLAB_E_SCHEMA || status == MODELLAB_E_NOT_FOUND ||
           status == MODELLAB_E_STORE_CORRUPT;
}

static const char *word_of(modellab_status status)
{
    return status == MODELLAB_E_LIMIT ? "too_large" : "unreadable";
}

MODELLAB_MUST_CHECK static modellab_status make_parts(mli_gathering *g, const char *why[PARTS],
                                                      modellab_error *err)
{
    bool go_on = g->view->go_on;
    modellab_status status = read_transcript(g, err);
    const char *text = NULL; /* what is wrong with the transcript */
    if (go_on && is_about_the_part(g, status)) {
        text = word_of(status);
        status = MODELLAB_OK;
    }
    for (size_t i = 0; status == MODELLAB_OK && i < PARTS; i++) {
        bool of_text =
            parts[i].make == mli_gather_subtitles || parts[i].make == mli_gather_coverage;
        if (parts[i].make == NULL || (of_text && text != NULL)) {
            why[i] = parts[i].make != NULL ? text : NULL;
            continue;
        }
        g->unread = false;
        status = parts[i].make(g, err);
        if (go_on && is_about_the_part(g, status)) {
            why[i] = word_of(status);
            status = MODELLAB_OK;
        }
    }
    if (status == MODELLAB_OK) {
        mli_error_clear(err);
    }
    return status;
}

modellab_status mli_gather(const mli_gather_view *view, modellab_error *err)
{
    mli_gathering g = {.view = view};
    const char *why[PARTS] = {NULL};
    mli_buf text;
    modellab_status status = make_parts(&g, why, err);
    mli_transcript_unref(g.transcript);
    mli_buf_init(&text, view->alloc);
    if (status == MODELLAB_OK) {
        write_manifest(view, why, &text);
    }
    return mli_gather_put(&g, "bundle_manifest.json", "application/json", &text, status, err);
}
