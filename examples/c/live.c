/* Live recognition: a recording is pushed as a microphone would, in pieces of 100 ms; partial and
 * final results come to a callback. */
#include "example.h"

static int32_t show(void *user, const modellab_live_event *event)
{
    static const char *const kinds[] = {"", "partial", "final", "delay", "end"};

    *(int *)user += event->kind == MODELLAB_LIVE_FINAL;
    printf("%-7s %6.2f %6.2f %s\n", kinds[event->kind], event->start, event->end, event->text);
    return 0; /* go on */
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_live_options options = MODELLAB_LIVE_OPTIONS_INIT;
    modellab_live_stats stats = {.size = sizeof stats};
    modellab_transcript *text = NULL;
    modellab_audio *audio = NULL;
    modellab_live *live = NULL;
    static float samples[10 * 16000];
    char path[4096];
    int finals = 0;

    model_options.models_root = models_root_or_skip();
    modellab_live_options_init(&options, sizeof options);
    must(modellab_model_open("whisper-tiny.en", &model_options, &options.asr, &err), &err, "asr");
    must(modellab_model_open("silero-vad-v6", &model_options, &options.vad, &err), &err, "vad");
    snprintf(path, sizeof path, "%s/sample-conversation/sample.wav", model_options.models_root);
    must(modellab_audio_decode_file(path, NULL, &audio, &err), &err, "decode");
    must(modellab_audio_read(audio, 0, 10 * 16000, samples, &err), &err, "read");
    options.callback = show;
    options.user = &finals;
    options.format = MODELLAB_LIVE_FLOAT32;
    options.when_full = MODELLAB_LIVE_FULL_BLOCK; /* a file can wait; a microphone cannot */
    must(modellab_live_open(&options, &live, &err), &err, "open");
    for (size_t at = 0; at < 10 * 16000; at += 1600)
        must(modellab_live_push(live, samples + at, 1600 * sizeof *samples, &err), &err, "push");
    modellab_live_end(live);
    must(modellab_live_finish(live, &text, &err), &err, "finish");
    must(modellab_live_get_stats(live, &stats, &err), &err, "stats");
    printf("%.1f s, %d final results, %lld partial ones, %lld left out, run \"%s\"\n%s\n",
           stats.pushed_seconds, finals, (long long)stats.partials, (long long)stats.dropped,
           modellab_live_run_id(live), modellab_transcript_text(text));
    modellab_transcript_unref(text);
    /* For a user who leaves before the end, and a host that must: now they change nothing. */
    modellab_live_cancel(live);
    modellab_live_stop(live, "The example ends.");
    modellab_live_destroy(live);
    modellab_audio_unref(audio);
    modellab_model_unref(options.asr);
    modellab_model_unref(options.vad);
    return finals > 0 ? 0 : 1;
}
