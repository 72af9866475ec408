/* Step alignment: when each word of a given text is said (alignment.json and formats by the word),
 * and who says it when the run knows who speaks. */
#include "lab/handoff.h"
#include "lab/openers.h"
#include "lab/original_time.h"
#include "lab/step_key.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_align.h"
#include "text/format.h"
#include "text/turns.h"
#include <string.h>

enum { VERSION = 2 };

MODELLAB_MUST_CHECK static modellab_status
open_recogniser(mli_model_files *files, const modellab_allocator *alloc,
                const mli_cancel_word *cancel, void **out, int64_t *bytes, modellab_error *err)
{
    mli_asr_model *model = NULL;
    const mli_asr_open_options options = {.alloc = alloc, .cancel = cancel};
    modellab_status status = mli_model_files_load(files, cancel, err);
    *bytes = (int64_t)files->weights_bytes; /* as packed, about */
    if (status == MODELLAB_OK) {
        status = mli_asr_model_open(&model, files, &options, err);
    }
    mli_model_files_unload(files);
    *out = model;
    return status;
}

static void close_recogniser(void *model)
{
    mli_asr_model_unref(model);
}

static const mli_model_opener recognisers = {"asr", open_recogniser, close_recogniser};

/* The text given for it, or else the reference of the run. */
static const mli_json *text_of(const mli_worker *w)
{
    const mli_json *config = mli_json_get(w->order.request, "config");
    const mli_json *own = mli_json_get(mli_worker_config(w), "text");
    return own != NULL ? own : mli_json_get(mli_json_get(config, "score"), "reference_text");
}

static int32_t show(void *user, double done, double total)
{
    mli_worker_progress(user, done, total);
    return 0;
}

static void pulse(void *user)
{
    mli_worker *w = user;
    mli_page_touch(w->page);
}

/* As who_said_what does it; without turns the transcript stays as it is. */
MODELLAB_MUST_CHECK static modellab_status give_speakers(mli_worker *w, mli_transcript **t,
                                                         modellab_error *err)
{
    mli_handoff_turns turns = {NULL, NULL, 0};
    mli_transcript *named = NULL;
    if (!mli_handoff_has(w, "speakers.json") || !mli_handoff_done(w, "diarization")) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_handoff_turns_read(w, &turns, err);
    mli_text_turn *list = mli_alloc_array(w->alloc, turns.count + 1, sizeof(*list));
    if (status == MODELLAB_OK && list == NULL) {
        status = mli_no_memory(err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < turns.count; i++) {
        list[i] = (mli_text_turn){turns.list[i].start, turns.list[i].end, turns.list[i].speaker};
    }
    if (status == MODELLAB_OK) {
        status = mli_who_said_what(*t, list, turns.count, &w->page->stop, &named, err);
    }
    if (status == MODELLAB_OK) {
        mli_transcript_unref(*t);
        *t = named;
    }
    mli_free(w->alloc, list);
    mli_handoff_turns_dispose(w, &turns);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_all(mli_worker *w, const mli_transcript *t,
                                                     modellab_error *err)
{
    static const struct {
        mli_text_format format;
        const char *name, *media_type;
    } outputs[] = {{MLI_TEXT_VERBOSE_JSON, "alignment.json", "application/json"},
                   {MLI_TEXT_CTM, "alignment.ctm", "text/plain"},
                   {MLI_TEXT_TEXTGRID, "alignment.textgrid", "text/plain"},
                   {MLI_TEXT_SRT_WORDS, "alignment.srt", "application/x-subrip"},
                   {MLI_TEXT_VTT_WORDS, "alignment.vtt", "text/vtt"}};
    const mli_format_options options = {.name = w->order.input_name};
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < sizeof(outputs) / sizeof(*outputs); i++) {
        mli_buf text;
        mli_buf_init(&text, w->alloc);
        status = mli_cancelled(&w->page->stop)
                     ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while results were written")
                     : mli_format_write(t, outputs[i].format, &options, &text, err);
        if (status == MODELLAB_OK) {
            status = mli_buf_status(&text, err);
        }
        if (status == MODELLAB_OK) {
            status = mli_worker_artifact(w, outputs[i].name, outputs[i].media_type, "result",
                                         mli_buf_text(&text), text.size, err);
        }
        mli_buf_dispose(&text);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status align(mli_worker *w, mli_asr_model *model,
                                                 const mli_silero *vad, const mli_json *text,
                                                 mli_transcript **out, modellab_error *err)
{
    const mli_json *config = mli_worker_config(w);
    mli_asr_session *session = NULL;
    mli_vad_segment *speech = NULL;
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.language = mli_json_string(mli_json_get(config, "language"), NULL);
    o.batch = (int32_t)mli_json_int(mli_json_get(config, "batch_size"), o.batch);
    o.vad = vad;
    o.progress = show;
    o.pulse = pulse;
    o.user = w;
    o.cancel = &w->page->stop;
    modellab_status status = MODELLAB_OK;
    if (mli_handoff_done(w, "vad")) {
        status = mli_handoff_speech(w, &speech, &o.speech_count, err);
        o.speech = speech;
    }
    if (status == MODELLAB_OK) {
        status = mli_asr_session_create(&session, w->alloc, model, mli_worker_threads(w), err);
    }
    if (status == MODELLAB_OK) {
        status = mli_asr_align(session, w->audio, mli_json_string(text, ""),
                               mli_json_string_bytes(text), &o, out, err);
    }
    mli_asr_session_destroy(session);
    mli_free(w->alloc, speech);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    const mli_json *text = text_of(w);
    void *model = NULL, *vad = NULL;
    mli_transcript *found = NULL, *original = NULL;
    if (text == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no text: config.alignment.text, or the reference of step score");
    }
    modellab_status status = mli_handoff_samples(w, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "model", &recognisers, &model, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "vad_model", &mli_opener_vad, &vad, err);
    }
    if (status == MODELLAB_OK) {
        status = align(w, model, vad, text, &found, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_original_transcript(w, found, &original, err);
    }
    if (status == MODELLAB_OK) {
        status = give_speakers(w, &original, err);
    }
    if (status == MODELLAB_OK) {
        status = write_all(w, original, err);
    }
    mli_transcript_unref(found);
    mli_transcript_unref(original);
    return status;
}

/* The text may be another step's option; names of files go into what is written. */
MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    static const char *const without[] = {"threads", "batch_size", NULL};
    char rest[65];
    mli_step_key k;
    modellab_status status = mli_worker_step_key(w, VERSION, without, rest, err);
    out[0] = '\0';
    if (status == MODELLAB_OK && rest[0] != '\0') {
        mli_step_key_begin(&k, "alignment.files", VERSION);
        mli_step_key_add(&k, "rest", rest);
        mli_step_key_add(&k, "text", mli_json_string(text_of(w), ""));
        mli_step_key_add(&k, "input_name", w->order.input_name);
        mli_step_key_end(&k, out);
    }
    return status;
}

const mli_step_kind mli_step_kind_alignment = {
    .name = "alignment",
    .text = "Finds when each word of a given text is said.",
    .needs = "ingest",
    .wants = "enhance,vad,diarization",
    .outputs = "alignment.json,alignment.ctm,alignment.textgrid,alignment.srt,alignment.vtt",
    .schema = MLI_SCHEMA_alignment,
    .models = {{"model", "asr", "whisper-tiny.en"}, {"vad_model", "vad", "silero-vad-v6"}},
    .run = run,
    .key = key,
    .needs_input = true,
    .text_or_reference = true};
