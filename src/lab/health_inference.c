/* The deepest check of health: a second of a built-in sound goes through the real engine and the
 * installed default model, until the deadline stops it. */
#include "audio/decode.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/default_model.h"
#include "lab/health.h"
#include "models/installed.h"
#include "os/locale.h"
#include "speech/asr.h"

#define SOUND_SAMPLES 16000
#define MOST_TOKENS 8

/* A triangle of 250 Hz whose loudness swells: the same bits everywhere. */
static void make_sound(float *samples)
{
    for (int i = 0; i < SOUND_SAMPLES; i++) {
        int phase = i % 64, height = phase < 32 ? phase : 64 - phase;

        samples[i] = (float)(height - 16) / 64.0f * (float)(i % 8000) / 8000.0f;
    }
}

MODELLAB_MUST_CHECK static modellab_status open_model(mli_lab *lab, mli_asr_model **out,
                                                      modellab_error *err)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_asr_open_options options = {.alloc = lab->alloc, .cache_directory = lab->cache_root};
    mli_model_files files;
    const char *name;
    modellab_status status = mli_lab_default_model(lab, &name, err);

    if (status == MODELLAB_OK) {
        status = mli_model_store_open(&store, name, &files, err);
    }

    if (status == MODELLAB_OK) {
        status = mli_asr_model_open(out, &files, &options, err);
        mli_model_files_dispose(&files);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make_source(const mli_lab *lab,
                                                       const mli_cancel_word *cancel,
                                                       mli_audio_source **out, modellab_error *err)
{
    float *samples = mli_alloc_array(lab->alloc, SOUND_SAMPLES, sizeof *samples);
    mli_audio_options options;
    modellab_status status;

    if (samples == NULL) {
        return mli_no_memory(err);
    }
    mli_audio_options_init(&options);
    options.alloc = lab->alloc;
    options.cancel = cancel;
    make_sound(samples);
    status = mli_audio_from_samples(samples, SOUND_SAMPLES, 1, 16000, &options, out, err);
    mli_free(lab->alloc, samples);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status infer(mli_lab *lab, mli_asr_model *model,
                                                 const mli_cancel_word *cancel, modellab_error *err)
{
    static const double greedy[] = {0.0};
    mli_audio_source *source = NULL;
    mli_asr_session *session = NULL;
    mli_transcript *transcript = NULL;
    mli_asr_options options;
    modellab_status status = make_source(lab, cancel, &source, err);

    mli_asr_options_init(&options);
    options.language = "en";
    options.temperatures = greedy;
    options.temperature_count = 1;
    options.max_tokens = MOST_TOKENS;
    options.cancel = cancel;
    if (status == MODELLAB_OK) {
        status = mli_asr_session_create(&session, lab->alloc, model, 1, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_asr_transcribe(session, source, &options, &transcript, err);
    }
    mli_transcript_unref(transcript);
    mli_asr_session_destroy(session);
    mli_audio_unref(source);
    return status;
}

void mli_health_inference(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_asr_model *model = NULL;
    modellab_status status = open_model(lab, &model, &err);

    if (status == MODELLAB_OK) {
        status = infer(lab, model, check->cancel, &err);
    }
    mli_asr_model_unref(model);
    if (status == MODELLAB_OK) {
        check->state = MODELLAB_HEALTH_HEALTHY;
        (void)mli_str_copy(check->message, sizeof check->message,
                           "The default model answered a second of sound.");
        return;
    }
    /* without the model nothing is broken: the lab can do what needs none; one that was stopped at
     * its deadline is slow, not wrong */
    check->state = status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_CANCELLED
                       ? MODELLAB_HEALTH_DEGRADED
                       : MODELLAB_HEALTH_CRITICAL;
    (void)mli_os_format(check->message, sizeof check->message, "No inference: %.200s", err.message);
}
