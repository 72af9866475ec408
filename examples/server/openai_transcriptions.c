/* POST /v1/audio/transcriptions and /translations: each call is a run. The call waits without a
 * thread; when its client goes, the run is cancelled. */
#include "jobs.h"
#include "model_pool.h"
#include "openai_stream.h"
#include "openai_text.h"
#include "reply.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LOOK_MS = 10, LONGEST_LOOK_MS = 50 };

typedef struct waiting {
    call *c;
    openai_wish wish;
    char run_id[MODELLAB_RUN_ID_BYTES];
    int64_t pause_ms;
} waiting;

static void answer_text(call *c, const openai_wish *wish, const modellab_transcript *transcript,
                        const openai_body *body)
{
    if (wish->format != OPENAI_TEXT) {
        reply_buffer(c, 200, body->type, body->text);
        return;
    }
    const char *text = modellab_transcript_text(transcript);
    size_t bytes = strlen(text);
    char *line = malloc(bytes + 1);
    if (line == NULL) {
        openai_refuse(c, 500, NULL, "internal", "Out of memory.");
        return;
    }
    memcpy(line, text, bytes);
    line[bytes] = '\n';
    reply_bytes(c, 200, body->type, line, bytes + 1);
    free(line);
}

static void answer(call *c, const openai_wish *wish, const modellab_run *run,
                   const modellab_run_info *info)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *transcript = NULL;
    modellab_model *model = NULL;
    openai_body body = {.type = NULL};
    modellab_status status = openai_transcript(call_lab(c), run, &transcript, &err);
    if (status == MODELLAB_OK && wish->logprobs)
        status = model_pool_open(info->model, call_log(c), &model, &err);
    if (status == MODELLAB_OK)
        status = openai_body_make(wish, transcript, model, &body, &err);
    if (status == MODELLAB_E_STATE)
        openai_refuse(c, 500, NULL, "no_speakers", "The speakers could not be found: %.300s",
                      err.message);
    else if (status != MODELLAB_OK)
        openai_fail(c, status, &err, NULL, NULL);
    else if (body.json != NULL)
        reply_json(c, 200, body.json);
    else
        answer_text(c, wish, transcript, &body);
    modellab_model_unref(model);
    modellab_transcript_unref(transcript);
}

/* The run has ended. */
static void at_end(call *c, const openai_wish *wish, const char *run_id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    modellab_status status = modellab_run_load(call_lab(c), run_id, &run, &err);
    if (status == MODELLAB_OK)
        status = modellab_run_get_info(run, &info, &err);
    if (status != MODELLAB_OK) {
        openai_fail(c, status, &err, NULL, NULL);
    } else if (info.status != MODELLAB_RUN_COMPLETED) {
        int http = 500;
        json_t *error = openai_run_error(&info, &http);
        openai_advise(c, http);
        reply_json(c, http, error);
    } else {
        answer(c, wish, run, &info);
    }
    modellab_run_unref(run);
}

static void give_up(call *c, const char *run_id)
{
    modellab_cancel_outcome outcome = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_cancel(call_lab(c), run_id, &outcome, &err) != MODELLAB_OK)
        call_note(c, MODELLAB_LOG_WARN, "openai.not_cancelled", err.message, "run_id", run_id);
    call_note(c, MODELLAB_LOG_INFO, "openai.client_gone",
              "the client is gone: its run is cancelled", "run_id", run_id);
    openai_refuse(c, 503, NULL, "cancelled", "The client is gone, or the server stops.");
}

static void look(void *user)
{
    waiting *w = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_status ended = 0;
    modellab_status status = modellab_run_wait(call_lab(w->c), w->run_id, 0, NULL, &ended, &err);
    if (status == MODELLAB_OK) {
        at_end(w->c, &w->wish, w->run_id);
    } else if (status != MODELLAB_E_TIMEOUT) {
        openai_fail(w->c, status, &err, NULL, NULL);
    } else if (modellab_cancel_is_set(call_cancel(w->c)) != 0) {
        give_up(w->c, w->run_id);
    } else {
        w->pause_ms += w->pause_ms < LONGEST_LOOK_MS ? 5 : 0;
        if (job_after(w->pause_ms, look, w))
            return;
        give_up(w->c, w->run_id);
    }
    free(w);
}

/* Submits it, of the upload, which is not needed any more then. */
static bool submit(call *c, openai_form *form, const openai_wish *wish,
                   char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_upload_info upload = {.size = sizeof upload};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    const char *param = "file";
    json_t *request = openai_wish_request(c, wish);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    modellab_status status =
        text != NULL ? modellab_upload_finish(form->upload, &report, &err) : MODELLAB_E_NO_MEMORY;
    if (status == MODELLAB_OK)
        status = modellab_upload_get_info(form->upload, &upload, &err);
    if (status == MODELLAB_OK) {
        modellab_report_unref(report);
        report = NULL;
        param = NULL;
        options.request = text;
        options.upload_id = upload.id;
        options.input_name = upload.name;
        options.request_id = call_request_id(c);
        options.trace_parent = call_trace_parent(c);
        options.trace_state = call_trace_state(c);
        options.cancel = call_cancel(c);
        status = modellab_run_submit(call_lab(c), &options, run_id, &report, &err);
        modellab_error ignored = MODELLAB_ERROR_INIT;
        if (modellab_upload_delete(call_lab(c), upload.id, &ignored) != MODELLAB_OK)
            call_note(c, MODELLAB_LOG_WARN, "openai.upload_left", ignored.message, "upload_id",
                      upload.id); /* it goes by itself later */
    }
    free(text);
    if (status != MODELLAB_OK)
        openai_fail(c, status, &err, report, param);
    else
        modellab_report_unref(report);
    return status == MODELLAB_OK;
}

static void start(call *c, bool translates)
{
    openai_form *form = call_state(c);
    openai_wish wish;
    char run_id[MODELLAB_RUN_ID_BYTES];
    if (!openai_wish_read(c, form, translates, true, &wish) || !submit(c, form, &wish, run_id))
        return;
    call_note(c, MODELLAB_LOG_INFO, "openai.run", "the call is a run", "run_id", run_id);
    reply_header(c, "X-Run-Id", run_id);
    if (wish.streams) {
        openai_stream_begin(c, run_id, &wish);
        return;
    }
    waiting *w = calloc(1, sizeof *w);
    if (w == NULL) {
        give_up(c, run_id);
        return;
    }
    w->c = c;
    w->wish = wish; /* what it borrows is the form's, which lives as long as the call */
    w->pause_ms = FIRST_LOOK_MS;
    (void)snprintf(w->run_id, sizeof w->run_id, "%s", run_id);
    look(w);
}

static void transcribe(call *c)
{
    start(c, false);
}

static void translate(call *c)
{
    start(c, true);
}

static const operation table[] = {
    {.id = "createTranscription",
     .method = "POST",
     .path = "/v1/audio/transcriptions",
     .scope = "runs:write",
     .body = BODY_STREAM,
     .flags = OP_OPENAI,
     .run = transcribe,
     .sink = &openai_form_sink},
    {.id = "createTranslation",
     .method = "POST",
     .path = "/v1/audio/translations",
     .scope = "runs:write",
     .body = BODY_STREAM,
     .flags = OP_OPENAI,
     .run = translate,
     .sink = &openai_form_sink},
};
OPERATION_TABLE(openai_transcriptions);
