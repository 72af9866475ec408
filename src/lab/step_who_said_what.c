/* Step who_said_what: the turns of speakers joined with the transcript. Without it, or when the
 * diarization before it failed, the transcript is there as it was. */
#include "lab/handoff.h"
#include "lab/step_kinds.h"
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "text/format.h"
#include "text/turns.h"

enum { VERSION = 1 };

MODELLAB_MUST_CHECK static modellab_status write_one(mli_worker *w, const mli_transcript *t,
                                                     mli_text_format format, const char *name,
                                                     const char *media_type, modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_format_write(t, format, NULL, &text, err);
    if (status == MODELLAB_OK) {
        status =
            mli_worker_artifact(w, name, media_type, "result", mli_buf_text(&text), text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_all(mli_worker *w, const mli_transcript *t,
                                                     bool named, modellab_error *err)
{
    static const struct {
        mli_text_format format;
        const char *name, *media_type;
    } outputs[] = {{MLI_TEXT_VERBOSE_JSON, "who_said_what.json", "application/json"},
                   {MLI_TEXT_SRT, "who_said_what.srt", "application/x-subrip"},
                   {MLI_TEXT_VTT, "who_said_what.vtt", "text/vtt"},
                   {MLI_TEXT_DIARIZED_JSON, "diarized.json", "application/json"}};
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof(outputs) / sizeof(*outputs); i++) {
        if (named || outputs[i].format != MLI_TEXT_DIARIZED_JSON) { /* nobody spoke: no names */
            status =
                write_one(w, t, outputs[i].format, outputs[i].name, outputs[i].media_type, err);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status join(mli_worker *w, const mli_transcript *t,
                                                const mli_handoff_turns *turns, modellab_error *err)
{
    mli_transcript *made = NULL;
    mli_text_turn *list = mli_alloc_array(w->alloc, turns->count, sizeof(*list));
    if (list == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < turns->count; i++) {
        list[i] = (mli_text_turn){turns->list[i].start, turns->list[i].end, turns->list[i].speaker};
    }
    modellab_status status = mli_who_said_what(t, list, turns->count, &w->page->stop, &made, err);
    mli_free(w->alloc, list);
    if (status == MODELLAB_OK) {
        status = write_all(w, made, turns->count > 0, err);
    }
    mli_transcript_unref(made);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    mli_transcript *t = NULL;
    mli_handoff_turns turns = {NULL, NULL, 0};
    modellab_status status = mli_handoff_transcript(w, &t, err);
    if (status == MODELLAB_OK) {
        status = mli_handoff_turns_read(w, &turns, err);
    }
    if (status == MODELLAB_OK) {
        status = join(w, t, &turns, err);
    }
    mli_handoff_turns_dispose(w, &turns);
    mli_transcript_unref(t);
    return status;
}

const mli_step_kind mli_step_kind_who_said_what = {
    .name = "who_said_what",
    .text = "Gives the words of the transcript their speakers.",
    .needs = "ingest,asr,diarization",
    .outputs = "who_said_what.json,who_said_what.srt,who_said_what.vtt,diarized.json",
    .run = run,
    .needs_input = true};
