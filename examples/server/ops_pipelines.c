/* Steps, operators and pipelines: what there is, the user's own, and whether one would work. */
#include "call.h"
#include "conditions.h"
#include "finding_json.h"
#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(modellab_buffer *owned)
{
    json_t *value =
        json_loadb(modellab_buffer_data(owned), modellab_buffer_size(owned), JSON_DECODE_ANY, NULL);
    modellab_buffer_destroy(owned);
    return value;
}

static void reply_items(call *c, json_t *owned_items)
{
    reply_json(c, 200, owned_items != NULL ? json_pack("{s:o}", "items", owned_items) : NULL);
}

static void list_steps(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_status status = modellab_step_list(&text, &err);
    if (status == MODELLAB_OK)
        reply_items(c, parsed(text));
    else
        reply_error(c, status, &err, NULL);
}

/* "peak|rms" as an array; null for a number. */
static json_t *choices_of(const char *choices)
{
    json_t *all = choices[0] != '\0' ? json_array() : json_null();
    while (choices[0] != '\0') {
        size_t bytes = strcspn(choices, "|");
        if (json_array_append_new(all, json_stringn(choices, bytes)) != 0) {
            json_decref(all);
            return NULL;
        }
        choices += bytes + (choices[bytes] == '|' ? 1 : 0);
    }
    return all;
}

static json_t *param_json(const modellab_enhance_param *p)
{
    bool words = p->choices[0] != '\0';
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", p->name, "unit", p->unit,
                     "text", p->text, "choices", choices_of(p->choices), "minimum",
                     words ? json_null() : json_real(p->least), "maximum",
                     words ? json_null() : json_real(p->most), "default", json_real(p->standard));
}

static json_t *operator_json(size_t index, const modellab_enhance_operator *op)
{
    json_t *params = json_array();
    for (int32_t i = 0; params != NULL && i < op->param_count; i++) {
        modellab_enhance_param p = {.size = sizeof p};
        if (modellab_enhance_param_at(index, (size_t)i, &p, NULL) != MODELLAB_OK ||
            json_array_append_new(params, param_json(&p)) != 0) {
            json_decref(params);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:b, s:b, s:o}", "name", op->name, "text", op->text, "two_passes",
                     op->two_passes, "moves_time", op->moves_time, "params", params);
}

static void list_operators(call *c)
{
    json_t *all = json_array();
    for (size_t i = 0; all != NULL && i < modellab_enhance_operator_count(); i++) {
        modellab_enhance_operator op = {.size = sizeof op};
        if (modellab_enhance_operator_at(i, &op, NULL) != MODELLAB_OK ||
            json_array_append_new(all, operator_json(i, &op)) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    reply_items(c, all);
}

/* One whose file cannot be read has a name alone: the rest is told as it is. */
static bool complete(json_t *pipeline)
{
    if (json_object_get(pipeline, "steps") != NULL)
        return true;
    return json_object_set_new(pipeline, "text", json_string("its file is damaged")) == 0 &&
           json_object_set_new(pipeline, "steps", json_array()) == 0;
}

static void list_pipelines(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_status status = modellab_pipeline_list(call_lab(c), &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *all = parsed(text);
    for (size_t i = 0; i < json_array_size(all); i++) {
        if (!complete(json_array_get(all, i))) {
            json_decref(all);
            all = NULL;
        }
    }
    reply_items(c, all);
}

static void reply_pipeline(call *c, int http, const char *name)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_status status = modellab_pipeline_load(call_lab(c), name, &text, &err);
    if (status == MODELLAB_OK)
        reply_buffer(c, http, "application/json", text);
    else
        reply_error(c, status, &err, NULL);
}

static void get_pipeline(call *c)
{
    reply_pipeline(c, 200, call_param(c, "name"));
}

/* The definition without a name, which stands in the path. NULL: has replied. */
static char *definition_of(call *c, const char *name)
{
    json_t *body = json_is_object(call_json(c)) ? json_deep_copy(call_json(c)) : NULL;
    const json_t *inner = json_object_get(body, "name");
    char *text = NULL;
    if (body == NULL) {
        reply_invalid(c, "", "must be an object");
        return NULL;
    }
    if (inner != NULL &&
        (!json_is_string(inner) || (name != NULL && strcmp(json_string_value(inner), name) != 0))) {
        reply_invalid(c, "/name", "must be the name in the path, or left out");
    } else {
        (void)json_object_del(body, "name"); /* it may not be there */
        text = json_dumps(body, JSON_COMPACT);
        if (text == NULL)
            reply_problem(c, 500, "internal", "out of memory");
    }
    json_decref(body);
    return text;
}

/* False: has replied 412. A definition that cannot be read is there, and has no tag. */
static bool may_change(call *c, const char *name, bool *there)
{
    modellab_buffer *text = NULL;
    modellab_status status = modellab_pipeline_load(call_lab(c), name, &text, NULL);
    *there = status == MODELLAB_OK;
    bool met = status != MODELLAB_OK && status != MODELLAB_E_NOT_FOUND
                   ? change_met(c, "", 0)
                   : change_met(c, *there ? modellab_buffer_data(text) : NULL,
                                *there ? modellab_buffer_size(text) : 0);
    modellab_buffer_destroy(text);
    return met;
}

static void put_alone(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    const char *name = call_param(c, "name");
    char *text = definition_of(c, name), path[128];
    bool there;
    if (text == NULL)
        return;
    if (!may_change(c, name, &there)) {
        free(text);
        return;
    }
    modellab_status status = modellab_pipeline_save(call_lab(c), name, text, 0, &report, &err);
    free(text);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, report);
        return;
    }
    modellab_report_unref(report);
    (void)snprintf(path, sizeof path, "/api/v1/pipelines/%s", name);
    if (!there)
        reply_location(c, path);
    reply_tagged(c);
    reply_pipeline(c, there ? 200 : 201, name);
}

