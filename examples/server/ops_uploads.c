/* Uploads: a file first, runs and experiments of it later. */
#include "intake.h"

#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

static bool begin(call *c)
{
    return intake_begin(c, INTAKE_FILE_ONLY, false);
}

static void reply_upload(call *c, int http, const modellab_upload *upload)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    modellab_status status = modellab_upload_to_json(upload, &json, &err);
    if (status == MODELLAB_OK)
        reply_buffer(c, http, "application/json", json);
    else
        reply_error(c, status, &err, NULL);
}

static void create(call *c)
{
    const intake *in = call_state(c);
    modellab_upload_info info = {.size = sizeof info};
    char path[64];
    if (!intake_end(c))
        return;
    if (modellab_upload_get_info(in->upload, &info, NULL) != MODELLAB_OK) {
        reply_problem(c, 500, "internal", "the upload has no facts");
        return;
    }
    (void)snprintf(path, sizeof path, "/api/v1/uploads/%s", info.id);
    reply_location(c, path);
    reply_upload(c, 201, in->upload);
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
    modellab_upload *upload = find(c);
    if (upload != NULL)
        reply_upload(c, 200, upload);
    modellab_upload_unref(upload);
}

static void remove_one(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_upload *upload = find(c);
    if (upload == NULL)
        return;
    modellab_upload_unref(upload);
    modellab_status status = modellab_upload_delete(call_lab(c), call_param(c, "id"), &err);
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
     .run = remove_one},
};
OPERATION_TABLE(ops_uploads);
