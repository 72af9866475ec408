/* Configuration: the table of environment variables with their present values. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_config_variable variable = {sizeof variable, NULL, NULL, NULL, NULL, 0, 0};
    modellab_buffer *value = NULL, *text = NULL;
    const char *source = NULL;

    for (size_t i = 0; i < modellab_config_count(); i++) {
        must(modellab_config_at(i, &variable, &err), &err, "variable");
        printf("%-40s %-8s %s\n", variable.name, variable.type, variable.text);
    }
    must(modellab_config_get("MODEL_LAB_MAX_RUN_DURATION_SECONDS", &value, &source, &err), &err,
         "get");
    printf("run limit: '%s' from %s\n", modellab_buffer_data(value), source);
    modellab_buffer_destroy(value);
    must(modellab_config_env_example(&text, &err), &err, "example");
    printf(".env.example would have %zu bytes\n", modellab_buffer_size(text));
    modellab_buffer_destroy(text);
    return 0;
}