static void put_pipeline(call *c)
{
    change_begin();
    put_alone(c);
    change_end();
}

static void delete_alone(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    bool there;
    if (!may_change(c, call_param(c, "name"), &there))
        return;
    modellab_status status = modellab_pipeline_delete(call_lab(c), call_param(c, "name"), &err);
    if (status == MODELLAB_OK)
        reply_empty(c, 204);
    else
        reply_error(c, status, &err, NULL);
}

static void delete_pipeline(call *c)
{
    change_begin();
    delete_alone(c);
    change_end();
}

/* "a,b" as an array. */
static json_t *split(const char *steps)
{
    json_t *all = json_array();
    while (all != NULL && *steps != '\0') {
        size_t bytes = strcspn(steps, ",");
        if (json_array_append_new(all, json_stringn(steps, bytes)) != 0) {
            json_decref(all);
            return NULL;
        }
        steps += bytes + (steps[bytes] == ',' ? 1 : 0);
    }
    return all;
}

static void validate_pipeline(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *steps = NULL;
    modellab_report *report = NULL;
    char *text = definition_of(c, NULL);
    if (text == NULL)
        return;
    modellab_status status = modellab_pipeline_check(call_lab(c), text, 0, &steps, &report, &err);
    free(text);
    if (status == MODELLAB_OK || status == MODELLAB_E_SCHEMA) {
        reply_json(c, 200,
                   json_pack("{s:b, s:o, s:o}", "valid", status == MODELLAB_OK, "findings",
                             findings_json(report), "steps",
                             steps != NULL ? split(modellab_buffer_data(steps)) : json_null()));
        modellab_report_unref(report);
    } else {
        reply_error(c, status, &err, report);
    }
    modellab_buffer_destroy(steps);
}

/* Names joined by commas; NULL: one is none, or out of memory. */
static char *join(const json_t *steps)
{
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        if (!json_is_string(step) || strchr(json_string_value(step), ',') != NULL)
            return NULL;
        bytes += json_string_length(step) + 1;
    }
    char *text = calloc(bytes, 1);
    for (size_t i = 0; text != NULL && i < json_array_size(steps); i++) {
        int n = snprintf(text + at, bytes - at, "%s%s", i > 0 ? "," : "",
                         json_string_value(json_array_get(steps, i)));
        at += n > 0 ? (size_t)n : 0;
    }
    return text;
}

