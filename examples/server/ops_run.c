/* One run: its record, how it stands, why it waits, what came out, its log. */
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <stdlib.h>
#include <string.h>

static void get_run(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    modellab_run *run;
    modellab_run_info info;
    if (!seen_run(c, &run, &info))
        return;
    modellab_status status = modellab_run_to_json(run, &json, &err);
    modellab_run_unref(run);
    reply_made(c, status, json, &err);
}

/* Where it stands in the queue; null when it does not wait, or could not be told. */
static json_t *queue_place(call *c, const modellab_run_info *info)
{
    modellab_run_explanation place = {.size = sizeof place};
    if (info->status != MODELLAB_RUN_QUEUED ||
        modellab_run_explain(call_lab(c), info->id, &place, NULL, NULL) != MODELLAB_OK)
        return json_null();
    return json_pack("{s:o, s:s, s:s, s:I}", "position",
                     place.position > 0 ? json_integer(place.position) : json_null(), "why",
                     modellab_wait_name(place.why), "message", modellab_wait_text(place.why),
                     "waiting", (json_int_t)place.waiting);
}

static void get_status(call *c)
{
    static const char *const kept[] = {"run_id", "status", "reason", "progress", "last_event"};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_run *run;
    modellab_run_info info;
    if (!seen_run(c, &run, &info))
        return;
    modellab_status status = modellab_run_summary(run, &text, &err);
    if (status != MODELLAB_OK) {
        modellab_run_unref(run);
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *summary = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
    json_t *out = json_object();
    modellab_buffer_destroy(text);
    bool good = summary != NULL;
    for (size_t i = 0; good && i < sizeof kept / sizeof kept[0]; i++)
        good = json_object_set(out, kept[i], json_object_get(summary, kept[i])) == 0;
    good = good && json_object_set_new(out, "queue", queue_place(c, &info)) == 0;
    json_decref(summary);
    modellab_run_unref(run);
    if (good) {
        reply_json(c, 200, out);
    } else {
        json_decref(out);
        reply_problem(c, 500, "internal", "out of memory");
    }
}

static void explain(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_explanation place = {.size = sizeof place};
    modellab_buffer *json = NULL;
    const char *id = seen_run_id(c);
    if (id != NULL) {
        modellab_status status = modellab_run_explain(call_lab(c), id, &place, &json, &err);
        reply_made(c, status, json, &err);
    }
}

static void results(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    const char *id = seen_run_id(c);
    if (id != NULL) {
        modellab_status status = modellab_run_results(call_lab(c), id, &json, &err);
        reply_made(c, status, json, &err);
    }
}

static bool read_query(call *c, modellab_log_query *query)
{
    int64_t limit;
    if (!call_query_int(c, "limit", 1, 1000, 200, &limit) || !query_level(c, &query->level) ||
        !query_text(c, "after", 128, &query->cursor))
        return false;
    query->limit = (int32_t)limit;
    query->cancel = call_cancel(c);
    return true;
}

static void run_log(call *c)
{
    modellab_log_query query = MODELLAB_LOG_QUERY_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *page = NULL;
    if (!read_query(c, &query) || !query_text(c, "request_id", 128, &query.request_id))
        return;
    const char *id = seen_run_id(c);
    if (id != NULL) {
        modellab_status status = modellab_run_log_read(call_lab(c), id, &query, &page, &err);
        reply_made(c, status, page, &err);
    }
}

static void request_logs(call *c)
{
    modellab_log_query query = MODELLAB_LOG_QUERY_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *page = NULL;
    const char *request = call_query(c, "request_id");
    if (!read_query(c, &query))
        return;
    if (request == NULL) {
        reply_invalid(c, "?request_id", "must be the id of a request");
        return;
    }
    query.user = seen_user(c);
    modellab_status status = modellab_request_log_read(call_lab(c), request, &query, &page, &err);
    reply_made(c, status, page, &err);
}

static const operation table[] = {
    {.id = "getRun",
     .method = "GET",
     .path = "/api/v1/runs/{id}",
     .scope = "runs:read",
     .run = get_run},
    {.id = "getRunStatus",
     .method = "GET",
     .path = "/api/v1/runs/{id}/status",
     .scope = "runs:read",
     .run = get_status},
    {.id = "explainRun",
     .method = "GET",
     .path = "/api/v1/runs/{id}/explain",
     .scope = "runs:read",
     .run = explain},
    {.id = "getRunResults",
     .method = "GET",
     .path = "/api/v1/runs/{id}/results",
     .scope = "runs:read",
     .run = results},
    {.id = "getRunLog",
     .method = "GET",
     .path = "/api/v1/runs/{id}/log",
     .scope = "runs:read",
     .run = run_log},
    {.id = "listLogs",
     .method = "GET",
     .path = "/api/v1/logs",
     .scope = "runs:read",
     .run = request_logs},
};
OPERATION_TABLE(ops_run);
