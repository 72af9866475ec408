/* Speech recognition, the engine alone: a model, a session, samples in, a transcript out; with
 * progress. */
#include "example.h"

static int32_t show_progress(void *user, double done, double total)
{
    (void)user;
    fprintf(stderr, "%.0f of %.0f seconds\n", done, total);
    return 0;
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_asr_options options = MODELLAB_ASR_OPTIONS_INIT;
    modellab_asr_session *session = NULL;
    modellab_transcript *text = NULL;
    modellab_model *model = NULL;
    modellab_audio *audio = NULL;
    char path[4096];

    model_options.models_root = models_root_or_skip();
    (void)snprintf(path, sizeof path, "%s/sample-conversation/sample.wav",
                   model_options.models_root);
    if (modellab_blas_use_single_thread(&err) != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    must(modellab_model_open("whisper-tiny.en", &model_options, &model, &err), &err, "model");
    must(modellab_audio_decode_file(path, NULL, &audio, &err), &err, "audio");
    must(modellab_asr_session_create(model, 0, &session, &err), &err, "session");
    options.progress = show_progress;
    must(modellab_asr_transcribe_audio(session, audio, &options, &text, &err), &err, "transcribe");
    puts(modellab_transcript_text(text));
    modellab_transcript_unref(text);

    /* The same for samples that are in memory, and in one call for a file. */
    static float window[16000 * 5];
    must(modellab_audio_read(audio, 0, 16000 * 5, window, &err), &err, "samples");
    must(modellab_asr_transcribe(session, window, 16000 * 5, NULL, &text, &err), &err, "samples");
    printf("first five seconds: %s\n", modellab_transcript_text(text));
    modellab_transcript_unref(text);
    must(modellab_asr_transcribe_file(model, path, NULL, &text, &err), &err, "file");
    modellab_transcript_unref(text);

    /* Speech alone: silence is left out, and chunks of speech are decoded side by side. */
    if (modellab_model_open("silero-vad-v6", &model_options, &options.vad, &err) == MODELLAB_OK) {
        must(modellab_asr_transcribe_audio(session, audio, &options, &text, &err), &err, "speech");
        printf("speech alone: %s\n", modellab_transcript_text(text));
        modellab_transcript_unref(text);
        modellab_model_unref(options.vad);
    }
    must(modellab_asr_transcribe_file(model, path, NULL, &text, &err), &err, "file");
    int heard = strstr(modellab_transcript_text(text), "New Jersey") != NULL;
    modellab_transcript_unref(text);
    modellab_asr_session_destroy(session);
    modellab_audio_unref(audio);
    modellab_model_unref(model);
    return heard ? 0 : 1;
}
