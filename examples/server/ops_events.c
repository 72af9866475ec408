/* Events of a run as a page or a stream, and those of all runs as a stream. */
#include "call.h"
#include "hub.h"
#include "problem.h"
#include "reply.h"
#include "sse.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

#define DIGITS_MOST 18 /* of an event's number */

/* The run, when the key may see it. False: has replied. */
static bool find_run(call *c, modellab_run_info *info, modellab_run **run)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_load(call_lab(c), call_param(c, "id"), run, &err);
    info->size = sizeof *info;
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(*run, info, &err);
    if (status == MODELLAB_OK && call_may_see(c, info->user))
        return true;
    modellab_run_unref(*run);
    *run = NULL;
    if (status != MODELLAB_OK && status != MODELLAB_E_NOT_FOUND)
        reply_error(c, status, &err, NULL);
    else
        reply_problem(c, 404, "not-found", "there is no such run");
    return false;
}

static json_t *items_of(const modellab_event_list *list)
{
    json_t *items = json_array();
    for (size_t i = 0; i < modellab_event_list_count(list); i++) {
        modellab_event_info e = {.size = sizeof e};
        size_t bytes = 0;
        if (modellab_event_list_at(list, i, &e, NULL) != MODELLAB_OK)
            continue; /* the index is one of its own */
        char *text = hub_event_json(&e, &bytes);
        json_t *item = text != NULL ? json_loads(text, 0, NULL) : NULL;
        free(text);
        if (json_array_append_new(items, item) != 0) {
            json_decref(items);
            return NULL;
        }
    }
    return items;
}

static void reply_page(call *c, const char *run_id, int64_t after, int64_t limit)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_event_list *list = NULL;
    modellab_status status =
        modellab_event_list_load(call_lab(c), run_id, after, (int32_t)limit, 0, &list, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    reply_json(c, 200,
               json_pack("{s:o, s:I}", "items", items_of(list), "next_after",
                         (json_int_t)modellab_event_list_next(list)));
    modellab_event_list_unref(list);
}

/* Behind which number: Last-Event-ID before the query. False: has replied. */
static bool read_after(call *c, int64_t *after)
{
    const char *last = call_header(c, "Last-Event-ID");
    if (!call_query_int(c, "after", 0, INT64_MAX, 0, after))
        return false;
    if (last == NULL || (strlen(last) <= DIGITS_MOST && text_number(last, strlen(last), after)))
        return true;
    reply_invalid(c, "", "Last-Event-ID is the number of an event");
    return false;
}

static void list_of_run(call *c)
{
    const char *accept = call_header(c, "Accept");
    bool streams = accept != NULL && text_list_has(accept, "text/event-stream");
    modellab_run_info info;
    modellab_run *run = NULL;
    int64_t after, limit;
    if (!read_after(c, &after) || !call_query_int(c, "limit", 1, 1000, 100, &limit) ||
        !find_run(c, &info, &run))
        return;
    bool is_final = modellab_run_status_is_final(info.status) != 0;
    if (!streams)
        reply_page(c, info.id, after, limit);
    else if (is_final && after >= info.last_event)
        reply_empty(c, 204); /* an EventSource does not come again */
    else
        sse_reply(c, &(hub_wish){.run_id = info.id, .after = after, .is_final = is_final}, false);
    modellab_run_unref(run);
}

/* Where a stream of all runs begins. False: has replied. */
static bool read_place(call *c, int64_t *place)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *text = call_header(c, "Last-Event-ID");
    if (text == NULL || text[0] == '\0')
        text = call_query(c, "cursor");
    if (text == NULL) { /* what comes from now on */
        modellab_status status = modellab_event_feed_end(call_lab(c), place, &err);
        if (status != MODELLAB_OK)
            reply_error(c, status, &err, NULL);
        return status == MODELLAB_OK;
    }
    if (sse_read_cursor(text, place))
        return true;
    reply_invalid(c, "?cursor", "this is no cursor of events");
    return false;
}

static const char *filter(call *c, const char *name)
{
    const char *value = call_query(c, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void stream_of_all(call *c)
{
    int64_t after;
    if (!read_place(c, &after))
        return;
    const hub_wish wish = {.after = after,
                           .owner = call_has_scope(c, "admin") ? NULL : call_user(c),
                           .user = filter(c, "user"),
                           .types = filter(c, "type"),
                           .runs = filter(c, "run")};
    sse_reply(c, &wish, true);
}

static const operation table[] = {
    {.id = "listRunEvents",
     .method = "GET",
     .path = "/api/v1/runs/{id}/events",
     .scope = "runs:read",
     .run = list_of_run},
    {.id = "streamEvents",
     .method = "GET",
     .path = "/api/v1/events",
     .scope = "runs:read",
     .run = stream_of_all},
};
OPERATION_TABLE(ops_events);
