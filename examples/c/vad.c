/* Voice activity: where somebody speaks in a recording, and the same as a stream. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_vad_options options = MODELLAB_VAD_OPTIONS_INIT;
    modellab_model *model = NULL;
    modellab_vad_session *session = NULL;
    modellab_vad_result *result = NULL;
    static float second[16000]; /* of silence */
    char path[4096];
    size_t count = 0;

    model_options.models_root = models_root_or_skip();
    must(modellab_model_open("silero-vad-v6", &model_options, &model, &err), &err, "model");
    modellab_vad_options_init(&options, sizeof options);
    options.min_silence_ms = 500;
    snprintf(path, sizeof path, "%s/sample-conversation/sample.wav", model_options.models_root);
    must(modellab_vad_detect_file(model, path, &options, &result, &err), &err, "detect");
    const float *p = modellab_vad_result_probabilities(result, &count);
    printf("%.2f s, %zu segments, %zu probabilities, the first %.3f\n",
           modellab_vad_result_duration(result), modellab_vad_result_count(result), count,
           count > 0 ? (double)p[0] : 0.0);
    for (size_t i = 0; i < modellab_vad_result_count(result); i++) {
        modellab_speech_segment s = {.size = sizeof s};
        must(modellab_vad_result_at(result, i, &s, &err), &err, "segment");
        printf("%7.3f %7.3f\n", s.start, s.end);
    }
    modellab_vad_result *shared = modellab_vad_result_ref(result); /* results are shared, too */
    modellab_vad_result_unref(result);
    modellab_vad_result_unref(shared);

    must(modellab_vad_session_create(model, NULL, &session, &err), &err, "session");
    must(modellab_vad_feed(session, second, 16000, &err), &err, "feed");
    printf("silence: %.3f now\n", modellab_vad_latest(session));
    must(modellab_vad_finish(session, &result, &err), &err, "finish");
    printf("%zu segments in silence\n", modellab_vad_result_count(result));
    modellab_vad_result_unref(result);
    modellab_vad_session_destroy(session);
    modellab_model_unref(model);
    return 0;
}
