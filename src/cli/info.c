/* `modellab info | env | version` and `modellab admin ...`. */
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>

int cli_version(cli_call *call)
{
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "version", modellab_version_string());
        cli_json_close(&j, '}');
        return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    }
    return printf("modellab %s\n", modellab_version_string()) > 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* Name and value, to JSON and to text at once. */
static void fact(cli_json *j, cli_text *out, const char *key, const char *shown, const char *value)
{
    cli_json_kstring(j, key, value);
    cli_text_printf(out, "%-16s %s\n", shown, value);
}

static int folder(cli_call *call, cli_json *j, cli_text *out, const char *variable, const char *key,
                  const char *shown)
{
    modellab_buffer *value = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_config_get(variable, &value, NULL, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, variable, NULL, status, &err);
    fact(j, out, key, shown, modellab_buffer_data(value));
    modellab_buffer_destroy(value);
    return CLI_EXIT_OK;
}

int cli_info(cli_call *call)
{
    modellab_build_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    char number[32];
    modellab_status status = modellab_info_get(&info, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, NULL, status, &err);
    cli_json_open(&j, '{');
    fact(&j, &out, "version", "version", info.version);
    fact(&j, &out, "isa", "instruction set", info.isa);
    fact(&j, &out, "blas_core", "BLAS core", info.blas_core);
    fact(&j, &out, "blas_kind", "BLAS threading", info.blas_kind);
    fact(&j, &out, "compiler", "compiler", info.compiler);
    fact(&j, &out, "huge_pages", "huge pages", info.huge_pages);
    fact(&j, &out, "liveness", "liveness", info.liveness);
    fact(&j, &out, "gpu", "GPU", info.gpu);
    snprintf(number, sizeof number, "%d", (int)info.cpu_count);
    cli_json_kint(&j, "cpu_count", info.cpu_count);
    cli_text_printf(&out, "%-16s %s\n", "CPUs", number);
    int code = CLI_EXIT_OK;
    if (cli_has(call, CLI_OPT_LAB))
        fact(&j, &out, "lab", "lab", cli_value(call, CLI_OPT_LAB));
    else
        code = folder(call, &j, &out, "MODEL_LAB_ROOT", "lab", "lab");
    if (code == CLI_EXIT_OK)
        code = folder(call, &j, &out, "MODEL_LAB_MODELS_ROOT", "models", "models");
    if (code == CLI_EXIT_OK)
        code = folder(call, &j, &out, "MODEL_LAB_CACHE_ROOT", "cache", "cache");
    cli_json_close(&j, '}');
    if (code == CLI_EXIT_OK &&
        !(cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j)
                                      : cli_print(cli_text_get(&out), out.size)))
        code = CLI_EXIT_FAILURE;
    cli_text_free(&j.text);
    cli_text_free(&out);
    return code;
}

static int env_row(cli_call *call, size_t index, cli_json *j, cli_text *out)
{
    modellab_config_variable v = {.size = sizeof v};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *value = NULL;
    const char *source = "default";
    const char *only = call->argument_count > 0 ? call->arguments[0] : NULL;
    modellab_status status = modellab_config_at(index, &v, &err);
    if (status == MODELLAB_OK && only != NULL && strcmp(only, v.name) != 0)
        return CLI_EXIT_OK;
    if (status == MODELLAB_OK)
        status = modellab_config_get(v.name, &value, &source, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, NULL, status, &err);
    cli_json_open(j, '{');
    cli_json_kstring(j, "name", v.name);
    cli_json_kstring(j, "value", modellab_buffer_data(value));
    cli_json_kstring(j, "source", source);
    cli_json_kstring(j, "default", v.default_value);
    cli_json_kstring(j, "type", v.type);
    cli_json_kstring(j, "text", v.text);
    cli_json_key(j, "is_foreign");
    cli_json_bool(j, v.is_foreign != 0);
    cli_json_close(j, '}');
    cli_text_printf(out, "%s=%s  # %s\n", v.name, modellab_buffer_data(value),
                    modellab_buffer_size(value) > 0 || strcmp(source, "default") != 0 ? source
                                                                                      : "unset");
    if (only != NULL)
        cli_text_printf(out, "%s\n", v.text);
    modellab_buffer_destroy(value);
    return CLI_EXIT_OK;
}

int cli_env(cli_call *call)
{
    cli_json j = {.depth = 0};
    cli_text out = CLI_TEXT_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (cli_has(call, CLI_OPT_EXAMPLE)) {
        modellab_buffer *text = NULL;
        modellab_status status = modellab_config_env_example(&text, &err);
        if (status != MODELLAB_OK)
            return cli_fail(call, NULL, NULL, status, &err);
        bool ok = cli_print(modellab_buffer_data(text), modellab_buffer_size(text));
        modellab_buffer_destroy(text);
        return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
    }
    int code = CLI_EXIT_OK;
    cli_json_open(&j, '{');
    cli_json_key(&j, "variables");
    cli_json_open(&j, '[');
    for (size_t i = 0; i < modellab_config_count() && code == CLI_EXIT_OK; i++)
        code = env_row(call, i, &j, &out);
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    if (code == CLI_EXIT_OK && call->argument_count > 0 && out.size == 0)
        code = cli_fail_text(call, CLI_EXIT_NOT_FOUND,
                             "there is no variable %s; see `modellab env`", call->arguments[0]);
    if (code == CLI_EXIT_OK &&
        !(cli_has(call, CLI_OPT_JSON) ? cli_json_print(&j)
                                      : cli_print(cli_text_get(&out), out.size)))
        code = CLI_EXIT_FAILURE;
    cli_text_free(&j.text);
    cli_text_free(&out);
    return code;
}
