/* Is it alive, is it ready, what does it do: /livez, /readyz, /metrics and the deep look of admin.
 */
#include "call.h"
#include "counters.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

#define DEEP_AGE_MS 2000 /* a deep look costs an inference: not more often than this */
#define READY_AGE_MS 1000

/* The checks, each with its state and age. */
static json_t *checks_of(const modellab_health *health)
{
    json_t *list = json_array();
    for (size_t i = 0; i < modellab_health_check_count(health); i++) {
        modellab_health_check_info info = {.size = sizeof info};
        if (modellab_health_check_at(health, i, &info, NULL) != MODELLAB_OK)
            continue; /* the index is one of its own */
        json_t *check = json_pack("{s:s, s:s, s:s, s:b, s:f, s:I}", "name", info.name, "state",
                                  modellab_health_state_name(info.state), "message", info.message,
                                  "late", info.is_late, "milliseconds", info.milliseconds, "age_ms",
                                  (json_int_t)info.age_ms);
        if (json_array_append_new(list, check) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool is_well(modellab_health_state state)
{
    return state == MODELLAB_HEALTH_HEALTHY || state == MODELLAB_HEALTH_DEGRADED ||
           state == MODELLAB_HEALTH_STATE_READY;
}

static void answer(call *c, modellab_health_level level, int32_t age_ms, bool verbose)
{
    modellab_health_options options = MODELLAB_HEALTH_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_health *look = NULL;
    options.level = level;
    options.max_age_ms = age_ms;
    modellab_status status = modellab_health_look(call_lab(c), &options, &look, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    modellab_health_state state = modellab_health_get_state(look);
    bool draining = level != MODELLAB_HEALTH_LIVE && server_is_draining();
    bool ready = is_well(state) && !draining;
    json_t *body = level == MODELLAB_HEALTH_LIVE
                       ? json_pack("{s:s}", "state", modellab_health_state_name(state))
                       : json_pack("{s:s, s:b, s:b}", "state", modellab_health_state_name(state),
                                   "ready", ready, "draining", draining);
    if (verbose && body != NULL && json_object_set_new(body, "checks", checks_of(look)) != 0) {
        json_decref(body);
        body = NULL;
    }
    modellab_health_unref(look);
    if (draining)
        reply_header(c, "Retry-After", "5");
    reply_json(c, ready ? 200 : 503, body);
}

static void livez(call *c)
{
    answer(c, MODELLAB_HEALTH_LIVE, 0, false);
}

static void readyz(call *c)
{
    bool verbose;
    if (call_query_bool(c, "verbose", false, &verbose))
        answer(c, MODELLAB_HEALTH_READY, READY_AGE_MS, verbose);
}

static void health(call *c)
{
    bool deeply;
    if (call_query_bool(c, "deep", false, &deeply))
        answer(c, deeply ? MODELLAB_HEALTH_DEEP : MODELLAB_HEALTH_READY,
               deeply ? DEEP_AGE_MS : READY_AGE_MS, true);
}

/* The library's families, then ours; OpenMetrics ends with a line of its own. */
static void metrics(call *c)
{
    static const char end[] = "# EOF\n";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    bool open = text_list_has(call_header(c, "Accept"), "application/openmetrics-text");
    modellab_status status = modellab_metrics_write(
        call_lab(c), open ? MODELLAB_METRICS_OPENMETRICS : MODELLAB_METRICS_PROMETHEUS, &text,
        &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    char *own = counters_text(open);
    size_t theirs = modellab_buffer_size(text), ours = own != NULL ? strlen(own) : 0;
    if (open && theirs >= sizeof end - 1)
        theirs -= sizeof end - 1;
    char *all = own != NULL ? malloc(theirs + ours + sizeof end) : NULL;
    if (all == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
    } else {
        memcpy(all, modellab_buffer_data(text), theirs);
        memcpy(all + theirs, own, ours);
        memcpy(all + theirs + ours, end, open ? sizeof end - 1 : 0);
        reply_bytes(c, 200,
                    open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                         : "text/plain; version=0.0.4; charset=utf-8",
                    all, theirs + ours + (open ? sizeof end - 1 : 0));
    }
    free(all);
    free(own);
    modellab_buffer_destroy(text);
}

static const operation table[] = {
    {.id = "getLive",
     .method = "GET",
     .path = "/livez",
     .scope = "",
     .flags = OP_INLINE | OP_QUIET,
     .run = livez},
    {.id = "getReady",
     .method = "GET",
     .path = "/readyz",
     .scope = "",
     .flags = OP_QUIET,
     .run = readyz},
    {.id = "getMetrics",
     .method = "GET",
     .path = "/metrics",
     .scope = "admin",
     .flags = OP_QUIET,
     .run = metrics},
    {.id = "getHealth",
     .method = "GET",
     .path = "/api/v1/admin/health",
     .scope = "admin",
     .run = health},
};
OPERATION_TABLE(ops_health);
