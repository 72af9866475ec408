/* Model: opens installed weights and tells what they are. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_model_info info = {.size = sizeof info};
    modellab_model *model = NULL;

    options.models_root = models_root_or_skip();
    must(modellab_model_open("whisper-tiny.en", &options, &model, &err), &err, "model");
    must(modellab_model_get_info(model, &info, &err), &err, "info");
    printf("%s: %s from %s, %lld parameters, %lld bytes packed, sha256 %.12s...\n", info.name,
           info.architecture, info.format, (long long)info.parameters, (long long)info.bytes,
           info.sha256);
    size_t bytes = 0;
    const char *token = modellab_model_token(model, 1000, &bytes);
    printf("token 1000: %.*s\n", (int)bytes, token);
    modellab_buffer *about = NULL; /* what a file of weights holds, as JSON */
    char path[4096];
    snprintf(path, sizeof path, "%s/whisper-tiny.en/model.bin", options.models_root);
    must(modellab_model_inspect(path, &options, &about, &err), &err, "inspect");
    printf("%.60s...\n", modellab_buffer_data(about));
    modellab_buffer_destroy(about);
    modellab_model *shared = modellab_model_ref(model); /* one copy of the weights for all */
    modellab_model_unref(model);
    modellab_model_unref(shared);
    return 0;
}
