/* One run: its record, how it stands, why it waits, what came out, its log. */
#include "json_slice.h"
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <stdio.h>
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

/* Where it stands in the queue; "null" when it does not wait, or could not be told. Of malloc(). */
static char *queue_place(call *c, const modellab_run_info *info)
{
    modellab_run_explanation place = {.size = sizeof place};
    if (info->status != MODELLAB_RUN_QUEUED ||
        modellab_run_explain(call_lab(c), info->id, &place, NULL, NULL) != MODELLAB_OK)
        return strdup("null");
    json_t *told = json_pack("{s:o, s:s, s:s, s:I}", "position",
                             place.position > 0 ? json_integer(place.position) : json_null(), "why",
                             modellab_wait_name(place.why), "message",
                             modellab_wait_text(place.why), "waiting", (json_int_t)place.waiting);
    char *text = told != NULL ? json_dumps(told, JSON_COMPACT) : NULL;
    json_decref(told);
    return text;
}

/* What a status has of the summary, as the library wrote it: this is asked more often than anything
 * else. */
static void reply_status(call *c, const char *summary, const char *queue)
{
    json_slice kept[] = {{.name = "run_id"},
                         {.name = "status"},
                         {.name = "reason"},
                         {.name = "progress"},
                         {.name = "last_event"}};
    size_t count = sizeof kept / sizeof kept[0], room = strlen(queue) + 16, at = 0;
    bool found = json_slice_find(summary, kept, count);
    for (size_t i = 0; found && i < count; i++)
        room += strlen(kept[i].name) + kept[i].bytes + 4;
    char *text = found ? malloc(room) : NULL;
    if (text == NULL) {
        reply_problem(c, 500, "internal", "the status could not be written");
        return;
    }
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, "%c\"%s\":%.*s", i == 0 ? '{' : ',',
                               kept[i].name, (int)kept[i].bytes, kept[i].text);
    at += (size_t)snprintf(text + at, room - at, ",\"queue\":%s}", queue);
    reply_bytes(c, 200, "application/json", text, at);
    free(text);
}

static void get_status(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    modellab_run *run;
    modellab_run_info info;
    if (!seen_run(c, &run, &info))
        return;
    modellab_status status = modellab_run_summary(run, &text, &err);
    char *queue = status == MODELLAB_OK ? queue_place(c, &info) : NULL;
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else if (queue == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    else
        reply_status(c, modellab_buffer_data(text), queue);
    free(queue);
    modellab_buffer_destroy(text);
    modellab_run_unref(run);
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
