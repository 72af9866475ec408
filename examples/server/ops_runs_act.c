/* What is done to runs: cancel, retry, rerun, hold, release, priority. */
#include "call.h"
#include "conditions.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include "run_answer.h"
#include <stdlib.h>
#include <string.h>

#define BULK_MAX 1000

/* The status that the run has, when the key may see it; else 404 has been replied. */
static bool find(call *c, const char *id, modellab_run_status *now)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_info info = {.size = sizeof info};
    modellab_run *run = NULL;
    modellab_status status = modellab_run_load(call_lab(c), id, &run, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(run, &info, &err);
    bool seen = status == MODELLAB_OK && call_may_see(c, info.user);
    *now = info.status;
    modellab_run_unref(run);
    if (seen)
        return true;
    if (status == MODELLAB_OK)
        reply_problem(c, 404, "not-found", "there is no run of this id");
    else
        reply_error(c, status, &err, NULL);
    return false;
}

static const char *outcome_name(modellab_cancel_outcome outcome)
{
    static const char *const names[] = {"error",     "not_found", "already_terminal",
                                        "cancelled", "requested", "already_dead"};
    return outcome > 0 && outcome < 6 ? names[outcome] : names[0];
}

/* Of a run that the key may not see is told what is told of one that is not there. */
static modellab_status look_at(call *c, const char *id, modellab_error *err)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_run *run = NULL;
    modellab_status status = modellab_run_load(call_lab(c), id, &run, err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(run, &info, err);
    if (status == MODELLAB_OK && !call_may_see(c, info.user))
        status = MODELLAB_E_NOT_FOUND;
    modellab_run_unref(run);
    return status;
}

static json_t *cancel_one(call *c, const char *id, modellab_cancel_outcome *outcome)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    *outcome = MODELLAB_CANCEL_NOT_FOUND;
    modellab_status status = look_at(c, id, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_cancel(call_lab(c), id, outcome, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_NOT_FOUND)
        *outcome = MODELLAB_CANCEL_ERROR;
    return json_pack("{s:s, s:s, s:s?}", "run_id", id, "outcome", outcome_name(*outcome), "message",
                     *outcome == MODELLAB_CANCEL_ERROR ? err.message : NULL);
}

static void cancel(call *c)
{
    modellab_run_status now;
    modellab_cancel_outcome outcome;
    const char *id = call_param(c, "id");
    if (!find(c, id, &now))
        return;
    json_t *told = cancel_one(c, id, &outcome);
    reply_json(c,
               outcome == MODELLAB_CANCEL_REQUESTED ? 202
               : outcome == MODELLAB_CANCEL_ERROR   ? 503
                                                    : 200,
               told);
}

static bool check_ids(call *c, const json_t *body, json_t **ids)
{
    *ids = json_object_get(body, "ids");
    if (!json_is_object(body) || !json_is_array(*ids) || json_object_size(body) != 1) {
        reply_invalid(c, "/ids", "must be a list of run ids, and nothing else is known");
        return false;
    }
    size_t count = json_array_size(*ids);
    if (count < 1 || count > BULK_MAX) {
        reply_invalid(c, "/ids", "must have 1 to 1000 members");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_array_get(*ids, i);
        if (!json_is_string(id) || json_string_length(id) > 64) {
            reply_invalid(c, "/ids", "each must be the id of a run");
            return false;
        }
    }
    return true;
}

static void cancel_many(call *c)
{
    json_t *ids, *items = json_array();
    if (!check_ids(c, call_json(c), &ids)) {
        json_decref(items);
        return;
    }
    bool good = items != NULL;
    for (size_t i = 0; good && i < json_array_size(ids); i++) {
        modellab_cancel_outcome outcome;
        const char *id = json_string_value(json_array_get(ids, i));
        good = json_array_append_new(items, cancel_one(c, id, &outcome)) == 0;
    }
    if (!good) {
        json_decref(items);
        items = NULL;
    }
    reply_json(c, 200, json_pack("{s:o}", "items", items));
}

