/* What this server is: versions, limits, what is switched on; and its settings by name. */
#include "call.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "settings.h"

static void info(call *c)
{
    modellab_build_info build = {.size = sizeof build};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_info_get(&build, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    const settings *s = &server_settings;
    reply_json(
        c, 200,
        json_pack(
            "{s:s, s:s, s:[s], s:b, s:b, s:b, s:{s:I, s:I, s:I, s:I}, s:{s:s, s:s, s:s, s:i}}",
            "version", build.version, "api_version", "1", "api_versions", "1", "keys", s->keys,
            "supervises", s->supervise, "draining", server_is_draining(), "limits", "upload_bytes",
            (json_int_t)s->max_upload_bytes, "json_bytes", (json_int_t)(1 << 20), "connections",
            (json_int_t)s->max_connections, "requests_per_minute", (json_int_t)s->rate, "machine",
            "isa", build.isa, "blas", build.blas_core, "gpu", build.gpu, "cpus",
            (int)build.cpu_count));
}

/* All variables with what they are set to; secrets only as set. */
static void config(call *c)
{
    json_t *items = json_array();
    for (size_t i = 0; i < modellab_config_count(); i++) {
        modellab_config_variable variable = {.size = sizeof variable};
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_buffer *value = NULL;
        const char *source = NULL;
        if (modellab_config_at(i, &variable, &err) != MODELLAB_OK || variable.is_foreign)
            continue; /* the index is one of its own */
        modellab_status status = modellab_config_get(variable.name, &value, &source, &err);
        bool is_path = variable.type[0] == 'p'; /* "path": where things lie is nobody's business */
        const char *shown = status != MODELLAB_OK ? "" : modellab_buffer_data(value);
        json_t *item = json_pack("{s:s, s:s, s:s?, s:b, s:s?, s:s}", "name", variable.name, "type",
                                 variable.type, "value", is_path ? NULL : shown, "set",
                                 shown[0] != '\0', "source", source, "text", variable.text);
        modellab_buffer_destroy(value);
        if (json_array_append_new(items, item) != 0) {
            json_decref(items);
            reply_problem(c, 500, "internal", "out of memory");
            return;
        }
    }
    reply_json(c, 200, json_pack("{s:o}", "items", items));
}

static const operation table[] = {
    {.id = "getInfo", .method = "GET", .path = "/api/v1/info", .scope = "", .run = info},
    {.id = "getConfig", .method = "GET", .path = "/api/v1/config", .scope = "admin", .run = config},
};
OPERATION_TABLE(ops_info);
