/* Files that a run made, by their opaque ids, and all of a run in one file. */
#include "artifact_source.h"
#include "bundles.h"
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <stdlib.h>
#include <string.h>

#define PREVIEW_MOST (1 << 20)

static void list_artifacts(call *c)
{
    modellab_run *run;
    modellab_run_info info;
    if (!seen_run(c, &run, &info))
        return;
    modellab_buffer *text = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_run_to_json(run, &text, &err);
    modellab_run_unref(run);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    json_t *record = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
    modellab_buffer_destroy(text);
    reply_json(c, 200, json_pack("{s:O}", "items", json_object_get(record, "artifacts")));
    json_decref(record);
}

/* Text for a page: what a browser runs is shown as plain text. NULL: not to be shown. */
static const char *preview_type(const char *media_type)
{
    if (strncmp(media_type, "application/json", 16) == 0)
        return "application/json";
    if (strncmp(media_type, "text/", 5) == 0 || strcmp(media_type, "application/x-subrip") == 0 ||
        strcmp(media_type, "application/x-ndjson") == 0 ||
        strcmp(media_type, "application/jsonl") == 0)
        return "text/plain; charset=utf-8";
    return NULL;
}

static void preview(call *c, modellab_artifact *owned)
{
    modellab_artifact_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_artifact_get_info(owned, &info, &err);
    const char *type = status == MODELLAB_OK ? preview_type(info.media_type) : NULL;
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
    } else if (type == NULL) {
        reply_problem(c, 415, "unsupported-media-type", "only text and JSON can be shown");
    } else if (info.bytes > PREVIEW_MOST) {
        reply_problem(c, 413, "too-large", "more than 1 MiB is not shown; download it");
    } else {
        char *text = malloc((size_t)info.bytes + 1);
        size_t got = 0;
        if (text == NULL)
            reply_problem(c, 500, "internal", "out of memory");
        else if ((status = modellab_artifact_read(owned, 0, text, (size_t)info.bytes, &got,
                                                  &err)) != MODELLAB_OK)
            reply_error(c, status, &err, NULL);
        else
            reply_bytes(c, 200, type, text, got);
        free(text);
    }
    modellab_artifact_close(owned);
}

static void get_artifact(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_artifact *artifact = NULL;
    bool as_preview;
    if (!call_query_bool(c, "preview", false, &as_preview))
        return;
    const char *id = seen_run_id(c), *artifact_id = call_param(c, "artifact_id");
    if (id == NULL)
        return;
    modellab_status status = modellab_artifact_open(call_lab(c), id, artifact_id, &artifact, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else if (as_preview)
        preview(c, artifact);
    else
        reply_open_artifact(c, artifact, NULL, true);
}

static void get_bundle(call *c)
{
    bool input;
    modellab_run *run;
    modellab_run_info info;
    if (!call_query_bool(c, "input", true, &input) || !seen_run(c, &run, &info))
        return;
    bundle_reply(c, run, input ? 0 : MODELLAB_BUNDLE_WITHOUT_INPUT);
    modellab_run_unref(run);
}

static const operation table[] = {
    {.id = "listRunArtifacts",
     .method = "GET",
     .path = "/api/v1/runs/{id}/artifacts",
     .scope = "runs:read",
     .run = list_artifacts},
    {.id = "getRunArtifact",
     .method = "GET",
     .path = "/api/v1/runs/{id}/artifacts/{artifact_id}",
     .scope = "runs:read",
     .run = get_artifact},
    {.id = "getRunBundle",
     .method = "GET",
     .path = "/api/v1/runs/{id}/bundle.zip",
     .scope = "runs:read",
     .run = get_bundle},
};
OPERATION_TABLE(ops_artifacts);
