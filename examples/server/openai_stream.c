/* transcript.text.delta for each segment as its window is finished, transcript.text.segment once
 * speakers are known, transcript.text.done. No thread waits: it looks, and comes back. */
#include "openai_stream.h"

#include "jobs.h"
#include "model_pool.h"
#include "openai_text.h"
#include "reply.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 20, COMMENT_MS = 15000, TOKENS_A_SECOND = 50 };

typedef struct follower {
    stream *to;
    modellab_lab *lab;
    modellab_logger *log;
    modellab_segment_feed *feed;
    modellab_model *model; /* with log probabilities */
    char run_id[MODELLAB_RUN_ID_BYTES];
    openai_wish wish; /* without what it borrows */
    bool has_text;    /* a delta was sent */
    int64_t said_ms;
} follower;

static void end(follower *f)
{
    stream_end(f->to);
    stream_unref(f->to);
    modellab_segment_feed_close(f->feed);
    modellab_model_unref(f->model);
    modellab_logger_unref(f->log);
    modellab_lab_unref(f->lab);
    free(f);
}

/* Nobody listens any more. */
static void give_up(follower *f)
{
    modellab_cancel_outcome outcome = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_cancel(f->lab, f->run_id, &outcome, &err) != MODELLAB_OK)
        modellab_logger_write(f->log, MODELLAB_LOG_WARN, "openai.not_cancelled", err.message);
    modellab_logger_write(f->log, MODELLAB_LOG_INFO, "openai.client_gone",
                          "the client is gone: its run is cancelled");
    end(f);
}

static void fail(follower *f, json_t *error)
{
    if (!openai_event(f->to, error))
        modellab_logger_write(f->log, MODELLAB_LOG_WARN, "openai.error_not_sent", f->run_id);
    end(f);
}

static bool opens_model(follower *f, const char *name)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (!f->wish.logprobs || f->model != NULL)
        return true;
    if (model_pool_open(name, f->log, &f->model, &err) == MODELLAB_OK)
        return true;
    modellab_logger_write(f->log, MODELLAB_LOG_WARN, "openai.no_model", err.message);
    return false;
}

static json_t *with_logprobs(const follower *f, json_t *event, const modellab_transcript *of)
{
    if (event == NULL || f->model == NULL ||
        json_object_set_new(event, "logprobs", openai_logprobs(of, f->model)) == 0)
        return event;
    json_decref(event);
    return NULL;
}

/* The text of all segments, which follows that of the deltas before. */
static bool send_delta(follower *f, const modellab_transcript *segments)
{
    json_t *text = json_string("");
    modellab_segment s = {.size = sizeof s};
    for (int64_t i = 0;
         text != NULL && modellab_transcript_segment_at(segments, i, &s, NULL) == MODELLAB_OK;
         i++) {
        const char *from = s.text;
        if (!f->has_text)
            from += strspn(from, " \t\r\n");
        f->has_text = f->has_text || *from != '\0';
        json_t *longer = json_sprintf("%s%s", json_string_value(text), from);
        json_decref(text);
        text = longer;
    }
    if (text != NULL && json_string_length(text) == 0) {
        json_decref(text);
        return true;
    }
    return openai_event(
        f->to,
        with_logprobs(f, json_pack("{s:s, s:o}", "type", "transcript.text.delta", "delta", text),
                      segments));
}

static bool send_segments(follower *f, const modellab_transcript *whole)
{
    json_t *diarized = NULL, *segment;
    modellab_error err = MODELLAB_ERROR_INIT;
    bool good = true;
    size_t i;
    if (f->wish.format != OPENAI_DIARIZED_JSON)
        return true;
    if (openai_diarized(whole, &diarized, &err) != MODELLAB_OK) {
        good = openai_event(f->to, openai_error_json(500, NULL, "no_speakers", err.message));
        return good;
    }
    json_array_foreach(json_object_get(diarized, "segments"), i, segment) good =
        good && openai_event(f->to, json_incref(segment));
    json_decref(diarized);
    return good;
}

static json_t *usage_of(const modellab_transcript *whole)
{
    modellab_transcript_info info = {.size = sizeof info};
    modellab_segment s = {.size = sizeof s};
    json_int_t made = 0, heard = 0;
    if (modellab_transcript_get_info(whole, &info, NULL) == MODELLAB_OK)
        heard = (json_int_t)(info.duration * TOKENS_A_SECOND + 0.5);
    for (int64_t i = 0; modellab_transcript_segment_at(whole, i, &s, NULL) == MODELLAB_OK; i++)
        made += s.token_count;
    return json_pack("{s:s, s:I, s:I, s:I, s:{s:I, s:i}}", "type", "tokens", "input_tokens", heard,
                     "output_tokens", made, "total_tokens", heard + made, "input_token_details",
                     "audio_tokens", heard, "text_tokens", 0);
}

