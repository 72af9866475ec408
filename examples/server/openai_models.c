/* GET /v1/models: installed recognisers and voices, and the names of OpenAI's that stand for them.
 */
#include "openai.h"
#include "reply.h"
#include <string.h>

static json_t *model_json(const char *id, int64_t installed_ms, const char *owner)
{
    return json_pack("{s:s, s:s, s:I, s:s}", "id", id, "object", "model", "created",
                     (json_int_t)(installed_ms > 0 ? installed_ms / 1000 : 0), "owned_by", owner);
}

static bool is_usable(const modellab_catalog_entry *entry)
{
    return entry->state == MODELLAB_MODEL_INSTALLED &&
           (strcmp(entry->task, "asr") == 0 || strcmp(entry->task, "tts") == 0);
}

/* When a model was installed; -1: it is not. */
static int64_t installed(const modellab_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry entry = {.size = sizeof entry};
        if (modellab_catalog_at(catalog, i, &entry, NULL) == MODELLAB_OK && is_usable(&entry) &&
            strcmp(entry.name, name) == 0)
            return entry.installed_ms > 0 ? entry.installed_ms : 0;
    }
    return -1;
}

static bool is_listed(const json_t *list, const char *name)
{
    size_t i;
    const json_t *model;
    json_array_foreach(list, i, model) if (strcmp(json_string_value(json_object_get(model, "id")),
                                                  name) == 0) return true;
    return false;
}

/* New reference; NULL: out of memory. */
static json_t *all_models(const modellab_catalog *catalog)
{
    json_t *list = json_array();
    char name[OPENAI_NAME_BYTES], model[OPENAI_NAME_BYTES];
    int64_t since[] = {-1, -1}; /* of the first recogniser, the first voice */
    bool good = list != NULL;
    for (size_t i = 0; good && i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry entry = {.size = sizeof entry};
        if (modellab_catalog_at(catalog, i, &entry, NULL) != MODELLAB_OK || !is_usable(&entry))
            continue;
        size_t which = strcmp(entry.task, "tts") == 0;
        since[which] = since[which] < 0 ? entry.installed_ms : since[which];
        good = json_array_append_new(list,
                                     model_json(entry.name, entry.installed_ms, "modellab")) == 0;
    }
    for (size_t i = 0; good && openai_alias_at(i, name, model); i++) {
        int64_t installed_ms =
            model[0] != '\0' ? installed(catalog, model) : since[openai_is_speaker(name)];
        if (installed_ms >= 0 && !is_listed(list, name))
            good = json_array_append_new(list, model_json(name, installed_ms, "openai")) == 0;
    }
    if (!good) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* NULL: has replied. */
static json_t *load(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = NULL;
    modellab_status status = modellab_catalog_load(NULL, &catalog, &err);
    json_t *list = status == MODELLAB_OK ? all_models(catalog) : NULL;
    modellab_catalog_unref(catalog);
    if (list == NULL)
        openai_fail(c, status != MODELLAB_OK ? status : MODELLAB_E_NO_MEMORY, &err, NULL, NULL);
    return list;
}

static void list_models(call *c)
{
    json_t *list = load(c);
    if (list != NULL)
        reply_json(c, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static void get_model(call *c)
{
    const char *id = call_param(c, "id");
    json_t *list = load(c), *model, *found = NULL;
    size_t i;
    if (list == NULL)
        return;
    json_array_foreach(list, i, model) if (found == NULL &&
                                           strcmp(json_string_value(json_object_get(model, "id")),
                                                  id) == 0) found = json_incref(model);
    json_decref(list);
    if (found != NULL)
        reply_json(c, 200, found);
    else
        openai_refuse(c, 404, "model", "model_not_found",
                      "The model '%.100s' does not exist or is not installed.", id);
}

static const operation table[] = {
    {.id = "listOpenaiModels",
     .method = "GET",
     .path = "/v1/models",
     .scope = "runs:read",
     .flags = OP_OPENAI,
     .run = list_models},
    {.id = "getOpenaiModel",
     .method = "GET",
     .path = "/v1/models/{id}",
     .scope = "runs:read",
     .flags = OP_OPENAI,
     .run = get_model},
};
OPERATION_TABLE(openai_models);
