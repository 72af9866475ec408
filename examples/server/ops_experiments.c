/* Experiments: candidates side by side on the same inputs, which are uploads. */
#include "call.h"
#include "conditions.h"
#include "finding_json.h"
#include "intake.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MOST 1000

static json_t *parsed(modellab_buffer *owned)
{
    json_t *value = json_loadb(modellab_buffer_data(owned), modellab_buffer_size(owned), 0, NULL);
    modellab_buffer_destroy(owned);
    return value;
}

/* An experiment is its candidates' users': it has no other owner. */
static bool may_see_record(call *c, const json_t *record)
{
    const json_t *candidates = json_object_get(json_object_get(record, "snapshot"), "candidates");
    for (size_t i = 0; i < json_array_size(candidates); i++) {
        const json_t *request = json_object_get(json_array_get(candidates, i), "request");
        const char *user = json_string_value(json_object_get(request, "user"));
        if (!call_may_see(c, user != NULL ? user : ""))
            return false;
    }
    return record != NULL;
}

static modellab_status load(call *c, const char *id, json_t **out, modellab_error *err)
{
    modellab_buffer *text = NULL;
    modellab_status status = modellab_experiment_load(call_lab(c), id, &text, err);
    *out = NULL;
    if (status != MODELLAB_OK)
        return status;
    *out = parsed(text);
    return *out != NULL ? MODELLAB_OK : MODELLAB_E_NO_MEMORY;
}

/* False: has replied. The record is for who wants it. */
static bool find(call *c, json_t **record)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    json_t *own = NULL;
    modellab_status status = load(c, call_param(c, "id"), &own, &err);
    bool seen = status == MODELLAB_OK && may_see_record(c, own);
    if (status == MODELLAB_OK && !seen)
        reply_problem(c, 404, "not-found", "there is no experiment of this id");
    else if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    if (seen && record != NULL)
        *record = own;
    else
        json_decref(own);
    return seen;
}

static bool is_listed(call *c, const char *id)
{
    json_t *record = NULL;
    if (call_has_scope(c, "admin"))
        return true;
    bool seen = load(c, id, &record, NULL) == MODELLAB_OK && may_see_record(c, record);
    json_decref(record);
    return seen;
}

/* Newest first; the cursor is the id that a page ended with. */
static void list(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    const char *cursor = call_query(c, "cursor");
    int64_t limit;
    if (!call_query_int(c, "limit", 1, PAGE_MOST, 50, &limit))
        return;
    modellab_status status = modellab_experiment_list(call_lab(c), &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *all = parsed(text), *items = json_array(), *next = json_null();
    bool begun = cursor == NULL, good = all != NULL && items != NULL;
    for (size_t i = 0; good && i < json_array_size(all); i++) {
        json_t *item = json_array_get(all, i);
        const char *id = json_string_value(json_object_get(item, "id"));
        if (begun && is_listed(c, id)) {
            if (json_array_size(items) == (size_t)limit) {
                const json_t *last = json_array_get(items, (size_t)limit - 1);
                next = json_incref(json_object_get(last, "id"));
                break;
            }
            good = json_array_append(items, item) == 0;
        }
        begun = begun || strcmp(id, cursor) == 0;
    }
    json_decref(all);
    if (good && begun) {
        reply_json(c, 200, json_pack("{s:o, s:o}", "items", items, "next_cursor", next));
        return;
    }
    json_decref(items);
    json_decref(next);
    if (good)
        reply_invalid(c, "?cursor", "this is no cursor of the list, or what it named is gone");
    else
        reply_problem(c, 500, "internal", "out of memory");
}

/* Candidates are runs of the key's user. False: has replied. */
static bool own_candidates(call *c, json_t *document)
{
    json_t *candidates = json_object_get(document, "candidates");
    for (size_t i = 0; i < json_array_size(candidates); i++) {
        json_t *request = json_object_get(json_array_get(candidates, i), "request");
        if (json_is_object(request) && !intake_user(c, request))
            return false;
        if (!intake_survives(request)) {
            reply_problem(c, 500, "internal", "out of memory");
            return false;
        }
    }
    return true;
}

static bool was_there(const json_t *before, const char *id)
{
    for (size_t i = 0; i < json_array_size(before); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(before, i), "id"));
        if (other != NULL && strcmp(other, id) == 0)
            return true;
    }
    return false;
}

