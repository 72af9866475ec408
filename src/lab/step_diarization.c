/* Step diarization: who speaks when, as speakers.json and speakers.rttm. A run that has something
 * else to make goes on without it. */
#include "lab/handoff.h"
#include "lab/known_voice.h"
#include "lab/openers.h"
#include "lab/original_time.h"
#include "lab/step_key.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "audio/decode.h"
#include "base/alloc.h"
#include "base/error.h"
#include "models/torch.h"
#include "speech/diarize.h"
#include "text/turns.h"
#include <stdio.h>
#include <string.h>

enum { VERSION = 2, NAME_ROOM = 24 };

MODELLAB_MUST_CHECK static modellab_status open_encoder(mli_model_files *files,
                                                        const modellab_allocator *alloc,
                                                        const mli_cancel_word *cancel, void **out,
                                                        int64_t *bytes, modellab_error *err)
{
    mli_ge2e_weights weights;
    mli_ge2e *model = NULL;
    mli_tensors list;
    int64_t parameters;
    mli_tensors_init(&list, alloc);
    modellab_status status = mli_model_files_load(files, cancel, err);
    if (status == MODELLAB_OK) {
        status = mli_torch_read(&list, files->weights, files->weights_bytes, cancel, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_tensors_sort(&list, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_ge2e_take(&weights, &list, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_ge2e_create(&model, alloc, &weights, err);
    }
    mli_tensors_dispose(&list);
    mli_model_files_unload(files);
    mli_ge2e_sizes(&parameters, bytes);
    *out = model;
    return status;
}

static void close_encoder(void *model)
{
    mli_ge2e_destroy(model);
}

static const mli_model_opener opener = {"speaker-embedding", open_encoder, close_encoder};

static int32_t int_of(const mli_json *config, const char *key, int32_t fallback)
{
    return (int32_t)mli_json_int(mli_json_get(config, key), fallback);
}

static int32_t show(void *user, double fraction)
{
    mli_worker *w = user;
    double all = (double)mli_audio_samples(w->audio) / MLI_AUDIO_RATE;
    mli_worker_progress(w, fraction * all, all);
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status read_options(mli_worker *w, mli_diarize_options *o,
                                                        modellab_error *err)
{
    const mli_json *config = mli_worker_config(w);
    const char *method = mli_json_string(mli_json_get(config, "method"), "merge_path");
    mli_diarize_options_init(o);
    o->cluster.method =
        strcmp(method, "agglomerative") == 0 ? MLI_CLUSTER_AGGLOMERATIVE : MLI_CLUSTER_MERGE_PATH;
    o->cluster.least = int_of(config, "min_speakers", 1);
    o->cluster.most = int_of(config, "max_speakers", 0);
    o->overlapping = mli_json_bool(mli_json_get(config, "overlapping"), false);
    o->known_least =
        (float)mli_json_number(mli_json_get(config, "known_least"), (double)o->known_least);
    o->progress = show;
    o->progress_user = w;
    if (o->cluster.most > 0 && o->cluster.most < o->cluster.least) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "max_speakers must not be below min_speakers");
    }
    return MODELLAB_OK;
}

/* Voices that are known by name, and what they are called. */
typedef struct known {
    const mli_json *list; /* of the request; NULL = none */
    size_t count;
    float *voices; /* [count][MLI_VOICE_WIDTH] */
} known;

/* The voice of a clip, as the recording is heard. */
MODELLAB_MUST_CHECK static modellab_status hear_clip(mli_worker *w, const mli_diarize_tools *tools,
                                                     const mli_diarize_options *options,
                                                     const mli_known_clip *clip, float *voice,
                                                     modellab_error *err)
{
    mli_audio_options o;
    mli_audio_source *source = NULL;
    mli_audio_options_init(&o);
    o.alloc = w->alloc;
    o.cancel = &w->page->stop;
    o.max_samples = (int64_t)MLI_KNOWN_SECONDS * MLI_AUDIO_RATE;
    modellab_status status =
        mli_audio_decode_memory(clip->audio.data, clip->audio.size, &o, &source, err);
    if (status == MODELLAB_OK) {
        status = mli_diarize_voice(tools, source, options, voice, err);
    }
    mli_audio_unref(source);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status enrol(mli_worker *w, const mli_diarize_tools *tools,
                                                 mli_diarize_options *o, known *k,
                                                 modellab_error *err)
{
    mli_diarize_options quiet = *o;
    modellab_status status = MODELLAB_OK;
    k->list = mli_json_get(mli_worker_config(w), "known");
    k->count = k->list != NULL ? mli_json_count(k->list) : 0;
    if (k->count == 0) {
        return MODELLAB_OK;
    }
    k->voices = mli_alloc_array(w->alloc, k->count * MLI_VOICE_WIDTH, sizeof(*k->voices));
    if (k->voices == NULL) {
        return mli_no_memory(err);
    }
    quiet.progress = NULL;
    for (size_t i = 0; status == MODELLAB_OK && i < k->count; i++) {
        modellab_error why = MODELLAB_ERROR_INIT;
        mli_known_clip clip;
        status = mli_known_clip_read(mli_json_at(k->list, i), w->alloc, &clip, &why);
        if (status == MODELLAB_OK) {
            status = hear_clip(w, tools, &quiet, &clip, k->voices + i * MLI_VOICE_WIDTH, &why);
        }
        mli_known_clip_dispose(&clip);
        if (status != MODELLAB_OK) {
            status = mli_fail(err, status, "the clip of known voice %zu: %s", i + 1, why.message);
        }
        mli_page_touch(w->page);
    }
    o->known = k->voices;
    o->known_count = k->count;
    return status;
}

static const char *name_of(const known *k, int32_t index)
{
    return mli_json_string(mli_json_get(mli_json_at(k->list, (size_t)index), "name"), "");
}

/* What was found, for the writers. */
typedef struct result {
    mli_text_speaker *speakers;
    mli_text_turn *turns;
    size_t speaker_count, turn_count;
    double duration;
    bool with_known;
} result;

/* Both artifacts. */
MODELLAB_MUST_CHECK static modellab_status write_turns(mli_worker *w, const result *r,
                                                       modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    mli_turns_json(r->turns, r->turn_count, r->speakers, r->speaker_count, r->with_known,
                   r->duration, &text);
    mli_buf_append_char(&text, '\n');
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "speakers.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_buf_clear(&text);
    if (status == MODELLAB_OK) {
        const char *name = w->order.input_name;
        mli_turns_rttm(r->turns, r->turn_count, name[0] != '\0' ? name : NULL, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "speakers.rttm", "text/plain", "result",
                                     mli_buf_text(&text), text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status tell(mli_worker *w, const mli_diarization *d,
                                                const known *k, modellab_error *err)
{
    char(*texts)[NAME_ROOM] = mli_alloc_array(w->alloc, d->speaker_count, sizeof(*texts));
    result r = {.speaker_count = d->speaker_count,
                .turn_count = d->turn_count,
                .duration = mli_original_time(w, (double)d->samples / MLI_AUDIO_RATE, true),
                .with_known = k->count > 0};
    modellab_status status = MODELLAB_E_NO_MEMORY;
    r.speakers = mli_alloc_array(w->alloc, d->speaker_count, sizeof(*r.speakers));
    r.turns = mli_alloc_array(w->alloc, d->turn_count, sizeof(*r.turns));
    if (texts != NULL && r.speakers != NULL && r.turns != NULL) {
        for (size_t i = 0; i < d->speaker_count; i++) {
            const mli_speaker *s = &d->speakers[i];
            (void)snprintf(texts[i], sizeof(texts[i]), "speaker_%d", (int)i + 1);
            r.speakers[i] = (mli_text_speaker){s->known >= 0 ? name_of(k, s->known) : texts[i],
                                               s->known >= 0, (double)s->known_score};
        }
        for (size_t i = 0; i < d->turn_count; i++) {
            double start = (double)d->turns[i].start / MLI_AUDIO_RATE;
            double end = (double)d->turns[i].end / MLI_AUDIO_RATE;
            r.turns[i] =
                (mli_text_turn){mli_original_time(w, start, false), mli_original_time(w, end, true),
                                r.speakers[d->turns[i].speaker].name};
        }
        status = write_turns(w, &r, err);
    } else {
        status = mli_no_memory(err);
    }
    mli_free(w->alloc, texts);
    mli_free(w->alloc, r.speakers);
    mli_free(w->alloc, r.turns);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status diarize(mli_worker *w, const mli_diarize_tools *tools,
                                                   mli_diarize_options *o, modellab_error *err)
{
    mli_diarization d;
    known k = {.list = NULL};
    modellab_status status = enrol(w, tools, o, &k, err);
    if (status == MODELLAB_OK) {
        status = mli_diarize(tools, w->audio, o, &d, err);
    }
    if (status == MODELLAB_OK) {
        status = tell(w, &d, &k, err);
        mli_diarization_dispose(&d);
    }
    mli_free(w->alloc, k.voices);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    void *encoder = NULL, *vad = NULL;
    mli_diarize_options o;
    mli_pool *pool = NULL;
    modellab_status status = read_options(w, &o, err);
    if (status == MODELLAB_OK) {
        status = mli_handoff_samples(w, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "model", &opener, &encoder, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "vad_model", &mli_opener_vad, &vad, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_pool_create(mli_worker_threads(w), w->alloc, &pool, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_diarize_tools tools = {vad, encoder, pool, w->alloc, &w->page->stop};
    status = diarize(w, &tools, &o, err);
    mli_pool_destroy(pool);
    return status;
}

/* The input's name stands in the lines of RTTM. */
MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    modellab_status status = mli_worker_step_key(w, VERSION, NULL, out, err);
    if (status == MODELLAB_OK && out[0] != '\0') {
        mli_step_key named;
        mli_step_key_begin(&named, "diarization", VERSION);
        mli_step_key_add(&named, "all", out);
        mli_step_key_add(&named, "input_name", w->order.input_name);
        mli_step_key_end(&named, out);
    }
    return status;
}

const mli_step_kind mli_step_kind_diarization = {
    .name = "diarization",
    .text = "Finds who speaks when.",
    .needs = "ingest",
    .wants = "enhance",
    .outputs = "speakers.json,speakers.rttm",
    .schema = MLI_SCHEMA_diarization,
    .models = {{"model", "speaker-embedding", "ge2e-speaker"},
               {"vad_model", "vad", "silero-vad-v6"}},
    .run = run,
    .key = key,
    .needs_input = true,
    .may_fail = true};
