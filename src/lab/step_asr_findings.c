/* Findings of a transcript against the speech of step vad, where it ran before, else against
 * loudness. */
#include "lab/step_asr_findings.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/handoff.h"
#include "lab/original_time.h"
#include "log/logger.h"
#include "speech/asr_model.h"
#include "speech/findings.h"
#include "speech/sound.h"

static void write_result(const mli_worker *w, const mli_asr_findings *found, bool detector,
                         mli_jw *json)
{
    mli_jw_object(json);
    mli_jw_kstring(json, "speech_by", detector ? "vad" : "loudness");
    mli_jw_kreal(json, "speech_seconds", found->speech_seconds);
    mli_jw_kint(json, "finding_count", found->all);
    mli_jw_key(json, "findings");
    mli_jw_array(json);
    for (size_t i = 0; i < found->count; i++) {
        mli_asr_finding f = found->list[i];
        f.start = mli_original_time(w, f.start, false);
        f.end = mli_original_time(w, f.end, true);
        mli_asr_finding_write(&f, (int64_t)i, json);
    }
    mli_jw_end_array(json);
    mli_jw_end_object(json);
}

MODELLAB_MUST_CHECK static modellab_status find(mli_worker *w, const mli_asr_findings_view *view,
                                                bool detector, modellab_error *err)
{
    mli_buf text;
    mli_jw json;
    mli_asr_findings *found = mli_alloc(w->alloc, sizeof *found);
    if (found == NULL) {
        return mli_no_memory(err);
    }
    mli_buf_init(&text, w->alloc);
    mli_jw_init(&json, &text);
    modellab_status status = mli_asr_findings_make(view, found, err);
    if (status == MODELLAB_OK) {
        write_result(w, found, detector, &json);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_result(w, &text, err);
    }
    mli_buf_dispose(&text);
    mli_free(w->alloc, found);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make(mli_worker *w, const mli_transcript *transcript,
                                                size_t token_limit, double first_temperature,
                                                modellab_error *err)
{
    const mli_cancel_word *cancel = &w->page->stop;
    mli_vad_segment *speech = NULL, *sound = NULL;
    size_t count = 0, sound_count = 0;
    bool detector = mli_handoff_has(w, "speech.json");
    modellab_status status = mli_sound_find(w->audio, w->alloc, cancel, &sound, &sound_count, err);
    if (status == MODELLAB_OK && detector) {
        status = mli_handoff_speech(w, &speech, &count, err);
    }
    if (status == MODELLAB_OK) {
        const mli_asr_findings_view view = {.transcript = transcript,
                                            .speech = detector ? speech : sound,
                                            .speech_count = detector ? count : sound_count,
                                            .sound = detector ? sound : NULL,
                                            .sound_count = detector ? sound_count : 0,
                                            .speech_known = true,
                                            .by_loudness = !detector,
                                            .token_limit = token_limit,
                                            .first_temperature = first_temperature,
                                            .alloc = w->alloc,
                                            .cancel = cancel};
        status = find(w, &view, detector, err);
    }
    mli_free(w->alloc, sound);
    mli_free(w->alloc, speech);
    return status;
}

void mli_asr_tell_findings(mli_worker *w, const mli_json *config, const mli_asr_model *model,
                           const mli_transcript *transcript)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    double first = mli_json_number(mli_json_at(mli_json_get(config, "temperatures"), 0), 0.0);
    size_t most = mli_asr_model_info_of(model).dims.text_ctx / 2;
    modellab_status status = make(w, transcript, most, first, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_CANCELLED) { /* a stopped run has none */
        mli_log_error(w->log, MODELLAB_LOG_WARN, "asr.no_findings", "", status, &err);
    }
}
