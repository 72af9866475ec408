/* Pipelines: what there is, and what a list of steps resolves to. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_pipeline_info info = {sizeof info, NULL, NULL, NULL};
    modellab_buffer *steps = NULL;

    for (size_t i = 0; i < modellab_pipeline_count(); i++) {
        must(modellab_pipeline_at(i, &info, &err), &err, "pipeline");
        printf("%-16s %-20s %s\n", info.name, info.steps, info.text);
    }
    must(modellab_pipeline_resolve("asr", &steps, NULL, &err), &err, "resolve");
    printf("asr needs: %s\n", modellab_buffer_data(steps));
    modellab_buffer_destroy(steps);
    return 0;
}
