/* Files that a run made, by their opaque ids, and all of a run in one file. */
#include "artifact_source.h"
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include "text.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* --- bundle.zip: written to a file that has no name any more when the first byte goes out --- */

static int64_t read_file(void *user, int64_t offset, void *out, size_t bytes)
{
    return (int64_t)pread((int)(intptr_t)user, out, bytes, (off_t)offset);
}

static void close_file(void *user)
{
    (void)close((int)(intptr_t)user);
}

/* An open, nameless bundle; -1 = has replied. */
static int make_bundle(call *c, const char *id, int32_t flags)
{
    const char *root = getenv("TMPDIR");
    modellab_error err = MODELLAB_ERROR_INIT;
    char folder[512], path[600];
    if (snprintf(folder, sizeof folder, "%s/modellab-bundle-XXXXXX",
                 root != NULL && root[0] == '/' ? root : "/tmp") >= (int)sizeof folder ||
        mkdtemp(folder) == NULL) {
        reply_problem(c, 507, "no-space", "there is no room for the bundle");
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/bundle.zip", folder);
    modellab_status status =
        modellab_run_bundle(call_lab(c), id, path, flags, call_cancel(c), &err);
    int fd = status == MODELLAB_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    (void)unlink(path); /* gone already, or never made */
    (void)rmdir(folder);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    else if (fd < 0)
        reply_problem(c, 500, "internal", "the bundle cannot be read");
    return fd;
}

/* Of its end, which has the sums of all that is in it. Bundles of the same run are the same bytes.
 */
static const char *bundle_tag(int fd, int64_t size, char *out, size_t room)
{
    static const size_t most = 65536;
    size_t bytes = size < (int64_t)most ? (size_t)size : most;
    char *end = malloc(bytes + 1);
    ssize_t n = end != NULL ? pread(fd, end, bytes, (off_t)(size - (int64_t)bytes)) : -1;
    if (n == (ssize_t)bytes)
        (void)snprintf(out, room, "\"%016llx-%llx\"", (unsigned long long)text_hash(end, bytes),
                       (unsigned long long)size);
    free(end);
    return n == (ssize_t)bytes ? out : NULL;
}

static void get_bundle(call *c)
{
    struct stat facts;
    char name[64], etag[80];
    bool input;
    modellab_run *run;
    modellab_run_info info;
    if (!call_query_bool(c, "input", true, &input) || !seen_run(c, &run, &info))
        return;
    modellab_run_unref(run);
    int fd = make_bundle(c, call_param(c, "id"), input ? 0 : MODELLAB_BUNDLE_WITHOUT_INPUT);
    if (fd < 0)
        return;
    if (fstat(fd, &facts) != 0) {
        (void)close(fd);
        reply_problem(c, 500, "internal", "the bundle cannot be read");
        return;
    }
    (void)snprintf(name, sizeof name, "%s.zip", call_param(c, "id"));
    const reply_source source = {.user = (void *)(intptr_t)fd,
                                 .size = facts.st_size,
                                 .etag = bundle_tag(fd, facts.st_size, etag, sizeof etag),
                                 .filename = name,
                                 .read = read_file,
                                 .release = close_file};
    reply_file(c, "application/zip", &source);
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