/* Overrides of a rerun with the key of the claim, as text; NULL: none, or out of memory (false). */
static bool overrides_of(const json_t *given, const modellab_idempotency *claim, char **out)
{
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES];
    *out = NULL;
    if (given == NULL && claim == NULL)
        return true;
    json_t *patch = given != NULL ? json_deep_copy(given) : json_object();
    bool good = patch != NULL;
    if (good && claim != NULL && json_object_get(patch, "idempotency_key") == NULL)
        good = modellab_idempotency_run_key(claim, key, NULL) == MODELLAB_OK &&
               json_object_set_new(patch, "idempotency_key", json_string(key)) == 0;
    if (good)
        *out = json_dumps(patch, JSON_COMPACT);
    json_decref(patch);
    return good && *out != NULL;
}

static bool again_body(call *c, bool reruns, const json_t **overrides)
{
    const json_t *body = call_json(c);
    *overrides = json_object_get(body, "overrides");
    size_t known = *overrides != NULL && reruns ? 1 : 0;
    if (!json_is_object(body) || json_object_size(body) != known) {
        reply_invalid(c, "",
                      reruns ? "must be an object that has `overrides` at most"
                             : "a retry has the same request: no body");
        return false;
    }
    if (*overrides != NULL && !json_is_object(*overrides)) {
        reply_invalid(c, "/overrides", "must be an object");
        return false;
    }
    return true;
}

/* The caller may not make runs of others by a patch. */
static bool may_patch(call *c, const json_t *overrides)
{
    const json_t *user = json_object_get(overrides, "user");
    if (user == NULL || call_has_scope(c, "admin") ||
        (json_is_string(user) && call_may_see(c, json_string_value(user))))
        return true;
    reply_problem(c, 403, "forbidden", "the key is another user's");
    return false;
}

static void repeat(call *c, bool reruns, modellab_run_status now, const json_t *overrides,
                   int64_t wait_ms, modellab_idempotency *claim)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_again_options o = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    modellab_report *report = NULL;
    modellab_status status;
    char child_id[MODELLAB_RUN_ID_BYTES];
    char *text = NULL;
    /* a retry is a rerun without changes of a run that ended badly; others it refuses itself */
    bool badly = modellab_run_status_is_final(now) != 0 && now != MODELLAB_RUN_COMPLETED;
    bool by_rerun = reruns || (badly && claim != NULL);
    if (by_rerun && !overrides_of(overrides, claim, &text)) {
        modellab_idempotency_unref(claim);
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    o.overrides = text;
    o.request_id = call_request_id(c);
    o.trace_parent = call_trace_parent(c);
    o.trace_state = call_trace_state(c);
    o.cancel = call_cancel(c);
    const char *id = call_param(c, "id");
    status = by_rerun ? modellab_run_rerun(call_lab(c), id, &o, child_id, &report, &err)
                      : modellab_run_retry(call_lab(c), id, &o, child_id, &err);
    free(text);
    if (status == MODELLAB_OK) {
        modellab_report_unref(report);
        run_answer(c, child_id, wait_ms, claim);
        return;
    }
    modellab_idempotency_unref(claim);
    reply_error(c, status, &err, report);
}

static void again(call *c, bool reruns)
{
    const json_t *overrides;
    modellab_idempotency *claim = NULL;
    modellab_run_status now;
    int64_t wait_ms;
    if (!again_body(c, reruns, &overrides) || !run_answer_prefer(c, &wait_ms) ||
        !find(c, call_param(c, "id"), &now) || !may_patch(c, overrides) || !replay_begin(c, &claim))
        return;
    char *text = overrides != NULL ? json_dumps(overrides, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *const parts[] = {text};
    bool goes_on = replay_match(c, claim, parts, 1);
    free(text);
    if (goes_on)
        repeat(c, reruns, now, overrides, wait_ms, claim);
    else
        modellab_idempotency_unref(claim);
}

static void retry(call *c)
{
    again(c, false);
}

static void rerun(call *c)
{
    again(c, true);
}

static void arrange(call *c, modellab_status (*how)(modellab_lab *, const char *, modellab_error *))
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_status now;
    const char *id = call_param(c, "id");
    if (!find(c, id, &now))
        return;
    modellab_status status = how(call_lab(c), id, &err);
    if (status == MODELLAB_OK)
        run_answer_now(c, id);
    else
        reply_error(c, status, &err, NULL);
}

