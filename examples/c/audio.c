/* Audio: probes a header, decodes bytes, reads samples at 16 kHz. */
#include "example.h"

int main(void)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_info info = {.size = sizeof info};
    modellab_audio_probe_info claim = {.size = sizeof claim};
    modellab_report *findings = NULL;
    modellab_audio *audio = NULL;
    float window[160];
    size_t bytes = make_wav(wav);

    must(modellab_audio_probe(wav, bytes, (int64_t)bytes, NULL, &claim, &findings, &err), &err,
         "probe");
    printf("%s, %.1f s declared, %zu findings\n", claim.media_type, claim.seconds,
           modellab_report_count(findings));
    modellab_report_unref(findings);
    must(modellab_audio_decode_memory(wav, bytes, NULL, &audio, &err), &err, "decode");
    must(modellab_audio_get_info(audio, &info, &err), &err, "info");
    printf("%s/%s: %d channels at %d Hz, %.2f s\n", info.container, info.encoding, info.channels,
           info.rate_hz, info.duration);
    must(modellab_audio_read(audio, 8000, 160, window, &err), &err, "read");
    printf("sample 8000: %.4f\n", (double)window[0]);
    modellab_audio *shared = modellab_audio_ref(audio); /* immutable: any thread may read it */
    modellab_audio_unref(audio);
    modellab_audio_unref(shared);

    static const float stereo[] = {0.5f, -0.5f, 0.25f, 0.25f};
    must(modellab_audio_from_samples(stereo, 2, 2, 16000, NULL, &audio, &err), &err, "samples");
    must(modellab_audio_read(audio, 1, 1, window, &err), &err, "read");
    printf("mixed to mono: %.2f\n", (double)window[0]);
    modellab_audio_unref(audio);

    if (modellab_audio_decode_memory("this is text", 12, NULL, &audio, &err) == MODELLAB_OK) {
        return 1;
    }
    printf("text is refused: %s\n", err.message);
    return info.samples == 16000 ? 0 : 1;
}