/* The run has ended: what is whole. */
static void finish(follower *f, const modellab_run *run)
{
    modellab_transcript *whole = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_info info = {.size = sizeof info};
    int http = 500;
    modellab_status status = modellab_run_get_info(run, &info, &err);
    if (status == MODELLAB_OK && info.status != MODELLAB_RUN_COMPLETED) {
        fail(f, openai_run_error(&info, &http));
        return;
    }
    if (status == MODELLAB_OK)
        status = openai_transcript(f->lab, run, &whole, &err);
    if (status != MODELLAB_OK) {
        fail(f, openai_error_json(http, NULL, "internal", err.message));
        return;
    }
    bool good = send_segments(f, whole);
    if (good)
        good = openai_event(
            f->to,
            with_logprobs(f,
                          json_pack("{s:s, s:s, s:o}", "type", "transcript.text.done", "text",
                                    modellab_transcript_text(whole), "usage", usage_of(whole)),
                          whole));
    if (!good)
        modellab_logger_write(f->log, MODELLAB_LOG_INFO, "openai.client_gone",
                              "the client left before the end");
    modellab_transcript_unref(whole);
    end(f);
}

static void at_end(follower *f)
{
    modellab_run *run = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_load(f->lab, f->run_id, &run, &err) != MODELLAB_OK)
        fail(f, openai_error_json(500, NULL, "internal", err.message));
    else
        finish(f, run);
    modellab_run_unref(run);
}

/* A comment now and then shows both ends that the other is there. */
static bool is_heard(follower *f)
{
    int64_t now = text_now_ms();
    if (stream_is_gone(f->to))
        return false;
    if (now - f->said_ms < COMMENT_MS)
        return true;
    f->said_ms = now;
    return stream_write(f->to, ": still at work\n\n", 17);
}

/* The model that the run works with is known when its first window is there. */
static bool knows_model(follower *f)
{
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    bool good = !f->wish.logprobs || f->model != NULL;
    if (!good && modellab_run_load(f->lab, f->run_id, &run, NULL) == MODELLAB_OK &&
        modellab_run_get_info(run, &info, NULL) == MODELLAB_OK)
        good = opens_model(f, info.model);
    modellab_run_unref(run);
    return good;
}

static void look(void *user)
{
    follower *f = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    for (;;) {
        modellab_transcript *segments = NULL;
        if (!is_heard(f)) {
            give_up(f);
            return;
        }
        modellab_status status = modellab_segment_feed_next(f->feed, 0, NULL, &segments, &err);
        if (status == MODELLAB_E_TIMEOUT)
            break;
        if (status != MODELLAB_OK) {
            fail(f, openai_error_json(500, NULL, "internal", err.message));
            return;
        }
        if (segments == NULL) {
            at_end(f);
            return;
        }
        bool good = knows_model(f) && send_delta(f, segments);
        modellab_transcript_unref(segments);
        if (!good) {
            give_up(f);
            return;
        }
        f->said_ms = text_now_ms();
    }
    if (!job_after(LOOK_MS, look, f))
        give_up(f);
}

void openai_stream_begin(call *c, const char *run_id, const openai_wish *wish)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    follower *f = calloc(1, sizeof *f);
    stream *to = stream_create((size_t)4 << 20);
    modellab_segment_feed *feed = NULL;
    modellab_status status = f != NULL && to != NULL
                                 ? modellab_segment_feed_open(call_lab(c), run_id, &feed, &err)
                                 : MODELLAB_E_NO_MEMORY;
    if (status != MODELLAB_OK) {
        modellab_cancel_outcome outcome = 0;
        free(f);
        stream_unref(to);
        if (modellab_run_cancel(call_lab(c), run_id, &outcome, NULL) != MODELLAB_OK)
            call_note(c, MODELLAB_LOG_WARN, "openai.not_cancelled", "", "run_id", run_id);
        openai_fail(c, status, &err, NULL, NULL);
        return;
    }
    f->to = stream_ref(to);
    f->feed = feed;
    f->lab = modellab_lab_ref(call_lab(c));
    f->log = modellab_logger_ref(call_log(c));
    f->wish = (openai_wish){.format = wish->format, .logprobs = wish->logprobs};
    f->said_ms = text_now_ms();
    (void)snprintf(f->run_id, sizeof f->run_id, "%s", run_id);
    reply_header(c, "Cache-Control", "no-cache");
    reply_header(c, "X-Accel-Buffering", "no");
    reply_stream(c, 200, "text/event-stream", to);
    look(f);
}
