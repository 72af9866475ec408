/* Step diarization: who speaks when, as speakers.json and speakers.rttm. A run that has something
 * else to make goes on without it. */
#include "lab/handoff.h"
#include "lab/openers.h"
#include "lab/original_time.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "models/torch.h"
#include "speech/diarize.h"
#include "text/turns.h"
#include <stdio.h>
#include <string.h>

enum { VERSION = 1, NAME_ROOM = 24 };

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
    o->progress = show;
    o->progress_user = w;
    if (o->cluster.most > 0 && o->cluster.most < o->cluster.least) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "max_speakers must not be below min_speakers");
    }
    return MODELLAB_OK;
}

/* Both artifacts of what was found. */
MODELLAB_MUST_CHECK static modellab_status write_turns(mli_worker *w, const mli_diarization *d,
                                                       mli_text_turn *turns, const char **names,
                                                       modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    mli_turns_json(turns, d->turn_count, names, d->speaker_count,
                   mli_original_time(w, (double)d->samples / MLI_AUDIO_RATE, true), &text);
    mli_buf_append_char(&text, '\n');
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "speakers.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_buf_clear(&text);
    if (status == MODELLAB_OK) {
        mli_turns_rttm(turns, d->turn_count, "audio", &text);
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
                                                modellab_error *err)
{
    char(*texts)[NAME_ROOM] = mli_alloc_array(w->alloc, d->speaker_count, sizeof(*texts));
    const char **names = mli_alloc_array(w->alloc, d->speaker_count, sizeof(*names));
    mli_text_turn *turns = mli_alloc_array(w->alloc, d->turn_count, sizeof(*turns));
    modellab_status status = MODELLAB_E_NO_MEMORY;
    if (texts != NULL && names != NULL && turns != NULL) {
        for (size_t i = 0; i < d->speaker_count; i++) {
            (void)snprintf(texts[i], sizeof(texts[i]), "speaker_%d", (int)i + 1);
            names[i] = texts[i];
        }
        for (size_t i = 0; i < d->turn_count; i++) {
            double start = (double)d->turns[i].start / MLI_AUDIO_RATE;
            double end = (double)d->turns[i].end / MLI_AUDIO_RATE;
            turns[i] = (mli_text_turn){mli_original_time(w, start, false),
                                       mli_original_time(w, end, true), names[d->turns[i].speaker]};
        }
        status = write_turns(w, d, turns, names, err);
    } else {
        status = mli_no_memory(err);
    }
    mli_free(w->alloc, texts);
    mli_free(w->alloc, (void *)names);
    mli_free(w->alloc, turns);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    void *encoder = NULL, *vad = NULL;
    mli_diarize_options o;
    mli_diarization d;
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
    status = mli_diarize(&tools, w->audio, &o, &d, err);
    if (status == MODELLAB_OK) {
        status = tell(w, &d, err);
        mli_diarization_dispose(&d);
    }
    mli_pool_destroy(pool);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    return mli_worker_step_key(w, VERSION, NULL, out, err);
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
