/* Models: the catalog with what is installed, removing, verifying; what this server can do. */
#include "call.h"
#include "conditions.h"
#include "finding_json.h"
#include "model_pool.h"
#include "problem.h"
#include "reply.h"
#include <string.h>

static const char *state_name(modellab_model_state state)
{
    return state == MODELLAB_MODEL_INSTALLED ? "installed"
           : state == MODELLAB_MODEL_PARTIAL ? "partial"
           : state == MODELLAB_MODEL_DAMAGED ? "damaged"
                                             : "absent";
}

static json_t *entry_json(const modellab_catalog_entry *e)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "name", e->name, "title",
                     e->title, "task", e->task, "architecture", e->architecture, "licence",
                     e->licence, "languages", e->languages, "bytes", (json_int_t)e->bytes, "state",
                     state_name(e->state), "is_default", e->is_default != 0);
}

/* NULL: has replied. */
static modellab_catalog *load(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_catalog *catalog = NULL;
    options.logger = call_log(c);
    modellab_status status = modellab_catalog_load(&options, &catalog, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    return catalog;
}

/* All entries, or those that are installed; NULL: out of memory. */
static json_t *entries(const modellab_catalog *catalog, bool installed)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry entry = {.size = sizeof entry};
        if (modellab_catalog_at(catalog, i, &entry, NULL) != MODELLAB_OK ||
            (installed && entry.state != MODELLAB_MODEL_INSTALLED))
            continue;
        if (json_array_append_new(list, entry_json(&entry)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void list_models(call *c)
{
    modellab_catalog *catalog = load(c);
    if (catalog == NULL)
        return;
    json_t *list = entries(catalog, false);
    reply_json(c, 200, list != NULL ? json_pack("{s:o}", "items", list) : NULL);
    modellab_catalog_unref(catalog);
}

static bool find(const modellab_catalog *catalog, const char *name, modellab_catalog_entry *out)
{
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        *out = (modellab_catalog_entry){.size = sizeof *out};
        if (modellab_catalog_at(catalog, i, out, NULL) == MODELLAB_OK &&
            strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

static void get_model(call *c)
{
    modellab_catalog_entry entry;
    modellab_catalog *catalog = load(c);
    if (catalog == NULL)
        return;
    if (find(catalog, call_param(c, "name"), &entry))
        reply_json(c, 200, entry_json(&entry));
    else
        reply_problem(c, 404, "not-found", "there is no model of this name");
    modellab_catalog_unref(catalog);
}

static void delete_model(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog_entry entry;
    modellab_catalog *catalog = load(c);
    if (catalog == NULL)
        return;
    if (find(catalog, call_param(c, "name"), &entry) && !change_met_json(c, entry_json(&entry))) {
        modellab_catalog_unref(catalog);
        return;
    }
    modellab_status status = modellab_catalog_remove(catalog, call_param(c, "name"), &err);
    modellab_catalog_unref(catalog);
    model_pool_forget(call_param(c, "name"));
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else
        reply_empty(c, 204);
}

static void verify_model(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_catalog *catalog = load(c);
    if (catalog == NULL)
        return;
    modellab_status status =
        modellab_catalog_verify(catalog, call_param(c, "name"), call_cancel(c), &report, &err);
    modellab_catalog_unref(catalog);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    bool intact = modellab_report_worst(report) != MODELLAB_SEVERITY_ERROR;
    json_t *findings = findings_json(report);
    modellab_report_unref(report);
    reply_json(c, 200,
               findings != NULL ? json_pack("{s:b, s:o}", "intact", intact, "findings", findings)
                                : NULL);
}

/* Is any model of the task installed? */
static bool has(const modellab_catalog *catalog, const char *task, bool foreign)
{
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry entry = {.size = sizeof entry};
        if (modellab_catalog_at(catalog, i, &entry, NULL) == MODELLAB_OK &&
            entry.state == MODELLAB_MODEL_INSTALLED && strcmp(entry.task, task) == 0 &&
            (!foreign || strcmp(entry.languages, "en") != 0))
            return true;
    }
    return false;
}

static void capabilities(call *c)
{
    modellab_catalog *catalog = load(c);
    if (catalog == NULL)
        return;
    bool hears = has(catalog, "asr", false), detects = has(catalog, "vad", false);
    json_t *models = entries(catalog, true);
    reply_json(
        c, 200,
        json_pack("{s:{s:b, s:b, s:b, s:b, s:b}, s:{s:[s,s,s,s,s,s,s], s:[s,s,s,s,s,s,s,s,s], "
                  "s:[s,s,s,s,s]}, s:o}",
                  "tasks", "transcription", hears, "translation", has(catalog, "asr", true),
                  "speakers", detects && has(catalog, "speaker-embedding", false), "speech",
                  has(catalog, "tts", false) && has(catalog, "lexicon", false), "voice_activity",
                  detects, "formats", "audio_in", "wav", "flac", "ogg", "opus", "mp3", "aiff",
                  "caf", "transcript", "txt", "json", "verbose_json", "diarized_json", "srt", "vtt",
                  "tsv", "ctm", "textgrid", "speech", "mp3", "opus", "flac", "wav", "pcm", "models",
                  models));
    modellab_catalog_unref(catalog);
}

static const operation table[] = {
    {.id = "listModels",
     .method = "GET",
     .path = "/api/v1/models",
     .scope = "runs:read",
     .run = list_models},
    {.id = "getModel",
     .method = "GET",
     .path = "/api/v1/models/{name}",
     .scope = "runs:read",
     .run = get_model},
    {.id = "deleteModel",
     .method = "DELETE",
     .path = "/api/v1/models/{name}",
     .scope = "models:write",
     .flags = OP_MATCHES,
     .run = delete_model},
    {.id = "verifyModel",
     .method = "POST",
     .path = "/api/v1/models/{name}/verify",
     .scope = "models:write",
     .flags = OP_REPEATABLE,
     .run = verify_model},
    {.id = "getCapabilities",
     .method = "GET",
     .path = "/api/v1/capabilities",
     .scope = "runs:read",
     .run = capabilities},
};
OPERATION_TABLE(ops_models);
