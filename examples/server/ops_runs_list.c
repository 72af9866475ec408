/* Lists of runs by filters, page by page, and two runs side by side. */
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *sort; /* here, and in the library */
} orders[] = {{"newest", "-created"},    {"oldest", "created"},      {"priority", "-priority"},
              {"duration", "-duration"}, {"cost", "-cost"},          {"ended", "-ended"},
              {"started", "-started"},   {"audio", "-audio_seconds"}};

static bool read_order(call *c, modellab_run_filter *filter)
{
    const char *name = call_query(c, "sort");
    if (name == NULL)
        return true;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strcmp(orders[i].name, name) == 0) {
            filter->sort = orders[i].sort;
            return true;
        }
    reply_invalid(c, "?sort",
                  "must be newest, oldest, started, ended, priority, duration, cost or audio");
    return false;
}

/* One status or several, separated by commas, as bits. */
static bool read_statuses(call *c, modellab_run_filter *filter)
{
    const char *text = call_query(c, "status");
    while (text != NULL && *text != '\0') {
        size_t bytes = strcspn(text, ",");
        int32_t found = 0;
        for (modellab_run_status s = MODELLAB_RUN_QUEUED; s <= MODELLAB_RUN_STALE; s++) {
            const char *name = modellab_run_status_name(s);
            if (strlen(name) == bytes && memcmp(name, text, bytes) == 0)
                found = 1 << s;
        }
        if (found == 0) {
            reply_invalid(
                c, "?status",
                "must be of QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, STALE");
            return false;
        }
        filter->statuses |= found;
        text += bytes + (text[bytes] == ',');
    }
    return true;
}

static bool read_filter(call *c, modellab_run_filter *filter)
{
    int64_t limit;
    if (!call_query_int(c, "limit", 1, 1000, 50, &limit) || !read_statuses(c, filter) ||
        !query_time(c, "since", &filter->since_ms) || !query_time(c, "until", &filter->until_ms) ||
        !read_order(c, filter) || !query_text(c, "user", 128, &filter->user) ||
        !query_text(c, "pipeline", 64, &filter->pipeline) ||
        !query_text(c, "experiment", 64, &filter->experiment_id) ||
        !query_text(c, "model", 128, &filter->model) ||
        !query_text(c, "request_id", 128, &filter->request_id) ||
        !query_text(c, "q", 128, &filter->text) || !query_text(c, "cursor", 512, &filter->cursor))
        return false;
    filter->limit = (int32_t)limit;
    return true;
}

/* {"items":[...],"next_cursor":...}: the items are what the library wrote. NULL: out of memory. */
static char *write_page(const modellab_run_list *list, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    bool good = out != NULL;
    const char *cursor = modellab_run_list_cursor(list);
    if (out == NULL)
        return NULL;
    good = fputs("{\"items\":[", out) >= 0;
    for (size_t i = 0; good && i < modellab_run_list_count(list); i++) {
        modellab_buffer *item = NULL;
        good = modellab_run_summary(modellab_run_list_at(list, i), &item, NULL) == MODELLAB_OK &&
               (i == 0 || putc_unlocked(',', out) != EOF) &&
               fwrite_unlocked(modellab_buffer_data(item), 1, modellab_buffer_size(item), out) ==
                   modellab_buffer_size(item);
        modellab_buffer_destroy(item);
    }
    good = good &&
           fprintf(out, cursor[0] != '\0' ? "],\"next_cursor\":\"%s\"}" : "],\"next_cursor\":null}",
                   cursor) > 0;
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}

static void list_runs(call *c)
{
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_list *list = NULL;
    const char *own = seen_user(c);
    size_t bytes = 0;
    if (!read_filter(c, &filter))
        return;
    if (own != NULL && filter.user != NULL && strcmp(own, filter.user) != 0) {
        static const char none[] = "{\"items\":[],\"next_cursor\":null}";
        reply_bytes(c, 200, "application/json", none, sizeof none - 1);
        return;
    }
    filter.user = own != NULL ? own : filter.user;
    modellab_status status = modellab_run_list_load(call_lab(c), &filter, &list, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    char *text = write_page(list, &bytes);
    modellab_run_list_unref(list);
    if (text != NULL)
        reply_bytes(c, 200, "application/json", text, bytes);
    else
        reply_problem(c, 500, "internal", "out of memory");
    free(text);
}

static void compare_runs(call *c)
{
    static const char *const names[] = {"a", "b"};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    for (size_t i = 0; i < 2; i++) {
        modellab_run *run;
        modellab_run_info info;
        const char *id = call_query(c, names[i]);
        if (id == NULL) {
            reply_invalid(c, i == 0 ? "?a" : "?b", "must be the id of a run");
            return;
        }
        if (!seen_run_of(c, id, &run, &info))
            return;
        modellab_run_unref(run);
    }
    modellab_status status = modellab_run_compare(call_lab(c), call_query(c, "a"),
                                                  call_query(c, "b"), call_cancel(c), &json, &err);
    reply_made(c, status, json, &err);
}

static const operation table[] = {
    {.id = "listRuns",
     .method = "GET",
     .path = "/api/v1/runs",
     .scope = "runs:read",
     .run = list_runs},
    {.id = "compareRuns",
     .method = "GET",
     .path = "/api/v1/runs/compare",
     .scope = "runs:read",
     .run = compare_runs},
};
OPERATION_TABLE(ops_runs_list);
