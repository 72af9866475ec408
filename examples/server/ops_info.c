/* What this server is: versions, limits, what is switched on; and its settings. */
#include "call.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "settings.h"
#include "web.h"
#include <string.h>

static json_t *limits(void)
{
    const settings *s = &server_settings;
    return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f}", "max_upload_bytes",
                     (json_int_t)s->max_upload_bytes, "max_json_bytes", (json_int_t)(1 << 20),
                     "max_connections", (json_int_t)s->max_connections, "requests_per_minute",
                     (json_int_t)s->rate, "head_seconds", (double)s->head_ms / 1000, "body_seconds",
                     (double)s->body_ms / 1000);
}

/* Scopes of the key of this request; without keys all. */
static json_t *scopes(const call *c)
{
    static const char *const all[] = {"runs:read", "runs:write", "models:write", "admin"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (call_has_scope(c, all[i]) && json_array_append_new(list, json_string(all[i])) != 0)
            break; /* out of memory: what there is goes out */
    return list;
}

static void info(call *c)
{
    modellab_build_info build = {.size = sizeof build};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_info_get(&build, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    const char *user = call_user(c);
    json_t *features =
        json_pack("{s:b, s:b, s:b, s:b}", "supervisor", server_settings.supervise, "web",
                  web_is_there(), "gzip", 1, "draining", server_is_draining());
    reply_json(c, 200,
               json_pack("{s:s, s:s, s:[s], s:b, s:s?, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:i}",
                         "version", build.version, "api_version", "1", "api_versions", "1", "keys",
                         server_settings.keys, "user", user[0] != '\0' ? user : NULL, "scopes",
                         scopes(c), "limits", limits(), "features", features, "isa", build.isa,
                         "blas_core", build.blas_core, "blas_kind", build.blas_kind, "gpu",
                         build.gpu, "cpu_count", (int)build.cpu_count));
}

/* One variable. Where things lie is nobody's business: of paths only whether they are set. */
static json_t *config_item(const modellab_config_variable *variable)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *value = NULL;
    const char *source = NULL;
    modellab_status status = modellab_config_get(variable->name, &value, &source, &err);
    bool set = status == MODELLAB_OK && modellab_buffer_size(value) > 0;
    bool is_path = strcmp(variable->type, "path") == 0;
    json_t *item =
        json_pack("{s:s, s:s?, s:s?, s:s, s:s?, s:s}", "name", variable->name, "value",
                  !set      ? NULL
                  : is_path ? "set"
                            : modellab_buffer_data(value),
                  "source", status == MODELLAB_OK ? source : NULL, "type", variable->type,
                  "default", variable->default_value[0] != '\0' ? variable->default_value : NULL,
                  "text", variable->text);
    modellab_buffer_destroy(value);
    return item;
}

static void config(call *c)
{
    json_t *items = json_array();
    for (size_t i = 0; i < modellab_config_count(); i++) {
        modellab_config_variable variable = {.size = sizeof variable};
        if (modellab_config_at(i, &variable, NULL) != MODELLAB_OK || variable.is_foreign)
            continue; /* the index is one of its own */
        if (json_array_append_new(items, config_item(&variable)) != 0) {
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
