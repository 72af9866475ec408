/* The audio of a run, and its waveform. */
#include "artifact_source.h"
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <string.h>

/* The audio that a run without an input has made: the id of its artifact, or NULL. */
static bool made_audio(const modellab_run *run, char id[MODELLAB_RUN_ID_BYTES])
{
    for (size_t i = modellab_run_artifact_count(run); i > 0; i--) {
        modellab_artifact_info a = {.size = sizeof a};
        if (modellab_run_artifact_at(run, i - 1, &a, NULL) == MODELLAB_OK &&
            strncmp(a.media_type, "audio/", 6) == 0 && strlen(a.id) < MODELLAB_RUN_ID_BYTES) {
            strcpy(id, a.id);
            return true;
        }
    }
    return false;
}

static void get_audio(call *c)
{
    modellab_run *run;
    modellab_run_info info;
    char id[MODELLAB_RUN_ID_BYTES];
    if (!seen_run(c, &run, &info))
        return;
    bool input = info.input_sha256[0] != '\0', made = !input && made_audio(run, id);
    modellab_run_unref(run);
    if (input || made)
        reply_artifact(c, call_param(c, "id"), input ? MODELLAB_ARTIFACT_INPUT : id, false);
    else
        reply_problem(c, 404, "not-found", "the run has no audio");
}

static void get_peaks(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    int64_t points;
    if (!call_query_int(c, "points", 1, 100000, 1000, &points))
        return;
    const char *id = seen_run_id(c);
    if (id != NULL) {
        modellab_status status = modellab_run_peaks(call_lab(c), id, (int32_t)points, &json, &err);
        reply_made(c, status, json, &err);
    }
}

static const operation table[] = {
    {.id = "getRunAudio",
     .method = "GET",
     .path = "/api/v1/runs/{id}/audio",
     .scope = "runs:read",
     .run = get_audio},
    {.id = "getRunPeaks",
     .method = "GET",
     .path = "/api/v1/runs/{id}/peaks",
     .scope = "runs:read",
     .run = get_peaks},
};
OPERATION_TABLE(ops_run_audio);
