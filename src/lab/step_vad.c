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
#include "speech/vad_source.h"

enum { VERSION = 1 };

/* What was found. */
typedef struct speech {
    mli_vad_segment *segments;
    size_t count;
} speech;

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

MODELLAB_MUST_CHECK static modellab_status show(void *user, int64_t done, int64_t all,
                                                modellab_error *err)
{
    (void)err;
    mli_worker_progress(user, (double)done / MLI_AUDIO_RATE, (double)all / MLI_AUDIO_RATE);
    return MODELLAB_OK;
}

static double seconds_of(const mli_worker *w, int64_t samples, bool end)
{
    return mli_original_time(w, (double)samples / MLI_AUDIO_RATE, end);
}

static void write_segments(const mli_worker *w, const speech *found, mli_buf *out)
{
    double sum = 0;
    mli_jw json;
    for (size_t i = 0; i < found->count; i++) {
        sum += seconds_of(w, found->segments[i].end, true) -
               seconds_of(w, found->segments[i].start, false);
    }
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kreal(&json, "duration_seconds",
                 w->time_map.moved ? w->audio_seconds
                                   : seconds_of(w, mli_audio_samples(w->audio), true));
    mli_jw_kreal(&json, "speech_seconds", sum);
    mli_jw_key(&json, "segments");
    mli_jw_array(&json);
    for (size_t i = 0; i < found->count; i++) {
        mli_jw_object(&json);
        mli_jw_kreal(&json, "start", seconds_of(w, found->segments[i].start, false));
        mli_jw_kreal(&json, "end", seconds_of(w, found->segments[i].end, true));
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

MODELLAB_MUST_CHECK static modellab_status tell(mli_worker *w, const speech *found,
                                                modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    write_segments(w, found, &text);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "speech.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    void *model = NULL;
    mli_pool *pool = NULL;
    mli_vad_rules rules;
    speech found = {NULL, 0};
    modellab_status status = read_rules(mli_worker_config(w), &rules, err);
    if (status == MODELLAB_OK) {
        status = mli_handoff_samples(w, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_model(w, "model", &mli_opener_vad, &model, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_pool_create(1, w->alloc, &pool, err);
    }
    if (status == MODELLAB_OK) {
        const mli_vad_tools tools = {model, pool, w->alloc, &w->page->stop, show, w};
        status = mli_vad_find(&tools, w->audio, &rules, &found.segments, &found.count, err);
    }
    if (status == MODELLAB_OK) {
        status = tell(w, &found, err);
    }
    mli_free(w->alloc, found.segments);
    mli_pool_destroy(pool);
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
