/* Alignment: when each word of a given text is said, for a file and for decoded audio. */
#include "example.h"

static int32_t show_progress(void *user, double done, double total)
{
    (void)user;
    fprintf(stderr, "%.0f of %.0f seconds\n", done, total);
    return 0;
}

int main(void)
{
    static const char text[] =
        "Oh, I'm originally from Chicago also. I'm in New Jersey now though.";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_align_options options;
    modellab_transcript_info info = {.size = sizeof info};
    modellab_asr_session *session = NULL;
    modellab_transcript *found = NULL;
    modellab_model *model = NULL, *vad = NULL;
    modellab_audio *audio = NULL;
    modellab_buffer *grid = NULL;
    char path[4096];

    model_options.models_root = models_root_or_skip();
    (void)snprintf(path, sizeof path, "%s/sample-conversation/sample.wav",
                   model_options.models_root);
    if (modellab_blas_use_single_thread(&err) != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    must(modellab_model_open("whisper-tiny.en", &model_options, &model, &err), &err, "model");
    must(modellab_model_open("silero-vad-v6", &model_options, &vad, &err), &err, "detector");
    modellab_align_options_init(&options, sizeof options);
    options.vad = vad;
    options.progress = show_progress;
    must(modellab_align_file(model, path, text, strlen(text), &options, &found, &err), &err,
         "file");
    must(modellab_transcript_get_info(found, &info, &err), &err, "info");
    for (int64_t i = 0; i < info.word_count; i++) {
        modellab_word w = {.size = sizeof w};
        must(modellab_transcript_word_at(found, i, &w, &err), &err, "word");
        printf("%7.2f %7.2f%s\n", w.start, w.end, w.text);
    }
    modellab_transcript_unref(found);

    /* The same with a session that stays, written for Praat. */
    must(modellab_audio_decode_file(path, NULL, &audio, &err), &err, "audio");
    must(modellab_asr_session_create(model, 0, &session, &err), &err, "session");
    must(modellab_align_audio(session, audio, text, strlen(text), &options, &found, &err), &err,
         "audio");
    must(modellab_transcript_write(found, MODELLAB_FORMAT_TEXTGRID, NULL, &grid, &err), &err,
         "TextGrid");
    printf("%zu bytes of TextGrid\n", modellab_buffer_size(grid));
    modellab_buffer_destroy(grid);
    modellab_transcript_unref(found);
    modellab_asr_session_destroy(session);
    modellab_audio_unref(audio);
    modellab_model_unref(model);
    modellab_model_unref(vad);
    return info.word_count == 12 ? 0 : 1;
}