static void hold(call *c)
{
    arrange(c, modellab_run_hold);
}

static void release(call *c)
{
    arrange(c, modellab_run_release);
}

static bool read_priority(call *c, int32_t *out)
{
    static const struct {
        const char *name;
        int32_t value;
    } names[] = {{"low", MODELLAB_PRIORITY_LOW},
                 {"normal", MODELLAB_PRIORITY_NORMAL},
                 {"high", MODELLAB_PRIORITY_HIGH},
                 {"urgent", MODELLAB_PRIORITY_URGENT},
                 {"head", MODELLAB_PRIORITY_HEAD}};
    const json_t *body = call_json(c), *value = json_object_get(body, "priority");
    const char *name = json_string_value(value);
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].value;
            return json_object_size(body) == 1;
        }
    }
    json_int_t number = json_integer_value(value);
    *out = (int32_t)number;
    return json_is_integer(value) && number >= 0 && number <= 30 && json_object_size(body) == 1;
}

/* The condition is about the record of the run, which changes with each event of it. */
static bool may_change(call *c, const char *id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = NULL;
    modellab_buffer *json = NULL;
    if (!change_asks(c))
        return true;
    modellab_status status = modellab_run_load(call_lab(c), id, &run, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_to_json(run, &json, &err);
    modellab_run_unref(run);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    bool met = change_met(c, modellab_buffer_data(json), modellab_buffer_size(json));
    modellab_buffer_destroy(json);
    return met;
}

static void prioritize_alone(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_status now;
    int32_t priority;
    const char *id = call_param(c, "id");
    if (!read_priority(c, &priority)) {
        reply_invalid(c, "/priority",
                      "must be 0 to 30, or one of low, normal, high, urgent, head; nothing else is "
                      "known");
        return;
    }
    if (!find(c, id, &now) || !may_change(c, id))
        return;
    modellab_status status = modellab_run_set_priority(call_lab(c), id, priority, &err);
    if (status == MODELLAB_OK)
        run_answer_now(c, id);
    else
        reply_error(c, status, &err, NULL);
}

static void prioritize(call *c)
{
    change_begin();
    prioritize_alone(c);
    change_end();
}

static const operation table[] = {
    {.id = "cancelRuns",
     .method = "POST",
     .path = "/api/v1/runs/cancel",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_DRAINING | OP_REPEATABLE,
     .run = cancel_many},
    {.id = "cancelRun",
     .method = "POST",
     .path = "/api/v1/runs/{id}/cancel",
     .scope = "runs:write",
     .flags = OP_DRAINING | OP_REPEATABLE,
     .run = cancel},
    {.id = "retryRun",
     .method = "POST",
     .path = "/api/v1/runs/{id}/retry",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_BODY_EMPTY | OP_KEYED,
     .run = retry},
    {.id = "rerunRun",
     .method = "POST",
     .path = "/api/v1/runs/{id}/rerun",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_BODY_EMPTY | OP_KEYED,
     .run = rerun},
    {.id = "holdRun",
     .method = "POST",
     .path = "/api/v1/runs/{id}/hold",
     .scope = "runs:write",
     .flags = OP_REPEATABLE,
     .run = hold},
    {.id = "releaseRun",
     .method = "POST",
     .path = "/api/v1/runs/{id}/release",
     .scope = "runs:write",
     .flags = OP_REPEATABLE,
     .run = release},
    {.id = "setRunPriority",
     .method = "PUT",
     .path = "/api/v1/runs/{id}/priority",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_MATCHES,
     .run = prioritize},
};
OPERATION_TABLE(ops_runs_act);