/* Stores it; false: has replied. */
static bool store(call *c, const char *body, char id[MODELLAB_EXPERIMENT_ID_BYTES], bool *is_new,
                  json_t **told)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_experiment_options o = MODELLAB_EXPERIMENT_OPTIONS_INIT;
    modellab_report *report = NULL;
    modellab_buffer *text = NULL;
    /* an experiment is named by its content: whether it is new shows by what there was before */
    modellab_status status = modellab_experiment_list(call_lab(c), &text, &err);
    json_t *before = status == MODELLAB_OK ? parsed(text) : NULL;
    o.document = body;
    o.cancel = call_cancel(c);
    if (!call_has_scope(c, "admin")) {
        o.user = call_user(c);
        o.flags = MODELLAB_EXPERIMENT_OWN_UPLOADS;
    }
    if (status == MODELLAB_OK)
        status = modellab_experiment_create(call_lab(c), &o, id, &report, &err);
    *is_new = status == MODELLAB_OK && !was_there(before, id);
    json_decref(before);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, report);
        return false;
    }
    *told = json_pack("{s:s, s:o}", "id", id, "findings", findings_json(report));
    modellab_report_unref(report);
    return true;
}

static void create_keyed(call *c, const char *body, modellab_idempotency *claim)
{
    char id[MODELLAB_EXPERIMENT_ID_BYTES], path[128];
    const char *const parts[] = {body};
    json_t *told = NULL;
    bool is_new = false;
    if (!replay_match(c, claim, parts, 1) || !store(c, body, id, &is_new, &told))
        return;
    char *text = told != NULL ? json_dumps(told, JSON_COMPACT) : NULL;
    json_decref(told);
    if (text == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    (void)snprintf(path, sizeof path, "/api/v1/experiments/%s", id);
    replay_keep(c, claim, is_new ? 201 : 200, path, text);
    reply_location(c, path);
    reply_bytes(c, is_new ? 201 : 200, "application/json", text, strlen(text));
    free(text);
}

static void create(call *c)
{
    modellab_idempotency *claim = NULL;
    json_t *document = json_is_object(call_json(c)) ? json_deep_copy(call_json(c)) : NULL;
    char *body = NULL;
    if (document == NULL) {
        reply_invalid(c, "", "must be an object");
        return;
    }
    if (own_candidates(c, document)) {
        body = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
        if (body == NULL)
            reply_problem(c, 500, "internal", "out of memory");
    }
    json_decref(document);
    if (body != NULL && replay_begin(c, &claim))
        create_keyed(c, body, claim);
    modellab_idempotency_unref(claim);
    free(body);
}

static void get(call *c)
{
    json_t *record = NULL;
    if (find(c, &record))
        reply_json(c, 200, record);
}

static void remove_one(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    json_t *record = NULL;
    if (!find(c, &record) || !change_met_json(c, record))
        return;
    modellab_status status = modellab_experiment_delete(call_lab(c), call_param(c, "id"), &err);
    if (status == MODELLAB_OK)
        reply_empty(c, 204);
    else
        reply_error(c, status, &err, NULL);
}

static void start(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_buffer *text = NULL;
    const char *id = call_param(c, "id");
    if (!find(c, NULL))
        return;
    modellab_status status =
        modellab_experiment_start(call_lab(c), id, call_cancel(c), &report, &err);
    if (status == MODELLAB_OK)
        status = modellab_experiment_status(call_lab(c), id, &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, report);
        return;
    }
    json_t *now = parsed(text);
    if (now != NULL && json_object_set_new(now, "findings", findings_json(report)) != 0) {
        json_decref(now);
        now = NULL;
    }
    modellab_report_unref(report);
    reply_json(c, 202, now);
}

