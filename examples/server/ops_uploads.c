/* Uploads: a file first, runs and experiments of it later. */
#include "intake.h"

#include "conditions.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

static bool begin(call *c)
{
    return intake_begin(c, INTAKE_FILE_ONLY, false) &&
           replay_begin(c, &((intake *)call_state(c))->claim);
}

/* The file came again, or the answer cannot be given: this one is not kept. */
static void create(call *c)
{
    intake *in = call_state(c);
    modellab_upload_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    char path[64];
    if (!intake_end(c))
        return;
    in->keeps = false;
    if (modellab_upload_get_info(in->upload, &info, NULL) != MODELLAB_OK) {
        reply_problem(c, 500, "internal", "the upload has no facts");
        return;
    }
    const char *const parts[] = {info.sha256, info.name};
    if (!replay_match(c, in->claim, parts, sizeof parts / sizeof *parts))
        return;
    modellab_status status = modellab_upload_to_json(in->upload, &json, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    in->keeps = true;
    (void)snprintf(path, sizeof path, "/api/v1/uploads/%s", info.id);
    replay_keep(c, in->claim, 201, path, modellab_buffer_data(json));
    reply_location(c, path);
    reply_buffer(c, 201, "application/json", json);
}

/* An upload that the key may see. NULL: has replied. */
static modellab_upload *find(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_upload_info info = {.size = sizeof info};
    modellab_upload *upload = NULL;
    modellab_status status = modellab_upload_load(call_lab(c), call_param(c, "id"), &upload, &err);
    if (status == MODELLAB_OK)
        status = modellab_upload_get_info(upload, &info, &err);
    if (status == MODELLAB_OK && call_may_see(c, info.user))
        return upload;
    modellab_upload_unref(upload);
    if (status == MODELLAB_OK)
        reply_problem(c, 404, "not-found", "there is no such upload");
    else
        reply_error(c, status, &err, NULL);
    return NULL;
}

static void get(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    modellab_upload *upload = find(c);
    if (upload == NULL)
        return;
    modellab_status status = modellab_upload_to_json(upload, &json, &err);
    modellab_upload_unref(upload);
    if (status == MODELLAB_OK)
        reply_buffer(c, 200, "application/json", json);
    else
        reply_error(c, status, &err, NULL);
}

static void remove_one(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    modellab_upload *upload = find(c);
    if (upload == NULL)
        return;
    modellab_status status = modellab_upload_to_json(upload, &json, &err);
    modellab_upload_unref(upload);
    bool goes_on = status != MODELLAB_OK ||
                   change_met(c, modellab_buffer_data(json), modellab_buffer_size(json));
    modellab_buffer_destroy(json);
    if (!goes_on)
        return;
    if (status == MODELLAB_OK)
        status = modellab_upload_delete(call_lab(c), call_param(c, "id"), &err);
    if (status == MODELLAB_OK)
        reply_empty(c, 204);
    else
        reply_error(c, status, &err, NULL);
}

static const body_sink sink = {begin, intake_part, intake_data, intake_drop};

static const operation table[] = {
    {.id = "createUpload",
     .method = "POST",
     .path = "/api/v1/uploads",
     .scope = "runs:write",
     .body = BODY_STREAM,
     .flags = OP_KEYED,
     .run = create,
     .sink = &sink},
    {.id = "getUpload",
     .method = "GET",
     .path = "/api/v1/uploads/{id}",
     .scope = "runs:read",
     .run = get},
    {.id = "deleteUpload",
     .method = "DELETE",
     .path = "/api/v1/uploads/{id}",
     .scope = "runs:write",
     .flags = OP_MATCHES,
     .run = remove_one},
};
OPERATION_TABLE(ops_uploads);
