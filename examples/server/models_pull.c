/* POST /api/v1/models/{name}/pull: a recorded run ("models_pull") fetches and installs the model;
 * its progress is events, and cancelling the run ends it. */
#include "jobs.h"
#include "model_pool.h"
#include "problem.h"
#include "reply.h"
#include "run_summary.h"
#include "server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct puller {
    modellab_catalog *catalog;
    modellab_record *record;
    modellab_logger *log;
    char *name;
    modellab_status why; /* of the record's check */
    bool stops;          /* the server does */
} puller;

static int32_t on_progress(void *user, const char *file, const char *source, int64_t done,
                           int64_t total)
{
    puller *p = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    json_t *details = json_pack("{s:s, s:s, s:I}", "file", file, "source", source, "done_bytes",
                                (json_int_t)done);
    if (details != NULL && total >= 0 &&
        json_object_set_new(details, "total_bytes", json_integer((json_int_t)total)) != 0)
        total = -1; /* it is left out */
    char *text = details != NULL ? json_dumps(details, JSON_COMPACT) : NULL;
    json_decref(details);
    p->why = modellab_record_check(p->record, &err);
    if (p->why == MODELLAB_OK && text != NULL &&
        modellab_record_tell(p->record, text, &err) != MODELLAB_OK)
        modellab_logger_write(p->log, MODELLAB_LOG_WARN, "models.progress_not_told", err.message);
    free(text);
    p->stops = server_is_draining();
    return p->why != MODELLAB_OK || p->stops ? 1 : 0;
}

static void finish(puller *p, modellab_status status, const char *message)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    bool good = status == MODELLAB_OK;
    modellab_status ended =
        modellab_record_step_end(p->record, good ? MODELLAB_RUN_COMPLETED : MODELLAB_RUN_FAILED,
                                 good ? NULL : message, &err);
    if (ended == MODELLAB_OK && good)
        ended = modellab_record_finish(p->record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE,
                                       NULL, &err);
    else if (ended == MODELLAB_OK && p->stops)
        ended = modellab_record_finish(p->record, MODELLAB_RUN_CANCELLED,
                                       MODELLAB_REASON_HOST_STOPPED, "The server stops.", &err);
    else if (ended == MODELLAB_OK && p->why == MODELLAB_OK)
        ended =
            modellab_record_finish(p->record, MODELLAB_RUN_FAILED,
                                   status == MODELLAB_E_NO_SPACE ? MODELLAB_REASON_NO_SPACE
                                   : status == MODELLAB_E_NETWORK || status == MODELLAB_E_NO_SOURCE
                                       ? MODELLAB_REASON_NETWORK_ERROR
                                       : MODELLAB_REASON_HOST_FAILED,
                                   message, &err);
    if (ended != MODELLAB_OK)
        modellab_logger_write(p->log, MODELLAB_LOG_WARN, "models.run_not_ended", err.message);
}

static void drop(puller *p)
{
    modellab_record_destroy(p->record); /* one that was cancelled ends as its check said */
    modellab_catalog_unref(p->catalog);
    modellab_logger_unref(p->log);
    free(p->name);
    free(p);
}

static void pull(void *user)
{
    puller *p = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_pull_options options = MODELLAB_PULL_OPTIONS_INIT;
    options.progress = on_progress;
    options.user = p;
    modellab_status status = modellab_catalog_pull(p->catalog, p->name, &options, &err);
    model_pool_forget(p->name);
    finish(p, status, err.message);
    drop(p);
}

MODELLAB_MUST_CHECK static modellab_status begin(call *c, puller *p, modellab_error *err)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    json_t *config = json_pack("{s:{s:s}}", "models_pull", "model", p->name);
    char *text = config != NULL ? json_dumps(config, JSON_COMPACT) : NULL;
    json_decref(config);
    if (text == NULL)
        return MODELLAB_E_NO_MEMORY;
    options.pipeline = "models_pull";
    options.user = call_user(c);
    options.request_id = call_request_id(c);
    options.trace_parent = call_trace_parent(c);
    options.trace_state = call_trace_state(c);
    options.config_json = text;
    modellab_status status = modellab_record_begin(call_lab(c), &options, &p->record, err);
    free(text);
    return status == MODELLAB_OK ? modellab_record_step_begin(p->record, "pull", err) : status;
}

static void answer(call *c, const puller *p)
{
    char path[96];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = NULL;
    const char *id = modellab_record_run_id(p->record);
    modellab_status status = modellab_run_load(call_lab(c), id, &run, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    (void)snprintf(path, sizeof path, "/api/v1/runs/%s", id);
    reply_location(c, path);
    reply_json(c, 202, run_summary(run));
    modellab_run_unref(run);
}

static void start(call *c, modellab_catalog *owned, const char *name)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    puller *p = calloc(1, sizeof *p);
    if (p == NULL) {
        modellab_catalog_unref(owned);
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    p->catalog = owned;
    p->log = modellab_logger_ref(call_log(c));
    p->name = strdup(name);
    modellab_status status = p->name != NULL ? begin(c, p, &err) : MODELLAB_E_NO_MEMORY;
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        drop(p);
        return;
    }
    answer(c, p);
    if (!job_run(pull, p)) {
        finish(p, MODELLAB_E_NO_MEMORY, "there is no thread for it");
        drop(p);
    }
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

static void pull_model(call *c)
{
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = NULL;
    modellab_catalog_entry entry;
    options.logger = call_log(c);
    modellab_status status = modellab_catalog_load(&options, &catalog, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    if (find(catalog, call_param(c, "name"), &entry)) {
        start(c, catalog, entry.name);
        return;
    }
    modellab_catalog_unref(catalog);
    reply_problem(c, 404, "not-found", "there is no model of this name");
}

static const operation table[] = {
    {.id = "pullModel",
     .method = "POST",
     .path = "/api/v1/models/{name}/pull",
     .scope = "models:write",
     .run = pull_model},
};
OPERATION_TABLE(models_pull);
