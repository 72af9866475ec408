/* Step vad: where there is speech, by Silero's detector, as segments (speech.json) for the steps
 * behind it. */
#include "lab/handoff.h"
#include "lab/openers.h"
#include "lab/original_time.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/silero.h"

enum { VERSION = 1, BLOCK_STEPS = 64, BLOCK = BLOCK_STEPS * MLI_SILERO_CHUNK };

typedef struct vad_work {
    mli_worker *w;
    mli_pool *pool;
    mli_silero_session *session;
    mli_vad_cutter cutter;
    float block[BLOCK];
    float probabilities[BLOCK_STEPS];
} vad_work;

MODELLAB_MUST_CHECK static modellab_status open_silero(mli_model_files *files,
                                                       const modellab_allocator *alloc,
                                                       const mli_cancel_word *cancel, void **out,
                                                       int64_t *bytes, modellab_error *err)
{
    mli_silero_weights weights;
    mli_silero *model = NULL;
    int64_t parameters;
    modellab_status status = mli_model_files_load(files, cancel, err);
    if (status == MODELLAB_OK) {
        status =
            mli_silero_read(&weights, alloc, files->weights, files->weights_bytes, cancel, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_silero_create(&model, alloc, &weights, err);
    }
    mli_model_files_unload(files);
    mli_silero_sizes(&parameters, bytes);
    *out = model;
    return status;
}

static void close_silero(void *model)
{
    mli_silero_destroy(model);
}

const mli_model_opener mli_opener_vad = {"vad", open_silero, close_silero};

static double number_of(const mli_json *config, const char *key, double fallback)
{
    return mli_json_number(mli_json_get(config, key), fallback);
}

static int64_t samples_of(const mli_json *config, const char *key, int64_t fallback_ms)
{
    return mli_json_int(mli_json_get(config, key), fallback_ms) * (MLI_AUDIO_RATE / 1000);
}

MODELLAB_MUST_CHECK static modellab_status read_rules(const mli_json *config, mli_vad_rules *rules,
                                                      modellab_error *err)
{
    double threshold = number_of(config, "threshold", 0.5);
    double low = threshold - 0.15 > 0.01 ? threshold - 0.15 : 0.01;
    double longest = number_of(config, "max_speech_seconds", 0);
    low = number_of(config, "neg_threshold", low < threshold ? low : threshold);
    if (low > threshold) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "neg_threshold must not be above threshold");
    }
    mli_vad_rules_init(rules);
    rules->threshold = (float)threshold;
    rules->neg_threshold = (float)low;
    rules->min_speech = samples_of(config, "min_speech_ms", 250);
    rules->min_silence = samples_of(config, "min_silence_ms", 100);
    rules->pad = samples_of(config, "pad_ms", 30);
    if (longest > 0) {
        rules->max_speech = (int64_t)(longest * MLI_AUDIO_RATE);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status listen(vad_work *v, modellab_error *err)
{
    mli_worker *w = v->w;
    int64_t all = mli_audio_samples(w->audio);
    modellab_status status = MODELLAB_OK;
    for (int64_t at = 0; status == MODELLAB_OK && at < all; at += BLOCK) {
        int64_t left = all - at < BLOCK ? all - at : BLOCK;
        size_t steps = (size_t)((left + MLI_SILERO_CHUNK - 1) / MLI_SILERO_CHUNK);
        /* what lies after the end is silence */
        status = mli_audio_read(w->audio, at, steps * MLI_SILERO_CHUNK, v->block, err);
        if (status == MODELLAB_OK) {
            status =
                mli_silero_run(v->session, v->block, steps, v->probabilities, &w->page->stop, err);
        }
        if (status == MODELLAB_OK) {
            status = mli_vad_cutter_push(&v->cutter, v->probabilities, steps, err);
        }
        mli_worker_progress(w, (double)(at + left) / MLI_AUDIO_RATE, (double)all / MLI_AUDIO_RATE);
    }
    return status == MODELLAB_OK ? mli_vad_cutter_finish(&v->cutter, all, err) : status;
}

static double seconds_of(const vad_work *v, int64_t samples, bool end)
{
    return mli_original_time(v->w, (double)samples / MLI_AUDIO_RATE, end);
}

static void write_segments(const vad_work *v, mli_buf *out)
{
    double speech = 0;
    mli_jw json;
    for (size_t i = 0; i < v->cutter.count; i++) {
        speech += seconds_of(v, v->cutter.segments[i].end, true) -
                  seconds_of(v, v->cutter.segments[i].start, false);
    }
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kreal(&json, "duration_seconds",
                 v->w->time_map.moved ? v->w->audio_seconds
                                      : seconds_of(v, mli_audio_samples(v->w->audio), true));
    mli_jw_kreal(&json, "speech_seconds", speech);
    mli_jw_key(&json, "segments");
    mli_jw_array(&json);
    for (size_t i = 0; i < v->cutter.count; i++) {
        mli_jw_object(&json);
        mli_jw_kreal(&json, "start", seconds_of(v, v->cutter.segments[i].start, false));
        mli_jw_kreal(&json, "end", seconds_of(v, v->cutter.segments[i].end, true));
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

MODELLAB_MUST_CHECK static modellab_status detect(vad_work *v, const mli_silero *model,
                                                  modellab_error *err)
{
    mli_vad_rules rules;
    mli_buf text;
    modellab_status status = read_rules(mli_worker_config(v->w), &rules, err);
    if (status == MODELLAB_OK) {
        mli_vad_cutter_init(&v->cutter, v->w->alloc, &rules);
        status = mli_pool_create(1, v->w->alloc, &v->pool, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_silero_session_create(&v->session, model, v->pool, err);
    }
    if (status == MODELLAB_OK) {
        status = listen(v, err);
    }
    mli_buf_init(&text, v->w->alloc);
    if (status == MODELLAB_OK) {
        write_segments(v, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(v->w, "speech.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_buf_dispose(&text);
    mli_silero_session_destroy(v->session);
    mli_pool_destroy(v->pool);
    mli_vad_cutter_dispose(&v->cutter);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    void *model = NULL;
    modellab_status status = mli_handoff_samples(w, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "model", &mli_opener_vad, &model, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    vad_work *v = mli_alloc_zero(w->alloc, sizeof(*v));
    if (v == NULL) {
        return mli_no_memory(err);
    }
    v->w = w;
    status = detect(v, model, err);
    mli_free(w->alloc, v);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    return mli_worker_step_key(w, VERSION, NULL, out, err);
}

const mli_step_kind mli_step_kind_vad = {.name = "vad",
                                         .text = "Finds where there is speech.",
                                         .needs = "ingest",
                                         .wants = "enhance",
                                         .outputs = "speech.json",
                                         .schema = MLI_SCHEMA_vad,
                                         .models = {{"model", "vad", "silero-vad-v6", NULL}},
                                         .run = run,
                                         .key = key,
                                         .needs_input = true};