static void cancel(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t asked = 0;
    if (!find(c, NULL))
        return;
    modellab_status status =
        modellab_experiment_cancel(call_lab(c), call_param(c, "id"), &asked, &err);
    if (status == MODELLAB_OK)
        reply_json(c, 202, json_pack("{s:I}", "asked", (json_int_t)asked));
    else
        reply_error(c, status, &err, NULL);
}

static void get_status(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    if (!find(c, NULL))
        return;
    modellab_status status =
        modellab_experiment_status(call_lab(c), call_param(c, "id"), &text, &err);
    if (status == MODELLAB_OK)
        reply_buffer(c, 200, "application/json", text);
    else
        reply_error(c, status, &err, NULL);
}

/* NULL: has replied. */
static json_t *comparison(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    if (!find(c, NULL))
        return NULL;
    modellab_status status =
        modellab_experiment_compare(call_lab(c), call_param(c, "id"), call_cancel(c), &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return NULL;
    }
    json_t *table = parsed(text);
    if (table == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    return table;
}

static void compare(call *c)
{
    json_t *table = comparison(c);
    if (table != NULL)
        reply_json(c, 200, table);
}

static void candidates(call *c)
{
    json_t *table = comparison(c);
    if (table != NULL)
        reply_json(c, 200, json_pack("{s:O}", "items", json_object_get(table, "candidates")));
    json_decref(table);
}

static void findings(call *c)
{
    json_t *table = comparison(c), *items = json_array();
    const json_t *all = json_object_get(table, "candidates");
    for (size_t i = 0; items != NULL && i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        if (json_array_append_new(items,
                                  json_pack("{s:O, s:O}", "candidate", json_object_get(one, "name"),
                                            "findings", json_object_get(one, "findings"))) != 0) {
            json_decref(items);
            items = NULL;
        }
    }
    if (table != NULL)
        reply_json(c, 200, json_pack("{s:o}", "items", items));
    else
        json_decref(items);
    json_decref(table);
}

/* What people come for is what the built-in pipelines are for. */
static void use_cases(call *c)
{
    json_t *items = json_array();
    for (size_t i = 0; items != NULL && i < modellab_pipeline_count(); i++) {
        modellab_pipeline_info p = {.size = sizeof p};
        if (modellab_pipeline_at(i, &p, NULL) != MODELLAB_OK ||
            json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s}", "id", p.name, "name",
                                                   p.name, "text", p.text, "pipeline", p.name)) !=
                0) {
            json_decref(items);
            items = NULL;
        }
    }
    reply_json(c, 200, json_pack("{s:o}", "items", items));
}

#define READS(name, at, how)                                                                       \
    {                                                                                              \
        .id = name, .method = "GET", .path = "/api/v1/" at, .scope = "runs:read", .run = how       \
    }
/* start submits what is missing: again, it submits nothing */
#define STARTS(name, at, how)                                                                      \
    {                                                                                              \
        .id = name, .method = "POST", .path = "/api/v1/" at, .scope = "runs:write",                \
        .flags = OP_REPEATABLE, .run = how                                                         \
    }

static const operation table[] = {
    READS("listExperiments", "experiments", list),
    {.id = "createExperiment",
     .method = "POST",
     .path = "/api/v1/experiments",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_KEYED,
     .run = create},
    READS("getExperiment", "experiments/{id}", get),
    {.id = "deleteExperiment",
     .method = "DELETE",
     .path = "/api/v1/experiments/{id}",
     .scope = "runs:write",
     .flags = OP_MATCHES,
     .run = remove_one},
    STARTS("startExperiment", "experiments/{id}/start", start),
    STARTS("cancelExperiment", "experiments/{id}/cancel", cancel),
    READS("getExperimentStatus", "experiments/{id}/status", get_status),
    READS("compareExperiment", "experiments/{id}/compare", compare),
    READS("listExperimentCandidates", "experiments/{id}/candidates", candidates),
    READS("listExperimentFindings", "experiments/{id}/findings", findings),
    READS("listUseCases", "use-cases", use_cases),
};
OPERATION_TABLE(ops_experiments);
