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

    must(modellab_step_list(&steps, &err), &err, "steps");
    printf("%.200s...\n", modellab_buffer_data(steps));
    modellab_buffer_destroy(steps);

    /* One of the user's own, in a lab: requests name it like a built-in one. */
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    static const char mine[] = "{\"text\": \"Minutes\", \"steps\": [\"asr\", \"summary\"],"
                               " \"config\": {\"summary\": {\"sentences\": 3}}}";

    must(modellab_lab_open(NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_pipeline_check(lab, mine, 0, &steps, NULL, &err), &err, "check");
    printf("minutes: %s\n", modellab_buffer_data(steps));
    modellab_buffer_destroy(steps);
    must(modellab_pipeline_save(lab, "minutes", mine, 0, NULL, &err), &err, "save");
    must(modellab_pipeline_load(lab, "minutes", &json, &err), &err, "load");
    printf("%s\n", modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    must(modellab_pipeline_list(lab, &json, &err), &err, "list");
    modellab_buffer_destroy(json);
    must(modellab_pipeline_delete(lab, "minutes", &err), &err, "delete");
    modellab_lab_unref(lab);
    return 0;
}