/* What is asked for: a list of steps, or that of a pipeline. NULL: has replied. */
static json_t *steps_asked(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    const json_t *body = call_json(c);
    json_t *steps = json_object_get(body, "steps"), *pipeline = json_object_get(body, "pipeline");
    if (!json_is_object(body) || (steps == NULL) == (pipeline == NULL) ||
        json_object_size(body) != 1) {
        reply_invalid(c, "", "must have one of `steps` and `pipeline`, and nothing else");
        return NULL;
    }
    if (steps != NULL &&
        (!json_is_array(steps) || json_array_size(steps) < 1 || json_array_size(steps) > 64)) {
        reply_invalid(c, "/steps", "must be a list of 1 to 64 steps");
        return NULL;
    }
    if (steps != NULL)
        return json_incref(steps);
    if (!json_is_string(pipeline)) {
        reply_invalid(c, "/pipeline", "must be the name of a pipeline");
        return NULL;
    }
    modellab_status status =
        modellab_pipeline_load(call_lab(c), json_string_value(pipeline), &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return NULL;
    }
    json_t *whole = parsed(text);
    steps = json_incref(json_object_get(whole, "steps"));
    json_decref(whole);
    if (steps == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    return steps;
}

/* Those of `all` that were not asked for. */
static json_t *added(const json_t *all, const json_t *asked)
{
    json_t *more = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        bool found = false;
        json_t *step = json_array_get(all, i);
        for (size_t k = 0; k < json_array_size(asked); k++)
            found = found || json_equal(step, json_array_get(asked, k));
        if (!found && json_array_append(more, step) != 0) {
            json_decref(more);
            return NULL;
        }
    }
    return more;
}

static void resolve_pipeline(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_report *report = NULL;
    json_t *asked = steps_asked(c);
    if (asked == NULL)
        return;
    char *names = join(asked);
    if (names == NULL) {
        json_decref(asked);
        reply_invalid(c, "/steps", "each must be the name of a step");
        return;
    }
    modellab_status status = modellab_pipeline_resolve(names, &text, &report, &err);
    free(names);
    if (status == MODELLAB_OK || status == MODELLAB_E_SCHEMA) {
        json_t *steps = split(text != NULL ? modellab_buffer_data(text) : "");
        json_t *more = added(steps, asked);
        reply_json(c, 200,
                   json_pack("{s:b, s:o, s:o, s:o}", "valid", status == MODELLAB_OK, "steps", steps,
                             "added", more, "findings", findings_json(report)));
        modellab_report_unref(report);
    } else {
        reply_error(c, status, &err, report);
    }
    modellab_buffer_destroy(text);
    json_decref(asked);
}

static void get_schema(call *c)
{
    const char *name = call_param(c, "name");
    const char *text = strcmp(name, "run-request") == 0  ? modellab_run_request_schema()
                       : strcmp(name, "experiment") == 0 ? modellab_experiment_schema()
                                                         : NULL;
    if (text == NULL)
        reply_problem(c, 404, "not-found", "there are the schemas run-request and experiment");
    else
        reply_bytes(c, 200, "application/schema+json", text, strlen(text));
}

#define READS(name, at, how)                                                                       \
    {                                                                                              \
        .id = name, .method = "GET", .path = "/api/v1/" at, .scope = "runs:read", .run = how       \
    }
#define ASKS(name, at, how)                                                                        \
    {                                                                                              \
        .id = name, .method = "POST", .path = "/api/v1/" at, .scope = "runs:read",                 \
        .body = BODY_JSON, .flags = OP_REPEATABLE, .run = how                                      \
    }

static const operation table[] = {
    READS("listSteps", "steps", list_steps),
    READS("listOperators", "operators", list_operators),
    READS("listPipelines", "pipelines", list_pipelines),
    ASKS("validatePipeline", "pipelines/validate", validate_pipeline),
    ASKS("resolvePipeline", "pipelines/resolve", resolve_pipeline),
    READS("getPipeline", "pipelines/{name}", get_pipeline),
    {.id = "putPipeline",
     .method = "PUT",
     .path = "/api/v1/pipelines/{name}",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_MATCHES,
     .run = put_pipeline},
    {.id = "deletePipeline",
     .method = "DELETE",
     .path = "/api/v1/pipelines/{name}",
     .scope = "runs:write",
     .flags = OP_MATCHES,
     .run = delete_pipeline},
    {.id = "getSchema",
     .method = "GET",
     .path = "/api/v1/schemas/{name}",
     .scope = "",
     .run = get_schema},
};
OPERATION_TABLE(ops_pipelines);
