/* Audio: a file in memory and the caller's own samples become the same kind of thing. */
#include "example.h"

int main(void)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_info info = {.size = sizeof info};
    modellab_audio *audio = NULL;
    float samples[160];

    must(modellab_audio_decode_memory(wav, make_wav(wav), NULL, &audio, &err), &err, "decode");
    must(modellab_audio_get_info(audio, &info, &err), &err, "info");
    printf("%s %s, %d Hz, %d channel, %.3f seconds\n", info.container, info.encoding,
           (int)info.rate_hz, (int)info.channels, info.duration);
    must(modellab_audio_read(audio, 8000, 160, samples, &err), &err, "read");
    modellab_audio_unref(audio);

    /* 10 ms of those samples as if they were at 8 kHz: twice as long at 16 kHz. */
    must(modellab_audio_from_samples(samples, 160, 1, 8000, NULL, &audio, &err), &err, "samples");
    must(modellab_audio_get_info(audio, &info, &err), &err, "info");
    printf("%s: %lld samples\n", info.container, (long long)info.samples);
    modellab_audio_unref(audio);

    if (modellab_audio_decode_memory("a letter", 8, NULL, &audio, &err) ==
        MODELLAB_E_UNSUPPORTED_FORMAT) {
        printf("refused: %s\n", err.message);
    }
    return info.samples == 320 ? 0 : 1;
}
