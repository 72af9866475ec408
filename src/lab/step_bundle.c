/* Step bundle, which is done whatever happened before: the files for people, and a manifest of what
 * there is and of what is absent and why (bundle_manifest.json). */
#include "lab/step_bundle.h"

#include "base/error.h"
#include "lab/handoff.h"
#include "lab/state.h"
#include "lab/step_kinds.h"
#include <string.h>

/* What a bundle can hold: the first of the files that is there. */
typedef struct part {
    const char *name;
    const char *step; /* that it comes of */
    const char *files[2];
} part;

static const part parts[] = {
    {"transcript", "asr", {"transcript.json", "transcript.partial.json"}},
    {"subtitles", "asr", {"transcript.srt", NULL}},
    {"speech", "vad", {"speech.json", NULL}},
    {"speakers", "diarization", {"speakers.rttm", NULL}},
    {"chapters", "chapters", {"chapters.json", NULL}},
    {"summary", "summary", {"summary.md", NULL}},
    {"action_items", "action_items", {"action_items.csv", NULL}},
    {"coverage", "ingest", {"coverage.json", NULL}},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const char *file_of(const mli_worker *w, const part *p)
{
    for (size_t i = 0; i < 2 && p->files[i] != NULL; i++) {
        if (mli_handoff_has(w, p->files[i])) {
            return p->files[i];
        }
    }
    return NULL;
}

static void put_part(const mli_worker *w, const part *p, const char *file, mli_jw *json)
{
    const mli_worker_output *output = mli_handoff_output(w, file);
    mli_jw_object(json);
    mli_jw_kstring(json, "part", p->name);
    mli_jw_kstring(json, "filename", file);
    mli_jw_kint(json, "size_bytes", output->bytes);
    mli_jw_kstring(json, "sha256", output->sha256);
    mli_jw_kbool(json, "partial", strstr(file, ".partial.") != NULL);
    mli_jw_end_object(json);
}

/* Why it is absent: nobody asked for it, or its step did not make it. */
static const char *reason_of(const mli_worker *w, const part *p)
{
    for (size_t i = 0; i < w->past_count; i++) {
        if (strcmp(w->past[i].kind->name, p->step) == 0) {
            return w->past[i].status == MODELLAB_RUN_COMPLETED                       ? "empty"
                   : w->past[i].status == (modellab_run_status)MODELLAB_STEP_SKIPPED ? "skipped"
                                                                                     : "failed";
        }
    }
    return "not_requested";
}

static void write_manifest(const mli_worker *w, mli_buf *out)
{
    mli_jw json;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kint(&json, "schema_version", 1);
    mli_jw_kstring(&json, "run_id", w->order.run_id);
    mli_jw_key(&json, "parts");
    mli_jw_array(&json);
    for (size_t i = 0; i < PARTS; i++) {
        const char *file = file_of(w, &parts[i]);
        if (file != NULL) {
            put_part(w, &parts[i], file, &json);
        }
    }
    mli_jw_end_array(&json);
    mli_jw_key(&json, "absent");
    mli_jw_array(&json);
    for (size_t i = 0; i < PARTS; i++) {
        if (file_of(w, &parts[i]) == NULL) {
            mli_jw_object(&json);
            mli_jw_kstring(&json, "part", parts[i].name);
            mli_jw_kstring(&json, "reason", reason_of(w, &parts[i]));
            mli_jw_end_object(&json);
        }
    }
    mli_jw_end_array(&json);
    mli_jw_key(&json, "steps");
    mli_jw_array(&json);
    for (size_t i = 0; i < w->past_count; i++) {
        mli_jw_object(&json);
        mli_jw_kstring(&json, "name", w->past[i].kind->name);
        mli_jw_kstring(&json, "status", mli_status_name_of_run(w->past[i].status));
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    mli_buf text;
    modellab_status status = mli_bundle_subtitles(w, err);
    if (status == MODELLAB_OK) {
        status = mli_bundle_summary(w, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_bundle_action_items(w, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_bundle_coverage(w, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, w->alloc);
    write_manifest(w, &text);
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "bundle_manifest.json", "application/json", "result",
                                     text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

const mli_step_kind mli_step_kind_bundle = {
    .name = "bundle",
    .text = "Gathers the results for people; also of a run that fails.",
    .needs = "ingest",
    .wants = "vad,asr,diarization,who_said_what,chapters,summary,action_items",
    .outputs = "transcript.srt,summary.md,action_items.csv,coverage.json,"
               "bundle_manifest.json",
    .run = run,
    .needs_input = true,
    .always = true};
