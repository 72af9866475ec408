/* Who spoke when in a recording, a voice that is known by name, and who said what. */
#include "example.h"

static int32_t show_progress(void *user, double fraction)
{
    *(double *)user = fraction;
    return 0;
}

/* Words with speakers, of a transcript that was made before. */
static void say_who(const modellab_diarization *d)
{
    static const char json[] = "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":30."
                               "0,\"segments\":[{\"id\":0,"
                               "\"start\":6.7,\"end\":12.0,\"text\":\" Hello? Oh, hello.\"}]}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *text = NULL, *named = NULL;
    modellab_buffer *out = NULL;
    must(modellab_transcript_read_json(json, sizeof json - 1, NULL, &text, &err), &err, "read");
    must(modellab_transcript_with_speakers(text, d, NULL, &named, &err), &err, "join");
    must(modellab_transcript_write(named, MODELLAB_FORMAT_TXT, NULL, &out, &err), &err, "write");
    printf("%s", modellab_buffer_data(out));
    modellab_buffer_destroy(out);
    modellab_transcript_unref(named);
    modellab_transcript_unref(text);
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_model *encoder = NULL, *vad = NULL;
    modellab_audio *audio = NULL;
    modellab_diarization *d = NULL;
    modellab_buffer *rttm = NULL;
    float voice[MODELLAB_VOICE_SIZE];
    const char *names[] = {"somebody"};
    double fraction = 0.0;
    char path[4096];

    model_options.models_root = models_root_or_skip();
    must(modellab_model_open("ge2e-speaker", &model_options, &encoder, &err), &err, "encoder");
    must(modellab_model_open("silero-vad-v6", &model_options, &vad, &err), &err, "detector");
    snprintf(path, sizeof path, "%s/sample-conversation/sample.wav", model_options.models_root);

    /* the voice of a clip (here: of the whole conversation) can be given a name */
    must(modellab_voice_of_file(encoder, vad, path, NULL, voice, MODELLAB_VOICE_SIZE, &err), &err,
         "voice");
    modellab_diarization_options_init(&options, sizeof options);
    options.min_speakers = options.max_speakers = 2;
    options.threads = 2;
    options.known_names = names;
    options.known_voices = voice;
    options.known_count = 1;
    options.progress = show_progress;
    options.user = &fraction;
    must(modellab_diarize_file(encoder, vad, path, &options, &d, &err), &err, "diarize");
    printf("%.2f s, %zu turns, %.0f %% done\n", modellab_diarization_duration(d),
           modellab_diarization_turn_count(d), fraction * 100.0);
    for (size_t i = 0; i < modellab_diarization_speaker_count(d); i++) {
        modellab_speaker s = {.size = sizeof s};
        must(modellab_diarization_speaker_at(d, i, &s, &err), &err, "speaker");
        printf("%s%s: %d turns, %.2f s, %.2f like the nearest known voice\n", s.name,
               s.is_known ? " (known)" : "", (int)s.turn_count, s.seconds, s.known_score);
    }
    for (size_t i = 0; i < modellab_diarization_turn_count(d); i++) {
        modellab_speaker_turn t = {.size = sizeof t};
        must(modellab_diarization_turn_at(d, i, &t, &err), &err, "turn");
        printf("%7.3f %7.3f speaker %d, %.2f\n", t.start, t.end, (int)t.speaker, t.score);
    }
    must(modellab_diarization_write(d, MODELLAB_DIARIZATION_RTTM, path, &rttm, &err), &err, "rttm");
    printf("%s", modellab_buffer_data(rttm));
    modellab_buffer_destroy(rttm);
    say_who(d);
    modellab_diarization *shared = modellab_diarization_ref(d); /* results are shared, too */
    modellab_diarization_unref(d);
    modellab_diarization_unref(shared);

    /* decoded audio, with all defaults */
    must(modellab_audio_decode_file(path, NULL, &audio, &err), &err, "decode");
    must(modellab_diarize_audio(encoder, vad, audio, NULL, &d, &err), &err, "diarize");
    printf("%zu speaker(s) when the number is not given\n", modellab_diarization_speaker_count(d));
    modellab_diarization_unref(d);
    modellab_audio_unref(audio);
    modellab_model_unref(vad);
    modellab_model_unref(encoder);
    return 0;
}
