/* The detector of step asr. */
#include "lab/step_asr_speech.h"
#include "lab/openers.h"

#include <string.h>

#define SAMPLES_A_MS 16

modellab_status mli_asr_speech_open(mli_worker *w, const mli_json *config, const mli_silero **out,
                                    modellab_error *err)
{
    void *model = NULL;
    modellab_status status = MODELLAB_OK;
    if (mli_json_bool(mli_json_get(config, "vad"), false)) {
        status = mli_worker_model(w, "vad_model", &mli_opener_vad, &model, err);
    }
    *out = model;
    return status;
}

const char *mli_asr_speech_sha256(const mli_worker *w)
{
    for (size_t i = 0; i < w->model_count; i++) {
        if (strcmp(w->models[i].key, "vad_model") == 0) {
            return w->models[i].sha256;
        }
    }
    return "";
}

static int64_t samples_of(const mli_json *config, const char *key, int64_t otherwise_ms)
{
    return mli_json_int(mli_json_get(config, key), otherwise_ms) * SAMPLES_A_MS;
}

/* The lower threshold follows the upper one, as in step vad. */
void mli_asr_speech_options(const mli_json *config, const mli_silero *vad, mli_asr_options *options)
{
    double threshold = mli_json_number(mli_json_get(config, "vad_threshold"), 0.5);
    double low = threshold - 0.15 > 0.01 ? threshold - 0.15 : 0.01;
    int64_t batch = mli_json_int(mli_json_get(config, "batch_size"), options->batch);
    if (vad == NULL) {
        return;
    }
    options->vad = vad;
    options->vad_rules.threshold = (float)threshold;
    options->vad_rules.neg_threshold = (float)(low < threshold ? low : threshold);
    options->vad_rules.min_silence = samples_of(config, "vad_min_silence_ms", 160);
    options->vad_rules.pad = samples_of(config, "vad_pad_ms", 400);
    options->batch = batch >= 1 && batch <= 16 ? (int32_t)batch : options->batch;
}
