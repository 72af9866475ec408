/* Preparing audio: the operators there are, a chain over samples, and where times lay before. */
#include "example.h"

#include <math.h>

static int32_t take(void *user, const float *samples, size_t frames, int32_t channels,
                    int32_t rate_hz)
{
    (void)samples;
    (void)rate_hz;
    *(size_t *)user += frames * (size_t)channels;
    return 0;
}

int main(void)
{
    static float samples[64000]; /* 4 s: a second of silence, two of a tone, one of silence */
    static const char *const chain[] = {"high_pass(cutoff_hz=80)", "denoise(amount=0.3)",
                                        "trim_silence", "speed(factor=1.25)",
                                        "normalize_loudness(target_lufs=-23)"};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_enhance_options options = MODELLAB_ENHANCE_OPTIONS_INIT;
    modellab_enhancement *made = NULL;
    modellab_enhancement_info info = {.size = sizeof info};
    char text[256];
    size_t got = 0;

    for (size_t i = 0; i < modellab_enhance_operator_count(); i++) {
        modellab_enhance_operator op = {.size = sizeof op};
        must(modellab_enhance_operator_at(i, &op, &err), &err, "operator");
        printf("%s: %s\n", op.name, op.text);
        for (size_t p = 0; p < (size_t)op.param_count; p++) {
            modellab_enhance_param param = {.size = sizeof param};
            must(modellab_enhance_param_at(i, p, &param, &err), &err, "parameter");
            printf("    %s = %g (%g to %g %s) %s\n", param.name, param.standard, param.least,
                   param.most, param.unit, param.text);
        }
    }
    if (modellab_enhance_check("spede(factor=2)", NULL, 0, NULL, &err) != MODELLAB_OK)
        printf("refused: %s\n", err.message);
    must(modellab_enhance_check(" speed( factor = 2.0 )", text, sizeof text, NULL, &err), &err,
         "check");
    printf("canonical: %s\n", text);

    for (size_t i = 16000; i < 48000; i++)
        samples[i] = 0.1f * (float)sin(0.05 * (double)i);
    modellab_enhance_options_init(&options, sizeof options);
    options.sink = take;
    options.user = &got;
    must(modellab_enhance_samples(samples, 64000, 1, 16000, chain, 5, &options, &made, &err), &err,
         "enhance");
    must(modellab_enhancement_get_info(made, &info, &err), &err, "info");
    printf("%lld frames became %lld (%zu given), read %d times\n", (long long)info.frames_in,
           (long long)info.frames_out, got, info.passes);
    for (size_t i = 0; i < modellab_enhancement_count(made); i++) {
        modellab_enhancement_step step = {.size = sizeof step};
        must(modellab_enhancement_step_at(made, i, &step, &err), &err, "step");
        printf("%s %s\n", step.text, step.json);
    }
    printf("1 s of it was at %.3f s\n", modellab_enhancement_original_time(made, 1.0, 0));
    modellab_enhancement *shared = modellab_enhancement_ref(made);
    modellab_enhancement_unref(made);
    modellab_enhancement_unref(shared);

    if (modellab_enhance_file("no-such-file.wav", chain, 5, NULL, &made, &err) != MODELLAB_OK)
        printf("refused: %s\n", err.message);
    return 0;
}
