/* Step bundle, which is done whatever happened before: the results of the steps before it, gathered
 * for people. */
#include "base/error.h"
#include "lab/gather.h"
#include "lab/handoff.h"
#include "lab/original_time.h"
#include "lab/step_kinds.h"
#include <string.h>

static bool find(void *user, const char *name, mli_gather_file *out)
{
    const mli_worker *w = user;
    const mli_worker_output *output = mli_handoff_output(w, name);
    if (output == NULL) {
        return false;
    }
    *out = (mli_gather_file){w->order.outputs.names[output - w->outputs], output->sha256,
                             output->bytes};
    return true;
}

MODELLAB_MUST_CHECK static modellab_status read(void *user, const char *name, mli_buf *out,
                                                modellab_error *err)
{
    return mli_handoff_read(user, name, out, err);
}

MODELLAB_MUST_CHECK static modellab_status write(void *user, const char *name,
                                                 const char *media_type, const mli_buf *text,
                                                 modellab_error *err)
{
    mli_worker *w = user;
    if (strcmp(name, "bundle_manifest.json") == 0 && mli_worker_fault_asked(w, "fail_manifest")) {
        return mli_fail(err, MODELLAB_E_NO_SPACE, "no space, because a test asked for it");
    }
    if (strcmp(name, "bundle_manifest.json") == 0 && mli_worker_fault_asked(w, "die_manifest")) {
        return mli_worker_die(err);
    }
    return mli_worker_artifact(w, name, media_type, "result", text->data, text->size, err);
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    mli_gather_step past[MLI_STEP_MAX];
    const mli_step_past *asr = mli_worker_past(w, "asr", strlen("asr"));
    for (size_t i = 0; i < w->past_count; i++) {
        past[i] = (mli_gather_step){w->past[i].kind->name, w->past[i].status, w->past[i].reason};
    }
    const mli_gather_view view = {
        .alloc = w->alloc,
        .run_id = w->order.run_id,
        .steps = w->order.steps,
        .past = past,
        .past_count = w->past_count,
        .audio_seconds = w->audio_seconds,
        .reached_seconds = asr != NULL ? mli_original_time(w, asr->audio_seconds, true) : 0,
        .user = w,
        .find = find,
        .read = read,
        .write = write};
    return mli_gather(&view, err);
}

const mli_step_kind mli_step_kind_bundle = {
    .name = "bundle",
    .text = "Gathers the results for people, however the run ends.",
    .needs = "ingest",
    .wants = "vad,asr,diarization,who_said_what,alignment,chapters,summary,action_items",
    .outputs = "transcript.srt,summary.md,action_items.csv,coverage.json,"
               "bundle_manifest.json",
    .run = run,
    .needs_input = true,
    .always = true};
