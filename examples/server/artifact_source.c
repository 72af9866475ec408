/* Reading artifacts for the network, piece by piece. */
#include "artifact_source.h"

#include "problem.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

static int64_t read_piece(void *user, int64_t offset, void *out, size_t bytes)
{
    size_t got = 0;
    return modellab_artifact_read(user, offset, out, bytes, &got, NULL) == MODELLAB_OK
               ? (int64_t)got
               : -1; /* damaged: the connection is broken off, so that nothing looks complete */
}

static void release(void *user)
{
    modellab_artifact_close(user);
}

void reply_open_artifact(call *c, modellab_artifact *owned, const char *type, bool attached)
{
    modellab_artifact_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    char etag[80], kind[128];
    modellab_status status = modellab_artifact_get_info(owned, &info, &err);
    if (status != MODELLAB_OK) {
        modellab_artifact_close(owned);
        reply_error(c, status, &err, NULL);
        return;
    }
    (void)snprintf(etag, sizeof etag, "\"%s\"", info.sha256);
    (void)snprintf(kind, sizeof kind, "%s", type != NULL ? type : info.media_type);
    reply_header(c, "X-Content-Type-Options", "nosniff");
    const reply_source source = {.user = owned,
                                 .size = info.bytes,
                                 .etag = etag,
                                 .filename = attached ? info.name : NULL,
                                 .read = read_piece,
                                 .release = release};
    reply_file(c, kind, &source);
}

void reply_artifact(call *c, const char *run_id, const char *artifact_id, bool attached)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_artifact *artifact = NULL;
    modellab_status status =
        modellab_artifact_open(call_lab(c), run_id, artifact_id, &artifact, &err);
    if (status == MODELLAB_OK)
        reply_open_artifact(c, artifact, NULL, attached);
    else
        reply_error(c, status, &err, NULL);
}
