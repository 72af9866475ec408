/* Seconds that voice activity takes for a recording, without decoding it: bench_vad MODELS_ROOT
 * FILE. One thread; prints JSON. */
#include <modellab/modellab.h>

#include "os/clock.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 512 * 64 };

static int fail(const modellab_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_audio_info info = {.size = sizeof info};
    modellab_vad_session *session = NULL;
    modellab_vad_result *result = NULL;
    modellab_model *model = NULL;
    modellab_audio *audio = NULL;
    const mli_os_clock *clock = &mli_os_system_clock;
    static float block[BLOCK];

    if (argc != 3)
        return 2;
    options.models_root = argv[1];
    if (modellab_model_open("silero-vad-v6", &options, &model, &err) != MODELLAB_OK ||
        modellab_audio_decode_file(argv[2], NULL, &audio, &err) != MODELLAB_OK ||
        modellab_audio_get_info(audio, &info, &err) != MODELLAB_OK ||
        modellab_vad_session_create(model, NULL, &session, &err) != MODELLAB_OK)
        return fail(&err);
    int64_t begin = clock->monotonic_ns(clock->user);
    for (int64_t at = 0; at < info.samples; at += BLOCK) {
        size_t count = info.samples - at < BLOCK ? (size_t)(info.samples - at) : BLOCK;
        if (modellab_audio_read(audio, at, count, block, &err) != MODELLAB_OK ||
            modellab_vad_feed(session, block, count, &err) != MODELLAB_OK)
            return fail(&err);
    }
    if (modellab_vad_finish(session, &result, &err) != MODELLAB_OK)
        return fail(&err);
    double seconds = (double)(clock->monotonic_ns(clock->user) - begin) / 1e9;
    printf("{\"seconds\": %.6f, \"audio_seconds\": %.3f, \"segments\": %zu}\n", seconds,
           modellab_vad_result_duration(result), modellab_vad_result_count(result));
    modellab_vad_result_unref(result);
    modellab_vad_session_destroy(session);
    modellab_audio_unref(audio);
    modellab_model_unref(model);
    return 0;
}
